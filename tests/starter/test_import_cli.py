"""`aftercare import` at the terminal: what it says, what it asks, and what a kill leaves."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from activities.crm.migrate import upgrade
from starter.cli import run
from tests.starter.files import written

HEADER = (
    "customer.id,customer.email,customer.consent.email_marketing,order.id,order.total,"
    "occurred_at,order.delivered_at"
)


class Said(NamedTuple):
    code: int
    out: str
    err: str


Aftercare = Callable[..., Said]


@pytest.fixture
def aftercare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Aftercare:
    """The program on tables that are empty, with Temporal away and nobody at a keyboard."""
    monkeypatch.setenv("AFTERCARE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{tmp_path / 'data' / 'aftercare.db'}"))

    def call(*words: str) -> Said:
        capsys.readouterr()
        code = run(["import", *words])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


def orders(count: int, days: float = 5) -> list[str]:
    """So many first orders, each of a customer of its own; every third wants no offers."""
    now = datetime.now(UTC).replace(microsecond=0)
    placed, came = now - timedelta(days=days), now - timedelta(days=days / 2)
    return [
        f"K-{n},c{n}@example.com,{'no' if n % 3 == 0 else ''},A-{n},9.00,"
        f"{placed.isoformat()},{came.isoformat()}"
        for n in range(count)
    ]


def test_a_dry_run_changes_nothing(aftercare: Aftercare, tmp_path: Path) -> None:
    """It says what would come of it, and what does not fit."""
    written(tmp_path / "a.csv", HEADER, *orders(3), "C-9,nobody,,A-9,9.00,2025-01-01,")
    said = aftercare("a.csv", "--dry-run")
    assert said.code == 1
    assert "line 5, customer.email: this is not an e-mail address" in said.out
    assert "3 new, 0 known" in said.out
    assert "order-thanks 3" in said.out
    assert "Nothing was imported" in said.out
    assert stands(tmp_path / "data")["inbox"] == []


def test_all_or_what_fits(aftercare: Aftercare, tmp_path: Path) -> None:
    """Nothing is taken while a line does not fit, unless somebody says so: then the rest is
    written down, to be mended and imported by itself."""
    bad = "C-9,nobody,,A-9,9.00,2025-01-01,"
    written(tmp_path / "a.csv", HEADER, *orders(2), bad)
    refused = aftercare("a.csv")
    assert (refused.code, "1 line of the file does not fit" in refused.err) == (1, True)
    assert stands(tmp_path / "data")["inbox"] == []
    taken = aftercare("a.csv", "--skip-bad", "--json")
    assert taken.code == 0
    assert json.loads(taken.out)["imported"] == {"kept": 5, "carried": 5}
    rejected = (tmp_path / "a.rejected.csv").read_text("utf-8-sig").splitlines()
    assert rejected[0] == f"{HEADER},problem"
    assert rejected[1].startswith(f"{bad},customer.email: ")


def test_a_flood_is_asked_about(aftercare: Aftercare, tmp_path: Path) -> None:
    """Where nobody can answer, it is refused, with what to do."""
    written(tmp_path / "a.csv", HEADER, *orders(6))
    refused = aftercare("a.csv", "--limit-per-day", "5")
    assert refused.code == 1
    assert "--yes" in refused.err
    assert "--limit-per-day" in refused.err
    assert stands(tmp_path / "data")["inbox"] == []
    assert aftercare("a.csv", "--limit-per-day", "100").code == 0


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (["missing.csv"], "cannot read"),
        (["a.csv", "--zone", "Mars/Base"], "is no time zone"),
        (["a.csv", "--map", "nonsense"], "none of the presets"),
        (["b.csv"], "did you mean customer.email"),
    ],
)
def test_what_cannot_be_read(
    aftercare: Aftercare, tmp_path: Path, words: list[str], cure: str
) -> None:
    """It says what to write."""
    written(tmp_path / "a.csv", HEADER, *orders(1))
    written(tmp_path / "b.csv", "customer.emial", "ada@example.com")
    said = aftercare(*words)
    assert said.code in (1, 2)
    assert cure in said.err


def test_killed_and_run_again(tmp_path: Path) -> None:
    """As often as it is killed: at the end the same stands as after one run."""
    path = written(tmp_path / "a.csv", HEADER, *orders(60))
    ends = {}
    for name, kills in (("once", 0), ("killed", 3)):
        data = tmp_path / name
        asyncio.run(upgrade(f"sqlite+aiosqlite:///{data / 'aftercare.db'}"))
        for kill in range(kills):
            _killed(path, data, after=40 + 60 * kill)
        done = _begin(path, data)
        assert done.wait(120) == 0
        ends[name] = stands(data)
    assert ends["killed"] == ends["once"]
    assert len(ends["once"]["inbox"]) == 60 * 3 + 20  # with its delivery, its beginning, each no
    assert {state for _, _, state in ends["once"]["inbox"]} == {"done"}


def _begin(path: Path, data: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "starter.cli", "import", str(path), "--data", str(data), "--yes"]
    env = os.environ | {"TEMPORAL_ADDRESS": "127.0.0.1:1"}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(words, env=env, stdin=quiet, stdout=quiet, stderr=quiet)


def _killed(path: Path, data: Path, *, after: int) -> None:
    """Once so many events have been carried out, or at the latest when it has ended."""
    process = _begin(path, data)
    while process.poll() is None:
        done = [row for row in stands(data)["inbox"] if row[2] == "done"]
        if len(done) >= after:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.02)
    process.wait()


def stands(data: Path) -> dict[str, list[Any]]:
    """What is on record, but for ids of ours and when it was written."""
    queries = {
        "inbox": "select event_id, type, state from inbox",
        "orders": "select id, customer_id, confirmed_at, delivered_at from orders",
        "customers": "select id, email from customer",
        "consents": "select customer_id, scope, given, at from consent",
        "follow-ups": "select id, sop, customer_id, order_id from enrolment",
        "told": "select workflow_id, verb, name from telling",
    }
    connection = sqlite3.connect(data / "aftercare.db", timeout=15)
    try:
        return {what: sorted(connection.execute(query)) for what, query in queries.items()}
    finally:
        connection.close()
