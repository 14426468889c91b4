"""Opening the desk: it needs its tables, and never waits for Temporal."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.crm.migrate import upgrade
from activities.settings import Settings
from starter.bootstrap import NotReadyError, open_desk
from tests.chaos.temporal import free_ports
from tests.starter.front import an_order_event, effects


async def test_opens_without_temporal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its tables it says what to run; with them it keeps what comes, Temporal or not."""
    port = free_ports()[0]
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
    settings = Settings(_env_file=None, data=tmp_path)
    with pytest.raises(NotReadyError, match="aftercare migrate"):
        async with open_desk(settings):
            pass
    async with open_desk(settings, check=False) as desk:
        assert desk.clock.pace.factor == 1
    await upgrade(settings.database)
    async with open_desk(settings) as desk:
        assert effects(await desk.receive("api", an_order_event())) == [("queued", None)]
