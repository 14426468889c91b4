"""Customers of a test: what they can do, and what can be seen of them."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from tests.workflows.world import KINDS, World
from workflows import attributes, keep_in_touch
from workflows.contract import QUEUE
from workflows.keep_in_touch import KeepInTouch
from workflows.plugin import plugin
from workflows.sops import online_customer
from workflows.sops.online_customer import OnlineCustomer
from workflows.vocabulary import Enrolment, Line, Outcome, Relationship

TEST_SERVER = str(Path(sys.executable).with_name("temporal-test-server"))
DEV_SERVER = str(Path(sys.executable).with_name("temporal"))
# The test server knows nothing of an activity that ended while its cancellation was on the way; it
# refuses the whole workflow task, and all clocks stand still until that has timed out.
PATIENCE = timedelta(seconds=1)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def register(client: Client) -> None:
    """The search attributes must be known before the first workflow sets one."""
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={
                key.name: IndexedValueType.ValueType(key.indexed_value_type)
                for key in attributes.ALL
            },
        )
    )


class Life:
    """One customer in the test: start, say, sleep, look."""

    def __init__(self, env: WorkflowEnvironment, world: World, name: str) -> None:
        self.env, self.world, self.name = env, world, name
        self.handle: WorkflowHandle[Any, Any]
        self.began: datetime

    async def start(self, policy: dict[str, Any] | None = None, **more: Any) -> Self:
        self.began = await self.now()
        fields: dict[str, Any] = {
            "customer_id": self.name,
            "purchased_at": self.began,
            "policy": online_customer.Policy(**policy or {}),
            "pace": self.world.pace,
            "kinds": KINDS,
        }
        self.handle = await self.env.client.start_workflow(
            OnlineCustomer.run,
            Enrolment[online_customer.Policy](**fields | more),
            id=f"online-customer.{self.name}",
            task_queue=QUEUE,
            task_timeout=PATIENCE,
        )
        return self

    async def keep_in_touch(self, *rhythms: Any, **policy: Any) -> Self:
        self.began = await self.now()
        start = Relationship[keep_in_touch.Policy](
            customer_id=self.name,
            policy=keep_in_touch.Policy(**policy),
            pace=self.world.pace,
            kinds=KINDS,
            rhythms=rhythms,
        )
        self.handle = await self.env.client.start_workflow(
            KeepInTouch.run,
            start,
            id=f"keep-in-touch.{self.name}",
            task_queue=QUEUE,
            task_timeout=PATIENCE,
        )
        return self

    async def sleep(self, span: timedelta) -> None:
        await self.env.sleep(span)

    async def say(self, signal: str, *bodies: Any) -> None:
        await self.handle.signal(signal, args=bodies)

    async def now(self) -> datetime:
        return self.world.pace.now(await self.env.get_current_time())

    async def complain(self, case: str) -> None:
        self.world.complain(self.name, case, await self.now())
        await self.say("complaint", {"case_id": case})

    async def resolve(self, case: str) -> None:
        self.world.release(self.name, case, await self.now())
        await self.say("complaint_resolved", {"case_id": case})

    async def lines(self) -> dict[str, Line]:
        lines = await self.handle.query(OnlineCustomer.checklist)
        return {f"{line.clause} {line.about}".strip(): line for line in lines}

    async def found_by(self, key: Any) -> Any:
        return (await self.handle.describe()).typed_search_attributes.get(key)

    async def events(self) -> int:
        return len((await self.handle.fetch_history()).events)

    def done(self) -> list[str]:
        """What happened so far, each under its clause."""
        return [f"{e.clause} {e.what}".strip() for e in self.world.log if e.customer == self.name]

    def at(self, what: str) -> timedelta:
        """How long after the start something happened, to the minute."""
        mine = (e.at for e in self.world.log if e.customer == self.name and e.what == what)
        return timedelta(minutes=round((next(mine) - self.began) / timedelta(minutes=1)))

    def asked(self, step: str) -> int:
        return self.world.asked[f"{self.handle.id}/{step}"]

    async def end(self) -> Outcome:
        """Let the life run to its end."""
        for _ in range(200):
            if (await self.handle.describe()).close_time:
                break
            await self.env.sleep(DAY)
        return Outcome(await asyncio.wait_for(self.handle.result(), 60))


class Town:
    def __init__(self, env: WorkflowEnvironment, world: World, name: str) -> None:
        self.env, self.world, self.name = env, world, name
        self.lives: list[Life] = []

    def newcomer(self) -> Life:
        life = Life(self.env, self.world, f"{self.name}-{len(self.lives)}")
        self.lives.append(life)
        return life

    async def customer(self, **more: Any) -> Life:
        return await self.newcomer().start(**more)


async def replay(client: Client, workflow_id: str) -> None:
    """Every run of it must replay on the code as it is."""
    replayer = Replayer(workflows=[], plugins=[plugin])
    run: str | None = None
    while True:
        handle = client.get_workflow_handle(workflow_id, run_id=run)
        history = await handle.fetch_history()
        await replayer.replay_workflow(history)
        run = history.events[
            0
        ].workflow_execution_started_event_attributes.continued_execution_run_id
        if not run:
            return
