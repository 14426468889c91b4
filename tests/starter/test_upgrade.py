"""A database of the release before is brought up to date with all that is in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, select

from activities.crm import cases
from activities.crm.holds import open_holds
from activities.crm.house import house_rules
from activities.crm.migrate import _config, at_head, upgrade
from activities.crm.rounds import Made, make_rounds
from activities.crm.store import Store
from activities.crm.tables import Case, Order, Staff, Task
from starter.desk import Desk
from starter.reports import casework
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, a_desk, an_event, effects

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADA = {"id": "cus_ada"}
CUSTOMER = {"email": "ada@example.com", "tier": "standard", "sensitive": False, "told_at": {},
            "created_at": NOON}  # fmt: skip
CASE = {"customer_id": "cus_ada", "opened_at": NOON - DAY}
TASK = {"customer_id": "cus_ada", "about": "", "role": "customer-excellence-officer",
        "mode": "each", "state": "open", "due_at": NOON, "brief": {}, "worth": 0, "priority": 1,
        "created_at": NOON - DAY}  # fmt: skip
ORDER = {"customer_id": "cus_ada", "items": [], "told_at": {}, "created_at": NOON}
BEFORE: list[tuple[str, dict[str, Any]]] = [
    ("customer", {"id": "cus_ada"} | CUSTOMER),
    ("cases", {"id": "case_1", "key": "cus_ada:t-1", "kind": "complaint", "state": "open"} | CASE),
    ("hold", {"id": "case_1", "customer_id": "cus_ada", "kind": "complaint", "at": NOON - DAY}),
    ("task", {"id": "task_1", "key": "case_1/answer", "title": "Put a complaint right"} | TASK),
    ("cases", {"id": "case_2", "key": "in_2", "kind": "inquiry", "state": "open"} | CASE),
    ("task", {"id": "task_2", "key": "case_2/answer", "title": "Answer"} | TASK),
    ("cases", {"id": "case_3", "key": "in_3", "kind": "inquiry", "state": "answered",
               "answered_at": NOON, "resolved_at": NOON} | CASE),
    ("cases", {"id": "case_4", "key": "in_4", "kind": "complaint", "state": "resolved",
               "resolved_at": NOON} | CASE),
    ("orders", {"id": "1001", "confirmed_at": NOON - DAY, "delivered_at": NOON,
                "shipments": [{"id": "p1"}]} | ORDER),
    ("orders", {"id": "1002", "confirmed_at": NOON - DAY, "shipments": []} | ORDER),
    ("staff", {"id": "sta_jo", "email": "jo@example.com", "created_at": NOON,
               "role": "customer-excellence-officer"}),
]  # fmt: skip


@pytest.fixture
async def house(empty_url: str) -> AsyncIterator[Store]:
    """As the release before left it, upgraded."""
    store = Store(empty_url)

    def fill(connection: Connection) -> None:
        command.upgrade(_config(connection), "v0003")
        tables = MetaData()
        tables.reflect(connection)
        for table, row in BEFORE:
            connection.execute(tables.tables[table].insert().values(row))

    async with store.engine.begin() as connection:
        await connection.run_sync(fill)
    assert not await at_head(store)
    await upgrade(empty_url)
    assert await at_head(store)
    yield store
    await store.close()


@pytest.fixture
def desk(house: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(house, clock, temporal)


async def the(store: Store, name: str) -> Case:
    async with store.reading() as session:
        return await session.get_one(Case, name)


async def test_all_of_it_is_there(house: Store) -> None:
    """What was over is closed, what was open is open; tasks and colleagues have their defaults."""
    assert [(await the(house, f"case_{n}")).state for n in (1, 2, 3, 4)] == [
        "open", "open", "closed", "closed",
    ]  # fmt: skip
    assert [(await the(house, f"case_{n}")).closed_at for n in (1, 3)] == [None, NOON]
    async with house.reading() as session:
        task, jo = await session.get_one(Task, "task_1"), await session.get_one(Staff, "sta_jo")
        order = await session.get_one(Order, "1001")
        held = await open_holds(session, "cus_ada")
        asked = await cases.open_of(session, "cus_ada")
        listed = await casework.listed(session, casework.Wanted("closed"), limit=5)
    assert (task.form, task.urgent, task.rung, task.case_id) == ("free", False, 0, None)
    assert (jo.capacity, jo.deputy, jo.away_until) == (None, None, None)
    assert (order.delivered_at, order.ready_at) == (NOON, None)
    assert [row.id for row in held] == ["case_1"]
    assert [row.id for row in asked] == ["case_1", "case_2"]
    assert {one.outcome for one in listed.data} == {None}


async def test_cases_without_a_workflow_are_closed_by_their_tasks(
    desk: Desk, house: Store, temporal: FakeTemporal
) -> None:
    """As they were before: nobody else would close them, or let go of what they held."""
    done = await desk.complete_task("task_1", {"note": "A new one is on its way."}, "jo")
    assert effects(done) == [("recorded", None)]
    await desk.complete_task("task_2", {"result": "called"}, "jo")
    for name, outcome in (("case_1", "decided"), ("case_2", "answered")):
        row = await the(house, name)
        assert (row.state, row.outcome) == ("closed", outcome)
    async with house.reading() as session:
        assert not await open_holds(session, "cus_ada")
    assert temporal.started == {}


async def test_they_are_answered_and_resolved_elsewhere(desk: Desk, house: Store) -> None:
    """By the helpdesk, by its own reference or by none; their tasks are done with that."""
    for what, data in (("complaint.resolved", {"reference": "t-1"}), ("inquiry.answered", {})):
        await desk.receive("api", an_event(what, customer=ADA, data=data))
    async with house.reading() as session:
        states = set((await session.execute(select(Task.state))).scalars())
    assert states == {"done"}
    assert [(await the(house, f"case_{n}")).state for n in (1, 2)] == ["closed", "closed"]


async def test_what_is_heard_next_joins_them(desk: Desk, house: Store) -> None:
    """A question while the old one is open, the same complaint once more: nothing new begins."""
    for what, data in (
        ("reply.received", {"text": "Hello?"}),
        ("complaint.opened", {"reference": "t-1"}),
    ):
        await desk.receive("api", an_event(what, customer=ADA, data=data))
    async with house.reading() as session:
        assert len(set((await session.execute(select(Case.id))).scalars())) == 4


async def test_old_tasks_are_looked_after(house: Store) -> None:
    """What has been overdue since before goes up, each task by itself."""
    async with house.transaction() as session:
        made = await make_rounds(session, NOON + HOUR, await house_rules(session))
    assert made == Made(escalated=2)


async def test_an_old_order_goes_on(desk: Desk, house: Store) -> None:
    """One that had come stays so, whatever is said of its parcels; the other is delivered."""
    event = an_event("order.shipped", customer=ADA, order={"id": "1001"})
    await desk.receive("api", event)
    await desk.receive("api", an_event("order.delivered", customer=ADA, order={"id": "1002"}))
    async with house.reading() as session:
        come = [(await session.get_one(Order, name)).delivered_at for name in ("1001", "1002")]
    assert come == [NOON, NOON]
