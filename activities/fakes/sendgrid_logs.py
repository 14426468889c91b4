"""SendGrid's Email Logs: the query language of `POST /v3/logs`, and what its answers look like."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from zlib import crc32

from activities.fakes.recipients import BOUNCED, who
from activities.fakes.taken import Taken

TEXT = r"(?:'[^']*'|\"[^\"]*\")"
CONDITION = re.compile(
    rf"""\s*(?:
    (?P<field>sg_message_id|subject|to_email|reason)\s*=\s*(?P<text>{TEXT})
    |(?P<many>status|categories)\s+IN\s*\(\s*(?P<list>{TEXT}(?:\s*,\s*{TEXT})*)\s*\)
    |sg_message_id_created_at\s*(?P<sign>>=|<=|>|<)\s*TIMESTAMP\s*(?P<at>{TEXT})
    )\s*""",
    re.VERBOSE,
)
SIGNS: dict[str, Callable[[datetime, datetime], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}
Test = Callable[[Taken], bool]


class QueryError(Exception):
    """A query that SendGrid does not understand."""


def matching(query: str, messages: Iterable[Taken]) -> Iterable[Taken]:
    """Those that meet every condition; they are joined by AND, and never nested."""
    tests = list(_tests(query)) if query.strip() else []
    return (one for one in messages if all(test(one) for test in tests))


def _tests(query: str) -> Iterable[Test]:
    place = 0
    while True:
        found = CONDITION.match(query, place)
        if found is None:
            raise QueryError
        yield _test(found)
        place = found.end()
        if place == len(query):
            return
        if query[place : place + 4] != "AND ":
            raise QueryError
        place += 4


def _test(found: re.Match[str]) -> Test:
    if name := found["field"]:
        wanted = found["text"][1:-1]
        return lambda one: _one(one, name) == wanted
    if name := found["many"]:
        chosen = {text[1:-1] for text in re.findall(TEXT, found["list"])}
        return lambda one: not chosen.isdisjoint(_many(one, name))
    try:
        moment = datetime.fromisoformat(found["at"][1:-1])
    except ValueError:
        raise QueryError from None
    if moment.tzinfo is None:
        raise QueryError
    return lambda one: SIGNS[found["sign"]](one.at, moment)


def _one(one: Taken, name: str) -> str:
    known = {"sg_message_id": message_id(one), "subject": one.subject, "to_email": one.to}
    return known.get(name, "")


def _many(one: Taken, name: str) -> list[str]:
    return [status(one)] if name == "status" else list(body(one).get("categories", []))


def body(one: Taken) -> dict[str, Any]:
    """The request that brought it."""
    found = json.loads(one.raw)
    assert isinstance(found, dict)  # noqa: S101 - nothing else was taken
    return found


def status(one: Taken) -> str:
    return "bounced" if who(one.to) == BOUNCED else "delivered"


def message_id(one: Taken) -> str:
    """In logs and events the id is longer than in the answer to the request."""
    return f"{one.id}.recvd-5d8f6c9b7d-x2v4q-1-{crc32(one.to.encode()):08X}-1A.0"


def summary(one: Taken) -> dict[str, str]:
    """One message of a list: no custom args there."""
    return {
        "from_email": body(one)["from"]["email"],
        "sg_message_id": message_id(one),
        "subject": one.subject,
        "to_email": one.to,
        "status": status(one),
        "sg_message_id_created_at": f"{one.at:%Y-%m-%dT%H:%M:%SZ}",
    }


def details(one: Taken, custom_args: dict[str, str]) -> dict[str, Any]:
    """One message, with its custom args and its events."""
    short = summary(one)
    del short["sg_message_id_created_at"]
    return {
        **short,
        "api_key_id": "fake",
        "client_ip": "127.0.0.1",
        "custom_args": custom_args,
        "category": body(one).get("categories", []),
        "events": [
            {
                "event": "processed",
                "email": one.to,
                "sg_event_id": f"processed-{one.id}",
                "sg_message_id": message_id(one),
                "smtp-id": f"<{one.id}@fake>",
                "timestamp": int(one.at.timestamp()),
            }
        ],
    }
