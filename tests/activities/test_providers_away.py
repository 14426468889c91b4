"""A provider that is away, or has too much to do: it is left in peace, and nobody is forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from activities.channels import Accepted, Because, Parcel, Rejected
from activities.crm import ledger, providers
from activities.crm.store import Store
from activities.crm.tables import Provider
from activities.dispatch import AT_ONCE
from tests.activities.sending import House, fails, key_of, said, somebody
from tests.factories import NOON, FakeClock
from workflows import vocabulary as v


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


async def state(house: House, name: str = "post") -> Provider:
    async with house.store.reading() as session:
        query = select(Provider).where(Provider.name == name)
        return (await session.execute(query)).scalar_one()


async def test_three_failures_and_it_is_left_in_peace(house: House) -> None:
    """Half a minute, then one goes ahead; longer each time, ten minutes at most."""
    house.email.next = ["away"] * 8
    asked = []
    for minutes in (0, 0, 0, 1, 2, 3, 6, 10):
        house.clock.advance(minutes=minutes)
        customer = await somebody(house)
        fault = await fails(house, customer.id, "notice")
        assert fault.type == "no_connection"
        asked.append(fault.next_retry_delay)
    assert asked[:2] == [None, None]  # Temporal's own back-off
    waits = [delay.total_seconds() for delay in asked[2:] if delay]
    assert waits == [30, 60, 120, 240, 480, 600]
    other = await somebody(house, phone=None)
    kept = await fails(house, other.id, "notice")
    assert kept.type == "provider_away"
    assert kept.next_retry_delay is not None
    assert 600 <= kept.next_retry_delay.total_seconds() <= 660
    assert not house.email.next


async def test_one_goes_ahead_the_others_wait_for_what_it_finds(house: House) -> None:
    house.email.next = ["away"] * 3
    for _ in range(3):
        await fails(house, (await somebody(house)).id, "notice")
    house.clock.advance(seconds=31)
    second = await somebody(house)
    accepts = house.email.send

    async def meanwhile(parcel: Parcel) -> object:
        assert (await fails(house, second.id, "notice")).type == "provider_away"
        return await accepts(parcel)

    house.email.send = meanwhile  # type: ignore[method-assign, assignment]
    assert said(await house.send((await somebody(house)).id, "notice")) == "goes"
    house.email.send = accepts  # type: ignore[method-assign]
    found = await state(house)
    assert (found.failures, found.open_until, found.failing_since) == (0, None, None)
    assert said(await house.send(second.id, "notice")) == "goes"


async def test_no_answer_counts_as_a_failure_too(house: House) -> None:
    house.email.next = ["die"] * 3
    for _ in range(3):
        assert (await fails(house, (await somebody(house)).id, "notice")).type == "unknown"
    assert (await fails(house, (await somebody(house)).id, "notice")).type == "provider_away"


async def test_who_fails_together_counts_once(house: House) -> None:
    """Twenty in flight when the line breaks: half a minute's peace, not ten."""
    herd = [await somebody(house) for _ in range(AT_ONCE)]
    broken = asyncio.Barrier(AT_ONCE)

    async def away(parcel: Parcel) -> object:
        await broken.wait()
        raise ConnectionResetError

    house.email.send = away  # type: ignore[method-assign, assignment]
    await asyncio.gather(*(fails(house, customer.id, "notice") for customer in herd))
    assert (await state(house)).failures == providers.TRIES


async def test_the_checklist_says_what_it_waits_for(house: House) -> None:
    """`show` and `why` name the provider while it is away; what became stale meanwhile says so."""
    house.email.next = ["away"] * 3
    customers = [await somebody(house) for _ in range(4)]
    for customer in customers[:3]:
        await fails(house, customer.id, "guide")
    last = customers[-1]
    for _ in range(3):
        await fails(house, last.id, "guide")
    line = await house.milestone(last.id, "5.2.1")
    assert (line.state, line.reason) == ("next", "provider_away")
    assert line.due_at is not None
    assert line.due_at > house.clock.now()
    (decision,) = await house.decisions(key_of(last.id, "guide"))
    facts = {"channel": "email", "fault": "no_connection"}
    assert (decision.outcome, decision.reason, decision.facts) == (
        "deferred",
        "provider_away",
        facts,
    )
    step = v.Withdrawal(
        key=key_of(last.id, "guide"),
        customer_id=last.id,
        follow_up=f"online-customer.{last.id}",
        clause="5.2.1",
        reason="stale",
    )
    house.clock.advance(days=3)
    async with house.store.transaction() as session:
        await ledger.withdraw(session, step, house.clock.now())
    skipped = (await house.decisions(step.key))[-1]
    assert (skipped.reason, skipped.facts) == ("stale", {"waited": "provider_away"})


async def test_busy_is_heard_by_all(house: House) -> None:
    """429 with Retry-After: nobody asks before that, and nothing counts as a failure."""
    one, two = await somebody(house), await somebody(house)
    house.email.next = ["busy"]
    await fails(house, one.id, "notice")
    fault = await fails(house, two.id, "notice")
    assert fault.type == "provider_busy"
    assert fault.next_retry_delay is not None
    assert 90 <= fault.next_retry_delay.total_seconds() <= 150
    assert (await state(house)).failures == 0
    house.clock.advance(seconds=91)
    for customer in (one, two):
        assert said(await house.send(customer.id, "notice")) == "goes"


async def test_one_that_is_always_put_off_keeps_nobody_else(house: House) -> None:
    """Busy, it says, and not for how long; it means this one: the others get between its tries."""
    one, two = await somebody(house), await somebody(house)
    takes = house.email.send

    async def picky(parcel: Parcel) -> Rejected | Accepted:
        return Rejected("busy", Because.BUSY) if parcel.to == one.email else await takes(parcel)

    house.email.send = picky  # type: ignore[method-assign]
    first = await fails(house, one.id, "notice")
    second = await fails(house, two.id, "notice")
    assert first.next_retry_delay is not None
    assert second.next_retry_delay is not None
    assert second.next_retry_delay < first.next_retry_delay
    house.clock.set(house.clock.now() + second.next_retry_delay)
    assert said(await house.send(two.id, "notice")) == "goes"


async def test_a_full_mailbox_keeps_nobody_else(house: House) -> None:
    """4xx for one recipient: that one later, the others now."""
    one, two = await somebody(house), await somebody(house)
    house.email.next = ["not now"]
    fault = await fails(house, one.id, "notice")
    assert (fault.type, fault.next_retry_delay) == ("not_now", timedelta(minutes=5))
    assert said(await house.send(two.id, "notice")) == "goes"
    house.clock.advance(minutes=5)
    assert said(await house.send(one.id, "notice")) == "goes"


async def test_what_cannot_be_tried_again_in_time_is_not_tried_at_once(house: House) -> None:
    """A full mailbox, and the clause is stale in a minute: one request, not as many as fit in."""
    customer = await somebody(house)
    house.email.next = ["not now"] * 5
    latest = house.clock.now() + timedelta(minutes=1)
    fault = await fails(house, customer.id, "notice", latest=latest)
    assert (fault.type, len(house.email.next)) == ("not_now", 4)


async def test_a_retry_after_outlives_an_answer(house: House) -> None:
    """One fails, one is told to wait, and one that was asked before is accepted: the wait holds."""
    one, two, three = [await somebody(house) for _ in range(3)]
    house.email.next = ["away"]
    await fails(house, one.id, "notice")
    accepts = house.email.send

    async def meanwhile(parcel: Parcel) -> object:
        house.email.send = accepts  # type: ignore[method-assign]
        house.email.next = ["busy"]
        await fails(house, two.id, "notice")
        return await accepts(parcel)

    house.email.send = meanwhile  # type: ignore[method-assign, assignment]
    assert said(await house.send(three.id, "notice")) == "goes"
    assert (await fails(house, one.id, "notice")).type == "provider_busy"


async def test_who_waits_for_the_morning_no_longer_waits_for_the_provider(house: House) -> None:
    house.email.next = ["away"] * 3
    customer = await somebody(house)
    for _ in range(3):
        await fails(house, customer.id, "guide")
    assert (await house.row(key_of(customer.id, "guide"))).reason == "provider_away"
    house.clock.set(NOON.replace(hour=22))
    assert said(await house.send(customer.id, "guide")) == "later"
    assert (await house.row(key_of(customer.id, "guide"))).reason is None


async def test_a_full_mailbox_is_an_answer(house: House) -> None:
    """After an outage the first to go ahead meets one: the provider is there all the same."""
    house.email.next = [*["away"] * 3, "not now"]
    for _ in range(3):
        await fails(house, (await somebody(house)).id, "notice")
    house.clock.advance(seconds=31)
    await fails(house, (await somebody(house)).id, "notice")
    assert said(await house.send((await somebody(house)).id, "notice")) == "goes"
