"""Twilio's status callbacks, through the real door: what became of each SMS."""

from __future__ import annotations

import pytest

from activities.crm.consents import by_scope
from activities.crm.store import Store
from activities.crm.tables import Inbox, Message, MessageEvent, Suppression, Task, Telling
from starter.desk import Desk
from starter.senders import Delivery
from starter.senders.registry import SENDERS
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, a_desk, only, rows
from tests.starter.hooks import PUBLIC_URL, TWILIO_TOKEN, twilio, visiting
from tests.starter.posted import SID, a_message, an_owner, as_it_stands, post_status


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(
        store, clock, temporal, twilio_auth_token=TWILIO_TOKEN, public_url=f"{PUBLIC_URL}/"
    )


async def an_sms(desk: Desk, **fields: object) -> Message:
    customer = await an_owner(desk.store)
    return await a_message(desk.store, customer=customer, channel="sms", **fields)


async def test_statuses_in_no_order_move_a_message_on(desk: Desk) -> None:
    """Delivered may be told before sent; each status of a message counts once."""
    row = await an_sms(desk)
    async with visiting(desk) as client:
        for status in ("delivered", "sent", "delivered", "queued", "sent"):
            assert (await post_status(client, row, status)).status_code == 204
    assert (await as_it_stands(desk.store, row)).state == "delivered"
    events = await rows(desk.store, MessageEvent)
    assert sorted(one.what for one in events) == ["delivered", "processed", "sent"]
    assert len(await rows(desk.store, Inbox)) == 6  # three deliveries, and the event in each


async def test_the_address_names_the_message_whose_worker_died(desk: Desk) -> None:
    """Nobody kept what Twilio called it: it is sent under that now."""
    row = await an_sms(desk, state="sending", provider_id=None, sent_at=None)
    async with visiting(desk) as client:
        await post_status(client, row, "sent")
    now = await as_it_stands(desk.store, row)
    assert (now.state, now.provider_id, now.sent_at) == ("sent", SID, NOON)


async def test_without_a_name_its_id_is_enough_and_a_quick_one_waits(desk: Desk) -> None:
    """A status that overtakes the answer we send by is read again once that is there."""
    row = await an_sms(desk, state="sending", provider_id=None, sent_at=None)
    async with visiting(desk) as client:
        await post_status(client, None, "sent")
        waiting = await only(desk.store, Inbox)
        assert (waiting.state, waiting.error) == ("stored", "on_its_way")
        async with desk.store.transaction() as session:
            held = await session.get(Message, row.id)
            assert held is not None
            held.state, held.provider_id, held.sent_at = "sent", SID, NOON
        await post_status(client, None, "delivered")
    assert (await as_it_stands(desk.store, row)).state == "delivered"


async def test_somebody_elses_sms_is_left_out(desk: Desk) -> None:
    """Another service of ours may send through the same account; and what is no status is none."""
    await an_sms(desk)
    async with visiting(desk) as client:
        await post_status(client, None, "delivered", sid="SM" + "0" * 32)
        await post_status(client, None, "received", sid="SM" + "1" * 32)
        await post_status(client, None, "", sid="")
    reasons = [row.effects[0]["reason"] for row in await rows(desk.store, Inbox)]
    assert sorted(reasons) == ["not_ours", "unknown_kind", "unknown_kind"]


@pytest.mark.parametrize(
    ("code", "reason", "dead"),
    [
        ("30003", "unreachable", None),
        ("30004", "blocked", None),
        ("30005", "no_such_number", "no_such_number"),
        ("30006", "landline", "landline"),
        ("30008", "undelivered", None),
        ("39999", "undelivered", None),
        ("", "undelivered", None),
    ],
)
async def test_only_a_number_that_is_none_is_given_up(
    desk: Desk, code: str, reason: str, dead: str | None
) -> None:
    """Who is out of reach today may be reached tomorrow; a landline still takes calls."""
    row = await an_sms(desk)
    async with visiting(desk) as client:
        await post_status(client, row, "undelivered", ErrorCode=code)
    now = await as_it_stands(desk.store, row)
    assert (now.state, now.reason) == ("bounced", reason)
    assert [one.reason for one in await rows(desk.store, Suppression)] == [dead] * bool(dead)
    (heard,) = await rows(desk.store, Telling)
    assert (heard.name, heard.body["lasting"]) == ("message_bounced", bool(dead))


async def test_stop_that_twilio_heard_is_the_customers_word(desk: Desk) -> None:
    """No SMS any more; the number itself is not dead."""
    row = await an_sms(desk)
    async with visiting(desk) as client:
        await post_status(client, row, "failed", ErrorCode="21610")
    async with desk.store.reading() as session:
        assert (await by_scope(session, row.customer_id))["sms"].given is False
    assert await rows(desk.store, Suppression) == []
    assert sorted(one.name for one in await rows(desk.store, Telling)) == [
        "message_bounced",
        "opted_out",
    ]


async def test_what_only_we_can_mend_is_for_an_engineer(desk: Desk) -> None:
    """A number that is not registered stops every SMS: one task a day, not one for each."""
    row = await an_sms(desk)
    async with visiting(desk) as client:
        for status in ("undelivered", "failed"):
            await post_status(client, row, status, ErrorCode="30034")
    (task,) = [one for one in await rows(desk.store, Task) if one.key.startswith("provider/")]
    assert (task.role, task.title[:15]) == ("engineer", "twilio drops ou")


async def test_a_status_for_another_address_is_refused(desk: Desk) -> None:
    """The address is signed, too: nobody moves a status to another message."""
    row = await an_sms(desk)
    body = b"MessageSid=" + SID.encode() + b"&MessageStatus=delivered"
    headers = twilio(body, f"/hooks/twilio/status?t={row.id}")
    async with visiting(desk) as client:
        for address in ("/hooks/twilio/status", f"/hooks/twilio/status?t={row.id}&t=msg_1"):
            answer = await client.post(address, content=body, headers=headers)
            assert answer.status_code == 401
    assert await rows(desk.store, Inbox) == []


async def test_what_is_read_late_happened_when_it_came(desk: Desk, clock: FakeClock) -> None:
    """Twilio does not say when: a refusal that waited is older than what they said meanwhile."""
    row = await an_sms(desk)
    body = f"MessageSid={SID}&MessageStatus=failed&ErrorCode=21610".encode()
    kept = await desk.keep(SENDERS["twilio/status"], Delivery(body, {}, f"t={row.id}"))
    clock.advance(days=2)
    await desk.read_delivery(kept)
    assert (await only(desk.store, MessageEvent)).at == NOON
    async with desk.store.reading() as session:
        assert (await by_scope(session, row.customer_id))["sms"].at == NOON
