"""Follow-ups by their rows, and what Temporal is yet to be told of them.

The table decides whether a follow-up starts: Temporal forgets ids after its retention.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import Enrolment, Telling

START, SIGNAL = "start", "signal"
LEASE = timedelta(seconds=30)  # real time for one telling; then another process may try
# In a session's info: what its transaction has written, and until when it claims what it begins.
BEGUN, TO_TELL, CLAIM = "begun", "to tell", "claim"


@dataclass(frozen=True)
class Written:
    """What a transaction has written that Temporal is to hear, and what of it is whoever's to tell
    who wrote it."""

    begun: dict[str, Enrolment]
    tellings: list[Telling]
    claimed: list[Telling]

    @property
    def is_ours(self) -> bool:
        """Whether nobody else tells any of it."""
        return len(self.claimed) == len(self.tellings)

    def untold(self, inbox_id: str) -> set[str]:
        """The workflows that are yet to hear what came of this event."""
        mine = (one for one in self.tellings if one.inbox_id == inbox_id)
        return {one.workflow_id for one in mine if one.told_at is None}


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
    if verb == START and (until := session.info.get(CLAIM)):  # nothing is told before a start
        row.claimed_until, row.attempts = until, 1
    session.add(row)
    session.info.setdefault(TO_TELL, []).append(row)


def begun(session: AsyncSession) -> list[Enrolment]:
    """The follow-ups that this transaction has begun."""
    return list(session.info.get(BEGUN, ()))


def claim_starts(session: AsyncSession, until: datetime | None) -> None:
    """What this transaction begins, whoever carries it out tells; until then nobody else does."""
    session.info[CLAIM] = until


def written(session: AsyncSession) -> Written:
    """What this transaction has written until now."""
    tellings = list(session.info.get(TO_TELL, ()))
    claimed = [one for one in tellings if one.claimed_until]
    return Written({row.id: row for row in begun(session)}, tellings, claimed)


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


async def to_start(session: AsyncSession, rows: Sequence[Telling]) -> dict[str, Enrolment]:
    """The follow-ups that begin with these tellings."""
    starts = [row.workflow_id for row in rows if row.verb == START]
    query = select(Enrolment).where(Enrolment.id.in_(starts))
    return {row.id: row for row in (await session.execute(query)).scalars()} if starts else {}


async def heard(session: AsyncSession, now: datetime, results: Mapping[int, str]) -> None:
    """Write down what Temporal has heard, by the tellings' numbers, and with what result."""
    for result in sorted(set(results.values())):
        told = [seq for seq, came in results.items() if came == result]
        query = update(Telling).where(Telling.seq.in_(told), Telling.told_at.is_(None))
        await session.execute(query.values(told_at=now, result=result, claimed_until=None))


async def anything_to_tell(session: AsyncSession) -> bool:
    """Whether there may be something to claim: reading takes no lock."""
    query = select(Telling.seq).where(Telling.told_at.is_(None)).limit(1)
    return (await session.execute(query)).first() is not None


async def untold(session: AsyncSession, *inbox_ids: str) -> set[str]:
    """The workflows that are yet to hear what came of these events."""
    query = select(Telling.workflow_id).where(
        Telling.inbox_id.in_(inbox_ids), Telling.told_at.is_(None)
    )
    return set((await session.execute(query)).scalars())
