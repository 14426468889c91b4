"""Orders as they go on: late, missing, doubled, out of order, in parts, undone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Decision, Enrolment, Inbox, Order
from starter.desk import Desk
from starter.reports import words
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, a_desk, an_event, an_order_event, effects, only, rows
from workflows.vocabulary import Fulfilment

THANKS, ASKS, NEW = "order-thanks.1001", "satisfaction.1001", "online-customer."
HOUR = timedelta(hours=1)


@pytest.fixture
def desk(memory_store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """All SOPs are on."""
    return a_desk(memory_store, clock, temporal, sops="")


async def tell(desk: Desk, what: str, order: str = "1001", **said: Any) -> list[Any]:
    parcels = said.pop("shipments", None)
    about = {"id": order} | said.pop("of", {}) | ({"shipments": parcels} if parcels else {})
    event = an_event(what, order=about, data=said.pop("data", {}), **said)
    return effects(await desk.receive("api", event))


def heard(temporal: FakeTemporal, follow_up: str, name: str) -> list[dict[str, Any]]:
    return [body for id_, said, body in temporal.signals if (id_, said) == (follow_up, name)]


# -- what an order begins ------------------------------------------------------------------


@pytest.mark.plays("satisfaction", "scope")
async def test_an_order_begins_three_follow_ups(desk: Desk, temporal: FakeTemporal) -> None:
    """Each knows of the others, of the order, and of its customer."""
    who = {"id": "ada", "tier": "premium", "preferred_channel": "phone"}
    at = (NOON - HOUR).isoformat()
    about = {"fulfilment": "pickup", "confirmed_at": at}
    assert await tell(desk, "order.confirmed", customer=who, of=about) == [("started", None)] * 3
    thanks, asks = temporal.started[THANKS], temporal.started[ASKS]
    assert thanks.others == ("online-customer", "satisfaction")
    assert asks.others == ("online-customer", "order-thanks")
    for began in (thanks, asks):
        assert (began.order_id, began.confirmed_at) == ("1001", NOON - HOUR)
        assert (began.tier, began.by_phone) == ("premium", True)
        assert began.fulfilment is Fulfilment.PICKUP
        assert began.first_bought_at == NOON - HOUR


async def test_a_second_order_the_same_day(desk: Desk, temporal: FakeTemporal) -> None:
    """It has follow-ups of its own, and each hears of its own order only."""
    await tell(desk, "order.confirmed")
    again = await tell(desk, "order.confirmed", "1002")
    assert again == [("started", None), ("started", None), ("signalled", None)]
    assert temporal.started["order-thanks.1002"].others == ("satisfaction",)
    await tell(desk, "order.shipped", "1002")
    assert len(heard(temporal, "order-thanks.1002", "order_shipped")) == 1
    assert not heard(temporal, THANKS, "order_shipped")
    (new,) = [name for name in temporal.started if name.startswith(NEW)]
    assert len(heard(temporal, new, "order_shipped")) == 1  # the customer's own hears of all


@pytest.mark.parametrize("how", ["since", "first", "go_live"])
async def test_no_new_customer_but_a_new_order(
    how: str, memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """Whoever was a customer before is welcomed by nobody, and thanked and asked all the same."""
    settings = {"go_live": date(2026, 11, 20)} if how == "go_live" else {}
    desk = a_desk(memory_store, clock, temporal, sops="", **settings)
    who: dict[str, Any] = {"id": "ada"}
    who |= {"since": "2021-03-01"} if how == "since" else {}
    who |= {"since": "2026-11-19"} if how == "go_live" else {}
    about = {"first": False} if how == "first" else {}
    began = await tell(desk, "order.confirmed", customer=who, of=about)
    assert began == [("none", "existing_customer"), *[("started", None)] * 2]
    assert set(temporal.started) == {THANKS, ASKS}
    (decided,) = await rows(memory_store, Decision)
    assert words.sentence(decided.outcome, decided.reason, {}) == (
        "This was not begun: they were a customer before."
    )


async def test_a_sale_begins_the_asking(desk: Desk, temporal: FakeTemporal) -> None:
    """A closed sale with its order; the order's confirmation then begins the rest."""
    await tell(desk, "sale.closed")
    assert set(temporal.started) == {ASKS}
    await tell(desk, "order.confirmed")
    assert temporal.heard(ASKS) == ["order_placed"]
    assert temporal.started[THANKS].others == ("online-customer", "satisfaction")
    blank = ("none", "sop_has_blanks")  # sales-follow-up, until somebody fills them
    assert await tell(desk, "sale.closed") == [blank, ("already", None)]


async def test_paid_long_after_it_was_confirmed(desk: Desk, temporal: FakeTemporal) -> None:
    """The clock runs from the confirmation; the payment begins nothing a second time."""
    await tell(desk, "order.confirmed")
    assert await tell(desk, "order.paid") == [("already", None)] * 3
    assert len(temporal.started) == 3


# -- what was known before ------------------------------------------------------------------


async def test_shipped_before_it_was_confirmed(
    desk: Desk, memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """What came before this order's start travels with it, though others of the customer run."""
    await tell(desk, "order.confirmed", "1000")
    parcel = {"id": "p1", "tracking_number": "123", "estimated_delivery": "2026-11-25"}
    at = (NOON - HOUR).isoformat()
    early = await tell(desk, "order.shipped", shipments=[parcel], occurred_at=at)
    assert early == [("parked", None)]
    await tell(desk, "order.confirmed")
    began = temporal.started[THANKS]
    (shipped,) = [one for one in began.early if one.name == "order_shipped"]
    assert shipped.event["shipments"] == ["p1"]
    assert shipped.event["untracked"] == []
    assert shipped.event["complete"] is True
    assert datetime.fromisoformat(shipped.event["at"]) == NOON - HOUR
    assert began.expected_at == datetime(2026, 11, 26, tzinfo=NOON.tzinfo)  # the end of that day
    assert began.delivered_at is None


async def test_access_given_before_the_order(desk: Desk, temporal: FakeTemporal) -> None:
    """Named with its order it is known to whoever follows that up, whoever else has heard it."""
    await tell(desk, "order.confirmed", "1000")
    await tell(desk, "account.provisioned")
    await tell(desk, "order.confirmed", of={"fulfilment": "digital"})
    began = temporal.started[THANKS]
    assert began.access_given
    assert [one.name for one in began.early] == ["account_provisioned"]
    assert not temporal.started["order-thanks.1000"].access_given


async def test_three_hear_what_one_customer_said_before(desk: Desk, temporal: FakeTemporal) -> None:
    """What waited for a start is heard by all that begin with it."""
    await desk.receive("api", an_event("customer.updated", customer={"id": "ada"}))
    await desk.receive("api", an_event("issue.detected", customer={"id": "ada"}))
    await tell(desk, "order.confirmed", customer={"id": "ada"})
    assert [[one.name for one in began.early] for began in temporal.started.values()] == [
        ["common_issue"]
    ] * 3


async def test_a_case_is_no_follow_up_to_wait_with(desk: Desk, temporal: FakeTemporal) -> None:
    """Only an open case runs: what comes still waits for a follow-up to begin."""
    who = {"id": "ada"}
    await desk.receive("api", an_event("customer.updated", customer=who))
    await desk.receive("api", an_event("complaint.opened", customer=who))
    await desk.receive("api", an_event("issue.detected", customer=who))
    await tell(desk, "order.confirmed", customer=who)
    early = {one.name for one in temporal.started[THANKS].early}
    assert early == {"complaint", "common_issue"}


# -- parcels ----------------------------------------------------------------------------------


async def test_parcel_by_parcel(desk: Desk, memory_store: Store, temporal: FakeTemporal) -> None:
    """It is delivered when the last that is known of it is; the row says when."""
    await tell(desk, "order.confirmed")
    both = [{"id": "p1", "tracking_number": "1"}, {"id": "p2"}]
    await tell(desk, "order.shipped", shipments=both[:1])
    await tell(desk, "order.shipped", shipments=both[1:])
    for at, parcel in ((3, "p2"), (2, "p1")):  # the later one is heard first
        when = (NOON - at * HOUR).isoformat()
        await tell(desk, "order.delivered", shipments=[{"id": parcel}], occurred_at=when)
    said = heard(temporal, THANKS, "order_shipped") + heard(temporal, THANKS, "order_delivered")
    assert [(one["shipments"], one["untracked"], one["complete"]) for one in said] == [
        (["p1"], [], True),
        (["p2"], ["p2"], True),
        (["p2"], ["p2"], False),
        (["p1"], [], True),
    ]
    assert (await only(memory_store, Order)).delivered_at == NOON - 2 * HOUR


async def test_another_parcel_after_all_had_arrived(desk: Desk, memory_store: Store) -> None:
    """Then some of it is on its way again."""
    await tell(desk, "order.confirmed")
    await tell(desk, "order.shipped", shipments=[{"id": "p1"}])
    await tell(desk, "order.delivered", shipments=[{"id": "p1"}])
    assert (await only(memory_store, Order)).delivered_at == NOON
    await tell(desk, "order.shipped", shipments=[{"id": "p2"}])
    assert (await only(memory_store, Order)).delivered_at is None


async def test_delivered_before_it_was_shipped(
    desk: Desk, memory_store: Store, temporal: FakeTemporal
) -> None:
    """Heard in the wrong order the row says the same, and each piece of news is passed on."""
    await tell(desk, "order.confirmed")
    await tell(desk, "order.delivered")
    before = (NOON - 5 * HOUR).isoformat()
    await tell(desk, "order.shipped", shipments=[{"id": "p1"}], occurred_at=before)
    order = await only(memory_store, Order)
    assert (order.shipped_at, order.delivered_at) == (NOON - 5 * HOUR, NOON)
    (delivered,) = heard(temporal, THANKS, "order_delivered")
    assert (delivered["shipments"], delivered["complete"]) == ([], True)


async def test_the_whole_order_is_each_of_its_parcels(desk: Desk, temporal: FakeTemporal) -> None:
    await tell(desk, "order.confirmed", shipments=[{"id": "p1"}, {"id": "p2"}])
    await tell(desk, "order.shipped")
    await tell(desk, "order.shipped", "1001", data={"partial": True})
    whole, part = heard(temporal, THANKS, "order_shipped")
    assert (whole["shipments"], whole["untracked"], whole["complete"]) == (
        ["p1", "p2"], ["p1", "p2"], True,
    )  # fmt: skip
    assert (part["shipments"], part["untracked"], part["complete"]) == ([], [""], False)


async def test_ready_and_picked_up(desk: Desk, memory_store: Store, temporal: FakeTemporal) -> None:
    await tell(desk, "order.confirmed", of={"fulfilment": "pickup"})
    await tell(desk, "order.ready_for_pickup")
    await tell(desk, "order.picked_up")
    order = await only(memory_store, Order)
    assert (order.ready_at, order.delivered_at, order.shipped_at) == (NOON, NOON, None)
    assert heard(temporal, ASKS, "order_picked_up")[0]["complete"] is True


async def test_a_parcel_with_an_odd_name(desk: Desk, memory_store: Store) -> None:
    """What follow-ups are told is an id of ours; by its own name it is found again."""
    odd = "Paket für Ada/1"
    await tell(desk, "order.confirmed")
    await tell(desk, "order.shipped", shipments=[{"id": odd, "carrier": "DHL"}])
    await tell(desk, "order.delivered", shipments=[{"id": odd}])
    (parcel,) = (await only(memory_store, Order)).shipments
    assert (parcel["reference"], parcel["carrier"]) == (odd, "DHL")
    assert parcel["id"].startswith("shp_")
    assert parcel["shipped_at"] == parcel["delivered_at"] == NOON.isoformat()


async def test_no_odd_name_in_a_signal(desk: Desk, temporal: FakeTemporal) -> None:
    await tell(desk, "order.confirmed", shipments=[{"id": "Paket für Canary"}])
    await tell(desk, "order.shipped")
    assert "anary" not in str(temporal.signals)


# -- undone -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cancelled", "refunded"])
async def test_undone_in_whole(
    how: str, desk: Desk, memory_store: Store, temporal: FakeTemporal
) -> None:
    """Its follow-ups end, with the reason; another order's and an open case go on."""
    who = {"id": "ada"}
    await tell(desk, "order.confirmed", customer=who)
    await tell(desk, "order.confirmed", "1002", customer=who)
    await tell(desk, "complaint.opened", customer=who)
    await tell(desk, f"order.{how}", customer=who)
    ended = {id_ for id_, name, _ in temporal.signals if name == "end"}
    assert ended == {THANKS, ASKS}
    reasons = {row.id: row.reason for row in await rows(memory_store, Enrolment)}
    assert reasons[THANKS] == reasons[ASKS] == f"order_{how}"
    said = [row for row in await rows(memory_store, Decision) if row.outcome == "ended"]
    assert {words.sentence(row.outcome, row.reason, {}) for row in said} == {
        f"This was ended: {words.reason(f'order_{how}')}."
    }


async def test_an_only_order_undone(desk: Desk, temporal: FakeTemporal) -> None:
    """A guest without any other order is followed up no more at all."""
    await tell(desk, "order.confirmed")
    await tell(desk, "order.refunded")
    assert sum(name == "end" for _, name, _ in temporal.signals) == 3


async def test_undone_in_parts(desk: Desk, memory_store: Store, temporal: FakeTemporal) -> None:
    """What is named is gone from later texts, whatever the shop says afterwards; nothing ends
    until nothing is left."""
    items = [{"sku": "k", "name": "Kettle"}, {"sku": "l", "name": "Lid"}]
    await tell(desk, "order.confirmed", of={"items": items})
    await tell(desk, "order.refunded", data={"items": ["Lid"]})
    assert heard(temporal, THANKS, "order_refunded")[0]["partial"] is True
    await tell(desk, "order.paid", of={"items": items})
    order = await only(memory_store, Order)
    assert [item.get("gone", False) for item in order.items] == [False, True]
    assert order.refunded_at is None
    assert "end" not in temporal.heard(THANKS)
    await tell(desk, "order.refunded", data={"items": ["k"]})
    assert (await only(memory_store, Order)).refunded_at == NOON
    assert temporal.heard(THANKS)[-2:] == ["end", "order_refunded"]


async def test_returned(desk: Desk, memory_store: Store, temporal: FakeTemporal) -> None:
    """Nothing ends at the door: what it means, each procedure knows."""
    await tell(desk, "order.confirmed")
    await tell(desk, "order.returned")
    assert temporal.heard(THANKS) == ["order_returned"]
    assert (await only(memory_store, Order)).returned_at == NOON


async def test_refunded_before_it_was_confirmed(desk: Desk, temporal: FakeTemporal) -> None:
    """Nothing begins, and why says so."""
    await tell(desk, "order.refunded")
    assert await tell(desk, "order.confirmed") == [("none", "order_refunded")]
    assert not temporal.started


# -- doubled ------------------------------------------------------------------------------------


async def test_the_same_event_with_another_body(
    desk: Desk, memory_store: Store, temporal: FakeTemporal
) -> None:
    """It was heard: the first answer again, and nothing of the new body is taken in."""
    await tell(desk, "order.confirmed")
    event = an_order_event(what="order.shipped", order={"id": "1001"})
    first = await desk.receive("api", event)
    other = event | {"type": "order.delivered", "order": {"id": "1001", "total": "9.00"}}
    assert await desk.receive("api", other) == first
    order = await only(memory_store, Order)
    assert (order.delivered_at, order.total) == (None, None)
    assert len(await rows(memory_store, Inbox)) == 2


async def test_said_twice_under_two_ids(desk: Desk, memory_store: Store) -> None:
    """Two systems report one parcel: the earliest moment stands."""
    await tell(desk, "order.confirmed")
    for hours in (1, 3, 2):
        at = (NOON - hours * HOUR).isoformat()
        await tell(desk, "order.delivered", shipments=[{"id": "p1"}], occurred_at=at)
    assert (await only(memory_store, Order)).delivered_at == NOON - 3 * HOUR
