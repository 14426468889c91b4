"""Spans of time, as policies, paces and rehearsals read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.crm.spans import span_of


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("0s", timedelta()),
        ("90m", timedelta(minutes=90)),
        (" 1.5 h ", timedelta(minutes=90)),
        ("2w", timedelta(days=14)),
        ("1w2d3h4m5s", timedelta(days=9, hours=3, minutes=4, seconds=5)),
    ],
)
def test_a_span_is_read_as_people_write_it(said: str, meant: timedelta) -> None:
    """The largest unit first, each once."""
    assert span_of(said) == meant


@pytest.mark.parametrize("said", ["", " ", "8", "d", "2h1d", "1d1d", "-1d", "P1D", "9" * 400 + "d"])
def test_what_is_no_span(said: str) -> None:
    """Then whoever asked says what would be one."""
    assert span_of(said) is None
