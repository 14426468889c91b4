"""An e-mail that somebody wrote to us, taken apart: whatever it is made of, nothing of it is lost.

What is broken is read as far as it goes; the whole stays in the inbox as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from starter.senders import File


@dataclass(frozen=True)
class Returned:
    """A message that was not delivered, as the server that gave it back says."""

    ids: tuple[str, ...]  # the message's own, as it stood in its header
    address: str
    status: str  # by RFC 3463: `5.1.1`
    permanent: bool


@dataclass(frozen=True)
class Head:
    """What an e-mail says of itself."""

    sender: str = ""  # an address in its one form; none that can be read: blank
    to: tuple[str, ...] = ()  # every address it was meant for, by whatever header
    subject: str = ""
    id: str = ""
    answers: tuple[str, ...] = ()  # ids of what it answers, the nearest first
    at: datetime | None = None
    marks: Mapping[str, str] = field(default_factory=dict)  # by which machines give themselves away
    type: str = ""  # the content type of the whole


@dataclass(frozen=True)
class Mail:
    """An e-mail: its head, what it says, and what came with it."""

    head: Head
    text: str = ""
    files: tuple[File, ...] = ()
    left_out: tuple[str, ...] = ()  # codes for what could not be kept or read
    returned: tuple[Returned, ...] = ()
