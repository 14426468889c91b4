"""The fake mail server: what it says to a real client, and what it took."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import aiosmtplib
import pytest

from activities.fakes.faults import Fault
from activities.fakes.smtp import FakeSmtp
from tests.channels.posts import DEADLINE, waited_for

MALFORMED = -1
ENDED, SLOW = aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPReadTimeoutError
SAID: dict[Fault, int | type[Exception]] = {
    Fault.RATE_LIMITED: 450,
    Fault.ERROR_BEFORE: 451,
    Fault.ERROR_AFTER: ENDED,
    Fault.HANG_BEFORE: SLOW,
    Fault.HANG_AFTER: SLOW,
    Fault.DRIP: SLOW,
    Fault.RESET_BEFORE: ENDED,
    Fault.RESET_AFTER: ENDED,
    Fault.HALF_JSON: ENDED,
    Fault.HTML: MALFORMED,
    Fault.EMPTY: MALFORMED,
    Fault.WRONG_TYPE: 354,
    Fault.HUGE: MALFORMED,
    Fault.REDIRECT: 551,
    Fault.UNAUTHORISED: 530,
    Fault.UNAVAILABLE: 421,
}


def letter(to: str = "ada@example.com", **headers: str) -> EmailMessage:
    message = EmailMessage()
    all_ = {"From": "care@shop.example", "To": to, "Subject": "Grüße", "Message-ID": "<k-1@shop>"}
    for name, value in (all_ | headers).items():
        message[name] = value
    message.set_content("Good day\n.\n")
    message.add_alternative("<p>Good day</p>", subtype="html")
    return message


async def post(url: str, message: EmailMessage) -> int | type[Exception]:
    """The code of the answer, or what came instead of one."""
    parts = urlsplit(url)
    try:
        refused, _ = await aiosmtplib.send(
            message,
            hostname=parts.hostname,
            port=parts.port,
            username=parts.username,
            password=parts.password,
            start_tls=False,
            timeout=DEADLINE,
        )
    except aiosmtplib.SMTPRecipientsRefused as fault:
        return fault.recipients[0].code
    except aiosmtplib.SMTPResponseException as fault:
        return fault.code
    except aiosmtplib.SMTPException as fault:
        return type(fault)
    assert refused == {}
    return 250


@pytest.mark.parametrize("fault", Fault)
async def test_every_fault(fault: Fault) -> None:
    """What the table in faults.py says; afterwards all is well."""
    fake = FakeSmtp()
    async with fake.serving() as url:
        fake.script.next.append(fault)
        sending = asyncio.create_task(post(url, letter()))
        if SAID[fault] is SLOW:
            begun = (lambda: fake.accepted) if fault.taken else (lambda: fake.requests)
            sending = asyncio.create_task(waited_for(sending, begun))
        assert await sending == SAID[fault]
        assert (len(fake.accepted), fake.requests) == (fault.taken, 1)
        assert await post(url, letter()) == 250


async def test_what_it_took_is_known_as_it_came(tmp_path: Path) -> None:
    """The key is the message's id; the words are the plain part; a restart forgets nothing."""
    fake = FakeSmtp(keep=tmp_path)
    async with fake.serving() as url:
        assert await post(url, letter(Bcc="eve@example.com")) == 250
    first, second = fake.accepted
    assert (first.key, first.subject, first.text) == ("k-1", "Grüße", "Good day\r\n.\r\n")
    assert {first.to, second.to} == {"ada@example.com", "eve@example.com"}
    assert b"\r\n.\r\n" in first.raw
    assert FakeSmtp(keep=tmp_path).accepted == fake.accepted


@pytest.mark.parametrize(
    ("who", "first", "second"),
    [
        ("refused", 550, 550),
        ("toobig", 552, 552),
        ("busy", 450, 250),
        ("broken", 451, 250),
        ("unsure", ENDED, ENDED),
        ("away", 421, 421),
        ("bounced", 250, 250),
    ],
)
async def test_each_outcome_has_an_address(who: str, first: object, second: object) -> None:
    """The same ones as at SendGrid, as far as SMTP has words for it."""
    fake = FakeSmtp()
    async with fake.serving() as url:
        assert await post(url, letter(f"{who}@example.com")) == first
        assert await post(url, letter(f"{who}@example.com")) == second


async def test_an_unverified_sender_is_refused() -> None:
    """By the name of the sender, not of the header."""
    fake = FakeSmtp()
    async with fake.serving() as url:
        assert await post(url, letter(From="unverified@shop.example")) == 553


async def test_a_login_is_asked_for() -> None:
    """Only where it has one."""
    fake = FakeSmtp(login=("care", "secret"))
    async with fake.serving() as url:
        assert url.startswith("smtp://care:secret@127.0.0.1:")
        assert await post(url, letter()) == 250
        assert await post(url.replace("secret", "wrong"), letter()) == 535
        assert await post(url.replace("care:secret@", ""), letter()) == 530
    assert len(fake.accepted) == 1
