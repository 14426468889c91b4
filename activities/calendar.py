"""When: contact hours in the customer's zone, office hours and holidays. Pure functions.

A moment is open by what the clock on the wall shows there, so both clock changes need no rule of
their own: the answer can only change where the wall clock reaches a boundary, or jumps.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import holidays
import phonenumbers
from phonenumbers.timezone import time_zones_for_number

from activities.crm.house import HouseRules, Office

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
NOWHERE = "Etc/Unknown"
SEARCHED = 5  # days: a date line may skip one, a clock change may close another


# -- whose clock -----------------------------------------------------------------------


def zone_of(
    time_zone: str | None, phone: str | None, country: str | None, rules: HouseRules
) -> ZoneInfo:
    """The customer's zone: as stated, else where the number is from, else the country's, else
    the house's."""
    if time_zone and (stated := _zone(time_zone)):
        return stated
    for guesses in (_zones_of_number(phone or ""), _zones_of_country((country or "").upper())):
        if guesses:
            return _middle(guesses)
    return ZoneInfo(rules.time_zone)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a directory of the database
        return None


def _middle(names: tuple[str, ...]) -> ZoneInfo:
    """Of several zones the one in the middle: nobody's clock is further from it than need be."""
    zones = [zone for zone in map(_zone, names) if zone]
    winter = datetime(2026, 1, 1, tzinfo=UTC)
    zones.sort(key=lambda zone: (zone.utcoffset(winter) or timedelta(), zone.key))
    return zones[(len(zones) - 1) // 2]


@lru_cache(maxsize=4096)
def _zones_of_number(phone: str) -> tuple[str, ...]:
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return ()
    return tuple(name for name in time_zones_for_number(number) if name != NOWHERE and _zone(name))


@lru_cache(maxsize=1)
def _zone_table() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            found.setdefault(country, []).append(name)
    return {country: tuple(names) for country, names in found.items()}


def _zones_of_country(country: str) -> tuple[str, ...]:
    return tuple(name for name in _zone_table().get(country, ()) if _zone(name))


# -- contact hours ---------------------------------------------------------------------


def open_from(moment: datetime, zone: ZoneInfo, rules: HouseRules, who: str) -> datetime:
    """The moment itself, or when the customer may next be contacted.

    Everybody's doors open a little later than the house rule says, each customer's at a minute of
    their own: so nine o'clock is spread out.
    """
    hours = (_after(rules.contact_opens, _spread(who, rules)), rules.contact_closes)
    if _is_open(moment, zone, *hours):
        return moment
    for turn in _turns(moment, zone, hours):
        if turn >= moment and _is_open(turn, zone, *hours):
            return turn
    raise ValueError("the contact hours never open")


def last_open_before(moment: datetime, zone: ZoneInfo, rules: HouseRules) -> datetime:
    """The last whole minute before the moment in which a customer there may be contacted."""
    hours = (rules.contact_opens, rules.contact_closes)
    if _is_open(moment - MINUTE, zone, *hours):
        return moment - MINUTE
    for turn in reversed(_turns(moment, zone, hours)):
        if turn < moment and _is_open(turn - MINUTE, zone, *hours):
            return turn - MINUTE
    raise ValueError("the contact hours never open")


def slot_in_window(
    opens: datetime, closes: datetime, zone: ZoneInfo, rules: HouseRules, who: str
) -> datetime:
    """The moment within the window that suits best; where nothing suits, its beginning."""
    slot = open_from(opens, zone, rules, who)
    if slot <= closes:
        return slot
    slot = last_open_before(closes, zone, rules)
    return slot if slot >= opens else opens


def _is_open(moment: datetime, zone: ZoneInfo, opens: time, closes: time) -> bool:
    return opens <= moment.astimezone(zone).time() < closes


def _spread(who: str, rules: HouseRules) -> timedelta:
    """This customer's share of the spread: always the same, whole seconds."""
    day = date.min
    longest = datetime.combine(day, rules.contact_closes) - datetime.combine(
        day, rules.contact_opens
    )
    seconds = int(min(rules.spread, longest / 2).total_seconds())
    digest = hashlib.sha256(who.encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:8]) % (seconds + 1))


def _after(wall: time, span: timedelta) -> time:
    return (datetime.combine(date.min, wall) + span).time()


def _turns(moment: datetime, zone: ZoneInfo, walls: tuple[time, ...]) -> list[datetime]:
    """The instants, some days either way, at which an answer may change."""
    here = moment.astimezone(zone).date()
    days = (here + n * DAY for n in range(-SEARCHED, SEARCHED))
    return sorted({turn for day in days for turn in _turns_of(day, zone, walls)})


def _turns_of(day: date, zone: ZoneInfo, walls: tuple[time, ...]) -> set[datetime]:
    """When the wall clock shows one of these on that day, whichever time round, and its jump."""
    found = {
        datetime.combine(day, wall, zone).replace(fold=fold).astimezone(UTC)
        for wall in walls
        for fold in (0, 1)
    }
    if jump := _jump(day, zone):
        found.add(jump)
    return found


def _jump(day: date, zone: ZoneInfo) -> datetime | None:
    """The instant on that day at which the clock is put forward or back."""
    before = datetime.combine(day, time(), UTC) - DAY
    after = before + 3 * DAY
    offset = before.astimezone(zone).utcoffset()
    if after.astimezone(zone).utcoffset() == offset:
        return None
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


# -- office hours ----------------------------------------------------------------------


def office_due(start: datetime, within: timedelta, rules: HouseRules) -> datetime:
    """When something handed over at `start` is due: whole days are working days of the office,
    the rest are hours in which it is open."""
    zone = ZoneInfo(rules.time_zone)
    begin = _office_opens(start, rules)
    for _ in range(within.days):
        local = begin.astimezone(zone)
        day = local.date() + DAY
        while not works(day, rules):
            day += DAY
        begin = _instant(day, local.time(), zone)
    left = within - timedelta(days=within.days)
    while left > timedelta():
        begin = _office_opens(begin, rules)
        day = begin.astimezone(zone).date()
        closes = _instant(day, rules.office_closes, zone)
        if begin + left <= closes:
            return begin + left
        left -= closes - begin
        begin = _instant(day + DAY, time(), zone)
    return begin


def business_window(
    since: datetime, after: int, before: int, office: Office
) -> tuple[datetime, datetime]:
    """From the office's opening on one working day to its closing on another, counted from the day
    of `since` on the office's calendar, which is day 0."""
    zone = ZoneInfo(office.time_zone)
    day, bounds, passed = since.astimezone(zone).date(), {}, 0
    if after == 0:
        bounds[0] = day
    while passed < before:
        day += DAY
        if office_works(day, office):
            passed += 1
            bounds[passed] = day
    first, last = bounds[after], bounds[before]
    return _instant(first, office.opens, zone), _instant(last, office.closes, zone)


def office_works(day: date, office: Office) -> bool:
    return day.weekday() in office.days and day not in office.closed


def works(day: date, rules: HouseRules) -> bool:
    """Whether the office works that day."""
    return day.weekday() in rules.office_days and day not in _holidays(rules.country, day.year)


def _office_opens(moment: datetime, rules: HouseRules) -> datetime:
    """The moment itself, or when the office next opens."""
    zone = ZoneInfo(rules.time_zone)
    day = moment.astimezone(zone).date()
    while True:
        if works(day, rules):
            opens = _instant(day, rules.office_opens, zone)
            if moment < _instant(day, rules.office_closes, zone):
                return max(moment, opens).astimezone(UTC)
        day += DAY


def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """When the wall clock first shows it; what the clock change skips comes right after it."""
    moment = datetime.combine(day, wall, zone).astimezone(UTC)
    if moment.astimezone(zone).time() != wall and (jump := _jump(day, zone)):
        return jump
    return moment


@lru_cache(maxsize=64)
def _holidays(country: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:  # a country the calendar does not know has none
        return frozenset()
