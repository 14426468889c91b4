"""The supervisor: starts, starts again, gives up in words, and leaves nobody behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from starter.up import supervisor
from starter.up.supervisor import GaveUpError, Program, Supervisor

WAIT = (
    "import pathlib, os, time; pathlib.Path({file!r}).write_text(str(os.getpid())); time.sleep(60)"
)
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "

PARENT = """
import asyncio, os, sys
from pathlib import Path
from starter.up.supervisor import Program, Supervisor

async def ready(pid):
    return Path({file!r}).exists()

async def main():
    command = (sys.executable, "-c", {wait!r})
    await Supervisor(print).start(Program("clock", command, Path({log!r}), os.environ, ready))
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(supervisor, "LONGEST_DELAY", 0.02)


def program(tmp_path: Path, code: str, ready: Callable[[int], Awaitable[bool]]) -> Program:
    command = (sys.executable, "-c", code)
    return Program("clock", command, tmp_path / "clock.log", dict(os.environ), ready)


def written(file: Path) -> Callable[[int], Awaitable[bool]]:
    async def ready(pid: int) -> bool:
        return file.exists() and file.read_text() == str(pid)

    return ready


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not true():  # noqa: ASYNC110 - of another process nobody tells us
            await asyncio.sleep(0.02)


async def test_one_that_dies_is_started_again(tmp_path: Path) -> None:
    """A program killed from outside comes back, and that is said."""
    file, said = tmp_path / "pid", list[str]()
    team = Supervisor(said.append)
    await team.start(program(tmp_path, WAIT.format(file=str(file)), written(file)))
    first = int(file.read_text())
    os.kill(first, signal.SIGKILL)
    await until(lambda: file.read_text() not in ("", str(first)))
    await team.stop()
    assert not alive(int(file.read_text()))
    assert [line.partition(";")[0] for line in said] == ["clock ended (killed by SIGKILL)"]


async def test_killed_by_us_it_stays_dead(tmp_path: Path) -> None:
    """Whoever presses Ctrl-C twice is not told that anything is started again."""
    file, said = tmp_path / "pid", list[str]()
    team = Supervisor(said.append)
    await team.start(program(tmp_path, WAIT.format(file=str(file)), written(file)))
    team.kill()
    await until(lambda: not alive(int(file.read_text())))
    await team.wait()
    await team.stop()
    assert said == []


async def test_one_that_keeps_dying_is_given_up_in_words(tmp_path: Path) -> None:
    """After a few quick deaths the message names the log and its last words."""
    team = Supervisor(lambda _: None)
    never = written(tmp_path / "never")
    with pytest.raises(GaveUpError) as fault:
        await team.start(program(tmp_path, "print('no such thing'); exit(3)", never))
    await team.stop()
    assert str(tmp_path / "clock.log") in str(fault.value)
    assert "no such thing" in str(fault.value)


async def test_the_deaf_are_killed_after_the_grace(tmp_path: Path) -> None:
    """A program that does not listen to SIGTERM is gone all the same."""
    file = tmp_path / "pid"
    team = Supervisor(lambda _: None, grace=0.1)
    await team.start(program(tmp_path, DEAF + WAIT.format(file=str(file)), written(file)))
    await team.stop()
    assert not alive(int(file.read_text()))


async def test_grandchildren_go_too(tmp_path: Path) -> None:
    """What a program began itself ends with it."""
    file = tmp_path / "pid"
    wait = WAIT.format(file=str(file))
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {wait!r}])"

    async def ready(_: int) -> bool:
        return file.exists() and file.read_text() != ""

    team = Supervisor(lambda _: None)
    await team.start(program(tmp_path, child, ready))
    grandchild = int(file.read_text())
    await team.stop()
    await until(lambda: not alive(grandchild))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_kill_9_of_the_supervisor_leaves_nobody(tmp_path: Path) -> None:
    """The kernel ends the programs of a supervisor that could not."""
    file = tmp_path / "pid"
    code = PARENT.format(
        wait=WAIT.format(file=str(file)), file=str(file), log=str(tmp_path / "log")
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 120
    while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    child = int(file.read_text())
    parent.kill()
    parent.wait()
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(child)
