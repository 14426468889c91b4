"""The three providers on this machine, each with our channel to it, and a message to send."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from activities.channels import Accepted, Channel, Parcel, Rejected, UnknownOutcomeError
from activities.channels.sendgrid import SendGridChannel
from activities.channels.smtp import Server, SmtpChannel
from activities.channels.twilio import TwilioChannel
from activities.clock import SystemClock
from activities.fakes.sendgrid import FakeSendGrid
from activities.fakes.smtp import FakeSmtp
from activities.fakes.twilio import FakeTwilio

SENDER = "hello@shop.example.com"
KEY = "online-customer.cus_1/welcome"
MAIL = Parcel(
    key=KEY,
    to="ada@example.com",
    subject="Welcome, Ada",
    text="Hello Ada,\n.and welcome – from all of us",
    html="<p>Hello Ada</p>",
    sender="communications-officer",
    reference="msg_0123456789abcdef0123",
    from_name="Shop, Ltd",
    reply_to="r+0123@reply.example.com",
    unsubscribe="https://shop.example.com/u/abc.def",
)
LEAVE = f"<{MAIL.unsubscribe}>, <mailto:{MAIL.reply_to}?subject=unsubscribe>"
SMS = replace(MAIL, to="+447700900123", subject="", html=None, reply_to="", unsubscribe="")
TIMES = {"deadline": timedelta(minutes=1), "quarantine": timedelta()}
DEADLINE = TIMES["deadline"].total_seconds()
PROVIDERS = ("sendgrid", "twilio", "smtp")
Fake = FakeSendGrid | FakeTwilio | FakeSmtp
T = TypeVar("T")


@dataclass
class Post:
    """A channel, what it sends, and the provider at its other end."""

    channel: Channel
    parcel: Parcel
    fake: Fake

    async def send(self, **fields: Any) -> str:
        return await said(self.channel, replace(self.parcel, **fields))


def sendgrid(base: str, **fields: Any) -> SendGridChannel:
    known = {"api_key": "SG.fake", "base": base, "from_email": SENDER}
    return SendGridChannel(SystemClock(), **known | TIMES | fields)


def twilio(base: str, **fields: Any) -> TwilioChannel:
    known = {"account_sid": "AC" + "0" * 32, "auth_token": "fake", "from_number": "+15005550006"}
    return TwilioChannel(SystemClock(), base=base, **known | TIMES | fields)


def smtp(url: str, **fields: Any) -> SmtpChannel:
    return SmtpChannel(
        SystemClock(), server=Server.of(url), **{"from_email": SENDER} | TIMES | fields
    )


CHANNELS: dict[str, Callable[..., Channel]] = {"sendgrid": sendgrid, "twilio": twilio, "smtp": smtp}
FAKES = {"sendgrid": FakeSendGrid, "twilio": FakeTwilio, "smtp": FakeSmtp}


@asynccontextmanager
async def post(provider: str, *, fake: Fake | None = None, **fields: Any) -> AsyncIterator[Post]:
    """The provider, running, and our channel to it."""
    running = fake or FAKES[provider]()
    async with running.serving() as url:
        channel = CHANNELS[provider](url, **fields)
        yield Post(channel, SMS if provider == "twilio" else MAIL, running)
        await channel.close()


async def said(channel: Channel, parcel: Parcel) -> str:
    """What came of it, in a word or two."""
    try:
        outcome = await channel.send(parcel)
    except UnknownOutcomeError:
        return "unknown"
    match outcome:
        case Accepted():
            return "accepted"
        case Rejected(reason=reason, because=because):
            return f"{because} {reason}"


async def found(ours: Post, parcel: Parcel, since: datetime) -> tuple[str, ...]:
    """What a provider that can look things up has of it."""
    ids = await ours.channel.look_up(parcel, since)
    assert ids is not None
    return ids


def leap(seconds: float) -> None:
    """Set the event loop's clock forward: whoever is to wait so long has waited."""
    loop = asyncio.get_running_loop()
    ahead = loop.time() + seconds - time.monotonic()
    loop.time = lambda: time.monotonic() + ahead  # type: ignore[method-assign]


async def waited_for(doing: Awaitable[T], begun: Callable[[], Any], span: float = DEADLINE) -> T:
    """What comes of it once it has begun, and so long has passed without an answer."""
    task = asyncio.ensure_future(doing)
    while not begun():  # noqa: ASYNC110 - a fake tells nobody
        await asyncio.sleep(0.01)
    leap(span)
    return await task


async def left_open() -> tuple[int, int]:
    """The tasks and the sockets of this process."""
    await asyncio.sleep(0)
    return len(asyncio.all_tasks()), _sockets()


async def closes(before: tuple[int, int]) -> bool:
    """Whether no more is open than before; a fake may take a breath to see that we have gone."""
    for _ in range(300):
        now = await left_open()
        if now[0] <= before[0] and now[1] <= before[1]:
            return True
        await asyncio.sleep(0.01)
    return False


def _sockets() -> int:
    found = 0
    for one in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):  # the one that lists them
            found += str(one.readlink()).startswith("socket:")
    return found
