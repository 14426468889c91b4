"""What a fake provider accepted: kept in a file that only grows, so that no restart forgets it."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from activities.clock import SystemClock

_clock = SystemClock()


@dataclass(frozen=True)
class Taken:
    """One message to one recipient, as the provider has it."""

    id: str  # the provider's own
    key: str  # the ledger's, or the message's id: what the request carries; else empty
    to: str
    subject: str
    text: str
    at: datetime
    raw: bytes  # the request's body, or the message: as it came over the wire


class Book:
    """The file, and all that is in it."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.all: list[Taken] = []
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self.all += _read(file)

    def take(self, *messages: Taken) -> None:
        """Theirs from now on: written before anybody is told."""
        if self._file is not None:
            with self._file.open("ab") as file:
                file.write(b"".join(map(_line, messages)))
        self.all += messages

    def shown(self, lag: timedelta) -> list[Taken]:
        """What a look-up finds by now, newest first: an index comes later than the message."""
        until = now() - lag
        return [one for one in reversed(self.all) if one.at <= until]


def now() -> datetime:
    """A provider's clock runs at the world's pace, whatever ours does."""
    return _clock.real()


def token(length: int) -> str:
    """Hexadecimal, for an id."""
    return secrets.token_hex(length)[:length]


def _line(one: Taken) -> bytes:
    row = {**asdict(one), "at": one.at.isoformat(), "raw": one.raw.decode("latin-1")}
    return json.dumps(row).encode() + b"\n"


def _read(file: Path) -> list[Taken]:
    """All whole lines; half a one was never confirmed to anybody, and goes."""
    if not file.exists():
        return []
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        file.write_bytes(whole)
    return [_taken(line) for line in whole.splitlines()]


def _taken(line: bytes) -> Taken:
    row = json.loads(line)
    at, raw = datetime.fromisoformat(row["at"]), row["raw"].encode("latin-1")
    return Taken(**{**row, "at": at, "raw": raw})
