"""What is heard in another order than it happened in: workflows come to the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.lives import DAY, HOUR, PATIENCE, Life, Town
from tests.workflows.orders import MINUTE, on_a, purchase
from workflows.contract import QUEUE
from workflows.sops import order_thanks
from workflows.sops.online_customer import OnlineCustomer
from workflows.sops.order_thanks import OrderThanks
from workflows.vocabulary import State

MONDAY = 0


async def began(life: Life, days: float) -> None:
    """What it counts from is now known to have happened so many days before."""
    await life.say("began_earlier", {"at": (life.began - days * DAY).isoformat()})
    await life.sleep(MINUTE)


async def test_a_new_customer_counts_from_what_came_first(town: Town) -> None:
    """What is slept for moves with it; a later word, or none, changes nothing any more."""
    life = await town.customer()
    await life.sleep(8 * DAY)
    await began(life, 3)
    await began(life, 1)
    await life.say("began_earlier", {})
    await life.end()
    assert life.at("ask customer-excellence-officer") // DAY == 11


async def test_a_worker_that_cannot_read_it(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of an earlier release had an engineer do that; such lives are replayed like all."""
    with monkeypatch.context() as before:
        before.setattr(OnlineCustomer, "is_new", lambda *_: False)
        life = await town.customer()
        await began(life, 3)
        assert life.done()[-1] == "ask engineer to read the signal began_earlier"


async def test_thanks_count_from_the_confirmation(town: Town) -> None:
    """The order was paid days after that: it is high time."""
    life = await (await purchase(town)).thanks()
    assert not life.sent()
    await began(life, 0.9)
    assert life.sent() == ["1 send thank-you"]


async def test_working_days_count_from_the_confirmation(town: Town) -> None:
    """They are counted anew, by those who know the holidays."""
    life = await purchase(town)
    await on_a(MONDAY, life)
    await life.satisfaction()
    await began(life, 3)
    await life.sleep(4 * DAY + HOUR)
    assert life.sent() == ["4.1 send order-experience"]


async def test_news_of_shipping_in_one_breath_with_the_order(town: Town) -> None:
    """All of it is on its way by the time the follow-up looks: nothing is waited for."""
    life = await purchase(town)
    body = await life.body(order_thanks.Policy())
    said: dict[str, Any] = {"order_id": life.order, "shipments": ["p1"], "complete": True}
    life.handle = await town.env.client.start_workflow(
        OrderThanks.run,
        body,
        id=f"order-thanks.{life.name}",
        task_queue=QUEUE,
        task_timeout=PATIENCE,
        start_signal="order_shipped",
        start_signal_args=[said | {"id": "one", "at": life.began.isoformat()}],
    )
    await life.sleep(HOUR)
    assert await life.state("2 p1") == await life.state("2") == (State.DONE, "")
    await life.end()  # cut off in the middle of a task, it would stop the server's clock for others


async def test_who_was_welcomed_is_helped_to_start(town: Town) -> None:
    """By a follow-up that has ended since: its welcome stands, and the days count from it."""
    life = town.newcomer()
    now = await life.now()
    key = "online-customer.ada/welcome"
    await life.start(welcomed=key, welcomed_at=now - 10 * HOUR)
    await life.sleep(2 * DAY)
    assert (await life.lines())["5.1.1"].reason == key
    assert (await life.lines())["5.1.1"].state is State.COVERED
    assert [line for line in life.done() if " send " in line] == ["5.2.1 send getting-started"]
