"""Office hours: working days, holidays, and when something that an office does is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from activities.calendar.walls import DAY, Spell, spells
from activities.crm.house import HouseRules, Office

LONGEST = 400  # days: an office that has not worked for so long has no days off


def office_due(start: datetime, within: timedelta, office: Office | HouseRules) -> datetime:
    """When something handed over at `start` is due: whole days are working days of the office,
    the rest are hours in which it is open. House rules stand for their own office."""
    at = _office(office)
    zone, begin = ZoneInfo(at.time_zone), _open_from(start, at)
    if within.days > 0:
        local = begin.astimezone(zone)
        begin = _at(local.time(), _working_day(local.date(), within.days, at), at)
    left = within - timedelta(days=within.days)
    if not left:
        return begin
    hours = _hours_from(begin, at)
    spell = next(hours)
    while left > spell.end - spell.start:
        left -= spell.end - spell.start
        spell = next(hours)
    return spell.start + left


def business_window(
    since: datetime, after: int, before: int, office: Office
) -> tuple[datetime, datetime]:
    """From the office's opening on one working day to its closing on another, counted from the day
    of `since` on the office's calendar, which is day 0."""
    today = since.astimezone(ZoneInfo(office.time_zone)).date()
    opens = closes = since
    if after > 0:
        opens = _hours_of(_working_day(today, after, office), office)[0].start
    last = _working_day(today, max(before, after), office)
    if before > 0 or works(last, office):  # else nobody comes on day 0
        closes = max([closes, *(spell.end for spell in _hours_of(last, office))])
    return opens.astimezone(UTC), max(opens, closes).astimezone(UTC)


def works(day: date, office: Office | HouseRules) -> bool:
    """Whether the office works that day."""
    at = _office(office)
    free = day in at.closed or day in _holidays(at.country, at.region, day.year)
    return day.weekday() in at.days and not free


def _office(office: Office | HouseRules) -> Office:
    return office.home if isinstance(office, HouseRules) else office


def _working_day(day: date, count: int, office: Office) -> date:
    """The so-manieth working day after this one."""
    for _ in range(count):
        day = _next_day(day, office)
    return day


def _next_day(day: date, office: Office) -> date:
    """The office's next working day; were there none for a year, the next it has hours on."""
    for holidays_count in (True, False):
        for ahead in range(1, LONGEST):
            one = day + ahead * DAY
            if _hours_of(one, office) and (works(one, office) or not holidays_count):
                return one
    raise ValueError("the office never works")


def _hours_of(day: date, office: Office) -> tuple[Spell, ...]:
    """The office's hours on that day of the week, if there is such a day."""
    if day.weekday() not in office.days:
        return ()
    return spells(day, office.opens, office.closes, ZoneInfo(office.time_zone))


def _hours_from(moment: datetime, office: Office) -> Iterator[Spell]:
    """The office's hours from the moment on, in their order."""
    day = moment.astimezone(ZoneInfo(office.time_zone)).date() - 2 * DAY
    while True:
        day = _next_day(day, office)
        for start, end in _hours_of(day, office):
            if end > moment:
                yield Spell(max(moment, start), end)


def _open_from(moment: datetime, office: Office) -> datetime:
    """The moment itself, or when the office next opens."""
    return next(_hours_from(moment, office)).start.astimezone(UTC)


def _at(wall: time, day: date, office: Office) -> datetime:
    """When the clock in the office first shows that, or more, on a day it works."""
    zone = ZoneInfo(office.time_zone)
    later = spells(day, wall, time.max, zone)
    return later[0].start if later else _hours_of(day, office)[-1].end


@lru_cache(maxsize=256)
def _holidays(country: str, region: str, year: int) -> frozenset[date]:
    """A country the calendar does not know has none, a region it does not know its country's."""
    for subdivision in (region or None, None):
        try:
            return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year))
        except NotImplementedError:
            continue
    return frozenset()
