"""Keys, recipients and words stay out of the log, however much of it is asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from io import StringIO

import pytest

from activities.channels import UnknownOutcomeError
from activities.fakes.faults import Fault
from activities.fakes.sendgrid import FakeSendGrid
from activities.fakes.smtp import FakeSmtp
from activities.fakes.twilio import FakeTwilio
from activities.logs import configure
from tests.channels.posts import PROVIDERS, Fake, post, waited_for
from tests.factories import NOON

SECRETS = ("SG.canary", "canarytoken", "canarypassword", "ada@", "447700900")
WORDS = ("Hello Ada", "Welcome", "r+0123", "abc.def", "Y2FuYXJ5")  # the last: base64 of `canary`


@pytest.fixture
def log() -> Iterator[StringIO]:
    """Everything that the root logger lets through at DEBUG."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure("DEBUG")
    written = StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    yield written
    root.handlers[:] = before
    root.setLevel(level)


def fake_of(provider: str) -> tuple[Fake, dict[str, str]]:
    match provider:
        case "sendgrid":
            return FakeSendGrid("SG.canary"), {"api_key": "SG.canary"}
        case "twilio":
            return FakeTwilio(auth_token="canarytoken"), {"auth_token": "canarytoken"}
    return FakeSmtp(login=("canary", "canarypassword")), {}


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_no_secret_stands_in_a_log_line(provider: str, log: StringIO) -> None:
    """Nor in an error's text: what goes well, what fails, and what is looked up."""
    fake, fields = fake_of(provider)
    texts = []
    async with post(provider, fake=fake, **fields) as ours:
        assert await ours.send() == "accepted"
        for fault in (Fault.ERROR_AFTER, Fault.RESET_BEFORE, Fault.HANG_AFTER, Fault.UNAUTHORISED):
            ours.fake.script.next.append(fault)
            try:
                sending, hung = ours.channel.send(ours.parcel), fault is Fault.HANG_AFTER
                known = len(fake.accepted)
                more = partial(lambda known: len(fake.accepted) > known, known)
                texts.append(repr(await (waited_for(sending, more) if hung else sending)))
            except UnknownOutcomeError as error:
                texts.append(f"{error!r} {error.__cause__!r}")
        if provider != "smtp":
            fake.look_ups.always = Fault.ERROR_BEFORE  # type: ignore[union-attr]
            with pytest.raises(UnknownOutcomeError) as caught:
                await ours.channel.look_up(ours.parcel, NOON)
            texts.append(repr(caught.value))
    said = log.getvalue() + " ".join(texts)
    assert [secret for secret in (*SECRETS, *WORDS) if secret in said] == []
