"""What the customer and the staff do in a rehearsal is read strictly, and complained of clearly."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from starter.rehearse.script import ScriptError, dated, read_script, span


def test_entries_come_in_the_order_of_their_time() -> None:
    """However they stand in the file."""
    entries = read_script(
        json.dumps(
            [
                {"after": "20d", "event": "complaint.resolved"},
                {"after": "8d2h", "signal": "complaint", "data": {"text": "It broke"}},
            ]
        )
    )
    assert [entry.says for entry in entries] == ["complaint", "complaint.resolved"]
    assert entries[0].after == timedelta(days=8, hours=2)


def test_no_script_is_a_silent_customer() -> None:
    """Nothing is said, and nothing is wrong with that."""
    assert read_script(None) == read_script("") == read_script("[]") == []


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{", "not JSON"),
        ("{}", "a JSON list"),
        ("[1]", "entry 1"),
        ('[{"event": "x"}]', "entry 1, after"),
        ('[{"after": "soon", "event": "x"}]', "write it like 8d2h"),
        ('[{"after": "", "event": "x"}]', "write it like 8d2h"),
        ('[{"after": 8, "event": "x"}]', "write it like 8d2h"),
        ('[{"after": "1d"}]', "give one of event, signal, control, task, write, until"),
        ('[{"after": "1d", "event": "x", "signal": "y"}]', "give one of"),
        ('[{"after": "1d", "event": "x"}, {"after": "1d", "control": "explode"}]', "entry 2"),
        ('[{"after": "1d", "event": "x", "spoken": "y"}]', "entry 1, spoken"),
        ('[{"after": "1d", "event": "x", "data": 7}]', "entry 1, data"),
    ],
)
def test_what_is_wrong_is_said(text: str, hint: str) -> None:
    """Which entry, which field, and how it should look."""
    with pytest.raises(ScriptError, match=hint):
        read_script(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta()),
        ("90m", timedelta(minutes=90)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
def test_spans(text: str, expected: timedelta) -> None:
    """As people write them."""
    assert span(text) == expected


def test_a_moment_may_be_so_long_after_the_purchase() -> None:
    """Wherever one is asked for; what only looks like it stays what it is."""
    began = datetime(2027, 2, 2, 10, tzinfo=UTC)
    said = {"starts_at": {"after": "8d4h"}, "note": "after 8d", "list": [{"after": "1d"}]}
    assert dated(said, began) == {
        "starts_at": "2027-02-10T14:00:00+00:00",
        "note": "after 8d",
        "list": ["2027-02-03T10:00:00+00:00"],
    }
    odd = {"after": "soon", "other": {"after": "1d", "before": "2d"}}
    assert dated(odd, began) == odd
