"""Opening the desk: it needs its tables, and never waits for Temporal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from activities.crm.migrate import upgrade
from activities.settings import Settings
from starter.bootstrap import NotReadyError, open_desk
from starter.desk import Desk
from starter.up import demo
from tests.chaos.temporal import free_ports
from tests.starter.front import an_order_event, effects
from workflows.vocabulary import Pace


async def test_opens_without_temporal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its tables it says what to run; with them it keeps what comes, Temporal or not."""
    port = free_ports()[0]
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
    settings = Settings(_env_file=None, data=tmp_path, sops="online-customer")
    with pytest.raises(NotReadyError, match="aftercare migrate"):
        async with open_desk(settings):
            pass
    async with open_desk(settings, check=False) as desk:
        assert desk.clock.pace.factor == 1
    await upgrade(settings.database)
    async with open_desk(settings) as desk:
        assert effects(await desk.receive("api", an_order_event())) == [("queued", None)]


async def test_a_demonstration_speaks_to_its_own_temporal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever Temporal the shell names, a company's own perhaps: it is never played there."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example.com:7233")
    settings, opened = Settings(_env_file=None, data=tmp_path), []

    @asynccontextmanager
    async def opening(*given: Any, **more: Any) -> AsyncIterator[Desk]:
        async with open_desk(*given, **more) as desk:
            opened.append(desk.relay.temporal.service_client.config.target_host)
            yield desk

    await upgrade(settings.database)
    monkeypatch.setattr(demo, "open_desk", opening)
    monkeypatch.setattr(demo, "_watch", CurtainError.now)
    with pytest.raises(ExceptionGroup):
        await demo.play(settings, "127.0.0.1:7951", Pace(factor=43200), lambda *_: None)
    assert opened == ["127.0.0.1:7951"]


class CurtainError(Exception):
    """The curtain falls at once."""

    @classmethod
    async def now(cls, *_: object) -> None:
        raise cls
