"""Complaints and inquiries as people look after them: how old, by when, whose, how far up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import cases
from activities.crm.tables import Case, Decision, Hold, Milestone, Note, Task
from starter.reports import people, views, words
from starter.reports.objects import EnclosureView, Page, Shape
from starter.reports.post import Posted, of_follow_up
from workflows.vocabulary import State

ESCALATING = "3"  # the clause of `case.txt` under which a rung is reached
MOST = 200  # lines of what was said, and of the log: the newest
PLAIN = (
    "id kind type severity state order_id opened_at answered_at answered_by resolved_at resolution "
    "root_cause reopened closed_at outcome"
).split()


class CaseView(Shape):
    """A complaint or an inquiry, with its clock."""

    id: str
    customer: str
    name: str
    kind: str
    type: str | None = None
    severity: str | None = None
    state: str
    order_id: str | None = None
    opened_at: datetime
    answered_at: datetime | None = None
    answered_by: str | None = None
    resolved_at: datetime | None = None
    resolution: str | None = None
    root_cause: str | None = None
    reopened: int = 0
    closed_at: datetime | None = None
    outcome: str | None = None
    due_at: datetime | None = None  # what somebody has to do for it next
    task: str | None = None
    owner: str | None = None  # whose task it is: a colleague, else a role
    role: str | None = None
    held: bool = False
    rung: int = 0  # how far up it has gone
    next_rung_at: datetime | None = None

    @property
    def follow_up(self) -> str:
        return cases.follow_up_of(self.id)


class Said(Shape):
    """What was said, by them or by us."""

    at: datetime
    direction: str
    method: str
    text: str
    score: str | None = None
    by: str | None = None
    enclosures: Sequence[EnclosureView] = ()


class Logged(Shape):
    """A line of the case's log."""

    at: datetime
    words: str
    by: str | None = None


@dataclass(frozen=True)
class Wanted:
    """Which cases a list is to have; `open` is whatever is not closed."""

    state: str = "open"
    kind: str | None = None
    customer: str | None = None


async def listed(
    session: AsyncSession, wanted: Wanted, *, limit: int, page: int = 1
) -> Page[CaseView]:
    """A page of the list: complaints first, the oldest first; what is closed, the newest."""
    query = select(Case)
    if wanted.state == "closed":
        query = query.where(Case.closed_at.is_not(None)).order_by(Case.closed_at.desc(), Case.id)
    else:
        query = query.where(Case.closed_at.is_(None)).order_by(_first(), Case.opened_at, Case.id)
    if wanted.state == "resolved":
        query = query.where(Case.state == cases.RESOLVED)
    if wanted.kind:
        query = query.where(Case.kind == wanted.kind)
    if wanted.customer:
        query = query.where(Case.customer_id.in_(await people.meant(session, wanted.customer)))
    begin = max(page - 1, 0) * limit
    rows = list((await session.execute(query.limit(limit + 1).offset(begin))).scalars())
    return Page(data=await _seen(session, rows[:limit]), has_more=len(rows) > limit)


async def counts(session: AsyncSession) -> dict[str, int]:
    """How many are not closed, by kind."""
    query = select(Case.kind, func.count()).where(Case.closed_at.is_(None)).group_by(Case.kind)
    return {kind: count for kind, count in await session.execute(query)}  # noqa: C416 - rows


async def of_customer(session: AsyncSession, customer_id: str) -> list[CaseView]:
    """A customer's cases, the newest first."""
    query = select(Case).where(Case.customer_id == customer_id)
    rows = (await session.execute(query.order_by(Case.opened_at.desc()).limit(50))).scalars()
    return await _seen(session, list(rows))


async def find(session: AsyncSession, case_id: str) -> CaseView | None:
    row = await session.get(Case, case_id)
    return (await _seen(session, [row]))[0] if row else None


async def said(session: AsyncSession, one: CaseView) -> list[Said]:
    """What they and we said since it was opened, oldest first."""
    query = select(Note).where(Note.customer_id == one.customer, Note.at >= one.opened_at)
    if one.closed_at:
        query = query.where(Note.at <= one.closed_at)
    rows = (await session.execute(query.order_by(Note.at.desc(), Note.id).limit(MOST))).scalars()
    enclosed = await views.enclosed(session, one.customer)
    return [
        Said(
            at=row.at, direction=row.direction, method=row.method, text=row.summary,
            score=row.feedback, by=row.by, enclosures=enclosed.get(row.id, []),
        )
        for row in reversed(list(rows))
    ]  # fmt: skip


async def log(session: AsyncSession, one: CaseView) -> list[Logged]:
    """The case's own log, oldest first; it is never changed."""
    query = select(Decision).where(
        Decision.follow_up == one.follow_up, Decision.outcome.startswith("case_")
    )
    rows = (await session.execute(query.order_by(Decision.at.desc()).limit(MOST))).scalars()
    return [
        Logged(
            at=row.at,
            words=words.sentence(row.outcome, row.reason, _without_by(row.facts)),
            by=row.facts.get("by"),
        )
        for row in reversed(list(rows))
    ]


async def letters(session: AsyncSession, one: CaseView) -> list[Posted]:
    """The case's own mail, oldest first."""
    return await of_follow_up(session, one.follow_up)


def _without_by(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in ("by", "case")}


def _first() -> ColumnElement[int]:
    return case((Case.kind == cases.COMPLAINT, 0), else_=1)


async def _seen(session: AsyncSession, rows: Sequence[Case]) -> list[CaseView]:
    ids = [row.id for row in rows]
    called = await people.names(session, {row.customer_id for row in rows})
    tasks = await _tasks(session, ids)
    rungs = await _rungs(session, ids)
    held = set(
        (
            await session.execute(
                select(Hold.id).where(Hold.id.in_(ids), Hold.released_at.is_(None))
            )
        ).scalars()
    )
    seen = []
    for row in rows:
        task, (rung, coming) = tasks.get(row.id), rungs.get(row.id, (0, None))
        seen.append(
            CaseView(
                **{name: getattr(row, name) for name in PLAIN},
                customer=row.customer_id,
                name=called.get(row.customer_id, row.customer_id),
                due_at=task.due_at if task else None,
                task=task.id if task else None,
                owner=task.assignee if task else None,
                role=task.role if task else None,
                held=row.id in held,
                rung=rung,
                next_rung_at=coming if row.closed_at is None else None,
            )
        )
    return seen


async def _tasks(session: AsyncSession, ids: list[str]) -> dict[str, Task]:
    """The open task of each that is due first."""
    query = select(Task).where(Task.case_id.in_(ids), Task.state == "open")
    rows = (await session.execute(query.order_by(Task.due_at.desc(), Task.id))).scalars()
    return {row.case_id or "": row for row in rows}


async def _rungs(session: AsyncSession, ids: list[str]) -> dict[str, tuple[int, datetime | None]]:
    """How many rungs of its ladder each has climbed, and when the next one comes."""
    query = select(Milestone).where(
        Milestone.follow_up.in_([cases.follow_up_of(one) for one in ids]),
        Milestone.clause == ESCALATING,
    )
    rungs: dict[str, tuple[int, datetime | None]] = {}
    for row in (await session.execute(query)).scalars():
        case_id = row.follow_up.partition(".")[2]
        climbed, coming = rungs.get(case_id, (0, None))
        if row.state in (State.DONE, State.WAITING):
            climbed += 1
        elif row.state in (State.NEXT, State.LATE) and row.due_at:
            coming = min(filter(None, (coming, row.due_at)))
        rungs[case_id] = (climbed, coming)
    return rungs
