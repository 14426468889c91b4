"""All providers, and the house's systems, in one process: `python -m activities.fakes --data DIR`.

The script is JSON, by provider, and read again whenever it changes:
`{"sendgrid": {"always": "unavailable"}, "twilio": {"odds": {"error_after": 0.1}, "seed": 7}}`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from activities.fakes.faults import Script
from activities.fakes.sendgrid import FakeSendGrid
from activities.fakes.smtp import FakeSmtp
from activities.fakes.systems import FakeSystems
from activities.fakes.twilio import FakeTwilio

LOOK = 0.5  # seconds between two looks at the script
SCRIPTS = TypeAdapter(dict[str, Script])
Fake = FakeSendGrid | FakeTwilio | FakeSmtp | FakeSystems


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m activities.fakes", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="keeps what they accepted")
    for name in ("sendgrid", "twilio", "smtp", "systems"):
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0: a free one")
    parser.add_argument("--lag", type=float, default=0, help="seconds until a look-up finds it")
    parser.add_argument("--tell", default="", help="whose /hooks/… hear what became of messages")
    parser.add_argument("--script", type=Path, help="default: DIR/script.json, if it is there")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(said: argparse.Namespace) -> None:
    lag, keep = timedelta(seconds=said.lag), said.data
    fakes: list[Fake] = [
        FakeSendGrid(lag=lag, keep=keep, tells=_door(said.tell, "sendgrid/events")),
        FakeTwilio(lag=lag, keep=keep, tells=_door(said.tell, "twilio/status")),
        FakeSmtp(keep=keep),
        FakeSystems(lag=lag, keep=keep),
    ]
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        for fake in fakes:
            url = await stack.enter_async_context(fake.serving(getattr(said, f"{fake.name}_port")))
            _say(f"{fake.name} {url}")
        follower = asyncio.create_task(_follow(said.script or keep / "script.json", fakes))
        await stopped.wait()
        follower.cancel()


def _door(public_url: str, path: str) -> str:
    return f"{public_url.rstrip('/')}/hooks/{path}" if public_url else ""


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
        scripts = SCRIPTS.validate_json(content or b"{}")
    except ValidationError as fault:
        _say(f"the script cannot be read: {fault}")
        return
    for fake in fakes:
        fake.script = scripts.get(fake.name) or Script()
    _say("the script is read")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
