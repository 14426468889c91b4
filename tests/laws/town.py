"""A small town of customers who do as the dice say, in weather that does the same."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from temporalio.service import RPCError

from activities.crm import tables as t
from activities.fakes.channels import Fault
from starter.answers import Refusal
from starter.rehearse.stage import Stage
from tests.rehearsals.life import Life, begin

HOUR = timedelta(hours=1)
PEOPLE: list[dict[str, Any]] = [
    {"id": "C-1", "email": "a@example.com", "time_zone": "Europe/London"},
    {"id": "C-2", "email": "b@example.com", "time_zone": "Asia/Kathmandu", "country": "NP"},
    {"id": "C-3", "email": "c@example.com", "time_zone": "America/Los_Angeles", "country": "US"},
    {"id": "C-4", "email": "d@example.com", "tier": "vip"},
    {"id": "C-5", "email": "e@example.com", "tier": "premium", "consent": None},
    {"id": "C-6", "email": "f@example.com", "phone": "+447700900123"},
]
NONSENSE: list[list[Any]] = [[], ["hello"], [7], [{"at": "yesterday"}], [{}, {}], [{"id": {}}]]


@dataclass
class Glimpse:
    """What the tables said of one customer's permissions at a moment; true until the next one."""

    at: datetime
    held: bool
    refused: frozenset[str]  # the scopes taken back


@dataclass
class Citizen:
    life: Life
    dice: Random
    glimpses: list[Glimpse] = field(default_factory=list)
    said: int = 0

    async def act(self) -> None:
        """One thing that a customer, or staff about them, may do; the desk may refuse it."""
        self.said += 1
        with suppress(Refusal, RPCError):
            await self.dice.choice(ACTS)(self)

    # -- the customer ------------------------------------------------------------------

    async def complain(self) -> None:
        await self._event("complaint.opened", reference=f"K-{self.dice.randrange(3)}")

    async def be_satisfied(self) -> None:
        await self._event("complaint.resolved", reference=f"K-{self.dice.randrange(3)}")

    async def reply(self) -> None:
        at = self.life.stage.clock.now() - self.dice.randrange(72) * HOUR
        await self._event("reply.received", at=at, text="Thank you")

    async def log_in(self) -> None:
        await self._event("engagement.login")

    async def struggle(self) -> None:
        topic = self.dice.choice(["set-up", "payment", "delivery", "login", "invoice", "returns"])
        await self._event("issue.detected", topic=topic)

    async def buy(self) -> None:
        order = {"id": f"{self.life.id}-{self.said}", "first": False, "total": "9.00"}
        await self._event("order.paid", order=order)

    async def return_it(self) -> None:
        if self.dice.random() < 0.3:
            await self._event("order.returned", order={"id": f"order-of-{self.life.id}"})

    async def opt_out(self) -> None:
        if self.dice.random() < 0.3:
            words: list[dict[str, Any]] = [
                {"email_marketing": False},
                {"topics": {"tips": False}},
                {"all": False},
            ]
            word = self.dice.choice(words)
            await self._event("consent.changed", **word)

    # -- staff -------------------------------------------------------------------------

    async def do_a_task(self) -> None:
        rows = [row for row in await self.life.rows(t.Task) if row.state == "open"]
        if rows:
            task = self.dice.choice(rows)
            written = (
                {"subject": "Hello", "text": "How is it?"} if task.template else {"note": "Yes"}
            )
            outcomes: list[dict[str, Any]] = [{}, {"declined": True}, written]
            outcome = self.dice.choice(outcomes)
            outcome = {"resolved": True} if "complaint" in task.title else outcome
            await self.life.stage.desk.complete_task(task.id, outcome, by="test")

    async def control(self) -> None:
        verb = self.dice.choice(["hold", "resume", "resume", "retry", "retry", "run-now", "skip"])
        clause = self.dice.choice([None, "5.2.1", "5.3.2", "5.4.3"])
        await self._control(verb, None if verb in ("hold", "resume") else clause)

    async def give_up(self) -> None:
        if self.dice.random() < 0.05:
            await self._control("end", None)

    async def report_quiet(self) -> None:
        await self._event("engagement.low")

    async def mumble(self) -> None:
        """Straight to Temporal, past the desk."""
        handle = self.life.stage.env.client.get_workflow_handle(self.life.follow_up)
        names = [
            "responded",
            "complaint",
            "task_done",
            "opted_out",
            "skip",
            "hold",
            "no_such_thing",
        ]
        await handle.signal(self.dice.choice(names), args=self.dice.choice(NONSENSE))

    # -- how ---------------------------------------------------------------------------

    async def _event(
        self, type_: str, at: datetime | None = None, order: Any = None, **data: Any
    ) -> None:
        more: dict[str, Any] = {"customer": {"id": self.life.id}, "data": data}
        if order:
            more["order"] = order
        if at:
            more["occurred_at"] = at.isoformat()
        await self.life.director.receive(type_, **more)

    async def _control(self, verb: Any, clause: str | None) -> None:
        desk, target = self.life.stage.desk, self.life.follow_up
        await desk.control(verb, target, clause=clause, reason="dice", by="test")

    async def look(self) -> None:
        """Remember what is permitted from here on, until the next look."""
        holds = [hold for hold in await self.life.rows(t.Hold) if hold.released_at is None]
        latest: dict[str, t.Consent] = {}
        for word in sorted(await self.life.rows(t.Consent), key=lambda row: (row.at, row.id)):
            latest[word.scope] = word
        taken = frozenset(scope for scope, word in latest.items() if not word.given)
        self.glimpses.append(Glimpse(self.life.stage.clock.now(), bool(holds), taken))


ACTS = [  # as often as they stand here
    Citizen.complain,
    Citizen.be_satisfied,
    Citizen.be_satisfied,
    Citizen.reply,
    Citizen.log_in,
    Citizen.struggle,
    Citizen.struggle,
    Citizen.struggle,
    Citizen.buy,
    Citizen.return_it,
    Citizen.opt_out,
    Citizen.do_a_task,
    Citizen.do_a_task,
    Citizen.control,
    Citizen.give_up,
    Citizen.report_quiet,
    Citizen.mumble,
]


class Town:
    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.weather = stage, Random(seed)
        self.citizens: list[Citizen] = []

    async def settle_down(self) -> None:
        """Everybody buys something for the first time."""
        for number, person in enumerate(PEOPLE):
            order = {"id": f"order-of-{person['id']}"}
            if self.weather.random() < 0.3:
                order["fulfilment"] = "digital"
            life = await begin(
                self.stage, order=order, neighbour=number == 0, at_once=True, **person
            )
            dice = Random(self.weather.random())
            self.citizens.append(Citizen(life, dice))
            await self.citizens[-1].look()

    async def pass_time(self) -> None:
        """Some hours of weather, in which everybody may do something."""
        span = self.weather.randint(1, 20) * HOUR
        await self._storm()
        if self.stage.cold and self.weather.random() < 0.06:
            await self.stage.end_work()
            await self.stage.away(span)
            await self.stage.begin_work()
            await self.stage.settle()
        else:
            await self.stage.sleep(span)
        for citizen in self.citizens:
            for _ in range(self.weather.choice([0, 0, 0, 1, 1, 2])):
                await citizen.act()
        await self.stage.settle()
        for citizen in self.citizens:
            await citizen.look()

    async def calm(self) -> None:
        """The sun comes out, complaints are settled, whatever was broken is mended."""
        for channel in self.stage.house.channels.values():
            channel.always = None
            channel.faults.clear()
        await self._links(None)
        await self.stage.desk.go(reason="calm", by="test")
        for citizen in self.citizens:
            for case in await citizen.life.rows(t.Case):
                with suppress(Refusal):
                    await citizen._event("complaint.resolved", case_id=case.id)
            for verb in ("resume", "retry"):
                with suppress(Refusal):
                    await citizen._control(verb, None)
        await self.stage.settle()
        for citizen in self.citizens:
            await citizen.look()

    async def _storm(self) -> None:
        post = self.stage.house.channels["email"]
        post.always = Fault.AWAY if self.weather.random() < 0.12 else None
        if self.weather.random() < 0.3:
            post.faults.append(self.weather.choice([Fault.LOST, Fault.SILENT, Fault.AWAY]))
        match self.weather.randrange(20):
            case 0:
                await self._links("")
            case 1 | 2:
                await self._links(None)
            case 3:
                await self.stage.desk.stop(sop="online-customer", reason="dice", by="test")
            case 4 | 5:
                await self.stage.desk.go(reason="dice", by="test")

    async def _links(self, value: str | None) -> None:
        changes = {"links.getting_started": value, "links.tips": value}
        await self.stage.desk.policy_set("house", changes, by="test", reason="dice", approve=True)
