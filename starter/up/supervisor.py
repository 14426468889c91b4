"""Keeps programs running: each in a process group of its own, none outliving who began it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

HEALTHY = 30.0  # seconds after which a death is a new story
QUICK_DEATHS = 5
FIRST_DELAY, LONGEST_DELAY = 0.5, 8.0
START_WITHIN = 90.0
GRACE = 12.0
LOG_LIMIT = 10_000_000  # bytes, after which a log begins anew and the old one is kept beside it


class GaveUpError(Exception):
    """A program that does not stay up, or does not come up; the message says which log to read."""


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str, ...]
    log: Path
    env: Mapping[str, str]
    ready: Callable[[int], Awaitable[bool]]  # given its process id


class Supervisor:
    """Starts programs, starts again the one that dies, and ends them all."""

    def __init__(self, say: Callable[[str], None], grace: float = GRACE) -> None:
        self._say = say
        self._grace = grace
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._killed = False

    async def start(self, program: Program) -> None:
        """Start it, and return when it is ready."""
        keeper = asyncio.create_task(self._keep(program), name=program.name)
        self._keepers[program.name] = keeper
        deadline = time.monotonic() + START_WITHIN
        while not await self._ready(program):
            for ended in [keeper for keeper in self._keepers.values() if keeper.done()]:
                await ended
            if time.monotonic() > deadline:
                raise GaveUpError(_farewell(program, f"was not ready after {START_WITHIN:.0f} s"))
            await asyncio.sleep(0.1)

    async def wait(self) -> None:
        """Until one of them cannot be kept up: then this raises."""
        done, _ = await asyncio.wait(self._keepers.values(), return_when=asyncio.FIRST_COMPLETED)
        for keeper in done:
            await keeper

    async def stop(self, *names: str) -> None:
        """End these, or all: asked politely first, killed after the grace."""
        chosen = names or tuple(self._keepers)
        keepers = [self._keepers.pop(name) for name in chosen if name in self._keepers]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await asyncio.gather(*(self._end(name) for name in chosen))

    def kill(self) -> None:
        """End all of them now, and for good."""
        self._killed = True
        for process in self._running.values():
            _signal_group(process.pid, signal.SIGKILL)

    async def _ready(self, program: Program) -> bool:
        process = self._running.get(program.name)
        return process is not None and await program.ready(process.pid)

    async def _keep(self, program: Program) -> None:
        deaths = 0
        while True:
            began = time.monotonic()
            process = await self._spawn(program)
            code = await process.wait()
            self._running.pop(program.name, None)
            if self._killed:
                return
            _signal_group(process.pid, signal.SIGKILL)  # whatever it had begun itself
            deaths = deaths + 1 if time.monotonic() - began < HEALTHY else 1
            if deaths >= QUICK_DEATHS:
                raise GaveUpError(_farewell(program, f"ended {deaths} times in a row"))
            delay = min(FIRST_DELAY * 2 ** (deaths - 1), LONGEST_DELAY)
            self._say(
                f"{program.name} ended ({_how(code)}); it is started again in {delay:g} s. "
                f"Log: {program.log}"
            )
            await asyncio.sleep(delay)

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        spawning = asyncio.create_task(_spawn(program))
        try:
            return await asyncio.shield(spawning)
        finally:  # also when cancelled meanwhile: what was started is known, so that it is ended
            self._running[program.name] = await spawning

    async def _end(self, name: str) -> None:
        process = self._running.pop(name, None)
        if process is None or process.returncode is not None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), self._grace)
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()


async def _spawn(program: Program) -> asyncio.subprocess.Process:
    log = program.log
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(
            *program.command,
            env=dict(program.env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C is for us; we end them in order
            preexec_fn=_die_with(os.getpid()),
        )


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with(parent: int) -> Callable[[], None]:
    """On Linux a child is killed with its parent, even if that dies by kill -9."""

    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
            if os.getppid() != parent:  # it died before we could ask
                os._exit(1)

    return prepare


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _farewell(program: Program, what: str) -> str:
    words = "".join(f"\n    {line}" for line in last_words(program.log))
    return f"{program.name} {what}. Read its log: {program.log}{words}"


def last_words(log: Path, lines: int = 5) -> list[str]:
    """The end of a log."""
    if not log.exists():
        return []
    with log.open(errors="replace") as text:
        return [line.rstrip()[:300] for line in deque(text, maxlen=lines)]
