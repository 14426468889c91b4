"""Follow-ups by their rows, and what Temporal is yet to be told of them.

The table decides whether a follow-up starts: Temporal forgets ids after its retention.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import Enrolment, Telling

START, SIGNAL = "start", "signal"
LEASE = timedelta(seconds=30)  # real time for one telling; then another process may try
BEGUN, TO_TELL = "begun", "to tell"  # in a session's info: what its transaction has written


async def open_of(session: AsyncSession, customer_id: str) -> list[Enrolment]:
    """The customer's follow-ups that run, oldest first."""
    query = (
        select(Enrolment)
        .where(Enrolment.customer_id == customer_id, Enrolment.ended_at.is_(None))
        .order_by(Enrolment.started_at, Enrolment.id)
    )
    return list((await session.execute(query)).scalars())


async def enrol(
    session: AsyncSession,
    now: datetime,
    *,
    sop: str,
    subject: str,
    version: str,
    customer_id: str,
    order_id: str | None,
    body: dict[str, Any],
    inbox_id: str | None,
    contract_id: str | None = None,
) -> None:
    """Begin a follow-up that never began, as whoever asks has seen, and have Temporal told."""
    follow_up = f"{sop}.{subject}"
    row = Enrolment(
        id=follow_up,
        sop=sop,
        subject=subject,
        customer_id=customer_id,
        order_id=order_id,
        contract_id=contract_id,
        sop_version=version,
        state="running",
        input=body,
        started_at=now,
    )
    session.add(row)
    session.info.setdefault(BEGUN, []).append(row)
    await session.flush()
    tell(session, now, follow_up, verb=START, name=sop, body={}, inbox_id=inbox_id)


def tell(
    session: AsyncSession,
    now: datetime,
    follow_up: str,
    *,
    verb: str = SIGNAL,
    name: str,
    body: dict[str, Any],
    inbox_id: str | None = None,
) -> None:
    """Have Temporal told; in the order of writing, for each workflow."""
    row = Telling(
        workflow_id=follow_up,
        verb=verb,
        name=name,
        body=body,
        inbox_id=inbox_id,
        created_at=now,
        attempts=0,
    )
    session.add(row)
    session.info.setdefault(TO_TELL, []).append(row)


def begun(session: AsyncSession) -> list[Enrolment]:
    """The follow-ups that this transaction has begun."""
    return list(session.info.get(BEGUN, ()))


async def known(session: AsyncSession, follow_ups: Collection[str]) -> set[str]:
    """Those of them that have ever begun."""
    query = select(Enrolment.id).where(Enrolment.id.in_(follow_ups))
    return set((await session.execute(query)).scalars()) if follow_ups else set()


async def claim(
    session: AsyncSession, real: datetime, limit: int = 50, only: Collection[str] | None = None
) -> list[Telling]:
    """Take the next tellings, at most one per workflow; until the lease ends nobody else does."""
    heads = select(func.min(Telling.seq)).where(Telling.told_at.is_(None))
    if only is not None:
        heads = heads.where(Telling.workflow_id.in_(only))
    query = (
        select(Telling)
        .where(
            Telling.seq.in_(heads.group_by(Telling.workflow_id)),
            Telling.told_at.is_(None),
            or_(Telling.claimed_until.is_(None), Telling.claimed_until <= real),
        )
        .order_by(Telling.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list((await session.execute(query)).scalars())
    for row in rows:
        row.claimed_until = real + LEASE
        row.attempts += 1
    return rows


async def anything_to_tell(session: AsyncSession, only: Collection[str] | None = None) -> bool:
    """Whether there may be something to claim: reading takes no lock."""
    query = select(Telling.seq).where(Telling.told_at.is_(None)).limit(1)
    if only is not None:
        query = query.where(Telling.workflow_id.in_(only))
    return (await session.execute(query)).first() is not None


async def untold(session: AsyncSession, *inbox_ids: str) -> set[str]:
    """The workflows that are yet to hear what came of these events."""
    query = select(Telling.workflow_id).where(
        Telling.inbox_id.in_(inbox_ids), Telling.told_at.is_(None)
    )
    return set((await session.execute(query)).scalars())
