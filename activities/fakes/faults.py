"""What a fake provider does wrong, and when: by a list, by odds with a seed, or always.

| fault | SendGrid, Twilio | SMTP: the nearest that its protocol knows | taken |
|---|---|---|---|
| RATE_LIMITED | 429 with Retry-After | 450 4.7.1 to RCPT | no |
| ERROR_BEFORE | 500 | 451 4.3.0 after the message | no |
| ERROR_AFTER | 500 | the line ends after the message, without an answer | yes |
| HANG_BEFORE | never answers | never answers MAIL | no |
| HANG_AFTER | never answers | never answers the message | yes |
| DRIP | answers a byte a second | answers the message a byte a second | yes |
| RESET_BEFORE | RST | RST at MAIL | no |
| RESET_AFTER | RST | RST after the message | yes |
| HALF_JSON | half an object | half an answer, and the line ends | yes |
| HTML | 200 with somebody else's page | a page instead of an answer to MAIL | no |
| EMPTY | no body, none of its own headers | an empty line | yes |
| WRONG_TYPE | JSON of another shape | an answer to another question: 354 | yes |
| HUGE | 10 MB of JSON | 10 MB of one answer | yes |
| REDIRECT | 307 | 551 to RCPT: user not local | no |
| UNAUTHORISED | 401 | 530 to MAIL | no |
| UNAVAILABLE | 503 | 421 to MAIL | no |
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from pydantic import ConfigDict


class Fault(StrEnum):
    RATE_LIMITED = "rate_limited"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    HANG_BEFORE = "hang_before"
    HANG_AFTER = "hang_after"
    DRIP = "drip"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    HALF_JSON = "half_json"
    HTML = "html"
    EMPTY = "empty"
    WRONG_TYPE = "wrong_type"
    HUGE = "huge"
    REDIRECT = "redirect"
    UNAUTHORISED = "unauthorised"
    UNAVAILABLE = "unavailable"

    @property
    def taken(self) -> bool:
        """Whether the provider has the message all the same."""
        return self in TAKEN


TAKEN = frozenset(
    {
        Fault.ERROR_AFTER,
        Fault.HANG_AFTER,
        Fault.DRIP,
        Fault.RESET_AFTER,
        Fault.HALF_JSON,
        Fault.EMPTY,
        Fault.WRONG_TYPE,
        Fault.HUGE,
    }
)


@dataclass
class Script:
    """The faults to come: first those of `next`, then `always`, else by the odds."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    next: deque[Fault] = field(default_factory=deque)
    odds: dict[Fault, float] = field(default_factory=dict)  # the share of each, one at most in all
    always: Fault | None = None
    seed: int = 0
    retry_after: timedelta = timedelta(seconds=2)  # what RATE_LIMITED asks for
    accepting: float = 0.0  # seconds at most until it takes a request, evenly spread,
    answering: float = 0.0  # and from there until it answers

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - no secret: the same each time

    def draw(self) -> Fault | None:
        """What becomes of the next request; None: what should."""
        if self.next:
            return self.next.popleft()
        if self.always is not None:
            return self.always
        point = self._random.random() if self.odds else 1.0
        for fault, share in self.odds.items():
            point -= share
            if point < 0:
                return fault
        return None

    def pause(self, longest: float) -> float:
        return self._random.uniform(0.0, longest) if longest else 0.0
