"""The way to a customer: the channel they prefer, the next one when an address is dead, one at a
time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from activities.channels import Because, Rejected
from activities.crm.store import Store
from activities.crm.tables import Consent, Customer, Inbox, Stop, Suppression
from tests.activities.sending import NOES, House, fails, key_of, said, somebody, went
from tests.factories import FakeClock
from workflows import vocabulary as v


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


@pytest.mark.parametrize(
    ("customer", "template", "way"),
    [
        ({}, "guide", ["email"]),
        ({"preferred_channel": "sms"}, "guide", ["sms"]),
        ({"preferred_channel": "sms"}, "upgrade", ["email"]),  # it has no words for an SMS
        ({"preferred_channel": "phone"}, "guide", ["email"]),
        ({"email": None}, "guide", ["sms"]),
        ({"email": None, "phone": None}, "guide", []),
        ({"preferred_channel": "sms", "consents": {"sms": False}}, "guide", ["email"]),
        ({"consents": {"email": False}}, "guide", ["sms"]),
        ({"consents": {"email": False}}, "notice", ["email"]),  # they must have it
        ({"preferred_channel": "sms", "consents": {"sms": False}}, "notice", ["email"]),
        ({"consents": {"email_marketing": True, "sms_marketing": False}}, "offer", ["email"]),
        ({"consents": {"sms_marketing": True}}, "offer", ["sms"]),
    ],
)
async def test_the_way_a_message_goes(
    house: House, customer: dict[str, Any], template: str, way: list[str]
) -> None:
    """Preference, consent, and what the template has words for."""
    them = await somebody(house, **customer)
    answer = await house.send(them.id, template)
    assert went(house) == way
    assert (said(answer) == "goes") is bool(way)


@pytest.mark.parametrize("no", ["bad", "refused"])
async def test_refused_on_one_channel_it_goes_on_the_next(house: House, no: str) -> None:
    """One step, one activity; the other channel is opened when the first is settled as refused."""
    customer = await somebody(house)
    house.email.next = [no]
    sent = await house.send(customer.id, "guide")
    assert went(house) == ["sms"]
    row = await house.row(key_of(customer.id, "guide"))
    assert sent == v.Sent(key=row.key, at=row.sent_at or row.created_at)
    assert (row.channel, row.via, row.address) == ("sms", "phone", customer.phone)
    assert row.tried == [{"channel": "email", "reason": NOES[no].reason}]
    assert (row.begun_at, row.attempts) == (house.clock.real(), 2)
    outcomes = [(row.outcome, row.reason) for row in await house.decisions(row.key)]
    assert sorted(outcomes) == sorted(
        [("allowed", None), ("rejected", NOES[no].reason), ("allowed", None), ("sent", None)]
    )


async def test_a_dead_address_is_never_written_to_again(house: House) -> None:
    """Hard bounce: the next message takes the other channel at once, whoever has the address."""
    customer = await somebody(house)
    house.email.next = ["bad"]
    await house.send(customer.id, "notice")
    assert [(s.address, s.reason) for s in await house.all(Suppression)] == [
        (customer.email, "no_such_address")
    ]
    await house.send(customer.id, "welcome")
    assert went(house) == ["sms", "sms"]
    other = await somebody(house, email=customer.email, phone=None)
    assert said(await house.send(other.id, "notice")) == "suppressed"


async def test_two_find_out_at_once_that_nobody_is_there(house: House) -> None:
    """They share the address; neither is left in doubt."""
    one = await somebody(house, phone=None)
    two = await somebody(house, email=one.email, phone=None)
    both = asyncio.Barrier(2)

    async def bad(parcel: Any) -> Any:
        await both.wait()
        return NOES["bad"]

    house.email.send = bad  # type: ignore[method-assign]
    refused = v.Refused(reason="undeliverable")
    sends = (house.send(customer.id, "notice") for customer in (one, two))
    assert await asyncio.gather(*sends) == [refused, refused]


async def test_a_message_that_is_not_carried_leaves_the_address_alone(house: House) -> None:
    customer = await somebody(house)
    house.email.next = ["refused"]
    await house.send(customer.id, "notice")
    await house.send(customer.id, "welcome")
    assert went(house) == ["email", "sms"]
    assert not await house.all(Suppression)


async def test_a_landline_takes_no_sms_but_a_call(house: House) -> None:
    """The number stays good for what a person may do with it."""
    customer = await somebody(house, email=None)
    house.sms.next = ["landline"]
    assert await house.send(customer.id, "guide") == v.Refused(reason="undeliverable")
    assert said(await house.send(customer.id, "tips")) == "suppressed"
    assert [row.reason for row in await house.all(Suppression)] == ["landline"]


async def test_when_every_way_is_closed_it_is_undeliverable_for_good(house: House) -> None:
    customer = await somebody(house)
    house.email.next, house.sms.next = ["bad"], ["bad"]
    refused = v.Refused(reason="undeliverable")
    assert await house.send(customer.id, "guide") == refused
    assert await house.send(customer.id, "guide") == refused
    assert went(house) == []
    line = await house.milestone(customer.id, "5.2.1")
    assert (line.state, line.reason) == ("skipped", "undeliverable")


async def test_never_two_channels_for_one_message(house: House) -> None:
    """While nobody knows what became of the e-mail, no SMS goes in its place."""
    customer = await somebody(house)
    house.email.next = ["accept and die"]
    await fails(house, customer.id, "guide")
    house.clock.advance(seconds=15)
    await house.send(customer.id, "guide")
    assert went(house) == ["email"]


async def test_what_may_have_gone_stays_on_its_channel(house: House) -> None:
    """The mail server said nothing and cannot be asked: what they must have goes again, by e-mail,
    whatever the customer prefers by now."""
    customer = await somebody(house)
    house.email.can_look_up, house.email.next = False, ["die"]
    await fails(house, customer.id, "notice")
    async with house.store.transaction() as session:
        them = await session.get_one(Customer, customer.id)
        them.preferred_channel = "sms"
    house.clock.advance(seconds=15)
    assert said(await house.send(customer.id, "notice")) == "goes"
    assert went(house) == ["email"]


async def test_where_nobody_is_nothing_has_come_either(house: House) -> None:
    """An attempt in doubt, and then: no such mailbox. It goes by SMS."""
    customer = await somebody(house)
    house.email.can_look_up, house.email.next = False, ["die", "bad"]
    await fails(house, customer.id, "notice")
    house.clock.advance(seconds=15)
    assert said(await house.send(customer.id, "notice")) == "goes"
    assert went(house) == ["sms"]


async def test_what_surely_did_not_go_may_go_another_way(house: House) -> None:
    customer = await somebody(house)
    house.email.next = ["away"]
    await fails(house, customer.id, "notice")
    async with house.store.transaction() as session:
        them = await session.get_one(Customer, customer.id)
        them.preferred_channel = "sms"
    assert said(await house.send(customer.id, "notice")) == "goes"
    assert went(house) == ["sms"]


# -- what the customer told the provider ---------------------------------------------------


async def test_stop_told_to_the_provider_is_an_opt_out_here(house: House) -> None:
    """Twilio's 21610: it holds from that moment on; every follow-up is to hear it."""
    customer = await somebody(house, preferred_channel="sms")
    house.sms.next = ["stopped"]
    assert said(await house.send(customer.id, "guide")) == "goes"  # by e-mail
    assert said(await house.send(customer.id, "notice")) == "goes"
    assert went(house) == ["email", "email"]
    words = [(c.scope, c.given, c.source) for c in await house.all(Consent) if c.scope == "sms"]
    assert words == [("sms", False, "phone")]
    (event,) = await house.all(Inbox)
    assert (event.type, event.source, event.state) == ("consent.changed", "workflow", "stored")
    assert not await house.all(Suppression)


# -- our own account -----------------------------------------------------------------------


async def test_a_provider_that_refuses_us_pauses_its_channel_and_fails_no_customer(
    house: House,
) -> None:
    """401, 403: one stop button, one engineer's task, however many messages meet it; lifted, all
    of them go."""
    one, two = await somebody(house), await somebody(house)
    house.email.next = ["account", "account"]
    for customer in (one, two):
        fault = await fails(house, customer.id, "guide") if customer is one else None
        assert fault is None or fault.type == "paused"
    (stop,) = await house.all(Stop)
    assert (stop.channel, stop.by, stop.reason) == (
        "email",
        "provider",
        "post refuses our account: unauthorised",
    )
    (task,) = await house.tasks()
    assert (task.role, task.priority, task.customer_id) == ("engineer", 1, None)
    assert "aftercare go --channel email" in task.title
    for customer in (one, two):
        for template in ("guide", "notice"):
            assert await house.send(customer.id, template) == v.Held(holds=(stop.id,))
    assert went(house) == []
    by_sms = await somebody(house, preferred_channel="sms")
    assert said(await house.send(by_sms.id, "guide")) == "goes"
    async with house.store.transaction() as session:
        held = await session.get_one(Stop, stop.id)
        held.lifted_at = house.clock.now()
    house.email.next = []
    for customer in (one, two):
        assert said(await house.send(customer.id, "guide")) == "goes"


async def test_two_that_meet_it_at_once_press_one_button(house: House) -> None:
    one, two = await somebody(house), await somebody(house)
    refusing = house.email.send

    async def meanwhile(parcel: Any) -> Any:
        house.email.send = refusing  # type: ignore[method-assign]
        house.email.next = ["account"]
        await fails(house, two.id, "guide")
        return Rejected("forbidden", Because.ACCOUNT)

    house.email.send = meanwhile  # type: ignore[method-assign]
    await fails(house, one.id, "guide")
    assert len(await house.all(Stop)) == len(await house.tasks()) == 1


async def test_a_country_that_is_not_enabled_is_one_task_and_no_pause(house: House) -> None:
    """Anybody may sign up with a number from anywhere: it must not stop everybody's SMS."""
    house.sms.next = ["no country", "no country"]
    for _ in range(2):
        customer = await somebody(house, preferred_channel="sms")
        assert said(await house.send(customer.id, "notice")) == "goes"
    assert went(house) == ["email", "email"]
    (task,) = await house.tasks()
    assert (task.role, await house.all(Stop)) == ("engineer", [])
