"""The forms of Sales and of account managers: a call, a class, a contract, a meeting."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, model_validator

from starter.desk.shapes import Call, Outcome, wrong
from starter.intake.patches import Line, Link, Moment, Name, Words

Urgency = Literal["low", "medium", "high", "critical"]
Potential = Literal["none", "possible", "likely"]  # for escalation
Minutes = Annotated[StrictInt, Field(ge=1, le=1440)]
RECORD = "comment method type urgency potential actions opportunity referral".split()


class SalesCall(Call):
    """A call by Sales, with all that its record has (S2 5.3, 5.5): nobody was reached, or all of it
    is said."""

    type: Name | None = None  # by the house's taxonomy
    potential: Potential | None = None
    opportunity: StrictBool | None = None  # they may buy more
    wanted: Words | None = None  # what
    referral: Literal["asked", "given", "declined", "not_asked"] | None = None

    @model_validator(mode="after")
    def _complete(self) -> SalesCall:
        if self.reached != "yes":
            return self
        for name in RECORD:
            if getattr(self, name) in (None, ""):
                raise wrong("missing", "this is needed once they were reached", name)
        if self.opportunity and not self.wanted:
            raise wrong("missing", "say what they may want", "wanted")
        return self


class Classify(Outcome):
    """What feedback is about, how urgent it is, whether more may come of it."""

    type: Name
    urgency: Urgency
    potential: Potential


class Transfer(Outcome):
    """What Sales knows of a contract's customer; it goes to the contract."""

    signed_at: Moment | None = None
    account_manager: Line | None = None
    office: Line | None = None
    contacts: list[dict[Name, Words]] | None = Field(None, max_length=50)
    needs: Words | None = None


class SetUp(Outcome):
    """The systems that have the customer now."""

    done: list[Name] = Field([], max_length=100)


class Schedule(Outcome):
    """When a meeting is to be."""

    starts_at: Moment
    minutes: Minutes | None = None
    url: Link | None = None
    title: Line | None = None


class MeetingCame(Outcome):
    """How a meeting went."""

    outcome: Literal["held", "missed", "moved", "cancelled"]
    starts_at: Moment | None = None  # when it is to be, if it was moved
    minutes: Minutes | None = None
    url: Link | None = None

    @model_validator(mode="after")
    def _says_enough(self) -> MeetingCame:
        if self.outcome == "held" and not self.note:
            raise wrong("missing", "what was shown, and what did they ask? write a note", "note")
        if self.outcome == "moved" and self.starts_at is None:
            raise wrong("missing", "to when was it moved?", "starts_at")
        if self.outcome != "moved" and (self.starts_at or self.minutes or self.url):
            raise wrong("invalid", "a new time is for a meeting that was moved", "starts_at")
        return self
