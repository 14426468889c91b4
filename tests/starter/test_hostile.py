"""Whatever is sent: a clear problem, never a 500, and nothing that is good is lost with the bad."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from schemathesis.core.result import Ok
from sqlalchemy import func, select
from temporalio.client import Client

from activities.crm.store import Store
from activities.crm.tables import Customer, Enrolment, Inbox
from activities.settings import Settings
from starter.api.problems import CODES
from starter.desk import Desk
from tests.factories import FakeClock
from tests.starter.doors import app_over, is_problem, knocking
from workflows.plugin import plugin
from workflows.vocabulary import HEARD

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
SETTINGS = Settings(_env_file=None, secret_key=SecretStr("a secret of the tests, long enough"))
NOWHERE = "127.0.0.1:1"  # Temporal is away all the time: what is kept is kept all the same

CUSTOMER = {"email": "ada@example.com", "name": "Ada"}
GOOD = {
    "id": "evt_good",
    "type": "customer.signed_up",
    "occurred_at": "2026-11-23T10:00:00Z",
    "customer": CUSTOMER,
}
START = {"sop": "online-customer", "customer": CUSTOMER}
SIGNALS = sorted(HEARD)
JSON = {"Content-Type": "application/json"}


async def a_desk(store: Store) -> Desk:
    away = await Client.connect(NOWHERE, lazy=True, plugins=[plugin])
    return Desk(store, SETTINGS, FakeClock(), away)


@pytest.fixture
async def http(memory_store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with knocking(await a_desk(memory_store)) as client:
        yield client


def event(**fields: Any) -> dict[str, Any]:
    return GOOD | fields


def about(**fields: Any) -> dict[str, Any]:
    return event(customer=CUSTOMER | fields)


def ordered(**fields: Any) -> dict[str, Any]:
    return event(type="order.paid", order={"id": "1001"} | fields)


# What is wrong with it, and the code it gets.
EVENTS: dict[str, tuple[Any, str]] = {
    "no fields": ({}, "missing"),
    "no id": ({"type": "customer.signed_up"}, "missing"),
    "an id that is a number": (event(id=7), "invalid"),
    "an empty id": (event(id=""), "invalid"),
    "an id without an end": (event(id="x" * 10_000), "invalid"),
    "no type": ({"id": "evt_1"}, "missing"),
    "an unknown type": (event(type="customer.signed_in"), "unknown_event_type"),
    "a type from inside": (event(type="keep_in_touch.wanted"), "unknown_event_type"),
    "an unknown field": (event(colour="red"), "unknown_field"),
    "a time in words": (event(occurred_at="yesterday"), "invalid"),
    "a time without its zone": (event(occurred_at="2026-11-23T10:00:00"), "invalid"),
    "a time as a number": (event(occurred_at=1764000000), "invalid_time"),
    "a customer who is a list": (event(customer=[]), "invalid"),
    "a customer who is a word": (event(customer="ada"), "invalid"),
    "an address as customer id": (about(id="ada@example.com"), "id_looks_personal"),
    "a number as customer id": (about(id="+442079460000"), "id_looks_personal"),
    "a path as customer id": (about(id="../../etc/passwd"), "invalid_id"),
    "SQL as customer id": (about(id="x'; drop table customer; --"), "invalid_id"),
    "no address": (about(email="not an address"), "invalid_email"),
    "two addresses": (about(email="a@example.com, b@example.com"), "invalid_email"),
    "an address with a header": (
        about(email="a@example.com\r\nBcc: b@example.com"),
        "invalid_email",
    ),
    "no phone number": (about(phone="call me"), "invalid_phone"),
    "too short a number": (about(phone="+441"), "invalid_phone"),
    "no time zone": (about(time_zone="Europe/Atlantis"), "unknown_time_zone"),
    "a time zone that is a path": (about(time_zone="../../../etc/passwd"), "unknown_time_zone"),
    "no country": (about(country="Atlantis"), "unknown_country"),
    "no language": (about(locale="klingon!"), "unknown_locale"),
    "a tier there is not": (about(tier="gold"), "invalid"),
    "a word for yes": (about(sensitive="perhaps"), "invalid"),
    "a name without an end": (about(name="x" * 100_000), "invalid"),
    "a name that is a number": (about(name=7), "invalid"),
    "a name with a NUL": (about(name="A\0da"), "invalid_text"),
    "an unknown field of a customer": (about(password="secret"), "unknown_field"),
    "no order": (event(type="order.paid"), "missing"),
    "an order without an id": (event(type="order.paid", order={}), "missing"),
    "an amount as a float": (ordered(total=49.9), "invalid_amount"),
    "an amount in words": (ordered(total="many"), "invalid_amount"),
    "no currency": (ordered(currency="POUNDS"), "invalid"),
    "fewer than none": (ordered(items=[{"quantity": -1}]), "invalid"),
    "too many to count": (ordered(items=[{"quantity": 10**15}]), "invalid"),
    "more than JSON can carry": (ordered(items=[{"quantity": 10**400}]), "number_too_large"),
    "a script for a link": (ordered(items=[{"url": "javascript:alert(1)"}]), "invalid"),
    "a list without an end": (ordered(items=[{}] * 2000), "too_many"),
    "data that is a list": (event(data=[]), "invalid"),
    "an unknown SOP": (event(type="follow_up.requested", data={"sop": "no-such"}), "unknown_sop"),
    "a path for an SOP": (event(type="follow_up.requested", data={"sop": "../x"}), "unknown_sop"),
}

FOLLOW_UPS: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "missing"),
    "an unknown SOP": (START | {"sop": "no-such"}, "unknown_sop"),
    "an SOP that is a number": (START | {"sop": 7}, "invalid"),
    "no customer": ({"sop": "online-customer"}, "missing"),
    "an address as customer id": (
        {"sop": "online-customer", "customer": {"id": "ada@example.com"}},
        "id_looks_personal",
    ),
    "an unknown field": (START | {"colour": "red"}, "unknown_field"),
    "an unknown policy key": (START | {"policy": {"chek_in": "10d"}}, "unknown_key"),
    "a policy of nonsense": (START | {"policy": {"check_in": "soon"}}, "wrong_value"),
    "a blank policy value": (START | {"policy": {"check_in": ""}}, "wrong_value"),
    "a policy that is a list": (START | {"policy": []}, "invalid"),
}

BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 422, "missing"),
    "half an object": (b'{"id": "evt', 400, "bad_json"),
    "two objects": (b"{}{}", 400, "bad_json"),
    "not JSON": (b"id=evt_1&type=order.paid", 400, "bad_json"),
    "not a number": (b'{"id": NaN}', 400, "bad_json"),
    "not UTF-8": (b'{"id": "\xff\xfe"}', 400, "bad_json"),
    "UTF-16": ('{"id": "evt_1"}'.encode("utf-16"), 400, "bad_json"),
    "a number of ten thousand digits": (b'{"id": ' + b"9" * 10_000 + b"}", 400, "bad_json"),
    "a number beyond all bounds": (b'{"id": 1e999}', 422, "number_too_large"),
    "half a pair": (b'{"id": "\\ud800"}', 422, "invalid_text"),
    "a NUL in a name": (b'{"i\\u0000d": 1}', 422, "invalid_text"),
    "a list": (b"[]", 422, "invalid"),
    "a word": (b'"evt_1"', 422, "invalid"),
    "null": (b"null", 422, "invalid"),
    "a deep list": (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", 400, "too_deep"),
    "a bottomless list": (b"[" * 100_000, 400, "too_deep"),
    "a million keys": (
        json.dumps({str(n): 0 for n in range(50_000)}).encode(),
        422,
        "too_many",
    ),
    "ten megabytes": (b'{"id": "' + b"x" * 10_000_000 + b'"}', 413, "body_too_large"),
}

PATHS = [
    "/v1/follow-ups/..%2f..%2fetc%2fpasswd",
    "/v1/follow-ups/%00",
    "/v1/follow-ups/%0d%0aSet-Cookie:%20a=b",
    "/v1/follow-ups/online-customer.'%20or%201=1;--",
    "/v1/follow-ups/%ff%fe",
    "/v1/follow-ups/" + "x" * 5000,
    "/v1/follow-ups/%F0%9F%92%A9",
    "/v1//follow-ups",
    "/v1/customers/ada@example.com",
    "/v1/customers/%25",
    "/v1/messages/null",
    "/v1/tasks/0",
    "/v1/tasks/-1",
    "/v1/events/99999999999999999999999999",
    "/v1/policies/__class__",
    "/docs/..%2fapi%2fkeys",
    "/.env",
    "/v1",
    "/",
]


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


# -- at random -------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(
    max_examples=60 * DOSE,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    where=st.sampled_from(["customer", "order", "data", "id", "type", "occurred_at", "contract"]),
    value=VALUES,
)
async def test_any_value_anywhere_in_an_event(
    http: httpx2.AsyncClient, where: str, value: Any
) -> None:
    """Kept or refused, never an accident."""
    content = json.dumps(ordered() | {where: value})
    answer = await http.post("/v1/events", content=content, headers=JSON)
    assert answer.status_code in (200, 202, 422), answer.text


async def test_every_route_by_its_document(memory_store: Store) -> None:
    """Whatever the document allows: never a 5xx, always a problem's shape; of what there is not,
    and of what there is."""
    desk = await a_desk(memory_store)
    async with knocking(desk) as http:
        follow_up = (await http.post("/v1/follow-ups", json=START)).json()
        real = {"/v1/follow-ups": follow_up["id"], "/v1/customers": follow_up["customer"]}
        schema = schemathesis.openapi.from_dict(app_over(desk).openapi())
        cases: list[Any] = []
        for operation in schema.get_all_operations():
            assert isinstance(operation, Ok)
            collect(operation.ok(), cases)
        for number, case in enumerate(cases):
            beneath = case.path.partition("/{")[0]
            if number % 2 and "id" in case.path_parameters:
                case.path_parameters["id"] = real.get(beneath, "evt_good")
            if number % 2 and beneath == "/v1/policies":
                case.path_parameters["name"] = "online-customer"
            elif number % 2 and "name" in case.path_parameters:
                case.path_parameters["name"] = SIGNALS[number % len(SIGNALS)]
            await knock(http, case)
        assert len(cases) >= 8 * 20


def collect(operation: Any, cases: list[Any]) -> None:
    """Some requests for an operation, as the document has it."""

    @settings(
        max_examples=8 * DOSE,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))
    def generate(case: Any) -> None:
        cases.append(case)

    generate()


async def knock(http: httpx2.AsyncClient, case: Any) -> None:
    said = case.as_transport_kwargs(base_url="http://aftercare.test")
    headers = dict(said["headers"]) | {"Authorization": http.headers["authorization"]}
    answer = await http.request(
        said["method"],
        said["url"],
        params=said.get("params"),
        json=said.get("json"),
        headers=headers,
    )
    assert answer.status_code < 500, (said, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
