"""Whose task it is, and how much people can do in a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.crm import cases
from activities.crm.house import HouseRules
from activities.crm.store import Store, lock_customer
from activities.crm.tables import Decision, Draft, Notice, PolicyVersion, Task, Telling
from tests.activities.desk_work import check_in, enrolled, records, rows, step
from tests.factories import NOON, FakeClock, a_colleague, an_enrolment, an_order, kept
from workflows import vocabulary as v
from workflows.vocabulary import Form, Handed, Refused, Role

JO, KIM, SAM = "jo@example.com", "kim@example.com", "sam@example.com"
DAY = timedelta(days=1)


async def the_house(store: Store, **rules: Any) -> None:
    """House rules that differ from the default."""
    row = PolicyVersion(id="pol_1", name="house", version=1, body=rules, at=NOON, approved_by="jo")
    await kept(store, row)


async def task_of(store: Store, customer: str) -> Task:
    (row,) = await rows(store, Task, Task.customer_id == customer)
    return row


@pytest.mark.parametrize(
    ("jo", "kim", "whose"),
    [
        ({}, {}, JO),
        ({"away_until": NOON + DAY, "deputy": KIM}, {}, KIM),
        ({"away_until": NOON - DAY, "deputy": KIM}, {}, JO),
        ({"disabled_at": NOON, "deputy": KIM}, {}, KIM),
        ({"away_until": NOON + DAY}, {}, None),
        ({"away_until": NOON + DAY, "deputy": KIM}, {"away_until": NOON + DAY, "deputy": SAM}, SAM),
        ({"away_until": NOON + DAY, "deputy": KIM}, {"away_until": NOON + DAY, "deputy": JO}, None),
        ({"away_until": NOON + DAY, "deputy": JO}, {}, None),
        ({"away_until": NOON + DAY, "deputy": "gone@example.com"}, {}, None),
    ],
)
async def test_the_owner_else_their_deputy_else_the_queue(
    store: Store, clock: FakeClock, jo: Any, kim: Any, whose: str | None
) -> None:
    """Along the chain of deputies, which may be a circle; nobody there: the role's queue."""
    await a_colleague(store, JO, **jo)
    await a_colleague(store, KIM, **kim)
    await a_colleague(store, SAM)
    customer = await enrolled(store, owner=JO)
    await records(store, clock).hand_over(check_in(customer))
    assert (await task_of(store, customer)).assignee == whose


async def test_what_is_passed_up_is_not_the_owners(store: Store, clock: FakeClock) -> None:
    """Nobody oversees themselves; and an owner without an account is nobody."""
    await a_colleague(store, JO)
    mine, theirs = await enrolled(store, owner=JO), await enrolled(store, owner="x@example.com")
    work = records(store, clock)
    await work.hand_over(check_in(mine, role=Role.MANAGER))
    await work.hand_over(check_in(theirs))
    assert [row.assignee for row in await rows(store, Task)] == [None, None]


async def test_the_house_says_how_much_a_role_gets(store: Store, clock: FakeClock) -> None:
    """By any of the role's names; the decision says how many those are."""
    await the_house(store, aliases={"front desk": "customer-excellence-officer"},
                    care={"daily": {"Front Desk": 1}})  # fmt: skip
    first, second = await enrolled(store, tier="premium"), await enrolled(store)
    work = records(store, clock)
    assert isinstance(await work.hand_over(check_in(first)), Handed)
    assert await work.hand_over(check_in(second, cap=5)) == Refused(reason="capacity")
    (why,) = await rows(store, Decision, Decision.customer_id == second)
    assert (why.outcome, why.reason, why.facts) == (
        "refused", "capacity", {"role": Role.CSR.value, "cap": 1},
    )  # fmt: skip


async def test_a_role_can_do_what_its_people_can(store: Store, clock: FakeClock) -> None:
    """Once each has said how much that is; who is away counts not; the best customers stay."""
    await a_colleague(store, JO, capacity=1)
    await a_colleague(store, KIM, capacity=1)
    await a_colleague(store, SAM, capacity=9, away_until=NOON + 9 * DAY)
    customers = [await enrolled(store) for _ in range(3)]
    for n, customer in enumerate(customers):
        await an_order(store, customer, total=str(100 * n))
    work = records(store, clock)
    for customer in customers:
        assert isinstance(await work.hand_over(check_in(customer)), Handed)
    (released,) = await rows(store, Task, Task.state == "released")
    assert (released.customer_id, released.reason) == (customers[0], "capacity")
    (telling,) = await rows(store, Telling)
    assert telling.body["released"] == "capacity"


async def test_a_colleague_over_their_measure_leaves_it_to_the_queue(
    store: Store, clock: FakeClock
) -> None:
    """The best of their customers stay theirs; the role has room for the others."""
    await a_colleague(store, JO, capacity=1)
    await a_colleague(store, KIM)
    plain, best, last = [await enrolled(store, owner=JO) for _ in range(3)]
    await an_order(store, best, total="900")
    work = records(store, clock)
    for customer in (plain, best, last):
        assert isinstance(await work.hand_over(check_in(customer)), Handed)
    whose = {row.customer_id: row.assignee for row in await rows(store, Task)}
    assert whose == {plain: None, best: JO, last: None}
    (why,) = await rows(store, Decision, Decision.outcome == "reassigned")
    assert (why.customer_id, why.reason, why.facts["was"]) == (plain, "capacity", JO)


async def test_no_capacity_turns_a_case_or_a_vip_down(store: Store, clock: FakeClock) -> None:
    """No machine answers those; they take their place all the same."""
    await the_house(store, care={"daily": {"csr": 0}})
    await a_colleague(store, JO, capacity=0)
    asking, vip = await enrolled(store, owner=JO), await enrolled(store, owner=JO, tier="vip")
    work = records(store, clock)
    answer = check_in(asking, template="case-answer", form=Form.ANSWER, case_id="case_1")
    assert isinstance(await work.hand_over(answer), Handed)
    assert isinstance(await work.hand_over(check_in(vip)), Handed)
    assert (await task_of(store, asking)).assignee == JO
    (why,) = await rows(store, Decision, Decision.customer_id == vip)
    assert (why.outcome, why.facts["exception"]) == ("handed", "vip")
    assert await work.hand_over(check_in(await enrolled(store))) == Refused(reason="capacity")


async def test_a_task_promised_for_a_moment_is_due_then(store: Store, clock: FakeClock) -> None:
    """By the wall's clock; what was promised for the past is due now. Urgent ones are first."""
    customer = await enrolled(store)
    work = records(store, clock)
    promised = {"due_by": NOON + timedelta(hours=20), "urgent": True, "form": Form.RESOLVE}
    said = v.Task(**step(customer, "task/1"), role=Role.CSR, what="a", case_id="case_1", **promised)
    late = v.Task(**step(customer, "task/2"), role=Role.CSR, what="b", due_by=NOON - DAY)
    assert (await work.hand_over(said)).due == NOON + timedelta(hours=20)  # type: ignore[union-attr]
    assert (await work.hand_over(late)).due == NOON  # type: ignore[union-attr]
    row = next(row for row in await rows(store, Task) if row.title == "a")
    assert (row.priority, row.urgent, row.form, row.case_id) == (1, True, "resolve", "case_1")


async def test_office_hours_are_those_of_the_customers_office(
    store: Store, clock: FakeClock
) -> None:
    """At noon in London it is evening in Kathmandu, whose Friday is its last working day."""
    kathmandu = {"country": "NP", "time_zone": "Asia/Kathmandu", "opens": "10:00",
                 "days": [6, 0, 1, 2, 3, 4], "serves": ["NP"]}  # fmt: skip
    await the_house(store, offices={"kathmandu": kathmandu})
    near, far = await enrolled(store), await enrolled(store, country="NP")
    work = records(store, clock)
    hour = {"within": timedelta(hours=1)}
    for customer in (near, far):
        await work.hand_over(check_in(customer, **hour))
    assert (await task_of(store, near)).due_at == NOON + timedelta(hours=1)
    tuesday = HouseRules().home.time_zone and (await task_of(store, far)).due_at
    assert tuesday == NOON.replace(day=24, hour=5, minute=15)  # 11:00 there


async def test_the_tasks_own_escalation_is_on_its_log(store: Store, clock: FakeClock) -> None:
    """The task stays whose it is, and says who was told that it was not done."""
    customer = await enrolled(store)
    work = records(store, clock)
    first = v.Task(**step(customer, "task/1"), role=Role.CSR, what="a", case_id="case_1")
    handed = await work.hand_over(first)
    assert isinstance(handed, Handed)
    up = v.Task(**step(customer, "task/2"), role=Role.MANAGER, what="b", escalates=handed.task_id)
    for _ in range(2):
        await work.hand_over(up)
    row = next(row for row in await rows(store, Task) if row.id == handed.task_id)
    assert (row.state, row.escalated_to, row.rung) == ("open", Role.MANAGER.value, 1)
    (why,) = await rows(store, Decision, Decision.outcome == "escalated")
    assert (why.reason, why.facts["task"]) == ("overdue", row.id)


async def test_a_cases_first_task_gets_its_draft_from_its_workflow(
    store: Store, clock: FakeClock
) -> None:
    """It was made with the case, in the transaction that opened it; it is adopted, and not new."""
    customer = await enrolled(store)
    async with store.transaction() as session:
        row = await lock_customer(session, customer)
        assert row is not None
        case = await cases.begin(session, NOON, row, kind=cases.COMPLAINT, key="k", at=NOON)
    await an_enrolment(store, customer, sop="case", subject=case.id)
    assert not await rows(store, Draft)
    noun = v.Task(
        key=cases.answer_key(case.id), customer_id=customer, follow_up=cases.follow_up_of(case.id),
        clause="2", role=Role.CSR, what="answer a complaint", template="case-answer",
        form=Form.ANSWER, case_id=case.id, urgent=True,
    )  # fmt: skip
    work = records(store, clock)
    handed = await work.hand_over(noun)
    assert await work.hand_over(noun) == handed
    (task,) = await rows(store, Task)
    (draft,) = await rows(store, Draft)
    assert (task.id, draft.task_id, draft.template) == (handed.task_id, task.id, "case-answer")  # type: ignore[union-attr]
    assert len(await rows(store, Decision, Decision.outcome == "handed")) == 1
    assert [(one.what, one.urgent) for one in await rows(store, Notice)] == [("new", True)]
