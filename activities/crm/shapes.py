"""Of which shape the values of the house rules are."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from activities.crm.values import UnfitValueError, email_of


def _zone_key(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        raise ValueError("no such time zone") from None


def _on_the_wall(shown: time) -> time:
    if shown.tzinfo is not None:
        raise ValueError("it takes a time of day such as 09:00, without a zone")
    return shown


def _address(said: str) -> str:
    try:
        return email_of(said)
    except UnfitValueError:
        raise ValueError("this is no e-mail address") from None


class Rules(BaseModel):
    """A part of the house rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Zone = Annotated[str, AfterValidator(_zone_key)]
Wall = Annotated[time, AfterValidator(_on_the_wall)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]  # ISO 3166
Email = Annotated[str, AfterValidator(_address)]
Count = Annotated[int, Field(ge=0)]
Often = Annotated[timedelta, Field(ge=timedelta(hours=1), le=timedelta(days=366))]
Weekday = Annotated[int, Field(ge=0, le=6)]  # Monday is 0
