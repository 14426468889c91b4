"""A time-skipping server for each file; each test has its own world, workers and customers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.clauses.proof import prove_in
from tests.workflows.lives import DAY, TEST_SERVER, Town, register, replay
from tests.workflows.world import World
from workflows.contract import BULK, QUEUE
from workflows.plugin import plugin

logging.getLogger("temporalio").setLevel(logging.CRITICAL)  # the faults here are meant


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=TEST_SERVER, plugins=[plugin]
    ) as env:
        await register(env.client)
        yield env


@pytest_asyncio.fixture(loop_scope="session")
async def town(env: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[Town]:
    world, name = World(), request.node.name.replace("[", "-").rstrip("]")
    real = await env.get_current_time()
    morning = real.astimezone(UTC).replace(hour=10, minute=0, second=0, microsecond=0)
    town = Town(env, world, name)
    with env.auto_time_skipping_disabled():
        await env.sleep((morning - real) % DAY)  # every life begins at ten in the morning
        async with AsyncExitStack() as workers:
            for queue in (QUEUE, BULK):
                worker = Worker(env.client, task_queue=queue, activities=world.verbs())
                await workers.enter_async_context(worker)
            yield town
            prove_in(request.node, world)
            for life in town.lives:  # an open one would bend the clock for the next test
                if (await life.handle.describe()).close_time is None:
                    await life.handle.terminate()
    for life in town.lives:
        await replay(env.client, life.handle.id)
