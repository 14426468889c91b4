"""What a follow-up costs the server, counted on the real one; and how its history reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.workflows.lives import DEV_SERVER, Life, Town
from tests.workflows.world import World
from workflows import attributes
from workflows.contract import BULK, QUEUE
from workflows.plugin import plugin
from workflows.vocabulary import Pace

FAST = 86400.0  # a day in a second: a busy machine still keeps the time
MILESTONE = [
    "TIMER_FIRED",
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
    "WORKFLOW_TASK_COMPLETED",
    "ACTIVITY_TASK_SCHEDULED",
    "ACTIVITY_TASK_STARTED",
    "ACTIVITY_TASK_COMPLETED",
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
    "WORKFLOW_TASK_COMPLETED",
    "MARKER_RECORDED",
    "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
    "TIMER_STARTED",
]


@pytest_asyncio.fixture(loop_scope="session")
async def real() -> AsyncIterator[Town]:
    """The real server, at a pace that can be waited for."""
    async with AsyncExitStack() as stack:
        env = await stack.enter_async_context(
            await WorkflowEnvironment.start_local(
                dev_server_existing_path=DEV_SERVER,
                search_attributes=attributes.ALL,
                plugins=[plugin],
                dev_server_log_level="error",
            )
        )
        world = World()
        world.always_open = True
        world.pace = Pace(factor=FAST, since=await env.get_current_time())
        for queue in (QUEUE, BULK):
            worker = Worker(env.client, task_queue=queue, activities=world.verbs())
            await stack.enter_async_context(worker)
        yield Town(env, world, "real")


async def transitions(life: Life) -> int:
    described = (await life.handle.describe()).raw_description
    return described.workflow_execution_info.state_transition_count


def names(history: WorkflowHistory) -> list[str]:
    return [EventType.Name(e.event_type).removeprefix("EVENT_TYPE_") for e in history.events]


async def until(life: Life, clause: str) -> None:
    """Wait until the follow-up sleeps for the clause."""
    while await life.found_by(attributes.CLAUSE) != clause:  # noqa: ASYNC110 - the server's event
        await asyncio.sleep(0.02)


async def test_a_silent_milestone(real: Town) -> None:
    """From one sleep to the next: thirteen events and six state transitions, exactly."""
    window = {"after": timedelta(days=8), "before": timedelta(days=12)}
    policy = {"guide": window, "low_engagement": timedelta(days=90)}
    life = await real.customer(policy=policy)
    await until(life, "5.2.1")
    before, events = await transitions(life), names(await life.handle.fetch_history())
    await until(life, "5.3.2")
    after, history = await transitions(life), names(await life.handle.fetch_history())
    assert history[len(events) :] == MILESTONE
    assert len(MILESTONE) == 13
    assert after - before == 6
    await life.handle.terminate()


async def test_a_silent_life(real: Town) -> None:
    """At most 130 events from the welcome to the years after; and it reads as the SOP."""
    life = await real.customer()
    await asyncio.wait_for(life.handle.result(), 60)
    history = await life.handle.fetch_history()
    assert len(history.events) <= 130
    summaries = [e.user_metadata.summary.data.decode().strip('"') for e in history.events]
    kinds = zip(names(history), summaries, strict=True)
    said = [s for name, s in kinds if name in ("TIMER_STARTED", "ACTIVITY_TASK_SCHEDULED")]
    assert said == [
        "5.1.1 welcome",
        "5.2.1 24-48 hours after the welcome, help them start",
        "5.2.1 getting-started",
        "5.3.2 After 7 days of low engagement: we miss you",
        "5.3.2 re-engagement",
        "5.4.1 About 14 days after purchase, a CSR checks in",
        "5.4.1 customer-excellence-officer: make the check-in personal",
        "5.4.1 a person's turn",
        "5.4.1 check-in",
        "5.4.1 task back: went_by_itself",
        "5.4.3 If they do not respond within 3 days, follow up",
        "5.4.3 check-in-follow-up",
        "5.5.2 upgrade-your-plan",
        "5.5.2 upgrade-your-plan: put off",
        "5.5.2 upgrade-your-plan",
        "5.6.1 keep in touch",
    ]
    markers = [
        summary
        for event, summary in zip(history.events, summaries, strict=True)
        if event.marker_recorded_event_attributes.marker_name == "core_local_activity"
    ]
    assert all(markers)
    assert markers[-1] == "close: completed"
