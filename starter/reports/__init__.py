"""What readers ask: where a customer stands, what was sent, and why. From the tables alone, so
that it is answered with Temporal away, and long after its retention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from activities.clock import Clock
from activities.crm.store import Store
from activities.crm.tables import Alias, Customer, Decision, Enrolment, Hold, Message, Task
from activities.crm.tables import Milestone as MilestoneRow
from starter.reports import opinions, views
from starter.reports.checklist import Checklist, Known
from starter.reports.objects import (
    CustomerView,
    DecisionView,
    FollowUp,
    MessageView,
    Page,
    TaskView,
    TimelineEntry,
)
from starter.reports.paging import NEWEST, Cursor, UnknownCursorError, page_of
from starter.reports.timeline import timeline as thread
from workflows.sops import KEEP_IN_TOUCH

Only = Literal["follow_up", "customer"]


class Reports:
    """Read models: each reads the tables anew; nothing is cached."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    # -- follow-ups -------------------------------------------------------------

    async def follow_up(self, follow_up: str) -> FollowUp | None:
        async with self.store.reading() as session:
            row = await session.get(Enrolment, follow_up)
            return (await self._seen(session, [row]))[0] if row else None

    async def follow_ups(
        self,
        *,
        customer: str | None = None,
        sop: str | None = None,
        state: str | None = None,
        cursor: Cursor = NEWEST,
    ) -> Page[FollowUp]:
        """Follow-ups, newest first, each with its checklist."""
        async with self.store.reading() as session:
            query = select(Enrolment)
            if customer:
                query = query.where(Enrolment.customer_id == await _ours(session, customer))
            if sop:
                query = query.where(Enrolment.sop == sop)
            if state:
                query = query.where(_in_state(state))
            order = (Enrolment.started_at, Enrolment.id)
            rows, more = await page_of(session, query, order, cursor)
            return Page(data=await self._seen(session, rows), has_more=more)

    async def _seen(self, session: AsyncSession, rows: Sequence[Enrolment]) -> list[FollowUp]:
        known = await _known(session, rows)
        held = await _held(session, {row.customer_id for row in rows})
        now, pace = self.clock.now(), self.clock.pace.factor
        seen = []
        for row in rows:
            later = known.get(_years_after(row.customer_id))
            lines = Checklist(known[row.id], later, now, pace).lines()
            mine = {(row.customer_id, None), (row.customer_id, row.id)} & held
            on_hold = row.state == "running" and bool(mine)
            seen.append(views.follow_up(row, lines, on_hold=on_hold))
        return seen

    async def exists(self, *, follow_up: str = "", customer: str = "") -> Literal[True] | None:
        """Whether there is such a follow-up, or such a customer."""
        only: Only = "follow_up" if follow_up else "customer"
        async with self.store.reading() as session:
            found = await _about(session, follow_up or customer, only)
        return None if found is None else True

    # -- customers ----------------------------------------------------------------

    async def customer(self, customer: str) -> CustomerView | None:
        """A customer by our id or by one that a system outside uses."""
        async with self.store.reading() as session:
            row = await session.get(Customer, await _ours(session, customer))
            return await views.customer(session, row) if row else None

    async def timeline(
        self, customer: str, *, cursor: Cursor = NEWEST
    ) -> Page[TimelineEntry] | None:
        """All that happened between a customer and us, newest first."""
        async with self.store.reading() as session:
            row = await session.get(Customer, await _ours(session, customer))
            if row is None:
                return None
            entries = await thread(session, row.id)
        begin = 0
        if cursor.starting_after:
            ids = [entry.id for entry in entries]
            if cursor.starting_after not in ids:
                raise UnknownCursorError
            begin = ids.index(cursor.starting_after) + 1
        end = begin + cursor.limit
        return Page(data=entries[begin:end], has_more=len(entries) > end)

    async def why(
        self,
        target: str,
        clause: str | None = None,
        *,
        only: Only | None = None,
        cursor: Cursor = NEWEST,
    ) -> Page[DecisionView] | None:
        """What was decided about a follow-up or a customer; none for somebody unknown.

        A clause that was never reached has no decisions of its own: those about the whole say why,
        as that it was ended, or never begun.
        """
        async with self.store.reading() as session:
            about = await _about(session, target, only)
            if about is None:
                return None
            query = select(Decision).where(about)
            if clause:
                named = query.where(Decision.clause == clause)
                reached = (await session.execute(named.limit(1))).first() is not None
                query = named if reached else query.where(Decision.clause.is_(None))
            order = (Decision.at, Decision.id)
            rows, more = await page_of(session, query, order, cursor)
        return Page(data=[views.decision(row) for row in rows], has_more=more)

    # -- messages and tasks ---------------------------------------------------------

    async def message(self, message: str) -> MessageView | None:
        async with self.store.reading() as session:
            row = await session.get(Message, message)
            return views.message(row) if row else None

    async def messages(
        self,
        *,
        customer: str | None = None,
        follow_up: str | None = None,
        state: str | None = None,
        cursor: Cursor = NEWEST,
    ) -> Page[MessageView]:
        async with self.store.reading() as session:
            query = select(Message)
            if customer:
                query = query.where(Message.customer_id == await _ours(session, customer))
            if follow_up:
                query = query.where(Message.follow_up == follow_up)
            if state:
                query = query.where(Message.state == state)
            order = (Message.created_at, Message.id)
            rows, more = await page_of(session, query, order, cursor)
        return Page(data=[views.message(row) for row in rows], has_more=more)

    async def feedback(
        self, wanted: opinions.Wanted, *, cursor: Cursor = NEWEST
    ) -> Page[opinions.FeedbackView]:
        """What customers think, newest first."""
        async with self.store.reading() as session:
            if wanted.customer:
                customer = await _ours(session, wanted.customer)
                wanted = replace(wanted, customer=customer)
            return await opinions.listed(session, wanted, cursor=cursor)

    async def opinion(self, feedback: str) -> opinions.FeedbackView | None:
        async with self.store.reading() as session:
            return await opinions.find(session, feedback)

    async def task(self, task: str) -> TaskView | None:
        async with self.store.reading() as session:
            row = await session.get(Task, task)
            return (await views.tasks(session, [row], self.clock.now()))[0] if row else None

    async def tasks(
        self,
        *,
        role: str | None = None,
        assignee: str | None = None,
        customer: str | None = None,
        state: str | None = None,
        form: str | None = None,
        overdue: bool = False,
        awake: bool = False,
        cursor: Cursor = NEWEST,
    ) -> Page[TaskView]:
        """Tasks, newest first: `overdue` are those nobody did in time, `awake` those that do not
        wait for later; a role has what is passed up to it, too."""
        now = self.clock.now()
        wanted: list[ColumnElement[bool]] = []
        if role:
            wanted.append(or_(*(c == role for c in (Task.role, Task.copy_to, Task.escalated_to))))
        same = {Task.assignee: assignee, Task.state: state, Task.form: form}
        wanted += [column == said for column, said in same.items() if said]
        if overdue:
            wanted += [Task.state == "open", Task.due_at < now]
        if awake:
            wanted.append(or_(Task.snoozed_until.is_(None), Task.snoozed_until <= now))
        async with self.store.reading() as session:
            if customer:
                wanted.append(Task.customer_id == await _ours(session, customer))
            query, order = select(Task).where(*wanted), (Task.created_at, Task.id)
            rows, more = await page_of(session, query, order, cursor)
            return Page(data=await views.tasks(session, rows), has_more=more)


async def _ours(session: AsyncSession, customer: str) -> str:
    """Our id for a customer whom a system outside may call something else."""
    alias = await session.get(Alias, customer)
    return alias.customer_id if alias else customer


async def _about(
    session: AsyncSession, target: str, only: Only | None
) -> ColumnElement[bool] | None:
    """Which decisions are about the target; none if there is no such follow-up or customer."""
    found = None if only == "customer" else await session.get(Enrolment, target)
    if found is not None:
        return Decision.follow_up == target
    if only == "follow_up":
        return None
    ours = await _ours(session, target)
    if await session.get(Customer, ours) is None:
        return None
    return Decision.customer_id == ours


def _years_after(customer_id: str) -> str:
    return f"{KEEP_IN_TOUCH.name}.{customer_id}"


async def _known(session: AsyncSession, rows: Sequence[Enrolment]) -> dict[str, Known]:
    """What the tables hold about these, in four queries however many; bodies are not loaded."""
    after = [_years_after(row.customer_id) for row in rows]
    years = await session.execute(select(Enrolment).where(Enrolment.id.in_(after)))
    known = {row.id: Known(row) for row in [*rows, *years.scalars()]}

    milestones = select(MilestoneRow).where(MilestoneRow.follow_up.in_(known))
    for milestone in (await session.execute(milestones.order_by(MilestoneRow.due_at))).scalars():
        known[milestone.follow_up].milestones.append(milestone)

    light = load_only(Message.key, Message.follow_up, Message.clause, Message.template)
    messages = select(Message).where(Message.follow_up.in_(known)).options(light)
    for message in (await session.execute(messages.order_by(Message.created_at))).scalars():
        known[message.follow_up].messages.append(message)

    tasks = select(Task).where(Task.follow_up.in_(known)).order_by(Task.created_at)
    for task in (await session.execute(tasks)).scalars():
        known[task.follow_up or ""].tasks.append(task)
    return known


async def _held(session: AsyncSession, customers: set[str]) -> set[tuple[str, str | None]]:
    query = select(Hold.customer_id, Hold.follow_up).where(
        Hold.customer_id.in_(customers), Hold.released_at.is_(None)
    )
    return {(customer, follow_up) for customer, follow_up in await session.execute(query)}


def _in_state(state: str) -> ColumnElement[bool]:
    if state not in ("running", "on_hold"):
        return Enrolment.state == state
    held = exists().where(
        Hold.customer_id == Enrolment.customer_id,
        Hold.released_at.is_(None),
        or_(Hold.follow_up.is_(None), Hold.follow_up == Enrolment.id),
    )
    return and_(Enrolment.state == "running", held if state == "on_hold" else ~held)
