"""What a template may say that stands neither with the customer nor with the order.

Each of it costs a question to the records, so only what a text uses is asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from babel import Locale
from sqlalchemy import func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import cases, tasks
from activities.crm.contacts import ASKED
from activities.crm.house import HouseRules
from activities.crm.tables import Case, Customer, Meeting, Message, Order, Staff, Task
from activities.rendering.speech import day
from workflows.vocabulary import CALLS

HOUR = timedelta(hours=1)
PROMISED = 24  # hours until a person answers (S1 4); more, where the house's matrix has more
YEAR = timedelta(days=365.25)
REFERENCE = 8  # letters of a case's id: enough to find it by


@dataclass(frozen=True)
class Background:
    """What the records know besides; nothing of it: not known, or not asked for."""

    times: int = 0  # which order of the customer's it is
    years: int = 0  # since their first
    asked: tuple[str, ...] = ()  # what was asked about the order before
    case: Case | None = None
    answered_in: int = PROMISED  # hours
    agent: str = ""  # who writes, or calls
    meeting: Meeting | None = None
    host: str = ""  # who holds it


NOTHING = Background()


@dataclass(frozen=True)
class Matter:
    """A complaint or an inquiry, in nobody's language yet."""

    row: Case | None
    hours: int
    zone: ZoneInfo

    def said(self, spoken: Locale) -> Concern:
        if self.row is None:
            return Concern(hours=self.hours)
        return Concern(
            reference=reference(self.row.id),
            opened=day(self.row.opened_at.astimezone(self.zone).date(), spoken),
            complaint=self.row.kind == cases.COMPLAINT,
            hours=self.hours,
        )


@dataclass(frozen=True)
class Concern:
    """A case as a template may use it; an empty text is not known."""

    reference: str = ""
    opened: str = ""
    complaint: bool = False  # else an inquiry
    hours: int = PROMISED  # in which a person answers


def reference(case_id: str) -> str:
    """What a customer calls a case: short enough to be read out."""
    return case_id.removeprefix("case_")[:REFERENCE].upper()


async def background(
    session: AsyncSession,
    wanted: Collection[str],
    customer: Customer,
    order: Order | None,
    rules: HouseRules,
    *,
    now: datetime,
    key: str,
    case_id: str = "",
    meeting_id: str = "",
    agent: str = "",
) -> Background:
    """What a text that uses these variables may say. `key`: of the message it is for; `agent`: the
    e-mail address of the colleague who is to use it."""
    times = years = 0
    if {"times", "years"} & set(wanted):
        times, years = await _custom(session, customer, order, now)
    case = await session.get(Case, case_id) if case_id and "case" in wanted else None
    meeting = await _meeting(session, meeting_id, customer) if "meeting" in wanted else None
    return Background(
        times=times,
        years=years,
        asked=await _asked(session, order, key) if order and "asked" in wanted else (),
        case=case,
        answered_in=_answered_in(case, customer, rules) if case else PROMISED,
        agent=await _name(session, agent) if agent and "agent" in wanted else "",
        meeting=meeting,
        host=await _name(session, meeting.organiser) if meeting and meeting.organiser else "",
    )


async def _custom(
    session: AsyncSession, customer: Customer, order: Order | None, now: datetime
) -> tuple[int, int]:
    """How many orders the customer kept, up to this one, and how many years ago the first was."""
    kept = func.count().filter(Order.cancelled_at.is_(None), Order.refunded_at.is_(None))
    query = select(kept, func.min(Order.confirmed_at)).where(
        Order.customer_id == customer.id, Order.confirmed_at.is_not(None)
    )
    if order is not None and order.confirmed_at is not None:
        query = query.where(Order.confirmed_at <= order.confirmed_at)
    times, first = (await session.execute(query)).one()
    return times, max(0, round((now - (first or customer.since or now)) / YEAR))


async def _asked(session: AsyncSession, order: Order, key: str) -> tuple[str, ...]:
    """What the customer was asked about this order already, in writing or in a call."""
    reached = func.coalesce(Task.outcome["reached"].as_boolean(), true())
    written = select(Message.asks).where(
        Message.customer_id == order.customer_id,
        Message.order_id == order.id,
        Message.key != key,
        Message.state.in_(ASKED),
    )
    spoken = select(Task.asks).where(
        Task.customer_id == order.customer_id,
        Task.order_id == order.id,
        Task.key != key,
        Task.form.in_([form.value for form in CALLS]),
        Task.state == tasks.DONE,
        reached,
    )
    found = (await session.execute(written.union(spoken))).scalars()
    return tuple(sorted(asks for asks in found if asks))


async def _meeting(session: AsyncSession, meeting_id: str, customer: Customer) -> Meeting | None:
    """As it stands now; never another customer's."""
    row = await session.get(Meeting, meeting_id) if meeting_id else None
    return row if row and row.customer_id == customer.id else None


def _answered_in(case: Case, customer: Customer, rules: HouseRules) -> int:
    ladder = cases.ladder_for(case, customer, rules, case.opened_at)
    return max(PROMISED, ceil((ladder.answer_by - case.opened_at) / HOUR))


async def _name(session: AsyncSession, agent: str) -> str:
    query = select(Staff.name).where(Staff.email == agent.strip().lower()).limit(1)
    return (await session.execute(query)).scalar_one_or_none() or ""
