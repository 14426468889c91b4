"""What the door refuses, with which code and at which field; and that it repeats nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.crm.store import Store
from activities.crm.tables import Customer, Inbox, Order
from starter.answers import Refusal
from starter.desk import Desk
from starter.intake.events import TYPES, read_event
from starter.intake.patches import CustomerPatch, OrderPatch
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, a_desk, an_event, an_order_event, effects, only, rows
from workflows.vocabulary import Pace

WHO = {"email": "canary@example.com"}
ORDER = {"id": "1001"}

FEEDBACK = {"type": "feedback.received", "order": None}
WISH = {"type": "follow_up.requested", "order": None}

WRONG: list[tuple[str, str, dict[str, Any]]] = [
    ("missing", "id", {"id": None}),
    ("unknown_event_type", "type", {"type": "order.confirmd"}),
    ("unknown_field", "custommer", {"custommer": {}}),
    ("missing", "order", {"order": None}),
    ("invalid_time", "occurred_at", {"occurred_at": "yesterday"}),
    ("invalid_time", "occurred_at", {"occurred_at": 1763700000}),
    ("invalid_time", "occurred_at", {"occurred_at": "2026-11-20T12:00:00"}),
    ("occurred_in_the_future", "occurred_at", {"occurred_at": "2026-12-24T12:00:00Z"}),
    ("invalid_time", "occurred_at", {"occurred_at": "0001-01-01T00:00:00Z"}),
    (
        "occurred_in_the_future",
        "order.confirmed_at",
        {"order": {"id": "1001", "confirmed_at": "2999-01-01T00:00:00Z"}},
    ),
    ("invalid", "data.reference", {"data": {"reference": "x" * 191}}),
    ("id_looks_personal", "customer.id", {"customer": {"id": "canary@example.com"}}),
    ("id_looks_personal", "customer.id", {"customer": {"id": "+442079460000"}}),
    ("id_looks_personal", "customer.id", {"customer": {"id": "ada-king", "name": "Ada King"}}),
    ("id_looks_personal", "customer.id", {"customer": WHO | {"id": "canary"}}),
    ("invalid_id", "customer.id", {"customer": {"id": "gid://shop/Customer/1"}}),
    ("invalid_id", "customer.id", {"customer": {"id": "x" * 65}}),
    ("invalid", "customer.id", {"customer": {"id": ["canary"]}}),
    ("invalid_email", "customer.email", {"customer": {"email": "canary at home"}}),
    ("invalid_phone", "customer.phone", {"customer": {"phone": "12"}}),
    ("invalid_phone", "customer.phone", {"customer": {"phone": "canary"}}),
    ("unknown_country", "customer.country", {"customer": WHO | {"country": "UK"}}),
    ("unknown_time_zone", "customer.time_zone", {"customer": WHO | {"time_zone": "Mars/Base"}}),
    ("unknown_time_zone", "customer.time_zone", {"customer": WHO | {"time_zone": "../etc/x"}}),
    ("unknown_locale", "customer.locale", {"customer": WHO | {"locale": "xx-YY"}}),
    ("unprintable_text", "customer.name", {"customer": WHO | {"name": "Ca\nnary"}}),
    ("invalid", "customer.tier", {"customer": WHO | {"tier": "gold"}}),
    ("invalid", "customer.name", {"customer": WHO | {"name": "x" * 201}}),
    (
        "invalid",
        "customer.consent.email_marketing",
        {"customer": WHO | {"consent": {"email_marketing": "yes"}}},
    ),
    ("invalid_amount", "order.total", {"order": ORDER | {"total": 49.99}}),
    ("invalid_amount", "order.total", {"order": ORDER | {"total": "NaN"}}),
    ("invalid", "order.currency", {"order": ORDER | {"currency": "pounds"}}),
    ("unprintable_text", "order.id", {"order": {"id": "10\x0001"}}),
    ("invalid", "order.id", {"order": {"id": ""}}),
    ("invalid", "order.items.0.url", {"order": ORDER | {"items": [{"url": "javascript:x"}]}}),
    ("unknown_field", "order.items.0.nmae", {"order": ORDER | {"items": [{"nmae": "x"}]}}),
    ("unknown_field", "data.note", {"data": {"note": "canary"}}),
    ("score_out_of_range", "data.score", FEEDBACK | {"data": {"score": 101}}),
    ("score_out_of_range", "data.score", FEEDBACK | {"data": {"score": -0.5}}),
    ("score_out_of_range", "data.score", FEEDBACK | {"data": {"score": float("nan")}}),
    ("score_out_of_range", "data.product", FEEDBACK | {"data": {"product": 1e9}}),
    ("invalid", "data.satisfied", FEEDBACK | {"data": {"satisfied": "no"}}),
    ("invalid", "data.items", {"type": "order.refunded", "data": {"items": ["x"] * 501}}),
    ("unprintable_text", "data.items.0", {"type": "order.returned", "data": {"items": ["a\nb"]}}),
    (
        "invalid",
        "order.shipments",
        {"type": "order.shipped", "order": ORDER | {"shipments": [{"id": "p"}] * 101}},
    ),
    ("unknown_sop", "data.sop", WISH | {"data": {"sop": "nope"}}),
    (
        "unknown_key",
        "data.policy.chek_in",
        WISH | {"data": {"sop": "online-customer", "policy": {"chek_in": "1d"}}},
    ),
]


@pytest.fixture
def desk(memory_store: Store) -> Desk:
    return a_desk(memory_store, FakeClock(), FakeTemporal())


@pytest.mark.parametrize(("code", "param", "said"), WRONG)
async def test_refused(code: str, param: str, said: dict[str, Any], desk: Desk) -> None:
    """What cannot be meant is refused before it is kept, by code and field, repeating nothing."""
    with pytest.raises(Refusal) as refused:
        await desk.receive("api", an_order_event(**said))
    assert (refused.value.code, refused.value.param) == (code, param)
    assert refused.value.status == 422
    assert "anary" not in refused.value.detail
    assert not await rows(desk.store, Inbox)


async def test_a_refused_id_may_come_again(desk: Desk) -> None:
    """What was refused was not kept: mended, it comes under the same id."""
    event = an_order_event()
    with pytest.raises(Refusal):
        await desk.receive("api", event | {"colour": "red"})
    assert ("started", None) in effects(await desk.receive("api", event))


def test_near_matches() -> None:
    """A misspelt type is told what it may have meant."""
    with pytest.raises(Refusal) as refused:
        read_event(an_event("order.comfirmed"))
    assert "order.confirmed" in refused.value.detail


def test_only_workflows_wish_for_years() -> None:
    """What only workflows say cannot come in by the door; nor a target."""
    for said in (an_event("keep_in_touch.wanted"), an_order_event(follow_up="online-customer.x")):
        with pytest.raises(Refusal):
            read_event(said)


@pytest.mark.parametrize("guest", [None, "", "0", 0])
def test_guests(guest: object) -> None:
    """A guest's id is absent, null, zero or empty; a number is an id like any other."""
    assert CustomerPatch.model_validate({"id": guest, "email": "a@example.com"}).id is None
    assert CustomerPatch.model_validate({"id": 6763943420153}).id == "6763943420153"


def test_orders_are_plain() -> None:
    """Amounts stay decimals as they were said; what stands in lists is plain data."""
    said = OrderPatch.model_validate(
        {"id": 7, "total": "49.90", "currency": "gbp", "items": [{"sku": "k", "price": "0.1"}]}
    ).said()
    assert said == {
        "id": "7",
        "total": "49.90",
        "currency": "GBP",
        "items": [{"sku": "k", "price": "0.1"}],
    }


async def test_phone_by_country(desk: Desk) -> None:
    """A number without its country code is one of the customer's country, else of the house's."""
    said = {"id": "42", "phone": "030 901820", "country": "DE"}
    await desk.receive("api", an_event("customer.updated", customer=said))
    assert (await only(desk.store, Customer)).phone == "+4930901820"
    again = {"id": "42", "phone": "030 901821"}
    await desk.receive("api", an_event("customer.updated", customer=again))
    assert (await only(desk.store, Customer)).phone == "+4930901821"


def test_a_day_will_do_where_nobody_knows_the_hour() -> None:
    """Carriers promise a day, and shops know since when; for what happened, the moment is asked."""
    assert CustomerPatch.model_validate({"since": "2021-03-01"}).since == datetime(
        2021, 3, 1, tzinfo=UTC
    )
    order = {"id": "1", "shipments": [{"id": "s", "estimated_delivery": "2026-11-25"}]}
    (shipment,) = OrderPatch.model_validate(order).shipments or []
    assert shipment.estimated_delivery == datetime(2026, 11, 25, tzinfo=UTC)
    with pytest.raises(ValueError, match="zone"):
        OrderPatch.model_validate({"id": "1", "confirmed_at": "2026-11-25"})


async def test_odd_order_ids(desk: Desk) -> None:
    """An order's id of an odd shape gets one of ours; by its own it is found again."""
    await desk.receive("api", an_order_event("#1001/ä"))
    await desk.receive("api", an_order_event("#1001/ä", what="order.paid"))
    row = await only(desk.store, Order)
    assert row.reference == "#1001/ä"
    assert row.id.startswith("ord_")
    assert row.paid_at == NOON


async def test_clocks_that_differ(desk: Desk) -> None:
    """What comes from a clock a little ahead happened now."""
    event = an_order_event(occurred_at=(NOON + timedelta(minutes=5)).isoformat())
    await desk.receive("api", event)
    assert (await only(desk.store, Inbox)).occurred_at == NOON


async def test_a_demonstrations_clock(memory_store: Store) -> None:
    """At a demonstration's pace the world's clock is read as policy time."""
    clock = FakeClock()
    clock.pace = Pace(factor=86400, since=NOON)
    clock.real_now = NOON + timedelta(seconds=10)
    clock.policy_now = NOON + timedelta(days=10)
    desk = a_desk(memory_store, clock, FakeTemporal())
    event = an_order_event(occurred_at=(NOON + timedelta(seconds=9)).isoformat())
    await desk.receive("api", event)
    assert (await only(memory_store, Inbox)).occurred_at == NOON + timedelta(days=9)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = st.sampled_from([*CustomerPatch.model_fields, *OrderPatch.model_fields, "text", "topics"])
PATCH = st.dictionaries(FIELDS, JSON | st.sampled_from(["0", "a@example.com", "1.5"]), max_size=4)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    what=st.sampled_from([*TYPES, "nonsense"]),
    customer=PATCH | JSON,
    order=PATCH | JSON,
    data=PATCH | JSON,
)
def test_nonsense(what: str, customer: Any, order: Any, data: Any) -> None:
    """Whatever comes in is an event or a refusal, never an accident."""
    said = {"id": "e", "type": what, "customer": customer, "order": order, "data": data}
    try:
        read_event(said)
    except Refusal as refused:
        json.dumps([refused.code, refused.detail, refused.param])


def test_who_wrote_the_beginning_of_a_type_hears_the_whole_of_it() -> None:
    """Nearest in spelling is something else: `order.paid`."""
    with pytest.raises(Refusal) as refused:
        read_event({"id": "e", "type": "order.ready", "order": {"id": "1"}})
    assert refused.value.detail.endswith("; did you mean order.ready_for_pickup?")


def test_a_field_that_is_not_known_is_said_to_be_that() -> None:
    said = {"id": "e", "type": "customer.updated", "customer": {"id": "C-1", "prefers": "phone"}}
    with pytest.raises(Refusal) as refused:
        read_event(said)
    assert refused.value.detail == "there is no such field"
    assert refused.value.param == "customer.prefers"
