"""Lives that an import brings in: what is past is marked so, only what lies ahead is done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.workflows.contracts import signed
from tests.workflows.lives import DAY, HOUR, Life, Town
from tests.workflows.orders import MINUTE, Bought, purchase
from workflows.vocabulary import Form, Heard, Outcome, Rhythm, State

PAST = (State.SKIPPED, "before_import")


async def customer(town: Town, age: timedelta, **more: Any) -> Life:
    """Who bought so long before the import."""
    life = town.newcomer()
    now = await life.now()
    await life.start(purchased_at=now - age, imported_at=now, **more)
    await life.sleep(MINUTE)
    return life


async def order(town: Town, age: timedelta, which: str = "thanks", **more: Any) -> Bought:
    life = await purchase(town)
    now = await life.now()
    begin = life.thanks if which == "thanks" else life.satisfaction
    return await begin(purchased_at=now - age, imported_at=now, **more)


async def this_moment(town: Town) -> datetime:
    return town.world.pace.now(await town.env.get_current_time())


async def states(life: Life) -> dict[str, tuple[State, str]]:
    return {name: (line.state, line.reason) for name, line in (await life.lines()).items()}


def acts(life: Life) -> list[str]:
    """What was done, besides marking what was not."""
    return [line for line in life.done() if not line.endswith(" skip before_import")]


async def test_a_customer_of_a_year(town: Town) -> None:
    """Nothing is sent, nobody has anything to do; every clause says why, and the years after begin
    with what the import knows."""
    life = await customer(town, 365 * DAY)
    assert await life.end() is Outcome.COMPLETED
    assert acts(life) == ["5.6.1 start keep-in-touch", "close completed"]
    lines = await states(life)
    assert lines.pop("5.6.1") == (State.DONE, "")
    assert set(lines) >= {"5.1.1", "5.2.1", "5.3.2", "5.4.1", "5.4.3", "5.5.1", "5.5.2", "5.5.3"}
    assert set(lines.values()) == {PAST}
    assert {mark.clause for mark in town.world.marks} >= set(lines)
    loyalty, _ = town.world.touching[life.name].rhythms
    assert loyalty.imported_at
    assert loyalty.imported_at - loyalty.since == 365 * DAY


@pytest.mark.parametrize(
    ("days", "first", "due"),
    [(1, "getting-started", 0), (5, "re-engagement", 2), (10, "check-in", 4)],
)
async def test_only_what_lies_ahead_is_done(town: Town, days: int, first: str, due: int) -> None:
    """Counted from the purchase, not from the import; a window that is still open is kept."""
    life = await customer(town, days * DAY + HOUR, policy={"check_in_mode": "auto"})
    await life.end()
    sent = [line.split(" send ")[1] for line in life.done() if " send " in line]
    assert sent[0] == first
    assert due * DAY - HOUR <= life.at(f"send {first}") <= due * DAY + HOUR
    assert (await states(life))["5.1.1"] == PAST


async def test_what_follows_from_a_step_that_is_past_is_past(town: Town) -> None:
    """Nobody was asked by us: so nobody is reminded, and the campaign that comes at once after
    that would come out of the blue."""
    life = await customer(town, 15 * DAY)
    assert await life.end() is Outcome.COMPLETED
    lines = await states(life)
    assert [lines[clause] for clause in ("5.4.1", "5.5.1", "5.5.2", "5.5.3")] == [PAST] * 4
    assert not town.world.messages


async def test_what_happened_before_is_no_news(town: Town) -> None:
    """An issue of last week brings no tip, whether it came with the start or after it; one of
    today does."""
    now = await this_moment(town)
    told = {"id": "in_1", "at": (now - 5 * DAY).isoformat(), "topic": "login"}
    life = await customer(town, 9 * DAY, early=(Heard(name="common_issue", event=told),))
    await life.say("common_issue", told | {"id": "in_2", "topic": "billing"})
    await life.say("common_issue", {"topic": "export"})
    await life.sleep(MINUTE)
    lines = await states(life)
    assert (lines["5.3.3 login"], lines["5.3.3 billing"]) == (PAST, PAST)
    assert lines["5.3.3 export"] == (State.DONE, "")


async def test_an_order_that_arrived_long_ago(town: Town) -> None:
    """Its thanks, its notices and its question are past; the anniversary is not."""
    now = await this_moment(town)
    news = [
        Heard(name=name, event={"id": name, "at": (now - age).isoformat(), "complete": True} | more)
        for name, age, more in (
            ("order_shipped", 38 * DAY, {"shipments": ["p1"], "untracked": ["p1"]}),
            ("order_delivered", 36 * DAY, {"shipments": ["p1"]}),
        )
    ]
    life = await order(town, 40 * DAY, early=tuple(news), delivered_at=now - 36 * DAY)
    assert await life.end() is Outcome.COMPLETED
    lines = await states(life)
    assert lines.pop("6") == (State.DONE, "")
    assert lines.pop("2")[0] in (State.DONE, State.SKIPPED)
    assert set(lines.values()) == {PAST}
    assert not life.sent()
    assert not town.world.tasks


async def test_an_order_on_its_way(town: Town) -> None:
    """What is still to come is done in its time, as if it had begun here."""
    life = await order(town, 4 * DAY)
    assert (await states(life))["1"] == PAST
    await life.news("order_shipped", "p1")
    await life.sleep(DAY)
    await life.news("order_delivered", "p1", complete=True)
    await life.end()
    assert life.sent() == ["2 send order-shipped p1", "3 send satisfaction-check"]


async def test_an_order_nobody_heard_of_again(town: Town) -> None:
    """It was overdue before the import: nobody is sent after it; should it arrive after all, it
    is asked about."""
    life = await order(town, 20 * DAY)
    assert not town.world.tasks
    await life.news("order_delivered", complete=True)
    await life.end()
    assert life.sent() == ["3 send satisfaction-check"]


async def test_thanks_that_are_not_due_yet(town: Town) -> None:
    """The promise is kept, whoever took the order."""
    life = await order(town, 20 * HOUR)
    await life.sleep(MINUTE)
    assert life.sent() == ["1 send thank-you"]


@pytest.mark.parametrize("days", [30, 200])
async def test_a_purchase_that_was_confirmed_long_ago(town: Town, days: int) -> None:
    """Nobody asks about it, and no sample is drawn of it."""
    life = await order(town, days * DAY, "satisfaction", policy={"sample": 100})
    assert await life.end() is Outcome.COMPLETED
    assert set((await states(life)).values()) == {PAST}
    assert acts(life) == ["close completed"]


async def test_the_years_before_the_import(town: Town) -> None:
    """Offers and anniversaries of those years are past; the next ones come in their time."""
    life = town.newcomer()
    now = await life.now()
    since = now - 1000 * DAY
    said = {"since": since, "imported_at": now}
    await life.keep_in_touch(
        Rhythm(name="loyalty-offer", sop="online-customer", clause="5.6.2", **said),
        Rhythm(name="review-request", sop="online-customer", clause="5.6.3", **said),
        Rhythm(name="anniversary", sop="order-thanks", clause="6", **said),
        Rhythm(
            name="regular-follow-up",
            sop="sales-follow-up",
            clause="5.4",
            every=timedelta(days=90),
            **said,
        ),
    )
    await life.sleep(MINUTE)
    lines = await states(life)
    assert lines["5.6.2 1"] == lines["5.6.2 2"] == lines["5.6.3 1"] == PAST
    assert not town.world.messages
    await life.sleep(100 * DAY)
    assert {m.template for m in town.world.messages.values()} == {
        "loyalty-offer",
        "anniversary",
        "regular-follow-up",
    }
    assert 79 <= life.at("send regular-follow-up 1") // DAY <= 81
    assert 94 <= life.at("send loyalty-offer 3") // DAY <= 97


@pytest.mark.parametrize(("age", "arranged"), [(2 * DAY, True), (90 * DAY, False)])
async def test_a_contract_whose_call_nobody_tells_of(
    town: Town, age: timedelta, arranged: bool
) -> None:
    """Signed two days ago it is still to be arranged; a season ago it is past."""
    now = await this_moment(town)
    life = await signed(town, purchased_at=now - age, imported_at=now)
    await life.sleep(HOUR)
    assert [task.form for task in life.tasks("4.3")] == [Form.SCHEDULE] * arranged
    assert (await states(life))["4.2"] == PAST
    if arranged:
        await life.held()
        await life.sleep(2 * DAY)
        assert life.messages()[-1] == "survey"
    else:
        assert await life.end() is Outcome.COMPLETED
