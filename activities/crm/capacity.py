"""How much people can do in a day: so many tasks that contact a customer, a role's and a person's.

Over that the best customers go first: by tier, then by what they spent. What a machine cannot take
over is never turned down: the answer to a case, and what a VIP is to hear from a person. It counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import tasks
from activities.crm.house import HouseRules
from activities.crm.milestones import record_decision
from activities.crm.noticing import REASSIGNED, notice
from activities.crm.staffing import Roster
from activities.crm.store import lock_name
from activities.crm.tables import Customer, Staff, Task
from workflows import vocabulary as v

VIP = "vip"
CONTACTS = or_(Task.template.is_not(None), Task.form.in_(v.CALLS))


def limit(task: v.Task, rules: HouseRules, roster: Roster) -> int | None:
    """How many such tasks the role gets in a day: what the policy or the house says, and no more
    than its people together, where each has said what they can do."""
    said = [task.cap, rules.daily(task.role)]
    people = [row.capacity for row in roster.of(task.role)]
    if people and None not in people:
        said.append(sum(filter(None, people)))
    return min((cap for cap in said if cap is not None), default=None)


@dataclass(frozen=True)
class Seat:
    """A task's place on the list of the day that it is due. Its customer's lock is had."""

    session: AsyncSession
    now: datetime
    task: v.Task
    customer: Customer
    due: datetime
    rank: float

    @property
    def contacts(self) -> bool:
        return bool(self.task.template) or self.task.form in v.CALLS

    @property
    def bound(self) -> bool:
        """Whether it may be turned down: somebody or something else says it then."""
        in_person = self.customer.tier == VIP and self.task.cap is None
        needed = bool(self.task.case_id or self.task.meeting_id)
        return self.contacts and not needed and not in_person

    async def with_role(self, rules: HouseRules, roster: Roster) -> bool:
        """Whether the role can take it. If its day is full, the least worthy open task of the day
        makes room for a worthier one, and its workflow is told."""
        cap = limit(self.task, rules, roster)
        if cap is None or not self.bound:
            return True
        role = self.task.role.value
        days = await self._day(f"role {role}", Task.role == role, rules.time_zone)
        if await self._count(days) < cap:
            return True
        row = await self._least(days)
        if row is not None:
            await tasks.release(self.session, self.now, row, tasks.CAPACITY, cap=cap)
        return row is not None

    async def with_person(self, who: Staff | None, zone: str) -> Staff | None:
        """Whether the colleague whose customer it is can take it, too; over what they can do in a
        day the least worthy is left to their role's queue."""
        if who is None or who.capacity is None or not self.contacts:
            return who
        days = await self._day(f"of {who.id}", Task.assignee == who.email, zone)
        if await self._count(days) < who.capacity or not self.bound:
            return who
        row = await self._least(days)
        if row is None:
            return None
        row.assignee = None
        facts = {"task": row.id, "was": who.email, "cap": who.capacity}
        await record_decision(
            self.session,
            self.now,
            customer_id=row.customer_id or "",
            follow_up=row.follow_up,
            clause=row.clause,
            key=row.key,
            outcome="reassigned",
            reason=tasks.CAPACITY,
            facts=facts,
        )
        await notice(self.session, self.now, row, REASSIGNED, self.now.isoformat())
        return who

    async def _day(
        self, whose: str, mine: ColumnElement[bool], zone: str
    ) -> list[ColumnElement[bool]]:
        """All that is on the list of that day; nobody else changes it meanwhile."""
        day = self.due.astimezone(ZoneInfo(zone)).date()
        starts = datetime.combine(day, time(), ZoneInfo(zone))
        ends = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))
        await lock_name(self.session, f"capacity {whose} {day}")
        return [mine, CONTACTS, Task.due_at >= starts, Task.due_at < ends]

    async def _count(self, days: list[ColumnElement[bool]]) -> int:
        states = (tasks.OPEN, tasks.DONE, tasks.DECLINED)
        query = select(func.count()).where(*days, Task.state.in_(states))
        return (await self.session.execute(query)).scalar_one()

    async def _least(self, days: list[ColumnElement[bool]]) -> Task | None:
        """Who makes room; a task that somebody is at in this moment stays."""
        free = (Task.state == tasks.OPEN, Task.case_id.is_(None), Task.meeting_id.is_(None))
        query = (
            select(Task)
            .where(*days, *free, Task.worth < self.rank)
            .order_by(Task.worth, Task.created_at.desc(), Task.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        return (await self.session.execute(query)).scalar_one_or_none()
