"""Nonsense of all kinds, each with the code it gets."""

from __future__ import annotations

import json
from typing import Any

from pydantic import SecretStr
from temporalio.client import Client

from activities.crm.store import Store
from activities.settings import Settings
from starter.desk import Desk
from tests.factories import FakeClock
from workflows.plugin import plugin

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
JSON = {"Content-Type": "application/json"}


async def a_desk(store: Store) -> Desk:
    away = await Client.connect(NOWHERE, lazy=True, plugins=[plugin])
    return Desk(store, SETTINGS, FakeClock(), away)


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
    "a time in words": (event(occurred_at="yesterday"), "invalid_time"),
    "a time without its zone": (event(occurred_at="2026-11-23T10:00:00"), "invalid_time"),
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
    "a policy beyond the calendar": (START | {"policy": {"check_in": "99999999d"}}, "wrong_value"),
    "a policy beyond all counting": (
        START | {"policy": {"check_in": "9" * 400 + "d"}},
        "wrong_value",
    ),
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
]
