"""Requests about data, and the proof of consent, as readers see them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import privacy
from activities.crm.house import house_rules
from activities.crm.tables import Consent, Customer, PrivacyRequest, Task
from starter.reports import Reports, people
from starter.reports.objects import Page, Shape
from starter.reports.paging import NEWEST, Cursor, page_of
from starter.reports.words import SCOPES

RequestKind = Literal["access", "erase", "rectify", "object", "restrict"]
RequestState = Literal["open", "granted", "refused"]


class PrivacyRequestView(Shape):
    """What a customer asks about their data, and how much of its month is left."""

    id: str
    customer: str
    kind: RequestKind
    state: RequestState
    received_at: datetime
    due_at: datetime
    days_left: int | None = Field(None, description="By the office's calendar; none once closed")
    extended_at: datetime | None = None
    done_at: datetime | None = None
    reason: str | None = Field(None, description="Why it was refused, or what was done")
    channel: str | None = None
    by: str | None = Field(None, description="Who took it down")
    task: str | None = None
    what_to_do: str = ""


class ConsentStatement(Shape):
    """What a customer allowed or took back: when, where, and in which words."""

    id: str
    scope: str
    given: bool
    at: datetime
    source: str | None = None
    wording: str | None = None
    recorded_at: datetime
    stands: bool = Field(description="It is the latest word on its scope")
    words: str = Field(description="The scope in plain words")


async def request(reports: Reports, id_: str) -> PrivacyRequestView | None:
    async with reports.store.reading() as session:
        row = await session.get(PrivacyRequest, id_)
        return (await _views(reports, session, [row]))[0] if row else None


async def requests(
    reports: Reports,
    *,
    customer: str | None = None,
    state: str | None = None,
    cursor: Cursor = NEWEST,
) -> Page[PrivacyRequestView] | None:
    """The register, the newest first; none for somebody unknown."""
    async with reports.store.reading() as session:
        query = select(PrivacyRequest)
        if customer is not None:
            found = await people.meant(session, customer)
            if not found:
                return None
            query = query.where(PrivacyRequest.customer_id.in_(found))
        if state:
            query = query.where(PrivacyRequest.state == state)
        order = (PrivacyRequest.received_at, PrivacyRequest.id)
        rows, more = await page_of(session, query, order, cursor)
        return Page(data=await _views(reports, session, list(rows)), has_more=more)


async def proof(
    reports: Reports, customer: str, *, cursor: Cursor = NEWEST
) -> Page[ConsentStatement] | None:
    """Every word of theirs on what they allow, the newest first; none for somebody unknown."""
    async with reports.store.reading() as session:
        found = await people.meant(session, customer)
        if not found:
            return None
        query = select(Consent).where(Consent.customer_id == found[0])
        every = (
            await session.execute(query.order_by(Consent.at, Consent.recorded_at, Consent.id))
        ).scalars()
        latest = {row.scope: row.id for row in every}
        rows, more = await page_of(session, query, (Consent.at, Consent.id), cursor)
    return Page(data=[_statement(row, latest) for row in rows], has_more=more)


def _statement(row: Consent, latest: dict[str, str]) -> ConsentStatement:
    topic = row.scope.removeprefix("topic:")
    return ConsentStatement(
        id=row.id,
        scope=row.scope,
        given=row.given,
        at=row.at,
        source=row.source,
        wording=row.wording,
        recorded_at=row.recorded_at,
        stands=latest.get(row.scope) == row.id,
        words=SCOPES.get(row.scope, f"what is about {topic}"),
    )


async def _views(
    reports: Reports, session: AsyncSession, rows: list[PrivacyRequest]
) -> list[PrivacyRequestView]:
    keys = {privacy.key_of(row.id): row.id for row in rows}
    known = await session.execute(select(Task.key, Task.id).where(Task.key.in_(keys)))
    tasks = {keys[key]: id_ for key, id_ in known}
    ids = {row.customer_id for row in rows}
    where = await session.execute(select(Customer.id, Customer.country).where(Customer.id.in_(ids)))
    countries = {id_: country for id_, country in where}  # noqa: C416 - rows
    rules, now = await house_rules(session), reports.clock.now()

    def left(row: PrivacyRequest) -> int | None:
        zone = ZoneInfo(rules.office(countries.get(row.customer_id)).time_zone)
        days = row.due_at.astimezone(zone).date() - now.astimezone(zone).date()
        return days.days if row.state == privacy.OPEN else None

    return [
        PrivacyRequestView.model_validate(
            {
                "id": row.id,
                "customer": row.customer_id,
                "kind": row.kind,
                "state": row.state,
                "received_at": row.received_at,
                "due_at": row.due_at,
                "days_left": left(row),
                "extended_at": row.extended_at,
                "done_at": row.done_at,
                "reason": row.outcome,
                "channel": row.channel,
                "by": row.by,
                "task": tasks.get(row.id),
                "what_to_do": privacy.GUIDANCE[row.kind] if row.state == privacy.OPEN else "",
            }
        )
        for row in rows
    ]
