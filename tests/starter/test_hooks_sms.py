"""Replies by SMS: whose they are; and STOP, which holds at once for everybody with the number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from activities.crm import numbers
from activities.crm.house import HouseRules
from activities.crm.store import Store
from activities.crm.tables import Case, Consent, Customer, Enclosure, Inbox, Message, Note
from activities.fakes.faults import Fault, Script
from activities.fakes.twilio import FakeTwilio
from activities.permission import Way, standing_of, way_for
from activities.rendering import registry
from starter.desk import Desk
from starter.senders import Delivery, twilio_media
from starter.senders.registry import SENDERS
from starter.senders.wishes import Wish, by_sms
from tests.factories import FakeClock, a_customer
from tests.starter import mails
from tests.starter.front import FakeTemporal, only, rows
from tests.starter.hooks import TWILIO_TOKEN, visiting
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


ACCOUNT = "AC" + "0" * 32
PICTURE = b"\x89PNG and so on"


def media(number: int, account: str = ACCOUNT, host: str = "api.twilio.com") -> str:
    message = "MM" + "1" * 32
    path = f"/2010-04-01/Accounts/{account}/Messages/{message}/Media/ME{number:032d}"
    return f"https://{host}{path}"


@pytest.fixture
async def mms(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> AsyncIterator[tuple[Desk, FakeTwilio]]:
    """Ada, and a Twilio that has pictures of hers."""
    fake = FakeTwilio(auth_token=TWILIO_TOKEN)
    async with fake.serving() as url:
        said = {"twilio_api_base": url, "twilio_account_sid": ACCOUNT}
        await ada(memory_store, temporal)
        yield mails.replying(memory_store, clock, temporal, **said), fake


async def test_pictures_are_fetched(mms: tuple[Desk, FakeTwilio]) -> None:
    """With our credentials, which go no further; kept with the note, under a name of our own."""
    desk, fake = mms
    fake.media = {f"ME{1:032d}": ("image/png", PICTURE), f"ME{2:032d}": ("text/vcard", b"BEGIN")}
    for _ in range(2):
        await comes(desk, "Look", NumMedia="2", MediaUrl0=media(1), MediaUrl1=media(2))
    note = await only(desk.store, Note)
    assert note.summary == "Look"
    kept = sorted(await rows(desk.store, Enclosure), key=lambda one: str(one.name))
    assert [(one.name, one.type, one.note_id) for one in kept] == [
        ("picture-1.png", "image/png", note.id), ("picture-2.vcf", "text/vcard", note.id),
    ]  # fmt: skip
    assert kept[0].size == len(PICTURE)


@pytest.mark.parametrize(
    ("url", "kind", "content"),
    [
        (media(1, account="AC" + "9" * 32), "image/png", PICTURE),  # not our account's
        ("https://evil.example.com/m/1", "image/png", PICTURE),
        ("https://[", "image/png", PICTURE),
        ("https://api.twilio.com/2010-04-01/Accounts/../x", "image/png", PICTURE),
        (media(7), "image/png", PICTURE),  # deleted there
        (media(1), "text/html", b"<script>"),
        (media(1), "application/x-msdownload", b"MZ"),
        (media(1), "image/png", b""),
        (media(1), "image/png", b"x" * 6_000_001),
    ],
)
async def test_what_is_no_picture_of_ours_is_noted(
    mms: tuple[Desk, FakeTwilio], url: str, kind: str, content: bytes
) -> None:
    """By its address; only Twilio's own kind is written down. The words are heard all the same."""
    desk, fake = mms
    fake.media = {f"ME{1:032d}": (kind, content)}
    await comes(desk, "", NumMedia="2", MediaUrl0=url, MediaUrl1="javascript:alert(1)")
    assert (await only(desk.store, Note)).summary == (
        f"[No words.]\n[Sent along, and not fetched: {url}]"
    )
    assert await rows(desk.store, Enclosure) == []
    assert (await only(desk.store, Case)).kind == "inquiry"


@pytest.mark.parametrize(
    "fault", [Fault.UNAUTHORISED, Fault.HTML, Fault.HANG_BEFORE, Fault.RESET_BEFORE, Fault.HUGE]
)
async def test_the_words_wait_for_no_picture(
    mms: tuple[Desk, FakeTwilio], monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """Whatever Twilio answers, or if it never does; a STOP does not even ask."""
    desk, fake = mms
    monkeypatch.setattr(twilio_media, "SECONDS", 0.3)
    fake.media, fake.look_ups = {f"ME{1:032d}": ("image/png", PICTURE)}, Script(always=fault)
    await comes(desk, "Look", NumMedia="1", MediaUrl0=media(1))
    assert "not fetched" in (await only(desk.store, Note)).summary
    asked = fake.looked_up
    await comes(desk, "STOP", NumMedia="1", MediaUrl0=media(1), MessageSid="SM2")
    assert fake.looked_up == asked


@pytest.mark.parametrize(
    ("to", "base", "fits"),
    [
        ("https://mms.twiliocdn.com/x", "https://api.twilio.com", True),
        ("https://s3-external-1.amazonaws.com/x", "https://api.twilio.com", True),
        ("http://mms.twiliocdn.com/x", "https://api.twilio.com", False),
        ("https://mms.twiliocdn.com:8443/x", "https://api.twilio.com", False),
        ("https://eviltwiliocdn.com/x", "https://api.twilio.com", False),
        ("https://mms.twiliocdn.com@evil.example.com/x", "https://api.twilio.com", False),
        ("https://mms.twiliocdn.com.evil.example.com/x", "https://api.twilio.com", False),
        ("http://169.254.169.254/latest", "https://api.twilio.com", False),
        ("http://127.0.0.1:1/x", "https://api.twilio.com", False),
        ("/relative", "https://api.twilio.com", False),
        ("https://[", "https://api.twilio.com", False),
        ("", "https://api.twilio.com", False),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9", True),
        ("http://127.0.0.1:10/x", "http://127.0.0.1:9", False),
        ("https://mms.twiliocdn.com/x", "http://127.0.0.1:9", False),
    ],
)
def test_where_twilio_may_lead_to(to: str, base: str, fits: bool) -> None:
    """To where it keeps pictures, and nowhere else."""
    assert twilio_media._leads_on(to, base) is fits


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
