"""A desk for tests: the real tables, and a Temporal of forty lines that can be switched off."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import select
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.clock import Clock
from activities.crm.store import Store
from activities.settings import Settings
from starter.answers import Receipt
from starter.desk import Desk


class FakeTemporal:
    """Remembers what it was told; refuses a second start, and signals to what does not run."""

    def __init__(self) -> None:
        self.up = True
        self.started: dict[str, Any] = {}
        self.signals: list[tuple[str, str, dict[str, Any]]] = []
        self.ended: set[str] = set()

    async def start_workflow(self, name: str, given: Any, *, id: str, **_: Any) -> None:  # noqa: A002
        self._answer()
        if id in self.started:
            raise WorkflowAlreadyStartedError(id, name)
        self.started[id] = given

    def get_workflow_handle(self, workflow_id: str) -> _Handle:
        return _Handle(self, workflow_id)

    def heard(self, workflow_id: str) -> list[str]:
        return [name for id_, name, _ in self.signals if id_ == workflow_id]

    def _answer(self) -> None:
        if not self.up:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")


class _Handle:
    def __init__(self, temporal: FakeTemporal, workflow_id: str) -> None:
        self.temporal, self.id = temporal, workflow_id

    async def signal(self, name: str, body: dict[str, Any], **_: Any) -> None:
        self.temporal._answer()
        if self.id not in self.temporal.started or self.id in self.temporal.ended:
            raise RPCError("workflow execution already completed", RPCStatusCode.NOT_FOUND, b"")
        self.temporal.signals.append((self.id, name, body))


def a_desk(store: Store, clock: Clock, temporal: Any, **settings: Any) -> Desk:
    """With S0 alone, unless it is said which SOPs are on: `sops=""` is all of them."""
    chosen = {"sops": "online-customer"} | settings
    return Desk(store, Settings(_env_file=None, **chosen), clock, cast("Client", temporal))


async def rows(store: Store, table: Any) -> list[Any]:
    async with store.reading() as session:
        return list((await session.execute(select(table))).scalars())


async def only(store: Store, table: Any) -> Any:
    (row,) = await rows(store, table)
    return row


def effects(receipt: Receipt) -> list[tuple[str, str | None]]:
    """What came of it; of SOPs that are off only where nothing else did."""
    came = [(effect.effect, effect.reason) for effect in receipt.effects]
    return [each for each in came if each != ("none", "sop_off")] or came


NUMBER = iter(range(1, 10**9))


def an_event(what: str, **said: Any) -> dict[str, Any]:
    """An event of Ada's, unless it says of whom."""
    event = {"id": f"evt_{next(NUMBER)}", "type": what, "customer": {"email": "ada@example.com"}}
    return {name: value for name, value in (event | said).items() if value is not None}


def an_order_event(order_id: str = "1001", what: str = "order.confirmed", **said: Any) -> Any:
    what = said.pop("type", what)
    return an_event(what, **({"order": {"id": order_id, "total": "49.00"}} | said))
