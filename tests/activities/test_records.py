"""Notes, cases, holds, the years after, and a follow-up's end: each once under its key."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities import records as records_module
from activities.crm import ledger, tasks
from activities.crm.holds import open_holds, release
from activities.crm.milestones import record_milestone
from activities.crm.store import Store
from activities.crm.tables import (
    Case,
    Decision,
    Enrolment,
    Hold,
    Inbox,
    Message,
    Milestone,
    Note,
    Task,
)
from starter.intake.events import Command, read_event
from tests.activities.desk_work import check_in, enrolled, line, records, rows, step
from tests.factories import NOON, FakeClock
from workflows.vocabulary import (
    Ending,
    Held,
    KeepInTouching,
    Outcome,
    Refused,
    Rhythm,
    Role,
    Sent,
    State,
    Step,
    Withdrawal,
)
from workflows.vocabulary import Note as NoteNoun
from workflows.vocabulary import Task as TaskNoun


async def test_a_note_is_written_once(store: Store, clock: FakeClock) -> None:
    """Its line in the customer's history names the clause."""
    customer = await enrolled(store)
    note = NoteNoun(**step(customer, "note/1"), text="the reply had come first")
    for _ in range(2):
        await records(store, clock).note(note)
    (row,) = await rows(store, Note)
    assert (row.summary, row.direction, row.clause) == (note.text, "internal", "5.4.1")


@pytest.mark.parametrize("known", ["nobody", "erased"])
async def test_nothing_is_noted_of_who_is_not_there(
    store: Store, clock: FakeClock, known: str
) -> None:
    """A note about nobody, or about who was erased, is not written and not retried for ever."""
    customer = await enrolled(store, erased_at=NOON) if known == "erased" else "cus_gone"
    await records(store, clock).note(NoteNoun(**step(customer, "note/1"), text="x"))
    assert not await rows(store, Note)


# -- cases and holds ------------------------------------------------------------------


async def test_a_complaint_by_signal_alone_is_a_case(store: Store, clock: FakeClock) -> None:
    """Case, hold, the desk's event and a person's task, however often it runs."""
    customer = await enrolled(store)
    complaint = Step(**step(customer, "complaint/e1"))
    work = records(store, clock)
    await asyncio.gather(work.open_case(complaint), work.open_case(complaint))
    await work.open_case(complaint)
    (case,) = await rows(store, Case)
    (hold,) = await rows(store, Hold)
    (event,) = await rows(store, Inbox)
    (task,) = await rows(store, Task)
    assert (case.kind, case.state, case.customer_id) == ("complaint", "open", customer)
    assert (hold.id, hold.kind, hold.follow_up) == (case.id, "complaint", None)
    assert (event.source, event.type, event.state) == ("workflow", "complaint.opened", "stored")
    assert json.loads(event.raw)["data"]["case_id"] == case.id
    assert (task.priority, task.due_at) == (1, NOON + timedelta(hours=24))
    read_event(json.loads(event.raw), Command)


async def test_nothing_is_sold_from_that_moment(store: Store, clock: FakeClock) -> None:
    """Whoever would contact the customer is held by the case."""
    customer = await enrolled(store)
    work = records(store, clock)
    await work.open_case(Step(**step(customer, "complaint/e1")))
    (case,) = await rows(store, Case)
    assert await work.hand_over(check_in(customer)) == Held(holds=(case.id,))


async def test_a_case_is_written_whole_or_not_at_all(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its last row, there is none, and the next attempt writes all."""
    customer = await enrolled(store)

    async def die(*_: object, **__: object) -> None:
        raise ConnectionError

    complaint = Step(**step(customer, "complaint/e1"))
    with monkeypatch.context() as patched:
        patched.setattr(records_module, "decide", die)
        with pytest.raises(ConnectionError):
            await records(store, clock).open_case(complaint)
    for table in (Case, Hold, Inbox, Task):
        assert not await rows(store, table)
    await records(store, clock).open_case(complaint)
    assert len(await rows(store, Hold)) == 1


async def test_a_hold_by_signal_alone(store: Store, clock: FakeClock) -> None:
    """It holds this follow-up; once released, the same signal again does not close it anew."""
    customer = await enrolled(store)
    hold = Step(**step(customer, "hold/e1"))
    work = records(store, clock)
    await work.open_hold(hold)
    (row,) = await rows(store, Hold)
    assert (row.id, row.kind, row.follow_up) == (hold.key, "manual", hold.follow_up)
    async with store.transaction() as session:
        assert await release(session, NOON, [row.id]) == [hold.key]
    await work.open_hold(hold)
    async with store.reading() as session:
        assert await open_holds(session, customer) == []


# -- the years after ------------------------------------------------------------------


async def test_keep_in_touch_is_asked_for_through_the_inbox(store: Store, clock: FakeClock) -> None:
    """Once for the same rhythms, again for others; the desk can read it."""
    customer = await enrolled(store)
    rhythm = Rhythm(name="loyalty-offer", sop="online-customer", clause="5.6.2", since=NOON)
    wish = KeepInTouching(
        customer_id=customer, follow_up=f"online-customer.{customer}", rhythms=(rhythm,)
    )
    work = records(store, clock)
    for _ in range(2):
        await work.keep_in_touch(wish)
    (row,) = await rows(store, Inbox)
    event = read_event(json.loads(row.raw), Command)
    assert (row.type, event.customer and event.customer.id) == ("keep_in_touch.wanted", customer)
    assert event.details().model_dump()["rhythms"][0]["name"] == "loyalty-offer"
    other = rhythm.model_copy(update={"name": "review-request"})
    await work.keep_in_touch(wish.model_copy(update={"rhythms": (other,)}))
    assert len(await rows(store, Inbox)) == 2


# -- withdrawing a message ------------------------------------------------------------------


async def a_message(store: Store, customer: str, **fields: Any) -> Withdrawal:
    key = f"online-customer.{customer}/check-in"
    base = {
        "id": "msg_1",
        "key": key,
        "follow_up": f"online-customer.{customer}",
        "sop": "online-customer",
        "clause": "5.4.1",
        "customer_id": customer,
        "template": "check-in",
        "kind": "relationship",
        "created_at": NOON,
        "deferrals": 0,
        "attempts": 1,
    }
    async with store.transaction() as session:
        session.add(Message(**base | fields))
    return Withdrawal(**step(customer, "check-in"), reason="answered")


async def test_a_message_that_went_is_not_taken_back(store: Store, clock: FakeClock) -> None:
    """Only the ledger knows; the withdrawal hears that it was sent."""
    customer = await enrolled(store)
    step_back = await a_message(store, customer, state=ledger.SENT, sent_at=NOON)
    assert await records(store, clock).withdraw(step_back) == Sent(key=step_back.key, at=NOON)


async def test_a_message_that_only_waited_is(store: Store, clock: FakeClock) -> None:
    """Its key is closed for good, its clause skipped with the reason."""
    customer = await enrolled(store)
    step_back = await a_message(store, customer, state=ledger.RESERVED)
    assert await records(store, clock).withdraw(step_back) == Refused(reason="answered")
    found = await line(store, customer)
    assert (found.state, found.reason) == ("skipped", "answered")


async def test_a_message_under_way_is_waited_for(store: Store, clock: FakeClock) -> None:
    """Nobody says that it did not go while it may be going."""
    customer = await enrolled(store)
    step_back = await a_message(store, customer, state=ledger.SENDING)
    with pytest.raises(ApplicationError) as fault:
        await records(store, clock).withdraw(step_back)
    assert (fault.value.type, fault.value.non_retryable) == ("in_flight", False)


# -- the end ------------------------------------------------------------------


async def closed(store: Store, clock: FakeClock, customer: str, outcome: Outcome) -> Enrolment:
    ending = Ending(**step(customer, "close") | {"clause": ""}, outcome=outcome)
    for _ in range(2):
        await records(store, clock).close(ending)
        clock.advance(hours=1)
    async with store.reading() as session:
        return await session.get_one(Enrolment, ending.follow_up)


async def a_checklist(store: Store, customer: str) -> None:
    states = {"5.1.1": State.DONE, "5.2.1": State.HELD, "5.3.2": State.NEXT}
    async with store.transaction() as session:
        for clause, state in states.items():
            await record_milestone(
                session, NOON, follow_up=f"online-customer.{customer}", clause=clause, state=state
            )


@pytest.mark.parametrize("outcome", [Outcome.ENDED, Outcome.OPTED_OUT])
async def test_an_early_end_closes_what_is_open(
    store: Store, clock: FakeClock, outcome: Outcome
) -> None:
    """Open clauses are skipped with the outcome, open tasks taken back, what is done stays."""
    customer = await enrolled(store)
    await a_checklist(store, customer)
    await records(store, clock).hand_over(check_in(customer))
    row = await closed(store, clock, customer, outcome)
    assert (row.state, row.reason, row.ended_at) == (outcome.value, outcome.value, NOON)
    lines = {m.clause: (m.state, m.reason) for m in await rows(store, Milestone)}
    skipped = ("skipped", outcome.value)
    assert lines == {
        "5.1.1": ("done", None),
        "5.2.1": skipped,
        "5.3.2": skipped,
        "5.4.1": skipped,
    }
    assert [task.state for task in await rows(store, Task)] == ["withdrawn"]
    assert len(await rows(store, Note)) == 1
    ends = await rows(store, Decision, Decision.outcome == outcome.value)
    assert len(ends) == 1
    why = await rows(store, Decision, Decision.outcome == "skipped")
    assert {(one.clause, one.reason) for one in why} == {
        (clause, outcome.value) for clause in ("5.2.1", "5.3.2", "5.4.1")
    }


@pytest.mark.parametrize(("state", "said"), [("done", "done"), ("declined", "skipped")])
async def test_a_task_done_as_the_procedure_ends(
    store: Store, clock: FakeClock, state: str, said: str
) -> None:
    """The word of it comes too late for the follow-up; the checklist knows it all the same."""
    customer = await enrolled(store)
    sales = step(customer, "task/5.5.3") | {"clause": "5.5.3"}
    await records(store, clock).hand_over(TaskNoun(**sales, role=Role.SALES, what="call"))
    async with store.transaction() as session:
        task = await tasks.find(session, sales["key"])
        assert task is not None
        tasks.settle(task, NOON, state)
    await closed(store, clock, customer, Outcome.COMPLETED)
    assert (await line(store, customer, "5.5.3")).state == said


async def test_a_procedure_at_its_end_leaves_people_their_tasks(
    store: Store, clock: FakeClock
) -> None:
    """Sales still owes its call, and its clause waits for it; nothing is left to mend."""
    customer = await enrolled(store)
    work = records(store, clock)
    await work.hand_over(
        TaskNoun(**step(customer, "task/5.5.3") | {"clause": "5.5.3"}, role=Role.SALES, what="call")
    )
    await work.hand_over(
        TaskNoun(
            **step(customer, "mend/5.2.1") | {"clause": "5.2.1"},
            role=Role.ENGINEER,
            what="mend template",
        )
    )
    row = await closed(store, clock, customer, Outcome.COMPLETED)
    assert (row.state, row.reason) == ("completed", None)
    assert (await line(store, customer, "5.5.3")).state == "waiting"
    assert (await line(store, customer, "5.2.1")).state == "skipped"
    states = {task.title: task.state for task in await rows(store, Task)}
    assert states == {"call": "open", "mend template": "withdrawn"}
