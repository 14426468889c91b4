"""Numbers from which somebody said STOP whom we do not know: nobody gets an SMS there.

Who is known has it on record as consent; this is for whoever has the number one day.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.store import lock_name
from activities.crm.tables import Suppression

STOPPED = "stopped"


async def stop(session: AsyncSession, phone: str, at: datetime) -> None:
    """From then on, whoever has the number; calls are another matter."""
    await lock_name(session, f"address:{phone}")
    row = await session.get(Suppression, _sms(phone))
    if row is None:
        session.add(Suppression(address=_sms(phone), reason=STOPPED, at=at))
    else:
        row.at = max(row.at, at)


async def go(session: AsyncSession, phone: str, at: datetime) -> None:
    """Whoever has it wants SMS again; an older word than their STOP says nothing."""
    await lock_name(session, f"address:{phone}")
    theirs = (Suppression.address == _sms(phone), Suppression.at <= at)
    await session.execute(delete(Suppression).where(*theirs))


async def is_stopped(session: AsyncSession, phone: str) -> bool:
    query = select(Suppression.address).where(Suppression.address == _sms(phone))
    return (await session.execute(query)).first() is not None


def _sms(phone: str) -> str:
    """Apart from what closes the number to calls, too."""
    return f"sms:{phone}"
