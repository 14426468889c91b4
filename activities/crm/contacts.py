"""What else the customer was sent, promised and asked, and what they said, for the gate to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.ledger import GONE, RESERVED, SENDING, SENT, UNKNOWN, find
from activities.crm.tables import Message, Note
from workflows import vocabulary as v
from workflows.vocabulary import Kind

UNSOLICITED = (Kind.RELATIONSHIP.value, Kind.MARKETING.value)
ASKED = (SENDING, SENT, "delivered", UNKNOWN)  # the customer may have the question
ASKED_AGAIN = timedelta(days=180)  # what belongs to no order may be asked again


@dataclass(frozen=True)
class Slot:
    """A moment taken by another message; `firm` when it went, else only promised."""

    key: str
    at: datetime
    firm: bool


async def taken(
    session: AsyncSession, *, customer_id: str, addresses: Sequence[str], since: datetime, but: str
) -> list[Slot]:
    """When the customer, or the address, was or will be sent a message they did not ask for, the
    earliest first; `but` is the key of the message that wants to know."""
    at = func.coalesce(Message.sent_at, Message.slot_at)
    query = select(Message.key, at, Message.state).where(
        or_(Message.customer_id == customer_id, Message.address.in_(addresses)),
        Message.key != but,
        Message.kind.in_(UNSOLICITED),
        Message.state.in_((RESERVED, SENDING, UNKNOWN, *GONE)),
        at > since,
    )
    rows = (await session.execute(query)).all()
    slots = [Slot(key, moment, firm=state != RESERVED) for key, moment, state in rows]
    return sorted(slots, key=lambda slot: (slot.at, slot.key))


async def asked(
    session: AsyncSession, step: v.Message | v.Task, asks: str, now: datetime, *, of: str
) -> Message | None:
    """The message that has asked this already: about the step's order (`of="order"`; where it has
    none, another without one, within half a year), or of the customer, within half a year."""
    at = func.coalesce(Message.sent_at, Message.slot_at)
    same: list[ColumnElement[bool]] = [
        Message.customer_id == step.customer_id,
        Message.asks == asks,
        Message.key.not_in((step.key, step.reminds if isinstance(step, v.Message) else "")),
        Message.state.in_(ASKED),
    ]
    if of == "order" and step.order_id:
        same.append(Message.order_id == step.order_id)
    elif of == "order":
        same += [Message.order_id.is_(None), at > now - ASKED_AGAIN]
    else:
        same.append(at > now - ASKED_AGAIN)
    query = select(Message).where(*same).order_by(at.desc()).limit(1)
    return (await session.execute(query)).scalar_one_or_none()


async def answered(session: AsyncSession, customer_id: str, key: str) -> bool:
    """Whether the customer has answered that message, or said anything since, naming none."""
    row = await find(session, key)
    names: list[ColumnElement[bool]] = [
        Note.message_key.in_([key, row.covered_by] if row else [key])
    ]
    if row is not None and row.sent_at is not None:
        names.append(and_(Note.message_key.is_(None), Note.at > row.sent_at))
    query = select(Note.id).where(
        Note.customer_id == customer_id, Note.direction == "in", or_(*names)
    )
    return (await session.execute(query.limit(1))).first() is not None
