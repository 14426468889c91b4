"""One look at the whole house: what is late, what waits, what is in doubt, who does not answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.clock import Clock
from activities.crm.inbox import FAILED, STORED
from activities.crm.providers import AWAY
from activities.crm.store import Store
from activities.crm.tables import (
    Enrolment,
    Hold,
    Inbox,
    Message,
    Milestone,
    Mirror,
    Notice,
    Provider,
    Stop,
    Task,
    Telling,
)
from starter.reports import words
from starter.reports.doors import Refused, refused
from starter.reports.mirrors import Mirrored, mirrored
from starter.reports.objects import Shape
from workflows.vocabulary import State

DUE = (State.NEXT, State.WAITING, State.HELD, State.BLOCKED)


class Overdue(Shape):
    """The clause that has been late for longest."""

    follow_up: str
    clause: str
    due_at: datetime
    late_by_seconds: int
    state: str
    reason: str | None = None


class Carrier(Shape):
    """A provider: when it last took something, and whether it is away."""

    name: str
    last_sent_at: datetime | None = None
    failing_since: datetime | None = None
    fault: str | None = None
    asked_again_at: datetime | None = None


class Pressed(Shape):
    """A stop button that is pressed."""

    what: str
    since: datetime
    by: str | None = None
    reason: str


class Status(Shape):
    running: int
    on_hold: int
    overdue: int
    oldest_overdue: Overdue | None = None
    events_to_carry_out: int
    events_failed: int
    tellings_to_temporal: int
    oldest_telling_at: datetime | None = None
    messages_in_flight: int
    messages_in_doubt: int
    messages_waiting_for_provider: int
    messages_unknown: int
    tasks_open: int
    tasks_overdue: int
    tasks_escalated: int = 0
    notices_waiting: int = 0
    providers: list[Carrier]
    mirrors: list[Mirrored]
    doors: list[Refused]  # those that refuse what is delivered
    stopped: list[Pressed]


async def status(store: Store, clock: Clock) -> Status:
    """How things stand now; read from the tables, so that it is told with Temporal away."""
    now = clock.now()
    async with store.reading() as session:
        late = (Milestone.state.in_(DUE), Milestone.due_at < now)
        untold = Telling.told_at.is_(None)
        sending, real = Message.state == "sending", clock.real()
        flies, doubtful = (sending, Message.deadline >= real), (sending, Message.deadline < real)
        is_open = Task.state == "open"
        waits = (Message.state == "reserved", Message.reason == AWAY)
        return Status(
            running=await _count(session, Enrolment.id, Enrolment.state == "running"),
            on_hold=await _held(session),
            overdue=await _count(session, Milestone.clause, *late),
            oldest_overdue=await _oldest(session, now, *late),
            events_to_carry_out=await _count(session, Inbox.id, Inbox.state == STORED),
            events_failed=await _count(session, Inbox.id, Inbox.state == FAILED),
            tellings_to_temporal=await _count(session, Telling.seq, untold),
            oldest_telling_at=await _one(session, func.min(Telling.created_at), untold),
            messages_in_flight=await _count(session, Message.id, *flies),
            messages_in_doubt=await _count(session, Message.id, *doubtful),
            messages_waiting_for_provider=await _count(session, Message.id, *waits),
            messages_unknown=await _count(session, Message.id, Message.state == "unknown"),
            tasks_open=await _count(session, Task.id, Task.state == "open"),
            tasks_overdue=await _count(session, Task.id, is_open, Task.due_at < now),
            tasks_escalated=await _count(session, Task.id, is_open, Task.escalated_to.is_not(None)),
            notices_waiting=await _count(session, Notice.id, Notice.sent_at.is_(None)),
            providers=await _providers(session, real),
            mirrors=await mirrored(session, real),
            doors=[one for one in (await refused(session)).values() if one.is_refusing],
            stopped=await _stopped(session),
        )


async def _one(session: AsyncSession, what: Any, *where: ColumnElement[bool]) -> Any:
    return (await session.execute(select(what).where(*where))).scalar_one_or_none()


async def _count(session: AsyncSession, what: Any, *where: ColumnElement[bool]) -> int:
    return int(await _one(session, func.count(what), *where) or 0)


async def _held(session: AsyncSession) -> int:
    """How many follow-ups that run are kept back, by a hold of their own or of their customer."""
    mine = exists().where(
        Hold.customer_id == Enrolment.customer_id,
        Hold.released_at.is_(None),
        or_(Hold.follow_up.is_(None), Hold.follow_up == Enrolment.id),
    )
    return await _count(session, Enrolment.id, Enrolment.state == "running", mine)


async def _oldest(
    session: AsyncSession, now: datetime, *late: ColumnElement[bool]
) -> Overdue | None:
    query = select(Milestone).where(*late).order_by(Milestone.due_at).limit(1)
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None or row.due_at is None:
        return None
    return Overdue(
        follow_up=row.follow_up,
        clause=row.clause,
        due_at=row.due_at,
        late_by_seconds=int((now - row.due_at).total_seconds()),
        state=row.state,
        reason=words.reason(row.reason) or None,
    )


async def _providers(session: AsyncSession, real: datetime) -> list[Carrier]:
    """Who has carried something, or was asked to."""
    query = select(Message.via, func.max(Message.sent_at)).group_by(Message.via)
    last = {via: at for via, at in (await session.execute(query)).all() if via}
    beside = select(Mirror.system).distinct()  # they carry nothing to customers
    query_of_states = select(Provider).where(Provider.name.not_in(beside))
    states = {row.name: row for row in (await session.execute(query_of_states)).scalars()}
    carriers = []
    for name in sorted({*last, *states}):
        state, asked = states.get(name), None
        if state is not None and state.open_until is not None and state.open_until > real:
            asked = state.open_until
        carriers.append(
            Carrier(
                name=name,
                last_sent_at=last.get(name),
                failing_since=state.failing_since if state else None,
                fault=words.reason(state.fault) or None if state else None,
                asked_again_at=asked,
            )
        )
    return carriers


async def _stopped(session: AsyncSession) -> list[Pressed]:
    query = select(Stop).where(Stop.lifted_at.is_(None)).order_by(Stop.at)
    return [
        Pressed(
            what=", ".join(filter(None, (row.channel, row.sop, row.template))) or "everything",
            since=row.at,
            by=row.by,
            reason=row.reason,
        )
        for row in (await session.execute(query)).scalars()
    ]
