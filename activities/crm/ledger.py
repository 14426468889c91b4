"""The ledger: one row for each message a step may send, and what is known to have become of it.

Whoever writes here holds the customer's lock, except `confirm`: what a provider has accepted is
true whatever else goes on.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.calendar import office_due
from activities.crm import tasks
from activities.crm.holds import press
from activities.crm.house import house_rules
from activities.crm.milestones import decide, record_milestone, tick
from activities.crm.store import lock_customer
from activities.crm.tables import Customer, Message, Milestone, Stop, message_id, new_id
from workflows import vocabulary as v
from workflows.vocabulary import Role, State

RESERVED, SENDING, SENT, REFUSED, COVERED, UNKNOWN = (
    "reserved",
    "sending",
    "sent",
    "refused",
    "covered",
    "unknown",
)
GONE = (SENT, "delivered", "bounced")  # the provider took it
NOT_RELEASED = "not_released"  # it went to the outbox: only test addresses are written to
TRIPWIRE = "tripwire"
PROVIDER = "provider"  # who presses the stop button of a channel that refuses our account
TITLES = {
    "account": "The {channel} provider refuses our account ({reason}): mend it, then go on with "
    "`aftercare go --channel {channel}`",
    UNKNOWN: "Find out whether the message {template} arrived, and settle it",
    "double": "The message {template} was accepted twice under one key: find out why",
}


class InFlightError(Exception):
    """An attempt may still be under way, or died: only the provider knows what became of it."""


# -- a key's row ---------------------------------------------------------------------


async def find(session: AsyncSession, key: str) -> Message | None:
    query = select(Message).where(Message.key == key).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


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
            row.slot_at = None
        case v.Deferred(until=until):
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
        at = (by.sent_at or by.slot_at) if by else None
        return v.Covered(key=row.covered_by or "", at=at or row.created_at)
    if row.state == UNKNOWN:
        task = await tasks.find(session, f"{row.key}/unknown")
        if task is not None:
            return v.Handed(task_id=task.id, due=task.due_at)
        return v.Refused(reason=UNKNOWN)
    return None


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
            state, reason = State.HELD, ", ".join(answer.holds)
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


async def record_sent(session: AsyncSession, message: v.Message, row: Message) -> None:
    """Write on the checklist that it went, if whoever sent it did not come to it."""
    sent = v.Sent(key=row.key, at=row.sent_at or row.created_at)
    facts = {"channel": row.channel, "via": row.via, "attempt": row.attempts}
    known = {name: fact for name, fact in facts.items() if fact is not None}
    await record(session, message, sent, sent.at, known)


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
    """The provider has it: whatever we believed, it is sent. False when it has another one, too."""
    row = await find(session, key)
    if row is None:
        return True
    if row.provider_id and row.provider_id != provider_id:
        return False
    row.provider_id = provider_id
    if row.state not in GONE:
        row.state, row.sent_at, row.deadline = SENT, at, None
        row.reason = row.reason if row.reason == NOT_RELEASED else None
    return True


async def trip(session: AsyncSession, row: Message, now: datetime) -> None:
    """Two under one key: stop that template everywhere, and call a person."""
    query = select(Stop.id).where(
        Stop.template == row.template, Stop.by == TRIPWIRE, Stop.lifted_at.is_(None)
    )
    if (await session.execute(query)).first() is None:
        reason = "a message was accepted twice under one key"
        stop = Stop(id=new_id("stop"), template=row.template, reason=reason, by=TRIPWIRE, at=now)
        await press(session, stop)
    await call_person(session, row, now, about="double", role=Role.ENGINEER, priority=1)


async def pause(session: AsyncSession, row: Message, reason: str, now: datetime) -> None:
    """The provider refuses us, not a customer: its channel stops, and an engineer is called."""
    mine = (Stop.channel == row.channel, Stop.by == PROVIDER, Stop.lifted_at.is_(None))
    if (await session.execute(select(Stop.id).where(*mine))).first() is None:
        said = f"{row.via} refuses our account: {reason}"
        stop = Stop(id=new_id("stop"), channel=row.channel, reason=said, by=PROVIDER, at=now)
        await press(session, stop)
        step = v.Task(
            key=f"{PROVIDER}/{stop.id}",
            customer_id="",
            role=Role.ENGINEER,
            what=TITLES["account"].format(channel=row.channel, reason=reason),
        )
        due = office_due(now, step.within, await house_rules(session))
        await tasks.put(session, now, step, None, due=due, priority=1)


async def doubt(session: AsyncSession, row: Message, now: datetime) -> None:
    """Nobody can say whether it went, and it must not go twice: a person finds out."""
    row.state, row.reason, row.deadline = UNKNOWN, "no_answer", None
    await call_person(session, row, now, about=UNKNOWN, role=Role.COMMUNICATIONS, priority=2)


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
        if row is not None and row.reason:
            facts = {"waited": row.reason}  # for its provider, all the time
        if row is not None:
            row.state, row.reason, row.slot_at = REFUSED, step.reason, None
        elif customer is not None:
            enter(session, step, now, state=REFUSED, reason=step.reason)
        await session.flush()
    await record(session, step, answer, now, facts)
    return answer


async def settle(
    session: AsyncSession,
    message_id: str,
    outcome: Literal["sent", "not_sent"],
    now: datetime,
    by: str,
) -> bool:
    """A person has found out what became of a message in doubt; False if it is not in doubt."""
    row = await session.get(Message, message_id)
    if row is None:
        return False
    await lock_customer(session, row.customer_id)
    await session.refresh(row, with_for_update=True)
    if row.state != UNKNOWN:
        return False
    sent = outcome == "sent"
    row.state, row.reason = (SENT, None) if sent else (REFUSED, outcome)
    row.sent_at = (row.slot_at or now) if sent else None
    query = select(Milestone).where(Milestone.message_key == row.key)
    for line in (await session.execute(query)).scalars():
        state = State.DONE if sent else State.SKIPPED
        await record_milestone(
            session,
            row.sent_at or now,
            follow_up=line.follow_up,
            clause=line.clause,
            about=line.about,
            state=state,
            reason=row.reason,
        )
    task = await tasks.find(session, f"{row.key}/{UNKNOWN}")
    if task is not None and task.state == tasks.OPEN:
        tasks.settle(task, now, tasks.DONE)
        task.outcome = {"result": outcome, "by": by}
    return True


async def call_person(
    session: AsyncSession, row: Message, now: datetime, *, about: str, role: Role, priority: int
) -> None:
    """A task about a message, once per message and trouble."""
    step = v.Task(
        key=f"{row.key}/{about}",
        customer_id=row.customer_id,
        follow_up=row.follow_up,
        clause=row.clause or "",
        role=role,
        what=TITLES[about].format(template=row.template),
    )
    if await tasks.find(session, step.key) is None:
        customer = await session.get(Customer, row.customer_id)
        due = office_due(now, step.within, await house_rules(session))
        await tasks.put(session, now, step, customer, due=due, priority=priority)
