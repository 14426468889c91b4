"""A record of a file as the events that it comes to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starter.answers import Refusal
from starter.importing.columns import FURTHER, IMPORTED, NUMBERED, Column
from starter.importing.values import UnfitError, value_of
from starter.intake.events import Event, read_event

# What is on record before anything else: whom it is about, what they allow, what they complain of.
FIRST = (
    "customer.updated",
    "consent.changed",
    "complaint.opened",
    "complaint.updated",
    "complaint.resolved",
)
WHEN = {  # what says when something was, where `occurred_at` does not
    "order.confirmed": ("order", "confirmed_at"),
    "contract.signed": ("contract", "signed_at"),
    "customer.signed_up": ("customer", "since"),
}
WHO = ("id", "email", "phone", "country")


@dataclass(frozen=True)
class Bad:
    """Why a line cannot be taken: its number, the column at fault, and what to do."""

    line: int
    column: str
    words: str


class BadLineError(Exception):
    def __init__(self, path: str, words: str) -> None:
        super().__init__(path)
        self.path, self.words = path, words


class Lines:
    """Reads records by the columns of their file."""

    def __init__(self, columns: Sequence[Column | None], zone: ZoneInfo, now: datetime) -> None:
        self.columns, self.zone, self.now = columns, zone, now
        self.headers = {column.path: column.header for column in reversed(columns) if column}

    def read(self, number: int, row: Sequence[str]) -> list[dict[str, Any]] | Bad:
        """The events that the line comes to, the main one first."""
        try:
            return list(self._events(row))
        except BadLineError as fault:
            return Bad(number, self.headers.get(fault.path, fault.path), fault.words)

    def _events(self, row: Sequence[str]) -> Iterator[dict[str, Any]]:
        if len(row) != len(self.columns):
            words = (
                f"it has {len(row)} cells, the header {len(self.columns)}: quote what has one in it"
            )
            raise BadLineError("", words)
        flat = self._values(row)
        further = {path: flat.pop(path) for path in FURTHER if path in flat}
        event = _nested(flat)
        event.setdefault("type", _type(event))
        if event["type"] not in IMPORTED:
            raise BadLineError("type", "this is no event of the past: see docs/importing.md")
        own = event.pop("id", None)
        digest = hashlib.sha256(json.dumps([event, further], sort_keys=True).encode()).hexdigest()
        event["id"] = own or f"line_{digest[:40]}"
        self._date(event)
        yield checked(event)
        who = {name: said for name, said in event.get("customer", {}).items() if name in WHO}
        if refused := _refused(event):
            yield self._besides(event, "customer.updated", {"customer": who | {"consent": refused}})
        for path, at in further.items():
            of = {"order": {"id": event.get("order", {}).get("id")}}
            of |= {"customer": who} if who else {}
            yield self._besides(event, FURTHER[path], of, at)

    def _values(self, row: Sequence[str]) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        for column, cell in zip(self.columns, row, strict=True):
            said = cell.strip().lstrip("'") if column and column.prefix else cell.strip()
            if column is None or not said:
                continue
            try:
                value = value_of(column.path, column.prefix + said, self.zone)
            except UnfitError as fault:
                raise BadLineError(column.path, str(fault)) from None
            before = flat.get(column.path)
            flat[column.path] = f"{before} {value}" if before else value
        return flat

    def _date(self, event: dict[str, Any]) -> None:
        """When it was; what is said of a customer as they are is of now."""
        if "occurred_at" in event:
            return
        what = event["type"]
        above, name = WHEN.get(what, ("", ""))
        said = event.get(above, {}).get(name) if above else None
        if said is None and what != "customer.updated":
            raise BadLineError("occurred_at", "say when it was")
        event["occurred_at"] = said or self.now.isoformat()

    def _besides(
        self, event: dict[str, Any], what: str, said: dict[str, Any], at: str | None = None
    ) -> dict[str, Any]:
        """What the same line says besides."""
        if what.startswith("order.") and not said["order"]["id"]:
            raise BadLineError("order.id", "say which order it is")
        mark = what.rpartition(".")[2]
        more = {
            "id": f"{event['id']}#{mark}",
            "type": what,
            "occurred_at": at or event["occurred_at"],
        }
        return checked(more | said)


def checked(event: dict[str, Any]) -> dict[str, Any]:
    """The event as it is, if the door would take it."""
    understood(event)
    return event


def understood(event: dict[str, Any]) -> Event:
    try:
        return read_event(event)
    except Refusal as refusal:
        raise BadLineError(refusal.param or "", refusal.detail) from None


def _type(event: dict[str, Any]) -> str:
    if "order" in event:
        return "order.confirmed"
    return "contract.signed" if "contract" in event else "customer.updated"


def _refused(event: dict[str, Any]) -> dict[str, Any]:
    """A no that comes with something else: it holds before that begins anything."""
    if event["type"] in FIRST:
        return {}
    consent = event.get("customer", {}).get("consent", {})
    refused = {name: given for name, given in consent.items() if given is False}
    return refused | ({"at": consent["at"]} if refused and "at" in consent else {})


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    """`order.items.1.sku` → the first item's sku."""
    event: dict[str, Any] = {}
    lists: dict[str, dict[int, Any]] = {}
    for path, value in flat.items():
        if found := NUMBERED.fullmatch(path):
            rows = lists.setdefault(found["list"], {})
            if found["field"]:
                rows.setdefault(int(found["number"]), {})[found["field"]] = value
            else:
                rows[int(found["number"])] = value
        else:
            _put(event, path, value)
    for path, rows in lists.items():
        _put(event, path, [rows[number] for number in sorted(rows)])
    return event


def _put(event: dict[str, Any], path: str, value: Any) -> None:
    *above, name = path.split(".")
    for part in above:
        event = event.setdefault(part, {})
    event[name] = value
