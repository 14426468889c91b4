"""Duplicates, disorder and delay end in the same state."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.crm import enrolments
from activities.crm.store import Store
from activities.crm.tables import (
    Alias,
    Case,
    Consent,
    Customer,
    Engagement,
    Enrolment,
    Hold,
    Inbox,
    Note,
    Order,
    Task,
)
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, a_desk, rows

BOTH = {"id": "42", "email": "Ada@example.com"}
GUEST = {"email": "ada@example.com", "consent": {"email_marketing": True}}
ORDER = {"id": "#1001", "total": "49.00"}
BOUGHT = (
    "reference total currency confirmed_at paid_at shipped_at delivered_at shipments fulfilment"
).split()
LIFE: list[tuple[str, dict[str, Any]]] = [
    ("customer.signed_up", {"customer": BOTH | {"name": "Ada Byron"}}),
    ("order.confirmed", {"customer": GUEST, "order": ORDER | {"fulfilment": "ship"}}),
    ("customer.updated", {"customer": BOTH | {"name": "Ada King", "time_zone": "Europe/Paris"}}),
    ("order.paid", {"customer": GUEST, "order": ORDER | {"currency": "gbp"}}),
    ("order.shipped", {"order": {"id": "#1001", "shipments": [{"id": "p1", "carrier": "DHL"}]}}),
    ("order.shipped", {"order": {"id": "#1001", "shipments": [{"id": "p2", "carrier": "UPS"}]}}),
    ("engagement.login", {"customer": {"id": "42"}}),
    ("consent.changed", {"customer": {"id": "42"}, "data": {"email_marketing": False}}),
    ("reply.received", {"customer": {"email": "ADA@example.com"}, "data": {"text": "Thanks"}}),
    ("complaint.opened", {"customer": GUEST, "data": {"reference": "t1", "text": "It leaks"}}),
    ("order.delivered", {"order": {"id": "#1001"}}),
    ("complaint.resolved", {"customer": {"id": "42"}, "data": {"reference": "t1"}}),
    ("issue.detected", {"customer": {"id": "42"}, "data": {"topic": "noise"}}),
]


def the_life() -> list[dict[str, Any]]:
    """One customer's events, an hour apart, as they happened."""
    begun = NOON - timedelta(days=3)
    return [
        {"id": f"evt_{n}", "type": what, **said}
        | {"occurred_at": (begun + timedelta(hours=n)).isoformat()}
        for n, (what, said) in enumerate(LIFE)
    ]


def moment(row: Enrolment) -> datetime:
    """From when it counts."""
    return datetime.fromisoformat(row.input["purchased_at"])


async def lived(store: Store, events: list[dict[str, Any]], at_once: int = 1) -> dict[str, Any]:
    """The state of the tables after these events, our own random ids left out."""
    temporal = FakeTemporal()
    clock = FakeClock()
    desk = a_desk(store, clock, temporal)
    for start in range(0, len(events), at_once):
        group = events[start : start + at_once]
        await asyncio.gather(*(desk.receive("api", event) for event in group))
    clock.real_now += 2 * enrolments.LEASE  # a busy machine leaves some of it claimed
    while await desk.relay.tell():  # what had waited, and was carried out with another
        pass
    (customer,), (order,) = await rows(store, Customer), await rows(store, Order)
    ours = {key: began for key, began in temporal.started.items() if not key.startswith("case.")}
    (follow_up, began), *more = ours.items()
    assert not more
    heard = Counter(temporal.heard(follow_up)) + Counter(early.name for early in began.early)
    del heard["order_placed"]  # to who signed up first; who bought first began with it
    del heard["began_earlier"]  # to who bought first, as they had signed up before that
    names = {row.alias for row in await rows(store, Alias)} | {customer.id}
    return {
        "customer": [getattr(customer, name) for name in ("email", "name", "time_zone", "tier")],
        "named": "42" in names,
        "order": [getattr(order, name) for name in BOUGHT],
        "consent": {(row.scope, row.given, row.at) for row in await rows(store, Consent)},
        "cases": sorted((row.kind, row.state, row.opened_at) for row in await rows(store, Case)),
        "holds": [(row.kind, row.released_at is None) for row in await rows(store, Hold)],
        "tasks": sorted((row.key.split("/")[-1], row.state) for row in await rows(store, Task)),
        "notes": sorted((row.summary, row.at) for row in await rows(store, Note)),
        "engagement": [row.kind for row in await rows(store, Engagement)],
        "follow_ups": sorted((row.sop, moment(row)) for row in await rows(store, Enrolment)),
        "inbox": Counter(row.state for row in await rows(store, Inbox)),
        "heard": heard,
    }


@pytest.fixture
async def in_order() -> dict[str, Any]:
    store = Store("sqlite+aiosqlite://")
    await store.create_all()
    state = await lived(store, the_life())
    await store.close()
    assert state["inbox"] == {"done": len(LIFE)}
    assert state["holds"] == [("complaint", False)]
    return state


@pytest.mark.parametrize("seed", range(25))
async def test_shuffled_and_doubled(
    seed: int, memory_store: Store, in_order: dict[str, Any]
) -> None:
    """However the events of a life are shuffled and repeated, the tables say the same."""
    luck = random.Random(seed)
    events = the_life()
    events += luck.sample(events, luck.randrange(len(events)))
    luck.shuffle(events)
    assert await lived(memory_store, events) == in_order


@pytest.mark.parametrize("seed", range(4))
async def test_all_at_once(seed: int, store: Store, in_order: dict[str, Any]) -> None:
    """Nor does it matter how many of them come at the same moment."""
    luck = random.Random(seed)
    events = the_life() * 2
    luck.shuffle(events)
    assert await lived(store, events, at_once=8) == in_order


async def test_a_change_of_a_bare_id_waits_for_its_person(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """Heard first, beside a guest's order: once the id has an address, they are one, not two."""
    desk = a_desk(memory_store, clock, temporal)
    told: list[tuple[str, dict[str, Any]]] = [
        ("customer.updated", {"customer": {"id": "42", "time_zone": "Europe/Paris"}}),
        ("order.paid", {"customer": GUEST, "order": ORDER}),
        ("customer.signed_up", {"customer": BOTH}),
    ]
    for what, said in told:
        await desk.receive("api", {"id": what, "type": what, **said})
    (customer,) = await rows(memory_store, Customer)
    assert (customer.email, customer.time_zone) == ("ada@example.com", "Europe/Paris")
    assert {row.state for row in await rows(memory_store, Inbox)} == {"done"}


async def test_a_sign_up_that_is_heard_of_late(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """What was bought since does not make an old customer of whom signed up before, even where
    nothing began with it, because it was refunded."""
    desk, paid = a_desk(memory_store, clock, temporal), (NOON - timedelta(hours=2)).isoformat()
    told: list[tuple[str, dict[str, Any]]] = [
        ("order.refunded", {"order": {"id": "#1001"}, "occurred_at": NOON.isoformat()}),
        ("order.paid", {"customer": BOTH, "order": ORDER, "occurred_at": paid}),
    ]
    for what, said in told:
        await desk.receive("api", {"id": what, "type": what, **said})
    assert temporal.started == {}
    at = (NOON - timedelta(hours=3)).isoformat()
    await desk.receive("api", {"id": "e", "type": "customer.signed_up", "customer": BOTH,
                               "occurred_at": at})  # fmt: skip
    assert [key.partition(".")[0] for key in temporal.started] == ["online-customer"]


async def test_an_order_heard_of_late_knows_of_the_complaint(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """It was told to whoever ran by then; what begins with the older order knows of it, too."""
    desk = a_desk(memory_store, clock, temporal, sops="online-customer,order-thanks")
    said = {"customer": BOTH, "data": {"text": "It leaks"}}
    ago = [(NOON - timedelta(hours=hours)).isoformat() for hours in (3, 1, 2)]
    told: list[tuple[str, dict[str, Any]]] = [
        ("customer.signed_up", {"customer": BOTH}),
        ("complaint.opened", said),
        ("order.paid", {"customer": BOTH, "order": ORDER}),
    ]
    for (what, more), at in zip(told, ago, strict=True):
        await desk.receive("api", {"id": what, "type": what, "occurred_at": at, **more})
    case = (await rows(memory_store, Case))[0]
    (began,) = (one for key, one in temporal.started.items() if key.startswith("order-thanks."))
    heard = [one.model_dump() for one in began.early]
    assert [(one["name"], one["event"]["case_id"]) for one in heard] == [("complaint", case.id)]
