"""The ledger: one row for each message a step may send, and what is known to have become of it.

Whoever writes here holds the customer's lock, except `confirm`: what a provider has accepted is
true whatever else goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import tasks
from activities.crm.milestones import decide, tick
from activities.crm.providers import AWAY
from activities.crm.store import lock_customer
from activities.crm.tables import Message, message_id
from workflows import vocabulary as v
from workflows.vocabulary import State

RESERVED, SENDING, SENT, REFUSED, COVERED, UNKNOWN = (
    "reserved",
    "sending",
    "sent",
    "refused",
    "covered",
    "unknown",
)
LONGEST_ID = 255  # characters of a provider's id, whatever it sends
ROOM = 255  # and of a reason
DELIVERED, BOUNCED = "delivered", "bounced"
GONE = (SENT, DELIVERED, BOUNCED)  # the provider took it
NOT_RELEASED = "not_released"  # it went to the outbox: only test addresses are written to


_ROW = select(Message).where(Message.key == bindparam("key")).with_for_update()


class InFlightError(Exception):
    """An attempt may still be under way, or died: only the provider knows what became of it."""


# -- a key's row ---------------------------------------------------------------------


async def find(session: AsyncSession, key: str) -> Message | None:
    return (await session.execute(_ROW, {"key": key})).scalar_one_or_none()


def enter(session: AsyncSession, step: v.Step, now: datetime, **fields: Any) -> Message:
    """A row for a key that has none yet."""
    follow_up = step.follow_up or step.key.partition("/")[0]
    row = Message(
        id=message_id(step.key),
        key=step.key,
        follow_up=follow_up,
        sop=follow_up.partition(".")[0],
        clause=step.clause or None,
        customer_id=step.customer_id,
        created_at=now,
        deferrals=0,
        attempts=0,
        **{"template": "", "kind": "", "state": RESERVED} | fields,
    )
    session.add(row)
    return row


def note_answer(row: Message, answer: v.Answer) -> None:
    """Keep the answer on the key's row; what is held gives up the slot it was promised."""
    match answer:
        case v.Refused(reason=reason):
            row.state, row.reason, row.slot_at, row.deadline = REFUSED, reason, None, None
        case v.Covered(key=by):
            row.state, row.covered_by, row.slot_at = COVERED, by, None
        case v.Held():
            row.slot_at, row.reason = None, None
        case v.Deferred(until=until):
            row.reason = None  # it waits for that now, no longer for its provider
            row.deferrals += row.slot_at != until
            row.slot_at = until
        case _:
            raise ValueError(answer.answer)


def reserve(row: Message, now: datetime, real: datetime, lease: timedelta, via: str) -> bool:
    """One attempt, by this provider, has the row until its lease is over, in real time; whether it
    is the first that this provider may have heard of."""
    first = row.via != via or row.begun_at is None
    if first:
        row.via, row.begun_at = via, real
    row.state, row.slot_at, row.deadline, row.looked_at = SENDING, now, real + lease, None
    row.attempts += 1
    return first


async def settled(session: AsyncSession, row: Message) -> v.Settled | None:
    """What became of the key; None while that is open."""
    if row.state in GONE:
        return v.Sent(key=row.key, at=row.sent_at or row.created_at)
    if row.state == REFUSED:
        return v.Refused(reason=row.reason or REFUSED)
    if row.state == COVERED:
        by = await find(session, row.covered_by or "")
        at = (by.sent_at or by.slot_at) if by else await _called_at(session, row.covered_by or "")
        return v.Covered(key=row.covered_by or "", at=at or row.created_at)
    if row.state == UNKNOWN:
        task = await tasks.find(session, f"{row.key}/unknown")
        if task is not None:
            return v.Handed(task_id=task.id, due=task.due_at)
        return v.Refused(reason=UNKNOWN)
    return None


async def _called_at(session: AsyncSession, key: str) -> datetime | None:
    call = await tasks.find(session, key)
    return (call.done_at or call.due_at) if call else None


async def record(
    session: AsyncSession,
    step: v.Step,
    answer: v.Answer,
    now: datetime,
    facts: dict[str, Any] | None = None,
) -> None:
    """Write an answer on the checklist, and why it was given."""
    state, due, at = State.DONE, step.due, now
    reason: str | None = None
    task_id: str | None = None
    message_key = step.key if isinstance(step, v.Message) else None
    match answer:
        case v.Sent():
            message_key, at = answer.key, answer.at
        case v.Covered():
            state, reason, message_key, at = State.COVERED, answer.key, answer.key, answer.at
        case v.Handed():
            state, reason, task_id = State.WAITING, UNKNOWN, answer.task_id
        case v.Refused():
            state, reason = State.SKIPPED, answer.reason
        case v.Held():
            state, reason = State.HELD, _named(answer.holds)
        case v.Deferred():
            state, due, reason = State.NEXT, answer.until, (facts or {}).get("why")
    await tick(
        session,
        at,
        step,
        state,
        reason=reason,
        due_at=due,
        message_key=message_key,
        task_id=task_id,
    )
    await decide(session, now, step, answer.answer, reason=reason, facts=facts)


def _named(holds: Sequence[str]) -> str:
    """What holds it back, as many of them as there is room for: the others have rows, too."""
    said = ""
    for hold in holds:
        longer = f"{said}, {hold}" if said else hold
        if len(longer) > ROOM:
            break
        said = longer
    return said


async def record_sent(
    session: AsyncSession, message: v.Message, row: Message, now: datetime
) -> None:
    """Write on the checklist that it went, if whoever sent it did not come to it."""
    sent = v.Sent(key=row.key, at=row.sent_at or row.created_at)
    facts = {"channel": row.channel, "via": row.via, "attempt": row.attempts}
    known = {name: fact for name, fact in facts.items() if fact is not None}
    await record(session, message, sent, now, known)


async def put_off(
    session: AsyncSession,
    step: v.Step,
    row: Message,
    now: datetime,
    *,
    reason: str,
    facts: dict[str, Any],
    due: datetime | None = None,
) -> None:
    """It waits for its provider: the slot it had is free for others, the checklist says why."""
    again = row.reason == reason
    row.slot_at, row.reason = None, reason
    await tick(session, now, step, State.NEXT, reason=reason, due_at=due, message_key=row.key)
    if not again:  # said once, however often it is tried
        await decide(session, now, step, "deferred", reason=reason, facts=facts)


# -- what becomes of an attempt ------------------------------------------------------------


async def confirm(session: AsyncSession, key: str, provider_id: str, at: datetime) -> bool:
    """The provider has it: whatever we believed, it is sent. False when it has another one, too.

    An attempt that came back, so that the message went another way, is no other one.
    """
    row, said = await find(session, key), provider_id[:LONGEST_ID]
    if row is None or came_back(row, said):
        return True
    if row.provider_id and said and not same_id(row.provider_id, said):
        return False
    # Their answer may have lacked it; and of what their events call it, the shorter is the id.
    row.provider_id = min(filter(None, (row.provider_id, said)), key=len, default=None)
    if row.state not in GONE:
        row.state, row.sent_at, row.deadline = SENT, at, None
        row.reason = row.reason if row.reason == NOT_RELEASED else None
    return True


def same_id(one: str | None, other: str | None) -> bool:
    """Whether both mean one message of the provider's: SendGrid appends to its ids, after a dot,
    and they may have dots themselves."""
    if not one or not other:
        return False
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def came_back(row: Message, provider_id: str) -> dict[str, Any] | None:
    """The attempt under this id that came back, after which the message went another way."""
    gone = (one for one in row.tried or () if same_id(one.get("provider_id"), provider_id))
    return next(gone, None)


def reopen(row: Message) -> None:
    """What came back is free to go another way: its channel is among those that were tried."""
    attempt = {"channel": row.channel, "reason": row.reason or BOUNCED, "bounced": True}
    attempt |= {"via": row.via, "provider_id": row.provider_id, "address": row.address}
    row.tried = [*(row.tried or ()), attempt]
    row.state, row.reason, row.slot_at, row.deadline = RESERVED, None, None, None
    row.sent_at = row.provider_id = row.begun_at = row.looked_at = row.turn_at = None


async def withdraw(session: AsyncSession, step: v.Withdrawal, now: datetime) -> v.Settled:
    """Close a message's key for good and say what became of it, on the checklist too.

    Raises `InFlightError` while an attempt may be under way: `reconcile` finds out.
    """
    customer = await lock_customer(session, step.customer_id)
    row = await find(session, step.key)
    if row is not None and row.state == SENDING:
        raise InFlightError
    answer = await settled(session, row) if row else None
    facts: dict[str, Any] = {}
    if answer is None:
        answer = v.Refused(reason=step.reason)
        if row is not None and row.reason == AWAY:
            facts = {"waited": AWAY}
        if row is not None:
            row.state, row.reason, row.slot_at = REFUSED, step.reason, None
        elif customer is not None:
            enter(session, step, now, state=REFUSED, reason=step.reason)
        await session.flush()
    await record(session, step, answer, now, facts)
    return answer
