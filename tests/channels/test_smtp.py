"""SMTP: the mail as it is built, what an answer means in its phase, and whom we talk to openly."""

from __future__ import annotations

import asyncio
import email
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest

from activities.channels import Accepted, Rejected
from activities.channels.smtp import Server, letter
from activities.fakes.smtp import FakeSmtp
from tests.channels.posts import LEAVE, MAIL, SENDER, closes, left_open, post, said, smtp
from tests.channels.test_http import Talk, answering
from tests.factories import NOON


def read(raw: bytes) -> EmailMessage:
    """As a mail program reads it."""
    found = email.message_from_string(raw.decode(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


async def test_the_mail_is_for_one_and_carries_our_id() -> None:
    """Whoever gets it twice can drop one; both parts say the same; one click leaves."""
    async with post("smtp") as ours:
        outcome = await ours.channel.send(MAIL)
        (taken,) = ours.fake.accepted
    mail = read(taken.raw)
    assert outcome == Accepted(f"<{MAIL.reference}@shop.example.com>")
    assert mail["Message-ID"] == outcome.provider_id
    assert (mail["To"], taken.to) == ("ada@example.com", "ada@example.com")
    assert mail["From"] == "Shop Ltd <hello@shop.example.com>"
    assert mail["Reply-To"] == MAIL.reply_to
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == LEAVE
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Date"].datetime.tzinfo is not None
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().splitlines() == MAIL.text.splitlines()
    assert html.get_content().strip() == MAIL.html
    assert max(map(len, taken.raw.splitlines())) <= 998
    assert taken.raw.isascii()


async def test_the_way_out_is_no_riddle() -> None:
    """However long the address: mail programs look for `<https://…>`, not for encoded words."""
    leave = f"https://shop.example.com/u/{'a' * 27}.{'b' * 24}"
    async with post("smtp") as ours:
        assert await ours.send(unsubscribe=leave, reply_to="hi@example.com") == "accepted"
        assert await ours.send(unsubscribe=leave, reply_to="", to="ädä@example.com") == "accepted"
        for taken in ours.fake.accepted:
            assert f"List-Unsubscribe: <{leave}>" in taken.raw.decode().splitlines()


async def test_nobody_can_be_asked_afterwards() -> None:
    """SMTP has no look-up."""
    async with post("smtp") as ours:
        assert await ours.channel.look_up(MAIL, NOON) is None


def test_a_trial_has_an_id_too() -> None:
    """Two of them are two."""
    made = [letter(replace(MAIL, reference="", key=key), SENDER, NOON) for key in ("a", "b")]
    ids = {str(one["Message-ID"]) for one in made if isinstance(one, EmailMessage)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"to": "refused@example.com"}, "address no_such_address"),
        ({"to": "toobig@example.com"}, "message too_large"),
        ({"to": "not an address"}, "address no_such_address"),
        ({"to": "ada@example.com, eve@example.com"}, "address no_such_address"),
        ({"to": "ädä@example.com"}, "accepted"),
        ({"to": "ada@bücher.example"}, "accepted"),
    ],
)
async def test_an_address_has_its_outcome(fields: dict[str, Any], outcome: str) -> None:
    """With letters that only a server of the new kind (RFC 6531) can read, too."""
    async with post("smtp") as ours:
        assert await ours.send(**fields) == outcome
        if outcome == "accepted":
            (taken,) = ours.fake.accepted
            assert read(taken.raw)["To"].addresses[0].addr_spec == taken.to


async def test_our_account_is_our_matter() -> None:
    """No customer fails because of our password or our sender."""
    fake = FakeSmtp(login=("me@shop.example.com", "p:a/s@s"))
    async with fake.serving() as url:
        where = url.rpartition("@")[2]
        right = f"smtp://me%40shop.example.com:p%3Aa%2Fs%40s@{where}"
        assert await said(smtp(right), MAIL) == "accepted"
        assert await said(smtp(f"smtp://me:wrong@{where}"), MAIL) == "account unauthorised"
        assert await said(smtp(f"smtp://{where}"), MAIL) == "account unauthorised"
    async with FakeSmtp().serving() as url:
        unverified = smtp(url, from_email="unverified@shop.example.com")
        assert await said(unverified, MAIL) == "account wrong_sender"
        assert await said(smtp(url, from_email="The Shop"), MAIL) == "account wrong_sender"


async def test_nothing_goes_over_an_open_line_to_another_machine() -> None:
    """Not even the name of who is written to: a server that knows no STARTTLS hears none of it."""
    async with FakeSmtp().serving() as url:
        elsewhere = smtp(url.replace("127.0.0.1", "127.1"))  # by a name that is not this machine's
        assert await said(elsewhere, MAIL) == "away bad_tls"


# -- the dialogue --------------------------------------------------------------------------------

FINE = {"GREETING": "220 ok", "EHLO": "250 ok", "MAIL": "250 ok", "RCPT": "250 ok"} | {
    "DATA": "354 go on",
    ".": "250 taken",
    "QUIT": "221 bye",
    "AUTH": "235 ok",
}


@pytest.mark.parametrize(
    ("phase", "answer", "outcome"),
    [
        ("GREETING", "421 busy", "busy busy"),
        ("GREETING", "554 go away", "account forbidden"),
        ("GREETING", "SSH-2.0", "away no_connection"),
        ("EHLO", "421 4.3.2 shutting down", "busy busy"),
        ("MAIL", "451 4.3.0 later", "busy busy"),
        ("MAIL", "452 4.7.28 rate", "busy rate_limited"),
        ("MAIL", "550 5.7.1 not yours", "account wrong_sender"),
        ("MAIL", "552 5.3.4 too big", "message too_large"),
        ("RCPT", "450 4.2.0 greylisted", "later not_now"),
        ("RCPT", "550 no such user", "address no_such_address"),
        ("RCPT", "550 5.1.1 no such user", "address no_such_address"),
        ("RCPT", "550 5.2.1 closed", "address no_such_address"),
        ("RCPT", "552 5.2.2 mailbox full", "message refused"),
        ("RCPT", "550 5.7.1 members only", "message refused"),
        ("RCPT", "554 5.7.1 Relay access denied", "account forbidden"),
        ("RCPT", "550 relay not permitted", "account forbidden"),
        ("RCPT", "550 5.7.54 Unable to relay recipient", "account forbidden"),
        ("RCPT", "550 5.1.1 User unknown in relay recipient table", "address no_such_address"),
        ("RCPT", "550 5.1.1 <x@privaterelay.example>: unknown", "address no_such_address"),
        ("RCPT", "530 5.7.0 log in first", "account unauthorised"),
        ("RCPT", "199 well", "away no_connection"),
        ("DATA", "451 later", "later not_now"),
        ("DATA", "421 later", "busy busy"),
        ("DATA", "554 no", "message refused"),
        ("DATA", "", "unknown"),
        (".", "451 later", "later not_now"),
        (".", "452 4.2.2 mailbox full", "later not_now"),
        (".", "452 4.3.1 disk full", "busy busy"),
        (".", "450 4.7.1 too many", "busy rate_limited"),
        (".", "550 5.7.1 looks like spam", "message refused"),
        (".", "552 5.3.4 too big", "message too_large"),
        (".", "354 go on", "unknown"),
        (".", "", "unknown"),
        ("QUIT", "", "accepted"),
        ("QUIT", "500 what?", "accepted"),
    ],
)
async def test_an_answer_means_something_in_its_phase(
    phase: str, answer: str, outcome: str
) -> None:
    """Until the message is on its way nothing was taken; then only a clear answer counts."""

    before = await left_open()
    async with answering(talking(FINE | {phase: answer})) as where:
        assert await said(smtp(f"smtp://{where}"), MAIL) == outcome
    assert await closes(before)


async def test_a_server_of_the_old_kind_cannot_read_every_address() -> None:
    """That is this address' matter: the others still go."""
    async with answering(talking(FINE)) as where:
        channel = smtp(f"smtp://{where}")
        assert await said(channel, replace(MAIL, to="ädä@example.com")) == "address unroutable"
        assert await said(channel, replace(MAIL, to="ada@bücher.example")) == "accepted"


def talking(script: dict[str, str]) -> Talk:
    """A server that answers each phase by the script, and hangs up where that is empty."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = "GREETING"
        while script[heard]:
            writer.write(f"{script[heard]}\r\n".encode())
            await writer.drain()
            if heard == "QUIT" or not (line := await reader.readline()):
                return
            heard = line.decode().split()[0].upper()
            if script[heard].startswith("354"):
                writer.write(f"{script[heard]}\r\n".encode())
                await reader.readuntil(b"\r\n.\r\n")
                heard = "."

    return talk


async def test_a_message_that_is_given_up_never_arrives_whole() -> None:
    """A server that reads on only when we have gone finds the line cut, not the end."""
    ready, gone, heard = asyncio.Event(), asyncio.Event(), bytearray()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in ("220 ok", "250 ok", "250 ok", "250 ok", "354 go on"):
            writer.write(f"{answer}\r\n".encode())
            if answer != "354 go on":
                await reader.readline()
        ready.set()
        await gone.wait()
        while part := await reader.read(2**20):
            heard.extend(part)

    before = await left_open()
    async with answering(late, limit=1024) as where:
        huge = replace(MAIL, text="x" * 8_000_000, html=None)
        channel = smtp(f"smtp://{where}")
        sending = asyncio.create_task(channel.send(huge))
        await ready.wait()
        await asyncio.sleep(0.2)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        gone.set()
        await asyncio.sleep(0.1)
    assert b"\r\n.\r\n" not in heard
    assert await closes(before)


# -- where it is ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", Server("mail.example.com", 587, False, None, None)),
        ("smtps://mail.example.com", Server("mail.example.com", 465, True, None, None)),
        ("smtp://u%40x:p%2F@h:25", Server("h", 25, False, "u@x", "p/")),
        ("smtp://[::1]:25", Server("::1", 25, False, None, None)),
    ],
)
def test_a_server_is_named_by_its_url(url: str, server: Server) -> None:
    """With the ports that go with each kind."""
    assert Server.of(url) == server


@pytest.mark.parametrize("url", ["", "mail.example.com", "http://h", "smtp://", "smtp://h:x"])
def test_what_is_no_url_is_refused_without_repeating_it(url: str) -> None:
    """There might be a password in it."""
    with pytest.raises(ValueError, match=r"^no SMTP URL$"):
        Server.of(url)


def test_a_letter_needs_a_recipient_and_a_sender() -> None:
    """Else it is none."""
    assert isinstance(letter(replace(MAIL, to="?"), SENDER, NOON), Rejected)
    assert isinstance(letter(MAIL, "?", NOON), Rejected)
