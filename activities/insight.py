"""What is read off the records: how engaged a customer is, and whether more would serve them.

Engagement is points in the last days, each kind of activity once a day: a login or a page read is
one point, a feature used two. A customer counts as low in engagement below

- lenient: 1 point in 14 days: only who did nothing at all;
- standard: 3 points in 7 days, say a login and one feature used;
- strict: 6 points in 7 days, say three days with some work in them.

A reply or a new order counts as activity, whatever the points. If nothing was heard from any source
about anybody for two days, the sources are down and silence says nothing: unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.clock import Clock
from activities.crm import tables
from activities.crm.briefs import spent
from activities.crm.contacts import last_touch
from activities.crm.house import house_rules
from activities.crm.milestones import decide
from activities.crm.store import Store
from workflows.contract import Insight
from workflows.vocabulary import Engagement, Measure, Potential, Preset, Step

POINTS = {"login": 1, "content_viewed": 1, "feature_used": 2}
HEARD = timedelta(hours=48)  # from any source about anybody
HEAVY = 12  # points in the standard span: on most days, and at work
UNHAPPY, HAPPY = 50, 80  # of a hundred
ADD_ONS, UPGRADE = "discover-add-ons", "upgrade-your-plan"


class Scale(NamedTuple):
    span: timedelta
    enough: int


PRESETS = {
    Preset.LENIENT: Scale(timedelta(days=14), 1),
    Preset.STANDARD: Scale(timedelta(days=7), 3),
    Preset.STRICT: Scale(timedelta(days=7), 6),
}


@dataclass(frozen=True)
class Reading:
    """How much somebody did, and what that means."""

    level: Engagement
    points: int
    why: str


@dataclass(frozen=True)
class Standing:
    """What is known of a customer when it is asked what would serve them."""

    reading: Reading
    spent: Decimal
    kept: int  # orders
    tier: str
    score: float | None  # of the last feedback
    open_case: bool
    went_back: bool  # the last order was cancelled, refunded or returned

    @property
    def heavy(self) -> bool:
        return self.reading.points >= HEAVY

    @property
    def happy(self) -> bool:
        return self.score is not None and self.score >= HAPPY


class CrmInsight(Insight):
    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    @activity.defn
    async def engagement(self, measure: Measure) -> Engagement:
        now = measure.now or self.clock.now()
        async with self.store.transaction() as session:
            reading = await read(session, measure, measure.preset, now)
            facts = {"preset": measure.preset.value, "points": reading.points, "by": reading.why}
            level = reading.level
            await decide(session, now, measure, "engagement", reason=level.value, facts=facts)
        return level

    @activity.defn
    async def potential(self, step: Step) -> Potential:
        now = step.now or self.clock.now()
        async with self.store.transaction() as session:
            found = await _standing(session, step, now)
            if found is None:
                return Potential(reasons=("unknown_customer",))
            rules = await house_rules(session)
            potential = assess(found, rules.high_spend)
            facts = {
                "engagement": found.reading.level.value,
                "points": found.reading.points,
                "spent": str(found.spent),
                "orders": found.kept,
                "score": found.score,
                "high": potential.high,
                "reasons": list(potential.reasons),
            }
            reason = potential.campaign or potential.reasons[0]
            await decide(session, now, step, "potential", reason=reason, facts=facts)
        return potential

    @activity.defn
    async def last_touch(self, step: Step) -> datetime | None:
        async with self.store.reading() as session:
            return await last_touch(session, step.customer_id, step.now or self.clock.now())


# -- rules ---------------------------------------------------------------------------------


def assess(who: Standing, high_spend: int) -> Potential:
    """Which campaign suits them, whether Sales should call, and why."""
    if against := _against(who):
        return Potential(reasons=(against,))
    campaign, *reasons = _campaign(who)
    if not campaign:
        return Potential(reasons=tuple(reasons))
    high = [
        reason
        for reason, holds in (
            ("high_spend", who.spent >= high_spend),
            ("tier", who.tier != "standard"),
            ("keen", who.heavy and who.happy),
        )
        if holds
    ]
    return Potential(campaign=campaign, high=bool(high), reasons=(*reasons, *high))


def _against(who: Standing) -> str:
    """What makes any offer unwelcome."""
    if who.open_case:
        return "open_case"
    if who.went_back:
        return "went_back"
    if who.score is not None and who.score < UNHAPPY:
        return "unhappy"
    return "low_engagement" if who.reading.level is Engagement.LOW else ""


def _campaign(who: Standing) -> tuple[str, str]:
    if who.heavy:
        return UPGRADE, "heavy_use"
    if who.reading.level is Engagement.NORMAL:
        return ADD_ONS, "in_use"
    if who.kept > 1:
        return ADD_ONS, "bought_again"
    return (ADD_ONS, "happy") if who.happy else ("", "no_engagement_data")


# -- what is on record -----------------------------------------------------------------------


async def read(session: AsyncSession, step: Step, preset: Preset, now: datetime) -> Reading:
    """How engaged the customer is at this moment."""
    span, enough = PRESETS[preset]
    done = tables.Engagement
    query = select(done.kind, done.at).where(
        done.customer_id == step.customer_id, done.at > now - span, done.at <= now
    )
    points = score((kind, at) for kind, at in await session.execute(query))
    if points >= enough:
        return Reading(Engagement.NORMAL, points, "points")
    if sign := await _sign_of_life(session, step, now - span, now):
        return Reading(Engagement.NORMAL, points, sign)
    anybody = select(done.id).where(done.at > now - HEARD, done.at <= now).limit(1)
    if (await session.execute(anybody)).first() is None:
        return Reading(Engagement.UNKNOWN, points, "silence")
    return Reading(Engagement.LOW, points, "points")


def score(activities: Iterable[tuple[str, datetime]]) -> int:
    """The points, each kind once a day: a hundred logins show a bad session, not a keen user."""
    return sum(POINTS.get(kind, 0) for kind, _ in {(kind, at.date()) for kind, at in activities})


async def _sign_of_life(
    session: AsyncSession, step: Step, since: datetime, now: datetime
) -> str | None:
    """A reply that is no complaint, or an order after the one that began it all."""
    note, order, inbox = tables.Note, tables.Order, tables.Inbox
    complaint = select(inbox.id).where(
        note.key == inbox.id + "/said", inbox.type.startswith("complaint.")
    )
    replied = select(note.id).where(
        note.customer_id == step.customer_id,
        note.direction == "in",
        note.at > since,
        note.at <= now,
        ~complaint.exists(),
    )
    if (await session.execute(replied.limit(1))).first():
        return "reply"
    enrolment = await session.get(tables.Enrolment, step.follow_up)
    said = enrolment.input.get("purchased_at") if enrolment else None
    began = datetime.fromisoformat(said) if said else since
    bought = select(order.id).where(
        order.customer_id == step.customer_id,
        order.confirmed_at > max(since, began),
        order.confirmed_at <= now,
    )
    if enrolment is not None and enrolment.order_id:
        bought = bought.where(order.id != enrolment.order_id)
    return "order" if (await session.execute(bought.limit(1))).first() else None


def _number(feedback: str | None) -> float | None:
    """A score, if that is what the feedback is."""
    try:
        return float(feedback or "")
    except ValueError:
        return None


async def _standing(session: AsyncSession, step: Step, now: datetime) -> Standing | None:
    customer = await session.get(tables.Customer, step.customer_id)
    if customer is None or customer.erased_at is not None:
        return None
    order, note, case = tables.Order, tables.Note, tables.Case
    mine = select(order).where(
        order.customer_id == customer.id, order.confirmed_at.is_not(None), order.confirmed_at <= now
    )
    orders = list((await session.execute(mine.order_by(order.confirmed_at))).scalars())
    went_back = [bool(o.cancelled_at or o.refunded_at or o.returned_at) for o in orders]
    scored = (
        select(note.feedback)
        .where(note.customer_id == customer.id, note.feedback.is_not(None), note.at <= now)
        .order_by(note.at.desc())
        .limit(1)
    )
    cases = select(case.id).where(case.customer_id == customer.id, case.closed_at.is_(None))
    return Standing(
        reading=await read(session, step, Preset.STANDARD, now),
        spent=await spent(session, customer.id),
        kept=went_back.count(False),
        tier=customer.tier,
        score=_number((await session.execute(scored)).scalar_one_or_none()),
        open_case=(await session.execute(cases.limit(1))).first() is not None,
        went_back=bool(went_back) and went_back[-1],
    )
