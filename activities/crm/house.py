"""The house rules: what always applies, as it stands now, to whoever is in flight."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import PolicyVersion
from workflows.vocabulary import Role

HOUSE = "house"


class Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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


class HouseRules(Rules):
    """Contact hours are in the customer's own zone, office hours in the office's."""

    company: Company = Company()
    links: Links = Links()
    contact_opens: time = time(9)
    contact_closes: time = time(20)
    # One unsolicited message to a customer in so long; nine o'clock is spread over so much.
    cap: timedelta = Field(timedelta(hours=24), ge=timedelta(), le=timedelta(days=31))
    spread: timedelta = Field(timedelta(minutes=30), ge=timedelta(), le=timedelta(hours=12))
    country: str = Field("GB", pattern="^[A-Z]{2}$")  # the office's, for its holidays
    time_zone: str = "Europe/London"  # the office's, and a customer's who has none known
    office_opens: time = time(9)
    office_closes: time = time(17, 30)
    office_days: tuple[Annotated[int, Field(ge=0, le=6)], ...] = Field(
        (0, 1, 2, 3, 4), min_length=1
    )  # Monday is 0
    relationship_needs_consent: tuple[str, ...] = ()  # countries, ISO 3166
    high_spend: int = Field(500, ge=0)  # who spent so much is of high potential (5.5.3)
    aliases: dict[str, Role] = {}  # what else a role is called

    @model_validator(mode="after")
    def _hours_open_before_they_close(self) -> Self:
        if self.contact_opens >= self.contact_closes or self.office_opens >= self.office_closes:
            raise ValueError("hours must open before they close, on the same day")
        return self

    @field_validator("time_zone")
    @classmethod
    def _a_zone_that_exists(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (KeyError, OSError):
            raise ValueError("no such time zone") from None


async def current_policy(session: AsyncSession, name: str) -> dict[str, Any]:
    """What the newest approved version of a policy sets; empty: the defaults."""
    query = (
        select(PolicyVersion)
        .where(PolicyVersion.name == name, PolicyVersion.approved_by.is_not(None))
        .order_by(PolicyVersion.version.desc())
        .limit(1)
    )
    row = (await session.execute(query)).scalar_one_or_none()
    return dict(row.body) if row else {}


async def house_rules(session: AsyncSession) -> HouseRules:
    return HouseRules.model_validate(await current_policy(session, HOUSE))
