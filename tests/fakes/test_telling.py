"""What the fakes tell of messages: signed as our doors want it, in any order, until it is heard."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from activities.fakes.sendgrid import FakeSendGrid
from activities.fakes.sendgrid_events import PUBLIC_KEY
from activities.fakes.telling import Manner
from activities.fakes.twilio import FakeTwilio
from activities.settings import Settings
from starter.senders import Delivery, Sender
from starter.senders.sendgrid_events import SendGridEvents
from starter.senders.twilio_status import TwilioStatus
from tests.fakes.wires import AS_FORM, AS_JSON, BASIC, BEARER, MAIL, MESSAGES, SMS

PLAIN = Manner(after=0.0)
MIXED = Manner(after=0.0, doubled=2, mixed=True, seed=3)


class Door:
    """Ours, as far as the proof; so many times it is shut before."""

    def __init__(self, sender: Sender, shut: int = 0) -> None:
        self.sender, self.shut, self.url = sender, shut, ""
        self.taken: list[bytes] = []
        self.forged = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/hooks/{path:.*}", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = "http://{}:{}".format(*runner.addresses[0][:2])
            yield f"{self.url}/hooks/{self.sender.path}"
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        if self.shut:
            self.shut -= 1
            return web.Response(status=503)
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery = Delivery(await request.read(), headers, request.query_string)
        known = {"public_url": self.url, "sendgrid_webhook_public_key": PUBLIC_KEY}
        settings = Settings(_env_file=None).model_copy(
            update=known | {"twilio_auth_token": SecretStr("fake")}
        )
        if self.sender.is_genuine(delivery, settings, datetime.now(UTC)):
            self.taken.append(delivery.body)
        else:
            self.forged += 1
        return web.Response(status=204)


async def told(fake: Any, path: str, body: bytes, headers: dict[str, str]) -> None:
    """Hand one message over, and wait until all is told of it."""
    async with fake.serving() as url, aiohttp.ClientSession() as session:
        async with session.post(url + path, data=body, headers=headers) as answer:
            assert answer.status in (201, 202)
        await fake.telling.silence()


@pytest.mark.parametrize("manner", [PLAIN, MIXED])
@pytest.mark.parametrize(
    ("who", "what"),
    [
        ("ada", ["processed", "delivered", "open"]),
        ("bounced", ["processed", "bounce"]),
        ("blocked", ["processed", "bounce"]),
        ("spam", ["processed", "delivered", "open", "spamreport"]),
    ],
)
async def test_sendgrid_tells_what_became_of_a_mail(
    who: str, what: list[str], manner: Manner
) -> None:
    """Each event with our custom args in it and under an id of its own."""
    mail = json.loads(json.dumps(MAIL))
    mail["personalizations"][0]["to"][0]["email"] = f"{who}@example.com"
    door = Door(SendGridEvents())
    async with door.open() as url:
        fake = FakeSendGrid(tells=url, manner=manner)
        body = json.dumps(mail).encode()
        await told(fake, "/v3/mail/send", body, BEARER | {"Content-Type": AS_JSON})
    events = [event for body in door.taken for event in json.loads(body)]
    assert {one["key"] for one in events} == {"k-1"}
    assert door.forged == 0
    assert sorted(one["event"] for one in events) == sorted(what * manner.doubled)
    assert ([one["event"] for one in events] == what) is (manner is PLAIN)


@pytest.mark.parametrize(
    ("number", "last"),
    [
        ("+447700900123", ("delivered", None)),
        ("+15005550015", ("undelivered", "30005")),
        ("+15005550016", ("undelivered", "30003")),
    ],
)
async def test_twilio_tells_what_became_of_an_sms(
    number: str, last: tuple[str, str | None]
) -> None:
    """At the address that came with it, which is signed as well."""
    door = Door(TwilioStatus())
    async with door.open() as url:
        fake = FakeTwilio(tells="http://127.0.0.1:9/nobody", manner=PLAIN)
        form = SMS | {"To": number, "StatusCallback": f"{url}?t=msg_1#rc=5&rp=all"}
        path, body = f"{MESSAGES}.json", urlencode(form).encode()
        await told(fake, path, body, BASIC | {"Content-Type": AS_FORM})
    said = [parse_qs(body.decode()) for body in door.taken]
    assert door.forged == 0
    assert [one["MessageStatus"][0] for one in said] == ["sent", last[0]]
    assert said[1].get("ErrorCode", [None])[0] == last[1]


async def test_what_is_not_heard_is_told_again() -> None:
    """A door that is shut for now hears it later, each once."""
    door = Door(SendGridEvents(), shut=1)
    async with door.open() as url:
        fake = FakeSendGrid(tells=url, manner=PLAIN)
        body = json.dumps(MAIL).encode()
        await told(fake, "/v3/mail/send", body, BEARER | {"Content-Type": AS_JSON})
    assert (len(door.taken), fake.telling and fake.telling.heard) == (3, 3)
