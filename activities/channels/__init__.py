"""The channels: how a message leaves the house, and the three things that may come of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True)
class Parcel:
    """What a channel carries; the provider gets the key as metadata, to be asked about it."""

    key: str
    to: str
    subject: str
    text: str
    html: str | None
    sender: str  # the role that writes


@dataclass(frozen=True)
class Accepted:
    """The provider has it, under this id of its own."""

    provider_id: str


@dataclass(frozen=True)
class Rejected:
    """The provider surely does not have it: for good, or for now (`later`)."""

    reason: str  # a code
    later: bool = False
    retry_after: timedelta | None = None


class UnknownOutcomeError(Exception):
    """The provider may have it or not: an error of its own, a time-out, a broken line."""


class Channel(Protocol):
    """One request for one message, without retries of its own.

    `send` raises `UnknownOutcomeError` when nobody can say what came of it; any other exception
    counts as that, too.
    """

    @property
    def name(self) -> str:
        """`email`, `sms`, `letter`."""

    @property
    def deadline(self) -> timedelta:
        """How long an attempt may take, from the gate's yes to the provider's answer: real time."""

    @property
    def quarantine(self) -> timedelta:
        """How long after the deadline the provider may still take what it was given."""

    @property
    def lag(self) -> timedelta:
        """How far apart two look-ups must lie, so that both finding nothing means something."""

    @property
    def conclusive(self) -> bool:
        """Whether what the look-up does not find was never taken, beyond doubt."""

    async def send(self, parcel: Parcel) -> Accepted | Rejected: ...

    async def look_up(self, key: str) -> tuple[str, ...] | None:
        """The provider's ids for the key; None: this provider cannot say."""
