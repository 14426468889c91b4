"""Any other system, by Standard Webhooks: our own events, signed, at `/hooks/generic`.

https://github.com/standard-webhooks/standard-webhooks
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from activities.crm.inbox import DELIVERY
from activities.settings import Settings
from starter.answers import Refusal
from starter.intake.events import read_event
from starter.senders import Delivery, Reader, Reading, Readings, Reply, UnreadableError

TOLERANCE = timedelta(minutes=5)
ID, AT, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
BATCH = 100


class StandardWebhooks:
    name = "generic"
    path = "generic"
    variable = "AFTERCARE_GENERIC_SECRET"
    headers: Sequence[str] = (ID, AT)
    most = 1_000_000
    thanks = Reply()

    def is_set_up(self, settings: Settings) -> bool:
        return _signer(settings) is not None

    def greets(self, delivery: Delivery, settings: Settings) -> Reply | None:
        return None

    def is_genuine(self, delivery: Delivery, settings: Settings, real: datetime) -> bool:
        """By `v1` signatures, of which there may be several while a secret is changed."""
        id_, at, said = (delivery.headers.get(name, "") for name in (ID, AT, SIGNATURE))
        if not id_ or not at.isdecimal() or len(at) > 12:
            return False
        if abs(real.timestamp() - int(at)) > TOLERANCE.total_seconds():
            return False
        if (signer := _signer(settings)) is None:
            return False
        try:
            right = signer.sign(id_, datetime.fromtimestamp(int(at), UTC), delivery.body.decode())
        except (ValueError, OSError):  # a body or a moment that cannot be one
            return False
        signatures = (one for one in said.split(" ") if one.startswith("v1,"))
        return any(hmac.compare_digest(one.encode(), right.encode()) for one in signatures)

    def key(self, delivery: Delivery) -> str:
        """Apart from its events' ids: who sends one at a time may give both the same."""
        id_ = delivery.headers.get(ID, "")
        return f"{DELIVERY}{id_}" if id_ else ""

    async def read(self, delivery: Delivery, reader: Reader) -> Readings:
        """One event as `POST /v1/events` takes it, or `{"events": [...]}`."""
        try:
            said: Any = json.loads(delivery.body)
        except (ValueError, RecursionError):
            raise UnreadableError("bad_json") from None
        events = said.get("events", [said]) if isinstance(said, dict) else None
        if not isinstance(events, list) or not 0 < len(events) <= BATCH:
            raise UnreadableError("invalid")
        if not all(isinstance(one, dict) for one in events):
            raise UnreadableError("invalid")
        found, failed = [], []
        own = delivery.called(self.key(delivery))
        for number, one in enumerate(events):
            # An event has its sender's own id, which it keeps however often it is delivered.
            named = one if one.get("id") else one | {"id": f"{own}/{number}"}
            try:
                read_event(named)
            except Refusal as refusal:
                failed.append(": ".join(filter(None, (refusal.code, refusal.param))))
            else:
                found.append(Reading(named))
        return Readings(found, failed=failed)


def _signer(settings: Settings) -> Webhook | None:
    """None: no secret is set, or one that is empty once it is decoded, which anybody has."""
    try:
        return Webhook(settings.generic_secret.get_secret_value())
    except (ValueError, EmptyWebhookSecretError):
        return None
