"""A calendar that only looks: it walks through time step by step and reads the clock on the wall.

It shares nothing with the real one but the data of zones and holidays, so it may judge it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

MINUTE, QUARTER, HOUR = timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Desk:
    """An office as the oracle sees it; hours are in whole quarters."""

    country: str
    region: str
    zone: str
    opens: time
    closes: time
    days: tuple[int, ...]
    closed: tuple[date, ...]

    def is_manned(self, local: datetime) -> bool:
        day = local.date()
        return (
            self.opens <= local.time() < self.closes
            and local.weekday() in self.days
            and day not in self.closed
            and day not in days_off(self.country, self.region)
        )


@cache
def days_off(country: str, region: str) -> Container[date]:
    if country == "ZZ":  # no such country, so no calendar
        return ()
    return holidays.country_holidays(country, subdiv=region or None)


def walk(moment: datetime, step: timedelta, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Each instant from there on, and what the clock shows then."""
    while True:
        yield moment, moment.astimezone(zone)
        moment += step


def slot(opens: datetime, closes: datetime, zone: ZoneInfo, hours: tuple[time, time]) -> datetime:
    """The first minute of the window within the hours; none: its beginning."""
    for moment, local in walk(opens, MINUTE, zone):
        if moment > closes:
            return opens
        if hours[0] <= local.time() < hours[1]:
            return moment
    raise AssertionError


def last_before(moment: datetime, zone: ZoneInfo, hours: tuple[time, time]) -> datetime:
    for earlier, local in walk(moment - MINUTE, -MINUTE, zone):
        if hours[0] <= local.time() < hours[1]:
            return earlier
    raise AssertionError


def due(start: datetime, days: int, quarters: int, desk: Desk) -> datetime:
    """Work begins when somebody is there; so many working days on, at that time of day; then so
    many quarters of an hour in which somebody is there."""
    zone = ZoneInfo(desk.zone)
    begin, local = next(pair for pair in walk(start, QUARTER, zone) if desk.is_manned(pair[1]))
    if days:
        first, _ = manned(begin, days, desk)[days - 1]
        day, wall = first.astimezone(zone).date(), local.time()
        begin = reached(first, day, wall, desk)
    if not quarters:
        return begin
    for moment, local in walk(begin, QUARTER, zone):
        quarters -= desk.is_manned(local)
        if not quarters:
            return moment + QUARTER
    raise AssertionError


def reached(first: datetime, day: date, wall: time, desk: Desk) -> datetime:
    """When the clock shows that or more on the day that has its first manned quarter there; else
    the end of its last."""
    last = first
    for moment, local in walk(first, QUARTER, ZoneInfo(desk.zone)):
        if local.date() == day and local.time() >= wall:
            return moment
        if desk.is_manned(local) and local.date() == day:
            last = moment + QUARTER
        if moment > first + 2 * DAY:
            return last
    raise AssertionError


def manned(since: datetime, count: int, desk: Desk) -> list[tuple[datetime, datetime]]:
    """Of so many days after this one on which somebody is there: the first instant and the last."""
    zone = ZoneInfo(desk.zone)
    today, found = since.astimezone(zone).date(), dict[date, tuple[datetime, datetime]]()
    for moment, local in walk(since, QUARTER, zone):
        day = local.date()
        if day > today and desk.is_manned(local):
            found[day] = (found.get(day, (moment, moment))[0], moment + QUARTER)
        if len(found) > count:
            break
    return [found[day] for day in sorted(found)][:count]


def window(since: datetime, after: int, before: int, desk: Desk) -> tuple[datetime, datetime]:
    """From the first manned quarter of one working day to the last of another; today is day 0."""
    zone = ZoneInfo(desk.zone)
    days = manned(since, before, desk)
    opens = days[after - 1][0] if after else since
    if before:
        return opens, days[before - 1][1]
    today = since.astimezone(zone).date()
    rest = [
        moment + QUARTER
        for moment, local in quarters_until(since - DAY, since + 2 * DAY, zone)
        if local.date() == today and desk.is_manned(local)
    ]
    return opens, max([since, *rest])


def quarters_until(
    moment: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    for pair in walk(moment, QUARTER, zone):
        if pair[0] >= end:
            return
        yield pair


@cache
def changes(name: str, year: int) -> tuple[datetime, ...]:
    """The hours of a year in which the zone's clock is put forward or back."""
    zone, first = ZoneInfo(name), datetime(year, 1, 1, tzinfo=UTC)
    found = []
    for day in range(366):
        noon = first + day * DAY
        if noon.astimezone(zone).utcoffset() != (noon + DAY).astimezone(zone).utcoffset():
            hours = (noon + n * HOUR for n in range(24))
            found += [
                hour
                for hour in hours
                if hour.astimezone(zone).utcoffset() != (hour + HOUR).astimezone(zone).utcoffset()
            ]
    return tuple(found)
