"""What shops post, for tests: samples of the vendors' structure, and what may be wrong in one."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from activities.crm.tables import Customer, Inbox, Order
from starter.desk import Desk
from starter.intake.events import Command, read_event
from starter.senders import Delivery, Reader, Sender
from tests.starter.front import rows

SHARE = 7  # a seventh of the nonsense at each field, another at the next
SAMPLES = Path(__file__).parent / "samples"
NONSENSE: list[Any] = [
    None, True, 0, -1, 10**30, 1.5, "", "0", "x\x00y", "\ud800", "x" * 5000, "2026-99-99T99:99:99Z",
    [], [[]], [None, 3, "x"], {}, {"x": {"y": []}}, [{}] * 3, "9" * 40, "\u202egnp.exe\n",
]  # fmt: skip


def sample(name: str, /, *path: str, **changed: Any) -> dict[str, Any]:
    """A sample, with other values in the object that stands at this path."""
    said: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    here = said
    for part in path:
        here = here[part]
    here.update(changed)
    return said


def bytes_of(said: Any) -> bytes:
    return json.dumps(said).encode()


def mangled(said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field in turn, replaced by nonsense: by all of it, if there is time for that."""
    step = 1 if float(os.environ.get("AFTERCARE_DOSE", "1")) > 1 else SHARE
    for place, path in enumerate(_paths(said)):
        for number in range(place % step, len(NONSENSE), step):
            broken = copy.deepcopy(said)
            here: Any = broken
            for part in path[:-1]:
                here = here[part]
            here[path[-1]] = NONSENSE[number]
            yield f"{'/'.join(map(str, path))} {number}", broken


def _paths(said: Any, *before: Any) -> Iterator[tuple[Any, ...]]:
    inside = said.items() if isinstance(said, dict) else enumerate(said)
    for name, value in inside:
        yield (*before, name)
        if isinstance(value, dict | list):
            yield from _paths(value, *before, name)


async def read_all(
    desk: Desk, sender: Sender, said: Iterable[tuple[str, dict[str, Any]]], headers: dict[str, str]
) -> None:
    """Read each, and carry out a share of what it comes to; all of it is fit to be kept."""
    reader = Reader(desk.store, desk.settings, now=desk.clock.now(), real=desk.clock.real())
    for number, (where, broken) in enumerate(said):
        readings = await sender.read(Delivery(bytes_of(broken), headers), reader)
        assert readings.found or readings.left_out or readings.failed, where
        for one in readings.found:
            event = json.loads(json.dumps(one.event))
            assert event == one.event, where
            assert len(read_event(event, Command).id) <= 255, where
        if number % 29 == 0:
            await _carried_out(desk, sender, broken, headers, where)


async def _carried_out(
    desk: Desk, sender: Sender, broken: dict[str, Any], headers: dict[str, str], where: str
) -> None:
    row = await desk.keep(sender, Delivery(bytes_of(broken), headers))
    await desk.read_delivery(row)
    wrong = [one for one in await events(desk) if one.state == "failed"]
    assert [(one.type, one.error) for one in wrong] == [], where


async def events(desk: Desk) -> list[Inbox]:
    """What deliveries came to, in the order it was found."""
    found = [row for row in await rows(desk.store, Inbox) if row.parent_id]
    return sorted(found, key=lambda row: (row.received_at, row.id))


async def told(desk: Desk) -> list[str]:
    return sorted(row.type for row in await events(desk))


async def reasons(desk: Desk) -> list[str]:
    """Why nothing came of deliveries, or of parts of them."""
    found = [row for row in await rows(desk.store, Inbox) if not row.parent_id]
    said = (effect.get("reason") for row in found for effect in row.effects)
    return sorted(reason for reason in said if reason)


async def end_state(desk: Desk) -> tuple[Any, ...]:
    """What the tables say of customers and orders."""
    customers = [
        (c.id, c.email, c.phone, c.name, c.country, c.locale, str(c.address), c.erased_at)
        for c in await rows(desk.store, Customer)
    ]
    orders = [
        (
            (o.id, o.customer_id, o.number, o.reference, o.total, o.currency, o.fulfilment),
            (o.confirmed_at, o.paid_at, o.shipped_at, o.ready_at, o.delivered_at),
            (o.cancelled_at, o.refunded_at, str(o.items), str(o.shipments)),
        )
        for o in await rows(desk.store, Order)
    ]
    return sorted(customers), sorted(orders)
