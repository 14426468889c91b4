"""What is amiss with one delivery holds up no other, and is lost neither itself."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from activities.crm.store import Store
from activities.crm.tables import Enrolment, Inbox, Note
from starter.desk import Desk
from starter.senders import Delivery, Reading, Readings
from starter.senders.registry import SENDERS
from starter.senders.standard import StandardWebhooks
from tests.factories import FakeClock
from tests.starter import mails
from tests.starter.front import FakeTemporal, a_desk, an_event, only, rows
from tests.starter.hooks import SECRET, standard, visiting
from tests.starter.mails import HERS, ada, posts, raw, several, written

WORDS = "ada@example.com has moved"


class Broken(StandardWebhooks):
    """A mistake of ours in a sender, or what it comes to when the database is not there."""

    def __init__(self, fault: Exception | None, *events: dict[str, Any]) -> None:
        self.fault, self.events = fault, events

    async def read(self, delivery: object, reader: object) -> Readings:
        if self.fault is not None:
            raise self.fault
        return Readings([Reading(event) for event in self.events])


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(store, clock, temporal, generic_secret=SECRET)


async def comes(desk: Desk, event: Mapping[str, Any], id_: str) -> None:
    body = json.dumps(event).encode()
    async with visiting(desk) as client:
        headers = standard(body, desk.clock.real(), id_)
        assert (await client.post("/hooks/generic", content=body, headers=headers)).is_success


async def test_what_cannot_be_kept_holds_up_nothing(
    desk: Desk, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event without an id is a mistake of ours: its delivery waits, an engineer hears of it."""
    sound = SENDERS["generic"]
    monkeypatch.setitem(SENDERS, "generic", Broken(None, {"type": "customer.signed_up"}))
    await comes(desk, an_event("customer.signed_up"), "msg_1")
    monkeypatch.setitem(SENDERS, "generic", sound)
    (row,) = await rows(desk.store, Inbox)
    assert (row.state, row.error, row.attempts) == ("stored", "KeyError", 1)
    clock.advance(minutes=1)
    await desk.intake.carry_out_stored(clock.now())
    assert len(await rows(desk.store, Enrolment)) == 1  # it was mended meanwhile


async def test_what_a_database_does_not_take_holds_up_nothing(
    store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """An id with a zero in it, in a stranger's letter: PostgreSQL takes none, not even to look."""
    desk = mails.replying(store, clock, temporal)
    await ada(store, temporal)
    bodies = []
    for name in ("In-Reply-To", "References", "Message-ID"):
        mail = written(f"Hello, {name}", **{"From": HERS, name: "<aZERO@b.example>"})
        bodies.append(raw(mail).replace(b"ZERO", b"\x00"))
    async with visiting(desk) as client:
        for body in bodies:
            assert (await posts(client, desk, body)).status_code == 200
    clock.advance(minutes=1)
    await desk.intake.carry_out_stored(clock.now())
    assert {row.state for row in await rows(store, Inbox)} == {"done"}
    assert len(await rows(store, Note)) == len(bodies)


async def test_a_database_that_is_busy_fails_nothing(
    desk: Desk, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A burst takes every connection there is: what comes then is read later, by itself."""
    sound = SENDERS["generic"]
    monkeypatch.setitem(SENDERS, "generic", Broken(PoolTimeoutError("all are taken")))
    await comes(desk, an_event("customer.signed_up"), "msg_1")
    monkeypatch.setitem(SENDERS, "generic", sound)
    assert (await only(desk.store, Inbox)).state == "stored"
    clock.advance(minutes=1)
    await desk.intake.carry_out_stored(clock.now())
    assert {row.state for row in await rows(desk.store, Inbox)} == {"done"}


async def test_a_mistake_is_logged_without_its_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They may be somebody's: the log says what it was, and where."""
    monkeypatch.setitem(SENDERS, "generic", Broken(ValueError(WORDS)))
    with caplog.at_level(logging.ERROR):
        await comes(desk, an_event("customer.signed_up"), "msg_1")
    assert "ValueError at " in caplog.text
    assert WORDS not in caplog.text
    assert (await only(desk.store, Inbox)).error == "ValueError"


async def test_an_event_may_be_called_like_its_delivery(desk: Desk) -> None:
    """Whoever sends one at a time has one id for both."""
    await comes(desk, an_event("customer.signed_up", id="msg_1"), "msg_1")
    await comes(desk, an_event("customer.signed_up", id="msg_1"), "msg_1")
    assert len(await rows(desk.store, Enrolment)) == 1
    assert {row.state for row in await rows(desk.store, Inbox)} == {"done"}


@pytest.mark.parametrize("secret", ["whsec_", "----", " "])
async def test_a_secret_that_everybody_has_is_none(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal, secret: str
) -> None:
    """It is empty once it is decoded: the door is shut, and says so."""
    desk = a_desk(memory_store, clock, temporal, generic_secret=secret)
    body = json.dumps(an_event("customer.signed_up")).encode()
    async with visiting(desk) as client:
        headers = standard(body, desk.clock.real())
        answer = await client.post("/hooks/generic", content=body, headers=headers)
    assert answer.status_code == 503
    assert not await rows(desk.store, Inbox)


@pytest.mark.parametrize(
    ("path", "setting"),
    [
        ("surveymonkey", {"surveymonkey_secret": "&"}),
        ("surveymonkey", {"surveymonkey_secret": "client&"}),
        ("shopify", {"shopify_secret": " "}),
        ("stripe", {"stripe_secret": " "}),
        ("woocommerce", {"woocommerce_secret": " "}),
        ("zoom", {"zoom_secret": " "}),
        ("twilio/inbound", {"twilio_auth_token": " "}),
    ],
)
async def test_half_a_secret_is_none(
    memory_store: Store,
    clock: FakeClock,
    temporal: FakeTemporal,
    path: str,
    setting: dict[str, str],
) -> None:
    """As when the variables are empty that it was put together from."""
    desk = a_desk(memory_store, clock, temporal, **setting)
    async with visiting(desk) as client:
        assert (await client.post(f"/hooks/{path}", content=b"{}")).status_code == 503


async def test_a_report_of_thousands_is_looked_up_a_few_times(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """Anybody can write one: who else writes waits for none of it."""
    desk = mails.replying(memory_store, clock, temporal)
    block = b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
    failed = ("Content-Type: message/delivery-status", block * 20)
    heads = [
        ("Content-Type: text/rfc822-headers", f"Message-ID: <{number}@b.example>\r\n\r\n".encode())
        for number in range(200)
    ]
    mail = several(*[failed] * 100, *heads, kind="report", From="a@b.example")
    asked: list[str] = []
    sa.event.listen(
        memory_store.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: asked.append(statement),
    )
    async with visiting(desk) as client:
        assert (await posts(client, desk, raw(mail))).status_code == 200
    assert len([one for one in asked if "FROM message" in one]) <= 50


async def test_a_batch_of_thousands_is_kept_in_one_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else writes meanwhile: it asks for many at once; what is in it twice, is once."""
    who = {"type": "customer.updated", "customer": {"email": HERS}}
    batch = [{"id": f"evt_{number % 2000}"} | who for number in range(2001)]
    monkeypatch.setitem(SENDERS, "generic", Broken(None, *batch))
    row_id = await desk.keep(SENDERS["generic"], Delivery(b"[]", {}))
    asked: list[str] = []
    sa.event.listen(
        desk.store.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: asked.append(statement),
    )
    events = await desk.intake.deliveries.read(row_id)
    assert (len(events), len(set(events))) == (2001, 2000)
    assert len(asked) < 50
    assert len(await rows(desk.store, Inbox)) == 2001
