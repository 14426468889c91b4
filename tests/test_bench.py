"""`make bench` measures what it says: a dose too small for figures, large enough for counts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bench.__main__ import main

DOSE = (
    "--journeys 3 --rounds 1 --calm 3 --asleep 12 --timers 3 --events 12 --only naive ours".split()
)
LOSSES = ("lost", "doubled")


@pytest.mark.timeout(240)
async def test_everybody_arrives_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Woken warm or cold, after a kill, by a timer: each effect comes once, and all is told."""
    monkeypatch.setenv("COLUMNS", "120")
    out = tmp_path / "figures.json"
    await asyncio.to_thread(main, [*DOSE, "--out", str(out)])
    figures = json.loads(out.read_text())
    found, intake = figures["found"], figures["intake"]
    assert set(found) == {"naive", "ours"}
    for its in found.values():
        assert {its[part][what] for part in ("killed", "drained") for what in LOSSES} == {0}
        assert its["drained"]["early"] == 0
        assert its["journeys"]["cpu_ms"] > 0
        assert its["calm"]["cold"]["p50_ms"] > 0
    assert found["naive"]["journeys"]["events"] == 23  # as by hand; more only if a task timed out
    assert found["ours"]["killed"]["asleep"] == 12
    for its in intake.values():  # each answer was a 200 or a 202
        assert all(its[door]["p99_ms"] > 0 for door in ("single", "batches", "away_hooks"))
        assert its["back"]["seconds"] > 0
    assert set(intake) == {"sqlite", "postgresql"}
    told = capsys.readouterr().out
    assert "A journey, many at once" in told
    assert "… of the naive one" in told
    assert "Temporal is back: seconds until all is told" in told
