"""One Temporal server and one worker at a time, each in processes of its own, and their CPU."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.effects import Effects
from starter import health
from starter.up import parts
from starter.up.directory import Addresses, Directory

ROOT = Path(__file__).parents[1]
LOG = "programs.log"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Start:
    """How long a worker took to be there, in seconds since it was begun."""

    interpreter: float
    loaded: float
    working: float


class Machine:
    """The server as `aftercare up` runs it, and the worker that is measured."""

    def __init__(self, directory: Path, effects: Effects) -> None:
        self.directory, self.effects = directory, effects
        self._plan = parts.Up(Directory(directory), Addresses(*free_ports()))
        self._server: subprocess.Popen[bytes] | None = None
        self._worker: subprocess.Popen[bytes] | None = None
        self.began = 0.0  # when the worker was

    @property
    def address(self) -> str:
        return self._plan.addresses.temporal_target

    async def start(self) -> None:
        self._server = self.begin(*parts._temporal(self._plan))  # noqa: SLF001 - the very same
        async with asyncio.timeout(60):
            while not await health.answers(self.address):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)

    def begin_worker(self, kind: str) -> None:
        self.effects.lives.clear()
        self.began = time.monotonic()
        self._worker = self.begin(sys.executable, "-m", "bench.workers", kind)

    async def worker_started(self) -> Start:
        try:
            await self.effects.life("working")
        except TimeoutError:
            said = (self.directory / LOG).read_text()[-2000:]
            raise RuntimeError(f"the worker does not start:\n{said}") from None
        lives = self.effects.lives
        return Start(*(lives[it] - self.began for it in ("begun", "loaded", "working")))

    async def start_worker(self, kind: str) -> Start:
        self.begin_worker(kind)
        return await self.worker_started()

    async def stop_worker(self) -> None:
        """As a deploy does it."""
        if self._worker:
            self._worker.terminate()
            await asyncio.to_thread(self._worker.wait)
            self._worker = None

    def kill_worker(self) -> None:
        """As the power would."""
        if self._worker:
            self._worker.kill()
            self._worker.wait()
            self._worker = None

    def stop(self) -> None:
        self.kill_worker()
        self.stop_server()

    def stop_server(self) -> None:
        """As the power would; `start` has it go on where it was."""
        if self._server:
            self._server.kill()
            self._server.wait()
            self._server = None

    def cpu(self) -> tuple[float, float]:
        """Milliseconds that server and worker have used so far, with their children."""
        server, worker = (_used(one.pid) if one else 0.0 for one in (self._server, self._worker))
        return server, worker

    def cpu_of(self, pid: int) -> float:
        """Milliseconds that another program of ours has used so far."""
        return _used(pid)

    def begin(self, *command: str, **more: str) -> subprocess.Popen[bytes]:
        kept = {name: word for name, word in os.environ.items() if not name.startswith("TEMPORAL_")}
        environment = kept | {
            "AFTERCARE_DATA": str(self.directory),
            "AFTERCARE_SECRET_KEY": "bench",
            "BENCH_PORT": str(self.effects.port),
            "TEMPORAL_ADDRESS": self.address,
            "TEMPORAL_CONFIG_FILE": os.devnull,
            **more,
        }
        with (self.directory / LOG).open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)  # noqa: S603 - ours


def _used(root: int) -> float:
    """CPU milliseconds of a process and all that came of it, living or waited for."""
    parents: dict[int, int] = {}
    spent: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:  # it is gone
            continue
        pid = int(path.parent.name)
        parents[pid] = int(words[1])
        spent[pid] = sum(int(word) for word in words[11:15])
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(spent.get(pid, 0) for pid in family) * 1000 / TICKS


def free_ports() -> tuple[int, int, int]:
    """Three that nobody listens on."""
    with socket.socket() as one, socket.socket() as two, socket.socket() as three:
        for listener in (one, two, three):
            listener.bind(("127.0.0.1", 0))
        first, second, third = (s.getsockname()[1] for s in (one, two, three))
        return int(first), int(second), int(third)
