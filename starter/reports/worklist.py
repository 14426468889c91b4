"""The work: what people have to do for customers, as they look through it; complaints first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import briefs
from activities.crm.tables import Audit, Case, Staff, Task
from starter.reports import people
from starter.reports.objects import Page, Shape

OPEN = "open"
VIEWS = ("mine", "queue", "overdue", "all", "done")
NOBODY = "nobody"  # as whose task it is


class Job(Shape):
    """A task on a list."""

    id: str
    title: str
    form: str
    role: str
    assignee: str | None = None
    customer: str | None = None
    name: str | None = None
    follow_up: str | None = None
    clause: str | None = None
    case_id: str | None = None
    case_kind: str | None = None
    template: str | None = None
    state: str
    reason: str | None = None
    urgent: bool = False
    due_at: datetime
    snoozed_until: datetime | None = None
    created_at: datetime
    done_at: datetime | None = None
    rung: int = 0
    escalated_to: str | None = None
    contract_id: str | None = None
    alerts: tuple[str, ...] = ()  # what is to be minded of its customer now, by kind


class Colleague(Shape):
    """Somebody of ours who can be given a task."""

    id: str
    email: str
    name: str | None = None
    role: str
    away_until: datetime | None = None

    @property
    def called(self) -> str:
        return f"{self.name} ({self.email})" if self.name else self.email


class Happened(Shape):
    """What somebody did with a task, beside doing it."""

    at: datetime
    who: str
    what: str
    reason: str | None = None
    facts: dict[str, Any]


@dataclass(frozen=True)
class Looking:
    """Who looks, at which moment."""

    now: datetime
    names: tuple[str, ...]  # what tasks may call them: their address, their name
    role: str


@dataclass(frozen=True)
class Wanted:
    """Which tasks a list is to have."""

    view: str = "all"
    role: str | None = None
    assignee: str | None = None  # an account's id, or `nobody`
    form: str | None = None
    customer: str | None = None


async def looking(session: AsyncSession, now: datetime, staff_id: str) -> Looking:
    """Somebody with an account, as tasks know them."""
    row = await session.get_one(Staff, staff_id)
    return Looking(now, tuple(name.lower() for name in (row.email, row.name) if name), row.role)


async def jobs(
    session: AsyncSession, who: Looking, wanted: Wanted, *, limit: int, page: int = 1
) -> Page[Job]:
    """A page of the list: what is put off comes last, what is urgent first, then by due moment;
    what is done, newest first."""
    query = select(Task, Case.kind).outerjoin(Case, Case.id == Task.case_id)
    query = query.where(_in_view(wanted.view, who))
    if wanted.role:
        query = query.where(or_(Task.role == wanted.role, Task.copy_to == wanted.role))
    if wanted.assignee == NOBODY:
        query = query.where(Task.assignee.is_(None))
    elif wanted.assignee:
        theirs = await session.get(Staff, wanted.assignee)
        names = [name.lower() for name in (theirs.email, theirs.name) if name] if theirs else []
        query = query.where(func.lower(Task.assignee).in_(names))
    if wanted.form:
        query = query.where(Task.form == wanted.form)
    if wanted.customer:
        query = query.where(Task.customer_id.in_(await people.meant(session, wanted.customer)))
    if wanted.view == "done":
        query = query.order_by(Task.done_at.desc(), Task.id)
    else:
        query = query.order_by(_away(who.now), _urgency(), Task.due_at, Task.id)
    begin = max(page - 1, 0) * limit
    rows = (await session.execute(query.limit(limit + 1).offset(begin))).all()
    data = await _seen(session, rows[:limit])
    return Page(data=data, has_more=len(rows) > limit)


async def counts(session: AsyncSession, who: Looking) -> dict[str, int]:
    """How much is on each list."""
    views = [view for view in VIEWS if view != "done"]
    sums = [func.sum(case((_in_view(view, who), 1), else_=0)) for view in views]
    found = (await session.execute(select(*sums).where(Task.state == OPEN))).one()
    return {view: int(count or 0) for view, count in zip(views, found, strict=True)}


async def job(session: AsyncSession, task_id: str) -> Job | None:
    query = select(Task, Case.kind).outerjoin(Case, Case.id == Task.case_id)
    row = (await session.execute(query.where(Task.id == task_id))).one_or_none()
    return (await _seen(session, [row]))[0] if row else None


async def jobs_of(
    session: AsyncSession, *, case_id: str | None = None, customer_id: str | None = None
) -> list[Job]:
    """All tasks of a case, or of a customer: the open ones first."""
    query = select(Task, Case.kind).outerjoin(Case, Case.id == Task.case_id)
    whose = Task.case_id == case_id if case_id else Task.customer_id == customer_id
    order = (Task.state != OPEN, Task.due_at.desc(), Task.id)
    rows = await session.execute(query.where(whose).order_by(*order).limit(100))
    return await _seen(session, rows.all())


async def colleagues(session: AsyncSession) -> list[Colleague]:
    """Everybody with an account that is in use."""
    query = select(Staff).where(Staff.disabled_at.is_(None), Staff.email.is_not(None))
    rows = (await session.execute(query.order_by(Staff.email))).scalars()
    return [
        Colleague(
            id=row.id, email=row.email or "", name=row.name, role=row.role,
            away_until=row.away_until,
        )
        for row in rows
    ]  # fmt: skip


async def happened(session: AsyncSession, task_id: str) -> list[Happened]:
    """Who did what with a task, oldest first."""
    query = select(Audit).where(Audit.target == task_id).order_by(Audit.at, Audit.id)
    rows = (await session.execute(query)).scalars()
    return [
        Happened(at=row.at, who=row.who, what=row.what, reason=row.reason, facts=row.facts)
        for row in rows
    ]


def _in_view(view: str, who: Looking) -> ColumnElement[bool]:
    match view:
        case "mine":
            return and_(Task.state == OPEN, func.lower(Task.assignee).in_(who.names))
        case "queue":
            mine = or_(Task.role == who.role, Task.copy_to == who.role)
            return and_(Task.state == OPEN, mine)
        case "overdue":
            return and_(Task.state == OPEN, Task.due_at < who.now, ~_put_off(who.now))
        case "done":
            return Task.state != OPEN
    return Task.state == OPEN


def _put_off(now: datetime) -> ColumnElement[bool]:
    return and_(Task.snoozed_until.is_not(None), Task.snoozed_until > now)


def _away(now: datetime) -> ColumnElement[int]:
    return case((_put_off(now), 1), else_=0)


def _urgency() -> ColumnElement[int]:
    return case((or_(Task.urgent, Task.priority == 1), 0), else_=1)


async def _seen(session: AsyncSession, rows: Sequence[Any]) -> list[Job]:
    named: Collection[str] = {row.customer_id for row, _ in rows if row.customer_id}
    called = await people.names(session, named)
    waiting = [row.customer_id for row, _ in rows if row.customer_id and row.state == OPEN]
    minded = await briefs.alerts(session, set(waiting)) if waiting else {}
    return [
        Job(
            **{name: getattr(row, name) for name in PLAIN},
            customer=row.customer_id,
            name=called.get(row.customer_id),
            case_kind=kind,
            urgent=row.urgent or row.priority == 1,
            alerts=tuple(dict.fromkeys(alert["kind"] for alert in minded.get(row.customer_id, ()))),
        )
        for row, kind in rows
    ]


PLAIN = (
    "id title form role assignee follow_up clause case_id template state reason due_at "
    "snoozed_until created_at done_at rung escalated_to contract_id"
).split()
