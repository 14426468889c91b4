"""A small world that plays what workflows do with the gate's answers, and checks the laws."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from activities.channels import Accepted, Channel, Parcel, Rejected
from activities.crm import ledger
from activities.crm.contacts import INCLUDED
from activities.crm.holds import hold, release
from activities.crm.store import Store, lock_customer
from activities.crm.tables import Customer, Enrolment, Milestone, Stop, new_id
from activities.crm.tables import Message as Row
from tests.activities.plans import DAY, MAILBOX, SOPS, ZONES, Truth
from tests.activities.sending import SHEETS, Dying, House, Provider, consent, reply
from tests.factories import NOON, FakeClock
from workflows import vocabulary as v
from workflows.vocabulary import Kind

KILLED = timedelta(seconds=30)  # until Temporal notices
FEW = 3  # and once more each time that somebody's worker comes late, and the queue slips


class Watched(Provider):
    """A provider that checks, before it takes anything, that it may be sent at all."""

    world: World

    async def send(self, parcel: Parcel) -> Accepted | Rejected:
        self.world.check(parcel)
        return await super().send(parcel)


class World:
    """Three customers, two of them with one mailbox; procedures, weather, and time."""

    def __init__(self, store: Store, failures: list[str], lateness: list[int]) -> None:
        self.store, self.clock = store, FakeClock()
        self.provider = Watched(self.clock, next=failures)
        self.provider.world = self
        self.dying = Dying(store)
        channels: dict[str, Channel] = {"email": self.provider, "sms": self.provider}
        self.house = House(store, self.clock, channels, self.dying)
        self.lateness = lateness
        self.truth = {name: Truth() for name in ZONES}
        self.stops: list[str] = []
        self.agenda: list[tuple[datetime, int, Callable[[], Awaitable[None]]]] = []
        self.order = itertools.count()
        self.messages: dict[str, v.Message] = {}
        self.became: dict[str, v.Settled] = {}
        self.held: set[str] = set()
        self.overslept = Counter[str]()

    # -- time ------------------------------------------------------------------------

    def at(self, moment: datetime, what: Callable[[], Awaitable[None]]) -> None:
        heapq.heappush(self.agenda, (moment, next(self.order), what))

    async def run(self) -> None:
        while self.agenda:
            moment, _, what = heapq.heappop(self.agenda)
            if moment > self.clock.now():
                self.clock.set(moment)
            await what()

    # -- what a workflow does -----------------------------------------------------------

    async def ask(self, message: v.Message) -> None:
        """Ask until it is settled or too late: then withdraw it."""
        if message.key in self.became:
            return
        now = self.clock.now()
        self.held.discard(message.key)
        stale = message.latest is not None and now >= message.latest
        try:
            answer: v.Answer = await (
                self.withdraw(message) if stale else self.house.messaging.send(message)
            )
        except ledger.InFlightError:
            with suppress(ApplicationError):
                await self.house.messaging.reconcile(message)
            self.again(message, now + timedelta(seconds=10))
        except ApplicationError as fault:
            self.again(message, now + (fault.next_retry_delay or timedelta(minutes=1)))
        except asyncio.CancelledError:
            self.again(message, now + KILLED)
        else:
            self.react(message, answer, now)

    def react(self, message: v.Message, answer: v.Answer, now: datetime) -> None:
        match answer:
            case v.Held():
                self.held.add(message.key)
                self.again(message, now + DAY)
            case v.Deferred(until=until):
                assert until > now
                late = self.lateness.pop(0) if self.lateness else 0
                self.overslept[MAILBOX[message.customer_id]] += late > 0
                self.again(message, until + timedelta(minutes=late))
            case settled:
                self.became[message.key] = settled

    def again(self, message: v.Message, moment: datetime) -> None:
        if message.latest and self.clock.now() < message.latest < moment:
            moment = message.latest
        self.at(moment, partial(self.ask, message))

    async def withdraw(self, message: v.Message) -> v.Settled:
        fields = message.model_dump(include=set(v.Step.model_fields))
        async with self.store.transaction() as session:
            step = v.Withdrawal(**fields, reason="stale")
            return await ledger.withdraw(session, step, self.clock.now())

    # -- what happens outside --------------------------------------------------------------

    async def happen(self, what: str, name: str) -> None:
        async with self.store.transaction() as session:
            customer = await lock_customer(session, name)
            assert customer is not None
            await getattr(self, what)(session, customer, self.truth[name])
        for key in sorted(self.held):  # the workflow hears of a release; of a rumour, too
            self.at(self.clock.now(), partial(self.ask, self.messages[key]))

    async def complain(self, session: AsyncSession, customer: Customer, truth: Truth) -> None:
        now = self.clock.now()
        truth.holds.append(await hold(session, now, customer_id=customer.id, kind="complaint"))

    async def resolve(self, session: AsyncSession, _: Customer, truth: Truth) -> None:
        await release(session, self.clock.now(), truth.holds[:1])
        del truth.holds[:1]

    async def opt_out(self, session: AsyncSession, customer: Customer, truth: Truth) -> None:
        session.add(consent(customer.id, "all", False, self.clock.now()))
        truth.out.add("all")

    async def opt_in(self, session: AsyncSession, customer: Customer, truth: Truth) -> None:
        session.add(consent(customer.id, "all", True, self.clock.now()))
        truth.out.discard("all")

    async def refuse_offers(self, session: AsyncSession, customer: Customer, truth: Truth) -> None:
        session.add(consent(customer.id, "topic:offers", False, self.clock.now()))
        truth.out.add("topic:offers")

    async def answer(self, session: AsyncSession, customer: Customer, _: Truth) -> None:
        session.add(reply(customer.id, self.clock.now()))

    async def stop(self, session: AsyncSession, *_: object) -> None:
        self.stops.append(new_id("stop"))
        now = self.clock.now()
        session.add(Stop(id=self.stops[-1], template="notice", reason="r", at=now))

    async def go(self, session: AsyncSession, *_: object) -> None:
        for stop in self.stops[:1]:
            row = await session.get(Stop, stop)
            assert row is not None
            row.lifted_at = self.clock.now()
        del self.stops[:1]

    async def rise(self, _: AsyncSession, customer: Customer, truth: Truth) -> None:
        customer.tier, truth.vip = "vip", True

    async def grieve(self, _: AsyncSession, customer: Customer, truth: Truth) -> None:
        customer.sensitive = truth.sensitive = True

    async def erase(self, _: AsyncSession, customer: Customer, truth: Truth) -> None:
        customer.erased_at, truth.erased = self.clock.now(), True

    async def kill(self, *_: object) -> None:
        self.dying.at(self.dying.count % 4 + 1, ("before", "after")[self.dying.count % 2])

    async def lag(self, *_: object) -> None:
        """The provider's index comes a minute behind, or it does no longer."""
        self.provider.conclusive = not self.provider.conclusive
        self.provider.behind = timedelta(minutes=0 if self.provider.conclusive else 1)
        self.provider.lag = 3 * self.provider.behind

    # -- the laws ------------------------------------------------------------------------------

    def check(self, parcel: Parcel) -> None:
        """Nothing goes that the gate's table forbids, at night, or past its use."""
        message, now = self.messages[parcel.key], self.clock.now()
        name, sheet = message.customer_id, SHEETS[message.template]
        assert self.truth[name].allows(message.template)
        assert not (self.stops and message.template == "notice")
        assert message.latest is None or now < message.latest
        if sheet.kind is not Kind.TRANSACTIONAL and not self.beats(message):
            assert 9 <= now.astimezone(ZoneInfo(ZONES[name])).hour < 20

    @staticmethod
    def beats(message: v.Message) -> bool:
        return message.promise is not None and SHEETS[message.template].kind is Kind.RELATIONSHIP

    async def check_all(self) -> None:
        await self.check_nothing_twice()
        await self.check_nothing_forgotten()
        self.check_once_a_day()
        self.check_asked_once()

    async def check_nothing_twice(self) -> None:
        took = self.provider.took()
        assert len(took) == len(set(took))
        sent = {key for key, answer in self.became.items() if isinstance(answer, v.Sent)}
        doubtful = {key for key, answer in self.became.items() if isinstance(answer, v.Handed)}
        assert sent <= set(took) <= sent | doubtful
        assert [stop.by for stop in await self.house.all(Stop) if stop.by] == []

    async def check_nothing_forgotten(self) -> None:
        assert self.became.keys() == self.messages.keys()
        rows = {row.key: row for row in await self.house.all(Row)}
        lines = {(line.follow_up, line.clause): line for line in await self.house.all(Milestone)}
        for key, answer in self.became.items():
            line = lines[self.messages[key].follow_up, self.messages[key].clause]
            expected = {"sent": "done", "covered": "covered", "handed": "waiting"}
            assert line.state == expected.get(answer.answer, "skipped")
            assert line.reason or line.state == "done"
            assert rows[key].state not in (ledger.RESERVED, ledger.SENDING)
            slipped = self.overslept[MAILBOX[self.messages[key].customer_id]]
            assert rows[key].deferrals <= FEW + slipped

    def check_asked_once(self) -> None:
        """Nobody is asked the same twice, nor a part of what they were asked as a whole."""
        asked: set[tuple[str, str]] = set()
        for _, parcel, _ in self.provider.taken:
            message = self.messages[parcel.key]
            asks = SHEETS[message.template].asks
            known = {(message.customer_id, one) for one in (asks, *INCLUDED.get(asks, ())) if one}
            assert not known & asked
            asked |= {(message.customer_id, asks)}

    def check_once_a_day(self) -> None:
        """One unsolicited message in 24 hours to a customer and to a mailbox; a promise may come
        closer."""
        names = {name: name for name in ZONES}
        for whose in (names, MAILBOX):
            last: dict[str, datetime] = {}
            for at, parcel, _ in self.provider.taken:
                message = self.messages[parcel.key]
                if SHEETS[message.template].kind is Kind.TRANSACTIONAL:
                    continue
                who = whose[message.customer_id]
                assert self.beats(message) or at - last.get(who, at - DAY) >= DAY
                last[who] = at


async def settle_in(world: World) -> None:
    async with world.store.transaction() as session:
        for name, zone in ZONES.items():
            fields: dict[str, Any] = {"told_at": {}, "created_at": NOON, "tier": "standard"}
            fields |= {"email": MAILBOX[name], "time_zone": zone, "sensitive": False}
            session.add(Customer(id=name, **fields))
        await session.flush()
        for name in ZONES:
            session.add(consent(name, "email_marketing", True, NOON - DAY))
            for sop in SOPS:
                fields = {"customer_id": name, "sop": sop, "subject": name, "sop_version": "1"}
                session.add(
                    Enrolment(
                        id=f"{sop}.{name}", state="running", input={}, started_at=NOON, **fields
                    )
                )
