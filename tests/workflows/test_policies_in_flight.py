"""A policy that is changed under way: what is slept for moves, what is done stays done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.workflows.lives import DAY, HOUR, Life, Town
from tests.workflows.orders import MINUTE, Bought, on_a, purchase
from workflows import vocabulary as v
from workflows.sops import online_customer, order_thanks, satisfaction
from workflows.vocabulary import Opening, Shift, State

MONDAY = 0


async def change(life: Life, policy: v.Policy, version: int = 1) -> None:
    body = {"version": version, "policy": policy.model_dump(mode="json")}
    await life.say("policy", {"id": f"p{version}", **body})
    await life.sleep(MINUTE)


async def shifts(life: Life, policy: v.Policy, *more: Any) -> list[tuple[str, int, int | None]]:
    """Of each clause: days after the start, now and then."""
    said = [policy.model_dump(mode="json"), *more]
    found = await life.handle.query("shifts", args=said, result_type=list[Shift])
    days = [(one.clause, days_of(life, one.now), one.then) for one in found]
    return [(clause, now, then and days_of(life, then)) for clause, now, then in days]


def days_of(life: Life, moment: datetime) -> int:
    return (moment - life.began) // DAY


def s0(**more: Any) -> online_customer.Policy:
    return online_customer.Policy(**more)


async def test_sooner_and_later(town: Town) -> None:
    """Asked first, and nothing moves; then it moves, and back, and goes once at the last moment."""
    life = await town.customer()
    await life.sleep(8 * DAY)
    sooner, later = s0(check_in=10 * DAY), s0(check_in=20 * DAY)
    assert await shifts(life, sooner) == [("5.4.1", 14, 10)]
    assert await shifts(life, later) == [("5.4.1", 14, 20)]
    await change(life, sooner)
    assert await shifts(life, s0()) == [("5.4.1", 10, 14)]
    await change(life, later, 2)
    await life.sleep(7 * DAY)
    assert not life.asked("check-in")
    await life.end()
    assert life.at("ask customer-excellence-officer") // DAY == 20
    assert [what for what in life.done() if "send check-in" in what] == [
        "5.4.1 send check-in",
        "5.4.3 send check-in-follow-up",
    ]


async def test_into_the_past_is_at_once(town: Town) -> None:
    """Through the gate, as ever; what has gone stays gone, whatever it would be by the new one."""
    life = await town.customer()
    await life.sleep(9 * DAY)
    await change(life, s0(check_in=8 * DAY, low_engagement=2 * DAY, patience=5 * DAY))
    assert life.at("ask customer-excellence-officer") // DAY == 9
    await life.end()
    assert life.done().count("5.3.2 send re-engagement") == 1
    assert life.at("send check-in-follow-up") - life.at("send check-in") >= 5 * DAY


async def test_the_bounds_move_along(town: Town) -> None:
    """A clause is stale by the new policy's next moment, not by the old one's."""
    life = await town.customer()
    await life.sleep(8 * DAY)
    stale = s0(check_in=timedelta(), csr_time=timedelta(), patience=DAY, grace=DAY)
    assert await shifts(life, stale) == [("5.4.1", 14, None)]  # too late for it altogether
    await change(life, stale)
    assert (await life.lines())["5.4.1"].reason == "stale"


async def test_to_another_system_and_back(town: Town) -> None:
    """A clause that is left to others is passed over there and then."""
    life = await town.customer()
    await life.sleep(3 * DAY)
    ours, theirs = s0(), s0(elsewhere=("5.3.2",))
    assert await shifts(life, theirs) == [("5.3.2", 7, None)]
    await change(life, theirs)
    assert (await life.lines())["5.3.2"].state is State.ELSEWHERE
    await change(life, ours, 2)
    await life.end()
    assert "5.4.1 send check-in" in life.done()


async def test_an_older_version_and_one_that_nobody_can_read(town: Town) -> None:
    """Nothing moves; of what cannot be read an engineer hears."""
    life = await town.customer()
    await life.sleep(8 * DAY)
    await change(life, s0(check_in=10 * DAY), 5)
    await change(life, s0(check_in=30 * DAY), 4)
    await life.say("policy", {"version": 6, "policy": {"check_in": "whenever"}})
    await life.say("policy", "nonsense")
    await life.sleep(MINUTE)
    assert [what for what in life.done() if "engineer" in what] == [
        "ask engineer to read the policy that was sent to it",
        "ask engineer to read the signal policy",
    ]
    assert await shifts(life, s0()) == [("5.4.1", 10, 14)]


@pytest.mark.parametrize("early", [30, -30])
async def test_a_change_close_to_the_moment_of_the_timer(town: Town, early: int) -> None:
    """Whichever comes first, it goes once. (At the very second the test server, which fires the
    timer while the task that cancels it is under way, keeps half of that task for ever.)"""
    life = await town.customer()
    gone = await life.now() - life.began
    await life.sleep(14 * DAY - timedelta(seconds=early) - gone)
    await change(life, s0(check_in=15 * DAY))
    await life.sleep(6 * DAY)
    assert life.done().count("5.4.1 ask customer-excellence-officer") == 1
    assert life.done().count("5.4.1 send check-in") == 1


async def test_thanks_and_the_question_of_an_order(town: Town) -> None:
    """S1: its windows move, the note that runs beside them too."""
    life = await (await purchase(town)).thanks(tier="premium")
    policy = order_thanks.Policy(
        thanks=v.Window(after=3 * HOUR, before=30 * HOUR), note_after=2 * DAY
    )
    assert {one[0] for one in await shifts(life, policy)} == {"1"}
    await change(life, policy)
    await life.sleep(4 * HOUR)
    assert life.at("send thank-you") // HOUR == 3
    await life.sleep(4 * DAY)
    assert life.days("send thank-you-note note") == 3
    await life.news("order_delivered")
    window = v.Window(after=6 * DAY, before=8 * DAY)
    await change(life, order_thanks.Policy(ask=window), 2)
    await life.sleep(9 * DAY)
    assert life.days("send satisfaction-check") in range(10, 13)


async def test_working_days_are_counted_anew(town: Town) -> None:
    """S3: by those who know the holidays, both for the preview and when it moves."""
    life: Bought = await purchase(town)
    await on_a(MONDAY, life)
    await life.satisfaction()
    slow = satisfaction.Policy(after=4, before=6, sample=0)
    began = life.began
    counted = Opening(opens=began + 4 * DAY, closes=began + 8 * DAY)
    ((clause, now, then),) = await shifts(life, slow, counted)
    assert (clause, then) == ("4.1", 4)
    await change(life, slow)
    assert (await shifts(life, slow))[0][1] > now
    await life.sleep(2 * DAY + 12 * HOUR)
    assert not life.sent()
    await life.sleep(8 * DAY)
    assert life.days("send order-experience") in range(6, 9)
    assert len(life.sent()) == 1
