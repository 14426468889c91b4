"""What keeps messages back: holds of a customer or a follow-up, and the stop button.

Whoever opens a hold does so under the customer's lock (`store.lock_customer`), so that no message
begins after it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.store import lock_name
from activities.crm.tables import Hold, Stop, new_id

BUTTONS = "stop buttons"
COMPLAINT = "complaint"  # the kind of a hold that a complaint opens


_PRESSED = (
    select(Stop.id)
    .where(
        Stop.lifted_at.is_(None),
        or_(Stop.channel.is_(None), Stop.channel == bindparam("channel")),
        or_(Stop.sop.is_(None), Stop.sop == bindparam("sop")),
        or_(Stop.template.is_(None), Stop.template == bindparam("template")),
    )
    .order_by(Stop.at)
)


async def open_holds(
    session: AsyncSession, customer_id: str, follow_up: str | None = None
) -> list[Hold]:
    """The holds in force; with a follow-up, the customer's own and that follow-up's."""
    query = select(Hold).where(Hold.customer_id == customer_id, Hold.released_at.is_(None))
    if follow_up is not None:
        query = query.where(or_(Hold.follow_up.is_(None), Hold.follow_up == follow_up))
    return list((await session.execute(query.order_by(Hold.at, Hold.id))).scalars())


async def hold(
    session: AsyncSession,
    now: datetime,
    *,
    customer_id: str,
    kind: str,
    hold_id: str = "",
    follow_up: str | None = None,
    reason: str | None = None,
    by: str | None = None,
) -> str:
    """Open a hold, or open it again; its id (a complaint's hold has its case's id)."""
    hold_id = hold_id or new_id("hold")
    row = await session.get(Hold, hold_id)
    if row is None:
        row = Hold(id=hold_id, customer_id=customer_id, follow_up=follow_up, kind=kind, at=now)
        session.add(row)
    elif row.released_at is not None:
        row.at = now
    row.reason, row.by, row.released_at, row.released_by = reason, by, None, None
    return hold_id


async def release(
    session: AsyncSession, now: datetime, hold_ids: list[str], by: str | None = None
) -> list[str]:
    """Release those of the holds that are open; their ids."""
    query = select(Hold).where(Hold.id.in_(hold_ids), Hold.released_at.is_(None))
    rows = list((await session.execute(query)).scalars())
    for row in rows:
        row.released_at, row.released_by = now, by
    return [row.id for row in rows]


async def last_put_right(session: AsyncSession, customer_id: str) -> datetime | None:
    """When the last of the customer's complaints was released, if none is open."""
    query = select(func.max(Hold.released_at)).where(
        Hold.customer_id == customer_id, Hold.kind == COMPLAINT
    )
    return (await session.execute(query)).scalar_one_or_none()


async def press(session: AsyncSession, stop: Stop) -> None:
    """Press a stop button. Sends that are beginning are waited for: none begins after it."""
    await lock_name(session, BUTTONS)
    session.add(stop)


async def stops(
    session: AsyncSession, *, channel: str | None, sop: str, template: str
) -> list[str]:
    """The ids of the stop buttons in force that match; none is pressed until the asker is done."""
    await lock_name(session, BUTTONS, shared=True)
    meant = {"channel": channel, "sop": sop, "template": template}
    return list((await session.execute(_PRESSED, meant)).scalars())
