"""SendGrid: the mail as it is built, what answers mean, and how the log finds one under our key."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.channels import Accepted, UnknownOutcomeError
from activities.channels.sendgrid import message_id
from activities.fakes.faults import Fault
from activities.fakes.sendgrid import FakeSendGrid
from tests.channels.posts import KEY, LEAVE, MAIL, found, post, said, sendgrid, waited_for
from tests.channels.test_faults import ENDLESS
from tests.channels.test_http import answering, answers

HOUR = timedelta(hours=1)


def since() -> datetime:
    return datetime.now(UTC)


async def test_the_mail_is_for_one_and_carries_our_key() -> None:
    """One recipient, our key beside, nothing of theirs put in, one click to leave."""
    async with post("sendgrid") as ours:
        outcome = await ours.channel.send(MAIL)
        (taken,) = ours.fake.accepted
        sent = json.loads(taken.raw)
    assert outcome == Accepted(taken.id)
    assert sent["personalizations"] == [
        {
            "to": [{"email": "ada@example.com"}],
            "custom_args": {"aftercare_key": KEY, "aftercare_reference": MAIL.reference},
        }
    ]
    assert sent["from"] == {"email": "hello@shop.example.com", "name": "Shop Ltd"}
    assert sent["reply_to"] == {"email": MAIL.reply_to}
    assert sent["subject"] == MAIL.subject
    assert [part["type"] for part in sent["content"]] == ["text/plain", "text/html"]
    assert sent["headers"] == {
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": LEAVE,
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert [one["enable"] for one in sent["tracking_settings"].values()] == [False] * 3
    assert "asm" not in sent


async def test_a_mail_needs_no_more_than_it_has() -> None:
    """No name, no HTML, nothing to unsubscribe from."""
    bare = {"from_name": "", "html": None, "unsubscribe": "", "reply_to": ""}
    async with post("sendgrid") as ours:
        assert await ours.send(**bare) == "accepted"
        sent = json.loads(ours.fake.accepted[0].raw)
    assert sent["from"] == {"email": "hello@shop.example.com"}
    assert len(sent["content"]) == 1
    assert list(sent["headers"]) == ["Auto-Submitted"]
    assert "reply_to" not in sent


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"to": "refused@example.com"}, "address no_such_address"),
        ({"to": "toobig@example.com"}, "message too_large"),
        ({"to": "not an address"}, "address no_such_address"),
        ({"to": "ada@example.com, eve@example.com"}, "address no_such_address"),
        ({"to": "ädä@example.com"}, "address unroutable"),
        ({"to": "ada@bücher.example"}, "accepted"),
        ({"to": "bounced@example.com"}, "accepted"),
        ({"subject": ""}, "message refused"),
        ({"text": "SG.abc.def is no key"}, "message refused"),
    ],
)
async def test_what_they_do_not_take_has_its_reason(fields: dict[str, Any], outcome: str) -> None:
    """Whose fault it is decides what is done."""
    async with post("sendgrid") as ours:
        assert await ours.send(**fields) == outcome


async def test_our_account_is_our_matter() -> None:
    """No customer fails because of our key or our sender."""
    async with FakeSendGrid().serving() as url:
        wrong_key = sendgrid(url, api_key="SG.other")
        assert await said(wrong_key, MAIL) == "account unauthorised"
        unverified = sendgrid(url, from_email="unverified@shop.example.com")
        assert await said(unverified, MAIL) == "account wrong_sender"
        no_sender = sendgrid(url, from_email="The Shop")
        assert await said(no_sender, MAIL) == "account wrong_sender"
        nowhere = sendgrid(f"{url}/elsewhere")
        assert await said(nowhere, MAIL) == "account not_found"


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, {"errors": [{"field": "personalizations.0.to.0.email"}]}, "address no_such_address"),
        (400, {"errors": [{"field": "from.email"}]}, "account wrong_sender"),
        (400, {"errors": [{"field": None}, {"field": "subject"}]}, "message refused"),
        (400, ["?"], "message refused"),
        (403, {"errors": [{"field": "from"}]}, "account wrong_sender"),
        (403, None, "account forbidden"),
        (405, None, "account not_found"),
        (408, None, "unknown"),
        (422, None, "message refused"),
        (429, None, "busy rate_limited"),
        (200, None, "unknown"),
        (204, None, "unknown"),
        (303, None, "unknown"),
        (308, None, "away redirected"),
        (502, None, "unknown"),
    ],
)
async def test_each_status_says_something(status: int, body: Any, outcome: str) -> None:
    """The table of what must not be repeated, and what must."""
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    async with answering(answers(head if status == 204 else head + content)) as where:
        assert await said(sendgrid(f"http://{where}"), MAIL) == outcome


# -- the log -------------------------------------------------------------------------------------


async def test_the_log_finds_what_was_taken_under_our_key() -> None:
    """Under the very id that the answer would have named, among others to the same address."""
    async with post("sendgrid") as ours:
        assert await ours.channel.look_up(MAIL, since()) == ()
        outcome = await ours.channel.send(MAIL)
        assert await ours.send(key="another/key") == "accepted"
        assert await ours.send(to="eve@example.com") == "accepted"
        assert isinstance(outcome, Accepted)
        assert await ours.channel.look_up(MAIL, since()) == (outcome.provider_id,)
        ours.fake.script.next.append(Fault.ERROR_AFTER)
        assert await ours.send() == "unknown"
        assert len(await found(ours, MAIL, since())) == 2
        assert await ours.channel.look_up(MAIL, since() + HOUR) == ()


async def test_the_log_takes_its_time() -> None:
    """What it has not written yet it does not find: hence the quarantine, and a second look."""
    async with post("sendgrid", fake=FakeSendGrid(lag=HOUR)) as ours:
        assert await ours.send() == "accepted"
        assert await ours.channel.look_up(MAIL, since()) == ()


async def test_an_address_is_no_query() -> None:
    """An apostrophe in it ends nothing."""
    parcel = replace(MAIL, to="o'hara@example.com")
    async with post("sendgrid") as ours:
        assert await said(ours.channel, parcel) == "accepted"
        assert await ours.channel.look_up(MAIL, since()) == ()
        assert len(await found(ours, parcel, since())) == 1


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.EMPTY])
async def test_a_log_that_does_not_answer_says_nothing(fault: Fault) -> None:
    """Not even that it found nothing."""
    async with post("sendgrid") as ours:
        assert await ours.send() == "accepted"
        assert isinstance(ours.fake, FakeSendGrid)
        fake = ours.fake
        fake.look_ups.always = fault
        looking = ours.channel.look_up(MAIL, since())
        with pytest.raises(UnknownOutcomeError):
            await (waited_for(looking, lambda: fake.looked_up) if fault in ENDLESS else looking)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        # As in the vendor's own samples, of 2015, 2020 and 2026.
        (
            {
                "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
                "events": [{"smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>"}],
            },
            "14c5d75ce93.dfd.64b469",
        ),
        (
            {"sg_message_id": "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F.0"},
            "LRzXl_NHStOGhQ4kofSm_A",
        ),
        (
            {"sg_message_id": "Xj5LmNkWSOqRbdvOpR34BA.recvd-85abf8d92c-3qfgp-2-7890E356-43C.1"},
            "Xj5LmNkWSOqRbdvOpR34BA",
        ),
        (
            {"sg_message_id": "a.b.c.new-kind-of-server.1", "events": [{"recv_msgid": "a.b.c"}]},
            "a.b.c",
        ),
        (
            {"sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.55.0"},
            "14c5d75ce93.dfd.64b469",
        ),
        ({"sg_message_id": "a.b", "events": [{"smtp-id": "<msg_1@shop.example>"}, 7]}, "a.b"),
        ({"sg_message_id": "only", "events": None}, "only"),
        (
            {"sg_message_id": "filter0093p1las1.9128.5717FB8127.0"},
            "filter0093p1las1.9128.5717FB8127.0",
        ),
    ],
)
def test_one_message_has_one_id(entry: dict[str, Any], expected: str) -> None:
    """Two ids for one message would look as if it had been sent twice."""
    assert message_id(entry) == expected
