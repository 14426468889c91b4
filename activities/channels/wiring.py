"""Which channel is carried by whom, as the settings say."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from activities.channels import Channel
from activities.channels.desk import DeskChannel
from activities.channels.mail import mailbox
from activities.channels.outbox import OutboxChannel
from activities.clock import Clock
from activities.crm.store import Store
from activities.settings import Settings
from activities.systems import LOOPBACK

OUTBOX = "outbox"


class IncompleteError(Exception):
    """A chosen provider lacks a setting; the text names the variable, and nothing secret."""


def channels_for(settings: Settings, store: Store, clock: Clock) -> dict[str, Channel]:
    """How each channel sends. Who writes to nobody posts no letters either: the outbox has them.

    Raises `IncompleteError` if a chosen provider lacks something.
    """
    if lacks := missing(settings):
        raise IncompleteError("; ".join(lacks))
    writes = settings.email != OUTBOX or settings.sms != OUTBOX
    return {
        "email": _email(settings, store, clock),
        "sms": _sms(settings, store, clock),
        "letter": (DeskChannel if writes else OutboxChannel)(store, clock, "letter"),
        "call": DeskChannel(store, clock, "call"),
    }


def missing(settings: Settings) -> list[str]:
    """What the chosen providers still need, one sentence each, which names the variable."""
    lacks = [*_missing_for_email(settings), *_missing_for_sms(settings)]
    if settings.real_providers and not settings.public_url.startswith("https://"):
        lacks.append(
            "AFTERCARE_PUBLIC_URL must begin with https://: the links in messages lead there"
        )
    return lacks


def _email(settings: Settings, store: Store, clock: Clock) -> Channel:
    match settings.email:
        case "sendgrid":
            from activities.channels.sendgrid import SendGridChannel  # noqa: PLC0415 - as below

            return SendGridChannel(
                clock,
                api_key=settings.sendgrid_api_key.get_secret_value(),
                base=settings.sendgrid_api_base,
                from_email=settings.from_email,
            )
        case "smtp":
            from activities.channels.smtp import Server, SmtpChannel  # noqa: PLC0415 - as below

            server = Server.of(settings.smtp_url.get_secret_value())
            return SmtpChannel(clock, server=server, from_email=settings.from_email)
    return OutboxChannel(store, clock, "email")


def _sms(settings: Settings, store: Store, clock: Clock) -> Channel:
    if settings.sms != "twilio":
        return OutboxChannel(store, clock, "sms")
    from activities.channels.twilio import TwilioChannel  # noqa: PLC0415 - 24 MB, for who needs it

    return TwilioChannel(
        clock,
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        base=settings.twilio_api_base,
        messaging_service_sid=settings.twilio_messaging_service_sid,
        from_number=settings.twilio_from,
        public_url=settings.public_url,
    )


def _missing_for_email(settings: Settings) -> Iterator[str]:
    if settings.email == OUTBOX:
        return
    why = f"AFTERCARE_EMAIL={settings.email} needs it"
    sender = mailbox(settings.from_email)
    if not settings.from_email:
        yield f"AFTERCARE_FROM_EMAIL is not set: {why}"
    elif sender is None or sender.plain is None:
        yield "AFTERCARE_FROM_EMAIL is not an e-mail address: write it as hello@example.com"
    if settings.email == "sendgrid":
        if not settings.sendgrid_api_key.get_secret_value().strip():
            yield f"SENDGRID_API_KEY is not set: {why}"
        yield from _fit("SENDGRID_API_BASE", settings.sendgrid_api_base)
        return
    from activities.channels.smtp import Server  # noqa: PLC0415 - as above

    url = settings.smtp_url.get_secret_value()
    try:
        Server.of(url)
    except ValueError:
        form = "smtp://user:password@host:587 (what is special in it as %XX)"
        yield f"AFTERCARE_SMTP_URL is not {'of the form ' + form if url else 'set: ' + why}"


def _missing_for_sms(settings: Settings) -> Iterator[str]:
    if settings.sms == OUTBOX:
        return
    why = f"AFTERCARE_SMS={settings.sms} needs it"
    if not settings.twilio_account_sid:
        yield f"TWILIO_ACCOUNT_SID is not set: {why}"
    if not settings.twilio_auth_token.get_secret_value().strip():
        yield f"TWILIO_AUTH_TOKEN is not set: {why}"
    if not (settings.twilio_messaging_service_sid or settings.twilio_from):
        yield f"TWILIO_MESSAGING_SERVICE_SID or TWILIO_FROM is not set: {why}"
    yield from _fit("TWILIO_API_BASE", settings.twilio_api_base)


def _fit(variable: str, base: str) -> Iterator[str]:
    """Keys go over closed lines, or to this machine."""
    try:
        parts = urlsplit(base)
        fit = bool(parts.hostname) and (parts.scheme == "https" or parts.hostname in LOOPBACK)
    except ValueError:
        fit = False
    if not fit:
        yield f"{variable} must begin with https:// (http:// only on this machine)"
