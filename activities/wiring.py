"""The activities with what they need, ready for a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from activities.channels import Channel
from activities.clerk import CrmClerk
from activities.clock import Clock
from activities.crm.store import Store
from activities.insight import CrmInsight
from activities.messaging import GatedMessaging
from activities.records import CrmRecords
from activities.settings import Settings


def verbs(
    store: Store, clock: Clock, settings: Settings, channels: Mapping[str, Channel]
) -> list[Callable[..., Any]]:
    """Every activity a workflow may ask for."""
    messaging = GatedMessaging(store, clock, settings, channels)
    records = CrmRecords(store, clock, settings, channels)
    clerk, insight = CrmClerk(store, clock), CrmInsight(store, clock)
    return [
        messaging.send,
        messaging.anything_left,
        records.hand_over,
        records.withdraw,
        records.note,
        records.open_case,
        records.settle_case,
        records.reopen_case,
        records.set_up,
        records.open_hold,
        records.keep_in_touch,
        records.close,
        clerk.plan,
        clerk.mark,
        clerk.business_days,
        clerk.ladder,
        clerk.missing,
        clerk.current_policy,
        insight.engagement,
        insight.potential,
        insight.last_touch,
    ]
