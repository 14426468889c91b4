"""`doctor --live`: each provider is asked with our credentials, and harmlessly."""

from __future__ import annotations

from typing import Any

from activities.fakes.faults import Fault, Script
from activities.fakes.salesforce import FakeSalesforce
from activities.fakes.sendgrid import FakeSendGrid
from activities.fakes.smtp import FakeSmtp
from activities.fakes.twilio import FakeTwilio
from activities.fakes.zoom import FakeZoom
from activities.settings import Settings
from starter.health import Check
from starter.live import look_live

SID = "AC" + "0" * 32
ODD = (
    Fault.HTML,
    Fault.HALF_JSON,
    Fault.EMPTY,
    Fault.WRONG_TYPE,
    Fault.HUGE,
    Fault.REDIRECT,
    Fault.RESET_AFTER,
    Fault.UNAVAILABLE,
    Fault.RATE_LIMITED,
)


async def looked(**settings: Any) -> dict[str, Check]:
    found = await look_live(Settings(_env_file=None, from_email="care@example.com", **settings))
    return {one.name: one for one in found}


def by_sendgrid(url: str, key: str = "SG.fake") -> dict[str, Any]:
    return {"email": "sendgrid", "sendgrid_api_base": url, "sendgrid_api_key": key}


def by_twilio(url: str, known: str = "fake") -> dict[str, Any]:
    return {
        "sms": "twilio",
        "twilio_api_base": url,
        "twilio_account_sid": SID,
        "twilio_auth_token": known,
    }


def by_salesforce(url: str) -> dict[str, Any]:
    known = {"salesforce_client_id": "fake", "salesforce_client_secret": "fake"}
    return {"crm": "salesforce", "salesforce_url": url, **known}


def by_zoom(url: str) -> dict[str, Any]:
    known = {"zoom_account_id": "account", "zoom_client_id": "client"}
    where = {"zoom_api_base": url, "zoom_auth_base": url, "zoom_client_secret": "zoom-fake"}
    return {"meetings": "zoom", **known, **where}


async def test_nobody_is_asked_where_nobody_is_set_up() -> None:
    """The outbox and our own CRM need no credentials."""
    assert {one.state for one in (await looked()).values()} == {"ok"}


async def test_good_credentials_are_said_to_be_good() -> None:
    """Of all at once; none of them has been given a message."""
    sendgrid, twilio = FakeSendGrid(), FakeTwilio()
    async with sendgrid.serving() as one, twilio.serving() as two:
        found = await looked(**by_sendgrid(one), **by_twilio(two))
    assert {name: check.state for name, check in found.items()} == {
        "sendgrid live": "ok",
        "twilio live": "ok",
    }
    assert not sendgrid.accepted + twilio.accepted


async def test_bad_credentials_have_a_cure_and_are_not_repeated() -> None:
    """A key that is not good, one that may not send, an account that is closed."""
    sendgrid, twilio = FakeSendGrid(), FakeTwilio()
    async with sendgrid.serving() as one, twilio.serving() as two:
        bad = await looked(**by_sendgrid(one, "SG.hush"), **by_twilio(two, "hush"))
        sendgrid.scopes, twilio.status = ["mail.read"], "suspended"
        less = await looked(**by_sendgrid(one), **by_twilio(two))
    for found in (bad, less):
        assert {check.state for check in found.values()} == {"broken"}
        assert all(check.cure for check in found.values())
        assert "hush" not in str(found)
    assert "(401)" in bad["sendgrid live"].says
    assert "may not send" in less["sendgrid live"].says


async def test_nonsense_and_silence_are_said_to_be_so() -> None:
    """A portal's page, a broken line, nobody there: a line each, and never an error."""
    sendgrid = FakeSendGrid()
    async with sendgrid.serving() as url:
        for fault in ODD:
            sendgrid.look_ups = Script(always=fault)
            (check,) = (await looked(**by_sendgrid(url))).values()
            assert (check.state, "sendgrid" in check.says) == ("broken", True), fault
    (gone,) = (await looked(**by_sendgrid(url))).values()
    assert "does not answer (no_connection)" in gone.says


async def test_salesforce_and_zoom_give_a_token_or_say_why_not() -> None:
    """To an app they know; a bad secret, a missing name and silence have a cure each."""
    known = {"salesforce_client_secret": "hush", "zoom_client_secret": "hush"}
    missing = {"salesforce_client_id": "", "zoom_account_id": ""}
    async with FakeSalesforce().serving() as one, FakeZoom().serving() as two:
        there = by_salesforce(one) | by_zoom(two)
        good = await looked(**there)
        bad, less = await looked(**there | known), await looked(**there | missing)
    away = await looked(**there)
    assert {check.state for check in good.values()} == {"ok"}
    for found, why in ((bad, "unauthorised"), (less, "not_set"), (away, "no_connection")):
        for name, check in found.items():
            assert (check.state, "AFTERCARE_" in check.cure) == ("broken", True), name
            assert f"gives us no token ({why})" in check.says
            assert "hush" not in str(check)


async def test_an_smtp_server_is_greeted() -> None:
    """It lets us in, or says why not; no mail is begun."""
    server = FakeSmtp()
    async with server.serving() as url:
        (good,) = (await looked(email="smtp", smtp_url=url)).values()
    (away,) = (await looked(email="smtp", smtp_url=url)).values()
    assert (good.state, away.state) == ("ok", "broken")
    assert "no_connection" in away.says
    assert not server.accepted


async def test_the_public_address_leads_to_us_or_not() -> None:
    """Where customers' links lead, and providers post."""
    (found,) = (await looked(public_url="https://localhost:1")).values()
    assert (found.name, found.state) == ("public address", "broken")
    assert "AFTERCARE_PUBLIC_URL" in found.cure
