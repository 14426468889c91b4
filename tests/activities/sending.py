"""What sending is tested with: a provider that fails as asked, templates of every kind, a house."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from activities.channels import (
    Accepted,
    Because,
    Channel,
    Parcel,
    Rejected,
    UnknownOutcomeError,
)
from activities.crm.holds import hold
from activities.crm.store import Store, lock_customer
from activities.crm.tables import Consent, Customer, Decision, Milestone, Note, Task, new_id
from activities.crm.tables import Message as Row
from activities.messaging import GatedMessaging
from activities.rendering import Rendered, TemplateFault
from activities.settings import Settings
from tests.factories import NOON, FakeClock, a_customer, an_enrolment
from workflows import vocabulary as v
from workflows.vocabulary import Kind

SOP = "online-customer"


@dataclass(frozen=True)
class Sheet:
    """A template as far as the gate reads it."""

    name: str
    kind: Kind
    topic: str = ""
    required: bool = False
    asks: str = ""
    action: bool = False
    carries: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    channels: tuple[str, ...] = ("email", "sms")
    version: str = "1.0"


SHEETS = {
    sheet.name: sheet
    for sheet in (
        Sheet("welcome", Kind.TRANSACTIONAL, required=True, carries=("thanks",)),
        Sheet("notice", Kind.TRANSACTIONAL),
        Sheet("guide", Kind.RELATIONSHIP, topic="tips"),
        Sheet("tips", Kind.RELATIONSHIP, topic="tips"),
        Sheet("check-in", Kind.RELATIONSHIP, asks="satisfaction"),
        Sheet("survey", Kind.RELATIONSHIP, asks="satisfaction"),
        Sheet("reminder", Kind.RELATIONSHIP),
        Sheet("thanks", Kind.RELATIONSHIP, asks="thanks", personal=("name", "product")),
        Sheet("experience", Kind.RELATIONSHIP, asks="experience"),
        Sheet("review", Kind.RELATIONSHIP, topic="reviews", asks="review"),
        Sheet("offer", Kind.MARKETING, topic="offers"),
        Sheet("upgrade", Kind.MARKETING, topic="offers", channels=("email",)),
    )
}


class Plates:
    """A renderer whose every template says its own name; those in `broken` cannot be rendered."""

    def __init__(self) -> None:
        self.broken: set[str] = set()

    def registry(self) -> Mapping[str, Sheet]:
        return SHEETS

    def wanted(self, *_: Any) -> frozenset[str]:
        return frozenset()

    def facts_for(self, customer: Customer, *_: Any, **more: Any) -> dict[str, Any]:
        links = SimpleNamespace(unsubscribe="https://example.com/u/token")
        return {"name": customer.preferred_name, "links": links, **more}

    def render(
        self,
        name: str,
        locale: str | None,
        channel: str,
        facts: dict[str, Any],
        draft: Any = None,
    ) -> Rendered:
        if name in self.broken:
            raise TemplateFault("variable_missing", name)
        text = draft.body if draft else f"{name} for {facts['name']}"
        return Rendered(draft.subject if draft else name, text, None, locale or "en")


NOES = {
    "away": Rejected("no_connection", Because.AWAY),
    "busy": Rejected("rate_limited", Because.BUSY, timedelta(seconds=90)),
    "busy for an hour": Rejected("rate_limited", Because.BUSY, timedelta(hours=1)),
    "no country": Rejected("region_not_enabled", Because.MESSAGE),
    "not now": Rejected("not_now", Because.LATER, timedelta(minutes=5)),
    "account": Rejected("unauthorised", Because.ACCOUNT),
    "bad": Rejected("no_such_address", Because.ADDRESS),
    "landline": Rejected("landline", Because.ADDRESS),
    "refused": Rejected("refused", Because.MESSAGE),
    "stopped": Rejected("stopped", Because.OPTED_OUT),
}


@dataclass
class Provider:
    """A provider that takes what it is given, unless told how to fail next.

    `accept and die`: it has it, and nobody hears so; `die`: it never got it; `hang`: it has it
    and never answers; `away`, `busy`, `account`: it says no, for now; `bad`, `refused`, `stopped`:
    for good, because of the address, of the message, or because the customer told it to.
    """

    clock: FakeClock
    name: str = "email"
    provider: str = "provider"
    deadline: timedelta = timedelta(seconds=10)
    quarantine: timedelta = timedelta(seconds=5)
    lag: timedelta = timedelta(0)
    conclusive: bool = True
    can_look_up: bool = True
    behind: timedelta = timedelta(0)  # how long its index does not know what it took
    next: list[str] = field(default_factory=list)
    taken: list[tuple[datetime, Parcel, str]] = field(default_factory=list)

    async def send(self, parcel: Parcel) -> Accepted | Rejected:
        what = self.next.pop(0) if self.next else "accept"
        if what in NOES:
            return NOES[what]
        if what == "die":
            raise UnknownOutcomeError
        provider_id = new_id("prov")
        self.taken.append((self.clock.now(), parcel, provider_id))
        if what == "accept and die":
            raise ConnectionResetError
        if what == "accept and be killed":
            raise asyncio.CancelledError
        if what == "hang":
            await asyncio.sleep(3600)
        return Accepted(provider_id)

    async def look_up(self, parcel: Parcel, since: datetime) -> tuple[str, ...] | None:
        if not self.can_look_up:
            return None
        known = self.clock.now() - self.behind
        return tuple(id_ for at, one, id_ in self.taken if one.key == parcel.key and at <= known)

    async def close(self) -> None:
        pass

    def took(self) -> list[str]:
        return [parcel.key for _, parcel, _ in self.taken]


class Boot:
    """The clock that nobody sets; it runs ahead on demand, as for a process that was stopped."""

    def __init__(self) -> None:
        self.jumps: list[float] = []
        self.at = 0.0

    def __call__(self) -> float:
        self.at += self.jumps.pop(0) if self.jumps else 0.0
        return self.at


class Dying:
    """A store whose process dies around a writing transaction, to be named."""

    def __init__(self, store: Store) -> None:
        self.store, self.count = store, 0
        self.deaths: set[tuple[int, str]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def at(self, nth: int, moment: str) -> None:
        """Die `before` or `after` the nth transaction from now."""
        self.deaths.add((self.count + nth, moment))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        self.count += 1
        now = self.count
        if (now, "before") in self.deaths:
            raise asyncio.CancelledError
        async with self.store.transaction() as session:
            yield session
        if (now, "after") in self.deaths:
            raise asyncio.CancelledError


class House:
    """The real gate, ledger and store; the channels, templates and clocks are in our hands."""

    def __init__(
        self,
        store: Store,
        clock: FakeClock,
        channels: Mapping[str, Channel] | None = None,
        dying: Dying | None = None,
        **settings: Any,
    ) -> None:
        self.store, self.clock = store, clock
        self.plates, self.boot = Plates(), Boot()
        self.email = Provider(clock, provider="post")
        self.sms = Provider(clock, "sms", provider="phone")
        self.messaging = GatedMessaging(
            dying or store,  # type: ignore[arg-type]
            clock,
            Settings(**{"secret_key": "secret", "_env_file": None, "email_rate": 1000} | settings),
            channels or {"email": self.email, "sms": self.sms},
            renderer=self.plates,
            boot=self.boot,
        )

    async def send(self, customer: str, template: str, **fields: Any) -> v.Answer:
        return await self.messaging.send(message(customer, template, **fields))

    async def row(self, key: str) -> Row:
        async with self.store.reading() as session:
            return (await session.execute(select(Row).where(Row.key == key))).scalar_one()

    async def all(self, table: type[Any]) -> list[Any]:
        async with self.store.reading() as session:
            return list((await session.execute(select(table))).scalars())

    async def milestone(self, customer: str, clause: str, about: str = "") -> Milestone:
        async with self.store.reading() as session:
            found = await session.get(Milestone, (f"{SOP}.{customer}", clause, about))
            assert found is not None
            return found

    async def decisions(self, key: str) -> list[Decision]:
        rows = [row for row in await self.all(Decision) if row.key == key]
        return sorted(rows, key=lambda row: row.at)

    async def tasks(self) -> list[Task]:
        return await self.all(Task)

    async def say(self, customer: str, at: datetime | None = None, /, **scopes: bool) -> None:
        """Write down what the customer allows; `topic_offers` is the scope `topic:offers`."""
        async with self.store.transaction() as session:
            await lock_customer(session, customer)
            for scope, given in scopes.items():
                session.add(consent(customer, scope, given, at or self.clock.now()))

    async def hold(self, customer: str, **fields: Any) -> str:
        async with self.store.transaction() as session:
            await lock_customer(session, customer)
            now = self.clock.now()
            return await hold(
                session, now, **{"customer_id": customer, "kind": "complaint"} | fields
            )

    async def add(self, *rows: Any) -> None:
        async with self.store.transaction() as session:
            session.add_all(rows)


def message(customer: str, template: str, **fields: Any) -> v.Message:
    step = fields.pop("step", template)
    follow_up = fields.pop("follow_up", f"{SOP}.{customer}")
    key = fields.pop("key", f"{follow_up}/{step}")
    known = {"key": key, "follow_up": follow_up, "customer_id": customer, "clause": "5.2.1"}
    return v.Message(**{**known, "template": template} | fields)


def key_of(customer: str, step: str) -> str:
    return f"{SOP}.{customer}/{step}"


def consent(customer: str, scope: str, given: bool, at: datetime) -> Consent:
    name = scope.replace("topic_", "topic:")
    return Consent(
        id=new_id("con"), customer_id=customer, scope=name, given=given, at=at, recorded_at=at
    )


def reply(customer: str, at: datetime, to: str | None = None) -> Note:
    return Note(
        id=new_id("note"),
        key=new_id("reply"),
        customer_id=customer,
        at=at,
        direction="in",
        method="email",
        summary="Thanks!",
        message_key=to,
    )


def went(house: House) -> list[str]:
    """The channels by which anything went."""
    return ["email"] * len(house.email.taken) + ["sms"] * len(house.sms.taken)


EVENING = NOON.replace(hour=21)


async def somebody(house: House, **fields: Any) -> Customer:
    """A customer who agreed to marketing, with a follow-up."""
    consents = fields.pop("consents", {"email_marketing": True, "sms_marketing": True})
    customer = await a_customer(house.store, **fields)
    await an_enrolment(house.store, customer.id)
    await house.say(customer.id, NOON - timedelta(days=1), **consents)
    return customer


def said(answer: v.Answer) -> str:
    """An answer as the truth table writes it."""
    match answer:
        case v.Sent():
            return "goes"
        case v.Held():
            return "waits"
        case v.Deferred():
            return "later"
        case v.Refused(reason=reason):
            return reason
        case _:
            return answer.answer


async def fails(house: House, customer: str, template: str, **fields: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await house.send(customer, template, **fields)
    return caught.value
