"""`aftercare up` for real: Temporal, worker and web as programs, on a directory of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from starter.up.directory import Addresses, Directory, DirectoryError
from starter.up.parts import Up, prepare

ROOT = Path(__file__).parents[2]
PATIENCE = 240
READY = "Ctrl-C stops all of it."
ADA = {"id": "C-1", "email": "ada@example.com", "name": "Ada Byron"}


def free_ports() -> tuple[int, int, int]:
    """Three that nobody had a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports[0], ports[1], ports[2]


def until(true: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.1)
    raise AssertionError(f"never: {what}")


class House:
    """A data directory, its ports, and what runs on it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.web, self.temporal, self.ui = free_ports()
        self.out = data.with_suffix(".out")

    def words(self, *more: str) -> list[str]:
        ports = (
            "--port",
            self.web,
            "--temporal-port",
            self.temporal,
            "--temporal-ui-port",
            self.ui,
        )
        up = (sys.executable, "-m", "starter.cli", "up", "--data", self.data, *ports, *more)
        return [str(word) for word in up]

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            n: v for n, v in os.environ.items() if not n.startswith(("AFTERCARE_", "TEMPORAL_"))
        }
        return {**kept, "TEMPORAL_ADDRESS": "127.0.0.1:1"}  # `up` must not mind

    @contextmanager
    def up(self, *more: str) -> Iterator[subprocess.Popen[bytes]]:
        """Up and greeted; whatever the test leaves is killed."""
        with self.out.open("wb") as out:
            process = subprocess.Popen(
                self.words(*more), cwd=ROOT, env=self.environment, stdout=out, stderr=out
            )
        try:
            until(lambda: READY in self.said() or process.poll() is not None, "up")
            assert process.poll() is None, self.said()
            yield process
        finally:
            process.kill()
            process.wait()

    def said(self) -> str:
        return self.out.read_text()

    def refused(self, *more: str) -> str:
        """What a second one says that cannot come up."""
        done = subprocess.run(
            self.words(*more),
            check=False,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            timeout=180,
        )
        assert done.returncode == 1
        assert b"Traceback" not in done.stderr
        return done.stderr.decode()

    def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        key = (self.data / "api-key").read_text().strip()
        url = f"http://127.0.0.1:{self.web}{path}"
        return httpx2.request(
            method, url, headers={"Authorization": f"Bearer {key}"}, timeout=120, **more
        )

    def pids(self, word: str = "") -> list[int]:
        """Who runs with our directory in their environment or command."""
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and _is_ours(entry, str(self.data), word)
        ]


def _is_ours(entry: Path, data: str, word: str) -> bool:
    try:
        command = (entry / "cmdline").read_bytes().decode(errors="replace")
        environment = (entry / "environ").read_bytes().decode(errors="replace")
        dead = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
    return not dead and data in command + environment and word in command


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")


@linux
def test_up_serves_mends_itself_stops_and_goes_on(house: House) -> None:
    """A follow-up by HTTP; the worker killed and back; Ctrl-C ends all; again, it goes on."""
    with house.up() as process:
        assert (house.data / "api-key").stat().st_mode & 0o777 == 0o600
        begun = house.call(
            "POST", "/v1/follow-ups", json={"sop": "online-customer", "customer": ADA}
        )
        assert begun.status_code == 201
        until(lambda: _sent(house) == ["welcome"], "the welcome")

        (killed,) = house.pids("worker.py")
        os.kill(killed, signal.SIGKILL)
        until(lambda: house.pids("worker.py") not in ([], [killed]), "another worker")
        assert "worker ended (killed by SIGKILL)" in house.said()
        event = {
            "id": "e1",
            "type": "customer.signed_up",
            "customer": {**ADA, "id": "C-2", "email": "g@example.com"},
        }
        assert house.call("POST", "/v1/events", json=event).is_success  # told now, or in a moment
        until(lambda: _sent(house) == ["welcome", "welcome"], "a welcome by the new worker")

        assert "already runs" in house.refused()
        refused = _other(house).refused()
        assert all(option in refused for option in (" --port ", "--temporal-port", "-ui-port"))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0
        until(lambda: house.pids() == [], "nobody left")

    with house.up() as process:
        state = house.call("GET", "/v1/follow-ups/online-customer.C-1").json()["state"]
        assert state == "running"
        assert _history(house) > 0
        process.kill()  # not even this leaves anybody behind
        until(lambda: house.pids() == [], "nobody left")


async def test_a_pace_is_for_good(house: House) -> None:
    """A directory that has begun at one pace keeps it; another is refused, with what to do."""
    directory, here = Directory(house.data), Addresses(house.web, house.temporal, house.ui)
    directory.make()
    assert (await prepare(Up(directory, here, pace="1h=1s"))).factor == 3600
    key = directory.api_key.read_text()
    assert (await prepare(Up(directory, here))).factor == 3600
    assert (await prepare(Up(directory, here, new_pace="1d=2s"))).factor == 3600
    assert directory.api_key.read_text() == key
    with pytest.raises(DirectoryError, match="--data DIR"):
        await prepare(Up(directory, here, pace="1d=1s"))


async def test_a_demonstration_has_a_directory_of_its_own(house: House) -> None:
    """Its customers never come among real ones."""
    directory, here = Directory(house.data), Addresses(house.web, house.temporal, house.ui)
    directory.make()
    await prepare(Up(directory, here))
    with pytest.raises(DirectoryError, match="demonstration"):
        await prepare(Up(directory, here, new_pace="1d=2s"))


def _other(house: House) -> House:
    other = House(house.data.with_name("other"))
    other.web, other.temporal, other.ui = house.web, house.temporal, house.ui
    return other


def _sent(house: House) -> list[str]:
    messages = house.call("GET", "/v1/messages").json()["data"]
    return [one["template"] for one in messages if one["state"] == "sent"]


def _history(house: House) -> int:
    """How many events Temporal itself remembers of Ada's follow-up."""
    temporal = Path(sys.executable).with_name("temporal")
    words = ("workflow", "show", "--workflow-id", "online-customer.C-1", "--output", "json")
    done = subprocess.run(
        [temporal, *words, "--address", f"127.0.0.1:{house.temporal}"],
        check=True,
        capture_output=True,
    )
    return len(json.loads(done.stdout)["events"])
