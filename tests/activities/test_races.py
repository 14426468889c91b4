"""Permission taken away while a message is on its way: none begins after it was taken."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.holds import hold, press
from activities.crm.store import Store, lock_customer
from activities.crm.tables import Customer, Message, Stop, new_id
from tests.activities.sending import House, consent, key_of
from tests.factories import NOON, FakeClock
from workflows import vocabulary as v

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
RACES, AT_ONCE = 200 * DOSE, 8
BEGUN = ("sending", "sent")

T = TypeVar("T")
Taking = Callable[[AsyncSession, str], Awaitable[object]]


async def opts_out(session: AsyncSession, customer: str) -> None:
    session.add(consent(customer, "all", False, NOON))


async def unsubscribes(session: AsyncSession, customer: str) -> None:
    session.add(consent(customer, "email", False, NOON))


async def complains(session: AsyncSession, customer: str) -> None:
    await hold(session, NOON, customer_id=customer, kind="complaint")


async def is_erased(session: AsyncSession, customer: str) -> None:
    row = await session.get(Customer, customer)
    assert row is not None
    row.erased_at = NOON


TAKINGS: list[Taking] = [opts_out, unsubscribes, complains, is_erased]


async def test_none_begins_after_permission_was_taken(store: Store, clock: FakeClock) -> None:
    """Two hundred races between a send and an opt-out, unsubscribe, complaint or erasure: under
    the lock that takes the permission it is seen whether the send had begun; if not, it never does.
    """
    house, dice = House(store, clock), Random(2026)
    customers = [new_id("cus") for _ in range(RACES)]
    await house.add(*(somebody(customer) for customer in customers))
    turns, tally = asyncio.Semaphore(AT_ONCE), Counter[bool]()

    async def race(customer: str, taking: Taking, *delays: float) -> None:
        async with turns:
            answer, begun = await asyncio.gather(
                later(delays[0], house.send(customer, "guide")),
                later(delays[1], take(store, customer, taking)),
            )
        tally[begun] += 1
        assert isinstance(answer, v.Sent if begun else v.Refused | v.Held)
        assert (key_of(customer, "guide") in house.email.took()) is begun

    await asyncio.gather(
        *(
            race(customer, dice.choice(TAKINGS), dice.random() / 100, dice.random() / 100)
            for customer in customers
        )
    )
    assert len(house.email.taken) == tally[True]
    assert min(tally[True], tally[False]) > RACES / 20  # both were first often enough


async def test_none_begins_after_the_stop_button(store: Store, clock: FakeClock) -> None:
    """Nobody's row is locked for it; the sends that are beginning are waited for all the same."""
    house, dice = House(store, clock), Random(2026)
    tally = Counter[bool]()
    for number in range(RACES // 4):
        customer = new_id("cus")
        await house.add(somebody(customer))
        sending, pressing = house.send(customer, "guide"), stop(store, customer)
        if number % 8 == 0:  # surely before, and surely after, however busy the machine is
            answer, begun = await sending, await pressing
        elif number % 8 == 4:
            begun, answer = await pressing, await sending
        else:
            answer, begun = await asyncio.gather(
                later(dice.random() / 100, sending), later(dice.random() / 100, pressing)
            )
        tally[begun] += 1
        assert isinstance(answer, v.Sent if begun else v.Held)
        async with store.transaction() as session:
            await session.execute(delete(Stop))
    assert min(tally[True], tally[False]) > RACES / 40


@pytest.mark.parametrize("unsolicited", [6])
async def test_many_messages_at_once_take_turns(
    store: Store, clock: FakeClock, unsolicited: int
) -> None:
    """Asked in the same moment by several procedures, for two customers with one mailbox: one goes
    today, each other gets a day of its own."""
    house = House(store, clock)
    one, two = new_id("cus"), new_id("cus")
    await house.add(*(somebody(customer, "both@example.com") for customer in (one, two)))
    answers = await asyncio.gather(
        *(
            house.send(customer, "guide", step=f"guide-{n}")
            for n in range(unsolicited // 2)
            for customer in (one, two)
        )
    )
    days = sorted(
        (answer.until if isinstance(answer, v.Deferred) else NOON) - NOON for answer in answers
    )
    assert [span.days for span in days] == list(range(unsolicited))
    assert len(house.email.taken) == 1


async def take(store: Store, customer: str, taking: Taking) -> bool:
    """Take the permission away under the customer's lock; whether the send had begun by then."""
    async with store.transaction() as session:
        await lock_customer(session, customer)
        await taking(session, customer)
        query = select(Message.state).where(Message.key == key_of(customer, "guide"))
        return (await session.execute(query)).scalar_one_or_none() in BEGUN


async def stop(store: Store, customer: str) -> bool:
    """Press the stop button; whether the send had begun by then."""
    async with store.transaction() as session:
        await press(session, Stop(id=new_id("stop"), template="guide", reason="no", at=NOON))
        query = select(Message.state).where(Message.key == key_of(customer, "guide"))
        return (await session.execute(query)).scalar_one_or_none() in BEGUN


async def later(seconds: float, doing: Awaitable[T]) -> T:
    await asyncio.sleep(seconds)
    return await doing


def somebody(customer: str, email: str | None = None) -> Customer:
    return Customer(
        id=customer,
        email=email or f"{customer}@example.com",
        time_zone="Europe/London",
        tier="standard",
        sensitive=False,
        told_at={},
        created_at=NOON,
    )
