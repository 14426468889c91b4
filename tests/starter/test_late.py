"""What is heard late: the same comes of it as if it had been heard in its turn."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from activities.crm.store import Store
from activities.crm.tables import Enrolment, Message
from starter.desk import Desk
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, a_desk, an_event, an_order_event, effects, rows

ACCOUNT = {"id": "42", "email": "ada@example.com"}
NEW, THANKS, ASKS = "online-customer.", "order-thanks.1001", "satisfaction.1001"
DAY = timedelta(days=1)


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """All SOPs are on."""
    return a_desk(store, clock, temporal, sops="")


async def tell(desk: Desk, event: dict[str, Any], days: float = 0) -> list[Any]:
    """It happened so many days ago."""
    return effects(
        await desk.receive("api", event | {"occurred_at": (NOON - days * DAY).isoformat()})
    )


async def new(store: Store) -> list[Enrolment]:
    return [row for row in await rows(store, Enrolment) if row.id.startswith(NEW)]


def moments(temporal: FakeTemporal, follow_up: str) -> list[datetime]:
    """From when each was told to count."""
    return [
        datetime.fromisoformat(body["at"])
        for id_, name, body in temporal.signals
        if (id_, name) == (follow_up, "began_earlier")
    ]


# -- from when it counts ---------------------------------------------------------------------


async def test_a_sign_up_heard_after_what_was_bought(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """A new customer's follow-up counts from the sign-up, though it began with the order."""
    await tell(desk, an_order_event(), 1)
    await tell(desk, an_event("customer.signed_up", customer=ACCOUNT), 2)
    (row,) = await new(store)
    assert moments(temporal, row.id) == [NOON - 2 * DAY]
    assert datetime.fromisoformat(row.input["purchased_at"]) == NOON - 2 * DAY


async def test_what_comes_in_its_turn_moves_nothing(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """The sign-up came first, and was heard first; a second order is no beginning."""
    await tell(desk, an_event("customer.signed_up", customer=ACCOUNT), 2)
    await tell(desk, an_order_event(), 1)
    await tell(desk, an_order_event("1002"))
    (row,) = await new(store)
    assert not moments(temporal, row.id)


async def test_confirmed_is_heard_after_paid(desk: Desk, temporal: FakeTemporal) -> None:
    """All that began with the payment counts from the confirmation."""
    await tell(desk, an_order_event(what="order.paid"), 1)
    await tell(desk, an_order_event(), 3)
    assert moments(temporal, THANKS) == moments(temporal, ASKS) == [NOON - 3 * DAY]


async def test_what_was_asked_for_counts_from_no_other_purchase(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """A shop that repeats an order of last year moves nothing that a colleague has begun since."""
    await tell(desk, an_order_event() | {"order": {"id": "1001", "first": False}}, 300)
    wish = {"sop": "online-customer"}
    await tell(desk, an_event("follow_up.requested", customer=ACCOUNT, data=wish), 1)
    await tell(desk, an_order_event(what="order.paid"), 299)
    (row,) = await new(store)
    assert not moments(temporal, row.id)
    assert datetime.fromisoformat(row.input["purchased_at"]) == NOON - DAY


async def test_a_contracts_own_counts_from_its_signing(desk: Desk, temporal: FakeTemporal) -> None:
    """However early what it was for was ordered."""
    deal = {"contract": {"id": "k-1"}, "order": {"id": "1001"}, "customer": ACCOUNT}
    await tell(desk, an_order_event(), 1)
    await tell(desk, an_event("contract.signed", **deal), 1)
    await tell(desk, an_order_event(), 3)
    assert moments(temporal, THANKS) == [NOON - 3 * DAY]
    assert temporal.started["onboarding.k-1"].purchased_at == NOON - DAY
    assert not moments(temporal, "onboarding.k-1")


# -- who begins anew -------------------------------------------------------------------------


async def test_a_guest_who_took_an_account_before_it_was_refunded(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Their follow-up had ended by the time this was heard: another goes on, once."""
    await tell(desk, an_order_event(), 3)
    await tell(desk, an_order_event(what="order.refunded"), 1)
    assert await tell(desk, an_event("customer.signed_up", customer=ACCOUNT), 4) == [
        ("started", None)
    ]
    assert await tell(desk, an_event("customer.signed_up", customer=ACCOUNT), 4) == [
        ("already", None)
    ]
    first, second = sorted(await new(store), key=lambda row: row.id)
    assert (first.reason, second.id) == ("order_refunded", f"{first.id}-2")
    began = temporal.started[second.id]
    assert [one.name for one in began.early] == ["order_placed", "order_refunded"]
    assert began.purchased_at == NOON - 4 * DAY
    assert began.welcomed_at is None


async def test_nobody_is_welcomed_twice(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """What went since they signed up was their welcome, whatever has sent it."""
    await tell(desk, an_order_event(), 3)
    (first,) = await new(store)
    key = f"{first.id}/welcome"
    async with store.transaction() as session:
        fields: dict[str, Any] = {"id": "msg_1", "key": key, "follow_up": first.id}
        fields |= {"sop": first.sop, "customer_id": first.customer_id, "template": "welcome"}
        fields |= {"kind": "transactional", "state": "sent", "created_at": NOON}
        session.add(Message(**fields, sent_at=NOON - 3 * DAY))
    await tell(desk, an_order_event(what="order.refunded"), 1)
    await tell(desk, an_event("customer.signed_up", customer=ACCOUNT), 4)
    began = temporal.started[f"{first.id}-2"]
    assert (began.welcomed, began.welcomed_at) == (key, NOON - 3 * DAY)


async def test_who_buys_again_after_it_was_undone(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """They begin with what they keep, also once the first follow-up is over; and only once."""
    await tell(desk, an_order_event(), 3)
    await tell(desk, an_order_event(what="order.cancelled"), 2)
    async with store.transaction() as session:
        ended = {"ended_at": NOON, "state": "ended"}
        await session.execute(update(Enrolment).values(**ended))
    await tell(desk, an_order_event("1002"), 1)
    _, second = sorted(await new(store), key=lambda row: row.id)
    assert temporal.started[second.id].order_id == "1002"
    async with store.transaction() as session:
        of_it = update(Enrolment).where(Enrolment.id == second.id)
        await session.execute(of_it.values(ended_at=NOON, state="completed", reason="completed"))
    await tell(desk, an_order_event("1003"))
    assert len(await new(store)) == 2


async def test_an_account_stays_whatever_is_undone(desk: Desk, store: Store) -> None:
    """Nothing ended, so nothing begins anew."""
    await tell(desk, an_event("customer.signed_up", customer=ACCOUNT), 4)
    await tell(desk, an_order_event(), 3)
    await tell(desk, an_order_event(what="order.refunded"), 2)
    await tell(desk, an_order_event("1002"), 1)
    assert len(await new(store)) == 1


# -- what was said meanwhile -----------------------------------------------------------------


async def test_a_reply_before_the_order_is_heard(desk: Desk, temporal: FakeTemporal) -> None:
    """It is an answer to the order's follow-ups, too, with its case; and is heard once."""
    await tell(desk, an_event("customer.signed_up", customer=ACCOUNT), 3)
    await tell(desk, an_event("reply.received", data={"text": "Thanks"}), 1)
    await tell(desk, an_order_event(), 2)
    ((_, _, told),) = [one for one in temporal.signals if one[1] == "responded"]
    for follow_up in (THANKS, ASKS):
        (heard,) = temporal.started[follow_up].early
        assert (heard.name, heard.event) == ("responded", told)


async def test_a_case_that_is_closed_by_then(desk: Desk, temporal: FakeTemporal) -> None:
    """Whoever hears of it late hears how it ended, and waits for nothing."""
    await tell(desk, an_event("customer.signed_up", customer=ACCOUNT), 3)
    trouble = {"reference": "t1", "text": "It leaks"}
    await tell(desk, an_event("complaint.opened", data=trouble), 1.5)
    await tell(desk, an_event("complaint.resolved", data={"reference": "t1"}), 1)
    await tell(desk, an_order_event(), 2)
    early = temporal.started[THANKS].early
    assert [one.name for one in early] == ["complaint", "complaint_resolved"]


async def test_what_was_said_before_the_order(desk: Desk, temporal: FakeTemporal) -> None:
    """Is none of its follow-ups' business."""
    await tell(desk, an_event("customer.signed_up", customer=ACCOUNT), 3)
    await tell(desk, an_event("reply.received", data={"text": "Thanks"}), 2)
    await tell(desk, an_order_event(), 1)
    assert not temporal.started[THANKS].early
