"""Customers set up in the house's systems: once under each key, by a call or by a person.

asked → done | by_person. While `asked`, the attempt that holds the row may be asking until its
deadline, which is real time; one that was accepted waits for the system's own word.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import Establishment, Hold, PrivacyRequest
from workflows.vocabulary import SetUp

ASKED, DONE, BY_PERSON = "asked", "done", "by_person"
ACCEPTED = "accepted"  # the reason of what is asked, and will be confirmed


def request_id(key: str) -> str:
    """What a system knows the request by, however often it is made: nothing can be read from it."""
    return f"set_{hashlib.sha256(key.encode()).hexdigest()[:32]}"


async def find(session: AsyncSession, key: str) -> Establishment | None:
    """The row under a step's key, locked."""
    query = select(Establishment).where(Establishment.key == key).with_for_update()
    fresh = {"populate_existing": True}
    return (await session.execute(query, execution_options=fresh)).scalar_one_or_none()


async def ask(session: AsyncSession, now: datetime, step: SetUp, until: datetime) -> Establishment:
    """Take the key for an attempt that ends by then."""
    row = await find(session, step.key)
    if row is None:
        row = Establishment(
            id=request_id(step.key),
            key=step.key,
            customer_id=step.customer_id,
            contract_id=step.contract_id or None,
            follow_up=step.follow_up or None,
            system=step.system,
            asked_at=now,
        )
        session.add(row)
    row.state, row.deadline = ASKED, until
    await session.flush()
    return row


def settle(row: Establishment, now: datetime, *, reference: str | None = None) -> None:
    """The system has them."""
    row.state, row.reason, row.deadline, row.done_at = DONE, None, None, now
    row.reference = reference or row.reference


def give_up(row: Establishment, reason: str) -> None:
    """It is for a person, and why; the same key asks the system no more."""
    row.state, row.reason, row.deadline = BY_PERSON, reason, None


async def is_restricted(session: AsyncSession, customer_id: str) -> bool:
    """Whether they have had the use of their data restricted: then it goes nowhere new."""
    query = (
        select(Hold.id)
        .join(PrivacyRequest, PrivacyRequest.id == Hold.id)
        .where(Hold.customer_id == customer_id, Hold.released_at.is_(None))
    )
    return (await session.execute(query.limit(1))).first() is not None
