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
    yield from (*_missing_for_zoom(settings), *_missing_for_surveys(settings))
    if settings.crm == "salesforce":
        why = "AFTERCARE_CRM=salesforce needs it"
        if not is_fit(settings.salesforce_url):
            yield f"AFTERCARE_SALESFORCE_URL is not your My Domain, https://…: {why}"
        if not settings.salesforce_client_id:
            yield f"AFTERCARE_SALESFORCE_CLIENT_ID is not set: {why}"
        if not settings.salesforce_client_secret.get_secret_value():
            yield f"AFTERCARE_SALESFORCE_CLIENT_SECRET is not set: {why}"


def _missing_for_zoom(settings: Settings) -> Iterator[str]:
    if settings.meetings != "zoom":
        return
    why = "AFTERCARE_MEETINGS=zoom needs it"
    said = {
        "AFTERCARE_ZOOM_ACCOUNT_ID": settings.zoom_account_id,
        "AFTERCARE_ZOOM_CLIENT_ID": settings.zoom_client_id,
        "AFTERCARE_ZOOM_CLIENT_SECRET": settings.zoom_client_secret.get_secret_value(),
        "AFTERCARE_ZOOM_SECRET": settings.zoom_secret.get_secret_value(),
    }
    yield from (f"{name} is not set: {why}" for name, value in said.items() if not value)
    bases = {
        "AFTERCARE_ZOOM_API_BASE": settings.zoom_api_base,
        "AFTERCARE_ZOOM_AUTH_BASE": settings.zoom_auth_base,
    }
    odd = (name for name, base in bases.items() if not is_fit(base))
    yield from (f"{name} must begin with https://: {why}" for name in odd)


def _missing_for_surveys(settings: Settings) -> Iterator[str]:
    """Nobody is told of ours there; without these, customers come to our own form."""
    if settings.surveys != "surveymonkey":
        return
    why = "AFTERCARE_SURVEYS=surveymonkey needs it"
    said = {
        "AFTERCARE_SURVEYMONKEY_LINK": settings.surveymonkey_link,
        "AFTERCARE_SURVEYMONKEY_TOKEN": settings.surveymonkey_token.get_secret_value(),
        "AFTERCARE_SURVEYMONKEY_SECRET": settings.surveymonkey_secret.get_secret_value(),
    }
    yield from (f"{name} is not set: {why}" for name, value in said.items() if not value)
    if not is_fit(settings.surveymonkey_api_base):
        yield f"AFTERCARE_SURVEYMONKEY_API_BASE must begin with https://: {why}"
