"""All providers, systems and shops in one process: `python -m activities.fakes --data DIR`.

With `--tell URL` they post what happens, signed, to the doors of the web application there. The
script is JSON, by provider, and read again whenever it changes:
`{"sendgrid": {"always": "unavailable"}, "twilio": {"odds": {"error_after": 0.1}, "seed": 7}}`;
of the shops `{"shops": {"doubled": 0.5, "late": 72}}`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from activities.fakes.faults import Script
from activities.fakes.salesforce import FakeSalesforce
from activities.fakes.sendgrid import FakeSendGrid
from activities.fakes.shops import SHOPS, FakeShops, Mischief
from activities.fakes.smtp import FakeSmtp
from activities.fakes.surveymonkey import FakeSurveyMonkey
from activities.fakes.systems import FakeSystems
from activities.fakes.twilio import FakeTwilio
from activities.fakes.zoom import FakeZoom

LOOK = 0.5  # seconds between two looks at the script
NAMES = ("sendgrid", "twilio", "smtp", "systems", "salesforce", "zoom", "surveymonkey", "shops")
PROVIDERS = FakeSendGrid | FakeTwilio | FakeSmtp | FakeSystems
Fake = PROVIDERS | FakeSalesforce | FakeZoom | FakeSurveyMonkey | FakeShops


class Scripts(BaseModel):
    """What goes wrong, by provider."""

    model_config = ConfigDict(extra="forbid")

    sendgrid: Script = Field(default_factory=Script)
    twilio: Script = Field(default_factory=Script)
    smtp: Script = Field(default_factory=Script)
    systems: Script = Field(default_factory=Script)
    salesforce: Script = Field(default_factory=Script)
    zoom: Script = Field(default_factory=Script)
    surveymonkey: Script = Field(default_factory=Script)
    shops: Mischief = Field(default_factory=Mischief)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m activities.fakes", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="keeps what they accepted")
    for name in NAMES:
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0: a free one")
    parser.add_argument("--lag", type=float, default=0, help="seconds until a look-up finds it")
    parser.add_argument("--tell", default="", help="the web application whose /hooks/… hear of it")
    parser.add_argument("--script", type=Path, help="default: DIR/script.json, if it is there")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(said: argparse.Namespace) -> None:
    fakes = _all(timedelta(seconds=said.lag), said.data, said.tell.rstrip("/"))
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        for fake in fakes:
            url = await stack.enter_async_context(fake.serving(getattr(said, f"{fake.name}_port")))
            _say(f"{fake.name} {url}")
        follower = asyncio.create_task(_follow(said.script or said.data / "script.json", fakes))
        await stopped.wait()
        follower.cancel()


def _all(lag: timedelta, keep: Path, tell: str) -> list[Fake]:
    """Each with the address of its own door, where anybody is to be told."""

    def door(path: str) -> str:
        return f"{tell}/hooks/{path}" if tell else ""

    secrets = {shop: f"{shop}-fake" for shop in SHOPS}
    return [
        FakeSendGrid(lag=lag, keep=keep, tells=door("sendgrid/events")),
        FakeTwilio(lag=lag, keep=keep, tells=door("twilio/status")),
        FakeSmtp(keep=keep),
        FakeSystems(lag=lag, keep=keep),
        FakeSalesforce(lag=lag, keep=keep),
        FakeZoom(lag=lag, keep=keep, webhook=door("zoom")),
        FakeSurveyMonkey(lag=lag, keep=keep, webhook=door("surveymonkey")),
        FakeShops(f"{tell}/hooks", secrets),
    ]


async def _follow(file: Path, fakes: list[Fake]) -> None:
    """The script as it stands, for as long as they run."""
    before = b""
    while True:
        content = _content(file)
        if content != before:
            before = content
            _apply(content, fakes)
        await asyncio.sleep(LOOK)


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _apply(content: bytes, fakes: list[Fake]) -> None:
    try:
        scripts = Scripts.model_validate_json(content or b"{}")
    except ValidationError as fault:
        _say(f"the script cannot be read: {fault}")
        return
    for fake in fakes:
        fake.script = getattr(scripts, fake.name)
    _say("the script is read")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
