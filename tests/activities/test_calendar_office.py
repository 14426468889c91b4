"""Office hours in examples: what a deadline is called in plain words, in every sort of place."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from activities.calendar import (
    business_window,
    last_open_before,
    office_due,
    slot_in_window,
    works,
)
from activities.crm.house import HouseRules, Office

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONDON, EDINBURGH = Office(), Office(region="SCT")
MUNICH = Office(country="DE", region="BY", time_zone="Europe/Berlin")
KATHMANDU = Office(country="NP", time_zone="Asia/Kathmandu", days=(6, 0, 1, 2, 3, 4))
DAILY = tuple(range(7))
LORD_HOWE = Office(country="AU", region="NSW", time_zone="Australia/Lord_Howe", days=DAILY)
APIA = Office(country="WS", time_zone="Pacific/Apia", days=DAILY)


def there(office: Office, *moment: int) -> datetime:
    return datetime(*moment, tzinfo=ZoneInfo(office.time_zone))  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("office", "start", "within", "expected"),
    [
        # Half an hour of Friday is left, the other half is Monday's.
        (LONDON, (2026, 11, 27, 16, 30), HOUR, (2026, 11, 30, 9, 30)),
        (LONDON, (2026, 11, 27, 16, 30), DAY, (2026, 11, 30, 16, 30)),
        (LONDON, (2026, 11, 28, 12), HOUR, (2026, 11, 30, 10)),
        # Both clock changes happen on a Sunday night, and nobody is there.
        (LONDON, (2026, 3, 27, 16, 30), HOUR, (2026, 3, 30, 9, 30)),
        (LONDON, (2026, 10, 23, 16, 30), HOUR, (2026, 10, 26, 9, 30)),
        # St Andrew's Day is kept in Scotland alone, Epiphany in Bavaria.
        (LONDON, (2026, 11, 27, 16, 30), 2 * HOUR, (2026, 11, 30, 10, 30)),
        (EDINBURGH, (2026, 11, 27, 16, 30), 2 * HOUR, (2026, 12, 1, 10, 30)),
        (MUNICH, (2026, 1, 5, 16), 2 * HOUR, (2026, 1, 7, 10)),
        # Kathmandu rests on Saturday; its clock is 5:45 ahead.
        (KATHMANDU, (2026, 11, 27, 16, 30), HOUR, (2026, 11, 29, 9, 30)),
        # Lord Howe's clock is put forward by half an hour, at two on a Sunday morning.
        (LORD_HOWE, (2026, 10, 3, 16, 30), HOUR, (2026, 10, 4, 9, 30)),
        # Samoa skipped the 30th of December 2011: after Thursday came Saturday.
        (APIA, (2011, 12, 29, 16, 30), HOUR, (2011, 12, 31, 9, 30)),
        (APIA, (2011, 12, 29, 12), DAY, (2011, 12, 31, 12)),
    ],
)
def test_when_it_is_due(
    office: Office, start: tuple[int, ...], within: timedelta, expected: tuple[int, ...]
) -> None:
    assert office_due(there(office, *start), within, office) == there(office, *expected)


def test_an_office_that_works_at_night_lives_through_clock_changes() -> None:
    """What is skipped is not worked; what comes twice is worked twice."""
    nights = Office(opens=time(0), closes=time(4), days=tuple(range(7)), country="ZZ")
    spring, autumn = there(nights, 2026, 3, 29), there(nights, 2026, 10, 25)
    assert office_due(spring, 3 * HOUR, nights) == datetime(2026, 3, 29, 3, tzinfo=UTC)
    assert office_due(spring, 4 * HOUR, nights) == there(nights, 2026, 3, 30, 1)
    assert office_due(autumn, 5 * HOUR, nights) == there(nights, 2026, 10, 25, 4)


@pytest.mark.parametrize(
    ("office", "bought", "opens", "closes"),
    [
        # Monday: Wednesday morning to next Monday evening.
        (LONDON, (2026, 11, 23, 11), (2026, 11, 25, 9), (2026, 11, 30, 17)),
        (EDINBURGH, (2026, 11, 23, 11), (2026, 11, 25, 9), (2026, 12, 1, 17)),
        # Friday evening, Saturday and Sunday are followed by the same days.
        (LONDON, (2026, 11, 27, 23), (2026, 12, 1, 9), (2026, 12, 4, 17)),
        (LONDON, (2026, 11, 29, 23), (2026, 12, 1, 9), (2026, 12, 4, 17)),
        # The day of the purchase is that of the office: in Kathmandu it is Saturday already.
        (KATHMANDU, (2026, 11, 28, 0, 30), (2026, 11, 30, 9), (2026, 12, 3, 17)),
        (APIA, (2011, 12, 28, 12), (2011, 12, 31, 9), (2012, 1, 5, 17)),
    ],
)
def test_two_to_five_business_days(
    office: Office, bought: tuple[int, ...], opens: tuple[int, ...], closes: tuple[int, ...]
) -> None:
    found = business_window(there(office, *bought), 2, 5, office)
    assert found == (there(office, *opens), there(office, *closes))


def test_the_customers_evening_is_respected_within_the_offices_window() -> None:
    """For a customer in Kathmandu the window of a London office opens in their afternoon."""
    opens, closes = business_window(there(LONDON, 2026, 11, 23, 11), 2, 5, LONDON)
    zone, rules = ZoneInfo("Asia/Kathmandu"), HouseRules(spread=timedelta())
    assert slot_in_window(opens, closes, zone, rules, "cus_1") == opens
    night = opens + 7 * HOUR  # a quarter to ten there
    found = slot_in_window(night, closes, zone, rules, "cus_1").astimezone(zone)
    assert (found.day, found.time()) == (26, time(9))


def test_three_to_five_days_after_delivery_fall_into_the_customers_day() -> None:
    """Delivered late in the evening, they are asked in a morning; weekends count."""
    delivered = datetime(2026, 11, 20, 22, tzinfo=UTC)
    zone, rules = ZoneInfo("Europe/London"), HouseRules(spread=timedelta())
    slot = slot_in_window(delivered + 3 * DAY, delivered + 5 * DAY, zone, rules, "cus_1")
    assert slot == datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_the_last_open_minute_before_a_promise() -> None:
    """Also in the night in which the clock is changed."""
    zone, rules = ZoneInfo("Europe/London"), HouseRules()
    evening = datetime(2026, 10, 25, 21, 30, tzinfo=UTC)
    assert last_open_before(evening, zone, rules) == datetime(2026, 10, 25, 19, 59, tzinfo=UTC)
    night = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert last_open_before(night, zone, rules) == datetime(2026, 10, 24, 18, 59, tzinfo=UTC)


def test_an_office_that_never_works_keeps_its_hours_all_the_same() -> None:
    """Every Friday of two years is off: what is promised is due within a year, not never."""
    fridays = tuple(date(2026, 11, 27) + n * 7 * DAY for n in range(120))
    office = Office(days=(4,), closed=fridays)
    assert not works(fridays[0], office)
    assert office_due(there(office, 2026, 11, 23, 12), HOUR, office) == there(
        office, 2026, 11, 27, 10
    )
    opens, _ = business_window(there(office, 2026, 11, 23, 12), 2, 5, office)
    assert opens == there(office, 2026, 12, 4, 9)


def test_a_region_unknown_to_the_calendar_has_its_countrys_holidays() -> None:
    assert not works(date(2026, 12, 25), Office(region="XX"))
    assert works(date(2026, 12, 25), Office(country="XX"))


def test_a_customer_belongs_to_the_office_that_serves_their_country() -> None:
    """Else to the house's own; a name given goes first."""
    rules = HouseRules(offices={"munich": Office(country="DE", serves=("DE", "AT"))}, region="SCT")
    assert rules.office("AT") == rules.office(name="munich") == rules.office("at")
    assert rules.office("FR") == rules.office(None) == rules.home
    assert rules.home.region == "SCT"
