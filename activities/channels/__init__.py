"""The channels: how a message leaves the house, and the three things that may come of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True)
class Attachment:
    """Something that goes with a message: its file name, its content type, and the text of it."""

    name: str
    type: str  # `text/calendar; method=REQUEST`
    text: str


@dataclass(frozen=True)
class Parcel:
    """What a channel carries to one recipient; what is in the metadata is no secret of anyone's."""

    key: str  # the ledger's: the provider keeps it, to be asked about it
    to: str
    subject: str
    text: str
    html: str | None
    sender: str  # the role that writes
    reference: str = ""  # the message's id
    from_name: str = ""  # who the customer reads it is from
    reply_to: str = ""  # an address that carries the message's token
    unsubscribe: str = ""  # where one click takes the customer off; none: it is no such message
    attachments: tuple[Attachment, ...] = ()  # of an e-mail


@dataclass(frozen=True)
class Accepted:
    """The provider has it, under this id of its own."""

    provider_id: str


class Because(StrEnum):
    """Why the provider surely does not have it, and so what is to be done."""

    ADDRESS = "address"  # nobody can be reached there: never again, and another channel is tried
    MESSAGE = "message"  # it does not carry this message: another channel is tried
    OPTED_OUT = "opted_out"  # the customer told the provider to stop: that is recorded
    ACCOUNT = "account"  # our key, our sender, our contract: the channel pauses for an engineer
    BUSY = "busy"  # too many at once: it says when again
    LATER = "later"  # this one not now: a full mailbox, a server that greets strangers late
    AWAY = "away"  # no connection was made


FOR_NOW = (Because.ACCOUNT, Because.BUSY, Because.LATER, Because.AWAY)


@dataclass(frozen=True)
class Rejected:
    """The provider surely does not have it: for good, or for now."""

    reason: str  # a code: `no_such_number`, `rate_limited`
    because: Because = Because.MESSAGE
    retry_after: timedelta | None = None

    @property
    def later(self) -> bool:
        return self.because in FOR_NOW


class UnknownOutcomeError(Exception):
    """The provider may have it or not: an error of its own, a time-out, a broken line.

    Its text is a code; nothing of the parcel is in it.
    """


class Channel(Protocol):
    """One request for one message, without retries of its own.

    `send` raises `UnknownOutcomeError` when nobody can say what came of it; any other exception
    counts as that, too. Cancelled, it lets go at once: no byte leaves afterwards.
    """

    @property
    def name(self) -> str:
        """What the customer has: `email`, `sms`, `letter`, `call`."""

    @property
    def provider(self) -> str:
        """Who carries it: `sendgrid`, `smtp`, `twilio`, `outbox`, `desk`."""

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

    async def look_up(self, parcel: Parcel, since: datetime) -> tuple[str, ...] | None:
        """The provider's ids for what was given to it since then (real time) under the key.

        None: this provider cannot say. Raises `UnknownOutcomeError` when it does not answer.
        """

    async def close(self) -> None:
        """Let go of what it holds open."""
