"""What sending calls a person for: a message in doubt, one that went twice, a provider that refuses
us."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.calendar import office_due
from activities.crm import tasks
from activities.crm.holds import BUTTONS, press
from activities.crm.house import house_rules
from activities.crm.ledger import REFUSED, SENT, UNKNOWN, confirm, find
from activities.crm.milestones import record_decision, record_milestone
from activities.crm.store import lock_customer, lock_name
from activities.crm.tables import Customer, Message, Milestone, Stop, new_id
from workflows import vocabulary as v
from workflows.vocabulary import Role, State

TRIPWIRE, PROVIDER = "tripwire", "provider"  # who presses a stop button, if no person does
IDS = {TRIPWIRE: "trip", PROVIDER: "pause"}  # what its id begins with, so that `why` can say it
TITLES = {
    UNKNOWN: "Find out whether the message {template} arrived, and settle it",
    "double": "The message {template} was accepted twice under one key: find out why",
}
ACCOUNT = (
    "The {channel} provider refuses our account ({reason}): mend it, then go on with "
    "`aftercare go --channel {channel}`"
)
OURS = {
    "region_not_enabled": "{provider} may not write to a customer's country: enable it there, or "
    "leave it; messages to it go another way",
    "over_quota": "{provider} drops what is more than our plan allows: change the plan",
    "spam_content": "{provider} takes our mail for spam, and drops it: see what it says",
    "filtered": "carriers take our SMS for spam, says {provider}: find out why",
    "unregistered": "{provider} drops our SMS, as our number is not registered: register it",
    "forbidden": "{provider} has suspended our account: find out why",
}
MUTE = "{provider} does not say what became of messages in doubt ({fault}): mend its look-up"


async def trip(session: AsyncSession, key: str, now: datetime) -> None:
    """Two under one key: stop that template everywhere, and call a person."""
    row = await find(session, key)
    if row is None:
        return
    reason = "a message was accepted twice under one key"
    await _press_once(session, Stop(template=row.template, reason=reason, by=TRIPWIRE, at=now))
    await call_person(session, row, now, about="double", role=Role.ENGINEER, priority=1)


async def pause(session: AsyncSession, row: Message, reason: str, now: datetime) -> None:
    """The provider refuses us, not a customer: its channel stops, and an engineer is called."""
    said = f"{row.via} refuses our account: {reason}"
    stop = Stop(channel=row.channel, reason=said, by=PROVIDER, at=now)
    if await _press_once(session, stop):
        what = ACCOUNT.format(channel=row.channel, reason=reason)
        await _call_engineer(session, f"{PROVIDER}/{stop.id}", what, now)


async def tell(session: AsyncSession, provider: str, fault: str, now: datetime) -> None:
    """What only we can mend at the provider, told to an engineer once a day: a look-up without the
    right to read its log, a country it may not write to."""
    key = f"{PROVIDER}/{provider}/{fault}/{now.date()}"
    await lock_name(session, key)
    if await tasks.find(session, key) is None:
        what = OURS.get(fault, MUTE).format(provider=provider, fault=fault)
        await _call_engineer(session, key, what, now)


async def doubt(session: AsyncSession, row: Message, now: datetime) -> None:
    """Nobody can say whether it went, and it must not go twice: a person finds out."""
    row.state, row.reason, row.deadline = UNKNOWN, "no_answer", None
    await call_person(session, row, now, about=UNKNOWN, role=Role.COMMUNICATIONS, priority=2)


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
    await _no_doubt(session, row, now, {"result": outcome, "by": by})
    return True


async def prove(
    session: AsyncSession, row: Message, provider_id: str, now: datetime, by: str
) -> bool:
    """The provider tells of it, so it has it: what was in doubt, or thought not to have gone, is
    sent. False if it has two under this key: then the wire is tripped."""
    before = row.state
    if not await confirm(session, row.key, provider_id, row.slot_at or now):
        await trip(session, row.key, now)
        return False
    if before in (UNKNOWN, REFUSED) and row.state == SENT:
        await _no_doubt(session, row, now, {"result": SENT, "by": by})
        await record_decision(
            session,
            now,
            customer_id=row.customer_id,
            follow_up=row.follow_up,
            clause=row.clause,
            key=row.key,
            outcome=SENT,
            facts={"channel": row.channel, "via": by},
        )
    return True


async def _no_doubt(
    session: AsyncSession, row: Message, now: datetime, outcome: dict[str, str]
) -> None:
    """The checklist says what became of it, and nobody needs to find out any more."""
    query = select(Milestone).where(Milestone.message_key == row.key)
    for line in (await session.execute(query)).scalars():
        state = State.DONE if row.state == SENT else State.SKIPPED
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
        task.outcome = outcome


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


async def _press_once(session: AsyncSession, stop: Stop) -> bool:
    """Press a stop button, unless the same hand has pressed it already."""
    await lock_name(session, BUTTONS)
    same: list[ColumnElement[bool]] = [
        Stop.channel.is_(None) if stop.channel is None else Stop.channel == stop.channel,
        Stop.template.is_(None) if stop.template is None else Stop.template == stop.template,
        Stop.by == stop.by,
        Stop.lifted_at.is_(None),
    ]
    if (await session.execute(select(Stop.id).where(*same))).first() is not None:
        return False
    stop.id = new_id(IDS[stop.by or ""])
    await press(session, stop)
    return True


async def _call_engineer(session: AsyncSession, key: str, what: str, now: datetime) -> None:
    step = v.Task(key=key, customer_id="", role=Role.ENGINEER, what=what)
    due = office_due(now, step.within, await house_rules(session))
    await tasks.put(session, now, step, None, due=due, priority=1)
