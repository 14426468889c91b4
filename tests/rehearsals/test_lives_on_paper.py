"""The lives that newcomers read, played again: what is printed is still what happens."""

from __future__ import annotations

import pytest

from tests.rehearsals.paper import LIVES, differences, names, printed


@pytest.mark.parametrize("name", names())
async def test_a_life_on_paper(name: str) -> None:
    """If it is to be another: `python -m tests.rehearsals.paper`, and read what changed."""
    kept = (LIVES / f"{name}.txt").read_text(encoding="utf-8")
    assert differences(kept, await printed(name)) == []


def test_there_is_one_of_each() -> None:
    """Happy, silent, angry, VIP, far away before a holiday, and the parcel that never arrives."""
    assert {"happy", "silent", "angry", "vip", "kathmandu", "lost-parcel"} <= set(names())


def test_a_difference_shows() -> None:
    """A line too many, one missing, one at another hour; a minute is nothing."""
    line = "  3  Fri 05 Feb 10:00  S1  2  order-shipped sent by e-mail\n"
    head = "All that is on: a customer in Europe/London, from Tue 02 Feb 2027 10:00\n"
    assert differences(head + line, head + line.replace("10:00", "10:04")) == []
    assert len(differences(head + line, head + line.replace("10:00", "12:00"))) == 2
    assert differences(head, head + line) == ["+ 05 Feb 10:00 S1 2 order-shipped sent by e-mail"]
