"""The API's doors: keys and scopes, events, follow-ups, commands and policies."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy.exc import OperationalError

from activities.crm import keys
from activities.crm.keys import Scope
from activities.crm.store import Store
from starter.api.routing import GuardedRoute, needs
from tests.factories import NOON, FakeClock
from tests.starter.doors import EVENT, FakeDesk, app_over, client, furnished, is_problem, knocking

OPEN = {"/livez", "/readyz", "/docs", "/docs/reference.css", "/openapi.json"}


@pytest.fixture
async def desk(memory_store: Store, clock: FakeClock) -> FakeDesk:
    return await furnished(memory_store, clock)


def doors(desk: FakeDesk) -> list[GuardedRoute]:
    """Every route there is that is not a probe or the reference."""
    app = app_over(desk)
    found: list[GuardedRoute] = []
    pending: list[Any] = list(app.routes)
    while pending:
        route = pending.pop()
        router = getattr(route, "original_router", None) or getattr(route, "router", None)
        if router is not None:
            pending.extend(router.routes)
        elif isinstance(route, APIRoute) or route.path not in OPEN:
            if route.path in OPEN:
                continue
            assert isinstance(route, GuardedRoute), route.path
            found.append(route)
    return found


async def test_every_route_needs_a_key_and_its_scope(desk: FakeDesk) -> None:
    """Without a key, or with a wrong one, 401; with one that lacks the scope, 403."""
    app, now = app_over(desk), desk.clock.real()
    secrets = {}
    async with desk.store.transaction() as session:
        for scope in Scope:
            _, secrets[scope] = await keys.create(session, now, scope.value, [scope])
    found = doors(desk)
    assert len(found) >= 22
    for door in found:
        path = door.path.replace("{id}", "x").replace("{name}", "x")
        for method in door.methods or ():
            async with client(app) as http:
                is_problem(await http.request(method, path), 401, "unauthorized")
            async with client(app, "ac_wrong") as http:
                answer = await http.request(method, path)
                is_problem(answer, 401, "unauthorized")
                assert answer.headers["www-authenticate"] == "Bearer"
            for scope in {Scope.READ, Scope.WRITE} - {door.scope}:
                async with client(app, secrets[scope]) as http:
                    is_problem(await http.request(method, path), 403, "forbidden")
    assert desk.asked == []


def test_a_route_without_a_rule_cannot_be_made() -> None:
    """Who forgets to say which scope a route needs is told at once."""

    async def open_to_all() -> None: ...

    with pytest.raises(TypeError, match="scope"):
        GuardedRoute("/v1/open", open_to_all, methods=["GET"])
    assert (
        GuardedRoute("/v1/shut", needs(Scope.READ)(open_to_all), methods=["GET"]).scope
        is Scope.READ
    )


def test_reading_changes_nothing(desk: FakeDesk) -> None:
    """GET asks for `read`; what changes something asks for more."""
    for door in doors(desk):
        assert (door.methods == {"GET"}) == (door.scope is Scope.READ), door.path


async def test_a_revoked_key_is_refused(desk: FakeDesk) -> None:
    """From the moment it is revoked."""
    async with knocking(desk) as http:
        assert (await http.get("/v1/follow-ups")).status_code == 200
        async with desk.store.transaction() as session:
            await keys.revoke(session, NOON, "test")
        is_problem(await http.get("/v1/follow-ups"), 401, "unauthorized")


async def test_an_event_says_what_came_of_it(desk: FakeDesk) -> None:
    """One event, its effects, and our id for the customer."""
    async with knocking(desk) as http:
        answer = await http.post("/v1/events", json=EVENT)
    assert answer.status_code == 200
    assert answer.json() == {
        "data": [
            {
                "event": "evt_1",
                "customer": "cus_1",
                "effects": [{"follow_up": "online-customer.cus_1", "effect": "started"}],
            }
        ]
    }
    assert desk.asked == [("receive", "api", EVENT)]


async def test_with_temporal_away_it_is_202(desk: FakeDesk) -> None:
    """Kept, and yet to be told."""
    desk.effect = "queued"
    async with knocking(desk) as http:
        assert (await http.post("/v1/events", json=EVENT)).status_code == 202
        assert (await http.post("/v1/events", json={"events": [EVENT]})).status_code == 202
        path = "/v1/follow-ups/online-customer.cus_1"
        assert (await http.post(f"{path}/signals/responded")).status_code == 202
        assert (await http.post(f"{path}/hold", json={"reason": "r"})).status_code == 202


@pytest.mark.parametrize(
    "fault",
    [
        OperationalError("insert", {"email": "ada@example.com"}, Exception("disk full")),
        ConnectionError(),
    ],
)
async def test_what_cannot_be_kept_is_503(desk: FakeDesk, fault: Exception) -> None:
    """To be sent again, the whole batch; and nothing from inside is told."""
    desk.fault = fault
    async with knocking(desk) as http:
        for body in (EVENT, {"events": [EVENT, EVENT]}):
            answer = await http.post("/v1/events", json=body)
            is_problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"] == "5"
            assert "ada@" not in answer.text


async def test_a_batch_carries_out_the_good_ones(desk: FakeDesk) -> None:
    """The bad ones carry an error with its code; the order is kept."""
    events = [EVENT, {"id": "evt_2", "type": "bad"}, EVENT | {"id": "evt_3"}]
    async with knocking(desk) as http:
        said = (await http.post("/v1/events", json={"events": events})).json()["data"]
    assert [one["event"] for one in said] == ["evt_1", "evt_2", "evt_3"]
    assert said[1]["error"]["code"] == "unknown_event_type"
    assert said[1]["error"]["param"] == "type"
    assert [event["id"] for _, _, event in desk.asked] == ["evt_1", "evt_3"]


async def test_an_event_can_be_asked_about(desk: FakeDesk) -> None:
    """By the sender's own id."""
    async with knocking(desk) as http:
        assert (await http.get("/v1/events/evt_1")).json() == {"event": "evt_1", "effects": []}
        is_problem(await http.get("/v1/events/evt_2"), 404, "not_found")


async def test_starting_is_201_and_again_200(desk: FakeDesk) -> None:
    """The same follow-up, as the reports have it."""
    body = {"sop": "online-customer", "customer": {"email": "ada@example.com"}}
    async with knocking(desk) as http:
        first = await http.post("/v1/follow-ups", json=body)
        desk.effect = "already"
        second = await http.post("/v1/follow-ups", json=body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.json()["id"] == "online-customer.cus_1"


async def test_commands_reach_the_desk(desk: FakeDesk) -> None:
    """Signals with any body or none, controls with their reason, a task with its outcome."""
    async with knocking(desk) as http:
        for path, body in [
            ("/v1/follow-ups/online-customer.cus_1/signals/responded", {"text": "Hello"}),
            ("/v1/customers/cus_1/signals/complaint", None),
            ("/v1/follow-ups/online-customer.cus_1/run-now", {"reason": "now", "clause": "5.4.1"}),
            ("/v1/tasks/task_1/complete", {"declined": True}),
        ]:
            assert (await http.post(path, json=body)).status_code == 200, path
        is_problem(
            await http.post("/v1/follow-ups/online-customer.cus_1/end", json={}),
            422,
            "missing",
            "reason",
        )
    asked = [one[:-1] for one in desk.asked]
    assert asked == [
        ("signal", "online-customer.cus_1", "responded", {"text": "Hello"}),
        ("signal", "cus_1", "complaint", {}),
        ("control", "run-now", "online-customer.cus_1", "5.4.1", "now"),
        ("complete_task", "task_1", {"declined": True}),
    ]
    assert all(one[-1].startswith("api:key_") for one in desk.asked)


async def test_a_policy_is_an_administrators(desk: FakeDesk) -> None:
    """Reading it takes `read`, changing it `admin`."""
    change = {"values": {"check_in": "10d"}, "reason": "sooner", "approve": True}
    async with knocking(desk, Scope.READ, Scope.WRITE) as http:
        assert (await http.get("/v1/policies/house")).json() == {"name": "house"}
        is_problem(await http.put("/v1/policies/house", json=change), 403, "forbidden")
    async with knocking(desk, Scope.ADMIN) as http:
        assert (await http.put("/v1/policies/house", json=change)).status_code == 200
    name, changes, _, reason, approve = desk.asked[0][1:]
    assert (name, changes, reason, approve) == ("house", {"check_in": "10d"}, "sooner", True)


async def test_a_policy_is_changed_and_dropped_for_a_reason(desk: FakeDesk) -> None:
    """A blank one is none; with one, the draft that waits is dropped."""
    async with knocking(desk, Scope.ADMIN) as http:
        blank = {"values": {"check_in": "10d"}, "reason": " "}
        said = await http.put("/v1/policies/house", json=blank)
        is_problem(said, 422, "missing", "reason")
        said = await http.post("/v1/policies/house/discard", json={"reason": "not now"})
        assert said.json() == {"name": "house", "waiting": None}
    assert desk.asked == [("policy_discard", "house", desk.asked[0][2], "not now")]
