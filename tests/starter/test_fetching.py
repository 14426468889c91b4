"""The hourly look at a WooCommerce shop, against the fake over the wire: what webhooks missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Inbox, Order, Task
from activities.crm.turns import Turn
from activities.fakes.faults import Fault, Script
from activities.fakes.shops import FakeShops, Mischief
from starter.answers import Refusal
from starter.desk import Desk, fetching
from starter.desk.fetching import AGAIN, ENOUGH, EVERY, TURNS, Fetching
from starter.doors import look_at_shop
from starter.live import look_live
from starter.senders import woocommerce_shop
from tests.factories import FakeClock
from tests.starter.front import FakeTemporal, a_desk, rows
from tests.starter.hooks import SHOP_SECRET
from tests.starter.shops import told
from tests.starter.test_fakes_shops import served

KEYS = {"woocommerce_consumer_key": "ck_fake", "woocommerce_consumer_secret": "cs_fake"}
ODD = (Fault.HTML, Fault.HALF_JSON, Fault.EMPTY, Fault.WRONG_TYPE, Fault.HUGE, Fault.REDIRECT,
       Fault.RESET_BEFORE, Fault.UNAVAILABLE, Fault.RATE_LIMITED, Fault.ERROR_BEFORE)  # fmt: skip


@pytest.fixture
def clock() -> FakeClock:
    """Fake shops go by the world's clock."""
    return FakeClock(datetime.now(UTC) + timedelta(minutes=1))


@pytest.fixture
def shops() -> FakeShops:
    """A shop whose webhooks reach nobody, and fall silent."""
    return FakeShops("http://127.0.0.1:9/hooks", {"woocommerce": SHOP_SECRET}, hour=0.0)


@pytest.fixture
async def desk(memory_store: Store, clock: FakeClock, shops: FakeShops) -> AsyncIterator[Desk]:
    async with shops.serving() as url:
        yield asking_desk(memory_store, clock, url)


def asking_desk(store: Store, clock: FakeClock, url: str, **more: Any) -> Desk:
    said = {"woocommerce_secret": SHOP_SECRET, "woocommerce_url": url, **KEYS, **more}
    return a_desk(store, clock, FakeTemporal(), **said)


async def asked(desk: Desk) -> tuple[int, int] | None:
    """How much was shown, and how much of it was news; it is read, too."""
    fetched = await desk.fetch_if_due(Turn(desk.store, TURNS))
    for row in await rows(desk.store, Inbox):
        if row.state == "stored" and not row.parent_id:
            await desk.read_delivery(row.id)
    return (fetched.shown, fetched.new) if fetched else None


def the_next(clock: FakeClock, span: timedelta = EVERY) -> None:
    """It is time again, and the turn of whoever asked before is over."""
    clock.advance(span + timedelta(minutes=5))


async def test_what_webhooks_did_not_bring_is_fetched(
    desk: Desk, clock: FakeClock, shops: FakeShops
) -> None:
    """Paid, unpaid, cancelled, thrown away: each becomes what its webhook would have said."""
    paid, unpaid = shops.place("woocommerce"), shops.place("woocommerce", paid=False)
    gone, thrown = shops.place("woocommerce"), shops.place("woocommerce")
    assert await asked(desk) == (4, 4)
    shops.act("woocommerce", gone.number, "cancel")
    shops.act("woocommerce", thrown.number, "delete")
    shops.act("woocommerce", paid.number, "ship")
    the_next(clock)
    assert (await asked(desk))[1] == 3  # type: ignore[index]
    found = {row.id: row for row in await rows(desk.store, Order)}
    assert found[f"woocommerce-{paid.number}"].shipped_at
    assert found[f"woocommerce-{gone.number}"].cancelled_at
    assert found[f"woocommerce-{thrown.number}"].cancelled_at
    assert f"woocommerce-{unpaid.number}" not in found


async def test_webhook_and_look_say_the_same_once(
    memory_store: Store, clock: FakeClock, shops: FakeShops
) -> None:
    """Posted and shown, whichever comes first: one delivery, and each of its events once."""
    async with shops.serving() as url:
        desk = asking_desk(memory_store, clock, url)
        async with served(desk) as hooks:
            shops.hooks = hooks
            posted = shops.place("woocommerce")
            await shops.settled()
            shops.hooks = "http://127.0.0.1:9/hooks"
            shown = shops.place("woocommerce")
            await shops.settled()
            assert await asked(desk) == (2, 1)
            before = await told(desk)
            late = [one for one in shops.posted if f'"id": {shown.number},' in one.body.decode()]
            shops.hooks = hooks
            assert await shops._post(late[0]) == 200  # the webhook after all
    assert await told(desk) == before
    whole = [row for row in await rows(desk.store, Inbox) if not row.parent_id]
    assert len(whole) == 2
    assert len({row.event_id for row in whole}) == 2
    assert {row.id for row in await rows(desk.store, Order)} == {
        f"woocommerce-{one.number}" for one in (posted, shown)
    }


async def test_no_change_is_passed_over(desk: Desk, clock: FakeClock, shops: FakeShops) -> None:
    """More than a page within one second, and more after that: all are seen, and kept once."""
    at = clock.real().replace(microsecond=0) - timedelta(minutes=30)
    for number in range(1, 91):
        moment = at + timedelta(seconds=max(0, number - 50))
        shops.place("woocommerce", number=number, at=moment, email=f"b{number}@example.com")
    fetched = await desk.fetch_if_due(Turn(desk.store, TURNS))
    assert fetched is not None
    assert fetched.new == 90
    assert len(await rows(desk.store, Inbox)) == 90


async def test_it_goes_on_where_it_was(desk: Desk, clock: FakeClock, shops: FakeShops) -> None:
    """By the tables: another process asks after an hour, from where the first one was."""
    shops.place("woocommerce")
    assert await asked(desk) == (1, 1)
    assert await asked(desk) is None  # not yet
    the_next(clock)
    first, second = Turn(desk.store, TURNS), Turn(desk.store, TURNS)
    assert await first.is_ours(clock.real())
    assert await desk.fetch_if_due(second) is None  # another's turn
    assert await desk.fetch_if_due(first) is not None
    the_next(clock)
    clock.advance(days=40)  # nothing happened since
    assert await asked(desk) == (1, 0)


async def test_a_second_half_read_is_gone_on_with(
    desk: Desk, clock: FakeClock, shops: FakeShops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault on the second page keeps the first."""
    for number in range(1, 31):
        at = clock.real().replace(microsecond=0) - timedelta(seconds=3000 - 100 * number)
        shops.place("woocommerce", number=number, at=at, email=f"b{number}@example.com")
    real, pages = woocommerce_shop._page, 0

    async def one_page(*said: Any) -> Any:
        nonlocal pages
        pages += 1
        shops.script = Mischief(asked=Script(always=Fault.UNAVAILABLE if pages == 2 else None))
        return await real(*said)

    monkeypatch.setattr(woocommerce_shop, "_page", one_page)  # it falls over between two pages
    await asked(desk)
    assert (await desk.fetching()).fault == "answers_503"
    assert len([one for one in await rows(desk.store, Inbox) if not one.parent_id]) == 20
    the_next(clock)
    assert (await asked(desk))[1] == 10  # type: ignore[index]


@pytest.mark.parametrize("fault", ODD)
async def test_whatever_it_answers_it_is_asked_again(
    desk: Desk, clock: FakeClock, shops: FakeShops, fault: Fault
) -> None:
    """Later, and later; nothing is lost; in the end an engineer hears of it, until it is well."""
    shops.place("woocommerce")
    shops.script = Mischief(asked=Script(always=fault))
    for _ in range(ENOUGH + 1):
        assert await asked(desk) == (0, 0)
        the_next(clock)
    (task,) = await rows(desk.store, Task)
    assert (task.role, task.state) == ("engineer", "open")
    assert (await look_at_shop(desk)).state == "warning"
    shops.script = Mischief()
    assert await asked(desk) == (1, 1)
    assert [one.state for one in await rows(desk.store, Task) if one.key.endswith(task.key)] == [
        "done"
    ]


async def test_a_shop_that_is_away_for_weeks_is_asked_by_the_hour(
    desk: Desk, clock: FakeClock, shops: FakeShops
) -> None:
    """However often it failed: the wait is an hour, and nothing falls over."""
    shops.place("woocommerce")
    await desk._remember(Fetching(failures=2000, fault="no_answer"))
    shops.script = Mischief(asked=Script(always=Fault.UNAVAILABLE))
    assert await asked(desk) == (0, 0)
    state = await desk.fetching()
    assert (state.failures, state.next_at) == (2001, clock.real() + EVERY)


async def test_what_nobody_foresaw_is_for_the_next_time(
    desk: Desk, shops: FakeShops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order nested deeper than can be written: the look goes on, at its own pace."""
    tried = asyncio.Semaphore(0)

    def too_deep(said: Any) -> None:
        tried.release()
        raise RecursionError

    shops.place("woocommerce")
    monkeypatch.setattr(woocommerce_shop, "_delivery", too_deep)
    monkeypatch.setattr(fetching, "LOOK", 0.01)
    looking = asyncio.create_task(desk.fetch_by_the_hour())
    for _ in range(2):
        await tried.acquire()
    assert not looking.done()
    looking.cancel()


async def test_a_shop_that_hangs_is_left_alone(
    desk: Desk, clock: FakeClock, shops: FakeShops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer within the time-out is a fault like others; what it wishes to wait is waited."""
    monkeypatch.setattr(woocommerce_shop, "SECONDS", 0.2)
    shops.script = Mischief(asked=Script(always=Fault.HANG_BEFORE))
    assert await asked(desk) == (0, 0)
    state = await desk.fetching()
    assert (state.fault, state.failures) == ("no_answer", 1)
    assert state.next_at == clock.real() + AGAIN * 2
    monkeypatch.undo()
    limited = Script(always=Fault.RATE_LIMITED, retry_after=timedelta(minutes=30))
    shops.script = Mischief(asked=limited)
    the_next(clock, AGAIN)
    await asked(desk)
    assert (await desk.fetching()).next_at == clock.real() + timedelta(minutes=30)


async def test_a_disabled_webhook_is_an_engineers_task(
    desk: Desk, clock: FakeClock, shops: FakeShops
) -> None:
    """Once, until it is switched on again; another's webhooks are not ours to see to."""
    shops.silent.add("woocommerce")
    for _ in range(2):
        await asked(desk)
        the_next(clock)
    (task,) = await rows(desk.store, Task)
    assert "order.created, order.deleted, order.updated" in task.title
    assert "order.updated" in (await look_at_shop(desk)).says
    shops.silent.clear()
    await asked(desk)
    assert (await rows(desk.store, Task))[0].state == "done"
    assert (await look_at_shop(desk)).state == "ok"
    shops.rest.shows_hooks = False  # the key may read orders alone
    the_next(clock)
    assert await asked(desk) is not None
    assert ((await desk.fetching()).hooks, (await desk.fetching()).fault) == (None, "")


async def test_by_hand_everything_since_then(
    desk: Desk, clock: FakeClock, shops: FakeShops
) -> None:
    """After an outage of days; where the hourly look is stays as it is."""
    old = clock.real() - timedelta(days=2)
    shops.place("woocommerce", at=old)
    assert await asked(desk) == (0, 0)
    before = await desk.fetching()
    fetched = await desk.fetch(clock.real() - timedelta(days=3))
    assert (fetched.shown, fetched.new) == (1, 1)
    assert await desk.fetching() == before
    shops.script = Mischief(asked=Script(always=Fault.UNAUTHORISED))
    with pytest.raises(Refusal, match="unauthorised"):
        await desk.fetch(old)


async def test_nobody_asks_who_is_not_set_up(memory_store: Store, clock: FakeClock) -> None:
    """The doctor says what is lost by that, where there is a shop."""
    desk = a_desk(memory_store, clock, FakeTemporal())
    with pytest.raises(Refusal, match="not_set_up"):
        await desk.fetch(clock.real())
    assert (await look_at_shop(desk)).state == "ok"
    desk = a_desk(memory_store, clock, FakeTemporal(), woocommerce_secret=SHOP_SECRET)
    assert (await look_at_shop(desk)).state == "warning"


async def test_live_asks_for_orders_and_webhooks(desk: Desk, shops: FakeShops) -> None:
    """Good, disabled, a bad key, nonsense: a line each, which repeats no secret."""
    (good,) = await look_live(desk.settings)
    assert (good.state, "3 webhooks post" in good.says) == ("ok", True)
    shops.silent.add("woocommerce")
    (off,) = await look_live(desk.settings)
    assert (off.state, "order.updated is disabled" in off.says) == ("warning", True)
    url = desk.settings.woocommerce_url
    bad = asking_desk(desk.store, FakeClock(), url, woocommerce_consumer_secret="hush").settings
    (bad_key,) = await look_live(bad)
    assert (bad_key.state, "unauthorised" in bad_key.says) == ("broken", True)
    assert "hush" not in str(bad_key)
    for fault in ODD:
        shops.script = Mischief(asked=Script(always=fault))
        (odd,) = await look_live(desk.settings)
        assert (odd.state, bool(odd.cure)) == ("broken", True), fault
