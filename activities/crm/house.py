"""The house rules: what always applies, as it stands now, to whoever is in flight."""

from __future__ import annotations

import json
from datetime import date, time, timedelta
from functools import lru_cache
from typing import Annotated, Any, Self

import holidays
from pydantic import (
    Field,
    ValidationInfo,
    model_validator,
)
from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.matrix import MATRIX, Row
from activities.crm.shapes import Count, Country, Email, Rules, Wall, Weekday, Zone
from activities.crm.tables import PolicyVersion
from workflows.vocabulary import Code, Potency, Role, Severity, Span

HOUSE = "house"
NEW = {"new": True}  # how values are read that are yet to be set: more strictly than those that are


class Company(Rules):
    """Who writes, as customers read it."""

    name: str = "Our Shop"
    postal_address: str = "1 High Street, London, United Kingdom"
    support_email: str = "support@example.com"
    colour: str = Field("#1f5f5b", pattern="^#[0-9a-f]{6}$")


class Links(Rules):
    """Where the messages lead."""

    portal: str = "https://example.com/support"
    faq: str = "https://example.com/faq"
    getting_started: str = "https://example.com/getting-started"
    tutorial: str = "https://example.com/tutorial"
    tips: str = "https://example.com/tips"
    access: str = "https://example.com/access"
    plans: str = "https://example.com/plans"
    add_ons: str = "https://example.com/add-ons"
    loyalty: str = "https://example.com/loyalty"
    reviews: str = "https://example.com/reviews"
    returns: str = "https://example.com/returns"


class Office(Rules):
    """Where colleagues work, when, and which days are holidays there."""

    country: Country = "GB"
    region: str = ""  # whose holidays it has besides its country's: `SCT`, `BY`
    time_zone: Zone = "Europe/London"
    opens: Wall = time(9)
    closes: Wall = time(17)
    days: tuple[Weekday, ...] = Field((0, 1, 2, 3, 4), min_length=1)
    closed: tuple[date, ...] = ()  # days off that no calendar knows
    serves: tuple[Country, ...] = ()  # the customers' countries

    @model_validator(mode="after")
    def _opens_before_it_closes(self, info: ValidationInfo) -> Self:
        _check_region(self.country, self.region, info)
        if self.opens >= self.closes:
            raise ValueError("hours must open before they close, on the same day")
        return self


class Care(Rules):
    """How people are looked after who have something to do for a customer."""

    remind_before: Span = timedelta(hours=2)  # a task's due moment
    escalate_after: Span = timedelta(
        hours=4
    )  # of office hours, once it is overdue; then again and again
    ladder: tuple[Role, ...] = (Role.MANAGER,)  # who takes over, after owner, deputy and queue
    digest_every: Span = timedelta(hours=1)
    # By role, an address that hears of its tasks besides its people:
    queues: dict[str, Email] = Field(default_factory=dict)
    # By role, how many tasks that contact a customer it gets in a day:
    daily: dict[str, Count] = Field(default_factory=dict)
    attempts: int = Field(3, ge=1, le=20)  # at reaching somebody on the telephone


class Taxonomy(Rules):
    """How feedback is classified (S2 5.3), besides by its urgency and potential for escalation."""

    types: tuple[Code, ...] = Field(
        ("product", "service", "experience", "delivery", "billing", "other"), min_length=1
    )
    urgent: tuple[Severity, ...] = (Severity.HIGH, Severity.CRITICAL)  # somebody hears at once
    opens_case: tuple[Potency, ...] = (Potency.LIKELY,)  # by its potential for escalation


ANSWERS: dict[str, float] = {
    "very satisfied": 100,
    "somewhat satisfied": 75,
    "satisfied": 75,
    "neither satisfied nor dissatisfied": 50,
    "somewhat dissatisfied": 25,
    "dissatisfied": 25,
    "very dissatisfied": 0,
}


class Surveys(Rules):
    """How a survey that is kept elsewhere is read: by what stands in its questions' headings."""

    product: tuple[str, ...] = ("product", "produkt")  # what they think of what they bought,
    overall: tuple[str, ...] = ("overall", "insgesamt")  # and of all of it
    recommend: tuple[str, ...] = ("recommend", "empfehlen")  # of all of it, from 0 to 10
    points: int = Field(5, ge=2, le=100)  # the best of a rating, whose worst is 1
    # What an answer in words counts, of a hundred:
    answers: dict[str, Annotated[float, Field(ge=0, le=100)]] = ANSWERS


class Document(Rules):
    """Something that colleagues have to read, and where it stands."""

    title: str
    url: str = Field("", pattern=r"^(https?://[^\s<>\"]+)?$")


DOCUMENTS = {  # S4 7
    "privacy-policy": Document(title="Customer Data Privacy Policy (Document #123)"),
    "crm-manual": Document(title="CRM User Manual (Document #456)"),
}


class HouseRules(Rules):
    """Contact hours are in the customer's own zone, office hours in the office's."""

    company: Company = Company()
    links: Links = Links()
    contact_opens: Wall = time(9)
    contact_closes: Wall = time(20)
    # One unsolicited message to a customer in so long; nine o'clock is spread over so much.
    cap: timedelta = Field(timedelta(hours=24), ge=timedelta(), le=timedelta(days=31))
    # After a complaint was put right, nothing but what concerns the order for so long.
    breathing_space: timedelta = Field(timedelta(hours=3), ge=timedelta(), le=timedelta(days=31))
    spread: timedelta = Field(timedelta(minutes=30), ge=timedelta(), le=timedelta(hours=12))
    country: Country = "GB"  # the office's, for its holidays
    region: str = ""
    time_zone: Zone = "Europe/London"  # the office's, and a customer's who has none known
    office_opens: Wall = time(9)
    office_closes: Wall = time(17)
    office_days: tuple[Weekday, ...] = Field((0, 1, 2, 3, 4), min_length=1)
    office_closed: tuple[date, ...] = ()  # days off that no calendar knows
    relationship_needs_consent: tuple[str, ...] = ()  # countries, ISO 3166
    track_links: bool = True  # in what calls to an action: they lead through us (5.2.3)
    high_spend: int = Field(500, ge=0)  # who spent so much is of high potential (5.5.3)
    aliases: dict[str, Role] = Field(default_factory=dict)  # what else a role is called
    offices: dict[str, Office] = Field(default_factory=dict)  # besides the one above
    matrix: tuple[Row, ...] = MATRIX  # of complaints and inquiries
    root_causes: tuple[str, ...] = Field(
        ("product", "delivery", "billing", "service", "communication", "expectation", "other"),
        min_length=1,
    )
    low_score: float = Field(40, ge=0, le=100)  # feedback up to this opens a case
    care: Care = Care()
    taxonomy: Taxonomy = Taxonomy()
    surveys: Surveys = Surveys()
    documents: dict[str, Document] = DOCUMENTS

    @model_validator(mode="after")
    def _hours_open_before_they_close(self, info: ValidationInfo) -> Self:
        _check_region(self.country, self.region, info)
        if self.contact_opens >= self.contact_closes or self.office_opens >= self.office_closes:
            raise ValueError("hours must open before they close, on the same day")
        return self

    @model_validator(mode="after")
    def _people_are_named_by_their_roles(self, info: ValidationInfo) -> Self:
        said = (*self.care.queues, *self.care.daily) if info.context else ()
        if unknown := next((name for name in said if self.role(name) is None), None):
            raise ValueError(f"there is no role {unknown[:64]}")
        return self

    @property
    def home(self) -> Office:
        """The office that the rules themselves describe."""
        return Office(
            country=self.country,
            region=self.region,
            time_zone=self.time_zone,
            opens=self.office_opens,
            closes=self.office_closes,
            days=self.office_days,
            closed=self.office_closed,
        )

    def role(self, said: str) -> Role | None:
        """The role by its name, by its short one (`csr`), or by what else the house calls it."""
        wanted = _word(said)
        known = {_word(alias): role for alias, role in self.aliases.items()}
        for role in Role:
            known |= {role.value: role, _word(role.name): role}
        return known.get(wanted)

    def daily(self, role: Role) -> int | None:
        """How many tasks that contact a customer the role gets in a day; none: any number."""
        return next((n for said, n in self.care.daily.items() if self.role(said) is role), None)

    def queue(self, role: Role) -> str | None:
        """The address that hears of the role's tasks besides its people."""
        return next((to for said, to in self.care.queues.items() if self.role(said) is role), None)

    def office(self, country: str | None = None, name: str = "") -> Office:
        """The office of this name, else the one that serves the customer's country, else home."""
        if name in self.offices:
            return self.offices[name]
        serving = (o for o in self.offices.values() if country and country.upper() in o.serves)
        return next(serving, self.home)


def _word(said: str) -> str:
    return "-".join(said.lower().replace("_", " ").replace("-", " ").split())


def _check_region(country: str, region: str, info: ValidationInfo) -> None:
    """A region that the calendar does not know is not set; one it knew once stays."""
    known = holidays.list_supported_countries() if info.context and region else {}
    if known and region not in known.get(country, ()):
        there = ", ".join(known.get(country, ())) or "none"
        raise ValueError(f"no calendar of holidays for {region} in {country}; there is {there}")


_NEWEST = (
    select(PolicyVersion.body)
    .where(PolicyVersion.name == bindparam("name"), PolicyVersion.approved_by.is_not(None))
    .order_by(PolicyVersion.version.desc())
    .limit(1)
)


async def current_policy(session: AsyncSession, name: str) -> dict[str, Any]:
    """What the newest approved version of a policy sets; empty: the defaults."""
    return (await session.execute(_NEWEST, {"name": name})).scalar_one_or_none() or {}


async def house_rules(session: AsyncSession) -> HouseRules:
    return _read(json.dumps(await current_policy(session, HOUSE)))


@lru_cache(maxsize=4)
def _read(body: str) -> HouseRules:
    return HouseRules.model_validate(json.loads(body))
