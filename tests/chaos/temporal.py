"""A real Temporal server on a file, which may be killed and started again on the same port."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from pathlib import Path

from starter import health
from starter.up import parts
from starter.up.directory import Addresses, Directory


class DiedError(Exception):
    """It ended before it answered; the text is the end of its log."""


class TemporalServer:
    """As `aftercare up` runs it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._plan = parts.Up(Directory(directory), Addresses(*free_ports()))
        self._known = False  # its address, to others: from then on it stays
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return self._plan.addresses.temporal_target

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "TEMPORAL_ADDRESS": self.address}

    async def start(self) -> None:
        """Start it, and wait until it answers; the first time on other ports if these were taken
        meanwhile."""
        while True:
            try:
                await self._start()
            except DiedError:
                if self._known:
                    raise
                self._known = True
                self._plan = parts.Up(Directory(self.directory), Addresses(*free_ports()))
            else:
                self._known = True
                return

    async def _start(self) -> None:
        with (self.directory / "temporal.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
                parts._temporal(self._plan), stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(60):
                while not await health.answers(self.address):
                    if self._process.poll() is not None:
                        raise DiedError((self.directory / "temporal.log").read_text()[-500:])
                    await asyncio.sleep(0.1)
        except BaseException:
            self.kill()  # whoever waits for it in vain leaves none behind
            raise

    def kill(self) -> None:
        """As the power would: no good-bye."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The engineer's own tool, as from a shell."""
        return subprocess.run(
            [parts.temporal_program(), *words, "--address", self.address],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )


def free_ports() -> tuple[int, int, int]:
    """Three that nobody listens on."""
    with socket.socket() as one, socket.socket() as two, socket.socket() as three:
        for listener in (one, two, three):
            listener.bind(("127.0.0.1", 0))
        first, second, third = (s.getsockname()[1] for s in (one, two, three))
        return int(first), int(second), int(third)
