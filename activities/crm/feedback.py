"""What customers think, in numbers; their words stand in the note."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import Feedback, new_id


async def keep(
    session: AsyncSession, *, key: str, customer_id: str, at: datetime, source: str, **fields: Any
) -> Feedback:
    """One opinion, once under its key."""
    query = select(Feedback).where(Feedback.key == key)
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        row = Feedback(
            id=new_id("fb"), key=key, customer_id=customer_id, at=at, source=source, **fields
        )
        session.add(row)
        await session.flush()
    return row


def is_low(row: Feedback, low: float) -> bool:
    """Whether somebody has to see to it: the product, or all of it, was found wanting."""
    return any(score is not None and score <= low for score in (row.product, row.overall))
