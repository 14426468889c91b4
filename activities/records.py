"""What is written for people: tasks, notes, cases, holds, and a follow-up's end.

Each verb is one transaction under the customer's lock, and counts once under its key, however often
it runs: what was asked and what came of it are written together, or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.carriers import Carriers
from activities.channels import Channel
from activities.clock import Clock
from activities.crm import cases, holds, inbox, ledger, people, tasks
from activities.crm.milestones import decide
from activities.crm.store import Store, lock_customer, take_turns
from activities.crm.tables import Case, Customer, Enrolment, Hold, Milestone, Task
from activities.establishing import Establishing
from activities.handover import MEND, hand_over
from activities.reconcile import BUSY, later, reconcile
from activities.settings import Settings
from workflows import vocabulary as v
from workflows.contract import Records
from workflows.vocabulary import PAST, Outcome, Role, State

_ENROLMENT = select(Enrolment).where(Enrolment.id == bindparam("follow_up")).with_for_update()
_LEFT = (
    select(Milestone)
    .where(Milestone.follow_up == bindparam("follow_up"), Milestone.state.not_in(PAST))
    .with_for_update()
)
_KNOWN = select(Customer.id).where(
    Customer.id == bindparam("customer_id"), Customer.erased_at.is_(None)
)


class CrmRecords(Records):
    """The channels are asked what became of an attempt whose step is no longer wanted."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings | None = None,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        self.store, self.clock, self.settings = store, clock, settings or Settings()
        self.carriers = Carriers(store, clock, self.settings, channels or {})
        self.establishing = Establishing(store, clock, self.settings)

    @activity.defn
    async def hand_over(self, task: v.Task) -> v.Answer:
        async with self.store.transaction() as session:
            return await hand_over(session, task, self.clock.now(), self.settings)

    @activity.defn
    async def withdraw(self, step: v.Withdrawal) -> v.Settled:
        for _ in range(2):
            try:
                return await self._withdraw(step)
            except ledger.InFlightError:
                await reconcile(self.store, self.clock, self.carriers, step.key)
        raise later("in_flight", BUSY)

    async def _withdraw(self, step: v.Withdrawal) -> v.Settled:
        now = self.clock.now()
        async with self.store.transaction() as session:
            await take_turns(session, step.customer_id)
            task = await tasks.find(session, step.key)
            if task is not None and task.state == tasks.OPEN:
                tasks.settle(task, now, tasks.WITHDRAWN, step.reason)
            if task is None or await ledger.find(session, step.key) is not None:
                return await ledger.withdraw(session, step, now)
            settled = tasks.became(task)
            if isinstance(settled, v.Refused) and not await _is_past(session, step):
                await ledger.record(session, step, settled, now)
        return settled

    @activity.defn
    async def note(self, note: v.Note) -> None:
        now = self.clock.now()
        async with self.store.transaction() as session:
            await _note(session, note, note.text, now)

    @activity.defn
    async def open_case(self, step: v.Step) -> None:
        now = self.clock.now()
        async with self.store.transaction() as session:
            customer = await lock_customer(session, step.customer_id)
            known = select(Case.id).where(Case.key == step.key)
            if customer is None or (await session.execute(known)).first():
                return
            case = await cases.begin(
                session, now, customer, kind=cases.COMPLAINT, key=step.key, at=now
            )
            await inbox.want(session, now, "complaint.opened", step, {"case_id": case.id})
            await decide(session, now, step, "held", reason="complaint", facts={"case": case.id})

    @activity.defn
    async def settle_case(self, end: v.CaseEnd) -> None:
        now = self.clock.now()
        async with self.store.transaction() as session:
            await take_turns(session, end.customer_id)
            case = await session.get(Case, end.case_id)
            if case is None or not await cases.settle(
                session, now, case, outcome=end.outcome, by=None
            ):
                return
            # The desk tells all who were held back, or wait for it to be settled.
            complaint = case.kind == cases.COMPLAINT
            what = "complaint.resolved" if complaint else "inquiry.answered"
            await inbox.want(session, now, what, end, {"case_id": case.id})

    @activity.defn
    async def reopen_case(self, step: v.CaseStep) -> None:
        now = self.clock.now()
        async with self.store.transaction() as session:
            customer = await lock_customer(session, step.customer_id)
            case = await session.get(Case, step.case_id)
            if customer is None or customer.erased_at is not None:
                return
            if case is None or case.reopened >= max(step.reopened, 1):
                return
            await cases.reopen(session, now, case)
            await inbox.want(session, now, "complaint.opened", step, {"case_id": case.id})

    @activity.defn
    async def set_up(self, step: v.SetUp) -> v.Established:
        return await self.establishing.set_up(step)

    @activity.defn
    async def open_hold(self, step: v.Step) -> None:
        now = self.clock.now()
        async with self.store.transaction() as session:
            customer = await lock_customer(session, step.customer_id)
            if customer is None or await session.get(Hold, step.key) is not None:
                return  # one that was released since stays so
            await holds.hold(
                session,
                now,
                customer_id=customer.id,
                kind="manual",
                hold_id=step.key,
                follow_up=step.follow_up or None,
            )
            await decide(session, now, step, "held", reason="manual", facts={"hold": step.key})

    @activity.defn
    async def keep_in_touch(self, who: v.KeepInTouching) -> None:
        data = who.model_dump(mode="json", include={"follow_up", "rhythms"})
        digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
        key = f"{who.follow_up or who.customer_id}/keep-in-touch/{digest}"
        step = v.Step(key=key, customer_id=who.customer_id)
        async with self.store.transaction() as session:
            await take_turns(session, who.customer_id)
            await inbox.want(session, self.clock.now(), "keep_in_touch.wanted", step, data)

    @activity.defn
    async def close(self, ending: v.Ending) -> None:
        now, outcome = self.clock.now(), ending.outcome
        async with self.store.transaction() as session:
            await take_turns(session, ending.customer_id)
            found = await session.execute(_ENROLMENT, {"follow_up": ending.follow_up})
            row = found.scalar_one_or_none()
            if row is None or row.ended_at is not None:
                return
            owed = await _close_tasks(session, now, ending)
            await _strike_out(session, now, ending, owed)
            await _note(session, ending, f"{row.sop}: {outcome.value}", now)
            row.state, row.ended_at = outcome.value, now
            if outcome is not Outcome.COMPLETED:
                row.reason = row.reason or outcome.value
            await decide(session, now, ending, outcome.value)


async def _close_tasks(session: AsyncSession, now: datetime, ending: v.Ending) -> set[str]:
    """Withdraw what nobody needs to do any more; the ids of the tasks that people still owe.

    A procedure that came to its end has handed over what is still open: a call by Sales, say. And
    what the ledger has as sent is carried, whatever became of the procedure since.
    """
    owed: set[str] = set()
    for row in await tasks.open_of(session, ending.follow_up):
        is_carried = "message" in row.brief
        if is_carried or (ending.outcome is Outcome.COMPLETED and not _mends(row)):
            owed.add(row.id)
        else:
            tasks.settle(row, now, tasks.WITHDRAWN, ending.outcome.value)
    return owed


def _mends(row: Task) -> bool:
    return row.role == Role.ENGINEER.value and row.title.startswith(MEND)


async def _strike_out(
    session: AsyncSession, now: datetime, ending: v.Ending, owed: set[str]
) -> None:
    """Close, with the reason, what the end leaves open on the checklist."""
    for line in (await session.execute(_LEFT, {"follow_up": ending.follow_up})).scalars():
        if ending.outcome is Outcome.COMPLETED and await _done_meanwhile(session, line, now):
            continue
        if line.task_id not in owed:
            line.state, line.reason = State.SKIPPED.value, ending.outcome.value
            line.done_at = line.updated_at = now
            key = "/".join(filter(None, (ending.key, line.clause, line.about)))
            struck = v.Step(**dict(ending) | {"key": key, "clause": line.clause})
            await decide(session, now, struck, State.SKIPPED.value, reason=ending.outcome.value)


async def _done_meanwhile(session: AsyncSession, line: Milestone, now: datetime) -> bool:
    """Whether a person did its task, and the follow-up came to its end before it heard of it."""
    waits = line.task_id is not None and line.state == State.WAITING
    task = await session.get(Task, line.task_id) if waits else None
    if task is None or task.state not in (tasks.DONE, tasks.DECLINED):
        return False
    done = task.state == tasks.DONE
    line.state = (State.DONE if done else State.SKIPPED).value
    line.reason, line.done_at, line.updated_at = None if done else task.state, now, now
    return True


async def _is_past(session: AsyncSession, step: v.Step) -> bool:
    """Whether the clause has its end already: a task taken back afterwards changes nothing."""
    line = await session.get(Milestone, (step.follow_up, step.clause, step.about))
    return line is not None and line.state in PAST


async def _note(session: AsyncSession, step: v.Step, text: str, now: datetime) -> None:
    if (await session.execute(_KNOWN, {"customer_id": step.customer_id})).first() is None:
        return
    note = await people.write_down(
        session,
        key=step.key,
        customer_id=step.customer_id,
        at=now,
        summary=text,
        direction="internal",
        follow_up=step.follow_up or None,
    )
    note.clause = step.clause or None
