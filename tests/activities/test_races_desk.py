"""Complaints and opt-outs that come through the real doors, while the real messages of the first
days after an order are on their way: none begins after what took its permission was committed."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from random import Random
from time import perf_counter
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities import rendering
from activities.crm.store import Store
from activities.crm.tables import Consent, Hold, Message, Order, new_id
from activities.messaging import GatedMessaging
from activities.settings import Settings
from starter.desk import Desk
from tests.activities.sending import Provider, consent, message
from tests.activities.test_races import AT_ONCE, BEGUN, later, somebody
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, a_desk, an_event
from workflows import vocabulary as v
from workflows.vocabulary import Kind

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
RACES = 200 * DOSE if DOSE > 1 else 50
ON_THEIR_WAY = {  # by template, whose it is
    "thank-you": "order-thanks",
    "satisfaction-check": "order-thanks",
    "satisfaction-survey": "satisfaction",
    "order-experience": "satisfaction",
    "check-in": "online-customer",
    "upgrade-your-plan": "online-customer",
}
COMPLAINT = "complaint.opened"
TAKINGS: list[tuple[str, dict[str, Any]]] = [
    (COMPLAINT, {"reference": "K-1", "severity": "high"}),
    (COMPLAINT, {}),
    ("consent.changed", {"all": False}),
    ("consent.changed", {"email": False}),
]
RACING: ContextVar[tuple[str, str]] = ContextVar("racing")  # the customer, the message's key


class Watched:
    """The store as the desk has it. In the very transaction that takes the permission away it is
    noted whether the message had begun by then."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.begun: dict[str, tuple[bool, float]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with self.store.transaction() as session:
            yield session
            customer, key = RACING.get()
            if customer not in self.begun and await self._is_taken(session, customer):
                state = select(Message.state).where(Message.key == key)
                begun = (await session.execute(state)).scalar() in BEGUN
                self.begun[customer] = begun, perf_counter()

    @staticmethod
    async def _is_taken(session: AsyncSession, customer: str) -> bool:
        held = exists().where(Hold.customer_id == customer)
        refused = exists().where(Consent.customer_id == customer, Consent.given.is_(False))
        return bool((await session.execute(select(held | refused))).scalar())


class Race:
    """Customers who bought something, a desk, and messages on their way to them."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.watched = store, Watched(store)
        self.desk: Desk = a_desk(self.watched, clock, FakeTemporal())  # type: ignore[arg-type]
        self.span = 0.02  # seconds, about, from an event's arrival to its effect; as it turns out
        self.post = Provider(clock, provider="post")
        settings = Settings(_env_file=None, secret_key="a secret of the tests", email_rate=1000)
        self.messaging = GatedMessaging(
            store, clock, settings, {"email": self.post}, renderer=rendering
        )

    async def arrive(self, customer: str) -> None:
        async with self.store.transaction() as session:
            row = somebody(customer)
            row.name = "Ada Lovelace"
            session.add(row)
            await session.flush()
            session.add(consent(customer, "email_marketing", True, NOON))
            items = [{"name": "Kettle", "quantity": 1}]
            fields: dict[str, Any] = {"items": items, "shipments": [], "told_at": {}}
            session.add(
                Order(id=f"ord_{customer}", customer_id=customer, created_at=NOON, **fields)
            )

    async def send(self, customer: str, template: str, **fields: Any) -> v.Answer:
        sop = fields.pop("sop", None) or ON_THEIR_WAY[template]
        step = message(
            customer,
            template,
            follow_up=f"{sop}.{customer}",
            order_id=f"ord_{customer}",
            impersonal=False,
            **fields,
        )
        return await self.messaging.send(step)

    async def takes(self, customer: str, what: str, data: dict[str, Any]) -> None:
        """The event comes in; what answers a complaint goes, whatever it holds back."""
        await self.desk.receive("api", an_event(what, customer=_known(customer), data=data))
        if what == COMPLAINT:
            fields: dict[str, Any] = {"sop": "case", "kind": Kind.TRANSACTIONAL, "case_id": "c"}
            answer = await self.send(customer, "complaint-received", **fields)
            assert isinstance(answer, v.Sent)

    async def run(self, customer: str, dice: Random, first: bool | None) -> tuple[str, bool]:
        """One message against one taking; whether the message had begun when it was taken.
        With `first` said, it goes surely before, or surely after, however busy the machine is."""
        template, (what, data) = dice.choice(list(ON_THEIR_WAY)), dice.choice(TAKINGS)
        key = f"{ON_THEIR_WAY[template]}.{customer}/{template}"
        RACING.set((customer, key))
        started = perf_counter()
        sending, taking = self.send(customer, template), self.takes(customer, what, data)
        if first is None:
            answer, _ = await asyncio.gather(later(dice.random() * 2 * self.span, sending), taking)
        elif first:
            answer = await sending
            await taking
        else:
            await taking
            answer = await sending
        begun, at = self.watched.begun[customer]
        self.span += (at - started - self.span) / 10
        stopped = v.Held if what == COMPLAINT else v.Refused
        assert isinstance(answer, v.Sent if begun else stopped), (template, what, answer)
        assert (key in self.post.took()) is begun
        return what, begun


def _known(customer: str) -> dict[str, str]:
    return {"email": f"{customer}@example.com"}


async def test_none_begins_after_an_event_took_its_permission(
    store: Store, clock: FakeClock
) -> None:
    """Through the desk and its intake, as they come from a helpdesk or a page of preferences."""
    race, dice = Race(store, clock), Random(2026)
    customers = [new_id("cus") for _ in range(RACES)]
    for customer in customers:
        await race.arrive(customer)
    turns, tally = asyncio.Semaphore(AT_ONCE), Counter[tuple[str, bool]]()

    async def one(number: int, customer: str) -> None:
        async with turns:
            first = {0: True, 5: False}.get(number % 10)
            tally[await race.run(customer, Random(dice.random()), first)] += 1

    await asyncio.gather(*(asyncio.create_task(one(*each)) for each in enumerate(customers)))
    assert sum(tally.values()) == RACES
    for what in (COMPLAINT, "consent.changed"):  # both were first often enough
        print(what, tally[what, True], "begun before,", tally[what, False], "not begun")  # noqa: T201
        assert min(tally[what, True], tally[what, False]) > 0
