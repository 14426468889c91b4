"""The yardstick: the same journey with nothing in it, by default settings and by tuned ones."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import activity, workflow

QUEUE = "bench-bare"
MOMENT = timedelta(seconds=30)


@activity.defn
async def welcome(subject: str) -> None:
    """Does nothing; whoever measures is told by the interceptor."""


@activity.defn
async def note(subject: str) -> None:
    """Does nothing, for the second time."""


@workflow.defn(name="bench-naive")
class Naive:
    """As the tutorial has it: two activities, a timer, a signal, the sandbox as it comes."""

    def __init__(self) -> None:
        self.answered = False

    @workflow.run
    async def run(self, patience: float) -> None:
        me = workflow.info().workflow_id
        await workflow.execute_activity(welcome, me, start_to_close_timeout=MOMENT)
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(lambda: self.answered, timeout=patience)
        await workflow.execute_activity(note, me, start_to_close_timeout=MOMENT)

    @workflow.signal
    def responded(self) -> None:
        self.answered = True


@workflow.defn(name="bench-tuned", sandboxed=False)
class Tuned:
    """As cheap as Temporal gets: local activities, no sandbox."""

    def __init__(self) -> None:
        self.answered = False

    @workflow.run
    async def run(self, patience: float) -> None:
        me = workflow.info().workflow_id
        await workflow.execute_local_activity(welcome, me, start_to_close_timeout=MOMENT)
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(lambda: self.answered, timeout=patience)
        await workflow.execute_local_activity(note, me, start_to_close_timeout=MOMENT)

    @workflow.signal
    def responded(self) -> None:
        self.answered = True
