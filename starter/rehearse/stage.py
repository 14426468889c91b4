"""Where a rehearsal is played: real workflows, desk, gate and CRM; the time and providers are not.

The time-skipping server has one clock for everybody, and it stands still while anything is to be
done. Whatever is asked of the desk here is therefore done at the very moment of the rehearsal.
"""

from __future__ import annotations

import asyncio
import sysconfig
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import func, select
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.crm.house import house_rules
from activities.crm.rounds import make_rounds
from activities.crm.store import Store
from activities.crm.tables import Task
from activities.discretion import Discretion
from activities.fakes.clock import RehearsalClock, Ticking
from activities.fakes.house import House
from starter.desk import Desk
from workflows.attributes import ALL
from workflows.contract import BULK, QUEUE
from workflows.plugin import plugin
from workflows.vocabulary import Pace

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SERVER = "temporal-test-server"
MOMENT = timedelta(seconds=1)
# Several at a time that remember nothing lose each other's local activities, as the SDK has it.
COLD = {"max_cached_workflows": 0, "max_concurrent_workflow_tasks": 1}
MARGIN = timedelta(minutes=1)
GRACE = timedelta(seconds=10)
PATIENCE = 30  # moments
IDENTITY = "rehearsal"  # no history need know on which machine it was played


class Stage:
    """A house, its desk, its workers, and the clock that all of them go by."""

    def __init__(self, env: WorkflowEnvironment, house: House, desk: Desk, *, cold: bool) -> None:
        self.env, self.house, self.desk = env, house, desk
        self.clock, self.store = house.clock, house.store
        self.numbers = count(1)  # of the events that come in
        self.began: datetime | None = None
        self.progress: Callable[[timedelta], None] | None = None
        self.cold = cold
        self._workers = AsyncExitStack()

    async def begin_work(self) -> None:
        """Let the workers in."""
        # A cold worker remembers no workflow: each step is then a replay of all before it.
        options: dict[str, Any] = COLD if self.cold else {}
        client = self.env.client
        bare = Client(
            client.service_client, namespace=client.namespace, data_converter=client.data_converter
        )
        for whose, queue in ((client, QUEUE), (bare, BULK)):
            worker = Worker(
                whose,
                task_queue=queue,
                activities=self.house.verbs,
                interceptors=[Discretion(), Ticking(self.clock)],
                graceful_shutdown_timeout=GRACE,
                identity=IDENTITY,
                build_id=IDENTITY,  # otherwise the SDK reads every loaded module to make one
                **options,
            )
            await self._workers.enter_async_context(worker)

    async def end_work(self) -> None:
        """Send them home; what is under way is finished first."""
        await self._workers.aclose()

    async def set_out(self, moment: datetime) -> None:
        """Let it be shortly before this moment, past or to come; only before anything began."""
        await self.clock.read()
        self.clock.pace = Pace(ahead=moment - MARGIN - self.clock.real())

    async def sleep(self, span: timedelta) -> None:
        await self.sleep_until(await self.clock.read() + span)

    async def sleep_until(self, moment: datetime) -> None:
        """Let time pass; every hour the desk looks into its inbox, and makes its rounds."""
        while (left := moment - await self.clock.read()) > timedelta():
            await self.env.sleep(min(left, HOUR))
            if self.clock.stirred:
                self.clock.stirred = False
                await self._desk_work()
            await self._rounds()
            if self.progress and self.began:
                self.progress(self.clock.now() - self.began)
        await self.settle()

    async def settle(self) -> None:
        """Until nothing is left to be done at this moment, here or at the desk."""
        for _ in range(PATIENCE):
            self.clock.stirred = False
            began = perf_counter()
            await self.env.sleep(MOMENT)
            # While anything is pending, the server's second takes a second.
            idle = perf_counter() - began < MOMENT.total_seconds() / 2
            told = await self._desk_work()
            if idle and not told and not self.clock.stirred:
                return

    async def away(self, span: timedelta) -> None:
        """Time that passes while no worker is there: timers fire, and nobody answers.

        On a cold stage only: what waits for a worker that remembered it, the test server never
        gives to another.
        """
        service, minded = self.env.client.service_client.test_service, 0
        sleeper = asyncio.create_task(self.env.sleep(span))
        while not (await asyncio.wait({sleeper}, timeout=0.05))[0]:
            # Each task that waits for a worker stops the clock; the server is told not to mind.
            with suppress(RPCError):
                await service.unlock_time_skipping(UnlockTimeSkippingRequest())
                minded += 1
        await sleeper
        for _ in range(minded):
            await service.lock_time_skipping(LockTimeSkippingRequest())
        await self.clock.read()

    async def _rounds(self) -> None:
        """What the desk does for those who have something to do: every hour once it is urgent."""
        async with self.store.reading() as session:
            due = await session.scalar(select(func.min(Task.due_at)).where(Task.state == "open"))
        now = self.clock.now()
        if due and (due < now + DAY or not now.hour % 6):
            async with self.store.transaction() as session:
                await make_rounds(session, now, await house_rules(session))

    async def _desk_work(self) -> int:
        await self.desk.intake.carry_out_stored(await self.clock.read())
        return await self.desk.relay.tell()


@asynccontextmanager
async def stage(*, cold: bool = False, sops: str = "") -> AsyncIterator[Stage]:
    """A stage with nobody on it yet, its clock at the machine's time; all gone afterwards.

    `sops` are those that are on, by commas; none named: all that can be.
    """
    server = Path(sysconfig.get_path("scripts")) / SERVER
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(server),
        plugins=[plugin],
        runtime=_runtime(),
        identity=IDENTITY,
    ) as env:
        await _register(env.client)
        clock = RehearsalClock(await env.get_current_time(), env.get_current_time)
        house = House(clock, Store("sqlite+aiosqlite://"), sops)
        await house.store.create_all()
        desk = Desk(house.store, house.settings, house.clock, env.client)
        built = Stage(env, house, desk, cold=cold)
        with env.auto_time_skipping_disabled():
            await built.begin_work()
            try:
                yield built
            finally:
                await built.end_work()
                await house.store.close()


@cache
def _runtime() -> Runtime:
    """The test server is old; what the SDK has to say about that helps nobody."""
    filtered = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=filtered)))


async def _register(client: Client) -> None:
    kinds = {key.name: key.indexed_value_type for key in ALL}
    request = AddSearchAttributesRequest(
        namespace=client.namespace,
        search_attributes={name: kind.value for name, kind in kinds.items()},  # type: ignore[misc]
    )
    await client.operator_service.add_search_attributes(request)
