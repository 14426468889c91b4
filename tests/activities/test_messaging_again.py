"""What the customer must have and came back: it goes another way, under its key, once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from activities.channels import Accepted, Parcel, Rejected
from activities.clerk import CrmClerk
from activities.crm import doubts, ledger
from activities.crm.store import Store, lock_customer
from activities.crm.suppressions import suppress
from activities.crm.tables import Stop, Suppression
from tests.activities.sending import House, Provider, message, somebody
from tests.factories import NOON, FakeClock
from workflows import vocabulary as v


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


async def bounces(house: House, key: str, provider_id: str, *, kind: str = "") -> None:
    """As the desk writes it down when the provider tells."""
    async with house.store.transaction() as session:
        row = await ledger.find(session, key)
        assert row is not None
        await lock_customer(session, row.customer_id)
        assert await doubts.prove(session, row, provider_id, house.clock.now(), "post")
        row.state, row.reason = ledger.BOUNCED, "no_such_address"
        await suppress(session, row.address or "", "no_such_address", house.clock.now())


async def test_it_goes_another_way_under_its_key_once(house: House) -> None:
    """Asked for it anew, however often; without being asked it stays as it is."""
    customer = await somebody(house)
    first = message(customer.id, "notice")
    assert isinstance(await house.messaging.send(first), v.Sent)
    await bounces(house, first.key, house.email.taken[0][2])
    assert isinstance(await house.messaging.send(first), v.Sent)
    assert len(house.sms.taken) == 0
    again = first.model_copy(update={"again": True})
    for _ in range(3):
        assert isinstance(await house.messaging.send(again), v.Sent)
    assert (len(house.email.taken), len(house.sms.taken)) == (1, 1)
    row = await house.row(first.key)
    assert (row.state, row.channel, row.provider_id) == ("sent", "sms", house.sms.taken[0][2])
    assert [(one["channel"], one["provider_id"]) for one in row.tried] == [
        ("email", house.email.taken[0][2])
    ]


async def test_where_every_way_came_back_nothing_goes(house: House) -> None:
    """No channel is tried twice: it is refused, for a person to see to."""
    customer = await somebody(house)
    again = message(customer.id, "notice", again=True)
    await house.messaging.send(again)
    await bounces(house, again.key, house.email.taken[0][2])
    await house.messaging.send(again)
    await bounces(house, again.key, house.sms.taken[0][2])
    assert await house.messaging.send(again) == v.Refused(reason="undeliverable")
    assert (len(house.email.taken), len(house.sms.taken)) == (1, 1)


@pytest.mark.parametrize("template", ["guide", "offer"])
async def test_what_they_need_not_have_is_not_sent_twice(house: House, template: str) -> None:
    """Of the rest the next message takes another way."""
    customer = await somebody(house)
    await house.say(customer.id, email_marketing=True, sms_marketing=True)
    again = message(customer.id, template, again=True)
    await house.messaging.send(again)
    await bounces(house, again.key, house.email.taken[0][2])
    assert isinstance(await house.messaging.send(again), v.Sent)
    assert (len(house.sms.taken), (await house.row(again.key)).state) == (0, "bounced")


@dataclass
class Overtaken(Provider):
    """A provider whose webhooks are quicker than its answers."""

    meanwhile: Callable[[str], Awaitable[None]] | None = None

    async def send(self, parcel: Parcel) -> Accepted | Rejected:
        answer = await super().send(parcel)
        if self.meanwhile and isinstance(answer, Accepted):
            await self.meanwhile(answer.provider_id)
        return answer


async def test_word_that_it_came_back_may_overtake_its_acceptance(
    store: Store, clock: FakeClock
) -> None:
    """It has gone by SMS by the time that the mail's worker hears of its acceptance: that changes
    nothing, and trips no wire."""
    email, sms = Overtaken(clock, provider="post"), Provider(clock, "sms", provider="phone")
    house = House(store, clock, {"email": email, "sms": sms})
    customer = await somebody(house)
    first = message(customer.id, "notice")

    async def meanwhile(provider_id: str) -> None:
        await bounces(house, first.key, provider_id)
        again = first.model_copy(update={"again": True})
        assert isinstance(await house.messaging.send(again), v.Sent)

    email.meanwhile = meanwhile
    assert isinstance(await house.messaging.send(first), v.Sent)
    row = await house.row(first.key)
    assert (row.state, row.channel, row.provider_id) == ("sent", "sms", sms.taken[0][2])
    assert (len(email.taken), len(sms.taken)) == (1, 1)
    assert await house.all(Stop) == []


async def test_a_report_and_the_answer_come_at_once(store: Store, clock: FakeClock) -> None:
    """Whichever is kept first: it is sent, once, under the one id."""
    email = Overtaken(clock, provider="post")
    house = House(store, clock, {"email": email, "sms": Provider(clock, "sms", provider="phone")})
    customer = await somebody(house)
    first, racing = message(customer.id, "notice"), []

    async def told(provider_id: str) -> None:
        async with store.transaction() as session:
            await lock_customer(session, customer.id)
            row = await ledger.find(session, first.key)
            assert row is not None
            assert await doubts.prove(session, row, provider_id, clock.now(), "post")

    async def meanwhile(provider_id: str) -> None:
        racing.append(asyncio.create_task(told(provider_id)))

    email.meanwhile = meanwhile
    assert isinstance(await house.messaging.send(first), v.Sent)
    await asyncio.gather(*racing)
    row = await house.row(first.key)
    assert (row.state, row.provider_id, len(email.taken)) == ("sent", email.taken[0][2], 1)
    assert await house.all(Stop) == []


async def test_no_clock_runs_from_a_welcome_that_came_back(house: House) -> None:
    """Whether it has gone another way since or not: the window counts from the purchase."""
    customer = await somebody(house)
    welcome = message(customer.id, "notice", again=True)
    await house.messaging.send(welcome)
    clerk = CrmClerk(house.store, house.clock)
    hour = timedelta(hours=1)
    window = v.Milestone(
        key=f"{welcome.follow_up}/plan",
        customer_id=customer.id,
        follow_up=welcome.follow_up,
        now=NOON,
        due=NOON + 3 * hour,
        before=NOON + 3 * hour,
        counted_from=welcome.key,
        otherwise=NOON + hour,
    )
    assert await clerk.plan(window) == NOON + 3 * hour
    await bounces(house, welcome.key, house.email.taken[0][2])
    assert await clerk.plan(window) == NOON + hour
    await house.messaging.send(welcome)
    assert await clerk.plan(window) == NOON + hour


@pytest.mark.parametrize("back", [False, True])
async def test_of_two_reasons_for_an_address_the_graver_stays(house: House, back: bool) -> None:
    """Whichever was heard first."""
    reasons = ["landline", "no_such_number", "complained"]
    for reason in reversed(reasons) if back else reasons:
        async with house.store.transaction() as session:
            await suppress(session, "+442079460000", reason, NOON)
    (row,) = await house.all(Suppression)
    assert row.reason == "complained"
