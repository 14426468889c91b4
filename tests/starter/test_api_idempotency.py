"""`Idempotency-Key`: every POST is carried out once, and gives its first answer again."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy.exc import OperationalError

from activities.crm.store import Store
from starter.answers import Refusal
from tests.factories import FakeClock
from tests.starter.doors import EVENT, FakeDesk, furnished, is_problem, knocking


@pytest.fixture
async def desk(memory_store: Store, clock: FakeClock) -> FakeDesk:
    return await furnished(memory_store, clock)


async def again(
    http: httpx2.AsyncClient, key: str, body: Any = EVENT, path: str = "/v1/events"
) -> httpx2.Response:
    return await http.post(path, json=body, headers={"Idempotency-Key": key})


async def test_the_same_key_gets_the_first_answer(desk: FakeDesk, clock: FakeClock) -> None:
    """For 24 hours, refusals of the desk included; then it is a new request."""
    async with knocking(desk) as http:
        first = await again(http, "k1")
        desk.effect = "already"
        second = await again(http, "k1")
        assert second.json() == first.json()
        assert second.headers["idempotent-replayed"] == "true"
        assert len(desk.asked) == 1
        clock.advance(hours=24)
        assert (await again(http, "k1")).json() != first.json()
        desk.fault = Refusal("conflict", "no", status=409)
        is_problem(await again(http, "k2"), 409, "conflict")
        desk.fault = None
        replayed = await again(http, "k2")
        assert replayed.status_code == 409
        assert replayed.headers["content-type"] == "application/problem+json"


async def test_another_request_under_the_same_key_is_refused(desk: FakeDesk) -> None:
    """Another body, or another address; but another caller's key is another key."""
    async with knocking(desk) as http:
        await again(http, "k1")
        is_problem(
            await again(http, "k1", EVENT | {"id": "evt_9"}),
            409,
            "idempotency_mismatch",
            "Idempotency-Key",
        )
        path = "/v1/customers/cus_1/signals/responded"
        assert (await again(http, "k1", EVENT, path)).status_code == 409
    async with knocking(desk) as http:
        assert (await again(http, "k1", EVENT | {"id": "evt_9"})).status_code == 200


async def test_two_at_once_are_carried_out_once(desk: FakeDesk) -> None:
    """Whoever comes while the first is under way is told so."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        await go.wait()

    desk.before = wait
    async with knocking(desk) as http:
        first = asyncio.create_task(again(http, "k1"))
        await begun.wait()
        is_problem(await again(http, "k1"), 409, "idempotency_in_progress")
        go.set()
        assert (await first).status_code == 200
        assert (await again(http, "k1")).status_code == 200
    assert len(desk.asked) == 1


async def test_ten_at_once_on_any_database(store: Store, clock: FakeClock) -> None:
    """The table decides who is first, on both databases."""
    desk = FakeDesk(store, clock)
    async with knocking(desk) as http:
        answers = await asyncio.gather(*(again(http, "k1") for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(desk.asked) == 1


async def test_what_failed_may_be_tried_again(desk: FakeDesk) -> None:
    """Neither a 503, nor a refusal at the door, nor an accident is the first answer."""
    async with knocking(desk) as http:
        desk.fault = OperationalError("insert", {}, Exception())
        is_problem(await again(http, "k1"), 503, "unavailable")
        desk.fault = ZeroDivisionError("ada@example.com")
        answer = await again(http, "k1")
        is_problem(answer, 500, "internal")
        assert "ada@" not in answer.text
        desk.fault = None
        assert (await again(http, "k1")).status_code == 200
        path = "/v1/follow-ups"
        is_problem(await again(http, "k2", {"sop": 1}, path), 422, "invalid", "sop")
        good = {"sop": "online-customer", "customer": {}}
        assert (await again(http, "k2", good, path)).status_code == 201


async def test_a_signal_is_named_by_its_key(desk: FakeDesk, clock: FakeClock) -> None:
    """After a crash midway the same request is the same event for the desk; another is not."""
    path = "/v1/customers/cus_1/signals/responded"
    async with knocking(desk) as http:
        await again(http, "k1", {}, path)
        clock.advance(hours=25)
        await again(http, "k1", {}, path)
        await again(http, "k2", {}, path)
        await again(http, "k3", {"id": "mine"}, path)
    named = [asked[3]["id"] for asked in desk.asked]
    assert named[0] == named[1] != named[2]
    assert named[3] == "mine"


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "é"])
async def test_a_key_is_short_printable_text(desk: FakeDesk, key: str) -> None:
    """What is not is refused, and nothing carried out."""
    async with knocking(desk) as http:
        headers = {b"idempotency-key": key.encode("latin-1")}
        answer = await http.post("/v1/events", json=EVENT, headers=headers)
    is_problem(answer, 422, "idempotency_key_invalid", "Idempotency-Key")
    assert desk.asked == []
