"""SendGrid's events, through the real door: what became of each e-mail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.crm import doubts, ledger
from activities.crm.consents import by_scope
from activities.crm.store import Store
from activities.crm.tables import (
    Decision,
    Inbox,
    MessageEvent,
    Milestone,
    Stop,
    Suppression,
    Task,
    Telling,
)
from starter.desk import Desk
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept
from tests.starter.front import FakeTemporal, a_desk, only, rows
from tests.starter.hooks import (
    PUBLIC_URL,
    SENDGRID_PUBLIC,
    TWILIO_TOKEN,
    sendgrid,
    visiting,
    without,
)
from tests.starter.posted import (
    THEIRS,
    a_message,
    an_event,
    an_owner,
    as_it_stands,
    post_events,
)


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(
        store,
        clock,
        temporal,
        sendgrid_webhook_public_key=SENDGRID_PUBLIC,
        twilio_auth_token=TWILIO_TOKEN,
        public_url=PUBLIC_URL,
    )


async def told(desk: Desk) -> list[tuple[str, str, dict[str, Any]]]:
    """What follow-ups are told, without which event and when."""
    return [
        (row.workflow_id, row.name, {k: v for k, v in row.body.items() if k not in ("id", "at")})
        for row in await rows(desk.store, Telling)
    ]


async def test_a_batch_in_no_order_moves_a_message_on(desk: Desk) -> None:
    """Opened, delivered, processed: it is delivered, and each of the three is on record once."""
    row = await a_message(desk.store, customer=await an_owner(desk.store))
    batch = [an_event(row, what) for what in ("open", "delivered", "processed", "click")]
    async with visiting(desk) as client:
        assert (await post_events(client, desk, *batch, *batch)).status_code == 204
        assert (await post_events(client, desk, *reversed(batch))).status_code == 204
    assert (await as_it_stands(desk.store, row)).state == "delivered"
    events = await rows(desk.store, MessageEvent)
    assert sorted(one.what for one in events) == ["clicked", "delivered", "opened", "processed"]
    assert {one.data["provider_id"] for one in events} == {THEIRS}
    assert await told(desk) == []


async def test_an_event_is_of_the_moment_that_it_names(desk: Desk, clock: FakeClock) -> None:
    """A day of retries later it still happened then; one dated ahead happens now."""
    row = await a_message(desk.store)
    clock.advance(hours=20)
    late, ahead = an_event(row, "open"), an_event(row, "click", clock.now() + timedelta(days=900))
    odd = an_event(row, "deferred") | {"timestamp": "1e400"}
    async with visiting(desk) as client:
        await post_events(client, desk, late, ahead, odd)
    found = {one.what: one.at for one in await rows(desk.store, MessageEvent)}
    assert found == {"opened": NOON, "clicked": clock.now(), "deferred": clock.now()}


@pytest.mark.parametrize("by", ["key", "reference", "id"])
async def test_ours_are_known_by_key_by_reference_or_by_their_id(desk: Desk, by: str) -> None:
    """Their id of a message begins with the one we know, which has a dot of its own."""
    row = await a_message(desk.store)
    drop = {
        "key": ("aftercare_reference", "sg_message_id"),
        "reference": ("aftercare_key", "sg_message_id"),
        "id": ("aftercare_key", "aftercare_reference"),
    }[by]
    event = without(an_event(row, "delivered"), *drop)
    async with visiting(desk) as client:
        await post_events(client, desk, event)
    assert (await as_it_stands(desk.store, row)).state == "delivered"


async def test_what_is_not_ours_or_not_known_is_kept_and_left_out(desk: Desk) -> None:
    """Somebody else's mail, a kind of event to come, and what is no event at all."""
    row = await a_message(desk.store)
    stranger = an_event(row, "delivered") | {
        "aftercare_key": "online-customer.other/welcome",
        "aftercare_reference": "msg_0",
        "sg_message_id": "mK8s2.filter0001.1.2.0",  # no prefix of ours, though ours begins with it
    }
    new = an_event(row, "account_status_change")
    async with visiting(desk) as client:
        answer = await post_events(client, desk, stranger, new, "nonsense", 7, None)
        assert answer.status_code == 204
    delivery = await only(desk.store, Inbox)
    assert [one["reason"] for one in delivery.effects] == ["invalid", "not_ours", "unknown_kind"]
    assert delivery.state == "done"
    assert (await as_it_stands(desk.store, row)).state == "sent"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[" * 100_000,
        b'[{"event": ["delivered"], "sg_message_id": {"a": 1}, "aftercare_key": "\\u0000"}]',
        b'[{"event": "delivered", "sg_event_id": "' + b"x" * 5000 + b'", "timestamp": true}]',
        b'[{"aftercare_key": "\\ud800", "sg_message_id": "' + b"." * 150 + b'"}]',
        b"\xff\xfe",
    ],
)
async def test_nonsense_that_is_signed_is_kept_for_an_engineer_or_left_out(
    desk: Desk, body: bytes
) -> None:
    """It is answered, since posting it again would not help; nothing comes of it."""
    await a_message(desk.store)
    async with visiting(desk) as client:
        headers = sendgrid(body, desk.clock.real())
        answer = await client.post("/hooks/sendgrid/events", content=body, headers=headers)
    assert answer.status_code == 204
    assert (await only(desk.store, Inbox)).state in ("failed", "done")
    assert await rows(desk.store, MessageEvent) == []


async def test_what_sendgrid_has_not_signed_is_refused(desk: Desk) -> None:
    """No signature, somebody else's body; and without a key the door is shut for now."""
    body = b"[]"
    async with visiting(desk) as client:
        for headers in ({}, sendgrid(b"[ ]", desk.clock.real())):
            answer = await client.post("/hooks/sendgrid/events", content=body, headers=headers)
            assert answer.status_code == 401
    shut = a_desk(desk.store, desk.clock, FakeTemporal(), sendgrid_webhook_public_key="cut sho")
    async with visiting(shut) as client:
        headers = sendgrid(body, desk.clock.real())
        answer = await client.post("/hooks/sendgrid/events", content=body, headers=headers)
        assert answer.status_code == 503
    assert await rows(desk.store, Inbox) == []


# -- an address that is dead, a customer who complains -----------------------------------------

BOUNCE: dict[str, Any] = {
    "type": "bounce",
    "reason": "550 5.1.1 nobody of that name",
    "status": "5.1.1",
}


async def test_a_bounce_ends_the_address_and_is_told(desk: Desk) -> None:
    """The message came back, for a reason without words of theirs; its follow-up hears of it."""
    row = await a_message(desk.store, customer=await an_owner(desk.store))
    async with visiting(desk) as client:
        await post_events(client, desk, an_event(row, "bounce", **BOUNCE))
    now = await as_it_stands(desk.store, row)
    assert (now.state, now.reason) == ("bounced", "no_such_address")
    dead = await only(desk.store, Suppression)
    assert (dead.address, dead.reason) == ("ada@example.com", "no_such_address")
    why = await only(desk.store, Decision)
    assert (why.outcome, why.reason, why.key) == ("bounced", "no_such_address", row.key)
    body = {"message": row.key, "step": "welcome", "owed": True, "lasting": True}
    assert await told(desk) == [(row.follow_up, "message_bounced", body)]


@pytest.mark.parametrize(
    ("event", "reason", "dead", "email"),
    [
        ({"event": "bounce", "type": "blocked"}, "blocked", False, None),
        ({"event": "dropped", "reason": "Bounced Address"}, "no_such_address", True, None),
        ({"event": "dropped", "reason": "Invalid"}, "no_such_address", True, None),
        ({"event": "dropped", "reason": "Invalid SMTPAPI header"}, "refused", False, None),
        ({"event": "dropped", "reason": "Spam Reporting Address"}, "complained", True, False),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, "unsubscribed", False, False),
        ({"event": "dropped", "reason": ["odd"]}, "refused", False, None),
    ],
)
async def test_only_what_is_for_good_ends_an_address(
    desk: Desk, event: dict[str, Any], reason: str, dead: bool, email: bool | None
) -> None:
    """A mail that was blocked says nothing of the next one."""
    row = await a_message(desk.store)
    async with visiting(desk) as client:
        await post_events(client, desk, an_event(row, what="x") | event)
    now = await as_it_stands(desk.store, row)
    assert (now.state, now.reason) == ("bounced", reason)
    assert bool(await rows(desk.store, Suppression)) is dead
    async with desk.store.reading() as session:
        words = await by_scope(session, row.customer_id)
    assert (words["email"].given if "email" in words else None) is email


async def test_a_spam_report_is_the_customers_word(desk: Desk) -> None:
    """It had arrived; no e-mail goes there any more, and their follow-ups hear that they left."""
    customer = await an_owner(desk.store)
    row = await a_message(desk.store, customer=customer)
    async with visiting(desk) as client:
        await post_events(client, desk, an_event(row, "spamreport"))
    assert (await as_it_stands(desk.store, row)).state == "delivered"
    assert (await only(desk.store, Suppression)).reason == "complained"
    async with desk.store.reading() as session:
        word = (await by_scope(session, customer.id))["email"]
    assert (word.given, word.source) == (False, "sendgrid")
    assert await told(desk) == [(row.follow_up, "opted_out", {"topic": "email"})]


@pytest.mark.parametrize("what", ["unsubscribe", "group_unsubscribe"])
async def test_an_unsubscription_at_sendgrid_counts_here(desk: Desk, what: str) -> None:
    """The address stays good for what they must have; subscribing there again allows nothing."""
    row = await a_message(desk.store)
    async with visiting(desk) as client:
        await post_events(client, desk, an_event(row, what, asm_group_id=10))
        await post_events(client, desk, an_event(row, "group_resubscribe", asm_group_id=10))
    assert await rows(desk.store, Suppression) == []
    async with desk.store.reading() as session:
        assert (await by_scope(session, row.customer_id))["email"].given is False


async def test_a_dead_address_is_told_to_all_their_follow_ups(desk: Desk) -> None:
    """Of what they need not have, the message is not sent anew: the others hear of the address."""
    customer = await an_owner(desk.store)
    await an_enrolment(desk.store, customer.id, sop="order-thanks", subject="ord_1")
    row = await a_message(
        desk.store, customer=customer, kind="relationship", template="getting-started"
    )
    async with visiting(desk) as client:
        await post_events(client, desk, an_event(row, "bounce", **BOUNCE))
    body = {"message": row.key, "owed": False, "lasting": True}
    assert sorted(await told(desk)) == [
        (row.follow_up, "message_bounced", body | {"step": "welcome"}),
        ("order-thanks.ord_1", "message_bounced", body),
    ]


async def test_after_the_end_a_person_finds_a_way(desk: Desk) -> None:
    """Its follow-up is over: what the customer must have is for a colleague."""
    customer = await a_customer(desk.store, email="ada@example.com")
    await an_enrolment(desk.store, customer.id, state="completed", ended_at=NOON)
    row = await a_message(desk.store, customer=customer)
    async with visiting(desk) as client:
        await post_events(client, desk, an_event(row, "bounce", **BOUNCE))
    task = await only(desk.store, Task)
    assert task.title == "Find another way to reach this customer: `welcome` did not arrive"
    assert await told(desk) == []


# -- what was in doubt ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["sending", "unknown"])
@pytest.mark.parametrize("what", ["processed", "open", "delivered"])
async def test_whatever_is_reported_settles_what_was_in_doubt(
    desk: Desk, state: str, what: str
) -> None:
    """The worker died before it kept their id: it is sent under that, the checklist says so, and
    nobody needs to find out any more."""
    customer = await an_owner(desk.store)
    row = await a_message(
        desk.store, customer=customer, state=state, provider_id=None, sent_at=None
    )
    if state == "unknown":
        async with desk.store.transaction() as session:
            held = await ledger.find(session, row.key)
            assert held is not None
            await doubts.doubt(session, held, NOON)
        line = Milestone(
            follow_up=row.follow_up,
            clause="5.1.1",
            about="",
            state="waiting",
            reason="unknown",
            message_key=row.key,
            late_by_seconds=0,
            updated_at=NOON,
        )
        await kept(desk.store, line)
    async with visiting(desk) as client:
        await post_events(client, desk, an_event(row, what))
    now = await as_it_stands(desk.store, row)
    expected = "delivered" if what == "delivered" else "sent"
    assert (now.state, now.provider_id, now.sent_at, now.reason) == (expected, THEIRS, NOON, None)
    if state == "unknown":
        task, line = await only(desk.store, Task), await only(desk.store, Milestone)
        assert (task.state, task.outcome) == ("done", {"result": "sent", "by": "sendgrid"})
        assert (line.state, line.reason) == ("done", None)
        assert (await only(desk.store, Decision)).outcome == "sent"


async def test_a_person_who_said_that_it_did_not_go_is_corrected(desk: Desk) -> None:
    """What the provider has is sent, whatever we believed."""
    row = await a_message(
        desk.store, state="refused", reason="not_sent", provider_id=None, sent_at=None
    )
    async with visiting(desk) as client:
        await post_events(client, desk, an_event(row, "delivered"))
    assert (await as_it_stands(desk.store, row)).state == "delivered"


async def test_a_second_id_under_one_key_trips_the_wire(desk: Desk) -> None:
    """Two mails under one key: its template stops everywhere, and an engineer is called."""
    row = await a_message(desk.store, provider_id="another")
    async with visiting(desk) as client:
        await post_events(client, desk, an_event(row, "delivered"))
    assert (await only(desk.store, Stop)).template == "welcome"
    assert (await only(desk.store, Task)).role == "engineer"
    assert (await as_it_stands(desk.store, row)).provider_id == "another"


async def test_one_id_in_two_lengths_is_one(desk: Desk) -> None:
    """What nobody can tell from an event alone where their id ends, the next one may."""
    row = await a_message(desk.store, state="sending", provider_id=None, sent_at=None)
    odd = f"{THEIRS}.newserver7-x.1.0"
    events = [
        an_event(row, "open", sg_message_id=odd),
        an_event(
            row,
            "delivered",
            sg_message_id=odd,
        )
        | {"smtp-id": f"<{THEIRS}@ismtpd>"},
    ]
    async with visiting(desk) as client:
        await post_events(client, desk, *events)
    assert (await as_it_stands(desk.store, row)).provider_id == THEIRS
    assert await rows(desk.store, Stop) == []


async def test_a_message_that_we_never_tried_is_not_ours(desk: Desk) -> None:
    """Another service of ours writes through the same account, under keys like these."""
    row = await a_message(
        desk.store, state="reserved", attempts=0, provider_id=None, via=None, begun_at=None
    )
    async with visiting(desk) as client:
        await post_events(client, desk, an_event(row, "delivered"))
    assert (await as_it_stands(desk.store, row)).state == "reserved"
    assert await rows(desk.store, MessageEvent) == []


async def test_word_of_an_attempt_before_moves_nothing(desk: Desk) -> None:
    """It came back, and went by SMS since: what is still told of the mail is of the mail."""
    gone = {
        "channel": "email",
        "reason": "blocked",
        "bounced": True,
        "via": "sendgrid",
        "provider_id": THEIRS,
        "address": "ada@example.com",
    }
    row = await a_message(desk.store, channel="sms", tried=[gone])
    async with visiting(desk) as client:
        await post_events(
            client,
            desk,
            an_event(row, "delivered"),
            an_event(row, "bounce", **BOUNCE),
            an_event(row, "open", sg_message_id=""),
        )
    now = await as_it_stands(desk.store, row)
    assert (now.state, now.provider_id) == ("sent", row.provider_id)
    assert (await only(desk.store, Suppression)).address == "ada@example.com"
    assert len(await rows(desk.store, MessageEvent)) == 3
    assert await rows(desk.store, Stop) == []
