"""A purchase's follow-up and signals by hand: whatever they say, it goes on, and to its end."""

from __future__ import annotations

import pytest

from tests.workflows.lives import DAY, HOUR, Town
from tests.workflows.orders import Bought, on_a, purchase
from workflows.vocabulary import Outcome, Role, State

MONDAY = 0


@pytest.mark.parametrize("signal", ["responded", "inquiry", "feedback"])
async def test_a_case_that_is_none_of_ours(town: Town, signal: str) -> None:
    """Nobody waits for ever for what their helpdesk calls it."""
    life = await (await purchase(town)).thanks(fulfilment="digital")
    await life.say(signal, {"case_id": "K-1"})
    assert await life.end() is Outcome.COMPLETED


async def test_a_question_by_hand_is_for_a_person(town: Town) -> None:
    """No table has it: somebody is to answer all the same, once."""
    life = await (await purchase(town)).thanks()
    await life.say("inquiry", {"id": "q-1"})
    await life.say("inquiry", {"id": "q-1"})
    await life.sleep(HOUR)
    (task,) = town.world.tasks.values()
    assert task.role is Role.CSR
    assert "question" in task.what


@pytest.mark.parametrize("year", [9999, 2999])
async def test_an_estimate_that_is_none(town: Town, year: int) -> None:
    """So some shops write that they do not know."""
    life = await (await purchase(town)).thanks()
    await life.news("order_shipped", expected=f"{year}-12-31T23:59:59Z")
    await life.sleep(11 * DAY)
    assert f"3 ask {Role.CSR} to find out whether this order has arrived" in life.done()


async def test_a_call_may_be_hurried(town: Town) -> None:
    """Who does not want to wait for a colleague has it written instead."""
    life = await purchase(town)
    await on_a(MONDAY, life)
    await life.satisfaction(by_phone=True)
    await life.news("order_delivered")
    await life.sleep(2 * DAY)
    await life.say("run_now")
    await life.sleep(HOUR)
    assert "back went_by_itself" in life.done()
    assert life.sent() == ["4.1 send satisfaction-survey"]
    assert await life.state("4.1") == (State.DONE, "")


async def test_what_no_calendar_knows(town: Town) -> None:
    """An engineer looks at it; its history does not grow meanwhile."""
    town.world.no_calendar = True
    life: Bought = await (await purchase(town)).satisfaction()
    await life.sleep(3 * HOUR)
    assert await life.events() < 30
    assert any(task.role is Role.ENGINEER for task in town.world.tasks.values())
    town.world.no_calendar = False
    await life.say("retry")
    assert await life.end() is Outcome.COMPLETED


async def test_an_answer_by_hand_settles_no_complaint(town: Town) -> None:
    """It answers the questions that wait; what is to be put right is not."""
    life = await (await purchase(town)).thanks()
    await life.complain("case_c")
    await life.say("responded", {"case_id": "case_q"})
    await life.say("inquiry_answered")
    await life.sleep(HOUR)
    assert (await life.state("4 case_q"))[0] is State.DONE
    assert (await life.state("4 case_c"))[0] is State.WAITING
    await life.resolve("case_c")
