"""What stands in a cell, as the kind of value that its field takes; or why it cannot be that."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

YES, NO = ("true", "yes", "y", "1"), ("false", "no", "n", "0")
SWITCHES = frozenset(
    """order.first customer.sensitive data.satisfied data.partial data.automatic data.all
    data.email data.sms data.email_marketing data.sms_marketing data.relationship
    customer.consent.email_marketing customer.consent.sms_marketing
    customer.consent.relationship""".split()
)
MOMENTS = frozenset(
    """occurred_at order.confirmed_at contract.signed_at customer.since customer.consent.at
    data.at data.starts_at""".split()
)
WHOLE = frozenset(["data.minutes"])
SCORES = frozenset(["data.score", "data.product", "data.overall"])
OFFSET = re.compile(r"\s*(Z|UTC|[+-]\d\d:?\d\d)$", re.IGNORECASE)
DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d?:\d\d(:\d\d(\.\d{1,6})?)?)?")
NUMBER = re.compile(r"-?\d+(\.\d+)?")


class UnfitError(ValueError):
    """What to write instead."""


def value_of(path: str, said: str, zone: ZoneInfo) -> Any:
    """Raises `UnfitError`."""
    name = path.rpartition(".")[2]
    if path in SWITCHES or ".topics." in path:
        return _switch(said)
    if path in MOMENTS or name == "estimated_delivery" or _is_moment_of_order(path):
        return moment_of(said, zone).isoformat()
    if path in WHOLE or name == "quantity":
        return _whole(said)
    if path in SCORES:
        return float(_number(said))
    return _number(said) if path == "order.total" or name == "price" else said


def _is_moment_of_order(path: str) -> bool:
    return path.startswith("order.") and path.endswith("_at")


def moment_of(said: str, zone: ZoneInfo) -> datetime:
    """A day, or a day and an hour; by the clock of the zone, unless it names its own."""
    text, own = said.strip(), OFFSET.search(said.strip())
    if own:
        text = text[: own.start()]
    if not DATE.fullmatch(text):
        raise UnfitError("write a date as 2025-03-31, or 2025-03-31 14:05, year first")
    day, _, clock = text.replace("T", " ").partition(" ")
    try:
        found = datetime.fromisoformat(
            f"{day} {clock.zfill(5) if len(clock) == 4 else clock or '00:00'}"
        )
        if not own:
            return found.replace(tzinfo=zone)
        offset = own[1].upper()
        return datetime.fromisoformat(
            f"{found.isoformat()}{'+00:00' if offset in ('Z', 'UTC') else offset}"
        )
    except ValueError:
        raise UnfitError("there is no such day, or hour") from None


def _switch(said: str) -> bool:
    plain = said.strip().casefold()
    if plain in YES or plain in NO:
        return plain in YES
    raise UnfitError("write yes or no")


def _number(said: str) -> str:
    plain = said.strip()
    if NUMBER.fullmatch(plain):
        return plain
    if "," in plain:
        raise UnfitError("write a number with a point and nothing else: 1234.50, not 1.234,50")
    raise UnfitError("write a number alone, without a currency: 1234.50")


def _whole(said: str) -> int:
    if not re.fullmatch(r"\d{1,9}", said.strip()):
        raise UnfitError("write a whole number")
    return int(said)
