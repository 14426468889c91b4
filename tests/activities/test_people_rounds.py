"""The rounds: reminded, passed up, handed on, taken back; once, however often they are made."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.crm.consents import state
from activities.crm.house import house_rules
from activities.crm.rounds import Made, make_rounds
from activities.crm.store import Store
from activities.crm.tables import Customer, Decision, Enrolment, Notice, Task, Telling
from tests.activities.desk_work import check_in, enrolled, records, rows, step
from tests.activities.test_people import JO, KIM, the_house
from tests.factories import NOON, FakeClock, a_colleague, kept
from workflows import vocabulary as v
from workflows.vocabulary import Handed, Role

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DUE = NOON + DAY
MANAGER = Role.MANAGER.value


async def rounds(store: Store, clock: FakeClock) -> Made:
    async with store.transaction() as session:
        return await make_rounds(session, clock.now(), await house_rules(session))


async def given(store: Store, clock: FakeClock, customer: str, **fields: Any) -> str:
    noun = check_in(customer).model_copy(update=fields)
    answer = await records(store, clock).hand_over(noun)
    assert isinstance(answer, Handed)
    return answer.task_id


async def the_task(store: Store, task: str) -> Task:
    (row,) = await rows(store, Task, Task.id == task)
    return row


async def told(store: Store) -> list[str]:
    return [row.what for row in await rows(store, Notice)]


async def test_a_reminder_comes_before_it_is_due(store: Store, clock: FakeClock) -> None:
    """Two hours before, once; not of what was given for less."""
    customer = await enrolled(store)
    task = await given(store, clock, customer)
    short = v.Task(**step(customer, "task/2"), role=Role.CSR, what="b", due_by=NOON + HOUR)
    await records(store, clock).hand_over(short)
    assert (await rounds(store, clock)).reminded == 0
    clock.set(DUE - 2 * HOUR)
    assert [(await rounds(store, clock)).reminded for _ in range(3)] == [1, 0, 0]
    assert (await the_task(store, task)).reminded_at == clock.now()
    assert (await told(store)).count("reminder") == 1


async def test_up_the_ladder(store: Store, clock: FakeClock) -> None:
    """Owner, deputy, queue, manager, quality: a step every four office hours; each once."""
    await the_house(store, care={"ladder": [MANAGER, "quality-assurance"]})
    await a_colleague(store, JO, deputy=KIM)
    await a_colleague(store, KIM)
    customer = await enrolled(store, owner=JO)
    task = await given(store, clock, customer)
    went = []
    for hours in range(60):
        clock.set(DUE + timedelta(hours=hours, minutes=15))
        for _ in range(2):
            if (await rounds(store, clock)).escalated:
                row = await the_task(store, task)
                went.append((clock.now().astimezone(UTC), row.assignee, row.escalated_to, row.rung))
    assert went == [
        (datetime(2026, 11, 24, 12, 15, tzinfo=UTC), KIM, None, 1),
        (datetime(2026, 11, 24, 16, 15, tzinfo=UTC), None, None, 2),
        (datetime(2026, 11, 25, 12, 15, tzinfo=UTC), None, MANAGER, 3),
        (datetime(2026, 11, 25, 16, 15, tzinfo=UTC), None, Role.QUALITY.value, 4),
    ]
    why = await rows(store, Decision, Decision.outcome == "escalated")
    assert sorted((one.facts["rung"], one.facts["to"]) for one in why) == [
        (1, KIM), (2, "queue"), (3, MANAGER), (4, "quality-assurance"),
    ]  # fmt: skip
    assert {one.reason for one in why} == {"overdue"}
    assert (await the_task(store, task)).state == "open"


async def test_what_nobody_has_goes_up_at_once(store: Store, clock: FakeClock) -> None:
    """Its own role hears of it, too; a manager's own task has nobody above."""
    task = await given(store, clock, await enrolled(store))
    above = await given(store, clock, await enrolled(store), role=Role.MANAGER)
    clock.set(DUE + HOUR)
    assert (await rounds(store, clock)).escalated == 1
    assert (await the_task(store, task)).escalated_to == MANAGER
    assert (await the_task(store, above)).rung == 0
    assert sorted(await told(store)) == ["escalated", "new", "new", "overdue"]


async def test_a_machine_that_takes_over_is_given_time_for_it(
    store: Store, clock: FakeClock
) -> None:
    """What goes as it stands when it is due is no case for the manager."""
    await given(store, clock, await enrolled(store))
    clock.set(DUE + timedelta(minutes=10))
    assert await rounds(store, clock) == Made()


async def test_cases_are_reminded_of_and_have_their_own_ladder(
    store: Store, clock: FakeClock
) -> None:
    """The matrix says who hears of a case; released and snoozed tasks are left in peace."""
    customer = await enrolled(store)
    case = await given(store, clock, customer, case_id="case_1")
    snoozed, released = [await given(store, clock, await enrolled(store)) for _ in range(2)]
    async with store.transaction() as session:
        (await session.get_one(Task, snoozed)).snoozed_until = DUE + 30 * DAY
        (await session.get_one(Task, released)).state = "released"
    clock.set(DUE - HOUR)
    assert await rounds(store, clock) == Made(reminded=1)
    clock.set(DUE + 9 * DAY)
    assert await rounds(store, clock) == Made()
    assert (await the_task(store, case)).reminded_at is not None


async def test_many_at_once_make_the_rounds_once(store: Store, clock: FakeClock) -> None:
    """Whoever comes second finds it done."""
    for _ in range(4):
        await given(store, clock, await enrolled(store))
    clock.set(DUE + HOUR)
    made = await asyncio.gather(*(rounds(store, clock) for _ in range(6)))
    assert sum(one.escalated for one in made) == 4
    assert len(await rows(store, Decision, Decision.outcome == "escalated")) == 4


@pytest.mark.parametrize(
    ("fields", "whose"),
    [
        ({"away_until": DUE + DAY}, KIM),
        ({"disabled_at": NOON}, KIM),
        ({"away_until": DUE - HOUR}, JO),  # they are back before it is due
    ],
)
async def test_who_is_away_is_stood_in_for(
    store: Store, clock: FakeClock, fields: dict[str, Any], whose: str
) -> None:
    """What was theirs already, a case's answer with it."""
    jo = await a_colleague(store, JO, deputy=KIM)
    await a_colleague(store, KIM)
    customer = await enrolled(store, owner=JO)
    task = await given(store, clock, customer, case_id="case_1")
    async with store.transaction() as session:
        row = await session.get_one(type(jo), jo.id)
        for name, value in fields.items():
            setattr(row, name, value)
    for _ in range(2):
        await rounds(store, clock)
    assert (await the_task(store, task)).assignee == whose
    why = await rows(store, Decision, Decision.outcome == "reassigned")
    assert [one.facts["to"] for one in why] == ([KIM] if whose == KIM else [])


@pytest.mark.parametrize("how", ["sensitive", "opted_out"])
async def test_nobody_is_contacted_who_must_not_be_any_more(
    store: Store, clock: FakeClock, how: str
) -> None:
    """A bereavement, or a no: the waiting task is taken back, and its workflow goes on; what is
    about a case stays, and so does what is no contact."""
    customer = await enrolled(store)
    task = await given(store, clock, customer)
    case = await given(store, clock, customer, key="k", template="case-answer", case_id="case_1")
    inside = v.Task(**step(customer, "task/2"), role=Role.CSR, what="look it up")
    await records(store, clock).hand_over(inside)
    clock.advance(hours=1)
    async with store.transaction() as session:
        if how == "sensitive":
            (await session.get_one(Customer, customer)).sensitive = True
        else:
            await state(session, customer, {"all": False}, at=clock.now(), now=clock.now(),
                        source="test")  # fmt: skip
    assert [(await rounds(store, clock)).taken_back for _ in range(2)] == [1, 0]
    row = await the_task(store, task)
    assert (row.state, row.reason) == ("released", how)
    (telling,) = await rows(store, Telling)
    assert (telling.body["task_id"], telling.body["released"]) == (task, how)
    (why,) = await rows(store, Decision, Decision.outcome == "released")
    assert why.reason == how
    still = await rows(store, Task, Task.state == "open")
    assert {one.title for one in still} == {"look it up", (await the_task(store, case)).title}


async def test_a_task_of_what_is_over_closes_its_clause(store: Store, clock: FakeClock) -> None:
    """Nobody is left to be told."""
    customer = await enrolled(store)
    await given(store, clock, customer)
    async with store.transaction() as session:
        (await session.get_one(Customer, customer)).sensitive = True
        (await session.get_one(Enrolment, f"online-customer.{customer}")).ended_at = NOON
    await rounds(store, clock)
    assert not await rows(store, Telling)


async def test_what_waits_keeps_nothing_from_its_turn(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is overdue and waits for its next rung, or lies with somebody who will be back
    in time: what is due behind it goes up, goes on, and is reminded of."""
    monkeypatch.setattr("activities.crm.rounds.MANY", 2)
    await a_colleague(store, JO, away_until=DUE + 3 * DAY)
    await a_colleague(store, KIM, disabled_at=NOON)
    for number in range(3):  # has gone up, and waits
        await kept(store, bare(f"up{number}", due_at=DUE - HOUR, rung=1))
        await kept(store, bare(f"jo{number}", due_at=DUE + 4 * DAY, assignee=JO))
        await kept(store, bare(f"short{number}", due_at=DUE + HOUR, created_at=DUE))
    await kept(store, bare("late", due_at=DUE - HOUR / 2))
    await kept(store, bare("kim", due_at=DUE + 5 * DAY, assignee=KIM))
    await kept(store, bare("soon", due_at=DUE + HOUR + HOUR / 2))
    clock.set(DUE)
    assert await rounds(store, clock) == Made(reminded=1, escalated=1, moved=1)
    assert (await the_task(store, "late")).rung == 1
    assert (await the_task(store, "kim")).assignee is None
    assert (await the_task(store, "soon")).reminded_at == DUE


async def test_everybody_is_looked_at_in_turn(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Customers who said no to something else keep nobody's no from being heard."""
    monkeypatch.setattr("activities.crm.rounds.MANY", 2)
    for number in range(5):
        customer = await enrolled(store)
        await given(store, clock, customer, due_by=DUE + number * HOUR)
        scope = "all" if number == 4 else "email_marketing"
        async with store.transaction() as session:
            await state(session, customer, {scope: False}, at=NOON, now=NOON, source="test")
    taken = 0
    for _ in range(5):
        clock.advance(minutes=1)
        taken += (await rounds(store, clock)).taken_back
    assert taken == 1


def bare(name: str, **fields: Any) -> Task:
    """A task of nobody in particular."""
    usual = {"id": name, "key": name, "role": Role.CSR, "title": "x", "state": "open"}
    return Task(**usual | {"created_at": NOON} | fields)
