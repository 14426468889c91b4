"""The API over a desk, for tests: in process, with a key, each answer checked for its shape."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from fastapi import FastAPI

from activities.clock import Clock
from activities.crm import keys
from activities.crm.keys import Scope
from activities.crm.store import Store
from activities.crm.tables import Enrolment, Task
from activities.settings import Settings
from starter.answers import Effect, Receipt, Refusal
from starter.api import create_app
from starter.desk import Desk, Verb
from starter.desk.in_flight import To
from starter.health import Check
from starter.shifting import Progress
from tests.factories import NOON, a_customer

EVENT = {"id": "evt_1", "type": "customer.signed_up", "customer": {"email": "ada@example.com"}}
ALL = [Check("database", "ok", ""), Check("temporal", "ok", ""), Check("worker", "ok", "")]


class FakeDesk(Desk):
    """Answers as it is told to, and remembers what it was asked."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock, self.settings = store, clock, Settings(_env_file=None)
        self.asked: list[tuple[Any, ...]] = []
        self.effect = "started"
        self.fault: Exception | None = None
        self.before: Callable[[], Coroutine[Any, Any, None]] | None = None

    async def _answer(self, event: str, *asked: Any) -> Receipt:
        self.asked.append(asked)
        if self.before:
            await self.before()
        if self.fault:
            raise self.fault
        return Receipt(event, [Effect("online-customer.cus_1", self.effect)], customer="cus_1")

    async def receive(self, source: str, event: dict[str, Any]) -> Receipt:
        if event.get("type") == "bad":
            raise Refusal("unknown_event_type", "there is no such event", param="type")
        return await self._answer(event["id"], "receive", source, event)

    async def receive_all(
        self, source: str, events: Sequence[dict[str, Any]]
    ) -> list[Receipt | Refusal]:
        answers: list[Receipt | Refusal] = []
        for event in events:
            try:
                answers.append(await self.receive(source, event))
            except Refusal as refusal:
                answers.append(refusal)
        return answers

    async def receipt(self, event_id: str) -> Receipt | None:
        return Receipt(event_id) if event_id == "evt_1" else None

    async def start(self, *said: Any) -> tuple[str, bool, str]:
        await self._answer("", "start", *said)
        return "online-customer.cus_1", self.effect != "already", self.effect

    async def signal(self, target: str, name: str, body: dict[str, Any], by: str) -> Receipt:
        return await self._answer(body.get("id", "made"), "signal", target, name, body, by)

    async def control(
        self, verb: Verb, target: str, *, clause: str | None = None, reason: str, by: str
    ) -> Receipt:
        return await self._answer("made", "control", verb, target, clause, reason, by)

    async def complete_task(self, task_id: str, outcome: dict[str, Any], by: str) -> Receipt:
        return await self._answer("made", "complete_task", task_id, outcome, by)

    async def write(
        self, target: str, said: dict[str, Any], by: str, *, request: str | None = None
    ) -> Receipt:
        return await self._answer(request or "made", "write", target, said, by)

    async def policy_show(self, name: str) -> dict[str, Any]:
        return {"name": name}

    async def policy_set(
        self,
        name: str,
        changes: dict[str, Any],
        *,
        by: str,
        reason: str,
        approve: bool = False,
        to: To = "new",
        confirm: int | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        self.asked.append(("policy_set", name, changes, by, reason, approve))
        return {"name": name, "to": to, "confirm": confirm} if to != "new" else {"name": name}

    async def policy_discard(self, name: str, *, by: str, reason: str) -> dict[str, Any]:
        self.asked.append(("policy_discard", name, by, reason))
        return {"name": name, "waiting": None}


@asynccontextmanager
async def knocking(
    desk: Desk, *scopes: Scope, checks: list[Check] | None = None
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with a key of these scopes (all of them by default)."""
    app = app_over(desk, checks)
    async with desk.store.transaction() as session:
        _, secret = await keys.create(
            session, desk.clock.real(), "test", list(scopes) or [Scope.ADMIN]
        )
    async with client(app, secret) as http:
        yield http


def app_over(desk: Desk, checks: list[Check] | None = None) -> FastAPI:
    async def readiness() -> list[Check]:
        return ALL if checks is None else checks

    return create_app(desk, readiness=readiness)


def client(app: FastAPI, secret: str = "") -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://aftercare.test", headers=headers
    )


def is_problem(answer: httpx2.Response, status: int, code: str, param: str | None = None) -> None:
    """The answer is this problem, in the one shape of all problems."""
    said = answer.json()
    assert (answer.status_code, said.get("code")) == (status, code), said
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(said) - {"param"} == {"type", "title", "status", "code", "detail", "request_id"}
    assert said["status"] == status
    assert said["type"] == f"/docs#{code}"
    assert said["request_id"] == answer.headers["request-id"]
    assert said.get("param") == param, said


async def furnished(store: Store, clock: Clock) -> FakeDesk:
    """A desk in a house with one customer, their follow-up, and a task."""
    await a_customer(store, id="cus_1")
    async with store.transaction() as session:
        session.add(
            Enrolment(
                id="online-customer.cus_1",
                sop="online-customer",
                subject="cus_1",
                customer_id="cus_1",
                sop_version="1.0",
                state="running",
                input={},
                started_at=NOON,
            )
        )
        session.add(
            Task(
                id="task_1",
                key="online-customer.cus_1/task",
                customer_id="cus_1",
                follow_up="online-customer.cus_1",
                clause="5.4.1",
                role="marketing",
                title="Write",
                state="open",
                due_at=NOON,
                created_at=NOON,
            )
        )
    return FakeDesk(store, clock)
