"""A case and those who steer it: no order of theirs stands for a person's answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.workflows.lives import DAY, HOUR, Town
from tests.workflows.test_case import grievance
from workflows.vocabulary import Outcome, Role, State


@pytest.mark.parametrize("body", [{}, {"clause": "2"}])
async def test_nobody_is_hurried_into_an_answer(town: Town, body: dict[str, str]) -> None:
    """Only a person answers: to run it now changes nothing."""
    life = await grievance(town)
    await life.say("run_now", body)
    await life.sleep(HOUR)
    assert (await life.states())["2"] == (State.WAITING, "")
    assert not any("back" in line for line in life.done())
    await life.do("2", draft_id="draft_1")
    await life.say("run_now", {"clause": "5"})
    await life.sleep(HOUR)
    assert (await life.states())["5"] == (State.WAITING, "")
    assert not any("complaint-resolved" in line for line in life.done())
    await life.do("5", resolved=True, satisfied=True)
    assert await life.end() is Outcome.COMPLETED


async def test_an_answer_may_be_skipped(town: Town) -> None:
    """By whoever says why; then it is on record as skipped, not as given."""
    life = await grievance(town, complaint=False)
    await life.say("skip", {"clause": "2"})
    await life.end()
    assert (await life.states())["2"] == (State.SKIPPED, "skipped")
    assert life.settled() == "decided"


async def test_news_of_progress_may_be_skipped_for_good(town: Town) -> None:
    """However long the case goes on after that."""
    life = await grievance(town)
    await life.sleep(DAY)
    await life.say("skip", {"clause": "4"})
    await life.sleep(5 * DAY)
    assert not any("case-progress" in line for line in life.done())
    assert await life.events() < 200
    await life.do("2", draft_id="draft_1")
    await life.end_it()
    assert not [name for name in await life.states() if name.startswith("4 ") and name > "4 2"]


async def test_putting_it_right_may_be_skipped_once(town: Town) -> None:
    """A no opens it again, with a turn of its own."""
    life = await grievance(town)
    await life.do("2", draft_id="draft_1")
    await life.say("skip", {"clause": "5"})
    await life.sleep(HOUR)
    assert (await life.states())["5"] == (State.SKIPPED, "skipped")
    assert "6 send complaint-resolved" in life.done()
    await life.say("feedback", {"satisfied": False, "case_id": life.case_id})
    await life.sleep(HOUR)
    assert (await life.states())["5 2"][0] is State.WAITING
    await life.do("5", resolved=True, satisfied=True)
    assert await life.end() is Outcome.COMPLETED


async def test_twice_opened_again(town: Town) -> None:
    """Each time somebody puts it right anew; only a yes lets go."""
    life = await grievance(town)
    await life.do("2", draft_id="draft_1")
    for turn in ("", " 2", " 3"):
        assert (await life.states())[f"5{turn}"][0] is State.WAITING
        assert not any("settle" in line for line in life.done())
        await life.do("5", resolved=True)
        satisfied = turn == " 3"
        await life.say("feedback", {"satisfied": satisfied, "case_id": life.case_id})
        await life.sleep(HOUR)
    assert await life.end() is Outcome.COMPLETED
    assert life.settled() == "yes"
    assert [line for line in life.done() if "reopen" in line] == ["7 reopen 1", "7 reopen 2"]


async def test_who_cannot_be_asked_is_looked_for(town: Town) -> None:
    """It stays open while somebody looks for a way to them, and then says that nobody asked."""
    life = await grievance(town)
    await life.do("2", answered="phone")
    town.world.unreachable[life.name] = "no_address"
    await life.do("5", resolved=True)
    assert f"6 ask {Role.CSR} to find a way to reach this customer" in life.done()
    await life.sleep(2 * DAY)
    assert not any("settle" in line for line in life.done())
    await life.end()
    assert life.settled() == "no_answer"


async def test_a_case_that_no_table_knows(town: Town) -> None:
    """Somebody looks at it; its history does not grow meanwhile."""
    town.world.unknown_cases = True
    life = await grievance(town)
    await life.sleep(timedelta(hours=3))
    assert await life.events() < 60
    assert any(task.role is Role.ENGINEER for task in town.world.tasks.values())
    town.world.unknown_cases = False
    await life.say("retry")
    await life.sleep(HOUR)
    assert (await life.states())["2"][0] is State.WAITING
    await life.end_it()
