"""What the providers can take: a rate, peace while they are away, and nobody waits for another."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.channels import Parcel
from activities.crm.store import Store
from activities.crm.tables import Provider
from activities.dispatch import AT_ONCE
from tests.activities.sending import House, fails, key_of, message, said, somebody
from tests.factories import FakeClock
from workflows import vocabulary as v

SECOND = timedelta(seconds=1)


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


# -- the rate ------------------------------------------------------------------------------


async def test_the_herd_goes_at_the_providers_rate_and_each_waits_once(
    store: Store, clock: FakeClock
) -> None:
    """Forty at nine o'clock, four a second: a second's worth at once, then each at its turn."""
    house = House(store, clock, email_rate=4)
    herd = [await somebody(house) for _ in range(40)]
    waiting: dict[str, timedelta] = {customer.id: timedelta() for customer in herd}
    asked, went = Counter[str](), Counter[int]()
    began = clock.real()
    while waiting:
        who = min(waiting, key=lambda one: waiting[one])
        clock.set(max(clock.now(), began + waiting[who]))
        asked[who] += 1
        (answer,) = await asyncio.gather(house.send(who, "guide"), return_exceptions=True)
        if isinstance(answer, ApplicationError):
            assert (answer.type, answer.next_retry_delay is None) == ("rate", False)
            waiting[who] = clock.real() - began + (answer.next_retry_delay or SECOND)
        else:
            went[(clock.real() - began) // SECOND] += 1
            del waiting[who]
    assert max(asked.values()) == 2
    assert went[0] == 5
    assert all(went[second] <= 4 for second in went if second)
    assert max(went) == 9


async def test_what_a_customer_is_waiting_for_goes_before_the_herd(
    store: Store, clock: FakeClock
) -> None:
    """Its own turns, at the same rate; the others move behind."""
    house = House(store, clock, email_rate=1)
    for _ in range(12):
        customer = await somebody(house)
        with_delay = house.send(customer.id, "guide")
        await asyncio.gather(with_delay, return_exceptions=True)
    urgent = [await somebody(house) for _ in range(4)]
    answers = await asyncio.gather(
        *(house.send(customer.id, "notice") for customer in urgent), return_exceptions=True
    )
    delays = [
        a.next_retry_delay.total_seconds()
        for a in answers
        if isinstance(a, ApplicationError) and a.next_retry_delay
    ]
    assert sorted(delays) == [2, 3]
    late = await fails(house, (await somebody(house)).id, "guide")
    assert late.next_retry_delay is not None
    assert late.next_retry_delay.total_seconds() == 16


async def test_a_turn_that_was_missed_is_lost(store: Store, clock: FakeClock) -> None:
    """After an hour's standstill the herd does not come all at once."""
    house = House(store, clock, email_rate=1)
    herd = [await somebody(house) for _ in range(10)]
    for customer in herd:
        await asyncio.gather(house.send(customer.id, "guide"), return_exceptions=True)
    assert len(house.email.taken) == 2
    clock.advance(hours=1)
    for customer in herd:
        await asyncio.gather(house.send(customer.id, "guide"), return_exceptions=True)
    assert len(house.email.taken) == 4


async def test_the_outbox_needs_no_sparing(house: House) -> None:
    house.email.provider = "outbox"
    for _ in range(3):
        assert said(await house.send((await somebody(house)).id, "notice")) == "goes"
    assert not await house.all(Provider)


# -- nobody waits for another ----------------------------------------------------------------


async def test_another_channel_goes_on(house: House) -> None:
    house.email.next = ["away"] * 3
    for _ in range(3):
        await fails(house, (await somebody(house)).id, "guide")
    by_sms = await somebody(house, preferred_channel="sms")
    assert said(await house.send(by_sms.id, "guide")) == "goes"


async def test_a_long_wait_is_a_lasting_one(house: House) -> None:
    """An hour of 429: an acknowledgement goes by SMS at once, a tip waits."""
    one, two = await somebody(house), await somebody(house)
    house.email.next = ["busy for an hour"]
    await fails(house, one.id, "notice")
    assert said(await house.send(two.id, "notice")) == "goes"
    assert [parcel.to for _, parcel, _ in house.sms.taken] == [two.phone]
    assert (await fails(house, one.id, "guide")).type == "provider_busy"


async def test_a_way_that_is_closed_too_leaves_the_first(house: House) -> None:
    """Both away for long: it waits on the channel they prefer."""
    house.email.next, house.sms.next = ["busy for an hour"], ["busy for an hour"]
    for channel in ("email", "sms"):
        await fails(house, (await somebody(house, preferred_channel=channel)).id, "notice")
    customer = await somebody(house)
    await fails(house, customer.id, "notice")
    row = await house.row(key_of(customer.id, "notice"))
    assert (row.channel, row.address) == ("email", customer.email)


@pytest.mark.parametrize(("template", "way"), [("notice", "sms"), ("guide", "")])
async def test_in_a_lasting_outage_what_they_must_have_goes_another_way(
    house: House, template: str, way: str
) -> None:
    """A quarter of an hour is waited for; then an acknowledgement goes by SMS; a tip waits on."""
    house.email.next = ["away"] * 9
    customer = await somebody(house)
    for minutes in (0, 0, 0, 1, 2, 3, 6, 9):
        house.clock.advance(minutes=minutes)
        await fails(house, customer.id, template)
        assert not house.sms.taken
    house.clock.advance(minutes=1)
    if not way:
        assert (await fails(house, customer.id, template)).type == "provider_away"
        return
    assert said(await house.send(customer.id, template)) == "goes"
    assert [parcel.to for _, parcel, _ in house.sms.taken] == [customer.phone]


async def test_two_that_each_ask_both_do_not_wait_for_each_other(house: House) -> None:
    """Both providers away: who would rather have an e-mail asks about SMS, and the other way
    round, all at once. Each hears that it has to wait."""
    since = house.clock.real() - timedelta(hours=1)
    away = {"failures": 5, "failing_since": since, "open_until": since + timedelta(hours=2)}
    await house.add(Provider(name="post", **away), Provider(name="phone", **away))
    herd = [await somebody(house, preferred_channel=way) for way in ("email", "sms") * 6]
    faults = await asyncio.gather(*(fails(house, customer.id, "notice") for customer in herd))
    assert {fault.type for fault in faults} == {"provider_away"}


async def test_one_that_hangs_leaves_room_for_the_others(house: House) -> None:
    """So many requests at a time to one provider; who comes then asks again, and holds no slot."""
    hanging, free = asyncio.Event(), asyncio.Event()
    herd = [await somebody(house) for _ in range(AT_ONCE)]
    begun = 0

    async def hang(parcel: Parcel) -> object:
        nonlocal begun
        begun += 1
        if begun == AT_ONCE:
            hanging.set()
        await free.wait()
        raise ConnectionResetError

    house.email.send = hang  # type: ignore[method-assign, assignment]
    sends = [asyncio.create_task(fails(house, customer.id, "notice")) for customer in herd]
    await hanging.wait()
    assert (await fails(house, (await somebody(house)).id, "notice")).type == "provider_busy"
    by_sms = await somebody(house, preferred_channel="sms")
    assert said(await house.send(by_sms.id, "notice")) == "goes"
    free.set()
    await asyncio.gather(*sends)


async def test_the_gate_is_asked_again_at_the_turn(store: Store, clock: FakeClock) -> None:
    """A turn is no permission: who opts out meanwhile is not written to."""
    house = House(store, clock, email_rate=1)
    herd = [await somebody(house) for _ in range(3)]
    await asyncio.gather(*(house.send(c.id, "guide") for c in herd), return_exceptions=True)
    taken = {parcel.to for _, parcel, _ in house.email.taken}
    (late,) = [customer for customer in herd if customer.email not in taken]
    await house.say(late.id, all=False)
    clock.advance(seconds=2)
    assert await house.messaging.send(message(late.id, "guide")) == v.Refused(reason="opted_out")
