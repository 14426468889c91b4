"""Sending once: whatever dies between two steps, it goes once, and everybody knows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from temporalio.exceptions import ApplicationError

from activities import dispatch
from activities.channels import Parcel
from activities.channels.outbox import OutboxChannel
from activities.crm import ledger
from activities.crm.store import Store
from activities.crm.tables import Draft, Message, Outbox, message_id
from activities.dispatch import Attempt
from activities.messaging import GatedMessaging
from activities.rendering import tokens
from activities.settings import Settings
from tests.activities.sending import Dying, House, fails, key_of, message, somebody
from tests.factories import NOON, FakeClock, a_customer
from workflows import vocabulary as v

DAY = timedelta(days=1)


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


# -- the straight way --------------------------------------------------------------------


async def test_what_is_sent_stands_in_the_ledger_as_it_was_sent(house: House) -> None:
    """The row is the CRM's note: words, address, provider's id; asked again, it says so again."""
    customer = await somebody(house)
    sent = await house.send(customer.id, "guide", about="a")
    assert sent == v.Sent(key=key_of(customer.id, "guide"), at=NOON)
    row = await house.row(sent.key)
    assert (row.state, row.channel, row.address) == ("sent", "email", customer.email)
    assert (row.subject, row.body_text, row.locale) == ("guide", "guide for Ada", "en")
    assert (row.sop, row.kind, row.topic) == ("online-customer", "relationship", "tips")
    assert (row.attempts, row.provider_id) == (1, house.email.taken[0][2])
    house.clock.advance(days=2)
    assert await house.send(customer.id, "guide", about="a") == sent
    assert len(house.email.taken) == 1
    line = await house.milestone(customer.id, "5.2.1", "a")
    assert (line.state, line.done_at) == ("done", NOON)


async def test_the_channel_is_given_key_address_and_words(house: House) -> None:
    customer = await somebody(house)
    for template in ("guide", "notice"):
        await house.send(customer.id, template, sender=v.Role.CSR)
    key = key_of(customer.id, "guide")
    guide, notice = (parcel for _, parcel, _ in house.email.taken)
    assert guide == Parcel(
        key=key,
        to=customer.email or "",
        subject="guide",
        text="guide for Ada",
        html=None,
        sender="customer-excellence-officer",
        reference=message_id(key),
        from_name="Our Shop",
        reply_to="support@example.com",
        unsubscribe="https://example.com/u/token",
    )
    assert not notice.unsubscribe  # what they must have, nobody can leave


async def test_an_answer_finds_its_message(store: Store, clock: FakeClock) -> None:
    """With a domain for answers, Reply-To carries the message's token, short enough for an address
    (RFC 5321: 64 characters before the @)."""
    house = House(store, clock, reply_domain="reply.example.com")
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    local, _, domain = house.email.taken[0][1].reply_to.partition("@")
    assert (local[:2], domain, len(local) <= 64) == ("r+", "reply.example.com", True)
    key = key_of(customer.id, "guide")
    assert tokens.read_short("secret", "reply", local[2:]) == message_id(key)


# -- killed between two steps ------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("template", ["notice", "guide", "offer"])
async def test_killed_around_any_transaction(
    store: Store, clock: FakeClock, template: str, nth: int, moment: str
) -> None:
    """Gate, sent, record: it dies before or after each; the next attempts send it once."""
    dying = Dying(store)
    house = House(store, clock, dying=dying)
    customer = await somebody(house)
    dying.at(nth, moment)
    with pytest.raises(asyncio.CancelledError):
        await house.send(customer.id, template)
    house.clock.advance(seconds=15)
    assert isinstance(await house.send(customer.id, template), v.Sent)
    assert house.email.took() == [key_of(customer.id, template)]
    assert (await house.milestone(customer.id, "5.2.1")).state == "done"
    outcomes = [row.outcome for row in await house.decisions(key_of(customer.id, template))]
    assert outcomes.count("sent") == 1


async def test_what_was_accepted_is_kept_even_if_the_database_is_away_just_then(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody but us knows that it is there, and a mail server can't be asked: we ask the database
    until it answers."""
    customer = await somebody(house)
    house.email.can_look_up = False
    confirm, refusals = ledger.confirm, iter(range(2))

    async def away(*args: Any) -> bool:
        if next(refusals, None) is not None:
            raise OperationalError("commit", {}, OSError("gone"))
        return await confirm(*args)

    monkeypatch.setattr(ledger, "confirm", away)
    monkeypatch.setattr(dispatch, "AGAIN", 0.0)
    assert isinstance(await house.send(customer.id, "notice"), v.Sent)
    assert len(house.email.taken) == 1


@pytest.mark.parametrize("death", ["die", "accept and die", "accept and be killed", "hang"])
@pytest.mark.parametrize("template", ["notice", "guide", "offer"])
async def test_killed_in_mid_request(house: House, template: str, death: str) -> None:
    """Whether the provider had it or not: it is asked before anything goes again."""
    customer = await somebody(house)
    house.email.deadline = timedelta(seconds=0.1) if death == "hang" else house.email.deadline
    house.email.next = [death]
    with pytest.raises((ApplicationError, asyncio.CancelledError)):
        await house.send(customer.id, template)
    assert (await house.row(key_of(customer.id, template))).state == "sending"
    fault = await fails(house, customer.id, template)
    assert fault.type == "in_flight"
    assert fault.next_retry_delay == house.email.deadline + house.email.quarantine
    house.clock.advance(fault.next_retry_delay)
    assert isinstance(await house.send(customer.id, template), v.Sent)
    assert house.email.took() == [key_of(customer.id, template)]


async def test_unknown_waits_without_a_slot(house: House) -> None:
    """Temporal's retry is the wait: the error names the delay, and says nothing of the person."""
    customer = await somebody(house)
    house.email.next = ["die"]
    fault = await fails(house, customer.id, "guide")
    assert (fault.type, fault.message, fault.non_retryable) == ("unknown", "unknown", False)
    assert fault.next_retry_delay == timedelta(seconds=15)
    assert fault.__cause__ is None


async def test_what_goes_again_asks_the_gate_again(house: House) -> None:
    """Between the first attempt and the second the customer left."""
    customer = await somebody(house)
    house.email.next = ["die"]
    await fails(house, customer.id, "guide")
    await house.say(customer.id, all=False)
    house.clock.advance(seconds=15)
    assert await house.send(customer.id, "guide") == v.Refused(reason="opted_out")
    assert not house.email.taken


# -- what the provider refuses -----------------------------------------------------------


async def test_not_now_keeps_the_slot_and_names_the_delay(house: House) -> None:
    """The provider asks for patience: the row is free again, the message is the next to go."""
    customer = await somebody(house)
    house.email.next = ["busy"]
    fault = await fails(house, customer.id, "guide")
    assert (fault.type, fault.next_retry_delay) == ("rate_limited", timedelta(seconds=90))
    row = await house.row(key_of(customer.id, "guide"))
    assert (row.state, row.slot_at, row.deadline) == ("reserved", NOON, None)
    assert await house.send(customer.id, "tips") == v.Deferred(until=NOON + DAY)
    house.clock.advance(seconds=90)
    assert isinstance(await house.send(customer.id, "guide"), v.Sent)


async def test_never_is_an_answer_not_an_error(house: House) -> None:
    customer = await somebody(house, phone=None)
    house.email.next = ["refused"]
    refused = v.Refused(reason="undeliverable")
    assert await house.send(customer.id, "guide") == refused
    assert await house.send(customer.id, "guide") == refused
    line = await house.milestone(customer.id, "5.2.1")
    assert (line.state, line.reason) == ("skipped", "undeliverable")
    assert isinstance(await house.send(customer.id, "tips"), v.Sent)  # it took no slot


# -- the lease ---------------------------------------------------------------------------


async def test_a_process_that_slept_sends_nothing(house: House) -> None:
    """Stopped between the gate and the request for longer than its lease: it gives the row back."""
    customer = await somebody(house)
    house.boot.jumps = [0.0, 5.1]
    fault = await fails(house, customer.id, "guide")
    assert fault.type == "lease_lost"
    assert not house.email.taken
    assert isinstance(await house.send(customer.id, "guide"), v.Sent)


async def test_a_process_that_slept_does_not_give_back_what_is_anothers(house: House) -> None:
    """It wakes after its successor began: the successor's row is not touched."""
    customer = await somebody(house)
    key = key_of(customer.id, "guide")
    house.email.next = ["die"]
    await fails(house, customer.id, "guide")
    async with house.store.transaction() as session:
        row = await ledger.find(session, key)
        assert row is not None
        row.attempts = 7
    house.boot.jumps = [0.0, 60.0]
    begun = await house.messaging._begin(message(customer.id, "notice"))
    assert isinstance(begun, Attempt)
    with pytest.raises(ApplicationError, match="lease_lost"):
        await house.messaging._dispatch(message(customer.id, "guide"), begun)
    assert (await house.row(key)).state == "sending"


# -- what cannot be rendered -------------------------------------------------------------


async def test_a_broken_template_blocks_and_leaves_nothing_behind(house: House) -> None:
    """No retry cures it; mended, it goes under the same key."""
    customer = await somebody(house)
    house.plates.broken.add("guide")
    fault = await fails(house, customer.id, "guide")
    assert (fault.type, fault.message, fault.non_retryable) == (
        "template",
        "variable_missing",
        True,
    )
    assert not await house.all(Message)
    house.plates.broken.clear()
    assert isinstance(await house.send(customer.id, "guide"), v.Sent)


@pytest.mark.parametrize("fields", [{"template": "no-such"}, {"draft_id": "draft_none"}])
async def test_no_template_and_no_draft_are_faults_too(
    house: House, fields: dict[str, str]
) -> None:
    customer = await somebody(house)
    fault = await fails(house, customer.id, **{"template": "guide"} | fields)
    assert fault.non_retryable
    assert fault.type == "template"


async def test_nobody_gets_a_draft_written_for_another(house: House) -> None:
    one, two = await somebody(house), await somebody(house)
    fields = {"subject": "Hello", "body": "Dear Ada", "created_at": NOON}
    await house.add(Draft(id="draft_1", customer_id=one.id, **fields))
    assert (await fails(house, two.id, "guide", draft_id="draft_1")).message == "draft_missing"
    assert isinstance(await house.send(one.id, "guide", draft_id="draft_1"), v.Sent)


# -- the outbox --------------------------------------------------------------------------


async def test_the_outbox_finds_by_key(house: House) -> None:
    outbox = OutboxChannel(house.store, house.clock, "email")
    parcel = Parcel(key="k", to="a@example.com", subject="s", text="t", html=None, sender="")
    first = await outbox.send(parcel)
    assert await outbox.look_up(parcel, NOON) == (first.provider_id,)
    assert await outbox.look_up(replace(parcel, key="other"), NOON) == ()
    second = await outbox.send(parcel)
    assert set(await outbox.look_up(parcel, NOON)) == {first.provider_id, second.provider_id}


async def test_fifty_attempts_at_once_are_one_message(store: Store, clock: FakeClock) -> None:
    """The row is won by one; the others hear that it is in flight, or that it is sent."""
    customer = await a_customer(store)
    outbox = {"email": OutboxChannel(store, clock, "email")}
    house = House(store, clock)
    settings = Settings(secret_key="secret", _env_file=None)
    messaging = GatedMessaging(store, clock, settings, outbox, renderer=house.plates)
    asked = (messaging.send(message(customer.id, "welcome")) for _ in range(50))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {v.Sent, ApplicationError}
    assert len(await house.all(Outbox)) == 1
    assert isinstance(await messaging.send(message(customer.id, "welcome")), v.Sent)


async def test_the_real_templates_and_the_real_press(store: Store, clock: FakeClock) -> None:
    """A welcome as the house writes it, by e-mail and by SMS."""
    outbox = {name: OutboxChannel(store, clock, name) for name in ("email", "sms")}
    settings = Settings(secret_key="secret", _env_file=None)
    messaging = GatedMessaging(store, clock, settings, outbox)
    house = House(store, clock)
    one, two = await a_customer(store), await a_customer(store, email=None)
    for customer in (one, two):
        assert isinstance(await messaging.send(message(customer.id, "welcome")), v.Sent)
    by_channel = {row.channel: row for row in await house.all(Outbox)}
    assert by_channel["email"].subject
    assert by_channel["email"].body_html
    assert by_channel["sms"].body_html is None
    assert all("Ada" in row.body_text for row in by_channel.values())
