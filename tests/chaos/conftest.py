"""A machine to be ill-treated: Temporal on a file, the CRM on a file, a worker in a process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from activities.crm.migrate import upgrade
from activities.crm.tables import Enrolment, Message, Outbox, Stop, Task
from activities.settings import Settings
from starter import health, relay
from starter.bootstrap import open_desk
from starter.desk import Desk, Effect, Receipt
from tests.chaos.temporal import TemporalServer

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
ROOT = Path(__file__).parents[2]


class Machine:
    def __init__(self, directory: Path, temporal: TemporalServer, desk: Desk) -> None:
        self.directory, self.temporal, self.desk = directory, temporal, desk
        self.ordered = 0
        self.settings: dict[str, str] = {}  # more of the worker's environment
        self.workers: list[subprocess.Popen[bytes]] = []

    # -- the workers ---------------------------------------------------------------------

    async def start_worker(self) -> None:
        """One more, and it polls."""
        environment = {**self.temporal.environment, **self.settings}
        with (self.directory / "worker.log").open("ab") as log:
            worker = subprocess.Popen(  # noqa: ASYNC220 - returns at once
                [sys.executable, "-m", "tests.chaos.worker"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        self.workers.append(worker)
        await until(lambda: health.polls(self.temporal.address, worker.pid), 120, "no worker")

    def kill_worker(self) -> None:
        """All there are, as the power would."""
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.workers.clear()

    # -- customers -----------------------------------------------------------------------

    async def order(self, **more: Any) -> Receipt:
        """A new customer's first order."""
        self.ordered += 1
        return await self.desk.receive("chaos", an_order(self.ordered) | more)

    # -- what came of it -----------------------------------------------------------------

    async def sent(self) -> int:
        """How many messages the ledger knows as sent."""
        async with self.desk.store.reading() as session:
            query = select(func.count()).where(Message.state == "sent")
            return int((await session.execute(query)).scalar_one())

    async def in_doubt(self) -> int:
        """How many sends nobody knows the end of."""
        async with self.desk.store.reading() as session:
            query = select(func.count()).where(Message.state == "sending")
            return int((await session.execute(query)).scalar_one())

    async def attempts(self) -> int:
        """How many there were, of all messages together."""
        async with self.desk.store.reading() as session:
            return int((await session.execute(select(func.sum(Message.attempts)))).scalar() or 0)

    async def tripped(self) -> bool:
        """Whether a provider was seen to accept a message twice."""
        async with self.desk.store.reading() as session:
            return (await session.execute(select(Stop.id).limit(1))).first() is not None

    async def new_attempt(self, since: int) -> None:
        """Wait until another one has begun."""

        async def begun() -> bool:
            return await self.attempts() > since

        await until(begun, 120, "nothing was being sent")

    async def tried_again(self) -> int:
        """How many messages more than one attempt had a hold of."""
        async with self.desk.store.reading() as session:
            query = select(func.count()).where(Message.attempts > 1)
            return int((await session.execute(query)).scalar_one())

    async def all_sent(self, sends: int) -> bool:
        return await self.sent() >= sends

    async def settled(self, sends: int) -> None:
        """Every welcome has gone, by the ledger; by the provider, each went once."""

        await until(lambda: self.all_sent(sends), 180 + 10 * DOSE, "some welcomes were lost")
        accepted = await self.accepted()
        assert len(accepted) == sends
        assert set(accepted.values()) == {1}, "the provider accepted a message twice"

    async def accepted(self) -> Counter[str]:
        """How often the provider accepted each key."""
        async with self.desk.store.reading() as session:
            return Counter((await session.execute(select(Outbox.key))).scalars())

    async def open_tasks(self, title: str) -> list[str]:
        async with self.desk.store.reading() as session:
            query = select(Task.id).where(Task.title.contains(title), Task.state == "open")
            return list((await session.execute(query)).scalars())

    async def state(self, follow_up: str) -> str:
        async with self.desk.store.reading() as session:
            return (await session.get_one(Enrolment, follow_up)).state

    async def follow_ups(self) -> list[str]:
        async with self.desk.store.reading() as session:
            return list((await session.execute(select(Enrolment.id))).scalars())


def came(receipt: Receipt) -> list[Effect]:
    """What came of it; here only S0 is on, and each order says so of the others."""
    return [effect for effect in receipt.effects if effect.reason != "sop_off"]


def an_order(number: int) -> dict[str, Any]:
    return {
        "id": f"evt-{number}",
        "type": "order.paid",
        "customer": {"email": f"customer-{number}@example.com", "name": f"Customer {number}"},
        "order": {"id": f"ord-{number}", "first": True, "total": "49.00", "currency": "GBP"},
    }


async def until(ask: Callable[[], Any], seconds: float, otherwise: str) -> None:
    """Wait until it is so, or fail with these words."""
    try:
        async with asyncio.timeout(seconds):
            while not await ask():  # noqa: ASYNC110 - of other processes
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(otherwise) from None


def report(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """The figures: what it is run for."""
    with capsys.disabled():
        print(f"\n  chaos: {line}")  # noqa: T201


@asynccontextmanager
async def a_machine(
    directory: Path, monkeypatch: pytest.MonkeyPatch, **settings: str
) -> AsyncIterator[Machine]:
    """Everything up, but for the worker; whatever happens, nothing outlives the test."""
    directory.mkdir(exist_ok=True)
    temporal = TemporalServer(directory)
    said: dict[str, Any] = {"sops": "online-customer"} | settings
    chosen = Settings(data=directory, **said)
    await upgrade(chosen.database)
    await temporal.start()
    monkeypatch.setattr(relay, "AT_ONCE", 2.0)  # as it is where there is no test
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.address)
    monkeypatch.setenv("AFTERCARE_DATA", str(directory))
    monkeypatch.setenv("AFTERCARE_SECRET_KEY", "chaos")
    async with open_desk(chosen) as desk:
        running = Machine(directory, temporal, desk)
        telling = asyncio.create_task(desk.run())
        try:
            yield running
        finally:
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling
            running.kill_worker()
            temporal.kill()


@pytest.fixture
async def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Machine]:
    """Everything up, but for the worker, with S0 alone."""
    async with a_machine(tmp_path, monkeypatch) as running:
        yield running
