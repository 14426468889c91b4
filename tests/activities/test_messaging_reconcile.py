"""Sending once: what nobody knows is asked of the provider, then of a person."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.channels import Parcel, UnknownOutcomeError
from activities.crm import doubts, ledger
from activities.crm.store import Store
from activities.crm.tables import Stop
from tests.activities.sending import Dying, House, fails, key_of, message, somebody
from tests.factories import NOON, FakeClock
from workflows import vocabulary as v


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


# -- the look-up -------------------------------------------------------------------------


@pytest.mark.parametrize("template", ["notice", "guide"])
async def test_a_look_up_that_lags_is_asked_twice(house: House, template: str) -> None:
    """The index knows nothing at first; a lag later it does."""
    customer = await somebody(house)
    house.email.conclusive, house.email.lag = False, timedelta(minutes=3)
    house.email.behind, house.email.next = timedelta(minutes=2), ["accept and die"]
    await fails(house, customer.id, template)
    house.clock.advance(seconds=15)
    fault = await fails(house, customer.id, template)
    assert (fault.type, fault.next_retry_delay) == ("in_doubt", timedelta(minutes=3))
    house.clock.advance(minutes=1)
    fault = await fails(house, customer.id, template)
    assert (fault.type, fault.next_retry_delay) == ("in_doubt", timedelta(minutes=2))
    house.clock.advance(minutes=2)
    assert isinstance(await house.send(customer.id, template), v.Sent)
    assert len(house.email.taken) == 1


@pytest.mark.parametrize(
    ("template", "can_look_up", "goes_again"),
    [
        ("notice", True, True),
        ("guide", True, True),
        ("offer", True, False),
        ("notice", False, True),
        ("guide", False, False),
        ("offer", False, False),
    ],
)
async def test_at_least_or_at_most_once_as_the_kind_says(
    house: House, template: str, can_look_up: bool, goes_again: bool
) -> None:
    """The provider finds nothing, or cannot say: what they must have goes again, what sells never;
    then a person finds out."""
    customer = await somebody(house)
    house.email.conclusive, house.email.can_look_up = False, can_look_up
    house.email.next = ["die"]
    await fails(house, customer.id, template)
    house.clock.advance(seconds=15)
    answer = await house.send(customer.id, template)
    if goes_again:
        assert isinstance(answer, v.Sent)
        assert (await house.row(answer.key)).attempts == 2
        return
    (task,) = await house.tasks()
    assert answer == v.Handed(task_id=task.id, due=task.due_at)
    assert not house.email.taken
    line = await house.milestone(customer.id, "5.2.1")
    assert (line.state, line.reason, line.task_id) == ("waiting", "unknown", task.id)
    assert (await house.row(key_of(customer.id, template))).state == "unknown"
    house.clock.advance(days=3)
    assert await house.send(customer.id, template) == answer


@pytest.mark.parametrize(
    ("outcome", "answer", "state"),
    [("sent", v.Sent, "done"), ("not_sent", v.Refused, "skipped")],
)
async def test_a_person_settles_what_nobody_knows(
    house: House, outcome: Any, answer: type[v.Noun], state: str
) -> None:
    customer = await somebody(house)
    house.email.can_look_up, house.email.next = False, ["die"]
    await fails(house, customer.id, "offer")
    house.clock.advance(seconds=15)
    await house.send(customer.id, "offer")
    row = await house.row(key_of(customer.id, "offer"))
    for expected in (True, False):  # once
        async with house.store.transaction() as session:
            done = await doubts.settle(session, row.id, outcome, house.clock.now(), "stf_1")
            assert done is expected
    assert isinstance(await house.send(customer.id, "offer"), answer)
    assert (await house.milestone(customer.id, "5.2.1")).state == state
    assert [task.state for task in await house.tasks()] == ["done"]


async def test_the_providers_own_word_settles_it(house: House) -> None:
    """A webhook that confirms the key needs no look-up, and comes before the quarantine is over."""
    customer = await somebody(house)
    house.email.next = ["accept and die"]
    await fails(house, customer.id, "guide")
    key = key_of(customer.id, "guide")
    async with house.store.transaction() as session:
        assert await ledger.confirm(session, key, house.email.taken[0][2], NOON)
    assert await house.send(customer.id, "guide") == v.Sent(key=key, at=NOON)
    assert len(house.email.taken) == 1


async def test_what_another_message_is_known_by_is_not_ours(house: House) -> None:
    """Two messages in the same words to one number: the provider finds both; one of them is ours
    only if no other has it."""
    customer = await somebody(house)
    await house.send(customer.id, "notice")
    known = house.email.taken[0][2]
    house.email.next = ["die"]
    await fails(house, customer.id, "welcome")
    looked = house.email.look_up

    async def by_words(parcel: Parcel, since: datetime) -> tuple[str, ...] | None:
        return (known, *(await looked(parcel, since) or ()))

    house.email.look_up = by_words  # type: ignore[method-assign]
    house.clock.advance(seconds=15)
    assert isinstance(await house.send(customer.id, "welcome"), v.Sent)
    assert len(house.email.taken) == 2
    assert not await house.all(Stop)


async def test_a_look_up_that_never_answers_calls_an_engineer_once_a_day(house: House) -> None:
    """For days, perhaps; nothing in doubt is settled meanwhile, and somebody must know."""
    one, two = await somebody(house), await somebody(house)
    house.email.next = ["die", "die"]
    for customer in (one, two):
        await fails(house, customer.id, "notice")

    async def forbidden(parcel: Parcel, since: datetime) -> tuple[str, ...] | None:
        raise UnknownOutcomeError("look_up_500")

    house.email.look_up = forbidden  # type: ignore[method-assign]
    house.clock.advance(seconds=15)
    assert (await fails(house, one.id, "notice")).type == "look_up_failed"
    assert not await house.tasks()
    house.clock.advance(hours=2)
    for customer in (one, two):
        await fails(house, customer.id, "notice")
    (task,) = await house.tasks()
    assert (task.role, "look_up_500" in task.title) == ("engineer", True)
    assert not house.email.taken


@pytest.mark.parametrize(("template", "goes"), [("notice", True), ("guide", False)])
async def test_a_look_up_that_is_forbidden_is_none(house: House, template: str, goes: bool) -> None:
    """A key that may send and not read: after an hour it is as with a mail server, which has no
    log: what they must have goes again, the rest is a person's to find out."""
    customer = await somebody(house)
    house.email.next = ["die"]
    await fails(house, customer.id, template)

    async def forbidden(parcel: Parcel, since: datetime) -> tuple[str, ...] | None:
        raise UnknownOutcomeError("look_up_403")

    house.email.look_up = forbidden  # type: ignore[method-assign]
    house.clock.advance(minutes=30)
    assert (await fails(house, customer.id, template)).type == "look_up_failed"
    house.clock.advance(hours=1)
    answer = await house.send(customer.id, template)
    assert isinstance(answer, v.Sent if goes else v.Handed)
    roles = sorted(task.role for task in await house.tasks())
    assert roles == (["engineer"] if goes else ["communications-officer", "engineer"])


# -- the tripwire ------------------------------------------------------------------------


async def test_a_second_id_under_one_key_stops_the_template_and_calls_a_person(
    house: House,
) -> None:
    """Found by a look-up: whoever has it twice is one too many."""
    customer = await somebody(house)
    house.email.next = ["accept and die"]
    await fails(house, customer.id, "guide")
    _, parcel, _ = house.email.taken[0]
    house.email.taken.append((NOON, parcel, "prov_again"))
    house.clock.advance(seconds=15)
    assert isinstance(await house.send(customer.id, "guide"), v.Sent)
    (stop,) = await house.all(Stop)
    (task,) = await house.tasks()
    assert (stop.template, stop.by, task.role, task.priority) == (
        "guide",
        "tripwire",
        "engineer",
        1,
    )
    other = await somebody(house)
    assert await house.send(other.id, "guide") == v.Held(holds=(stop.id,))
    assert isinstance(await house.send(other.id, "tips"), v.Sent)


async def test_a_confirmation_under_another_id_trips_too(house: House) -> None:
    """Answered under one id, confirmed before under another."""
    customer = await somebody(house)
    key = key_of(customer.id, "guide")
    accepts = house.email.send

    async def confirmed_meanwhile(parcel: Parcel) -> Any:
        async with house.store.transaction() as session:
            await ledger.confirm(session, key, "prov_other", NOON)
        return await accepts(parcel)

    house.email.send = confirmed_meanwhile  # type: ignore[method-assign]
    assert isinstance(await house.send(customer.id, "guide"), v.Sent)
    assert [stop.template for stop in await house.all(Stop)] == ["guide"]
    assert len(await house.tasks()) == 1


async def test_the_tripwire_holds_when_the_worker_ends_there(
    store: Store, clock: FakeClock
) -> None:
    """The second id is found out in the transaction that keeps it: no death comes between."""
    dying = Dying(store)
    house = House(store, clock, dying=dying)
    customer = await somebody(house)
    key = key_of(customer.id, "guide")
    accepts = house.email.send

    async def confirmed_meanwhile(parcel: Parcel) -> Any:
        async with store.transaction() as session:
            await ledger.confirm(session, key, "prov_other", NOON)
        dying.at(2, "before")
        return await accepts(parcel)

    house.email.send = confirmed_meanwhile  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await house.send(customer.id, "guide")
    assert [stop.template for stop in await house.all(Stop)] == ["guide"]


# -- withdrawing -------------------------------------------------------------------------


async def withdraw(house: House, customer: str, step: str) -> v.Settled:
    fields = {"customer_id": customer, "follow_up": f"online-customer.{customer}"}
    withdrawal = v.Withdrawal(key=key_of(customer, step), clause="5.2.1", reason="stale", **fields)
    async with house.store.transaction() as session:
        return await ledger.withdraw(session, withdrawal, house.clock.now())


async def test_withdrawn_before_it_was_asked_it_never_goes(house: House) -> None:
    """A key closed early is closed for the attempt that comes late."""
    customer = await somebody(house)
    assert await withdraw(house, customer.id, "guide") == v.Refused(reason="stale")
    assert await house.send(customer.id, "guide") == v.Refused(reason="stale")
    assert not house.email.taken
    assert (await house.milestone(customer.id, "5.2.1")).reason == "stale"


async def test_withdrawn_too_late_it_was_sent(house: House) -> None:
    customer = await somebody(house)
    sent = await house.send(customer.id, "guide")
    house.clock.advance(days=3)
    assert await withdraw(house, customer.id, "guide") == sent
    assert (await house.milestone(customer.id, "5.2.1")).done_at == NOON


@pytest.mark.parametrize("death", ["die", "accept and die"])
async def test_what_is_in_flight_is_cleared_up_before_it_is_withdrawn(
    house: House, death: str
) -> None:
    """Only the provider knows whether it went: the step is closed when that is known."""
    customer = await somebody(house)
    house.email.next = [death]
    await fails(house, customer.id, "guide")
    with pytest.raises(ledger.InFlightError):
        await withdraw(house, customer.id, "guide")
    house.clock.advance(seconds=15)
    await house.messaging.reconcile(message(customer.id, "guide"))
    became = await withdraw(house, customer.id, "guide")
    assert isinstance(became, v.Refused if death == "die" else v.Sent)
    assert len(house.email.taken) == (death != "die")
