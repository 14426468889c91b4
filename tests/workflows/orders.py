"""Purchases of a test: how they begin, what happens to them, what is seen of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from tests.workflows.lives import DAY, PATIENCE, Life, Town
from tests.workflows.world import KINDS
from workflows.contract import QUEUE
from workflows.sops import order_thanks, satisfaction
from workflows.sops.order_thanks import OrderThanks
from workflows.sops.satisfaction import Satisfaction
from workflows.vocabulary import Enrolment, Kind, State

MINUTE = timedelta(minutes=1)
KINDS |= dict.fromkeys(("order-shipped", "ready-for-pickup", "feedback-thanks"), Kind.TRANSACTIONAL)
SATURDAY = 5


class Bought(Life):
    """One follow-up of one order."""

    async def thanks(self, policy: dict[str, Any] | None = None, **more: Any) -> Self:
        body = await self.body(order_thanks.Policy(**policy or {}), **more)
        return await self.begin(OrderThanks.run, "order-thanks", body)

    async def satisfaction(self, policy: dict[str, Any] | None = None, **more: Any) -> Self:
        quiet = {"sample": 0}
        body = await self.body(satisfaction.Policy(**quiet | (policy or {})), **more)
        return await self.begin(Satisfaction.run, "satisfaction", body)

    async def body(self, policy: Any, **more: Any) -> Any:
        self.began = await self.now()
        self.order = more.setdefault("order_id", f"order-{self.name}")
        fields = {
            "customer_id": self.name,
            "purchased_at": self.began,
            "policy": policy,
            "pace": self.world.pace,
            "kinds": KINDS,
        }
        sort: Any = Enrolment[type(policy)]  # type: ignore[misc]
        return sort(**fields | more)

    async def begin(self, run: Any, sop: str, body: Any) -> Self:
        self.handle = await self.env.client.start_workflow(
            run, body, id=f"{sop}.{self.name}", task_queue=QUEUE, task_timeout=PATIENCE
        )
        await self.sleep(MINUTE)
        return self

    async def news(self, what: str, *shipments: str, **more: Any) -> None:
        """Of this order, now."""
        body = {"order_id": self.order, "at": (await self.now()).isoformat()}
        await self.say(what, body | {"shipments": shipments} | more)
        await self.sleep(MINUTE)

    async def do(self, clause: str, **outcome: Any) -> None:
        """Somebody does the newest task of this clause."""
        mine = (
            k
            for k, t in self.world.tasks.items()
            if (t.customer_id, t.clause) == (self.name, clause)
        )
        (*_, task) = mine
        await self.say("task_done", {"task_id": task, **outcome})
        await self.sleep(MINUTE)

    async def state(self, line: str) -> tuple[State, str]:
        found = (await self.lines())[line]
        return found.state, found.reason

    def sent(self) -> list[str]:
        """What went, without the rest."""
        return [line for line in self.done() if " send " in line]

    def days(self, what: str) -> int:
        """How many days after the start it happened."""
        return self.at(what) // DAY


async def purchase(town: Town) -> Bought:
    life = Bought(town.env, town.world, f"{town.name}-{len(town.lives)}")
    town.lives.append(life)
    return life


async def on_a(weekday: int, life: Life) -> datetime:
    """Wait for that day of the week, at ten."""
    while (await life.now()).weekday() != weekday:
        await life.sleep(DAY)
    return await life.now()
