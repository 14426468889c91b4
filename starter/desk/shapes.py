"""What every form that closes a task has, and what is said of a call."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, StrictBool
from pydantic_core import PydanticCustomError

from starter.intake.patches import Name, StrictModel, Words

Method = Literal["email", "sms", "phone", "letter", "chat", "form"]
NOT_SAID = "n/a"


def _said(score: object) -> float | str:
    if score == NOT_SAID:
        return NOT_SAID
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 100:
        raise PydanticCustomError("score_out_of_range", "A score is 0 to 100, or n/a")
    return float(score)


Scored = Annotated[float | str, BeforeValidator(_said)]


class Outcome(StrictModel):
    """What every form may have: a note for the customer's history, and what is to be done."""

    note: Words | None = None
    actions: Words | None = None
    method: Method | None = None  # how the customer was in touch


class Call(Outcome):
    """A call: whether they were reached, their scores, what they said."""

    reached: Literal["yes", "no", "voicemail"]
    product: Scored | None = None
    overall: Scored | None = None
    comment: Words | None = None
    category: Name | None = None
    urgency: Literal["low", "medium", "high", "critical"] | None = None
    escalate: StrictBool = False  # a complaint is made of it

    @property
    def scores(self) -> dict[str, float]:
        said = {"product": self.product, "overall": self.overall}
        return {name: score for name, score in said.items() if isinstance(score, float)}


def wrong(code: str, words: str, param: str) -> PydanticCustomError:
    return PydanticCustomError(code, words, {"param": param})
