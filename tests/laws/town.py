"""A small town of customers who do as the dice say, in weather that does the same."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select

from activities.crm import tables as t
from activities.fakes.channels import Fault
from starter.answers import Refusal
from starter.desk import Verb
from starter.rehearse.stage import Stage
from tests.laws import contracts
from tests.laws.acts import ACTS, helpful
from tests.rehearsals.life import Life, begin
from workflows.sops import CATALOGUE

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PEOPLE: list[dict[str, Any]] = [
    {"id": "C-1", "email": "a@example.com", "time_zone": "Europe/London"},
    {"id": "C-2", "email": "b@example.com", "time_zone": "Asia/Kathmandu", "country": "NP"},
    {"id": "C-3", "email": "c@example.com", "time_zone": "America/Los_Angeles", "country": "US"},
    {"id": "C-4", "email": "d@example.com", "tier": "vip"},
    {"id": "C-5", "email": "e@example.com", "tier": "premium", "consent": None},
    {"id": "C-6", "email": "f@example.com", "phone": "+447700900123"},
]
BY_PHONE = {"C-6": 0.5}  # how many of them would rather be called
CALMING: tuple[Verb, ...] = ("resume", "retry")
SERVICES = ("keep-in-touch", "correspondence", "case")


@dataclass
class Glimpse:
    """What the tables said of one customer's permissions at a moment; true until the next one."""

    at: datetime
    held: frozenset[str]  # the follow-ups on hold; an empty name: all of them
    refused: frozenset[str]  # the scopes taken back
    unheld: frozenset[str]  # complaints not yet put right that hold nothing back


@dataclass
class Citizen:
    life: Life
    dice: Random
    glimpses: list[Glimpse] = field(default_factory=list)
    said: int = 0
    orders: list[str] = field(default_factory=list)
    contracts: list[str] = field(default_factory=list)

    async def act(self) -> None:
        """One thing that a customer, the world, or staff about them may do; it may be refused."""
        self.said += 1
        with suppress(Refusal):
            await self.dice.choice(ACTS)(self)

    async def look(self) -> None:
        """Remember what is permitted from here on, until the next look."""
        rows = [hold for hold in await self.life.rows(t.Hold) if hold.released_at is None]
        holds = {hold.id for hold in rows}
        latest: dict[str, t.Consent] = {}
        for word in sorted(await self.life.rows(t.Consent), key=lambda row: (row.at, row.id)):
            latest[word.scope] = word
        taken = frozenset(scope for scope, word in latest.items() if not word.given)
        cases = await self.life.rows(t.Case)
        open_ = {case.id for case in cases if (case.kind, case.state) == ("complaint", "open")}
        held = frozenset(hold.follow_up or "" for hold in rows)
        now = self.life.stage.clock.now()
        self.glimpses.append(Glimpse(now, held, taken, frozenset(open_ - holds)))

    async def follow_ups(self, *, services: bool = True) -> list[t.Enrolment]:
        rows = await self.life.rows(t.Enrolment)
        return [row for row in rows if services or row.sop not in SERVICES]

    async def milestones(self) -> list[t.Milestone]:
        mine = select(t.Enrolment.id).where(t.Enrolment.customer_id == self.life.id)
        query = select(t.Milestone).where(t.Milestone.follow_up.in_(mine))
        async with self.life.stage.store.reading() as session:
            return list((await session.execute(query)).scalars())


class Town:
    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.weather = stage, Random(seed)
        self.citizens: list[Citizen] = []

    async def settle_down(self) -> None:
        """Everybody buys something for the first time, and Sales hears of it; some sign."""
        for number, person in enumerate(PEOPLE):
            order: dict[str, Any] = {"id": f"order-of-{person['id']}"}
            order["fulfilment"] = self.weather.choice(["ship", "ship", "pickup", "digital"])
            called = self.weather.random() < BY_PHONE.get(person["id"], 0)
            more: Any = {"preferred_channel": "phone"} if called else {}
            life = await begin(
                self.stage,
                sop="",
                order=order,
                neighbour=number == 0,
                at_once=True,
                policies={} if number else {contracts.S2: contracts.FILLED},
                **person,
                **more,
            )
            dice = Random(self.weather.random())
            self.citizens.append(Citizen(life, dice, orders=[order["id"]]))
            await contracts.sell(self.citizens[-1])
            if number % 2:
                await contracts.sign(self.citizens[-1])
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
        await self._look()

    async def calm(self) -> None:
        """The sun comes out, whatever was broken is mended, nobody is kept waiting any more."""
        for channel in self.stage.house.channels.values():
            channel.always = None
            channel.faults.clear()
        await self._links(None)
        await self.stage.desk.go(reason="calm", by="test")
        for citizen in self.citizens:
            for target in (citizen.life.id, *(row.id for row in await citizen.follow_ups())):
                for verb in CALMING:
                    with suppress(Refusal):
                        await self.stage.desk.control(verb, target, reason="calm", by="test")
        await self.stage.settle()
        await self._look()

    async def evening(self, within: timedelta) -> None:
        """Colleagues see to every case; on, until all that was begun has ended."""
        latest = self.stage.clock.now() + within
        while self.stage.clock.now() < latest:
            left = False
            for citizen in self.citizens:
                await helpful(citizen)
                running = await citizen.follow_ups()
                left = left or any(
                    row.ended_at is None and row.sop != "keep-in-touch" for row in running
                )
            await self.stage.settle()
            await self._look()
            if not left:
                return
            await self.stage.sleep(8 * HOUR)

    async def _look(self) -> None:
        for citizen in self.citizens:
            await citizen.look()

    async def _storm(self) -> None:
        post = self.stage.house.channels["email"]
        post.always = Fault.AWAY if self.weather.random() < 0.12 else None
        if self.weather.random() < 0.3:
            post.faults.append(self.weather.choice([Fault.LOST, Fault.SILENT, Fault.AWAY]))
        sop = self.weather.choice(list(CATALOGUE))
        match self.weather.randrange(20):
            case 0:
                await self._links("")
            case 1 | 2:
                await self._links(None)
            case 3:
                await self.stage.desk.stop(sop=sop, reason="dice", by="test")
            case 4 | 5:
                await self.stage.desk.go(reason="dice", by="test")
            case 6 | 7:
                await contracts.think_again(self)

    async def _links(self, value: str | None) -> None:
        changes = {"links.getting_started": value, "links.tips": value}
        await self.stage.desk.policy_set("house", changes, by="test", reason="dice", approve=True)
