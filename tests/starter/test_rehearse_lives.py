"""A whole life in a file: read strictly, complained of clearly, played over all SOPs at once."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from starter.cli import run
from starter.rehearse.lives import ADA, LifeError, read_life

WHO = {
    "id": "C-7",
    "name": "Joan Clarke",
    "email": "joan@example.com",
    "time_zone": "Europe/London",
    "country": "GB",
}
THING = {"items": [{"sku": "x", "name": "Puzzle", "quantity": 1, "price": "5.00"}]}
LIFE: dict[str, Any] = {
    "says": "Joan gets what she bought.",
    "start": "2024-02-06T10:00",
    "customer": WHO,
    "orders": [{"id": "77", "total": "5.00"}, {"id": "78", "total": "6.00"}],
    "script": [
        {"after": "1d", "event": "order.shipped"},
        {"after": "2d", "event": "complaint.opened", "data": {"text": "Torn", "reference": "1"}},
        {"after": "2d2h", "task": "2", "sop": "case", "outcome": {"text": "Sorry for that."}},
        {"after": "3d", "event": "complaint.resolved", "data": {"reference": "1"}},
    ],
}


@pytest.fixture(autouse=True)
def _nobody_elses_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERCARE_DATA", str(tmp_path / "none"))


def file(tmp_path: Path, said: Any) -> str:
    path = tmp_path / "life.json"
    path.write_text(said if isinstance(said, str) else json.dumps(said))
    return str(path)


def test_a_plain_customer_is_a_life() -> None:
    """Who buys the usual thing, and says nothing."""
    life = read_life(WHO)
    assert (life.customer, life.orders, life.script, life.start) == (WHO, ({},), (), None)
    assert read_life(None).customer == ADA


def test_a_file_is_a_whole_life() -> None:
    """Orders, script and the day on which it begins, on the customer's own clock."""
    life = read_life(LIFE)
    assert [order["id"] for order in life.orders] == ["77", "78"]
    assert life.start == datetime(2024, 2, 6, 10)  # noqa: DTZ001 - on their clock
    assert [entry.says for entry in life.script][2] == "task 2 done"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ({"customer": WHO, "ordre": {}}, "ordre: there is no such part; there is customer"),
        ({"customer": WHO, "order": {}, "orders": []}, "not both"),
        ({"customer": WHO, "orders": []}, "without any nothing begins"),
        ({"customer": WHO, "start": "soon"}, "start: write it like 2026-12-18T16:30"),
        ({"customer": 7}, "customer: "),
        ({"customer": WHO, "script": [{"after": "1d"}]}, "script: entry 1: give one of"),
        ({"customer": WHO, "policies": {"house": 7}}, "policies.house: "),
    ],
)
def test_what_is_wrong_is_said(said: dict[str, Any], hint: str) -> None:
    """Which part, and how it should look."""
    with pytest.raises(LifeError, match=hint):
        read_life(said)


def test_a_life_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One timeline over all procedures, on the very day that the file says, be it long past."""
    assert run(["rehearse", "--customer", file(tmp_path, LIFE), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["began_at"].startswith("2024-02-06T10:00")
    assert data["sop"] is None
    assert {one["sop"] for one in data["follow_ups"]} >= {"online-customer", "case"}
    told = [(line["day"], line["sop"], line["clause"], line["what"]) for line in data["timeline"]]
    assert (0, "S0", "5.1.1", "welcome sent by e-mail") in told
    assert (2, "case", "1", "complaint-received sent by e-mail") in told
    assert (2, "case", "2", "case-answer sent by e-mail") in told
    assert (2, None, None, "on hold") in told


def test_one_procedure_of_a_life(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named, it is played alone: the others are off."""
    life = LIFE | {"script": []}
    assert run(["rehearse", "online-customer", "--customer", file(tmp_path, life), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["endings"] == ["completed"]
    assert {one["sop"] for one in data["follow_ups"]} == {"online-customer", "keep-in-touch"}


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (LIFE | {"start": "soon"}, "start: write it like"),
        (LIFE | {"script": [{"after": "1d", "task": "9.9"}]}, "open are: none"),
        (LIFE | {"script": [{"after": "1d", "control": "end", "sop": "case"}]}, "no follow-up"),
        (LIFE | {"policies": {"nonsense": {"a": 1}}}, "nonsense"),
        (LIFE | {"policies": {"house": {"cap": "soon"}}}, "cap"),
        ("[]", "JSON object"),
    ],
)
def test_what_cannot_be_played(
    said: Any, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and on standard error why."""
    assert run(["rehearse", "--customer", file(tmp_path, said)]) == 1
    told = capsys.readouterr()
    assert hint in told.err
    assert told.out == ""


def test_nothing_to_play(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a procedure nor a life: usage."""
    assert run(["rehearse"]) == 2
    assert "name an SOP, or give --customer" in capsys.readouterr().err
