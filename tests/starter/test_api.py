"""The API's doors: keys and scopes, one shape of errors, every POST once, lists and probes."""

from __future__ import annotations

import asyncio
import html
from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute
from sqlalchemy.exc import OperationalError

from activities.crm import keys
from activities.crm.keys import Scope
from activities.crm.store import Store
from activities.crm.tables import Enrolment, Task
from starter.answers import Refusal
from starter.api import create_app
from starter.api.door import Door, needs
from starter.api.problems import CODES
from starter.health import Check
from tests.factories import NOON, FakeClock, a_customer
from tests.starter.doors import FakeDesk, app_over, client, is_problem, knocking

EVENT = {"id": "evt_1", "type": "customer.signed_up", "customer": {"email": "ada@example.com"}}
OPEN = {"/livez", "/readyz", "/docs", "/docs/reference.css", "/openapi.json"}


@pytest.fixture
async def desk(memory_store: Store, clock: FakeClock) -> FakeDesk:
    await a_customer(memory_store, id="cus_1")
    async with memory_store.transaction() as session:
        session.add(
            Enrolment(
                id="online-customer.cus_1",
                sop="online-customer",
                subject="cus_1",
                customer_id="cus_1",
                sop_version="1.0",
                state="running",
                input={},
                started_at=NOON,
            )
        )
        session.add(
            Task(
                id="task_1",
                key="online-customer.cus_1/task",
                customer_id="cus_1",
                follow_up="online-customer.cus_1",
                clause="5.4.1",
                role="marketing",
                title="Write",
                state="open",
                due_at=NOON,
                created_at=NOON,
            )
        )
    return FakeDesk(memory_store, clock)


def doors(desk: FakeDesk) -> list[Door]:
    """Every route there is that is not a probe or the reference."""
    app = app_over(desk)
    found: list[Door] = []
    pending: list[Any] = list(app.routes)
    while pending:
        route = pending.pop()
        router = getattr(route, "original_router", None) or getattr(route, "router", None)
        if router is not None:
            pending.extend(router.routes)
        elif isinstance(route, APIRoute) or route.path not in OPEN:
            if route.path in OPEN:
                continue
            assert isinstance(route, Door), route.path
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
        Door("/v1/open", open_to_all, methods=["GET"])
    assert Door("/v1/shut", needs(Scope.READ)(open_to_all), methods=["GET"]).scope is Scope.READ


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
            assert "ada" not in answer.text


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


# -- Idempotency-Key -----------------------------------------------------------------


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
        assert "ada" not in answer.text
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


# -- around every answer ---------------------------------------------------------------


async def test_every_answer_has_an_id_and_safe_headers(desk: FakeDesk) -> None:
    """Good or bad, known address or not."""
    async with knocking(desk) as http:
        for path in ("/v1/follow-ups", "/livez", "/nowhere", "/docs", "/openapi.json"):
            headers = (await http.get(path)).headers
            assert headers["request-id"].startswith("req_")
            assert headers["x-content-type-options"] == "nosniff"
            assert "default-src 'self'" in headers["content-security-policy"]


async def test_what_is_not_routed_is_a_problem_too(desk: FakeDesk) -> None:
    """404 and 405 have the shape of all errors."""
    async with knocking(desk) as http:
        is_problem(await http.get("/v1/nothing"), 404, "not_found")
        is_problem(await http.get("/v1/follow-ups/"), 404, "not_found")
        answer = await http.delete("/v1/follow-ups")
        is_problem(answer, 405, "method_not_allowed")
        assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]


async def test_probes(desk: FakeDesk) -> None:
    """Without Temporal events are still kept, so traffic stays; without a database it goes."""
    gone = [Check("database", "broken", "secret host")]
    away = [Check("database", "ok", ""), Check("temporal", "broken", "")]
    for checks, status, word in [
        (None, 200, "ready"),
        (away, 200, "degraded"),
        (gone, 503, "unavailable"),
    ]:
        async with client(app_over(desk, checks)) as http:
            assert (await http.get("/livez")).json() == {"status": "ok"}
            answer = await http.get("/readyz")
            assert (answer.status_code, answer.json()["status"]) == (status, word)
            assert "secret" not in answer.text


async def test_lists_turn_their_pages(desk: FakeDesk) -> None:
    """Newest first, `has_more`, and a cursor that must be one of them."""
    async with desk.store.transaction() as session:
        for number in range(2, 6):
            fields = {"subject": str(number), "customer_id": "cus_1", "sop": "satisfaction"}
            session.add(
                Enrolment(
                    id=f"satisfaction.{number}",
                    sop_version="1",
                    started_at=NOON,
                    input={},
                    **fields,
                )
            )
    async with knocking(desk) as http:
        query = {"sop": "satisfaction", "limit": "3"}
        page = (await http.get("/v1/follow-ups", params=query)).json()
        ids = [one["id"] for one in page["data"]]
        assert (ids, page["has_more"]) == (
            ["satisfaction.5", "satisfaction.4", "satisfaction.3"],
            True,
        )
        rest = (await http.get("/v1/follow-ups", params=query | {"starting_after": ids[-1]})).json()
        assert [one["id"] for one in rest["data"]] == ["satisfaction.2"]
        assert rest["has_more"] is False
        for wrong, code in [
            ({"starting_after": "x"}, "unknown_cursor"),
            ({"limit": "0"}, "invalid"),
            ({"limit": "101"}, "invalid"),
            ({"state": "sleeping"}, "invalid"),
            ({"colour": "red"}, "unknown_parameter"),
        ]:
            answer = await http.get("/v1/follow-ups", params=wrong)
            is_problem(answer, 422, code, next(iter(wrong)))


async def test_the_reference_loads_nothing_from_elsewhere(desk: FakeDesk) -> None:
    """One page and one style sheet, both from here; every operation and code is on it."""
    async with knocking(desk) as http:
        page = (await http.get("/docs")).text
        css = await http.get("/docs/reference.css")
        document = (await http.get("/openapi.json")).json()
    assert css.headers["content-type"].startswith("text/css")
    assert "http" not in css.text
    assert "<script" not in page
    assert "style=" not in page
    assert page.count("://") == page.count("http://127.0.0.1:8000")
    for path, operations in document["paths"].items():
        assert f"<code>{path}</code>" in page
        for operation in operations.values():
            assert operation["summary"] in html.unescape(page)
    for code in CODES:
        assert f'id="{code}"' in page


async def test_the_document_says_which_key_and_which_errors(desk: FakeDesk) -> None:
    """Each operation under /v1 names its scope and the shape of its problems."""
    document = create_app(desk).openapi()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path.startswith("/v1/"):
                assert operation["security"][0]["key"][0] in {"read", "write", "admin"}
                assert "default" in operation["responses"]
                assert "422" not in operation["responses"]
            else:
                assert "security" not in operation
