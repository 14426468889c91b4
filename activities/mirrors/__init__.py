"""Systems outside that are to have rows of ours, too: how each is told of one.

Our tables stay the truth: nothing is read back. A target tells of the row as it stands now, by a
key of ours, so that telling it again changes nothing. What it raises is a code: nothing of the
customer, and nothing of what the system said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlsplit

from activities.crm.tables import Mirror
from activities.systems import LOOPBACK


class TellingError(Exception):
    """It was not told; the text is a code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


Outcome = str | TellingError | None  # what a row is called there, if that is known; or why not


class Target(Protocol):
    """A system that is told."""

    @property
    def system(self) -> str: ...

    @property
    def at_once(self) -> int:
        """How many rows it is told of in one go; customers are never among what is about them."""

    async def tell(self, rows: Sequence[Mirror]) -> Sequence[Outcome]:
        """Tell the system of rows as they stand, and return what became of each. What is not to be
        told, or no longer, is told by saying nothing.

        Takes no longer than a minute. Raises `LaterError`, `RefusedError`, `UnfitError` or
        `AfterError` if it is the same for all of them; whatever else it raises counts as passing.
        """


class LaterError(TellingError):
    """Something passing is in the way: the row is tried again, later and later, and the others go
    on, as long as any gets through. With a wait, the system is asked for nothing at all until it
    is over."""

    def __init__(self, code: str, wait: timedelta | None = None) -> None:
        super().__init__(code)
        self.wait = wait


class RefusedError(TellingError):
    """The system does not take this row as it is: a person is told, and the others go on. It is not
    tried again until it changes, or somebody says so."""


class UnfitError(TellingError):
    """The system takes nothing of ours, because of how we or it are set up: an engineer is told
    what to do, the row keeps its place, and the system is tried again a good while later."""

    def __init__(self, code: str, cure: str) -> None:
        super().__init__(code)
        self.cure = cure


class AfterError(TellingError):
    """It cannot be told before something else is: it waits for that, or looks again in a day."""


def is_fit(url: str) -> bool:
    """Whether keys and customers may be sent there: over closed lines, or to this machine."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.username is None
    except ValueError:
        return False
    return named and (parts.scheme == "https" or parts.hostname in LOOPBACK)
