"""Whether a customer may be written to at all, by the kind of message: the gate's truth table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import consents
from activities.crm.house import HouseRules
from activities.crm.tables import Customer, Suppression
from workflows.vocabulary import Kind

PHONED = ("sms", "call")  # channels that need a number
MARKETING_CONSENT = {"email": "email_marketing", "sms": "sms_marketing", "call": "sms_marketing"}


class Template(Protocol):
    """What the gate asks of a template."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def topic(self) -> str: ...
    @property
    def required(self) -> bool: ...
    @property
    def asks(self) -> str: ...
    @property
    def channels(self) -> tuple[str, ...]: ...
    @property
    def version(self) -> str: ...


class Way(NamedTuple):
    """How the customer is reached."""

    channel: str
    address: str


@dataclass(frozen=True)
class Standing:
    """What the customer allows, and what is known of their addresses."""

    customer: Customer
    consents: dict[str, bool]  # by scope, the latest word; absent: never stated
    suppressed: frozenset[str]


async def standing_of(session: AsyncSession, customer: Customer) -> Standing:
    words = await consents.by_scope(session, customer.id)
    said = {scope: word.given for scope, word in words.items()}
    said |= dict.fromkeys(await consents.refused_at(session, customer), False)
    addresses = [address for address in (customer.email, customer.phone) if address]
    lost = select(Suppression.address).where(Suppression.address.in_(addresses))
    return Standing(
        customer,
        said,
        frozenset((await session.execute(lost)).scalars()),
    )


def way_for(
    template: Template, standing: Standing, rules: HouseRules, *, by_person: bool = False
) -> Way | str:
    """How a message of this template may go; else the reason why it must not."""
    if reason := _refused(template, standing, rules):
        return reason
    reason = ""
    for way in _ways(template, standing.customer, by_person=by_person):
        refused = _refused_on(way, template, standing)
        if not refused:
            return way
        reason = reason or refused  # of the channel they would rather have
    return reason or "no_address"


def never(template: Template, standing: Standing, rules: HouseRules) -> bool:
    """Whether it is refused, even from a person, until the customer changes their mind. A missing
    address is not for good: one may still become known."""
    found = way_for(template, standing, rules, by_person=True)
    return isinstance(found, str) and found != "no_address"


def _refused(template: Template, standing: Standing, rules: HouseRules) -> str:
    """Why it must not go, on whatever channel."""
    customer, said, kind = standing.customer, standing.consents, template.kind
    if customer.erased_at is not None:
        return "erased"
    if customer.sensitive and not (kind is Kind.TRANSACTIONAL and template.required):
        return "sensitive"
    if kind is Kind.TRANSACTIONAL:
        return ""
    topics = [f"topic:{topic}" for topic in (template.topic, kind.value) if topic]
    if any(said.get(scope) is False for scope in ("all", *topics)):
        return "opted_out"
    if kind is Kind.RELATIONSHIP:
        needed = (customer.country or "").upper() in rules.relationship_needs_consent
        if not said.get("relationship", not needed):
            return "opted_out" if "relationship" in said else "no_consent"
    return ""


def _refused_on(way: Way, template: Template, standing: Standing) -> str:
    """Why it must not go this way."""
    said, kind = standing.consents, template.kind
    if way.address in standing.suppressed:
        return "suppressed"
    if way.channel == "sms" and said.get("sms") is False:
        return "stopped"
    if kind is Kind.TRANSACTIONAL:
        return ""
    if said.get(way.channel) is False:
        return "unsubscribed"
    scope = MARKETING_CONSENT[way.channel]
    if kind is Kind.MARKETING and not said.get(scope):
        return "opted_out" if scope in said else "no_consent"
    return ""


def _ways(template: Template, customer: Customer, *, by_person: bool) -> Iterator[Way]:
    """The channels the template has words for and the customer an address, preferred first."""
    order = ["email", "sms", *(["call"] if by_person else [])]
    preferred = "call" if customer.preferred_channel == "phone" else customer.preferred_channel
    order.sort(key=lambda channel: channel != preferred)
    for channel in order:
        address = customer.phone if channel in PHONED else customer.email
        if channel in template.channels and address:
            yield Way(channel, address)
