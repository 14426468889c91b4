"""A call whose place is for another system to say: nobody waits for it longer than a moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.workflows.contracts import signed
from tests.workflows.lives import DAY, Town
from tests.workflows.orders import MINUTE
from workflows.appointments import LINK, patience


async def test_the_invitation_brings_the_link(town: Town) -> None:
    """It comes within seconds, as a rule: one message, and one line of the checklist."""
    life = await signed(town)
    starts = await life.scheduled(3 * DAY, awaits_link=True)
    assert life.messages() == []
    await life.meeting("moved", starts)
    assert life.messages() == ["invitation"]
    assert await life.standing("4.3 call-1") == "done"
    assert "4.3 call-1-2" not in await life.lines()
    await life.sleep(3 * DAY - 5 * MINUTE)
    assert life.messages() == ["invitation", "reminder", "reminder"]


async def test_an_outage_delays_no_invitation(town: Town) -> None:
    """It goes without; an update follows once there is a link, as the same entry."""
    life = await signed(town)
    starts = await life.scheduled(3 * DAY, awaits_link=True)
    await life.sleep(LINK)
    assert life.messages() == ["invitation"]
    await life.sleep(DAY)
    await life.meeting("moved", starts, number=1)
    assert life.messages() == ["invitation", "moved"]
    meetings = {m.meeting_id for m in town.world.messages.values() if m.customer_id == life.name}
    assert meetings == {"meet_1"}


async def test_called_off_before_there_was_a_link(town: Town) -> None:
    """Who was never invited is told nothing."""
    life = await signed(town)
    await life.scheduled(3 * DAY, awaits_link=True)
    await life.meeting("cancelled", number=1)
    await life.sleep(timedelta(hours=1))
    assert life.messages() == []
    assert await life.standing("4.3 call-1") == "skipped cancelled"


async def test_moved_before_there_was_a_link(town: Town) -> None:
    """One invitation, for the hour that counts."""
    life = await signed(town)
    starts = await life.scheduled(3 * DAY, awaits_link=True)
    await life.meeting("moved", starts + DAY, number=1, awaits_link=True)
    await life.meeting("moved", starts + DAY, number=1)
    await life.sleep(timedelta(hours=1))
    assert life.messages() == ["invitation"]


async def test_an_older_word_makes_nobody_wait_again(town: Town) -> None:
    """What is told twice, and late, changes nothing."""
    life = await signed(town)
    starts = await life.scheduled(3 * DAY)
    await life.meeting("scheduled", starts, awaits_link=True)
    assert life.messages() == ["invitation"]
    assert await life.standing("4.3 call-1") == "done"


@pytest.mark.parametrize(
    ("factor", "left", "expected"),
    [
        (1, 3 * DAY, LINK),
        (12, 3 * DAY, LINK),
        (1440, 3 * DAY, 240 * MINUTE),  # a day a minute: ten seconds
        (86_400, 3 * DAY, 1.5 * DAY),  # a day a second: the call is soon
        (86_400, -DAY, LINK),
    ],
)
def test_where_days_pass_in_seconds(factor: float, left: timedelta, expected: timedelta) -> None:
    """The other system lives in the world's time, and has some of that; the call is not missed."""
    assert patience(factor, left) == expected
