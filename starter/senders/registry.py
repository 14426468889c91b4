"""Every sender that has a door of ours, by its address below `/hooks/`."""

from __future__ import annotations

from starter.senders import Sender
from starter.senders.standard import StandardWebhooks

SENDERS: dict[str, Sender] = {sender.path: sender for sender in (StandardWebhooks(),)}
