"""All of them as one program: killed, they forget nothing; a script that changes is followed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.wires import logs, mail, sms

ROOT = Path(__file__).parents[2]


@contextmanager
def running(data: Path) -> Iterator[dict[str, str]]:
    """The program, and where each fake answers."""
    command = [sys.executable, "-m", "activities.fakes", "--data", str(data)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield dict(process.stdout.readline().split() for _ in range(4))
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def test_killed_it_forgets_nothing(tmp_path: Path) -> None:
    """Whatever was answered was written."""
    with running(tmp_path) as urls:
        assert urls.keys() == {"sendgrid", "twilio", "smtp", "systems"}
        assert mail().to(urls["sendgrid"]).status == 202
        assert sms().to(urls["twilio"]).status == 201
    with running(tmp_path) as urls:
        found = logs("to_email = 'ada@example.com'").to(urls["sendgrid"])
        assert len(found.json["messages"]) == 1


def test_the_script_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A misspelt one changes nothing."""
    script = tmp_path / "script.json"

    def until(status: int, url: str) -> None:
        deadline = time.monotonic() + 20
        while mail().to(url).status != status:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    with running(tmp_path) as urls:
        script.write_text(json.dumps({"sendgrid": {"always": "unavailable"}}))
        until(503, urls["sendgrid"])
        assert sms().to(urls["twilio"]).status == 201
        script.write_text(json.dumps({"sendgrid": {"allways": "rate_limited"}}))
        script.unlink()
        until(202, urls["sendgrid"])


@pytest.mark.parametrize("words", [[], ["--data", "x", "--sendgrid-port", "y"]])
def test_a_wrong_call_is_a_usage_error(words: list[str]) -> None:
    """As with every Unix tool."""
    command = [sys.executable, "-m", "activities.fakes", *words]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    assert done.returncode == 2
