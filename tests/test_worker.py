"""The composition root: it waits for what is away, says so in a line, and leaves when told to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

import worker
from activities.crm.migrate import upgrade
from activities.crm.pace import settle_pace
from activities.crm.store import Store
from activities.settings import load_settings
from tests.factories import NOON


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERCARE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setattr(worker, "TRY_AGAIN", 0.01)
    monkeypatch.setattr(worker, "log", structlog.get_logger())


async def said(waiting: Any, stopped: asyncio.Event, words: str) -> None:
    """It goes on waiting, says these words, and ends once stopped."""
    with capture_logs() as lines:
        task = asyncio.create_task(waiting)
        async with asyncio.timeout(120):
            while not any(words in str(line.get("why")) for line in lines):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            stopped.set()
            await task


async def test_it_waits_for_the_tables(tmp_path: Path) -> None:
    """A database that was never migrated: the line says what to run."""
    (tmp_path / "data").mkdir()
    stopped = asyncio.Event()
    await said(worker.work(load_settings(), stopped), stopped, "aftercare migrate")


async def test_it_waits_for_temporal(tmp_path: Path) -> None:
    """Temporal is away at the start: the worker stays, and says where it looked."""
    await upgrade(f"sqlite+aiosqlite:///{tmp_path / 'data' / 'aftercare.db'}")
    stopped = asyncio.Event()
    await said(worker.work(load_settings(), stopped), stopped, "127.0.0.1:1")


async def test_a_demonstration_writes_to_nobody_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory at a pace of its own, and a real provider: the worker says so, and stays out."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'data' / 'aftercare.db'}"
    await upgrade(url)
    store = Store(url)
    async with store.transaction() as session:
        await settle_pace(session, NOON, "1d=1s")
    await store.close()
    monkeypatch.setenv("AFTERCARE_EMAIL", "sendgrid")
    stopped = asyncio.Event()
    await said(worker.work(load_settings(), stopped), stopped, "unset AFTERCARE_EMAIL=sendgrid")


async def test_a_secret_key_is_made_once(tmp_path: Path) -> None:
    """Whoever comes first makes it; all others read the same."""
    assert load_settings().secret_key.get_secret_value() == ""
    (tmp_path / "data").mkdir()
    made = {load_settings().secret_key.get_secret_value() for _ in range(3)}
    assert len(made) == 1
    assert len(made.pop()) > 30
