"""A template as a customer would get it: to look at, or as a test to a colleague."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities import rendering
from activities.carriers import Carriers
from activities.channels import Accepted, Channel, Parcel
from activities.channels.wiring import IncompleteError, channels_for
from activities.clock import Clock
from activities.crm.customers import find, recognise
from activities.crm.holds import stops
from activities.crm.house import HouseRules, house_rules
from activities.crm.store import Store
from activities.crm.tables import Case, Customer, Meeting, Order, new_id
from activities.crm.values import UnfitValueError, email_of, phone_of
from activities.rendering import TEMPLATES, Rendered, TemplateFault, samples, sms
from activities.rendering.lint_sent import FAULTS
from activities.settings import Settings
from starter.answers import Refusal
from starter.desk.base import audit

MARK = "[Test]"


@dataclass(frozen=True)
class Preview(Rendered):
    """What a customer would read; nothing is sent, and the links in it are signed for nobody."""

    template: str
    channel: str
    characters: int  # of the text
    segments: int | None  # of an SMS, as networks count; of anything else none


async def preview(
    store: Store,
    settings: Settings,
    template: str,
    *,
    channel: str | None = None,
    locale: str | None = None,
    about: str = "",
    customer: str | None = None,
    root: Path = TEMPLATES,
) -> Preview:
    """The template by the house rules as they stand, for the sample customer or a real one.

    `channel`: by default the template's first; `locale`: by default the customer's own; `about`:
    one of its variants, or, of a template about a shipment, that shipment's id (by default the
    newest order's last); `customer`: an id, ours or another system's, or an e-mail address. Raises
    `Refusal` for what there is not, and for a template that cannot be rendered (its code, and what
    to do).
    """
    async with store.reading() as session:
        rules = await house_rules(session)
        person, order = await _whom(session, customer)
    try:
        known = rendering.registry(root).get(template)
        if known is None:
            raise Refusal("not_found", f"there is no template `{template}`", param="template")
        channel = channel or known.channels[0]
        if channel not in known.channels:
            there = ", ".join(known.channels)
            raise Refusal("not_found", f"`{template}` has words for: {there}", param="channel")
        locale = locale or person.locale
        wanted = rendering.wanted(template, locale, channel, root=root)
        about = _about(about, known, order if "shipment" in wanted else None)
        learnt = samples.BACKGROUND
        if customer is not None:
            async with store.reading() as session:
                learnt = await _learnt(session, wanted, person, order, rules)
        facts = samples.facts_of(
            person, order, rules, about, settings.public_url, background=learnt
        )
        said = rendering.render(template, locale, channel, facts, root=root)
    except TemplateFault as fault:
        words = FAULTS.get(fault.code, "cannot be rendered")
        raise Refusal(fault.code, f"`{template}`: {words}: aftercare doctor") from None
    counted = sms.segments(said.text) if channel == "sms" else None
    return Preview(**vars(said), template=template, channel=channel,
                   characters=len(said.text), segments=counted)  # fmt: skip


def _about(said: str, template: rendering.Template, order: Order | None) -> str:
    """What the template is to be about; of an order's shipments the last, if none is named."""
    parcels = [str(parcel["id"]) for parcel in order.shipments] if order else []
    if not said:
        return parcels[-1] if parcels else ""
    there = [*template.variants, *parcels]
    if said not in there:
        listed = ", ".join(there) or "nothing in particular"
        raise Refusal("not_found", f"`{template.name}` may be about: {listed}", param="about")
    return said


async def _learnt(
    session: AsyncSession,
    wanted: frozenset[str],
    customer: Customer,
    order: Order | None,
    rules: HouseRules,
) -> rendering.Background:
    """What the records say besides, as if the message went now, about their newest case or
    meeting."""
    query = select(Case.id).where(Case.customer_id == customer.id).order_by(Case.opened_at.desc())
    case = (await session.execute(query.limit(1))).scalar() if "case" in wanted else None
    now, key = datetime.now(UTC), samples.KEY
    theirs = select(Meeting.id).where(Meeting.customer_id == customer.id)
    newest = theirs.order_by(Meeting.starts_at.desc()).limit(1)
    meeting = (await session.execute(newest)).scalar() if "meeting" in wanted else None
    return await rendering.background(
        session,
        wanted,
        customer,
        order,
        rules,
        now=now,
        key=key,
        case_id=case or "",
        meeting_id=meeting or "",
    )


@dataclass(frozen=True)
class Tested:
    """What came of a test: whether somebody has it now, in words."""

    went: bool
    words: str


async def send_test(
    store: Store, settings: Settings, clock: Clock, shown: Preview, to: str, *, by: str
) -> Tested:
    """Send a preview to a colleague, marked as a test; it counts as no message to anybody.

    Raises `Refusal` for what is no address, a customer's address, and what people carry.
    """
    async with store.transaction() as session:
        rules = await house_rules(session)
        address = await _colleague(session, shown.channel, to, rules)
        if await stops(session, channel=shown.channel, sop="", template=shown.template):
            raise Refusal("stopped", "the stop button is pressed: `aftercare status`", status=409)
        audit(session, clock.now(), by=by, what="template.tested", target=shown.template,
              reason=None, channel=shown.channel)  # fmt: skip
    try:
        channels = channels_for(settings, store, clock)
    except IncompleteError as lacking:
        raise Refusal("incomplete", str(lacking)) from None
    try:
        carriers = Carriers(store, clock, settings, channels)
        channel = carriers.choose(shown.channel, address)
        parcel = _parcel(shown, address, rules)
        return await _carried(channel, parcel, released=carriers.released(address))
    finally:
        await asyncio.gather(*(channel.close() for channel in channels.values()))


async def _colleague(session: AsyncSession, channel: str, to: str, rules: HouseRules) -> str:
    if channel not in ("email", "sms"):
        raise Refusal("not_sent", "people carry this: print the preview", param="channel")
    try:
        address = email_of(to) if channel == "email" else phone_of(to, rules.country)
    except UnfitValueError as unfit:
        raise Refusal(unfit.code, unfit.detail, param="test") from None
    column = Customer.email if channel == "email" else Customer.phone
    found = await session.execute(select(Customer.id).where(column == address).limit(1))
    if found.first():
        words = "this is a customer's address: a test goes to colleagues only"
        raise Refusal("customers_address", words, param="test", status=409)
    return address


def _parcel(shown: Preview, address: str, rules: HouseRules) -> Parcel:
    return Parcel(
        key=new_id("test"),
        to=address,
        subject=f"{MARK} {shown.subject}" if shown.subject else "",
        text=shown.text if shown.subject else f"{MARK} {shown.text}",
        html=shown.html,
        sender="",
        from_name=rules.company.name,
        reply_to=rules.company.support_email,
    )


async def _carried(channel: Channel, parcel: Parcel, *, released: bool) -> Tested:
    half = channel.deadline.total_seconds() / 2
    try:
        async with asyncio.timeout(half):
            outcome = await channel.send(parcel)
    except Exception as error:  # noqa: BLE001 - whatever it was, they may have it
        kind = type(error).__name__
        return Tested(False, f"{channel.provider} gave no answer ({kind}): look whether it arrives")
    if not isinstance(outcome, Accepted):
        words = f"{channel.provider} did not take it: {outcome.reason} ({outcome.because})"
        return Tested(False, words)
    if channel.provider != "outbox":
        return Tested(True, f"{channel.provider} has taken it for {parcel.to}")
    why = f"no provider is set up for {channel.name}"
    if not released:
        why = "AFTERCARE_ONLY_TO does not name the address"
    return Tested(True, f"It is in the outbox, which sends to nobody: {why}")


async def _whom(session: AsyncSession, customer: str | None) -> tuple[Customer, Order | None]:
    """A customer with their newest order; by default the sample ones."""
    if customer is None:
        return samples.PERSON, samples.ORDER
    person = await find(session, customer)
    if person is None and "@" in customer:
        person = await recognise(session, {"email": customer.strip().lower()})
    if person is None:
        raise Refusal("not_found", "there is no such customer", param="customer", status=404)
    newest = func.coalesce(Order.confirmed_at, Order.created_at).desc()
    query = select(Order).where(Order.customer_id == person.id).order_by(newest).limit(1)
    return person, (await session.execute(query)).scalar_one_or_none()
