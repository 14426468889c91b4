"""Whether a customer may be written to at all, by the kind of message: the gate's truth table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import consents
from activities.crm.house import HouseRules
from activities.crm.tables import Customer, Suppression
from workflows.vocabulary import Kind

CHANNELS = ("email", "sms", "letter", "call")  # in the order they are tried, if none is preferred
PHONED = ("sms", "call")  # channels that need a number
PREFERRED = {"phone": "call"}  # what a customer calls a channel
LONGEST = 255  # characters of an address on one line
UNDELIVERABLE = "undeliverable"  # every way was tried
LANDLINE = "landline"  # the number takes no SMS, but a call

_LOST = select(Suppression.address, Suppression.reason).where(
    Suppression.address.in_(bindparam("addresses", expanding=True))
)


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
    def action(self) -> bool: ...
    @property
    def carries(self) -> tuple[str, ...]: ...
    @property
    def personal(self) -> Sequence[str]: ...
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
    suppressed: Mapping[str, str]  # the address, and why nothing is sent there


async def standing_of(session: AsyncSession, customer: Customer) -> Standing:
    words = await consents.by_scope(session, customer.id)
    said = {scope: word.given for scope, word in words.items()}
    said |= dict.fromkeys(await consents.refused_at(session, customer), False)
    addresses = [address for address in (customer.email, customer.phone) if address]
    lost = await session.execute(_LOST, {"addresses": addresses})
    return Standing(customer, said, {row.address: row.reason for row in lost})


def way_for(
    template: Template,
    standing: Standing,
    rules: HouseRules,
    *,
    tried: Collection[str] = (),
    only: str = "",
) -> Way | str:
    """How a message of this template may go; else the reason why it must not.

    `tried` are the channels on which it was refused already: none is tried twice. `only` is the one
    on which it may have gone, for all that anybody knows: there is no other for it then.
    """
    if reason := _refused(template, standing, rules):
        return reason
    reason = UNDELIVERABLE if tried else ""
    for way in _ways(template, standing.customer):
        if way.channel in tried or only not in ("", way.channel):
            continue
        refused = _refused_on(way, template, standing)
        if not refused:
            return way
        reason = reason or refused  # of the channel they would rather have
    return reason or "no_address"


def never(template: Template, standing: Standing, rules: HouseRules) -> bool:
    """Whether it is refused, even from a person, until the customer changes their mind. A missing
    address is not for good: one may still become known."""
    found = way_for(template, standing, rules)
    return isinstance(found, str) and found != "no_address"


def offers_may_go(standing: Standing, channel: str) -> bool:
    """Whether the customer wants offers this way, whichever they are; topics are another matter."""
    said, customer = standing.consents, standing.customer
    closed = (consents.EVERYTHING, f"topic:{Kind.MARKETING.value}", channel)
    address = _address(customer, channel)
    lost = standing.suppressed.get(address)
    if customer.sensitive or (lost and not (lost == LANDLINE and channel == "call")):
        return False
    return said.get(consents.MARKETING[channel]) is True and not any(
        said.get(scope) is False for scope in closed
    )


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
    lost = standing.suppressed.get(way.address)
    if lost and not (lost == LANDLINE and way.channel == "call"):
        return "suppressed"
    if way.channel == "sms" and said.get("sms") is False:
        return "stopped"
    if kind is Kind.TRANSACTIONAL:
        return ""
    if said.get(way.channel) is False:
        return "unsubscribed"
    scope = consents.MARKETING[way.channel]
    if kind is Kind.MARKETING and not said.get(scope):
        return "opted_out" if scope in said else "no_consent"
    return ""


def _ways(template: Template, customer: Customer) -> Iterator[Way]:
    """The channels the template has words for and the customer an address, preferred first."""
    said = customer.preferred_channel or ""
    preferred = PREFERRED.get(said, said)
    for channel in sorted(CHANNELS, key=lambda channel: channel != preferred):
        address = _address(customer, channel)
        if channel in template.channels and address:
            yield Way(channel, address)


def _address(customer: Customer, channel: str) -> str:
    if channel in PHONED:
        return customer.phone or ""
    if channel == "email":
        return customer.email or ""
    lines = (str(line).strip() for line in (customer.address or {}).values() if line)
    return ", ".join(lines)[:LONGEST]
