"""The gate: when. Contact hours, the cap, promises, and the latest useful moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.crm import holds, ledger
from activities.crm.store import Store
from tests.activities.sending import EVENING, House, key_of, message, said, somebody
from tests.factories import NOON, FakeClock
from workflows import vocabulary as v

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


async def test_in_the_evening_it_waits_for_the_customers_morning(house: House) -> None:
    """In New York it is still afternoon; in London everybody's doors open a little apart."""
    house.clock.set(EVENING)
    away = await somebody(house, time_zone="America/New_York")
    assert said(await house.send(away.id, "guide")) == "goes"
    moments = set()
    for number in range(5):
        here = await somebody(house, id=f"cus_{number}")
        answer = await house.send(here.id, "guide")
        assert isinstance(answer, v.Deferred)
        morning = NOON.replace(day=24, hour=9)
        assert morning <= answer.until <= morning + timedelta(minutes=30)
        assert await house.send(here.id, "guide") == answer  # it stays promised
        moments.add(answer.until)
    assert len(moments) == 5


async def test_one_unsolicited_message_a_day(house: House) -> None:
    """The second is promised the next day; an order's message takes no place and needs none."""
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    house.clock.advance(hours=3)
    assert said(await house.send(customer.id, "notice")) == "goes"
    assert await house.send(customer.id, "tips") == v.Deferred(until=NOON + DAY)
    assert await house.send(customer.id, "offer") == v.Deferred(until=NOON + 2 * DAY)
    house.clock.set(NOON + DAY)
    assert said(await house.send(customer.id, "tips")) == "goes"
    house.clock.set(NOON + 2 * DAY)
    assert said(await house.send(customer.id, "offer")) == "goes"


async def test_the_cap_counts_per_address_too(house: House) -> None:
    """Two customers, one mailbox: it hears once a day."""
    one = await somebody(house, email="both@example.com", phone=None)
    two = await somebody(house, email="both@example.com", phone=None)
    await house.send(one.id, "guide")
    assert await house.send(two.id, "guide") == v.Deferred(until=NOON + DAY)


async def test_a_promise_is_kept_against_later_ones(house: House) -> None:
    """What was promised Tuesday goes on Tuesday, although another got Wednesday meanwhile."""
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    assert await house.send(customer.id, "tips") == v.Deferred(until=NOON + DAY)
    assert await house.send(customer.id, "offer") == v.Deferred(until=NOON + 2 * DAY)
    late = NOON + DAY + 5 * HOUR  # the worker was away
    house.clock.set(late)
    assert said(await house.send(customer.id, "tips")) == "goes"
    house.clock.set(NOON + 2 * DAY)
    assert await house.send(customer.id, "offer") == v.Deferred(until=late + DAY)
    assert (await house.row(key_of(customer.id, "offer"))).deferrals == 2


async def test_who_must_move_on_moves_behind_all_at_once(house: House) -> None:
    """Put off past the next one's moment it would have to yield to that, too: it goes behind it."""
    customer = await somebody(house)
    for step, moment in (("late", NOON - HOUR), ("tips", NOON), ("next", NOON + 22 * HOUR)):
        async with house.store.transaction() as session:
            owed = message(customer.id, step)
            row = ledger.enter(session, owed, NOON, kind="relationship", slot_at=moment)
            row.state, row.sent_at = ("sent", moment) if step == "late" else ("reserved", None)
    assert await house.send(customer.id, "tips") == v.Deferred(until=NOON + 46 * HOUR)


async def test_what_is_withdrawn_gives_its_place_back(house: House) -> None:
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    await house.send(customer.id, "tips")
    key = key_of(customer.id, "tips")
    step = v.Withdrawal(key=key, customer_id=customer.id, reason="answered")
    async with house.store.transaction() as session:
        assert await ledger.withdraw(session, step, NOON) == v.Refused(reason="answered")
    assert await house.send(customer.id, "offer") == v.Deferred(until=NOON + DAY)
    assert await house.send(customer.id, "tips") == v.Refused(reason="answered")


async def test_a_held_message_promises_nothing(house: House) -> None:
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    await house.send(customer.id, "tips")
    await house.hold(customer.id, hold_id="hold_1")
    assert await house.send(customer.id, "tips") == v.Held(holds=("hold_1",))
    assert (await house.row(key_of(customer.id, "tips"))).slot_at is None


@pytest.mark.parametrize(
    ("latest", "reason"), [(-HOUR, "stale"), (timedelta(), "stale"), (20 * HOUR, "cap")]
)
async def test_past_its_latest_moment_it_is_refused_now(
    house: House, latest: timedelta, reason: str
) -> None:
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    moment = NOON + latest
    assert await house.send(customer.id, "tips", latest=moment) == v.Refused(reason=reason)
    assert await house.send(customer.id, "tips") == v.Refused(reason=reason)  # for good


async def test_no_slot_before_its_latest_moment(house: House) -> None:
    customer = await somebody(house)
    house.clock.set(EVENING)
    answer = await house.send(customer.id, "tips", latest=EVENING + HOUR)
    assert answer == v.Refused(reason="quiet_hours")


async def test_a_promise_to_the_customer_beats_the_cap(house: House) -> None:
    """It takes the last open moment before the promise, and then it goes, cap or no cap."""
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    promise = NOON + 10 * HOUR
    answer = await house.send(customer.id, "survey", promise=promise)
    assert answer == v.Deferred(until=NOON.replace(hour=19, minute=59))
    house.clock.set(answer.until + timedelta(minutes=4))
    assert said(await house.send(customer.id, "survey", promise=promise)) == "goes"


async def test_a_promise_beats_the_night_when_no_open_hour_is_left(house: House) -> None:
    customer = await somebody(house)
    house.clock.set(EVENING)
    promise = EVENING + 3 * HOUR
    assert said(await house.send(customer.id, "guide", promise=promise)) == "goes"


async def test_a_broken_promise_beats_nothing_and_no_promise_beats_for_marketing(
    house: House,
) -> None:
    customer = await somebody(house)
    house.clock.set(EVENING)
    assert said(await house.send(customer.id, "guide", promise=EVENING)) == "later"
    assert said(await house.send(customer.id, "offer", promise=EVENING + HOUR)) == "later"


async def test_after_a_complaint_there_is_room_to_breathe(house: House) -> None:
    """What was put right at ten is not followed by a question at noon, not even by a promised one;
    a hold of ours that ends needs no such peace."""
    customer, other = await somebody(house), await somebody(house)
    async with house.store.transaction() as session:
        for who, kind in ((customer, "complaint"), (other, "manual")):
            held = await holds.hold(session, NOON - DAY, customer_id=who.id, kind=kind)
            await holds.release(session, NOON - 2 * HOUR, [held])
    assert await house.send(customer.id, "guide") == v.Deferred(until=NOON + HOUR)
    (why,) = await house.decisions(key_of(customer.id, "guide"))
    assert why.facts["why"] == "breathing_space"
    assert said(await house.send(customer.id, "notice")) == "goes"
    assert said(await house.send(other.id, "guide")) == "goes"
    promised = await house.send(customer.id, "survey", promise=NOON + HOUR / 2)
    assert promised == v.Deferred(until=NOON + HOUR)


async def test_who_asks_of_all_goes_before_who_asks_of_a_part(house: House) -> None:
    """Held back by one complaint, in whichever order they are let go: one question is enough."""
    for first, second in (("experience", "survey"), ("survey", "experience")):
        customer = await somebody(house)
        async with house.store.transaction() as session:
            held = await holds.hold(session, NOON - DAY, customer_id=customer.id, kind="complaint")
            await holds.release(session, NOON, [held])
        promised = {"experience": NOON + 6 * HOUR, "survey": NOON + DAY}
        slots = {
            name: await house.send(customer.id, name, promise=promised[name])
            for name in (first, second)
        }
        assert slots["survey"] == v.Deferred(until=NOON + 3 * HOUR)
        house.clock.set(NOON + 3 * HOUR)
        assert said(await house.send(customer.id, "survey", promise=promised["survey"])) == "goes"
        house.clock.set(NOON + 5 * HOUR)
        part = await house.send(customer.id, "experience", promise=promised["experience"])
        assert said(part) == "covered"
        house.clock.set(NOON)


async def test_an_early_slot_needs_no_promise(house: House) -> None:
    """If hours and cap allow a moment before the promise, that one is taken."""
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    answer = await house.send(customer.id, "tips", promise=NOON + 2 * DAY)
    assert answer == v.Deferred(until=NOON + DAY)
