"""What is said beside a clause: why, how late, in how long; the same in terminal and console."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.clock import Clock
from starter.reports import words
from starter.reports.checklist import BREATH
from starter.reports.objects import ChecklistLine, FollowUp
from workflows.vocabulary import State

OPEN = ("running", "on_hold")
PRESSING = (State.BLOCKED, State.LATE, State.HELD, State.WAITING, State.NEXT)


@dataclass(frozen=True)
class Today:
    """The moment by policy time, and how much of it a machine needs to take a step."""

    now: datetime
    breath: timedelta


def today(clock: Clock) -> Today:
    return Today(clock.now(), max(BREATH * clock.pace.factor, timedelta(minutes=1)))


def remark(line: ChecklistLine, day: Today) -> str:
    """Why the clause stands where it stands, and its hurry."""
    parts = [words.reason(line.reason)] if line.reason else []
    late = timedelta(seconds=line.late_by_seconds)
    if late > day.breath:
        parts.append(f"{span(late)} late")
    if line.state in (State.NEXT, State.WAITING) and line.due_at and line.due_at > day.now:
        parts.append(f"in {span(line.due_at - day.now)}")
    return ", ".join(parts)


def span(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{time.days} days"


def pressing(one: FollowUp) -> ChecklistLine | None:
    """The clause that most wants attention now, or comes next; none once it is over."""
    lines = [line for line in one.checklist if line.state in PRESSING]
    if not lines or one.state not in OPEN:
        return None
    return min(lines, key=lambda line: PRESSING.index(line.state))
