"""What is told of a message after it went, in plain words: of what proves something, and what not.

Machines open mail and follow links: whoever reads "opened" here also reads what it is worth.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import MessageEvent
from starter.reports import words
from starter.reports.objects import Shape

TELLS = {
    "processed": "taken by the provider",
    "sent": "handed to the carrier",
    "deferred": "not taken yet by the customer's server: the provider tries again",
    "delivered": "delivered",
    "bounced": "came back",
    "dropped": "not tried by the provider",
    "undelivered": "not delivered by the carrier",
    "failed": "not sent by the provider",
    "complained": "reported as spam by the customer",
    "unsubscribed": "unsubscribed from at the provider",
    "resubscribed": "subscribed to again at the provider: here that allows nothing",
    "opened": "opened",
    "clicked": "a link was followed",
}
PROVES_NOTHING = ("opened", "clicked")
HINT = "Programs open mail and follow links, too: that it was opened or clicked proves nothing."


class Told(Shape):
    """One report, in words."""

    at: datetime
    what: str
    words: str
    source: str
    proves: bool = True


async def told(session: AsyncSession, message: str) -> list[Told]:
    """All that was reported of a message, oldest first."""
    query = (
        select(MessageEvent)
        .where(MessageEvent.message_id == message)
        .order_by(MessageEvent.at, MessageEvent.id)
    )
    return [_told(row) for row in (await session.execute(query)).scalars()]


def _told(row: MessageEvent) -> Told:
    said = TELLS.get(row.what, row.what.replace("_", " "))
    why = f": {words.reason(row.reason)}" if row.reason and row.reason != row.what else ""
    return Told(
        at=row.at,
        what=row.what,
        words=said + why,
        source=row.source,
        proves=row.what not in PROVES_NOTHING,
    )
