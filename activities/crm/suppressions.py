"""Addresses that are not written to any more, whoever has them; and why."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.store import lock_name
from activities.crm.tables import Suppression

COMPLAINED, LANDLINE = "complained", "landline"
# Of several reasons the one that closes most: a landline takes calls, a complaint is somebody's
# word. What is between them is as good as any other.
LEAST, MOST = LANDLINE, COMPLAINED


async def suppress(session: AsyncSession, address: str, reason: str, now: datetime) -> None:
    """Nobody is reached there, whoever has the address; two may find it out at once."""
    await lock_name(session, f"address:{address}")
    row = await session.get(Suppression, address)
    if row is None:
        session.add(Suppression(address=address, reason=reason, at=now))
        await session.flush()
    elif _weight(reason) > _weight(row.reason):
        row.reason = reason


def _weight(reason: str) -> tuple[int, str]:
    """The same whichever came first."""
    return (2 if reason == MOST else 0 if reason == LEAST else 1), reason
