"""How long a request about data may take: one month, three at most, by the office's calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.crm.privacy import EXTENDED, MONTHS, due

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("received", "months", "until"),
    [
        ("2026-11-23T12:00+01:00", 1, "2026-12-23"),
        ("2026-12-23T12:00+01:00", 1, "2027-01-23"),
        ("2027-01-31T12:00+01:00", 1, "2027-02-28"),
        ("2028-01-31T12:00+01:00", 1, "2028-02-29"),
        ("2027-01-31T12:00+01:00", 3, "2027-04-30"),
        ("2026-11-30T12:00+01:00", 3, "2027-02-28"),
        ("2026-11-22T23:30+00:00", 1, "2026-12-23"),  # the 23rd already, in Berlin
        ("2026-03-01T00:00+01:00", 1, "2026-04-01"),  # over the change of the clocks
    ],
)
def test_the_same_day_of_another_month(received: str, months: int, until: str) -> None:
    """The last one, where there is no such day; and to the end of it, there."""
    found = due(datetime.fromisoformat(received), months, "Europe/Berlin")
    assert found.astimezone(BERLIN).isoformat()[:19] == f"{until}T23:59:59"


@given(
    st.integers(0, 7_000_000_000),  # seconds of the epoch, to the year 2191
    st.sampled_from(["Europe/London", "Asia/Kolkata", "Pacific/Apia", "America/Santiago"]),
)
def test_a_month_is_a_month(said: int, zone: str) -> None:
    """28 to 32 days, and three of them 89 to 93, whatever the clocks do."""
    received = datetime.fromtimestamp(said, UTC)
    one, three = due(received, MONTHS, zone), due(received, EXTENDED, zone)
    assert 28 <= (one - received).total_seconds() / 86400 <= 32.1
    assert 88 <= (three - received).total_seconds() / 86400 <= 93.1
