"""Which provider carries what, and what is missing before one can."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

import worker
from activities.channels import Accepted
from activities.channels.wiring import IncompleteError, channels_for, missing
from activities.crm.store import Store
from activities.fakes.twilio import FakeTwilio
from activities.settings import Settings
from tests.channels.posts import SMS
from tests.factories import FakeClock

SENDGRID = {"email": "sendgrid", "sendgrid_api_key": "SG.x", "from_email": "a@shop.example.com"}
SMTP = {"email": "smtp", "smtp_url": "smtp://h", "from_email": "a@shop.example.com"}
TWILIO = {
    "sms": "twilio",
    "twilio_account_sid": "AC1",
    "twilio_auth_token": "x",
    "twilio_from": "+15005550006",
}


def settings(**fields: Any) -> Settings:
    return Settings(**{"_env_file": None, "public_url": "https://shop.example.com"} | fields)


@pytest.mark.parametrize(
    ("fields", "providers"),
    [
        ({}, "outbox outbox outbox desk"),
        (SENDGRID, "sendgrid outbox desk desk"),
        (SMTP, "smtp outbox desk desk"),
        (TWILIO, "outbox twilio desk desk"),
        (SENDGRID | TWILIO, "sendgrid twilio desk desk"),
    ],
)
async def test_the_settings_choose(fields: dict[str, Any], providers: str) -> None:
    """Each channel has one, and stands under its own name."""
    store = Store("sqlite+aiosqlite://")
    made = channels_for(settings(**fields), store, FakeClock())
    assert list(made) == ["email", "sms", "letter", "call"]
    assert all(name == channel.name for name, channel in made.items())
    assert [channel.provider for channel in made.values()] == providers.split()
    for channel in made.values():
        await channel.close()
    await store.close()


async def test_an_sms_names_the_door_for_what_becomes_of_it() -> None:
    """Nothing is to be set up at Twilio where customers reach us by https."""
    store, fake = Store("sqlite+aiosqlite://"), FakeTwilio()
    ours = TWILIO | {"twilio_account_sid": fake.account_sid, "twilio_auth_token": fake.auth_token}
    async with fake.serving() as base:
        sms = channels_for(settings(**ours, twilio_api_base=base), store, FakeClock())["sms"]
        assert isinstance(await sms.send(SMS), Accepted)
    said = parse_qs(fake.accepted[0].raw.decode())["StatusCallback"]
    back = f"https://shop.example.com/hooks/twilio/status?t={SMS.reference}"
    assert [one.partition("#")[0] for one in said] == [back]
    await store.close()


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, []),
        (SENDGRID | TWILIO, []),
        (SENDGRID | {"public_url": "http://127.0.0.1:8000"}, ["AFTERCARE_PUBLIC_URL"]),
        ({"public_url": "http://127.0.0.1:8000"}, []),  # nobody real reads those links
        (SENDGRID | {"from_email": ""}, ["AFTERCARE_FROM_EMAIL"]),
        (SENDGRID | {"from_email": "Shop"}, ["AFTERCARE_FROM_EMAIL"]),
        (SENDGRID | {"from_email": "a@b.example, c@d.example"}, ["AFTERCARE_FROM_EMAIL"]),
        (SENDGRID | {"sendgrid_api_key": " "}, ["SENDGRID_API_KEY"]),
        (SENDGRID | {"sendgrid_api_base": "http://api.sendgrid.com"}, ["SENDGRID_API_BASE"]),
        (SENDGRID | {"sendgrid_api_base": "http://127.0.0.1:1"}, []),
        (SMTP | {"smtp_url": ""}, ["AFTERCARE_SMTP_URL"]),
        (SMTP | {"smtp_url": "mail.example.com"}, ["AFTERCARE_SMTP_URL"]),
        (TWILIO | {"twilio_account_sid": ""}, ["TWILIO_ACCOUNT_SID"]),
        (TWILIO | {"twilio_auth_token": ""}, ["TWILIO_AUTH_TOKEN"]),
        (TWILIO | {"twilio_from": ""}, ["TWILIO_MESSAGING_SERVICE_SID or TWILIO_FROM"]),
        (TWILIO | {"twilio_from": "", "twilio_messaging_service_sid": "MG1"}, []),
        (TWILIO | {"twilio_api_base": "api.twilio.com"}, ["TWILIO_API_BASE"]),
        (
            {"email": "smtp", "sms": "twilio"},
            [
                "AFTERCARE_FROM_EMAIL",
                "AFTERCARE_SMTP_URL",
                "TWILIO_ACCOUNT_SID",
                "TWILIO_AUTH_TOKEN",
                "TWILIO_MESSAGING_SERVICE_SID or TWILIO_FROM",
            ],
        ),
    ],
)
async def test_what_is_missing_is_named(fields: dict[str, Any], names: list[str]) -> None:
    """By its variable, in a sentence; and without it nothing is built."""
    given = settings(**fields)
    lacks = missing(given)
    assert [line.partition(" is ")[0].partition(" must ")[0] for line in lacks] == names
    if names:
        store = Store("sqlite+aiosqlite://")
        with pytest.raises(IncompleteError):
            channels_for(given, store, FakeClock())
        await store.close()


async def test_the_worker_waits_until_nothing_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which variable, and nothing of what the others hold."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AFTERCARE_DATA", str(tmp_path))
    monkeypatch.setenv("AFTERCARE_EMAIL", "smtp")
    monkeypatch.setenv("AFTERCARE_FROM_EMAIL", "a@shop.example.com")
    monkeypatch.setenv("AFTERCARE_PUBLIC_URL", "https://shop.example.com")
    monkeypatch.setenv("AFTERCARE_SMTP_URL", "mail://me:canary@h")
    with pytest.raises(worker.NotReadyError, match="AFTERCARE_SMTP_URL") as caught:
        await worker._settings()
    assert "canary" not in str(caught.value)
    monkeypatch.setenv("AFTERCARE_SMTP_URL", "smtp://me:canary@h")
    assert (await worker._settings()).email == "smtp"
