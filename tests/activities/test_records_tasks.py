"""Tasks: handed over once, with a brief and a draft, within what a role can do in a day."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities import handover
from activities.crm import holds
from activities.crm.store import Store
from activities.crm.tables import (
    Case,
    Consent,
    Customer,
    Decision,
    Draft,
    Milestone,
    Note,
    Task,
    Telling,
)
from tests.activities.desk_work import check_in, enrolled, line, records, rows, step
from tests.factories import NOON, FakeClock, a_colleague, an_order
from workflows.vocabulary import Handed, Held, Refused, Role, Withdrawal
from workflows.vocabulary import Task as TaskNoun


async def test_a_task_waits_on_its_roles_list(store: Store, clock: FakeClock) -> None:
    """It is due on office hours, its clause waits for it, and why is on record."""
    await a_colleague(store, "jo@example.com", id="sta_7")
    customer = await enrolled(store, owner="sta_7")
    answer = await records(store, clock).hand_over(check_in(customer, copy_to=Role.FINANCE))
    assert isinstance(answer, Handed)
    assert answer.due == datetime(2026, 11, 24, 12, tzinfo=UTC)  # the next working day
    (task,) = await rows(store, Task)
    assert (task.id, task.state, task.role) == (answer.task_id, "open", Role.CSR.value)
    assert (task.assignee, task.copy_to) == ("jo@example.com", Role.FINANCE.value)
    found = await line(store, customer)
    assert (found.state, found.due_at, found.task_id) == ("waiting", answer.due, answer.task_id)
    (why,) = await rows(store, Decision)
    assert (why.outcome, why.clause, why.facts["task"]) == ("handed", "5.4.1", answer.task_id)


async def test_over_the_weekend_nobody_works(store: Store, clock: FakeClock) -> None:
    """What is handed over on a Saturday is due on Tuesday morning."""
    clock.set(datetime(2026, 11, 28, 15, tzinfo=UTC))
    customer = await enrolled(store)
    answer = await records(store, clock).hand_over(check_in(customer))
    assert isinstance(answer, Handed)
    assert answer.due == datetime(2026, 12, 1, 9, tzinfo=UTC)


async def test_a_thousand_puzzles_are_one_engineers_task(store: Store, clock: FakeClock) -> None:
    """While it is open the others are counted on it, each once; after it, a new one is made."""
    customer, work = await enrolled(store), records(store, clock)

    async def puzzle(number: int, role: Role = Role.ENGINEER) -> str:
        noun = TaskNoun(**step(customer, f"puzzle/{number}"), role=role, what="read the signal x")
        answer = await work.hand_over(noun)
        assert isinstance(answer, Handed)
        return answer.task_id

    first = await puzzle(0)
    assert {await puzzle(number) for number in (1, 2, 2, 0)} == {first}
    (task,) = await rows(store, Task)
    assert task.brief["times"] == 3
    assert await puzzle(3, Role.CSR) != first
    async with store.transaction() as session:
        (await session.get_one(Task, first)).state = "done"
    assert await puzzle(4) not in {first, ""}
    assert len(await rows(store, Task)) == 3


async def test_the_same_key_twice_is_one_task(store: Store, clock: FakeClock) -> None:
    """However often the activity runs, there is one task and one answer."""
    customer = await enrolled(store)
    first = await records(store, clock).hand_over(check_in(customer))
    clock.advance(hours=3)
    second = await records(store, clock).hand_over(check_in(customer))
    assert first == second
    assert len(await rows(store, Task)) == len(await rows(store, Draft)) == 1


async def test_two_attempts_at_once_are_one_task(store: Store, clock: FakeClock) -> None:
    """An attempt that was given up by Temporal and the next may run side by side."""
    customer = await enrolled(store)
    work = records(store, clock)
    answers = await asyncio.gather(*(work.hand_over(check_in(customer)) for _ in range(4)))
    assert len({str(answer) for answer in answers}) == 1
    assert len(await rows(store, Task)) == 1


async def test_what_dies_half_way_leaves_nothing(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between task and checklist, the next attempt finds neither."""
    customer = await enrolled(store)

    async def die(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(handover, "decide", die)
        with pytest.raises(ConnectionError):
            await records(store, clock).hand_over(check_in(customer))
    assert not await rows(store, Task)
    assert not await rows(store, Draft)
    assert isinstance(await records(store, clock).hand_over(check_in(customer)), Handed)
    assert (await line(store, customer)).state == "waiting"


async def test_the_brief_says_what_one_should_know(store: Store, clock: FakeClock) -> None:
    """Purchases, what they said, what is open, and what they do not want."""
    customer = await enrolled(store, sensitive=False, preferred_channel="phone")
    await an_order(store, customer, id="A-1")
    async with store.transaction() as session:
        session.add_all(
            [
                Note(
                    id="n1",
                    key="n1",
                    customer_id=customer,
                    at=NOON,
                    direction="in",
                    method="email",
                    summary="The lid is loose",
                    feedback="40",
                ),
                Case(
                    id="case_1",
                    key="c1",
                    customer_id=customer,
                    kind="inquiry",
                    state="open",
                    opened_at=NOON,
                ),
                Consent(
                    id="con_1",
                    customer_id=customer,
                    scope="topic:offers",
                    given=False,
                    at=NOON,
                    recorded_at=NOON,
                ),
            ]
        )
    await records(store, clock).hand_over(check_in(customer))
    (task,) = await rows(store, Task)
    brief = task.brief
    assert brief["purchases"][0]["items"] == ["Kettle"]
    assert brief["feedback"][0] | {"at": ""} == {
        "at": "",
        "method": "email",
        "text": "The lid is loose",
        "score": "40",
    }
    assert [alert["id"] for alert in brief["alerts"]] == ["case_1"]
    assert brief["preferences"]["channel"] == "phone"
    assert brief["preferences"]["declined"] == ["topic:offers"]


async def test_a_draft_lies_ready(store: Store, clock: FakeClock) -> None:
    """The template's words, with the customer's name, for a person to make their own."""
    customer = await enrolled(store)
    answer = await records(store, clock).hand_over(check_in(customer))
    assert isinstance(answer, Handed)
    (draft,) = await rows(store, Draft)
    assert (draft.task_id, draft.template, draft.edited) == (answer.task_id, "check-in", False)
    assert "Ada" in draft.body
    assert draft.subject


async def test_a_template_that_is_unknown_blocks(store: Store, clock: FakeClock) -> None:
    """No retry cures it, and the failure carries a code alone."""
    customer = await enrolled(store)
    with pytest.raises(ApplicationError) as fault:
        await records(store, clock).hand_over(check_in(customer, template="no-such"))
    assert fault.value.non_retryable
    assert fault.value.message == "template_unknown"
    assert not await rows(store, Task)


async def test_a_hold_keeps_a_contact_back_and_no_other_task(
    store: Store, clock: FakeClock
) -> None:
    """A person who would write to the customer waits as a message would."""
    customer = await enrolled(store)
    async with store.transaction() as session:
        hold = await holds.hold(session, NOON, customer_id=customer, kind="manual")
    work = records(store, clock)
    assert await work.hand_over(check_in(customer)) == Held(holds=(hold,))
    assert (await line(store, customer)).state == "held"
    other = TaskNoun(**step(customer, "task/5.4.1"), role=Role.CSR, what="read it")
    assert isinstance(await work.hand_over(other), Handed)


async def test_however_much_holds_it_back(store: Store, clock: FakeClock) -> None:
    """A dozen complaints at once: the checklist names as many as it has room for."""
    customer = await enrolled(store)
    async with store.transaction() as session:
        for number in range(12):
            name = f"case_{number:020}"
            await holds.hold(session, NOON, customer_id=customer, kind="complaint", hold_id=name)
    answer = await records(store, clock).hand_over(check_in(customer))
    assert isinstance(answer, Held)
    assert len(answer.holds) == 12
    assert (await line(store, customer)).reason == ", ".join(answer.holds[:9])


async def test_a_mending_task_shows_that_its_clause_is_blocked(
    store: Store, clock: FakeClock
) -> None:
    """An engineer, not the customer's owner, gets it; the checklist names the fault."""
    await a_colleague(store, "jo@example.com")
    customer = await enrolled(store, owner="jo@example.com")
    task = TaskNoun(**step(customer, "mend/5.4.1"), role=Role.ENGINEER, what="mend template")
    await records(store, clock).hand_over(task)
    found = await line(store, customer)
    assert (found.state, found.reason) == ("blocked", "template")
    (row,) = await rows(store, Task)
    assert row.assignee is None


async def test_what_an_engineer_is_to_read_changes_no_clause(
    store: Store, clock: FakeClock
) -> None:
    """A signal that could not be read is a task, and the procedure goes on."""
    customer = await enrolled(store)
    task = TaskNoun(**step(customer, "puzzle/1"), role=Role.ENGINEER, what="read the signal x")
    await records(store, clock).hand_over(task)
    async with store.reading() as session:
        assert await session.get(Task, (await rows(store, Task))[0].id)

    assert not await rows(store, Milestone)


async def test_nobody_is_asked_to_write_to_who_was_erased(store: Store, clock: FakeClock) -> None:
    """Whatever the task, it is refused."""
    customer = await enrolled(store, erased_at=NOON)
    assert await records(store, clock).hand_over(check_in(customer)) == Refused(reason="erased")
    assert not await rows(store, Task)


# -- withdrawn ------------------------------------------------------------------------------


async def withdraw(store: Store, clock: FakeClock, customer: str, **fields: Any) -> object:
    taken_back = Withdrawal(**step(customer, "task/5.4.1/check-in") | fields, reason="stale")
    return await records(store, clock).withdraw(taken_back)


async def test_a_withdrawn_task_leaves_the_list(store: Store, clock: FakeClock) -> None:
    """Its clause is skipped with the reason, and the key stays closed."""
    customer = await enrolled(store)
    work = records(store, clock)
    await work.hand_over(check_in(customer))
    assert await withdraw(store, clock, customer) == Refused(reason="stale")
    assert await withdraw(store, clock, customer) == Refused(reason="stale")
    assert [task.state for task in await rows(store, Task)] == ["withdrawn"]
    assert (await line(store, customer)).state == "skipped"
    assert await work.hand_over(check_in(customer)) == Refused(reason="stale")


async def test_what_was_withdrawn_first_is_not_handed_over_after(
    store: Store, clock: FakeClock
) -> None:
    """An attempt that comes too late finds the key closed."""
    customer = await enrolled(store)
    assert await withdraw(store, clock, customer) == Refused(reason="stale")
    work = records(store, clock)
    assert await work.hand_over(check_in(customer)) == Refused(reason="stale")
    assert not await rows(store, Task)


async def test_a_task_that_was_done_is_not_undone(store: Store, clock: FakeClock) -> None:
    """The withdrawal says what became of it."""
    customer = await enrolled(store)
    handed = await records(store, clock).hand_over(check_in(customer))
    async with store.transaction() as session:
        row = await session.get_one(Task, (await rows(store, Task))[0].id)
        row.state = "done"
    assert await withdraw(store, clock, customer) == handed


async def test_taking_back_an_idle_task_leaves_a_clause_that_is_done(
    store: Store, clock: FakeClock
) -> None:
    """The message went by itself; the task nobody did goes, the clause stays done."""
    customer = await enrolled(store)
    await records(store, clock).hand_over(check_in(customer))
    async with store.transaction() as session:
        key = (f"online-customer.{customer}", "5.4.1", "")
        (await session.get_one(Milestone, key)).state = "done"
    await withdraw(store, clock, customer)
    assert (await line(store, customer)).state == "done"


# -- capacity ---------------------------------------------------------------------------------


async def test_over_the_cap_the_less_worthy_wait_for_no_one(store: Store, clock: FakeClock) -> None:
    """The list is full of better customers: it is refused, and goes as the policy says."""
    first, second = await enrolled(store, tier="premium"), await enrolled(store)
    work = records(store, clock)
    assert isinstance(await work.hand_over(check_in(first, cap=1)), Handed)
    assert await work.hand_over(check_in(second, cap=1)) == Refused(reason="capacity")
    (why,) = await rows(store, Decision, Decision.customer_id == second)
    assert (why.outcome, why.reason) == ("refused", "capacity")
    assert len(await rows(store, Task)) == 1


async def test_a_better_customer_takes_the_place(store: Store, clock: FakeClock) -> None:
    """The least worthy open task is released, and its workflow is told to go on."""
    plain, spender, best = [await enrolled(store) for _ in range(3)]
    await an_order(store, spender, total="100")
    await an_order(store, best, total="900")
    work = records(store, clock)
    for customer in (plain, spender):
        await work.hand_over(check_in(customer, cap=2))
    assert isinstance(await work.hand_over(check_in(best, cap=2)), Handed)
    (released,) = await rows(store, Task, Task.state == "released")
    assert (released.customer_id, released.reason) == (plain, "capacity")
    (telling,) = await rows(store, Telling)
    assert (telling.workflow_id, telling.name) == (f"online-customer.{plain}", "task_done")
    assert (telling.body["task_id"], telling.body["released"]) == (released.id, "capacity")
    assert await work.hand_over(check_in(plain, cap=2)) == Refused(reason="capacity")


async def test_among_equals_who_came_first_stays(store: Store, clock: FakeClock) -> None:
    """Nobody is released for somebody who is no better."""
    first, second = await enrolled(store), await enrolled(store)
    work = records(store, clock)
    await work.hand_over(check_in(first, cap=1))
    assert await work.hand_over(check_in(second, cap=1)) == Refused(reason="capacity")


async def test_a_task_that_is_done_has_taken_its_place(store: Store, clock: FakeClock) -> None:
    """What a person has done today counts, and is not taken back."""
    first, best = await enrolled(store), await enrolled(store, tier="vip")
    work = records(store, clock)
    await work.hand_over(check_in(first, cap=1))
    async with store.transaction() as session:
        row = await session.get_one(Task, (await rows(store, Task))[0].id)
        row.state = "done"
    assert await work.hand_over(check_in(best, cap=1)) == Refused(reason="capacity")


async def test_the_next_day_has_room_again(store: Store, clock: FakeClock) -> None:
    """The cap is a day's."""
    first, second = await enrolled(store), await enrolled(store)
    work = records(store, clock)
    await work.hand_over(check_in(first, cap=1))
    clock.advance(days=1)
    assert isinstance(await work.hand_over(check_in(second, cap=1)), Handed)


async def test_many_at_once_never_exceed_the_cap(store: Store, clock: FakeClock) -> None:
    """Twelve customers in the same moment, four places: the four best have them."""
    customers = [await enrolled(store) for _ in range(12)]
    for n, customer in enumerate(customers):
        await an_order(store, customer, total=str(100 + n))
    work = records(store, clock)
    await asyncio.gather(*(work.hand_over(check_in(c, cap=4)) for c in customers))
    kept = {task.customer_id for task in await rows(store, Task, Task.state == "open")}
    assert kept == set(customers[-4:])
    released = await rows(store, Task, Task.state == "released")
    assert {t.workflow_id for t in await rows(store, Telling)} == {t.follow_up for t in released}


async def test_worth_is_tier_before_money(store: Store, clock: FakeClock) -> None:
    """A VIP who spent nothing comes before whoever spent much; what went back counts not."""
    vip, rich = await enrolled(store, tier="vip"), await enrolled(store)
    await an_order(store, rich, total="5000")
    await an_order(store, rich, total="7000", returned_at=NOON)
    await an_order(store, rich, total="nonsense")
    work = records(store, clock)
    for customer in (vip, rich):
        await work.hand_over(check_in(customer))
    worth = {task.customer_id: task.worth for task in await rows(store, Task)}
    assert worth[rich] == 5000
    assert worth[vip] > worth[rich]


async def test_a_day_of_the_office_is_its_own(store: Store, clock: FakeClock) -> None:
    """Saturday's and Sunday's tasks stand on the same day's list as each other."""
    first, second = await enrolled(store), await enrolled(store)
    work = records(store, clock)
    clock.set(datetime(2026, 11, 28, 15, tzinfo=UTC))
    await work.hand_over(check_in(first, cap=1))
    clock.advance(timedelta(days=1))
    assert await work.hand_over(check_in(second, cap=1)) == Refused(reason="capacity")


async def test_the_customer_need_not_be_known_for_an_engineer(
    store: Store, clock: FakeClock
) -> None:
    """A step of a customer whose row is gone can still be mended."""
    async with store.reading() as session:
        assert await session.get(Customer, "cus_gone") is None
    task = TaskNoun(**step("cus_gone", "mend/1"), role=Role.ENGINEER, what="mend fault")
    assert isinstance(await records(store, clock).hand_over(task), Handed)
