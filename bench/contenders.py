"""The three that are compared: how each is started, answered, and looked at afterwards."""

from __future__ import annotations

import asyncio
import itertools
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.crm.store import Store
from activities.crm.tables import Customer, Enrolment, Note, Order, Outbox
from bench import bare
from bench.journey import KINDS, SOP, Policy
from workflows import vocabulary as v
from workflows.contract import QUEUE

IN_FLIGHT = 48  # calls
FIVE_DAYS = timedelta(days=5)


class Contender(ABC):
    """Someone who can be sent on the journey."""

    workflow: str
    queue = bare.QUEUE

    def __init__(self, kind: str, client: Client) -> None:
        self.kind, self.client = kind, client
        self._numbers = itertools.count(1)
        self._calls = asyncio.Semaphore(IN_FLIGHT)

    async def prepare(self, number: int) -> list[str]:
        """The ids of so many new customers."""
        return [f"{self.workflow}.{next(self._numbers)}" for _ in range(number)]

    @abstractmethod
    def given(self, subject: str, due: datetime) -> Any:
        """What the workflow starts with."""

    def said(self) -> list[Any]:
        """The body of the signal."""
        return []

    async def start(self, subject: str, due: datetime | None = None) -> float:
        """Begin the journey; when the call was made."""
        async with self._calls:
            called = time.monotonic()
            given = self.given(subject, due or datetime.now(UTC) + FIVE_DAYS)
            await self.client.start_workflow(
                self.workflow, given, id=subject, task_queue=self.queue
            )
            return called

    async def answer(self, subject: str) -> float:
        """The customer responds; when the call was made."""
        async with self._calls:
            called = time.monotonic()
            await self.client.get_workflow_handle(subject).signal("responded", args=self.said())
            return called

    async def size(self, subject: str) -> dict[str, int]:
        """How large its history is."""
        described = await self.client.get_workflow_handle(subject).describe()
        info = described.raw_description.workflow_execution_info
        return {
            "events": info.history_length,
            "transitions": info.state_transition_count,
            "bytes": info.history_size_bytes,
        }

    async def running(self) -> int:
        query = f"WorkflowType='{self.workflow}' AND ExecutionStatus='Running'"
        return (await self.client.count_workflows(query)).count

    async def recorded(self, subjects: Sequence[str]) -> list[int] | None:
        """How often each effect stands in its own records, if it keeps any."""
        return None


class Bare(Contender):
    """A workflow with two empty activities."""

    def __init__(self, kind: str, client: Client) -> None:
        super().__init__(kind, client)
        self.workflow = f"bench-{kind}"

    def given(self, subject: str, due: datetime) -> float:
        return (due - datetime.now(UTC)).total_seconds()


class Ours(Contender):
    """A follow-up, with its customer, order and enrolment on record, as the desk leaves them."""

    workflow, queue = SOP, QUEUE

    def __init__(self, kind: str, client: Client, store: Store) -> None:
        config = client.config()
        super().__init__(kind, Client(**config | {"data_converter": pydantic_data_converter}))
        self.store = store

    async def prepare(self, number: int) -> list[str]:
        subjects, now = await super().prepare(number), datetime.now(UTC)
        async with self.store.transaction() as session:
            for one in (subject.rpartition(".")[2] for subject in subjects):
                session.add(_customer(one, now))
            await session.flush()
            for one in (subject.rpartition(".")[2] for subject in subjects):
                session.add_all(_purchase(one, now))
        return subjects

    def given(self, subject: str, due: datetime) -> v.Enrolment[Policy]:
        one, now = subject.rpartition(".")[2], datetime.now(UTC)
        return v.Enrolment[Policy](
            customer_id=f"cus_{one}",
            purchased_at=now,
            policy=Policy(patience=max(due - now, timedelta())),
            kinds=KINDS,
            order_id=f"ord_{one}",
        )

    def said(self) -> list[Any]:
        return [{"id": f"evt-{time.monotonic_ns()}", "at": datetime.now(UTC).isoformat()}]

    async def recorded(self, subjects: Sequence[str]) -> list[int]:
        """How often the outbox accepted each welcome, and how many notes the CRM has of each."""
        mine = Note.follow_up.in_(subjects) & Note.clause.is_not(None)
        async with self.store.reading() as session:
            sent = Counter((await session.execute(select(Outbox.key))).scalars())
            noted = Counter((await session.execute(select(Note.follow_up).where(mine))).scalars())
        return [*(sent[f"{one}/welcome"] for one in subjects), *(noted[one] for one in subjects)]


def _customer(one: str, now: datetime) -> Customer:
    return Customer(
        id=f"cus_{one}",
        email=f"customer-{one}@example.com",
        name=f"Customer {one}",
        country="GB",
        locale="en",
        created_at=now,
    )


def _purchase(one: str, now: datetime) -> list[Order | Enrolment]:
    order = Order(
        id=f"ord_{one}",
        customer_id=f"cus_{one}",
        confirmed_at=now,
        paid_at=now,
        first=True,
        total="49.00",
        currency="GBP",
        items=[{"sku": "loom", "name": "Loom", "quantity": 1, "price": "49.00"}],
        created_at=now,
    )
    enrolment = Enrolment(
        id=f"{SOP}.{one}",
        sop=SOP,
        subject=one,
        customer_id=f"cus_{one}",
        order_id=f"ord_{one}",
        sop_version="1.0",
        started_at=now,
    )
    return [order, enrolment]
