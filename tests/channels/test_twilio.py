"""Twilio: the request as it is built, what its codes mean, and how its list finds a message."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from activities.channels import Accepted, UnknownOutcomeError
from activities.channels.twilio import TRIAL
from activities.fakes.faults import Fault
from activities.fakes.twilio import FakeTwilio
from tests.channels.posts import SMS, found, post, said, twilio, waited_for
from tests.channels.test_faults import ENDLESS
from tests.channels.test_http import answering, answers

HOUR = timedelta(hours=1)
SERVICE = "MG" + "0" * 32


def since() -> datetime:
    return datetime.now(UTC)


async def test_the_request_says_what_it_must() -> None:
    """To one number, from ours, dropped when it is late, its words left as they are."""
    async with post("twilio") as ours:
        outcome = await ours.channel.send(SMS)
        (taken,) = ours.fake.accepted
    assert outcome == Accepted(taken.id)
    assert parse_qs(taken.raw.decode()) == {
        "To": [SMS.to],
        "From": ["+15005550006"],
        "Body": [SMS.text],
        "ValidityPeriod": ["3600"],
        "SmartEncoded": ["false"],
    }


async def test_a_service_comes_before_a_number_and_is_told_where_to_report() -> None:
    """The message's own id goes along in the address, if that is one Twilio would call."""
    more: dict[str, Any] = {
        "messaging_service_sid": SERVICE,
        "public_url": "https://shop.example.com/",
    }
    async with post("twilio", **more) as ours:
        assert await ours.send() == "accepted"
        sent = parse_qs(ours.fake.accepted[0].raw.decode())
    assert sent["MessagingServiceSid"] == [SERVICE]
    assert "From" not in sent
    back = f"https://shop.example.com/hooks/twilio/status?t={SMS.reference}#rc=5&rp=all"
    assert sent["StatusCallback"] == [back]
    async with post("twilio", public_url="http://shop.example.com") as ours:
        assert await ours.send() == "accepted"
        assert b"StatusCallback" not in ours.fake.accepted[0].raw


async def test_the_environment_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twilio's own variables would send our words to another host."""
    for name, value in {"REGION": "ie1", "EDGE": "dublin", "AUTH_TOKEN": "x"}.items():
        monkeypatch.setenv(f"TWILIO_{name}", value)
    async with post("twilio") as ours:
        assert await ours.send() == "accepted"


@pytest.mark.parametrize(
    ("to", "outcome"),
    [
        ("+15005550001", "address no_such_number"),
        ("+15005550002", "address unroutable"),
        ("+15005550003", "message region_not_enabled"),
        ("+15005550004", "opted_out stopped"),
        ("+15005550009", "address landline"),
        ("not a number", "address no_such_number"),
        ("+447700900123,+447700900124", "address no_such_number"),
        ("whatsapp:+447700900123", "address no_such_number"),
        ("+4٤7700900123", "address no_such_number"),
        ("", "address no_such_number"),
    ],
)
async def test_a_number_has_its_reason(to: str, outcome: str) -> None:
    """By Twilio's own test numbers; what is no number never gets there."""
    async with post("twilio") as ours:
        assert await ours.send(to=to) == outcome
        assert ours.fake.accepted == []


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        (21610, 400, "opted_out stopped"),
        (21608, 400, "account trial_account"),
        (21606, 400, "account wrong_sender"),
        (21617, 400, "message too_long"),
        (21611, 400, "busy busy"),
        (20429, 429, "busy rate_limited"),
        (20003, 401, "account unauthorised"),
        (20404, 404, "account not_found"),
        (99999, 400, "message refused"),
        (99999, 403, "account forbidden"),
        ("21610", 400, "message refused"),
        (None, 307, "away redirected"),
        (None, 304, "unknown"),
        (None, 408, "unknown"),
        (20500, 500, "unknown"),
        (21610, 500, "unknown"),
        (21610, 200, "unknown"),
    ],
)
async def test_each_code_says_something(code: Any, status: int, outcome: str) -> None:
    """In its old form of an error, and in the new one (RFC 9457)."""
    old = {"code": code, "message": "+447700900123 is …", "status": status}
    new = {**old, "type": "https://twilio.com/x", "title": "No", "detail": "+447700900123"}
    for error in (old, new):
        content = json.dumps(error).encode()
        head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        async with answering(answers(head if status == 304 else head + content)) as where:
            assert await said(twilio(f"http://{where}"), SMS) == outcome


async def test_our_account_is_our_matter() -> None:
    """No customer fails because of our token or our number."""
    async with FakeTwilio().serving() as url:
        assert await said(twilio(url, auth_token="x"), SMS) == "account unauthorised"
        assert await said(twilio(url, from_number="+15005550007"), SMS) == "account wrong_sender"
        assert await said(twilio(url, from_number="+15005550008"), SMS) == "busy busy"


# -- the list ------------------------------------------------------------------------------------


async def test_the_list_finds_the_same_words_to_the_same_number() -> None:
    """Not other words, not another number, not of another time."""
    async with post("twilio") as ours:
        assert await ours.channel.look_up(SMS, since()) == ()
        outcome = await ours.channel.send(SMS)
        assert await ours.send(text="Other words") == "accepted"
        assert await ours.send(to="+447700900999") == "accepted"
        assert isinstance(outcome, Accepted)
        assert await ours.channel.look_up(SMS, since()) == (outcome.provider_id,)
        ours.fake.script.next.append(Fault.ERROR_AFTER)
        assert await ours.send() == "unknown"
        assert len(await found(ours, SMS, since())) == 2
        assert await ours.channel.look_up(SMS, since() + HOUR) == ()


async def test_a_trial_account_says_so_before_our_words() -> None:
    """They are ours all the same."""
    async with post("twilio") as ours:
        assert await ours.send(text=TRIAL + SMS.text) == "accepted"
        assert len(await found(ours, SMS, since())) == 1


async def test_the_list_has_pages() -> None:
    """The one that is sought may stand on the third."""
    async with post("twilio", fake=FakeTwilio()) as ours:
        assert await ours.send() == "accepted"
        (first,) = ours.fake.accepted
        others = [replace(first, id=f"SM{n:032x}", text=f"Other words {n}") for n in range(250)]
        ours.fake.book.take(*others)
        assert await ours.channel.look_up(SMS, since()) == (first.id,)
        assert isinstance(ours.fake, FakeTwilio)
        assert ours.fake.looked_up == 3
        long_ago = since() - timedelta(days=400)
        ours.fake.book.all[:0] = [replace(first, at=long_ago) for _ in range(1000)]
        assert await ours.channel.look_up(SMS, since()) == (first.id,)


async def test_a_list_without_end_is_not_read_to_it() -> None:
    """Then nobody knows, rather than nobody has it."""
    async with post("twilio") as ours:
        assert await ours.send() == "accepted"
        (first,) = ours.fake.accepted
        ours.fake.book.take(*[replace(first, text=f"{n}") for n in range(1001)])
        with pytest.raises(UnknownOutcomeError):
            await ours.channel.look_up(SMS, since())


async def test_the_list_takes_its_time() -> None:
    """What it does not show yet it does not find: hence the quarantine, and a second look."""
    async with post("twilio", fake=FakeTwilio(lag=HOUR)) as ours:
        assert await ours.send() == "accepted"
        assert await ours.channel.look_up(SMS, since()) == ()


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_list_that_does_not_answer_says_nothing(fault: Fault) -> None:
    """Not even that it found nothing."""
    async with post("twilio") as ours:
        assert await ours.send() == "accepted"
        assert isinstance(ours.fake, FakeTwilio)
        fake = ours.fake
        fake.look_ups.always = fault
        looking = ours.channel.look_up(SMS, since())
        with pytest.raises(UnknownOutcomeError):
            await (waited_for(looking, lambda: fake.looked_up) if fault in ENDLESS else looking)
