"""Whatever is sent: a clear problem, never a 500, and nothing that is good is lost with the bad."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from activities.crm.store import Store
from activities.crm.tables import Customer, Enrolment, Inbox
from starter.api.problems import CODES
from tests.starter.doors import is_problem, knocking
from tests.starter.nonsense import (
    BODIES,
    EVENTS,
    FOLLOW_UPS,
    GOOD,
    JSON,
    PATHS,
    START,
    a_desk,
    event,
)


@pytest.fixture
async def http(memory_store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with knocking(await a_desk(memory_store)) as client:
        yield client


async def test_bad_events_are_refused_by_their_code(store: Store) -> None:
    """On both databases, alone and among good ones; and the good ones are kept."""
    wrong = []
    async with knocking(await a_desk(store)) as http:
        for number, (name, (body, code)) in enumerate(EVENTS.items()):
            if body.get("id") == GOOD["id"]:
                body["id"] = f"evt_bad_{number}"  # the same id again would get the first answer
            answer = await http.post("/v1/events", content=json.dumps(body), headers=JSON)
            if answer.status_code not in (404, 422) or answer.json()["code"] != code:
                wrong.append((name, answer.status_code, answer.text))
        assert not wrong, "\n".join(f"{one}" for one in wrong)
        bad = [body for body, code in EVENTS.values() if code not in ("too_many", "invalid_text")]
        good = [event(id=f"evt_good_{n}") for n in range(len(bad))]
        mixed = [one for pair in zip(good, bad, strict=True) for one in pair]
        bodies = [json.dumps({"events": mixed[n : n + 20]}) for n in range(0, len(mixed), 20)]
        for content in bodies:
            answer = await http.post("/v1/events", content=content, headers=JSON)
            if "number_too_large" in answer.text:
                continue  # what no JSON carries exactly is refused as a whole
            assert answer.status_code in (200, 202), answer.text
            said = answer.json()["data"]
            assert ["error" in one for one in said] == [False, True] * (len(said) // 2)
    assert {code for _, code in EVENTS.values()} <= set(CODES)
    async with store.reading() as session:
        assert (await session.execute(select(func.count()).select_from(Customer))).scalar() == 1
        assert (await session.execute(select(func.count()).select_from(Enrolment))).scalar() == 1
        states = await session.execute(select(Inbox.state).distinct())
        assert list(states.scalars()) == ["done"]


@pytest.mark.parametrize("name", FOLLOW_UPS)
async def test_bad_starts_are_refused_by_their_code(http: httpx2.AsyncClient, name: str) -> None:
    """And start nothing."""
    body, code = FOLLOW_UPS[name]
    answer = await http.post("/v1/follow-ups", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert (await http.get("/v1/follow-ups")).json()["data"] == []


@pytest.mark.parametrize("name", BODIES)
async def test_bad_bodies_are_refused_at_the_door(http: httpx2.AsyncClient, name: str) -> None:
    """Each by its status and code, on every route that takes one."""
    body, status, code = BODIES[name]
    answer = await http.post("/v1/events", content=body, headers=JSON)
    said = answer.json()
    assert (answer.status_code, said["code"]) == (status, code), said
    if body:
        answer = await http.put("/v1/policies/house", content=body, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
async def test_a_body_is_json_and_says_so(http: httpx2.AsyncClient, media: str) -> None:
    """A form posted from somewhere is no event."""
    answer = await http.post(
        "/v1/events", content=json.dumps(GOOD), headers={"Content-Type": media}
    )
    is_problem(answer, 415, "media_type")


async def test_a_bomb_is_not_unpacked(http: httpx2.AsyncClient) -> None:
    """Compressed bodies are not read at all."""
    answer = await http.post(
        "/v1/events", content=b"x", headers=JSON | {"Content-Encoding": "gzip"}
    )
    is_problem(answer, 415, "media_type")


async def test_a_flood_is_cut_off_early(http: httpx2.AsyncClient) -> None:
    """However long it goes on, with or without saying so: it is never held in memory."""
    sent = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1600):
            sent += 65536
            yield b" " * 65536

    tracemalloc.start()
    try:
        is_problem(
            await http.post("/v1/events", content=flood(), headers=JSON), 413, "body_too_large"
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16_000_000


@pytest.mark.parametrize("path", PATHS)
async def test_tricks_with_addresses_find_nothing(http: httpx2.AsyncClient, path: str) -> None:
    """Nothing is there, and that is all that is said."""
    for method in ("GET", "POST"):
        answer = await http.request(method, path)
        assert answer.status_code in (404, 405, 422), (method, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=1e9",
        "limit=" + "9" * 400,
        "limit=20&limit=x",
        "customer=%00",
        "state='%20or%201=1",
        "starting_after=%ff",
        "sop=" + "x" * 300,
        "sort=id",
        "%00=1",
    ],
)
async def test_nonsense_in_the_query(http: httpx2.AsyncClient, query: str) -> None:
    """A parameter that nobody reads is told, not ignored."""
    answer = await http.get(f"/v1/follow-ups?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Basic YWRhOnNlY3JldA==",
        b"Bearer \xff\xfe",
        b"Bearer ac_" + b"x" * 9000,
    ],
)
async def test_nonsense_for_a_key(http: httpx2.AsyncClient, authorization: bytes) -> None:
    """401, whatever it is."""
    answer = await http.get("/v1/follow-ups", headers=[(b"authorization", authorization)])
    is_problem(answer, 401, "unauthorized")


@pytest.mark.parametrize(
    "name", ["", "no_such", "__init__", "order.paid;drop", "%00", "../hold", "keep_in_touch.wanted"]
)
async def test_signals_there_are_not(http: httpx2.AsyncClient, name: str) -> None:
    """An unknown name is a problem, not a signal that nobody hears."""
    id_ = (await http.post("/v1/follow-ups", json=START)).json()["id"]
    answer = await http.post(f"/v1/follow-ups/{id_}/signals/{name}", json={})
    assert answer.status_code in (404, 405, 422), answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"text": 7},
        {"text": "x" * 100_000},
        {"at": "yesterday"},
        {"severity": "enormous"},
        {"no_such": 1},
        {"text": {"a": ["b"]}},
    ],
)
async def test_nonsense_in_a_signal(http: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    """The field at fault is named; an empty body is fine."""
    id_ = (await http.post("/v1/follow-ups", json=START)).json()["id"]
    answer = await http.post(f"/v1/follow-ups/{id_}/signals/complaint", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["param"]
    assert (await http.post(f"/v1/follow-ups/{id_}/signals/complaint")).status_code == 202


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"no_such": 1}, 422),
        ({"check_in": ""}, 422),
        ({"check_in": "-P1D"}, 422),
        ({"check_in": [1]}, 422),
        ({"__class__": "x"}, 422),
        ({}, 422),
    ],
)
async def test_nonsense_in_a_policy(
    http: httpx2.AsyncClient, values: dict[str, Any], status: int
) -> None:
    """What does not fit is refused, and the policy stays."""
    before = (await http.get("/v1/policies/online-customer")).json()
    body = {"values": values, "reason": "r", "approve": True}
    answer = await http.put("/v1/policies/online-customer", json=body)
    assert answer.status_code == status, answer.text
    assert (await http.get("/v1/policies/online-customer")).json() == before


async def test_a_policy_there_is_not(http: httpx2.AsyncClient) -> None:
    """Neither to be read nor to be changed."""
    for name in ("no-such", "__class__", "House"):
        is_problem(await http.get(f"/v1/policies/{name}"), 404, "not_found")
        body = {"values": {"check_in": "10d"}, "reason": "r"}
        is_problem(await http.put(f"/v1/policies/{name}", json=body), 404, "not_found")
