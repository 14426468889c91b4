"""What a customer receives as things stand, and what they would have to say to change it.

The gate decides (`activities/permission.py`); here it is told, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import consents
from activities.crm.consents import EVERYTHING, MARKETING
from activities.crm.house import HouseRules
from activities.crm.tables import Customer, Suppression
from activities.rendering import Template
from workflows.vocabulary import Kind

CHANNELS = ("email", "sms")  # what can be turned off as a whole
WAYS = (*CHANNELS, "call", "letter")
Scopes = dict[str, bool]


@dataclass(frozen=True)
class Topic:
    """What one may choose to hear of: the kinds of message it has, and how each may come."""

    name: str
    ways: frozenset[tuple[Kind, str]]

    @property
    def kinds(self) -> list[Kind]:
        return sorted({kind for kind, _ in self.ways})

    @property
    def scope(self) -> str:
        return f"topic:{self.name}"


@dataclass(frozen=True)
class Wish:
    """What a customer ticked and unticked; what was not on their page is in neither."""

    topics: Mapping[str, bool]
    channels: Mapping[str, bool]


@dataclass(frozen=True)
class Standing:
    """The customer's own words by scope, what others refused at the same address, and where
    messages arrive."""

    own: Mapping[str, bool]
    others: frozenset[str]
    reached: frozenset[str]  # ways that have an address which takes messages
    asked_first: bool  # their country wants consent before relationship messages
    sensitive: bool = False

    @property
    def said(self) -> Scopes:
        return {**self.own, **dict.fromkeys(self.others, False)}

    @property
    def shared(self) -> bool:
        """Whether something stays off that only others at the same address have refused."""
        return any(self.own.get(scope) is not False for scope in self.others)

    def is_on(self, channel: str) -> bool:
        return self.said.get(channel) is not False

    def allows(self, kind: Kind, topic: str) -> bool:
        said = self.said
        scopes = (EVERYTHING, f"topic:{kind.value}", f"topic:{topic}")
        if any(said.get(scope) is False for scope in scopes):
            return False
        return kind is not Kind.RELATIONSHIP or said.get("relationship", not self.asked_first)

    def allows_by(self, kind: Kind, way: str) -> bool:
        agreed = kind is not Kind.MARKETING or self.said.get(MARKETING[way]) is True
        return self.is_on(way) and agreed

    def wants(self, topic: Topic) -> bool:
        """Whether they chose it, whichever channels are on."""
        return any(
            self.allows(kind, topic.name)
            and (kind is not Kind.MARKETING or self.said.get(MARKETING[way]) is True)
            for kind, way in topic.ways
        )

    def ways(self, topic: Topic) -> list[str]:
        """How it comes now."""
        if self.sensitive:
            return []
        open_now = {
            way
            for kind, way in topic.ways & {(k, w) for k in Kind for w in self.reached}
            if self.allows(kind, topic.name) and self.allows_by(kind, way)
        }
        return [way for way in WAYS if way in open_now]


def topics_of(templates: Iterable[Template]) -> list[Topic]:
    """The topics that the register of templates has, those about what one has before offers."""
    ways: dict[str, set[tuple[Kind, str]]] = {}
    for template in templates:
        if template.topic and template.kind is not Kind.TRANSACTIONAL:
            found = ways.setdefault(template.topic, set())
            found.update((template.kind, way) for way in template.channels if way in WAYS)
    topics = [Topic(name, frozenset(said)) for name, said in ways.items() if said]
    return sorted(topics, key=lambda topic: (Kind.MARKETING in topic.kinds, topic.name))


async def standing_of(session: AsyncSession, customer: Customer, rules: HouseRules) -> Standing:
    words = await consents.by_scope(session, customer.id)
    addresses = {
        "email": customer.email,
        "sms": customer.phone,
        "call": customer.phone,
        "letter": any((customer.address or {}).values()),
    }
    query = select(Suppression).where(
        Suppression.address.in_([one for one in (customer.email, customer.phone) if one])
    )
    lost = {row.address: row.reason for row in (await session.execute(query)).scalars()}
    return Standing(
        own={scope: word.given for scope, word in words.items()},
        others=frozenset(await consents.refused_at(session, customer)),
        reached=frozenset(
            way
            for way, address in addresses.items()
            if address and (address not in lost or (way, lost[address]) == ("call", "landline"))
        ),
        asked_first=(customer.country or "").upper() in rules.relationship_needs_consent,
        sensitive=customer.sensitive,
    )


def changes(standing: Standing, topics: list[Topic], wish: Wish) -> Scopes:
    """What a wish says, scope by scope; nothing where it is so already."""
    scopes = {way: on for way, on in wish.channels.items() if on is not standing.is_on(way)}
    chosen = [channel for channel in CHANNELS if wish.channels.get(channel)]
    for topic in topics:
        on, was = wish.topics.get(topic.name), standing.wants(topic)
        if on and not was:
            scopes |= _lifted(standing, topic, chosen)
        elif was and on is False:
            scopes[topic.scope] = False
    # What is lifted for the sake of one topic brings back no other.
    after = replace(standing, own={**standing.own, **scopes})
    for topic in topics:
        if after.wants(topic) and not standing.wants(topic) and not wish.topics.get(topic.name):
            scopes[topic.scope] = False
    return scopes


def _lifted(standing: Standing, topic: Topic, chosen: list[str]) -> Scopes:
    """Whatever of their own words stands against a topic, and the consent it needs."""
    own, scopes = standing.own, {topic.scope: True}
    broader = (EVERYTHING, *(f"topic:{kind.value}" for kind in topic.kinds))
    scopes |= {scope: True for scope in broader if own.get(scope) is False}
    if Kind.RELATIONSHIP in topic.kinds and not own.get("relationship", not standing.asked_first):
        scopes["relationship"] = True
    offered = [way for way in CHANNELS if (Kind.MARKETING, way) in topic.ways]
    fit = [way for way in offered if way in chosen] or offered[:1]
    return scopes | {MARKETING[way]: True for way in fit if own.get(MARKETING[way]) is not True}
