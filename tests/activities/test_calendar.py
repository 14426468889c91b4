"""The calendar against an oracle that walks from minute to minute and looks at the wall clock."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.calendar import (
    last_open_before,
    office_due,
    open_from,
    slot_in_window,
    works,
    zone_of,
)
from activities.crm.house import HouseRules

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# Both hemispheres, half hours, a change at midnight, a lost day, four changes a year.
ZONES = """Europe/London America/New_York Australia/Lord_Howe Asia/Kathmandu America/Havana
    Pacific/Apia Africa/Casablanca Asia/Beirut America/Santiago Pacific/Chatham UTC""".split()
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 3, 8, 5, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC),
    datetime(2026, 2, 15, 2, tzinfo=UTC),
    datetime(2024, 2, 29, 12, tzinfo=UTC),
]

zones = st.sampled_from([ZoneInfo(name) for name in ZONES])
near_a_change = st.builds(
    lambda change, minutes: change + minutes * MINUTE,
    st.sampled_from(CHANGES),
    st.integers(-3 * 1440, 3 * 1440),
)
any_time = st.integers(0, 5 * 365 * 1440).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + minutes * MINUTE
)
moments = st.one_of(near_a_change, any_time)


@st.composite
def hours(draw: st.DrawFn) -> tuple[time, time]:
    opens = draw(st.integers(0, 1438))
    closes = draw(st.integers(opens + 1, 1439))
    return time(opens // 60, opens % 60), time(closes // 60, closes % 60)


@st.composite
def contact_rules(draw: st.DrawFn) -> HouseRules:
    opens, closes = draw(st.one_of(st.just((time(9), time(20))), hours()))
    return HouseRules(contact_opens=opens, contact_closes=closes, spread=timedelta())


def is_open(moment: datetime, zone: ZoneInfo, rules: HouseRules) -> bool:
    return rules.contact_opens <= moment.astimezone(zone).time() < rules.contact_closes


# -- contact hours ------------------------------------------------------------------------


@settings(max_examples=150 * DOSE, deadline=None)
@given(moments, zones, contact_rules())
def test_the_next_open_moment(moment: datetime, zone: ZoneInfo, rules: HouseRules) -> None:
    """None is passed over, and none that is not open is named."""
    expected = moment
    while not is_open(expected, zone, rules):
        expected += MINUTE
    assert open_from(moment, zone, rules, "cus_1") == expected


@settings(max_examples=150 * DOSE, deadline=None)
@given(moments, zones, contact_rules())
def test_the_last_open_moment(moment: datetime, zone: ZoneInfo, rules: HouseRules) -> None:
    expected = moment - MINUTE
    while not is_open(expected, zone, rules):
        expected -= MINUTE
    assert last_open_before(moment, zone, rules) == expected


@settings(max_examples=150 * DOSE, deadline=None)
@given(moments, zones, st.integers(0, 10_000), st.integers(0, 120))
def test_everybodys_doors_open_a_little_apart(
    moment: datetime, zone: ZoneInfo, number: int, spread: int
) -> None:
    """At a second of their own within the spread; asked again at that moment, it is now."""
    rules = HouseRules(spread=timedelta(minutes=spread))
    who = f"cus_{number}"
    found = open_from(moment, zone, rules, who)
    assert open_from(found, zone, rules, who) == found >= moment
    assert is_open(found, zone, rules)
    wide = open_from(moment, zone, HouseRules(spread=timedelta()), who)
    assert wide <= found <= wide + rules.spread or moment == found


def test_the_spread_is_even() -> None:
    """Of a thousand customers no minute has more than twice its share."""
    opening = datetime(2026, 11, 23, 9, tzinfo=UTC)
    rules, zone = HouseRules(), ZoneInfo("Europe/London")
    minutes = [
        int((open_from(opening, zone, rules, f"cus_{n}") - opening) / MINUTE) for n in range(1000)
    ]
    assert max(minutes.count(minute) for minute in set(minutes)) < 2 * 1000 / 30
    assert len(set(minutes)) >= 30


@settings(max_examples=150 * DOSE, deadline=None)
@given(moments, st.integers(0, 3 * 1440), zones)
def test_a_slot_lies_in_its_window(opens: datetime, minutes: int, zone: ZoneInfo) -> None:
    """Always within it; open if any minute of it is; the first that is."""
    rules, closes = HouseRules(spread=timedelta()), opens + minutes * MINUTE
    slot = slot_in_window(opens, closes, zone, rules, "cus_1")
    assert opens <= slot <= closes
    walk = (opens + n * MINUTE for n in range(minutes + 1))
    assert slot == next((moment for moment in walk if is_open(moment, zone, rules)), opens)


def test_a_window_that_ends_before_my_door_opens_takes_the_last_open_minute() -> None:
    zone, rules = ZoneInfo("Europe/London"), HouseRules(spread=2 * HOUR)
    nine = datetime(2026, 11, 23, 9, tzinfo=UTC)
    late = next(f"c{n}" for n in range(99) if open_from(nine, zone, rules, f"c{n}") > nine + HOUR)
    assert slot_in_window(nine, nine + HOUR, zone, rules, late) == nine + HOUR - MINUTE


# -- office hours ---------------------------------------------------------------------------

OFFICES = [("GB", "Europe/London"), ("US", "America/New_York"), ("AE", "Asia/Dubai")]


@st.composite
def office_rules(draw: st.DrawFn) -> HouseRules:
    country, zone = draw(st.sampled_from(OFFICES))
    days = draw(st.sampled_from([(0, 1, 2, 3, 4), (6, 0, 1, 2, 3), (2,)]))
    opens, closes = draw(st.sampled_from([(time(9), time(17, 30)), (time(3, 30), time(23))]))
    hours = {"office_opens": opens, "office_closes": closes, "office_days": days}
    return HouseRules(country=country, time_zone=zone, **hours)


@cache
def days_off(country: str, year: int) -> set[date]:
    return set(holidays.country_holidays(country, years=year))


def office_is_open(moment: datetime, rules: HouseRules) -> bool:
    local = moment.astimezone(ZoneInfo(rules.time_zone))
    works_today = local.weekday() in rules.office_days and local.date() not in days_off(
        rules.country, local.year
    )
    return works_today and rules.office_opens <= local.time() < rules.office_closes


@settings(max_examples=40 * DOSE, deadline=None)
@given(moments.filter(lambda moment: moment.year > 2020), st.integers(1, 20 * 60), office_rules())
def test_hours_of_the_office(start: datetime, minutes: int, rules: HouseRules) -> None:
    """Each minute in which the office is open counts, and no other."""
    moment, left = start, minutes if minutes < 1440 else 1439
    while left:
        left -= office_is_open(moment, rules)
        moment += MINUTE
    within = timedelta(minutes=min(minutes, 1439))
    assert office_due(start, within, rules) == moment


@settings(max_examples=60 * DOSE, deadline=None)
@given(moments.filter(lambda moment: moment.year > 2020), st.integers(0, 12), office_rules())
def test_days_of_the_office(start: datetime, days: int, rules: HouseRules) -> None:
    """The same time of day, so many working days later; what starts outside starts at opening."""
    zone = ZoneInfo(rules.time_zone)
    while days and not office_is_open(start, rules):
        start += MINUTE
    day = start.astimezone(zone).date()
    for _ in range(days):
        day += DAY
        while not works(day, rules):
            day += DAY
    found = office_due(start, timedelta(days=days), rules).astimezone(zone)
    if days:
        assert found.date() == day
        wall = start.astimezone(zone).time()
        assert found.time() >= wall
        assert found.time() == wall or found - HOUR < datetime.combine(day, wall, zone)


def test_a_weekend_and_a_holiday_are_no_office_time() -> None:
    """Christmas 2026 falls on a Friday, and Boxing Day is kept on Monday."""
    thursday = datetime(2026, 12, 24, 16, 30, tzinfo=UTC)
    rules = HouseRules()
    assert office_due(thursday, timedelta(hours=2), rules) == datetime(
        2026, 12, 29, 10, 30, tzinfo=UTC
    )
    assert office_due(thursday, DAY, rules) == datetime(2026, 12, 29, 16, 30, tzinfo=UTC)
    assert office_due(thursday + 2 * DAY, DAY, rules) == datetime(2026, 12, 30, 9, tzinfo=UTC)


def test_a_country_without_a_calendar_has_no_holidays() -> None:
    assert works(date(2026, 12, 25), HouseRules(country="XX"))


# -- whose clock -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time_zone", "phone", "country", "expected"),
    [
        ("Asia/Tokyo", "+12125550100", "DE", "Asia/Tokyo"),
        (None, "+12125550100", "DE", "America/New_York"),
        (None, "+14155550100", None, "America/Los_Angeles"),
        ("No/Where", "+4915112345678", None, "Europe/Berlin"),
        ("../etc/passwd", None, "NZ", "Pacific/Auckland"),
        ("America", None, "jp", "Asia/Tokyo"),
        (None, "nonsense", "FR", "Europe/Paris"),
        (None, "+883510000000", None, "Europe/London"),
        (None, None, "ZZ", "Europe/London"),
        (None, None, None, "Europe/London"),
    ],
)
def test_whose_clock(
    time_zone: str | None, phone: str | None, country: str | None, expected: str
) -> None:
    """As stated; else by the number; else by the country; else the house's."""
    assert zone_of(time_zone, phone, country, HouseRules()).key == expected


@pytest.mark.parametrize(("country", "hours"), [("US", -6), ("AU", 10), ("BR", -3), ("RU", 7)])
def test_of_many_zones_the_one_in_the_middle(country: str, hours: int) -> None:
    """So that nobody's clock is far from the one that is gone by."""
    zone = zone_of(None, None, country, HouseRules())
    offset = zone.utcoffset(datetime(2026, 1, 1, tzinfo=UTC))
    assert offset is not None
    assert abs(offset - hours * HOUR) <= HOUR


@pytest.mark.parametrize(
    "change",
    [
        {"contact_opens": time(20), "contact_closes": time(9)},
        {"office_opens": time(9), "office_closes": time(9)},
        {"office_days": ()},
        {"office_days": (7,)},
        {"time_zone": "Mars/Olympus"},
    ],
)
def test_house_rules_that_never_open_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"hours|zone|item|less"):
        HouseRules.model_validate(change)
