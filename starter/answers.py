"""What the desk answers: effects, receipts, and refusals with a stable code."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Effect:
    """What came of an event for one follow-up, or for none.

    `started`, `signalled`, `already`, `recorded`, `parked`, `queued` (Temporal is yet to hear it),
    `none` with its reason.
    """

    follow_up: str | None
    effect: str
    reason: str | None = None


@dataclass(frozen=True)
class Problem:
    """Why something was refused: for machines the code, for people the detail."""

    code: str
    detail: str
    param: str | None = None
    status: int = 422


@dataclass(frozen=True)
class Receipt:
    """What came of one event; `customer` is our id for whom it was about, when known."""

    event: str
    effects: list[Effect] = field(default_factory=list)
    error: Problem | None = None
    customer: str | None = None

    @property
    def queued(self) -> bool:
        """Whether something is yet to be told to Temporal: the API answers 202."""
        return any(effect.effect == "queued" for effect in self.effects)


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an accident
    """What a door says no to; its text is ours, never what was found inside."""

    def __init__(
        self, code: str, detail: str, *, param: str | None = None, status: int = 422
    ) -> None:
        super().__init__(code)
        self.code, self.detail, self.param, self.status = code, detail, param, status

    @property
    def problem(self) -> Problem:
        return Problem(self.code, self.detail, self.param, self.status)
