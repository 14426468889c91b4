"""Files that came with what a customer wrote: kept with the event, then with its note."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from activities.crm.tables import Enclosure, Note


async def belong(session: AsyncSession, inbox_id: str, note: Note) -> None:
    """What came with an event belongs to its note, once it is known who wrote."""
    await session.execute(
        update(Enclosure)
        .where(Enclosure.inbox_id == inbox_id)
        .values(note_id=note.id, customer_id=note.customer_id)
    )


async def of_customer(session: AsyncSession, customer_id: str) -> list[Enclosure]:
    """A customer's, without their contents."""
    query = (
        select(Enclosure)
        .where(Enclosure.customer_id == customer_id)
        .order_by(Enclosure.received_at, Enclosure.name, Enclosure.id)
    )
    return list((await session.execute(query)).scalars())


async def whole(session: AsyncSession, id_: str) -> Enclosure | None:
    """One with its contents, if it belongs to somebody."""
    query = select(Enclosure).where(Enclosure.id == id_, Enclosure.customer_id.is_not(None))
    return (await session.execute(query.options(undefer(Enclosure.content)))).scalar_one_or_none()
