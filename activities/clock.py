"""What time it is for the procedures; nothing else in `activities/` asks the machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

from workflows.vocabulary import Pace


class Clock(Protocol):
    pace: Pace

    def now(self) -> datetime:
        """Policy time: what procedures, contact hours and records go by."""

    def real(self) -> datetime:
        """Real time: what leases and deadlines of requests go by."""


class SystemClock:
    """The machine's clock, at the data directory's pace."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()

    def now(self) -> datetime:
        return self.pace.now(self.real())

    def real(self) -> datetime:
        return datetime.now(UTC)


def since_boot() -> float:
    """Seconds since boot: nobody can set this clock, and it goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
