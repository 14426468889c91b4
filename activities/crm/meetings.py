"""Appointments with a customer: which one is meant, and what becomes of it, late and out of order.

An older word never overwrites a newer one, and what was held stays so. The calendar's number counts
what a calendar has to hear of: another time, a cancellation, a return from one (RFC 5545).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.customers import take_in
from activities.crm.tables import Contract, Meeting, Message, new_id

SCHEDULED, MOVED, HELD, MISSED, CANCELLED = "scheduled", "moved", "held", "missed", "cancelled"
PLANNING = (SCHEDULED, MOVED)  # the words that say when it is to be
OFF = "off"  # the plan of what is not to be
TIMES = ("starts_at", "minutes")
FIELDS = (*TIMES, "url", "title", "organiser")
RANKS = {CANCELLED: 0, HELD: 1, MISSED: 2, SCHEDULED: 3}  # of two from the same moment


async def find(session: AsyncSession, said: str, customer_id: str | None = None) -> Meeting | None:
    """The meeting with this id, ours or another system's; the newest, if several have it."""
    query = select(Meeting).where(or_(Meeting.id == said, Meeting.reference == said))
    if customer_id:
        query = query.where(Meeting.customer_id == customer_id)
    query = query.order_by(Meeting.created_at.desc(), Meeting.id).limit(1)
    fresh = {"populate_existing": True}  # it may have been read before its lock was had
    return (await session.execute(query, execution_options=fresh)).scalar_one_or_none()


async def of_contract(session: AsyncSession, contract_id: str) -> list[Meeting]:
    """The contract's meetings, the newest first."""
    query = select(Meeting).where(Meeting.contract_id == contract_id)
    rows = (await session.execute(query)).scalars()
    return sorted(rows, key=lambda row: (row.created_at, RANKS[row.state]), reverse=True)


async def upcoming(session: AsyncSession, customer_id: str, now: datetime) -> Meeting | None:
    """The customer's next meeting."""
    query = select(Meeting).where(
        Meeting.customer_id == customer_id, Meeting.state == SCHEDULED, Meeting.starts_at > now
    )
    return (await session.execute(query.order_by(Meeting.starts_at).limit(1))).scalar_one_or_none()


async def meant(
    session: AsyncSession,
    customer_id: str,
    contract: Contract | None,
    what: str,
    at: datetime,
    *,
    reference: str | None,
    starts_at: datetime | None,
) -> Meeting | None:
    """The meeting that a word without our id is about; none: one that nobody has heard of yet."""
    if reference and (row := await find(session, reference, customer_id)):
        return row
    known = await of_contract(session, contract.id) if contract else []
    if reference:  # what we scheduled, and their system speaks of for the first time
        same = (row for row in known if row.reference is None and row.starts_at == starts_at)
        row = next((row for row in same if row.state == SCHEDULED), None)
        if row is not None:
            row.reference = reference
        return row
    latest = next(iter(known), None)
    is_over = latest is not None and latest.state in (HELD, CANCELLED)
    if latest and is_over and what in PLANNING and _told(latest, "state") <= at:
        return None  # another one
    return latest


def begin(
    customer_id: str,
    contract: Contract | None,
    *,
    host: str,
    reference: str | None,
    starts_at: datetime,
    now: datetime,
) -> Meeting:
    """A meeting that nobody had heard of; what its calendar calls it says nothing of anybody."""
    id_ = new_id("meet")
    return Meeting(
        id=id_,
        uid=f"{id_}@{host}",
        reference=reference,
        customer_id=customer_id,
        contract_id=contract.id if contract else None,
        state=SCHEDULED,
        starts_at=starts_at,
        minutes=60,
        sequence=0,
        told_at={},
        created_at=now,
        updated_at=now,
    )


def happened(
    row: Meeting, what: str, said: dict[str, Any], *, at: datetime, now: datetime
) -> str | None:
    """Take in a word about it. What that comes to for whoever follows it up; none: nothing new."""
    new, was, state = not row.told_at, (row.starts_at, row.minutes), row.state
    planned = what in PLANNING
    patch = {name: said[name] for name in FIELDS if said.get(name) is not None}
    take_in(row, {n: v for n, v in patch.items() if planned or n not in TIMES}, at=at)
    goal = SCHEDULED if planned else what
    late = not new and _told(row, "state") > at
    if new or goal == HELD or (state != HELD and not late):
        row.state, moment = goal, at if new else max(_told(row, "state"), at)
        row.told_at = row.told_at | {"state": moment.isoformat()}
    changed = new or row.state != state
    moved = not new and row.state == SCHEDULED and (row.starts_at, row.minutes) != was
    called_off = not new and changed and row.state == CANCELLED
    if moved or called_off or (changed and (state, row.state) == (CANCELLED, SCHEDULED)):
        row.sequence += 1
    row.updated_at = now
    if new and row.state == CANCELLED:
        return None  # nobody had heard that it was to be
    return row.state if changed else MOVED if moved else None


async def is_written_of(session: AsyncSession, row: Meeting) -> bool:
    """Whether the customer was written to about it, or is just being."""
    query = select(Message.id).where(
        Message.customer_id == row.customer_id, Message.meeting_id == row.id
    )
    return (await session.execute(query.limit(1))).first() is not None


def ends_at(row: Meeting) -> datetime:
    return row.starts_at + timedelta(minutes=row.minutes)


def plan_of(starts_at: datetime, minutes: int) -> str:
    """When it is to be, as words that are the same for the same."""
    return f"{starts_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}/{minutes}"


def news(row: Meeting) -> dict[str, Any]:
    """What a follow-up is told of it: ids, moments, and a number."""
    return {
        "meeting_id": row.id,
        "contract_id": row.contract_id or "",
        "starts_at": row.starts_at.isoformat(),
        "ends_at": ends_at(row).isoformat(),
        "number": row.sequence,
    }


def _told(row: Meeting, name: str) -> datetime:
    return datetime.fromisoformat(row.told_at[name])
