"""What came in, under its sender's own id: stored first, carried out from here, kept as it came."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.store import Store
from activities.crm.tables import Inbox, new_id
from workflows.vocabulary import Step

PATIENCE = timedelta(days=30)  # how long something unknown is waited for
HOOKS = "hooks/"  # how the type of a delivery begins; the path of its sender's door follows
FETCHED = "fetched"  # the query of a delivery that was asked for, and never posted
AT_ONCE = 500  # ids that are looked up in one go
DELIVERY = "delivery/"  # before a delivery's id, where its events may have the same
WORKFLOW = "workflow"  # the source of what activities want done: they know no Temporal client

GIVEN = "written_as"  # in an event: whom it named, before a colleague said who that is

STORED, PARKED, DONE, FAILED = "stored", "parked", "done", "failed"
IMPORT = "import"  # the source of what a file says of the past
IMPORTING = "importing"  # of an import: kept, and carried out when the import comes to it
IN_VAIN = "unknown_for_30_days"
# What somebody says, of whom a colleague may know better than we who that is.
SAID_BY_SOMEBODY = frozenset(
    "reply.received inquiry.received complaint.opened feedback.received consent.changed "
    "interaction.logged".split()
)


def row_for(source: str, event: dict[str, Any], *, occurred_at: datetime, now: datetime) -> Inbox:
    """An event as a row, to be added to a session."""
    raw = json.dumps(event, sort_keys=True, default=str)
    return Inbox(
        id=new_id("in"),
        source=source,
        event_id=event["id"],
        type=event["type"],
        raw=raw,
        digest=hashlib.sha256(raw.encode()).hexdigest(),
        state=STORED,
        effects=[],
        occurred_at=occurred_at,
        received_at=now,
    )


async def want(
    session: AsyncSession, now: datetime, what: str, step: Step, data: dict[str, Any]
) -> None:
    """What only the desk can do it finds in its inbox: no activity speaks to Temporal."""
    known = select(Inbox.id).where(Inbox.source == WORKFLOW, Inbox.event_id == step.key)
    if (await session.execute(known)).first():
        return
    event: dict[str, Any] = {
        "id": step.key,
        "type": what,
        "occurred_at": now.isoformat(),
        "customer": {"id": step.customer_id},
        "data": data,
    }
    session.add(row_for(WORKFLOW, event, occurred_at=now, now=now))


async def keep(store: Store, row: Inbox) -> Inbox:
    """Store it in a transaction of its own; if its id is known, the one that came first."""
    try:
        async with store.transaction() as session:
            session.add(row)
        return row
    except IntegrityError:
        async with store.reading() as session:
            first = await known(session, row.source, row.event_id)
        if first is None:
            raise
        return first


async def known(session: AsyncSession, source: str, event_id: str) -> Inbox | None:
    """What this sender said under this id."""
    query = select(Inbox).where(Inbox.source == source, Inbox.event_id == event_id)
    return (await session.execute(query)).scalar_one_or_none()


async def all_known(
    session: AsyncSession, source: str, event_ids: Sequence[str]
) -> dict[str, Inbox]:
    """What this sender said under any of these ids: a batch may have thousands."""
    found: dict[str, Inbox] = {}
    for start in range(0, len(event_ids), AT_ONCE):
        some = Inbox.event_id.in_(event_ids[start : start + AT_ONCE])
        query = select(Inbox).where(Inbox.source == source, some)
        found |= {row.event_id: row for row in (await session.execute(query)).scalars()}
    return found


async def take(session: AsyncSession, row_id: str) -> Inbox:
    """The row, locked: whoever comes second finds it carried out."""
    query = select(Inbox).where(Inbox.id == row_id).with_for_update()
    return (await session.execute(query)).scalar_one()


async def find(session: AsyncSession, event_id: str) -> Inbox | None:
    """By the sender's id, or ours."""
    query = (
        select(Inbox)
        .where(or_(Inbox.event_id == event_id, Inbox.id == event_id))
        .order_by(Inbox.received_at)
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()


def again(row: Inbox) -> None:
    """Have it read, or carried out, as if it had come just now."""
    row.state, row.effects, row.error = STORED, [], None
    row.waits_for = row.expires_at = row.turn_at = None
    row.attempts = 0


def can_be_given(row: Inbox) -> bool:
    """Whether it waits, or waited in vain, because nobody knew whom it is from."""
    waits = row.state == PARKED or (row.state == FAILED and row.error == IN_VAIN)
    return waits and row.type in SAID_BY_SOMEBODY and row.customer_id is None


async def called(session: AsyncSession, said: str) -> list[tuple[str, str]]:
    """All that has this id, ours or its sender's, which two senders may use: our id, its source.
    An event goes before the delivery that it came with."""
    query = select(Inbox.id, Inbox.source).order_by(Inbox.received_at, Inbox.id).limit(10)
    if "\x00" in said:
        return []
    for meant in (Inbox.id == said, Inbox.event_id == said, Inbox.event_id == DELIVERY + said):
        if rows := (await session.execute(query.where(meant))).all():
            return [(id_, source) for id_, source in rows]
    return []


def wait_for(row: Inbox, keys: list[str], now: datetime) -> None:
    """Have it wait until one of these is known; kept as digests, because they are personal."""
    row.waits_for = " ".join(_digest(key) for key in keys)
    row.expires_at = now + PATIENCE


async def waiting_for(session: AsyncSession, keys: list[str], state: str) -> list[Inbox]:
    """What waits for any of these, in the order it happened."""
    if not keys:
        return []
    named = [_digest(key) for key in keys]
    # What is done waits for one thing alone, and there is much of it: that is found by the index.
    one = Inbox.waits_for.in_(named)
    query = (
        select(Inbox)
        .where(
            Inbox.state == state,
            one if state == DONE else or_(*(Inbox.waits_for.contains(name) for name in named)),
        )
        .order_by(Inbox.occurred_at, Inbox.received_at, Inbox.id)
        .with_for_update()
    )
    return list((await session.execute(query)).scalars())


async def stored(session: AsyncSession, before: datetime, limit: int = 100) -> list[str]:
    """The ids of what was stored and not carried out, oldest first."""
    query = (
        select(Inbox.id)
        .where(
            Inbox.state == STORED,
            ~Inbox.type.startswith(HOOKS),
            or_(Inbox.received_at <= before, Inbox.source == WORKFLOW),
        )
        .order_by(Inbox.received_at, Inbox.id)
        .limit(limit)
    )
    return list((await session.execute(query)).scalars())


async def delivered(
    session: AsyncSession, before: datetime, real: datetime, limit: int = 100
) -> list[str]:
    """The ids of the deliveries that wait to be read, and whose turn it is, oldest first."""
    query = (
        select(Inbox.id)
        .where(
            Inbox.state == STORED,
            Inbox.type.startswith(HOOKS),
            Inbox.received_at <= before,
            or_(Inbox.turn_at.is_(None), Inbox.turn_at <= real),
        )
        .order_by(Inbox.received_at, Inbox.id)
        .limit(limit)
    )
    return list((await session.execute(query)).scalars())


async def expire(session: AsyncSession, now: datetime) -> int:
    """Stop waiting for what did not come; how many had waited in vain."""
    query = select(Inbox).where(Inbox.expires_at <= now).with_for_update(skip_locked=True)
    parked = 0
    for row in (await session.execute(query)).scalars():
        if row.state == PARKED:
            parked += 1
            row.state, row.error = FAILED, IN_VAIN
            row.effects = [{"follow_up": None, "effect": "none", "reason": row.error}]
        row.waits_for = row.expires_at = None
    return parked


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:24]
