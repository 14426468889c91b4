"""A customer's whole life as a file: who they are, what they buy when, what happens then.

    {"says": "It never arrives.",
     "start": "2026-12-18T16:30",
     "customer": {"id": "C-1", "name": "Ada Byron", "email": "ada@example.com"},
     "order": {"id": "1001", "total": "49.00", "currency": "GBP"},
     "policies": {"house": {"cap": "12h"}},
     "script": [{"after": "1d", "event": "order.shipped"}]}

`start` is on the customer's own clock, or has an offset of its own. A file that holds nothing but a
customer, as in an event, is a customer who buys something and says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from starter.rehearse.script import Entry, ScriptError, read_script

ADA: dict[str, Any] = {
    "id": "C-1001",
    "email": "ada@example.com",
    "name": "Ada Byron",
    "country": "GB",
    "time_zone": "Europe/London",
    "consent": {"email_marketing": True, "source": "checkout"},
}
LOOM: dict[str, Any] = {
    "total": "49.00",
    "currency": "GBP",
    "items": [{"sku": "loom", "name": "Loom", "quantity": 1, "price": "49.00"}],
}
ITS_OWN = ("customer", "order", "orders", "start", "script", "policies", "says")


class LifeError(ValueError):
    """The file cannot be played; the message says what is wrong with it."""


@dataclass(frozen=True)
class Life:
    """Who it is about, and what happens to them."""

    customer: Mapping[str, Any] = field(default_factory=lambda: ADA)
    orders: tuple[Mapping[str, Any], ...] = ({},)  # placed when it begins
    start: datetime | None = None  # without an offset: on the customer's own clock
    script: tuple[Entry, ...] = ()
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # changes, by name
    says: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    customer: dict[str, Any] = ADA
    order: dict[str, Any] | None = None
    orders: list[dict[str, Any]] | None = None
    start: datetime | None = None
    script: list[Any] = []
    policies: dict[str, dict[str, Any]] = {}
    says: str = ""

    @field_validator("start", mode="before")
    @classmethod
    def _as_people_write_it(cls, said: object) -> object:
        try:
            return datetime.fromisoformat(str(said))
        except ValueError:
            raise ValueError("write it like 2026-12-18T16:30") from None


def read_life(said: Mapping[str, Any] | None) -> Life:
    """A life file, or a plain customer, as it was read from JSON."""
    if not said:
        return Life()
    if not any(name in said for name in ITS_OWN if name != "says"):
        return Life(customer=said)
    try:
        read = _File.model_validate(said)
    except ValidationError as fault:
        raise LifeError("; ".join(map(_explain, fault.errors()))) from None
    if read.order is not None and read.orders is not None:
        raise LifeError("give order or orders, not both")
    if read.orders == []:
        raise LifeError("orders: without any nothing begins; leave it out for a usual one")
    try:
        script = read_script(read.script)
    except ScriptError as fault:
        raise LifeError(f"script: {fault}") from None
    return Life(
        customer=read.customer,
        orders=tuple(read.orders or [read.order or {}]),
        start=read.start,
        script=tuple(script),
        policies=read.policies,
        says=read.says,
    )


def _explain(fault: Any) -> str:
    where = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        return f"{where}: there is no such part; there is {', '.join(ITS_OWN)}"
    return f"{where}: {str(fault['msg']).removeprefix('Value error, ')}"
