"""The rounds: what is due soon, what is overdue, whose colleague is away, what must not be done.

Each thing is done once, however often the rounds are made and however many make them: a task's own
row says how far it has come, and is locked meanwhile. What is snoozed is left in peace.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from activities.calendar import office_due
from activities.crm import tasks
from activities.crm.capacity import CONTACTS
from activities.crm.house import HouseRules
from activities.crm.milestones import record_decision
from activities.crm.noticing import ESCALATED, OVERDUE, REASSIGNED, REMINDER, notice
from activities.crm.staffing import Roster
from activities.crm.tables import Consent, Customer, Task
from activities.permission import standing_of, way_for
from activities.rendering import registry
from workflows.vocabulary import CALLS, Form, Role

MANY = 500  # tasks at a time; the next rounds see to the others
GRACE = timedelta(minutes=15)  # what a machine takes over when it is due, it has taken over by then
A_WEEK = timedelta(days=7)
QUEUE = "queue"
AWAY = "away"


@dataclass
class Made:
    """What came of the rounds."""

    reminded: int = 0
    escalated: int = 0
    moved: int = 0
    taken_back: int = 0


class _Standing(NamedTuple):
    """As much of a task as decides whether it is its turn."""

    id: str
    customer_id: str | None
    role: str
    assignee: str | None
    escalated_to: str | None
    rung: int
    due_at: datetime
    created_at: datetime
    form: str
    template: str | None


_SAYS = func.coalesce(Task.template, Task.brief["template"].as_string())  # its message's, else
_COLUMNS = [*(getattr(Task, name) for name in _Standing._fields[:-1]), _SAYS]


async def make_rounds(session: AsyncSession, now: datetime, rules: HouseRules) -> Made:
    """Look after everything that people have to do, as it stands at this moment."""
    rounds = _Rounds(session, now, rules, await Roster.at(session, now))
    await rounds.take_back()
    await rounds.hand_on()
    await rounds.remind()
    await rounds.escalate()
    await session.flush()
    return rounds.made


class _Rounds:
    def __init__(
        self, session: AsyncSession, now: datetime, rules: HouseRules, roster: Roster
    ) -> None:
        self.session, self.now, self.rules, self.roster = session, now, rules, roster
        self.made = Made()

    async def take_back(self) -> None:
        """Nobody is contacted who has become a sensitive case, or said no, since the task was
        made. What is about a case, what they must have, and a meeting they come to, stays."""
        refused = exists().where(
            Consent.customer_id == Task.customer_id,
            Consent.given.is_(False),
            Consent.recorded_at >= Task.created_at,
        )
        customer = exists().where(
            Customer.id == Task.customer_id,
            or_(Customer.sensitive.is_(True), Customer.erased_at.is_not(None)),
        )
        free = (Task.case_id.is_(None), Task.meeting_id.is_(None))
        due = (CONTACTS, *free, or_(refused, customer))
        seen = await self._seen(*due, snoozed=True)
        begins = int(self.now.timestamp()) // 60 * MANY % max(len(seen), 1)
        forbidden = {}
        for row in (seen[begins:] + seen[:begins])[:MANY]:  # others at another minute
            if reason := await self._forbidden(row):
                forbidden[row.id] = reason
        for task in await self._locked(forbidden):
            await tasks.release(self.session, self.now, task, forbidden[task.id])
            self.made.taken_back += 1

    async def hand_on(self) -> None:
        """What lies with somebody who has left, or will not be back in time, goes to whoever stands
        in for them, else to the queue."""
        absent = {who.email: who for who in self.roster.absent()}
        lies = [
            row.id
            for row in await self._seen(Task.assignee.in_(absent), snoozed=True)
            if not self.roster.is_here(absent[row.assignee], max(row.due_at, self.now))
        ]
        for row in await self._locked(lies):
            if row.assignee not in absent:
                continue  # somebody gave it on meanwhile
            taker = self.roster.standing_in(row.assignee)
            before, row.assignee = row.assignee, taker.email if taker else None
            await self._decide(row, "reassigned", AWAY, was=before, to=row.assignee or QUEUE)
            await notice(self.session, self.now, row, REASSIGNED, self.now.isoformat())
            self.made.moved += 1

    async def remind(self) -> None:
        """Once, some time before it is due; of what has a month, a week before."""
        of_month = Task.form == Form.PRIVACY.value
        await self._remind(self.rules.care.remind_before, ~of_month)
        await self._remind(max(A_WEEK, self.rules.care.remind_before), of_month)

    async def _remind(self, before: timedelta, *of: ColumnElement[bool]) -> None:
        """Not of what was only given for so long."""
        soon = and_(
            *of,
            Task.reminded_at.is_(None),
            Task.due_at > self.now,
            Task.due_at <= self.now + before,
        )
        seen = await self._seen(soon)
        for row in await self._locked(
            [row.id for row in seen if row.created_at <= row.due_at - before], soon
        ):
            row.reminded_at = self.now
            await notice(self.session, self.now, row, REMINDER)
            self.made.reminded += 1

    async def escalate(self) -> None:
        """Overdue: its owner's deputy, then the queue, then the roles of the ladder, one after the
        other. A case has a ladder of its own."""
        late = (Task.due_at <= self.now - GRACE, Task.case_id.is_(None), ~self._exhausted())
        moments: dict[tuple[datetime, int], datetime] = {}
        due = [
            row.id
            for row in await self._seen(*late)
            if self._next(row) is not None and self._moment(row, moments) <= self.now
        ]
        for row in await self._locked(due, *late):
            while (step := self._next(row)) and self._moment(row, moments) <= self.now:
                await self._climb(row, step)

    def _next(self, row: _Standing | Task) -> str | Role | None:
        """Who is to have it after whoever has it now; none: there is nobody left."""
        deputy = self.roster.deputy_of(row.assignee) if row.rung == 0 else None
        if deputy is not None and deputy.email:
            return deputy.email
        if row.assignee is not None and row.escalated_to is None:
            return QUEUE
        ladder = self._ladder(row.role)
        if row.escalated_to is None:
            return next(iter(ladder), None)
        if row.escalated_to not in ladder:
            return None
        return next(iter(ladder[ladder.index(Role(row.escalated_to)) + 1 :]), None)

    def _ladder(self, role: str) -> list[Role]:
        """Who takes over from a role."""
        return [other for other in self.rules.care.ladder if other.value != role]

    def _exhausted(self) -> ColumnElement[bool]:
        """Whether everybody was told that there is."""
        ends = {role: self._ladder(role) for role in Role}
        return or_(
            *(
                and_(
                    Task.role == role.value,
                    Task.escalated_to == ladder[-1].value if ladder else Task.assignee.is_(None),
                    Task.escalated_to.is_not(None) if ladder else true(),
                )
                for role, ladder in ends.items()
            )
        )

    def _moment(
        self, row: _Standing | Task, known: dict[tuple[datetime, int], datetime]
    ) -> datetime:
        """When that is; it was due by the office's clock, and waits by it."""
        if row.rung == 0:
            return row.due_at
        said = (row.due_at, row.rung)
        if said not in known:
            span = row.rung * self.rules.care.escalate_after
            known[said] = office_due(row.due_at, span, self.rules)
        return known[said]

    async def _climb(self, row: Task, step: str | Role) -> None:
        row.rung += 1
        what = OVERDUE
        if isinstance(step, Role):
            row.escalated_to, what = step.value, ESCALATED
        else:
            row.assignee = None if step == QUEUE else step
        late = int((self.now - row.due_at).total_seconds())
        to = step.value if isinstance(step, Role) else step
        await self._decide(row, "escalated", OVERDUE, to=to, rung=row.rung, late_by_seconds=late)
        if row.rung == 1 and what is ESCALATED:  # those of its own role are told, too
            await notice(self.session, self.now, row, OVERDUE)
        await notice(self.session, self.now, row, what, str(row.rung))
        self.made.escalated += 1

    # -- how ---------------------------------------------------------------------------------

    async def _seen(self, *where: ColumnElement[bool], snoozed: bool = False) -> list[_Standing]:
        """How open tasks stand, the most pressing first, all of them: whatever has to wait keeps
        nothing from its turn that stands behind it. Nothing is locked by looking."""
        awake = or_(Task.snoozed_until.is_(None), Task.snoozed_until <= self.now)
        query = select(*_COLUMNS).where(Task.state == tasks.OPEN, *where)
        if not snoozed:
            query = query.where(awake)
        found = await self.session.execute(query.order_by(Task.due_at, Task.id))
        return [_Standing(*row) for row in found]

    async def _locked(self, ids: Collection[str], *where: ColumnElement[bool]) -> list[Task]:
        """These, so many at a time, if they stand as they stood; those that somebody is at come
        next time."""
        some = list(ids)[:MANY]
        query = select(Task).where(Task.id.in_(some), Task.state == tasks.OPEN, *where)
        fresh = {"populate_existing": True}
        found = await self.session.execute(
            query.order_by(Task.due_at, Task.id).with_for_update(skip_locked=True),
            execution_options=fresh,
        )
        return list(found.scalars())

    async def _forbidden(self, row: _Standing) -> str | None:
        """Why the gate would let nobody contact them for this any more; none if it would."""
        customer = await self.session.get(Customer, row.customer_id)
        template = registry().get(row.template or "")
        if customer is None or template is None:
            return None
        standing = await standing_of(self.session, customer)
        only = "call" if row.form in CALLS else ""
        way = way_for(template, standing, self.rules, only=only)
        return way if isinstance(way, str) and way != "no_address" else None

    async def _decide(self, row: Task, outcome: str, reason: str, **facts: object) -> None:
        await record_decision(
            self.session,
            self.now,
            customer_id=row.customer_id or "",
            follow_up=row.follow_up,
            clause=row.clause,
            key=row.key,
            outcome=outcome,
            reason=reason,
            facts={"task": row.id, **facts},
        )
