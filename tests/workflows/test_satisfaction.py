"""Following up on a purchase: when, how, and what is asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.workflows.lives import DAY, HOUR, Town
from tests.workflows.orders import MINUTE, Bought, on_a, purchase
from workflows.sops.satisfaction import Satisfaction
from workflows.vocabulary import Covered, Form, Outcome, Refused, Role, State

MONDAY, WEDNESDAY, THURSDAY = 0, 2, 3
ALONE: dict[str, Any] = {}
TOGETHER: dict[str, Any] = {"others": ("order-thanks",)}


async def bought(town: Town, weekday: int = MONDAY, **more: Any) -> Bought:
    """On that day of the week, at ten; with nobody else who asks, unless so said."""
    life = await purchase(town)
    await on_a(weekday, life)
    return await life.satisfaction(**more)


def moment(life: Bought, what: str) -> datetime:
    return next(e.at for e in life.world.log if e.customer == life.name and e.what == what)


async def test_from_the_second_business_day_on(town: Town) -> None:
    """What has arrived is asked about in the first hour of the window."""
    life = await bought(town)
    await life.sleep(DAY)
    await life.news("order_delivered")
    await life.sleep(2 * DAY)
    asked = moment(life, "send satisfaction-survey")
    assert (asked.weekday(), asked.hour) == (WEDNESDAY, 9)
    message = town.world.messages[f"{life.handle.id}/satisfaction-survey"]
    assert message.asks == "satisfaction"
    assert message.since == asked.replace(minute=0, second=0, microsecond=0)
    assert message.promise == message.due
    assert message.due
    assert (message.due.weekday(), message.due.hour) == (MONDAY, 17)


async def test_a_weekend_is_no_business(town: Town) -> None:
    """Bought on Thursday, asked on Monday."""
    life = await bought(town, THURSDAY)
    await life.news("order_delivered")
    await life.sleep(5 * DAY)
    assert moment(life, "send satisfaction-survey").weekday() == MONDAY
    assert life.days("send satisfaction-survey") == 3


async def test_it_waits_for_the_delivery(town: Town) -> None:
    """While the window lasts."""
    life = await bought(town)
    await life.sleep(3 * DAY + 2 * HOUR)
    assert not life.sent()
    await life.news("order_delivered")
    assert life.sent() == ["4.1 send satisfaction-survey"]


async def test_the_window_closes_on_what_has_not_arrived(town: Town) -> None:
    """On its last day they are asked about the order, never about the product."""
    life = await bought(town)
    await life.sleep(8 * DAY)
    asked = moment(life, "send order-experience")
    assert (asked.weekday(), asked.hour) == (MONDAY, 9)
    assert town.world.messages[f"{life.handle.id}/order-experience"].asks == "experience"
    await life.news("order_delivered")
    await life.sleep(DAY)
    assert life.sent() == ["4.1 send order-experience"]


@pytest.mark.parametrize("others", [ALONE, TOGETHER])
async def test_what_went_back_is_not_asked_about(town: Town, others: dict[str, Any]) -> None:
    """As a product; they may still say how they were treated."""
    life = await bought(town, **others)
    await life.news("order_delivered")
    await life.news("order_returned")
    await life.sleep(3 * DAY)
    assert life.sent() == ["4.1 send order-experience"]


async def test_with_order_thanks_it_waits_until_its_last_day(town: Town) -> None:
    """That one knows best when to ask; what it asked in the window stands for it."""
    life = await bought(town, **TOGETHER)
    await life.news("order_delivered")
    await life.sleep(6 * DAY)
    assert not life.done()
    by = Covered(key="order-thanks.x/satisfaction-check", at=await life.now())
    town.world.covers[life.name] = by
    await life.sleep(DAY)
    assert await life.state("4.1") == (State.COVERED, by.key)
    await life.say("responded", {"to": by.key})
    await life.sleep(MINUTE)
    assert await life.state("4.2") == (State.DONE, "answered")


async def test_with_order_thanks_nobody_asks_about_the_product_twice(town: Town) -> None:
    """If it asked outside of the window, only the order is asked about."""
    life = await bought(town, **TOGETHER)
    await life.news("order_delivered")
    await life.sleep(8 * DAY)
    assert life.sent() == ["4.1 send order-experience"]
    message = town.world.messages[f"{life.handle.id}/order-experience"]
    assert message.since
    assert message.since.weekday() == WEDNESDAY


async def test_nobody_answers(town: Town) -> None:
    """That is on record."""
    life = await bought(town)
    await life.end()
    assert await life.state("4.2") == (State.SKIPPED, "no_answer")
    assert await life.state("3") == (State.SKIPPED, "not_in_the_sample")


async def test_their_answer_is_written_down_and_thanked_for(town: Town) -> None:
    """Bad news is a case: nobody thanks for it, a person answers."""
    life = await bought(town)
    await life.news("order_delivered")
    await life.sleep(2 * DAY)
    to = f"{life.handle.id}/satisfaction-survey"
    await life.say("feedback", {"feedback_id": "fb_1", "to": to})
    await life.sleep(MINUTE)
    assert await life.state("4.2") == (State.DONE, "answered")
    assert await life.state("4.4 fb_1") == (State.DONE, "")
    assert "4.4 send feedback-thanks fb_1" in life.done()


async def test_a_concern_stands_here_until_it_is_settled(town: Town) -> None:
    life = await bought(town)
    await life.complain("case_c")
    bad = {"feedback_id": "fb_1", "opened_case": True, "case_id": "case_c"}
    await life.say("feedback", bad)
    await life.sleep(MINUTE)
    assert await life.state("4.3 case_c") == (State.WAITING, "case")
    assert await life.state("4.4 fb_1") == (State.SKIPPED, "case")
    await life.sleep(9 * DAY)
    assert (await life.state("4.1"))[0] is State.HELD
    await life.resolve("case_c")
    await life.sleep(HOUR)
    assert await life.state("4.3 case_c") == (State.DONE, "")
    assert life.sent() == ["4.1 send order-experience"]  # late, and not too late


async def test_a_breach_is_late_and_then_stale(town: Town) -> None:
    """A week after its window nobody wants to hear of it."""
    life = await bought(town)
    await life.complain("case_c")
    await life.sleep(16 * DAY)
    assert await life.state("4.1") == (State.SKIPPED, "stale")
    assert await life.state("4.2") == (State.SKIPPED, "not_asked")
    await life.resolve("case_c")
    await life.sleep(HOUR)
    assert await life.state("4.3 case_c") == (State.DONE, "")


@pytest.mark.parametrize(
    ("hours", "state"), [(12, (State.DONE, "")), (36, (State.SKIPPED, "stale"))]
)
async def test_with_order_thanks_it_is_a_day_late_at_most(
    town: Town, hours: int, state: tuple[State, str]
) -> None:
    """After that the other one's question is near, and two in two days are one too many; what was
    not done is on record as late."""
    life = await bought(town, **TOGETHER)
    await life.complain("case_c")
    await life.sleep(7 * DAY + (7 + hours) * HOUR)  # from the window's end on
    await life.resolve("case_c")
    await life.sleep(DAY)
    assert await life.state("4.1") == state
    assert len(life.sent()) == (state[0] is State.DONE)
    assert await life.state("4.3 case_c") == (State.DONE, "")
    if not life.sent():
        assert await life.state("4.2") == (State.SKIPPED, "not_asked")


async def caller(town: Town, **more: Any) -> Bought:
    """Who would rather be called, with what they bought."""
    life = await bought(town, by_phone=True, **more)
    await life.news("order_delivered")
    await life.sleep(2 * DAY)
    return life


@pytest.mark.parametrize("others", [ALONE, TOGETHER])
async def test_who_would_rather_be_called_is_called(town: Town, others: dict[str, Any]) -> None:
    """By a person, from the window's first day to its last; what they say is on the form."""
    life = await caller(town, **others)
    (task,) = town.world.tasks.values()
    assert (task.role, task.form, task.template) == (Role.CSR, Form.CALL, "satisfaction-survey")
    assert (task.asks, task.order_id) == ("satisfaction", life.order)
    assert task.due_by
    assert (task.due_by.weekday(), task.due_by.hour) == (MONDAY, 17)
    await life.sleep(DAY)
    await life.do("4.1", reached=True)
    assert await life.state("4.1") == await life.state("4.2") == (State.DONE, "call")
    assert not life.sent()


async def test_who_is_not_reached_is_written_to(town: Town) -> None:
    life = await caller(town)
    await life.do("4.1", reached=False)
    assert life.sent() == ["4.1 send satisfaction-survey"]
    (message,) = town.world.messages.values()
    assert message.without == ("call",)


async def test_a_call_that_worthier_customers_displaced_was_not_made(town: Town) -> None:
    """It is taken off the list again: then they are written to, and not called after all."""
    life = await caller(town)
    await life.do("4.1", released="capacity")
    assert life.sent() == ["4.1 send satisfaction-survey"]
    assert await life.state("4.1") == (State.DONE, "")
    (message,) = town.world.messages.values()
    assert message.without == ("call",)


async def test_a_call_that_must_not_be_made_any_more(town: Town) -> None:
    """It is on record why, and nothing is tried instead."""
    life = await caller(town)
    await life.do("4.1", released="opted_out")
    assert await life.state("4.1") == (State.SKIPPED, "opted_out")
    assert "4.1 send satisfaction-survey" not in life.done()


async def test_who_began_before_that_was_so(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were written to instead; their lives are replayed, like all, by the code as it is."""
    with monkeypatch.context() as before:
        before.setattr(Satisfaction, "is_new", lambda *_: False)
        life = await caller(town)
        await life.do("4.1", released="opted_out")
        assert life.sent() == ["4.1 send satisfaction-survey"]


@pytest.mark.parametrize("reason", ["no_address", "capacity"])
async def test_who_cannot_be_called_is_written_to(town: Town, reason: str) -> None:
    """There is no number, or nobody has the time."""
    life = await bought(town, by_phone=True)
    if reason == "capacity":
        town.world.capacity = 0
    else:
        town.world.no_phone.add(life.name)
    await life.news("order_delivered")
    await life.sleep(2 * DAY)
    assert life.sent() == ["4.1 send satisfaction-survey"]


async def test_nobody_calls(town: Town) -> None:
    """It stays on the list beyond its window, and is a breach; in the end it is taken back."""
    life = await caller(town)
    await life.sleep(6 * DAY)
    assert (await life.state("4.1"))[0] is State.WAITING
    await life.end()
    assert await life.state("4.1") == (State.SKIPPED, "stale")
    assert "back stale" in life.done()
    assert not life.sent()


async def test_a_colleague_declines(town: Town) -> None:
    life = await caller(town)
    await life.do("4.1", declined=True)
    assert await life.state("4.1") == (State.SKIPPED, "declined")
    assert await life.state("4.2") == (State.SKIPPED, "not_asked")


async def test_a_call_may_be_covered_or_refused(town: Town) -> None:
    """By who asked in the window already; by their opt-out."""
    life = await bought(town, by_phone=True)
    by = Covered(key="order-thanks.x/satisfaction-check", at=await life.now())
    town.world.covers[life.name] = by
    other = await purchase(town)
    await other.satisfaction(by_phone=True)
    town.world.opt_out(other.name, "all", await other.now())
    await life.sleep(8 * DAY)
    assert await life.state("4.1") == (State.COVERED, by.key)
    assert await other.state("4.1") == (State.SKIPPED, "opted out")


async def test_calls_may_be_off(town: Town) -> None:
    life = await caller(town, policy={"calls": False})
    assert life.sent() == ["4.1 send satisfaction-survey"]


async def test_quality_assurance_sees_a_sample(town: Town) -> None:
    """Chosen by the follow-up's id, so that a replay chooses the same."""
    life = await bought(town, policy={"sample": 100})
    await life.end()
    (task,) = town.world.tasks.values()
    assert (task.role, task.form, task.clause) == (Role.QUALITY, Form.REVIEW, "3")
    assert await life.state("3") == (State.WAITING, "")


async def test_who_knows_the_holidays_is_away(town: Town) -> None:
    """They are asked until they answer."""
    town.world.clueless = True
    life = await bought(town)
    await life.sleep(HOUR)
    town.world.clueless = False
    await life.sleep(9 * DAY)
    assert life.sent() == ["4.1 send order-experience"]
    assert Refused(reason="stale") not in town.world.ledger.values()


async def test_it_ends_even_so(town: Town) -> None:
    """Nobody waits for ever for who knows the holidays."""
    town.world.clueless = True
    life = await bought(town)
    await life.say("end")
    await life.sleep(HOUR)
    town.world.clueless = False
    assert await life.end() is Outcome.ENDED
