"""The lives in `docs/lives`, and their prints beside them: `python -m tests.rehearsals.paper`
plays them anew and keeps what comes of it."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

from rich.console import Console

from starter.rehearse import rehearse
from starter.rehearse.printing import show

LIVES = Path(__file__).parents[2] / "docs" / "lives"
WIDTH = 120
OUR_IDS = re.compile(r"\b(case|task|msg|hold|draft|cus|evt|fb)_[0-9A-Za-z]{10,}")
MOMENT = re.compile(r"^ *(\d*)  (\w{3} \d\d \w{3}) (\d\d:\d\d)  ")
DUE = re.compile(r", by \w{3} \d\d \w{3} \d\d:\d\d")
EITHER = re.compile(r"^S[1-4] [\d.]+ (?=feedback-thanks)")  # whoever is first; the other is covered
LEEWAY = timedelta(minutes=10)  # a slow machine's seconds add up to a minute here and there


def names() -> list[str]:
    return sorted(path.stem for path in LIVES.glob("*.json"))


async def printed(name: str) -> str:
    """A life as `aftercare rehearse --customer docs/lives/NAME.json` prints it."""
    said = json.loads((LIVES / f"{name}.json").read_text(encoding="utf-8"))
    console = Console(width=WIDTH, file=StringIO(), record=True)
    show(await rehearse(customer=said), console)
    text = OUR_IDS.sub(r"\1_…", console.export_text())
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def differences(kept: str, played: str) -> list[str]:
    """The lines that one has and the other lacks, where a few minutes make no difference."""
    found = [f"{sign} {line}" for line, sign in _lacking(kept, played, "-")]
    return found + [f"{sign} {line}" for line, sign in _lacking(played, kept, "+")]


def _lacking(one: str, other: str, sign: str) -> list[tuple[str, str]]:
    moments: dict[str, list[datetime]] = {}
    for line, at in _lines(other):
        moments.setdefault(line, []).append(at)
    lacking = []
    for line, at in _lines(one):
        near = [moment for moment in moments.get(line, []) if abs(moment - at) <= LEEWAY]
        if not near:
            lacking.append((f"{at:%d %b %H:%M} {line}", sign))
            continue
        moments[line].remove(near[0])
    return lacking


def _lines(text: str) -> list[tuple[str, datetime]]:
    """Each line without its moments, and the moment it begins with."""
    found, year = [], re.search(r"from \w{3} \d\d \w{3} (\d{4})", text)
    for line in text.splitlines():
        if moment := MOMENT.match(line):
            said = f"{year.group(1) if year else 2000} {moment.group(2)} {moment.group(3)}"
            at = datetime.strptime(said, "%Y %a %d %b %H:%M")  # noqa: DTZ007 - only compared
            rest = " ".join(DUE.sub(", by …", line[moment.end() :]).split())
            found.append((EITHER.sub("", rest), at))
        elif line.strip():
            found.append((" ".join(line.split()), datetime.min))  # noqa: DTZ901 - only compared
    return found


async def main(wanted: list[str]) -> None:
    for name in wanted or names():
        (LIVES / f"{name}.txt").write_text(await printed(name), encoding="utf-8")
        print(name)  # noqa: T201 - a program's


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
