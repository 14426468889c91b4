"""What a customer's follow-ups have come to and were told, for one that begins later than they."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import inbox
from activities.crm.tables import Enrolment, Inbox, Message, Telling
from workflows.vocabulary import Heard


async def of_sop(session: AsyncSession, customer_id: str, sop: str) -> list[Enrolment]:
    """The customer's follow-ups by that SOP, whether they run or not."""
    query = select(Enrolment).where(Enrolment.customer_id == customer_id, Enrolment.sop == sop)
    return list((await session.execute(query.order_by(Enrolment.started_at))).scalars())


async def told_since(
    session: AsyncSession, customer_id: str, since: datetime, names: Collection[str]
) -> list[Heard]:
    """What any of their follow-ups was told that happened since, each once, in its order."""
    query = (
        select(Telling.name, Telling.body)
        .join(Inbox, Inbox.id == Telling.inbox_id)
        .where(
            Inbox.customer_id == customer_id,
            Inbox.source != inbox.IMPORT,
            Inbox.occurred_at > since,
            Telling.name.in_(names),
        )
        .order_by(Inbox.occurred_at, Telling.seq)
    )
    told = await session.execute(query)
    return list({(name, body["id"]): Heard(name=name, event=body) for name, body in told}.values())


async def sent_since(
    session: AsyncSession, follow_ups: Collection[str], template: str, since: datetime
) -> Message | None:
    """The first message of that template that went since, by any of them."""
    query = select(Message).where(
        Message.follow_up.in_(follow_ups), Message.template == template, Message.sent_at >= since
    )
    return (await session.execute(query.order_by(Message.sent_at).limit(1))).scalar_one_or_none()
