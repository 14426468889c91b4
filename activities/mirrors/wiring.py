"""Which systems outside are to have rows of ours, as the settings say."""

from __future__ import annotations

from collections.abc import Iterator

from activities.clock import Clock
from activities.crm.store import Store
from activities.mirrors import Target, is_fit
from activities.settings import Settings


def targets_for(settings: Settings, store: Store, clock: Clock) -> list[Target]:
    """Who is told; nobody, unless a setting names them."""
    return list(_targets(settings, store, clock))


def _targets(settings: Settings, store: Store, clock: Clock) -> Iterator[Target]:
    if settings.crm == "salesforce":
        from activities.mirrors.salesforce import Salesforce  # noqa: PLC0415 - for who needs it

        yield Salesforce(store, clock, settings)
    if settings.meetings == "zoom":
        from activities.mirrors.zoom import Zoom  # noqa: PLC0415 - as above

        yield Zoom(store, clock, settings)


def missing(settings: Settings) -> list[str]:
    """What those still need, one sentence each, which names the variable."""
    return list(_missing(settings))


def _missing(settings: Settings) -> Iterator[str]:
    if settings.crm == "salesforce":
        why = "AFTERCARE_CRM=salesforce needs it"
        if not is_fit(settings.salesforce_url):
            yield f"AFTERCARE_SALESFORCE_URL is not your My Domain, https://…: {why}"
        if not settings.salesforce_client_id:
            yield f"AFTERCARE_SALESFORCE_CLIENT_ID is not set: {why}"
        if not settings.salesforce_client_secret.get_secret_value():
            yield f"AFTERCARE_SALESFORCE_CLIENT_SECRET is not set: {why}"
