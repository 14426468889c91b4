"""What else the customer was sent, promised and asked, and what they said, for the gate to see.

A call that a colleague is to make counts as a message does: until it is made it may be made at any
moment from when it is on the list to when it is due, and what it asks counts as asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import tasks
from activities.crm.ledger import GONE, RESERVED, SENDING, SENT, UNKNOWN, find
from activities.crm.tables import Customer, Message, Note, Task
from workflows import vocabulary as v
from workflows.vocabulary import Kind

UNSOLICITED = (Kind.RELATIONSHIP.value, Kind.MARKETING.value)
ASKED = (SENDING, SENT, "delivered", UNKNOWN)  # the customer may have the question
ASKED_AGAIN = timedelta(days=180)  # what belongs to no order may be asked again
IN_TOUCH = ("email", "sms", "phone", "letter", "chat")  # how people speak with us, and we with them
CALL, TRIED = "call", "/tried/"  # the channel; in the key of a note of an attempt in vain
INCLUDED = {"experience": ("satisfaction",)}  # who was asked of all was asked of a part


@dataclass(frozen=True)
class Slot:
    """A moment taken by another contact; `firm` when it was, else only promised. A call still to
    be made takes all the time until it is due."""

    key: str
    at: datetime
    firm: bool
    until: datetime
    asks: str | None = None  # of a message,
    order_id: str | None = None  # and about which order


@dataclass(frozen=True)
class Question:
    """The contact in which something was asked, or will be."""

    key: str
    at: datetime


def _calls(step: v.Step) -> list[ColumnElement[bool]]:
    """Calls that are to be made, or were; the step's own counts only once it was made."""
    own = and_(
        Task.follow_up == step.follow_up,
        Task.clause == step.clause,
        Task.about == step.about,
        Task.state == tasks.OPEN,
    )
    return [
        Task.form.in_([form.value for form in v.CALLS]),
        Task.template.is_not(None),
        Task.state.in_((tasks.OPEN, tasks.DONE)),
        Task.key != step.key,
        ~func.coalesce(own, false()),
    ]


async def taken(
    session: AsyncSession, step: v.Step, *, addresses: Sequence[str], since: datetime
) -> list[Slot]:
    """When the customer, or the address, was or will be contacted without having asked for it, the
    earliest first; but for the step that wants to know."""
    at = func.coalesce(Message.sent_at, Message.slot_at)
    messages = select(
        Message.key, at, at, Message.state != RESERVED, Message.asks, Message.order_id
    ).where(
        or_(Message.customer_id == step.customer_id, Message.address.in_(addresses)),
        Message.key != step.key,
        Message.kind.in_(UNSOLICITED),
        Message.state.in_((RESERVED, SENDING, UNKNOWN, *GONE)),
        at > since,
    )
    begins = func.coalesce(Task.done_at, Task.snoozed_until, Task.created_at)
    ends = func.coalesce(Task.done_at, Task.due_at)
    theirs = select(Customer.id).where(Customer.phone.in_(addresses))
    done = Task.state == tasks.DONE
    calls = select(Task.key, begins, ends, done, literal(None), literal(None)).where(
        or_(Task.customer_id == step.customer_id, Task.customer_id.in_(theirs)),
        *_calls(step),
        or_(begins > since, ends > since),
    )
    rows = (await session.execute(messages.union_all(calls))).all()
    slots = [
        Slot(key, begin, bool(firm), max(begin, end), asks, order)
        for key, begin, end, firm, asks, order in rows
    ]
    return sorted(slots, key=lambda slot: (slot.at, slot.key))


def is_part_of(other: Slot, asks: str, order_id: str) -> bool:
    """Whether what was promised to another message is asked by this one, too: once this has gone,
    the other need not."""
    included = asks in INCLUDED.get(other.asks or "", ())
    return included and not other.firm and (other.order_id or "") == order_id


async def asked(
    session: AsyncSession, step: v.Message | v.Task, asks: str, now: datetime, *, of: str
) -> Question | None:
    """The contact that has asked this already: about the step's order (`of="order"`; where it has
    none, another without one, within half a year), or of the customer, within half a year."""
    since = [now - ASKED_AGAIN] if of == "customer" or not step.order_id else []
    since += [step.since] if step.since else []
    same = (asks, *INCLUDED.get(asks, ()))
    return await _asked_by_message(session, step, same, since, of=of) or await _asked_in_a_call(
        session, step, same, since, of=of
    )


async def _asked_by_message(
    session: AsyncSession,
    step: v.Message | v.Task,
    asks: Sequence[str],
    since: Sequence[datetime],
    *,
    of: str,
) -> Question | None:
    at = func.coalesce(Message.sent_at, Message.slot_at)
    where: list[ColumnElement[bool]] = [
        Message.customer_id == step.customer_id,
        Message.asks.in_(asks),
        Message.key.not_in((step.key, step.reminds if isinstance(step, v.Message) else "")),
        Message.state.in_(ASKED),
        *(at >= moment for moment in since),
    ]
    if of == "order":
        where.append(Message.order_id == (step.order_id or None))
    query = select(Message.key, at).where(*where).order_by(at.desc()).limit(1)
    row = (await session.execute(query)).first()
    return Question(*row) if row else None


async def _asked_in_a_call(
    session: AsyncSession,
    step: v.Message | v.Task,
    asks: Sequence[str],
    since: Sequence[datetime],
    *,
    of: str,
) -> Question | None:
    at = func.coalesce(Task.done_at, Task.due_at)
    where: list[ColumnElement[bool]] = [
        Task.customer_id == step.customer_id,
        Task.asks.in_(asks),
        *_calls(step),
        *(at >= moment for moment in since),
    ]
    if of == "order":
        where.append(Task.order_id == (step.order_id or None))
    query = select(Task.key, at, Task.outcome).where(*where).order_by(at.desc())
    for key, moment, outcome in await session.execute(query):
        if (outcome or {}).get("reached") is not False:  # nobody was asked who was not there
            return Question(key, moment)
    return None


async def last_touch(session: AsyncSession, customer_id: str, now: datetime) -> datetime | None:
    """When we were last in touch for the customer's sake: what we wrote unasked, or a colleague
    wrote; what they wrote; a conversation, here or elsewhere. News of an order is no such touch,
    and neither is a call that is yet to be made, or that nobody took."""
    by_a_person = Message.draft_id.is_not(None)
    written = select(func.max(Message.sent_at)).where(
        Message.customer_id == customer_id,
        or_(Message.kind.in_(UNSOLICITED), by_a_person),
        Message.state.in_(GONE),
        Message.channel != CALL,
        Message.sent_at <= now,
    )
    said = select(func.max(Note.at)).where(
        Note.customer_id == customer_id,
        Note.method.in_(IN_TOUCH),
        ~Note.key.contains(TRIED),
        Note.at <= now,
    )
    found = [(await session.execute(query)).scalar() for query in (written, said)]
    return max((at for at in found if at), default=None)


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
