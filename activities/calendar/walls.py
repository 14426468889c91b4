"""What the clocks on the walls of a zone show in the course of a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)


class Spell(NamedTuple):
    """A stretch of time, its end not included."""

    start: datetime
    end: datetime


@lru_cache(maxsize=4096)
def spells(day: date, opens: time, closes: time, zone: ZoneInfo) -> tuple[Spell, ...]:
    """When the clock shows that day and from `opens` to before `closes`: one spell, or two where it
    is put back meanwhile, or none where it is put forward over it; some days never were."""
    jumps = _jumps(day, zone)
    if not jumps:
        start, end = (datetime.combine(day, wall, zone).astimezone(UTC) for wall in (opens, closes))
        return (Spell(start, end),)
    walls = [(day, time()), (day, opens), (day, closes), (day + DAY, time())]
    turns = {
        datetime.combine(*wall, zone).replace(fold=fold).astimezone(UTC)
        for wall in walls
        for fold in (0, 1)
    }
    found: list[Spell] = []
    for start, end in pairwise(sorted({*turns, *jumps})):
        local = start.astimezone(zone)
        if local.date() != day or not opens <= local.time() < closes:
            continue
        if found and found[-1].end == start:
            start = found.pop().start  # noqa: PLW2901 - they are one
        found.append(Spell(start, end))
    return tuple(found)


@lru_cache(maxsize=4096)
def _jumps(day: date, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants around that day at which the clock is put forward or back."""
    first = datetime.combine(day, time(), UTC) - DAY
    if (first + 3 * DAY).astimezone(zone).utcoffset() == first.astimezone(zone).utcoffset():
        return ()
    hours = (first + n * HOUR for n in range(3 * 24 + 1))
    return tuple(
        _jump(one, other, zone)
        for one, other in pairwise(hours)
        if one.astimezone(zone).utcoffset() != other.astimezone(zone).utcoffset()
    )


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    offset = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
