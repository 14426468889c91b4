"""The calendar against an oracle that walks: every zone there is, around each clock change, offices
with random hours, holidays and days off."""

from __future__ import annotations

import os
from datetime import UTC, datetime, time, timedelta
from itertools import cycle, islice
from random import Random
from zoneinfo import ZoneInfo, available_timezones

from activities.calendar import business_window, last_open_before, office_due, slot_in_window
from activities.crm.house import HouseRules, Office
from tests.activities import oracle
from tests.activities.oracle import DAY, MINUTE, QUARTER, Desk

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
CASES = 200 * DOSE  # of each kind; from a dose of three on, every zone has its turn
YEARS = (2011, *range(2024, 2031))  # Samoa lost a day in 2011
PLACES = """GB GB/SCT GB/NIR US US/CA US/MA DE DE/BY DE/BE AU/NSW AU/VIC CA/QC CH/ZH ES/CT IN/MH
    NP WS AE IL JP BR/SP NZ/AUK ZZ""".split()


def zones(seed: int) -> list[str]:
    """As many as there are cases, none twice before all have had their turn."""
    names = sorted(available_timezones())
    Random(seed).shuffle(names)
    return list(islice(cycle(names), CASES))


def a_moment(dice: Random, zone: str, step: timedelta) -> datetime:
    """Mostly within days of a clock change, if the zone has any that year."""
    year = dice.choice(YEARS)
    changes = oracle.changes(zone, year)
    if changes and dice.random() < 0.8:
        base, days = dice.choice(changes), dice.choice((1, 5))
        start, span = base - days * DAY, 2 * days * DAY
    else:
        start, span = datetime(year, 1, 1, tzinfo=UTC), 365 * DAY
    return start + dice.randrange(span // step) * step


def hours(dice: Random, step: int) -> tuple[time, time]:
    """Usual ones, or any, or those of the night in which clocks are changed."""
    usual = (time(9), time(20))
    if dice.random() < 0.3:
        return usual
    last = 6 * 60 if dice.random() < 0.4 else 24 * 60
    opens, closes = sorted(dice.sample(range(0, last, step), 2))
    return time(*divmod(opens, 60)), time(*divmod(closes, 60))


def a_desk(dice: Random, zone: str, near: datetime) -> Desk:
    country, _, region = dice.choice(PLACES).partition("/")
    opens, closes = hours(dice, 15)
    days = dice.choice(
        [(0, 1, 2, 3, 4), (6, 0, 1, 2, 3), dice.sample(range(7), dice.randint(1, 7))]
    )
    closed = [near.date() + dice.randint(-2, 12) * DAY for _ in range(dice.randint(0, 4))]
    return Desk(country, region, zone, opens, closes, tuple(days), tuple(closed))


def office_of(desk: Desk) -> Office:
    return Office(
        country=desk.country,
        region=desk.region,
        time_zone=desk.zone,
        opens=desk.opens,
        closes=desk.closes,
        days=desk.days,
        closed=desk.closed,
    )


def test_slots_and_last_open_minutes() -> None:
    """Each lies where the walk finds it, whatever the clock does that night."""
    dice = Random(1)
    for name in zones(1):
        zone, (opens, closes) = ZoneInfo(name), hours(dice, 1)
        rules = HouseRules(contact_opens=opens, contact_closes=closes, spread=timedelta())
        start = a_moment(dice, name, MINUTE)
        end = start + dice.choice((0, 30, 600, 1440, 2880)) * MINUTE
        said = (name, start, end, opens, closes)
        found = slot_in_window(start, end, zone, rules, "cus_1")
        assert found == oracle.slot(start, end, zone, (opens, closes)), said
        last = last_open_before(start, zone, rules)
        assert last == oracle.last_before(start, zone, (opens, closes)), said


def test_when_an_office_is_done() -> None:
    """Working days, and hours in which somebody is there."""
    dice = Random(2)
    for name in zones(2):
        start = a_moment(dice, name, QUARTER)
        desk = a_desk(dice, name, start)
        days, quarters = dice.choice((0, 0, 1, 2, 5)), dice.choice((0, 1, 2, 7, 30, 95))
        found = office_due(start, days * DAY + quarters * QUARTER, office_of(desk))
        assert found == oracle.due(start, days, quarters, desk), (start, days, quarters, desk)


def test_windows_of_working_days() -> None:
    """2-5 business days, and others; the purchase is on day 0 of the office's calendar."""
    dice = Random(3)
    for name in zones(3):
        since = a_moment(dice, name, QUARTER)
        desk = a_desk(dice, name, since)
        after = dice.choice((0, 1, 2, 2, 3))
        before = after + dice.choice((0, 1, 3, 3))
        found = business_window(since, after, before, office_of(desk))
        assert found == oracle.window(since, after, before, desk), (since, after, before, desk)
