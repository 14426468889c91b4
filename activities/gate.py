"""The gate: may this be said to this customer, now? Asked in the transaction that begins the send.

First what will never do (refused, covered), then what keeps it back (held), then when (deferred).
The caller holds the customer's lock, and writes the answer down before it lets go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from activities.calendar import last_open_before, open_from, zone_of
from activities.crm import cases, contacts, ledger
from activities.crm.contacts import Slot
from activities.crm.holds import last_put_right, open_holds, stops
from activities.crm.house import HouseRules
from activities.crm.store import lock_addresses, lock_customer
from activities.crm.tables import Customer, Message, Order
from activities.permission import Standing, Template, Way, standing_of, way_for
from activities.rendering import TemplateFault, lacks, registry
from workflows import vocabulary as v
from workflows.vocabulary import Kind

VIP = "vip"
IMPERSONAL = "impersonal"  # neither by name nor of the product: a person is to write it
BY_HAND = (VIP, IMPERSONAL)  # what goes once a person has written it
CALL = "call"
NO_WAY = ("no_address", "suppressed", "stopped", "unsubscribed")  # to reach them, by whatever way
REVIEW = "review"  # asked of a customer once in half a year, whatever they ordered
TURN = timedelta(hours=1)  # between two questions that were held back together
PUNCTUAL = timedelta(minutes=15)  # before a promise, so that being last is not being late


@dataclass(frozen=True)
class Ask:
    """Who wants to say what to whom; `row` is what the ledger has of the message's key."""

    message: v.Message
    template: Template
    customer: Customer
    row: Message | None = None
    tried: tuple[str, ...] = ()  # channels that have refused it, or cannot have it now
    only: str = ""  # the channel on which it may have gone already
    order: Order | None = None  # by `order_of`


@dataclass(frozen=True)
class Naming:
    """What a message must know to name what was bought."""

    personal: tuple[str, ...] = ("product",)


class Slotted(NamedTuple):
    at: datetime
    why: str = ""  # what pushed it there: `quiet_hours`, `cap`, `promise`


@dataclass
class Verdict:
    """The gate's answer and the facts it rests on; no answer means yes, by `way`."""

    answer: v.Refused | v.Covered | v.Held | v.Deferred | None = None
    way: Way | None = None
    facts: dict[str, Any] = field(default_factory=dict)


async def judge(session: AsyncSession, ask: Ask, *, now: datetime, rules: HouseRules) -> Verdict:
    """The gate's answer to a message."""
    message, template, customer = ask.message, ask.template, ask.customer
    verdict = Verdict(facts={"template": template.name, "kind": template.kind.value})
    unsolicited = template.kind is not Kind.TRANSACTIONAL
    if unsolicited:
        await lock_addresses(session, customer)
    standing = await standing_of(session, customer)
    verdict.facts |= _facts(standing, template)
    if message.since and asks_of(template, message):
        verdict.facts["since"] = message.since.isoformat()
    tried = (*ask.tried, *message.without)
    way = way_for(template, standing, rules, tried=tried, only=ask.only)
    if message.latest and now >= message.latest:
        verdict.answer = v.Refused(reason="stale")
    elif isinstance(way, str):
        verdict.answer = v.Refused(reason=way)
    elif message.reminds and await contacts.answered(session, customer.id, message.reminds):
        verdict.answer = v.Refused(reason="answered")
    elif asked := await _asked(session, message, template, now):
        verdict.answer = asked
    elif customer.tier == VIP and unsolicited and not message.draft_id:
        verdict.answer = v.Refused(reason=VIP)
    elif _is_impersonal(ask):
        verdict.answer = v.Refused(reason=IMPERSONAL)
    else:
        verdict.way = way
        verdict.facts["channel"] = way.channel
        verdict.answer = await _kept_back(session, message, template, way.channel)
        if verdict.answer is None and unsolicited:
            await _time(session, ask, verdict, now=now, rules=rules)
    return verdict


async def admit_task(
    session: AsyncSession, task: v.Task, now: datetime, rules: HouseRules
) -> v.Refused | v.Covered | v.Held | None:
    """The gate's answer to a task in which a person contacts the customer; None: hand it over.

    Takes the customer's lock. Hours and cap are asked when the person's message goes, and by
    `free_from` for a call.
    """
    if not task.template:
        return None
    template = registry().get(task.template)
    if template is None:
        raise TemplateFault("template_unknown", task.template)
    answer: v.Refused | v.Covered | v.Held | None
    facts: dict[str, Any] = {"template": template.name, "kind": template.kind.value}
    customer = await lock_customer(session, task.customer_id)
    if customer is None:
        answer = v.Refused(reason="no_customer")
    else:
        standing = await standing_of(session, customer)
        facts |= _facts(standing, template)
        way = way_for(template, standing, rules, only=CALL if task.form in v.CALLS else "")
        met = bool(task.meeting_id)  # they come to it: no number is called
        if task.latest and now >= task.latest:
            answer = v.Refused(reason="stale")
        elif isinstance(way, str) and not (met and way in NO_WAY):
            answer = v.Refused(reason=way)
        else:
            answer = await _asked(session, task, template, now)
            channel = CALL if task.form in v.CALLS else None
            answer = answer or await _kept_back(session, task, template, channel)
    if answer is not None:
        await ledger.record(session, task, answer, now, facts)
    return answer


async def free_from(
    session: AsyncSession, task: v.Task, now: datetime, due: datetime, rules: HouseRules
) -> datetime | None:
    """When the customer may first be called, if that is not now: a day after the last they heard
    of us, at an hour of theirs. What was promised for earlier than the call is due comes first; by
    then the call is made whatever else they heard. Takes what `admit_task` has admitted."""
    if task.form not in v.CALLS or not task.template:
        return None
    if registry()[task.template].kind is Kind.TRANSACTIONAL:
        return None
    customer = await lock_customer(session, task.customer_id)
    if customer is None:
        return None
    zone = zone_of(customer.time_zone, customer.phone, customer.country, rules)
    addresses = [customer.phone] if customer.phone else []
    quiet = await _breathing_until(session, customer.id, rules)
    slot = open_from(max(now, quiet or now), zone, rules, customer.id)
    for other in await contacts.taken(session, task, addresses=addresses, since=now - rules.cap):
        if other.at - rules.cap < slot < other.until + rules.cap:
            slot = open_from(other.until + rules.cap, zone, rules, customer.id)
    last = last_open_before(due, zone, rules)
    return max(now, min(slot, last)) if slot > now else None


def asks_of(template: Template, step: v.Message | v.Task) -> str:
    """What the customer is asked by it."""
    return template.asks or step.asks


async def order_of(session: AsyncSession, template: Template, message: v.Message) -> Order | None:
    """The order, if what is known of it decides anything."""
    matters = bool(template.carries or (template.personal and not message.impersonal))
    return await session.get(Order, message.order_id) if matters and message.order_id else None


def carried(ask: Ask) -> str:
    """What it says of its order besides, if it can name what was bought: who says so later says it
    twice. It is never covered by that itself."""
    if not ask.template.carries or lacks(Naming(), ask.customer, ask.order):
        return ""
    return ask.template.carries[0]


def _is_impersonal(ask: Ask) -> bool:
    """Whether it would call them by no name, or name nothing they bought, though it should."""
    message, template = ask.message, ask.template
    if message.impersonal or message.draft_id or not template.personal:
        return False
    return lacks(template, ask.customer, ask.order)


async def _asked(
    session: AsyncSession, step: v.Message | v.Task, template: Template, now: datetime
) -> v.Refused | v.Covered | None:
    """Whether the customer was asked already what this asks."""
    asks = asks_of(template, step)
    if not asks:
        return None
    if by := await contacts.asked(session, step, asks, now, of="order"):
        return v.Covered(key=by.key, at=by.at)
    if asks == REVIEW and await contacts.asked(session, step, asks, now, of="customer"):
        return v.Refused(reason="asked_recently")
    return None


async def _kept_back(
    session: AsyncSession, step: v.Message | v.Task, template: Template, channel: str | None
) -> v.Held | None:
    """The stop buttons that match, and the holds that keep back all but what they must have."""
    follow_up = step.follow_up or step.key.partition("/")[0]
    sop = follow_up.partition(".")[0]
    names = await stops(session, channel=channel, sop=sop, template=template.name)
    if template.kind is not Kind.TRANSACTIONAL:
        names += [hold.id for hold in await open_holds(session, step.customer_id, follow_up)]
    if REVIEW in (template.asks, step.asks):  # nobody is asked to praise us who waits for an answer
        names += [case.id for case in await cases.open_of(session, step.customer_id, "inquiry")]
    return v.Held(holds=tuple(names)) if names else None


# -- when ------------------------------------------------------------------------------


async def _time(
    session: AsyncSession, ask: Ask, verdict: Verdict, *, now: datetime, rules: HouseRules
) -> None:
    """The earliest moment that hours, cap, spread and what is promised to others allow: now,
    later, or too late."""
    message, customer = ask.message, ask.customer
    zone = zone_of(customer.time_zone, customer.phone, customer.country, rules)
    addresses = [verdict.way.address] if verdict.way else []
    since = now - rules.cap
    others = await contacts.taken(session, message, addresses=addresses, since=since)
    asks = asks_of(ask.template, message)
    others = [o for o in others if not contacts.is_part_of(o, asks, message.order_id)]
    quiet = await _breathing_until(session, customer.id, rules)
    mine = ask.row.slot_at if ask.row is not None and ask.row.state == ledger.RESERVED else None
    slot = Slotted(open_from(now, zone, rules, customer.id), "quiet_hours")
    if quiet and quiet > slot.at:
        if asks in contacts.INCLUDED:  # whoever asks of all of it goes first
            quiet += TURN
        slot = Slotted(open_from(quiet, zone, rules, customer.id), "breathing_space")
    for other in others:
        rank = None
        if mine is not None:
            rank = (mine if slot.at <= now else max(mine, slot.at), message.key)
        near = other.at - rules.cap < slot.at < other.until + rules.cap
        if near and _goes_first(other, rank):
            slot = Slotted(open_from(other.until + rules.cap, zone, rules, customer.id), "cap")
            verdict.facts |= _after(other)
    verdict.facts["zone"] = zone.key
    promise = message.promise if ask.template.kind is Kind.RELATIONSHIP else None
    if promise and slot.at > now and now < promise <= slot.at + PUNCTUAL:
        last = last_open_before(promise - PUNCTUAL, zone, rules)
        slot = Slotted(max(now, last, quiet or now), "promise")
    if slot.at <= now and slot.why != "promise":
        return
    verdict.facts["why"] = slot.why
    if message.latest and slot.at >= message.latest:
        verdict.answer = v.Refused(reason=slot.why)
    elif slot.at > now:
        verdict.answer = v.Deferred(until=slot.at)


async def _breathing_until(
    session: AsyncSession, customer_id: str, rules: HouseRules
) -> datetime | None:
    """Until when a customer is left in peace whose complaint was put right."""
    released = await last_put_right(session, customer_id)
    return released + rules.breathing_space if released else None


def _goes_first(other: Slot, rank: tuple[datetime, str] | None) -> bool:
    """Whether our message must move behind the other; `rank` is the slot it was promised, and its
    key. A promised message yields only to one that went, or has an earlier slot: if each gave way
    to the other, neither would ever go. Once it has to move, its new slot is its rank, so that it
    moves behind all before it at once, and is not put off one by one."""
    return other.firm or rank is None or (other.at, other.key) < rank


def _after(other: Slot) -> dict[str, Any]:
    """The contact that it comes after, and until when that may be, if it is a call to be made."""
    call = {"call": other.until.isoformat()} if other.until > other.at else {}
    return {"after": other.key} | call


def _facts(standing: Standing, template: Template) -> dict[str, Any]:
    """What the decision rests on, without who the customer is."""
    customer = standing.customer
    facts = {
        "version": template.version,
        "topic": template.topic,
        "tier": customer.tier,
        "sensitive": customer.sensitive,
        "consents": dict(sorted(standing.consents.items())),
        "suppressed": bool(standing.suppressed),
    }
    return {name: fact for name, fact in facts.items() if fact}
