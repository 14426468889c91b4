"""The post: what was sent, or was not, as staff look through it; and one message with all that is
known of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from activities.crm.tables import Decision, Message
from starter.reports import people, views, words
from starter.reports.objects import DecisionView, MessageView, Page, Shape, Tried
from starter.reports.paging import Cursor, page_of
from starter.reports.told import HINT, Told, told

LIGHT = load_only(  # what a list needs: no bodies
    *(
        getattr(Message, name)
        for name in (
            "id customer_id follow_up sop clause template channel state address subject reason "
            "created_at slot_at sent_at"
        ).split()
    )
)


class Posted(Shape):
    """A message on a list."""

    id: str
    customer: str
    name: str
    follow_up: str
    sop: str
    clause: str | None = None
    template: str
    channel: str | None = None
    state: str
    to: str | None = None
    subject: str | None = None
    reason: str | None = None
    created_at: datetime
    sent_at: datetime | None
    goes_at: datetime | None = None


class Posting(Shape):
    """One message: what it says, how it went, and why."""

    message: MessageView
    name: str
    key: str
    provider: str | None = None
    attempts: int = 0
    deferrals: int = 0
    goes_at: datetime | None = None
    locale: str | None = None
    order: str | None = None
    by_hand: bool = False
    said_by: str | None = None
    tried: list[Tried]
    why: list[DecisionView]
    told: tuple[Told, ...] = ()
    hint: str = ""  # what some of that is worth


async def posted(
    session: AsyncSession,
    *,
    customer: str | None = None,
    sop: str | None = None,
    channel: str | None = None,
    state: str | None = None,
    cursor: Cursor,
) -> Page[Posted]:
    """The post, newest first; `customer` by any of their ids."""
    wanted = {Message.sop: sop, Message.channel: channel, Message.state: state}
    query = select(Message).options(LIGHT)
    if customer:
        query = query.where(Message.customer_id.in_(await people.meant(session, customer)))
    for column, value in wanted.items():
        query = query.where(column == value) if value else query
    order = (Message.created_at, Message.id)
    rows, more = await page_of(session, query, order, cursor)
    return Page(data=await _seen(session, rows), has_more=more)


async def these(session: AsyncSession, ids: Collection[str]) -> dict[str, Posted]:
    """These messages by their ids."""
    query = select(Message).options(LIGHT).where(Message.id.in_(ids))
    rows = list((await session.execute(query)).scalars())
    return {one.id: one for one in await _seen(session, rows)}


async def of_follow_up(session: AsyncSession, follow_up: str) -> list[Posted]:
    """What one follow-up sent, or did not, oldest first."""
    query = select(Message).options(LIGHT).where(Message.follow_up == follow_up)
    rows = (await session.execute(query.order_by(Message.created_at, Message.id))).scalars()
    return await _seen(session, list(rows))


async def posting(session: AsyncSession, message: str) -> Posting | None:
    """One message with all that is known of it."""
    row = await session.get(Message, message)
    if row is None:
        return None
    query = select(Decision).where(Decision.key == row.key).order_by(Decision.at, Decision.id)
    called = await people.names(session, [row.customer_id])
    twin = select(Message.id).where(Message.key == row.covered_by)
    since = await told(session, row.id)
    return Posting(
        message=views.message(row),
        name=called.get(row.customer_id, row.customer_id),
        key=row.key,
        provider=row.via,
        attempts=row.attempts,
        deferrals=row.deferrals,
        goes_at=_goes_at(row),
        locale=row.locale,
        order=row.order_id,
        by_hand=row.draft_id is not None,
        said_by=(await session.execute(twin)).scalar_one_or_none() if row.covered_by else None,
        tried=views.tried(row),
        why=[views.decision(one) for one in (await session.execute(query)).scalars()],
        told=tuple(since),
        hint="" if all(one.proves for one in since) else HINT,
    )


async def _seen(session: AsyncSession, rows: Collection[Message]) -> list[Posted]:
    called = await people.names(session, {row.customer_id for row in rows})
    return [
        Posted(
            id=row.id,
            customer=row.customer_id,
            name=called.get(row.customer_id, row.customer_id),
            follow_up=row.follow_up,
            sop=row.sop,
            clause=row.clause,
            template=row.template,
            channel=row.channel,
            state=row.state,
            to=words.masked(row.address),
            subject=row.subject,
            reason=row.reason,
            created_at=row.created_at,
            sent_at=row.sent_at,
            goes_at=_goes_at(row),
        )
        for row in rows
    ]


def _goes_at(row: Message) -> datetime | None:
    """The moment it was promised, while it waits for that."""
    return row.slot_at if row.state == "reserved" else None
