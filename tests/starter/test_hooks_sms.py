"""Replies by SMS: whose they are; and STOP, which holds at once for everybody with the number."""

from __future__ import annotations

from typing import Any

import pytest

from activities.crm import numbers
from activities.crm.house import HouseRules
from activities.crm.store import Store
from activities.crm.tables import Case, Consent, Customer, Inbox, Message, Note
from activities.permission import Way, standing_of, way_for
from activities.rendering import registry
from starter.desk import Desk
from starter.senders import Delivery
from starter.senders.registry import SENDERS
from starter.senders.wishes import Wish, by_sms
from tests.factories import FakeClock, a_customer
from tests.starter import mails
from tests.starter.front import FakeTemporal, only, rows
from tests.starter.hooks import visiting
from tests.starter.mails import ADA, a_message, ada, texts

HERS = "+442079460000"


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return mails.replying(store, clock, temporal)


async def comes(desk: Desk, body: str, **said: str) -> None:
    async with visiting(desk) as client:
        answer = await texts(client, body, **said)
    assert (answer.status_code, answer.content) == (200, b"<Response/>")
    assert answer.headers["content-type"].startswith("text/xml")


async def an_sms(store: Store, **fields: Any) -> Message:
    return await a_message(store, **{"channel": "sms", "address": HERS} | fields)


async def consents(desk: Desk) -> list[tuple[str, str, bool]]:
    found = await rows(desk.store, Consent)
    return sorted((row.customer_id, row.scope, row.given) for row in found)


async def way(desk: Desk, customer_id: str) -> Way | str:
    """How the gate would reach somebody with news of their order, e-mail apart."""
    async with desk.store.reading() as session:
        customer = await session.get_one(Customer, customer_id)
        standing = await standing_of(session, customer)
    return way_for(registry()["order-shipped"], standing, HouseRules(), only="sms")


async def test_an_sms_is_a_reply(desk: Desk, temporal: FakeTemporal) -> None:
    """To the last that went to the number; Twilio's own id of it, so that it counts once."""
    await ada(desk.store, temporal)
    await an_sms(desk.store)
    for _ in range(2):
        await comes(desk, "Great, thanks! 👍", MessageSid="SM9")
    note = await only(desk.store, Note)
    assert (note.summary, note.message_key, note.method) == ("Great, thanks! 👍", mails.KEY, "sms")
    assert temporal.heard(f"online-customer.{ADA}") == ["responded"]
    assert (await only(desk.store, Case)).kind == "inquiry"


async def test_of_several_the_one_written_to(desk: Desk, temporal: FakeTemporal) -> None:
    """Two share a number: it is an answer to the last SMS that went there."""
    await ada(desk.store, temporal)
    await a_customer(desk.store, id="cus_bob", phone=HERS)
    await an_sms(desk.store, customer_id="cus_bob", key="online-customer.cus_bob/check-in")
    await comes(desk, "Yes, all well")
    assert (await only(desk.store, Note)).customer_id == "cus_bob"


async def test_stop_holds_for_all_who_share_it(desk: Desk, temporal: FakeTemporal) -> None:
    """At once, and once; whoever has the number later is not written to either."""
    await ada(desk.store, temporal)
    await a_customer(desk.store, id="cus_bob", phone=HERS)
    assert await way(desk, ADA) == Way("sms", HERS)
    for _ in range(2):
        await comes(desk, " Stop. ", OptOutType="STOP")
    assert await consents(desk) == [(ADA, "sms", False), ("cus_bob", "sms", False)]
    assert temporal.heard(f"online-customer.{ADA}") == ["opted_out"]
    await a_customer(desk.store, id="cus_eve", phone=HERS)
    assert {await way(desk, one) for one in (ADA, "cus_bob", "cus_eve")} == {"stopped"}
    assert await rows(desk.store, Case) == []


async def test_stop_from_a_number_nobody_has(desk: Desk) -> None:
    """It holds for whoever has it one day, until START comes from there."""
    await comes(desk, "STOPALL")
    (event,) = [row for row in await rows(desk.store, Inbox) if row.parent_id]
    assert (event.state, event.effects[0]["reason"]) == ("done", "number_unknown")
    await a_customer(desk.store, id=ADA, phone=HERS)
    assert await way(desk, ADA) == "stopped"
    await comes(desk, "UNSTOP", MessageSid="SM2")
    assert await way(desk, ADA) == Way("sms", HERS)


async def test_start_takes_it_back(desk: Desk, temporal: FakeTemporal, clock: FakeClock) -> None:
    """And only that: no consent to offers comes of it. To others `yes` is an answer."""
    await ada(desk.store, temporal)
    await comes(desk, "Yes", MessageSid="SM1")
    assert await rows(desk.store, Consent) == []
    await comes(desk, "END", MessageSid="SM2")
    assert await way(desk, ADA) == "stopped"
    clock.advance(minutes=1)
    await comes(desk, "Yes", MessageSid="SM3")
    assert await way(desk, ADA) == Way("sms", HERS)
    assert {scope for _, scope, _ in await consents(desk)} == {"sms"}


async def test_help_is_answered_by_the_network(desk: Desk, temporal: FakeTemporal) -> None:
    """It is on record, and no case is opened, which would write to them."""
    await ada(desk.store, temporal)
    await comes(desk, "HELP")
    assert (await only(desk.store, Note)).summary == "HELP"
    assert await rows(desk.store, Case) == []
    assert temporal.signals == []


async def test_pictures_are_noted_and_not_fetched(desk: Desk, temporal: FakeTemporal) -> None:
    """They stay with Twilio; only its own kind of address is written down."""
    await ada(desk.store, temporal)
    media = {"MediaUrl0": "https://api.twilio.com/m/1", "MediaUrl1": "javascript:alert(1)"}
    await comes(desk, "", NumMedia="2", **media)
    summary = (await only(desk.store, Note)).summary
    assert summary == "[No words.]\n[Sent along, and not fetched: https://api.twilio.com/m/1]"


async def test_an_older_word_takes_no_stop_back(desk: Desk, clock: FakeClock) -> None:
    """Somebody nobody knows wrote START, then STOP; the first of the two is read last."""
    body = b"MessageSid=SM1&From=%2B4915112345678&Body=START"
    first = await desk.keep(SENDERS["twilio/inbound"], Delivery(body, {}))
    clock.advance(minutes=1)
    await comes(desk, "STOP", MessageSid="SM2", From="+4915112345678")
    await desk.read_delivery(first)
    async with desk.store.reading() as session:
        assert await numbers.is_stopped(session, "+4915112345678")
    clock.advance(minutes=1)
    await comes(desk, "START", MessageSid="SM3", From="+4915112345678")
    async with desk.store.reading() as session:
        assert not await numbers.is_stopped(session, "+4915112345678")


async def test_an_unknown_number_is_kept(desk: Desk) -> None:
    """Until somebody has it; a short code, which nobody has, is on record."""
    await comes(desk, "Who is this?")
    await comes(desk, "You have won", MessageSid="SM2", From="78001")
    found = {row.type: row for row in await rows(desk.store, Inbox) if row.type == "reply.received"}
    assert found["reply.received"].state == "parked"
    short = next(row for row in await rows(desk.store, Inbox) if row.event_id == "SM2")
    assert (short.state, short.effects[0]["reason"]) == ("done", "no_number")


@pytest.mark.parametrize(
    ("words", "type_", "stopped", "wish"),
    [
        *(
            (word, "", False, Wish.STOP)
            for word in "stop STOPALL unsubscribe Cancel END quit".split()
        ),
        *((word, "", False, Wish.STOP) for word in ("REVOKE", "OPTOUT", '"Stop!"', "opt-out")),
        ("please stop by our shop", "", False, None),
        ("stop it, I love it", "", False, None),
        ("the end", "", False, None),
        ("", "", False, None),
        ("No more, per favore", "STOP", False, Wish.STOP),
        ("start", "", False, Wish.START),
        ("YES", "", False, None),
        ("YES", "", True, Wish.START),
        ("info", "", False, Wish.HELP),
        ("x", "help", False, Wish.HELP),
        ("stop" + " " * 300, "", False, Wish.STOP),
    ],
)
def test_a_wish_is_a_whole_word(words: str, type_: str, stopped: bool, wish: Wish | None) -> None:
    """Whatever stands around it; and what Twilio took it for goes first."""
    assert by_sms(words, type_, stopped=stopped) is wish


async def test_nonsense_from_twilio_is_for_an_engineer(desk: Desk) -> None:
    """Signed, and without an id: kept, and nobody is harmed."""
    await comes(desk, "hello", MessageSid="")
    assert (await only(desk.store, Inbox)).state == "failed"
