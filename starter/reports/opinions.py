"""What customers think, as colleagues look through it: the scores, the words, and what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field
from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import tables as t
from starter.reports.objects import Page, Shape
from starter.reports.paging import NEWEST, Cursor, page_of

WORDLESS = "feedback.received"  # what its note says of it where they wrote nothing
LATELY = timedelta(days=7)
PLAIN = (
    "id at source product overall satisfied type urgency potential category classified_at "
    "classified_by follow_up clause case_id actions by"
).split()


class FeedbackView(Shape):
    """What a customer said they think, and what it is."""

    id: str
    at: datetime
    customer: str
    source: str = Field(description="form, reply, call, staff, or a system's name")
    product: float | None = Field(None, description="0 to 100, as all scores are")
    overall: float | None = None
    satisfied: bool | None = Field(None, description="With how a complaint was put right")
    text: str | None = None
    type: str | None = Field(None, description="By the house's taxonomy")
    urgency: str | None = None
    potential: str | None = Field(None, description="For escalation: none, possible, likely")
    category: str | None = Field(None, description="What it is about, as it was said")
    classified_at: datetime | None = None
    classified_by: str | None = None
    order: str | None = None
    follow_up: str | None = None
    clause: str | None = None
    message: str | None = Field(None, description="The message that asked")
    case_id: str | None = Field(None, description="The case that sees to it")
    actions: str | None = None
    by: str | None = Field(None, description="Who wrote it down")


@dataclass(frozen=True)
class Wanted:
    """Which feedback a list is to have."""

    unclassified: bool = False
    type: str | None = None
    since: datetime | None = None
    customer: str | None = None  # our id


async def listed(
    session: AsyncSession, wanted: Wanted, *, cursor: Cursor = NEWEST
) -> Page[FeedbackView]:
    """A page of the list, the newest first."""
    order = (t.Feedback.at, t.Feedback.id)
    rows, more = await page_of(session, _query(wanted), order, cursor)
    return Page(data=await _seen(session, rows), has_more=more)


async def to_classify(
    session: AsyncSession, wanted: Wanted, *, limit: int, page: int = 1
) -> Page[FeedbackView]:
    """The same as work: what nobody has classified comes first, what hurts before all."""
    waits = case((t.Feedback.classified_at.is_(None), 0), else_=1)
    worst = func.coalesce(t.Feedback.overall, t.Feedback.product, 50)
    hurts = case((t.Feedback.classified_at.is_(None), worst), else_=0)
    query = _query(wanted).order_by(waits, hurts, t.Feedback.at.desc(), t.Feedback.id)
    begin = max(page - 1, 0) * limit
    rows = list((await session.execute(query.limit(limit + 1).offset(begin))).scalars())
    return Page(data=await _seen(session, rows[:limit]), has_more=len(rows) > limit)


async def find(session: AsyncSession, feedback_id: str) -> FeedbackView | None:
    row = await session.get(t.Feedback, feedback_id)
    return (await _seen(session, [row]))[0] if row else None


@dataclass(frozen=True)
class Counts:
    """How far the classifying has come."""

    waiting: int
    lately: int  # classified within the last week
    came: int  # within the last week


async def counts(session: AsyncSession, now: datetime) -> Counts:
    row, since = t.Feedback, now - LATELY
    wanted = (row.classified_at.is_(None), row.classified_at > since, row.at > since)
    counted = [func.coalesce(func.sum(case((one, 1), else_=0)), 0) for one in wanted]
    waiting, lately, came = (await session.execute(select(*counted))).one()
    return Counts(waiting, lately, came)


def _query(wanted: Wanted) -> Select[t.Feedback]:
    query = select(t.Feedback)
    if wanted.unclassified:
        query = query.where(t.Feedback.classified_at.is_(None))
    if wanted.type:
        query = query.where(t.Feedback.type == wanted.type)
    if wanted.since:
        query = query.where(t.Feedback.at >= wanted.since)
    if wanted.customer:
        query = query.where(t.Feedback.customer_id == wanted.customer)
    return query


async def _seen(session: AsyncSession, rows: Sequence[t.Feedback]) -> list[FeedbackView]:
    """With their words, and the message that asked, in two queries however many there are."""
    notes = await _named(session, t.Note.id, t.Note.summary, [row.note_id for row in rows])
    keys = [row.message_key for row in rows]
    messages = await _named(session, t.Message.key, t.Message.id, keys)
    return [
        FeedbackView(
            **{name: getattr(row, name) for name in PLAIN},
            customer=row.customer_id,
            text=_words(notes.get(row.note_id or "")),
            order=row.order_id,
            message=messages.get(row.message_key or ""),
        )
        for row in rows
    ]


def _words(summary: str | None) -> str | None:
    return None if summary in (None, WORDLESS, "reply.received") else summary


async def _named(
    session: AsyncSession, key: Any, value: Any, names: Sequence[str | None]
) -> dict[str, str]:
    wanted = {name for name in names if name}
    if not wanted:
        return {}
    found = await session.execute(select(key, value).where(key.in_(wanted)))
    return {name: said for name, said in found}  # noqa: C416 - rows
