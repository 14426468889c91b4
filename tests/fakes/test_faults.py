"""Every fault of the HTTP fakes: what arrives on the wire, and whether the message was taken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from activities.fakes import wire
from activities.fakes.faults import Fault, Script
from activities.fakes.sendgrid import FakeSendGrid
from activities.fakes.twilio import FakeTwilio
from tests.fakes.wires import Asked, Said, listed, log, mail, sms

Fake = FakeSendGrid | FakeTwilio
FAKES: dict[str, tuple[Callable[[], Fake], Asked]] = {
    "sendgrid": (FakeSendGrid, mail()),
    "twilio": (FakeTwilio, sms()),
}
STATUS = {
    Fault.RATE_LIMITED: 429,
    Fault.ERROR_BEFORE: 500,
    Fault.ERROR_AFTER: 500,
    Fault.HTML: 200,
    Fault.REDIRECT: 307,
    Fault.UNAUTHORISED: 401,
    Fault.UNAVAILABLE: 503,
}
NONSENSE = (Fault.HALF_JSON, Fault.EMPTY, Fault.WRONG_TYPE, Fault.HUGE)
SILENT = {
    Fault.HANG_BEFORE: TimeoutError,
    Fault.HANG_AFTER: TimeoutError,
    Fault.DRIP: TimeoutError,
    Fault.RESET_BEFORE: ConnectionResetError,
    Fault.RESET_AFTER: ConnectionResetError,
}
each_provider = pytest.mark.parametrize("provider", FAKES)


async def ask(asked: Asked, base: str, patience: float = 10) -> Said:
    return await asyncio.to_thread(asked.to, base, patience)


@each_provider
@pytest.mark.parametrize("fault", STATUS)
async def test_an_answer_of_its_own(provider: str, fault: Fault) -> None:
    """A status that is not the one, in the provider's own shape; afterwards all is well."""
    make, asked = FAKES[provider]
    fake = make()
    async with fake.serving() as base:
        fake.script.next.append(fault)
        said = await ask(asked, base)
        assert (said.status, len(fake.accepted), fake.requests) == (STATUS[fault], fault.taken, 1)
        if fault is Fault.RATE_LIMITED:
            assert said.headers["Retry-After"] == "2"
        if fault is Fault.REDIRECT:
            assert said.headers["Location"] == asked.path
        elif fault is Fault.HTML:
            assert said.headers.get_content_type() == "text/html"
        else:
            assert "code" in said.json or "errors" in said.json
        assert (await ask(asked, base)).status in (201, 202)


@each_provider
@pytest.mark.parametrize("fault", NONSENSE)
async def test_an_answer_that_says_nothing(provider: str, fault: Fault) -> None:
    """The status is as it should be, the message is taken, and its id is nowhere to be read."""
    make, asked = FAKES[provider]
    fake = make()
    async with fake.serving() as base:
        fake.script.always = fault
        said = await ask(asked, base)
        assert said.status in (201, 202)
        (taken,) = fake.accepted
        assert "X-Message-Id" not in said.headers
        if fault is Fault.WRONG_TYPE:
            assert isinstance(said.json, list)
        elif fault is Fault.HUGE:
            assert len(said.body) > wire.HUGE
        else:
            with pytest.raises(json.JSONDecodeError):
                _ = said.json
        assert fault is Fault.HALF_JSON or taken.id.encode() not in said.body


@each_provider
@pytest.mark.parametrize("fault", SILENT)
async def test_no_answer(provider: str, fault: Fault) -> None:
    """Silence, a byte a second, or a broken line; whoever gives up leaves nobody behind."""
    make, asked = FAKES[provider]
    fake = make()
    async with fake.serving() as base:
        fake.script.next.append(fault)
        with pytest.raises(SILENT[fault]):
            await ask(asked, base, patience=0.3)
        async with asyncio.timeout(20):
            while not fake.requests or len(fake.accepted) < fault.taken:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert (len(fake.accepted), fake.requests) == (fault.taken, 1)


async def test_a_drip_is_an_answer_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte, whole: only patience is missing."""
    monkeypatch.setattr(wire, "DRIP", 0.001)
    fake = FakeTwilio()
    async with fake.serving() as base:
        fake.script.next.append(Fault.DRIP)
        said = await ask(sms(), base)
        assert (said.status, said.json["sid"]) == (201, fake.accepted[0].id)


async def test_look_ups_have_a_script_of_their_own() -> None:
    """Trouble with sending is none with asking, and the other way round."""
    fake = FakeTwilio()
    async with fake.serving() as base:
        fake.script.always = Fault.UNAVAILABLE
        assert (await ask(listed(), base)).status == 200
        fake.script.always = None
        fake.look_ups.always = Fault.UNAVAILABLE
        assert (await ask(listed(), base)).status == 503
        assert (await ask(sms(), base)).status == 201
        fake.look_ups.always = Fault.HALF_JSON
        with pytest.raises(json.JSONDecodeError):
            _ = (await ask(listed(), base)).json
        assert (fake.requests, fake.looked_up) == (1, 3)


async def test_a_slow_provider_takes_what_nobody_waits_for() -> None:
    """Whoever is killed while waiting was heard all the same."""
    fake = FakeSendGrid()
    fake.script = Script(accepting=0.4)
    async with fake.serving() as base, asyncio.timeout(20):
        for _ in range(5):
            with contextlib.suppress(TimeoutError):
                await ask(mail(), base, patience=0.05)
        while not 0 < len(fake.accepted) == fake.requests:  # noqa: ASYNC110 - a fake tells nobody
            await asyncio.sleep(0.02)


def test_a_script_is_a_queue_then_always_then_odds() -> None:
    """The same seed draws the same faults."""
    script = Script(odds={Fault.DRIP: 0.2, Fault.HUGE: 0.3}, seed=5)
    drawn = [script.draw() for _ in range(1000)]
    again = Script(odds=dict(script.odds), seed=5)
    assert drawn == [again.draw() for _ in range(1000)]
    assert 150 < drawn.count(Fault.DRIP) < 250
    assert 450 < drawn.count(None) < 550
    script.always = Fault.EMPTY
    script.next.extend((Fault.HTML, Fault.HUGE))
    assert [script.draw() for _ in range(3)] == [Fault.HTML, Fault.HUGE, Fault.EMPTY]


async def test_retry_after_is_the_scripts() -> None:
    """Both ways in which SendGrid says when again."""
    fake = FakeSendGrid()
    fake.script = Script(always=Fault.RATE_LIMITED, retry_after=timedelta(seconds=30))
    async with fake.serving() as base:
        before = int(time.time())
        said = await ask(mail(), base)
        assert said.headers["Retry-After"] == "30"
        assert int(said.headers["X-RateLimit-Reset"]) >= before + 30
        assert (await ask(log("x"), base)).status == 404
