"""The fake shops against the real doors, over the wire: as their vendors post, and fail."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp import web

from activities.clock import SystemClock
from activities.crm.store import Store
from activities.crm.tables import Order
from activities.fakes.shops import AGAIN, FAILURES, SHOPS, FakeShops, Mischief
from starter.desk import Desk
from starter.web import create_site
from tests.starter.front import FakeTemporal, a_desk, rows
from tests.starter.hooks import SHOP_SECRET
from tests.starter.shops import reasons, told

SECRETS = dict.fromkeys(SHOPS, SHOP_SECRET)
FAST = 0.001  # seconds that a vendor's hour takes


@pytest.fixture
def desk(memory_store: Store) -> Desk:
    secrets: dict[str, Any] = {f"{shop}_secret": SHOP_SECRET for shop in SHOPS}
    return a_desk(memory_store, SystemClock(), FakeTemporal(), **secrets)


@contextlib.asynccontextmanager
async def served(desk: Desk) -> AsyncIterator[str]:
    """Our site on loopback; yields where its doors are."""
    config = uvicorn.Config(create_site(desk), log_config=None, access_log=False, lifespan="off")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hooks"
        server.should_exit = True
        await serving


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here answers late, but the machine may stall."""
    monkeypatch.setattr("activities.fakes.shops.PATIENCE", dict.fromkeys(SHOPS, 60.0))


@contextlib.asynccontextmanager
async def answering(statuses: Callable[[int], int]) -> AsyncIterator[str]:
    """Somebody who answers the n-th request with this status."""
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(status=statuses(asked))

    app = web.Application()
    app.router.add_post("/{shop}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


async def test_an_order_of_each_shop_lives_and_ends(desk: Desk) -> None:
    """Placed, paid, shipped, delivered, refunded: by small requests; each is believed."""
    async with served(desk) as hooks:
        shops = FakeShops(hooks, SECRETS, hour=FAST)
        async with shops.serving() as url, aiohttp.ClientSession() as client:
            for shop in SHOPS:
                async with client.post(f"{url}/{shop}/orders", json={"paid": False}) as answer:
                    number = (await answer.json())["number"]
                await shops.settled()
                for act in ("pay", "ship", "deliver", "refund"):
                    async with client.post(f"{url}/{shop}/orders/{number}/{act}") as answer:
                        knows = shop == "shopify" or (shop, act) not in {
                            ("stripe", "ship"), ("stripe", "deliver"), ("woocommerce", "deliver"),
                        }  # fmt: skip
                        assert answer.status == (200 if knows else 409)
                    await shops.settled()
            async with client.post(f"{url}/woocommerce/ping") as answer:
                assert await answer.json() == {"saved": True}
    assert all(one.done and one.answers == [200] for one in shops.posted)
    found = {row.id.partition("-")[0]: row for row in await rows(desk.store, Order)}
    assert all(row.paid_at and row.refunded_at for row in found.values())
    assert found["shopify"].shipped_at
    assert found["shopify"].delivered_at
    assert found["woocommerce"].shipped_at
    assert await reasons(desk) == ["unpaid", "unpaid", "unpaid"]


async def test_doubled_and_overtaken_it_ends_the_same(desk: Desk) -> None:
    """What goes wrong on the way changes nothing in the end."""
    async with served(desk) as hooks:
        shops = FakeShops(hooks, SECRETS, hour=FAST)
        async with shops.serving():
            shops.script = Mischief(doubled=1, late=100, seed=7)
            order = shops.place("shopify")
            for act in ("ship", "deliver"):
                shops.act("shopify", order.number, act)
            shops.act("shopify", order.number, "refund", ["KET-7"])
            await shops.settled()
    (row,) = await rows(desk.store, Order)
    assert (row.shipped_at, row.refunded_at) == (order.shipped_at, order.refunded_at)
    assert row.delivered_at
    assert (await told(desk)).count("order.refunded") == 2  # its item, then with it the whole


async def test_each_gives_up_as_its_vendor_does() -> None:
    """Shopify after nine tries, WooCommerce after more than five webhooks; Stripe never at once."""
    async with answering(lambda _: 500) as hooks:
        shops = FakeShops(hooks, SECRETS, hour=0.0)
        async with shops.serving():
            shops.place("shopify")
            shops.place("stripe")
            for _ in range(FAILURES):
                shops.place("woocommerce")
            await shops.settled()
            assert shops.silent == {"shopify"}
            shops.place("woocommerce")
            await shops.settled()
            assert shops.silent == {"shopify", "woocommerce"}
    tries = {one.shop: len(one.answers) for one in shops.posted}
    assert tries == {shop: 1 + len(AGAIN[shop]) for shop in SHOPS}


async def test_what_was_not_taken_is_posted_again() -> None:
    """A 503 is asked again, and then it was heard."""
    async with answering(lambda number: 503 if number < 3 else 204) as hooks:
        shops = FakeShops(hooks, SECRETS, hour=0.0)
        async with shops.serving():
            shops.place("stripe")
            await shops.settled()
    assert shops.posted[0].answers == [503, 503, 204]


async def test_odd_requests_are_refused() -> None:
    """No such shop, order, act, or no object."""
    shops = FakeShops("http://127.0.0.1:9/hooks", SECRETS, hour=0.0)
    async with shops.serving() as url, aiohttp.ClientSession() as client:
        shops.silent |= set(SHOPS)
        for path, said, status in (
            ("amazon/orders", {}, 404),
            ("shopify/orders", [], 404),
            ("shopify/orders", {"items": 3}, 422),
            ("shopify/orders", {"shop": "x"}, 422),
            ("shopify/orders/7/ship", {}, 404),
            ("shopify/orders", {"number": 7}, 201),
            ("shopify/orders/7/explode", {}, 409),
        ):
            async with client.post(f"{url}/{path}", json=said) as answer:
                assert answer.status == status, path
        async with client.get(f"{url}/shopify/orders/7") as answer:
            assert (await answer.json())["email"] == "ada@example.com"
        async with client.get(f"{url}/shopify/webhooks") as answer:
            assert await answer.json() == {"silent": True, "data": []}
