"""Files for imports, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from starter.desk import Desk
from starter.importing.carrying import Carrier, Taken
from starter.importing.columns import columns, mapping
from starter.importing.lines import Lines
from starter.importing.reading import Source, open_source
from starter.importing.survey import Survey, Surveyor

UTC = ZoneInfo("UTC")


def written(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def opened(desk: Desk, path: Path, *said: str, zone: ZoneInfo = UTC) -> tuple[Source, Lines]:
    source = open_source(path)
    found = columns(source.header, *mapping(said))
    return source, Lines(found, zone, desk.clock.now())


async def looked_at(desk: Desk, path: Path, *said: str) -> Survey:
    source, lines = opened(desk, path, *said)
    return await Surveyor(desk.intake, lines).look(source)


async def imported(desk: Desk, path: Path, *said: str) -> Taken:
    """As `aftercare import` does it, with nobody asked."""
    source, lines = opened(desk, path, *said)
    survey = await Surveyor(desk.intake, lines).look(source)
    return await Carrier(desk.intake, lambda *_: None).take(source, lines, survey, "test")
