"""`/c/{token}`: a link in an offer leads on, and only to where the house's own links lead."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import MessageEvent, PolicyVersion, message_id
from activities.rendering import tracking
from activities.rendering.tracking import Followed
from starter.desk import Desk
from tests.factories import NOON, FakeClock, a_customer, kept
from tests.starter.front import FakeTemporal, a_desk, only, rows
from tests.starter.hooks import visiting
from tests.starter.records import a_message

SECRET = "the house's"
TUTORIAL = "https://shop.example/tutorial?a=1&b=2"


@pytest.fixture
async def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    links = {"tutorial": TUTORIAL, "portal": "mailto:a@shop.example", "plans": ""}
    house = {"name": "house", "version": 1, "body": {"links": links}, "approved_by": "bea"}
    await kept(store, PolicyVersion(id="pol", at=NOON, **house))
    return a_desk(store, clock, temporal, secret_key=SECRET)


@pytest.fixture
async def message(store: Store) -> str:
    """The id of one that has links."""
    await a_customer(store, id="cus_1")
    return await a_message(store, "5.2.1", "getting-started", id=message_id("k"), key="k")


def path(message: str, name: str = "tutorial") -> str:
    return f"/c/{tracking.token(SECRET, Followed(message, name))}"


async def test_a_link_leads_on_and_is_written_down_once(desk: Desk, message: str) -> None:
    """The address is the house's, letter for letter; following it again counts no more."""
    async with visiting(desk) as client:
        for _ in range(3):
            answer = await client.get(path(message))
            assert (answer.status_code, answer.headers["location"]) == (302, TUTORIAL)
            assert answer.headers["cache-control"] == "no-store"
    event = await only(desk.store, MessageEvent)
    assert (event.message_id, event.what, event.data) == (message, "clicked", {"link": "tutorial"})


async def test_following_it_again_keeps_no_writer_waiting(desk: Desk, message: str) -> None:
    """What is on record is only looked for, however often a scanner follows it."""
    await desk.clicked(message, "tutorial")
    async with desk.store.transaction():
        async with asyncio.timeout(5):
            await desk.clicked(message, "tutorial")
    assert len(await rows(desk.store, MessageEvent)) == 1


async def test_looking_is_not_following(desk: Desk, message: str) -> None:
    """A scanner's HEAD is led on, and counts for nothing; a POST is not what a link does."""
    async with visiting(desk) as client:
        assert (await client.head(path(message))).headers["location"] == TUTORIAL
        assert (await client.post(path(message))).status_code == 405
    assert await rows(desk.store, MessageEvent) == []


async def test_nothing_else_is_led_to(desk: Desk, message: str) -> None:
    """A forged token, another link's signature, a link that is no page, one the house has not."""
    good = path(message)
    bad = [
        good.replace("-tutorial", "-portal"),
        good.replace("-tutorial", "-plans"),
        path(message, "portal"),  # signed, and no page
        path(message, "plans"),  # signed, and not set
        path(message, "unsubscribe"),  # signed, and none of the house's
        good[:-1],
        good + "x",
        good.replace(good[5], "z", 1),
        "/c",
        "/c/",
        "/c/https://evil.example",
        "/c//evil.example",
        "/c/%00%0d%0aLocation:%20https://evil.example",
        "/c/" + "a" * 5000,
    ]
    async with visiting(desk) as client:
        for one in bad:
            answer = await client.get(one)
            assert (answer.status_code, "location" in answer.headers) == (404, False), one
    assert await rows(desk.store, MessageEvent) == []


async def test_the_reader_is_led_on_while_the_database_is_away(
    desk: Desk, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the house's links lead is remembered; what is not known yet says so kindly."""

    def away() -> Any:
        raise ConnectionError

    async with visiting(desk) as client, visiting(desk) as stranger:
        await client.get(path(message))
        monkeypatch.setattr(desk.store, "reading", away)
        monkeypatch.setattr(desk.store, "transaction", away)
        assert (await client.get(path(message))).headers["location"] == TUTORIAL
        assert (await stranger.get(path(message))).status_code == 503


async def test_a_message_that_is_gone_still_leads_on(desk: Desk, message: str) -> None:
    """Whoever kept an old mail gets where they want to be; nothing is written about nobody."""
    gone = Followed("msg_" + "0" * 20, "tutorial")
    async with visiting(desk) as client:
        answer = await client.get(f"/c/{tracking.token(SECRET, gone)}")
    assert answer.headers["location"] == TUTORIAL
    assert await rows(desk.store, MessageEvent) == []
