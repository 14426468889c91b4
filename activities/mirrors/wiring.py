"""Which systems outside are to have rows of ours, as the settings say."""

from __future__ import annotations

from collections.abc import Iterator

from activities.clock import Clock
from activities.crm.store import Store
from activities.mirrors import Target
from activities.settings import Settings


def targets_for(settings: Settings, store: Store, clock: Clock) -> list[Target]:
    """Who is told; nobody, unless a setting names them."""
    return list(_targets(settings, store, clock))


def _targets(settings: Settings, store: Store, clock: Clock) -> Iterator[Target]:
    if settings.crm == "salesforce":
        from activities.mirrors.salesforce import Salesforce  # noqa: PLC0415 - for who needs it

        yield Salesforce(store, clock, settings)
