"""What goes with an e-mail: an invitation that mail programs show buttons for, and a file."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from activities.channels import Attachment
from activities.channels.http import ask
from activities.channels.outbox import OutboxChannel
from activities.crm.store import Store
from activities.crm.tables import Outbox
from activities.fakes.sendgrid import FakeSendGrid
from tests.channels.posts import MAIL, post
from tests.channels.test_smtp import read
from tests.factories import FakeClock
from tests.fakes.wires import BEARER

ICS = "BEGIN:VCALENDAR\r\nSUMMARY:Größe 😀\r\nDESCRIPTION:" + "x" * 60 + "\r\nEND:VCALENDAR\r\n"
INVITE = Attachment("invite.ics", "text/calendar; method=REQUEST", ICS)
NOTES = Attachment("notes.txt", "text/plain", "one\ntwo – ö\n")


async def test_a_mail_server_gets_an_invitation_twice_and_byte_for_byte() -> None:
    """As the last alternative, with its method, for the buttons; as a file, for all others."""
    async with post("smtp") as ours:
        assert await ours.send(attachments=(INVITE, NOTES)) == "accepted"
        mail = read(ours.fake.accepted[0].raw)
    assert mail.get_content_type() == "multipart/mixed"
    body, *files = list(mail.iter_parts())
    assert body.get_content_type() == "multipart/alternative"
    parts = list(body.iter_parts())
    kinds = ["text/plain", "text/html", "text/calendar"]
    assert [part.get_content_type() for part in parts] == kinds
    calendar = parts[-1]
    assert calendar.get_param("method") == "REQUEST"
    assert calendar.get_param("charset") == "utf-8"
    assert calendar.get_payload(decode=True) == ICS.encode()
    named = [(one.get_filename(), one.get_content_type()) for one in files]
    assert named == [("invite.ics", "application/ics"), ("notes.txt", "text/plain")]
    assert [one.get_payload(decode=True) for one in files] == [ICS.encode(), NOTES.text.encode()]
    assert [one.get_content_disposition() for one in files] == ["attachment"] * 2


async def test_a_text_alone_takes_an_invitation_too() -> None:
    """There need not be an HTML part."""
    async with post("smtp") as ours:
        assert await ours.send(html=None, attachments=(INVITE,)) == "accepted"
        mail = read(ours.fake.accepted[0].raw)
    body = next(mail.iter_parts())
    kinds = [part.get_content_type() for part in body.iter_parts()]
    assert kinds == ["text/plain", "text/calendar"]


async def test_sendgrid_gets_what_it_takes() -> None:
    """The one content type with a parameter that it lets through, after text and HTML."""
    async with post("sendgrid") as ours:
        assert await ours.send(attachments=(INVITE, NOTES)) == "accepted"
        sent = json.loads(ours.fake.accepted[0].raw)
    kinds = ["text/plain", "text/html", "text/calendar; method=REQUEST"]
    assert [one["type"] for one in sent["content"]] == kinds
    assert sent["content"][-1]["value"] == ICS
    files = {one["filename"]: one for one in sent["attachments"]}
    assert files["invite.ics"]["type"] == "application/ics"
    assert base64.b64decode(files["invite.ics"]["content"]).decode() == ICS
    assert base64.b64decode(files["notes.txt"]["content"]).decode() == NOTES.text
    assert {one["disposition"] for one in files.values()} == {"attachment"}


@pytest.mark.parametrize(
    ("part", "given", "status"),
    [
        ("content", "text/calendar; method=REQUEST", 202),
        ("content", "text/calendar; method=CANCEL", 202),
        ("content", "text/calendar; charset=utf-8; method=REQUEST", 400),
        ("content", "text/calendar; method=REQUEST\r\nX-Evil: 1", 400),
        ("attachments", "text/calendar; method=REQUEST", 202),
        ("attachments", "application/ics", 202),
        ("attachments", 'text/calendar; charset="UTF-8"; method=REQUEST', 400),
        ("attachments", "application/ics; method=REQUEST", 400),
    ],
)
async def test_the_fake_refuses_what_sendgrid_refuses(part: str, given: str, status: int) -> None:
    """Any other parameter is one too many, and its field is named."""
    mail: dict[str, Any] = {
        "personalizations": [{"to": [{"email": "ada@example.com"}]}],
        "from": {"email": "hello@shop.example.com"},
        "subject": "Hello",
        "content": [{"type": "text/plain", "value": "Hello"}],
        "attachments": [{"content": "aGk=", "filename": "invite.ics"}],
    }
    if part == "content":
        mail["content"].append({"type": given, "value": ICS})
    else:
        mail["attachments"][0]["type"] = given
    headers = BEARER | {"Content-Type": "application/json"}
    body = json.dumps(mail).encode()
    async with FakeSendGrid().serving() as url:
        answer = await ask("POST", f"{url}/v3/mail/send", seconds=60, headers=headers, body=body)
    assert answer.status == status
    if status == 400:
        place = "content.1.type" if part == "content" else "attachments.0.type"
        assert [one["field"] for one in answer.said["errors"]] == [place]
        assert "cannot contain ';'" in answer.said["errors"][0]["message"]


async def test_a_text_message_carries_words_alone() -> None:
    """What is attached by mistake stays here."""
    async with post("twilio") as ours:
        assert await ours.send(attachments=(INVITE,)) == "accepted"
        assert b"VCALENDAR" not in ours.fake.accepted[0].raw


async def test_the_outbox_shows_it(store: Store, clock: FakeClock) -> None:
    """Word for word."""
    channel = OutboxChannel(store, clock, "email")
    taken = await channel.send(replace(MAIL, attachments=(INVITE,)))
    async with store.reading() as session:
        row = await session.get_one(Outbox, taken.provider_id)
    assert row.attachments == [{"name": INVITE.name, "type": INVITE.type, "text": ICS}]
