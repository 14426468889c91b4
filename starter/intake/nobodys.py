"""What is said from a number that nobody has: STOP holds for whoever has it one day."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import numbers
from activities.crm.tables import Inbox
from starter.intake.events import Event, Permission

TWILIO = "twilio"  # says from which number something came, which no other system proves


async def number(session: AsyncSession, event: Event, row: Inbox) -> bool:
    """Whether it was such a word, and is carried out now."""
    said, who = event.details(), event.customer
    if row.source != TWILIO or not isinstance(said, Permission) or said.sms is None:
        return False
    if who is None or who.id or not who.phone:
        return False
    if said.sms:
        await numbers.go(session, who.phone, row.occurred_at)
    else:
        await numbers.stop(session, who.phone, row.occurred_at)
    return True
