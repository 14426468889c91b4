"""One follow-up with everything about it: its checklist, and to each clause what was decided, what
people ordered, the messages and the tasks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import Task
from starter.reports import Reports, post, sops
from starter.reports.objects import CustomerView, FollowUp, HoldView, Shape, TaskView
from starter.reports.paging import Cursor
from starter.reports.post import Posted
from starter.reports.remarks import OPEN
from starter.reports.steering import Steered, steered
from starter.reports.views import tasks
from workflows.sops import KEEP_IN_TOUCH, PROCEDURES

MOST = 300  # decisions: years of them, the newest


class Said(Shape):
    """What was decided, or ordered by a person, in words."""

    at: datetime
    words: str


class Dossier(Shape):
    follow_up: FollowUp
    title: str
    customer: CustomerView
    holds: list[HoldView]
    why: dict[str, list[Said]]  # by clause; under none, about the whole
    messages: dict[str, Posted]
    tasks: dict[str, TaskView]


async def dossier(reports: Reports, follow_up: str) -> Dossier | None:
    """Everything about one follow-up; none if there is no such."""
    one = await reports.follow_up(follow_up)
    customer = await reports.customer(one.customer) if one else None
    if one is None or customer is None:
        return None
    sop = sops.procedures().get(one.sop)
    async with reports.store.reading() as session:
        orders = await steered(session, one.id, limit=MOST)
        messages = await post.these(
            session, [id_ for line in one.checklist for id_ in line.messages]
        )
        handed = await _tasks(session, [id_ for line in one.checklist for id_ in line.tasks])
    return Dossier(
        follow_up=one,
        title=sop.title if sop else one.sop,
        customer=customer,
        holds=[
            held
            for held in customer.holds
            if one.state in OPEN and held.follow_up in (None, one.id)
        ],
        why=await _why(reports, one, orders),
        messages=messages,
        tasks=handed,
    )


async def _why(reports: Reports, one: FollowUp, orders: list[Steered]) -> dict[str, list[Said]]:
    """By clause, oldest first. Clauses that the years after carry out have their reasons there."""
    mine = await reports.why(one.id, only="follow_up", cursor=Cursor(MOST))
    told = [(said.clause, said.at, said.words) for said in mine.data] if mine else []
    if one.sop != KEEP_IN_TOUCH.name:
        years = f"{KEEP_IN_TOUCH.name}.{one.customer}"
        later = await reports.why(years, only="follow_up", cursor=Cursor(MOST))
        here = PROCEDURES[one.sop].years if one.sop in PROCEDURES else ()
        told += [
            (s.clause, s.at, s.words) for s in (later.data if later else []) if s.clause in here
        ]
    told += [(order.clause, order.at, ordered(order)) for order in orders]
    by_clause: dict[str, list[Said]] = {}
    for clause, at, words in sorted(told, key=lambda each: each[1]):
        by_clause.setdefault(clause or "", []).append(Said(at=at, words=words))
    return by_clause


def ordered(one: Steered) -> str:
    """What a person ordered, in a sentence."""
    because = f": {one.reason}" if one.reason else ""
    return f"{one.who} said `{one.what}`{because}"


async def _tasks(session: AsyncSession, ids: list[str]) -> dict[str, TaskView]:
    rows = (await session.execute(select(Task).where(Task.id.in_(ids)))).scalars().all()
    return {one.id: one for one in await tasks(session, rows)}
