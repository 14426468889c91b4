"""The systems that tell us what happened: how each proves itself, and what it says in our words.

What one of them posts is a *delivery*. It is proved, kept as it came, and answered; it is read
afterwards, from the inbox, and again as often as that takes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from activities.crm.store import Store
from activities.settings import Settings


@dataclass(frozen=True)
class Delivery:
    """What was posted: the bytes as they came, the headers that its sender means, the address."""

    body: bytes
    headers: Mapping[str, str]  # their names in small letters
    query: str = ""  # of the address it was posted to

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    def called(self, key: str, most: int = 200) -> str:
        """By its sender's own id of it; by what it says, where that is none that can be kept."""
        return key if 0 < len(key) <= most and key.isprintable() else self.digest


@dataclass(frozen=True)
class Reply:
    """What a sender hears: most want any 2xx, some a word of their own."""

    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain"


@dataclass(frozen=True)
class File:
    """Something enclosed in what a customer wrote."""

    name: str
    type: str
    content: bytes


@dataclass(frozen=True)
class Reading:
    """One event of ours that a delivery comes to, under an id that its sender repeats."""

    event: dict[str, Any]
    enclosures: tuple[File, ...] = ()


@dataclass(frozen=True)
class Readings:
    """All that a delivery comes to; codes for what is left out of it, and for what is amiss."""

    found: Sequence[Reading] = ()
    left_out: Sequence[str] = ()  # `test_order`, `not_ours`: why nothing comes of a part of it
    failed: Sequence[str] = ()  # what an engineer is to look at; all else is carried out


@dataclass(frozen=True)
class Reader:
    """What a sender may look at to understand a delivery: nothing is written with it."""

    store: Store
    settings: Settings
    now: datetime = field(kw_only=True)  # policy time
    real: datetime = field(kw_only=True)


class NotYetError(Exception):
    """A delivery that cannot be read now, because something else does not answer: later again."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class UnreadableError(Exception):
    """A delivery that nobody will ever read; an engineer looks at it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Sender(Protocol):
    """One system at one address of ours.

    `read` raises `NotYetError` or `UnreadableError`; any other exception is a mistake of ours, and
    the delivery waits as it came until that is mended.
    """

    @property
    def name(self) -> str:
        """The inbox's source: `shopify`."""

    @property
    def path(self) -> str:
        """Where it posts, below `/hooks/`: `sendgrid/events`."""

    @property
    def variable(self) -> str:
        """The setting that proves it; without that the door is shut for now."""

    @property
    def headers(self) -> Sequence[str]:
        """Those that are kept with a delivery, in small letters; none that proves it."""

    @property
    def most(self) -> int:
        """Bytes of a delivery, at most."""

    @property
    def thanks(self) -> Reply:
        """What it hears once a delivery is kept."""

    def is_set_up(self, settings: Settings) -> bool: ...

    def greets(self, delivery: Delivery, settings: Settings) -> Reply | None:
        """The answer to what is no news, and is not kept: a ping, a challenge."""

    def is_genuine(self, delivery: Delivery, settings: Settings, real: datetime) -> bool:
        """Whether this sender said it, and lately. Never raises, whatever is in it."""

    def key(self, delivery: Delivery) -> str:
        """The sender's own id of it; where there is none, one made of what it says."""

    async def read(self, delivery: Delivery, reader: Reader) -> Readings: ...
