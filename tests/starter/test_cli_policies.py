"""A policy at the terminal: previewed, its versions, for those in flight, undone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from starter import shifting
from tests.starter.test_cli import Aftercare, aftercare, followed, opened
from workflows.vocabulary import Shift

__all__ = ["aftercare", "followed", "opened"]
ADAS = "online-customer.C-1"
POLICY = ("policy", "online-customer")
CHANGE = (*POLICY, "--set", "check_in=10d", "--reason", "shorter trial")
RUNNING = (*CHANGE, "--approve", "--to", "running")
AT_ONCE = "1 customer, 1 follow-up in flight, 1 due at once, 0 due sooner."


@pytest.fixture
def moved(followed: Aftercare, monkeypatch: pytest.MonkeyPatch) -> Aftercare:
    """Ada's follow-up answers that its check-in would be due at once."""
    now = datetime.now(UTC)
    due = Shift(clause="5.4.1", about="", now=now + timedelta(days=4), then=now)

    async def answers(
        _: Any, questions: list[shifting.Question], *__: Any
    ) -> list[list[Shift] | None]:
        return [[due] for _ in questions]

    monkeypatch.setattr(shifting, "ask", answers)
    return followed


def test_a_preview_changes_nothing(moved: Aftercare) -> None:
    """In numbers, in JSON, and who is moved most; by themselves, no version is made."""
    said = moved(*CHANGE, "--preview")
    assert (said.code, AT_ONCE in said.out) == (0, True)
    assert ADAS in said.out
    found = moved(*CHANGE, "--preview", "--json").json
    assert (found["at_once"], found["confirm"], found["most_moved"][0]["clause"]) == (1, 1, "5.4.1")
    assert moved(*POLICY, "--json").json["version"] == 0
    assert moved(*POLICY, "--versions").out == "Nothing was ever changed: these are the defaults.\n"


def test_what_is_due_at_once_is_agreed_to(moved: Aftercare) -> None:
    """Nobody is asked where nobody sits: `--yes` says it; then those in flight are told."""
    said = moved(*RUNNING)
    assert (said.code, AT_ONCE in said.err, "--yes" in said.err) == (1, True, True)
    assert moved(*POLICY, "--json").json["version"] == 0
    done = moved(*RUNNING, "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("for new follow-ups; 1 in flight are told of it.\n")
    assert moved(*POLICY, "--to", "running", "--reason", "again").code == 1
    again = moved(*POLICY, "--to", "running", "--reason", "again", "--yes", "--json").json
    assert (again["version"], again["moved"]) == (1, 1)


def test_an_undo_goes_to_whom_the_change_went(moved: Aftercare) -> None:
    """As a new version, with its own reason; unless it is said to be for new ones."""
    assert moved(*POLICY, "--undo", "--reason", "r").code == 1
    moved(*RUNNING, "--yes")
    assert "say why" in moved(*POLICY, "--undo", "--yes").err
    assert moved(*POLICY, "--undo", "--reason", "too short").code == 1
    looked = moved(*POLICY, "--undo", "--preview")
    assert (looked.code, AT_ONCE in looked.out) == (0, True)
    undone = moved(*POLICY, "--undo", "--reason", "too short", "--yes", "--json").json
    assert (undone["version"], undone["values"]["check_in"], undone["moved"]) == (2, "14d", 1)
    back = moved(*POLICY, "--undo", "--reason", "not that", "--to", "new", "--json").json
    assert (back["version"], "moved" in back) == (3, False)


def test_versions_say_who_what_and_why(moved: Aftercare) -> None:
    """The newest first; as JSON, too."""
    moved(*RUNNING, "--yes")
    moved(*POLICY, "--set", "patience=4d", "--reason", "more time")
    lines = moved(*POLICY, "--versions").out.splitlines()
    assert lines[0].startswith("version 2  waiting, set ")
    assert "  more time" in lines
    assert "  check_in: 14d → 10d" in lines
    assert any(line.startswith("  those in flight were told ") for line in lines)
    states = [one["state"] for one in moved(*POLICY, "--versions", "--json").json["data"]]
    assert states == ["waiting", "in_force"]


def test_what_is_so_already_makes_no_version(opened: Aftercare) -> None:
    """Nothing waits to be approved that differs in nothing."""
    said = opened(*POLICY, "--set", "check_in=14d", "--reason", "r")
    assert (said.code, said.out.strip(), said.err) == (0, "That changes nothing.", "")
    assert opened(*POLICY, "--versions", "--json").json["data"] == []


def test_what_waits_moves_nobody(opened: Aftercare) -> None:
    """It is approved to those running, or not for them."""
    said = opened(*CHANGE, "--to", "running")
    assert (said.code, "approve it to those running" in said.err) == (1, True)
    opened(*CHANGE)
    done = opened(*POLICY, "--approve", "--to", "running")
    assert (done.code, "0 in flight are told of it" in done.out) == (0, True)
    assert opened(*POLICY, "--to", "running", "--reason", " ").code == 1


def test_while_nobody_answers_nobody_is_moved(followed: Aftercare) -> None:
    """Temporal is away: nothing is known of those in flight, so nothing is changed for them."""
    for words in (RUNNING, (*CHANGE, "--preview")):
        said = followed(*words, "--yes") if words is RUNNING else followed(*words)
        assert (said.code, "aftercare status" in said.err) == (1, True)
    assert followed(*POLICY, "--json").json["version"] == 0
    assert followed(*CHANGE, "--approve").code == 0


@pytest.mark.parametrize(
    "words",
    [
        "--versions --undo",
        "--preview --diff",
        "--undo --approve --reason r",
        "--undo --set check_in=10d",
        "--versions --set check_in=10d",
        "--to everybody",
    ],
)
def test_one_thing_at_a_time(opened: Aftercare, words: str) -> None:
    """What does not go together is no command."""
    assert opened(*POLICY, *words.split()).code == 2
