"""Spans of time as people write them, in policies, paces and rehearsals: `90m`, `14d`, `8d2h`."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
SPAN = re.compile("".join(rf"(?:(\d+(?:\.\d+)?)\s*{unit}\s*)?" for unit in UNITS))


def span_of(said: str) -> timedelta | None:
    """None: it is no span, or longer than time is."""
    found = SPAN.fullmatch(said.strip())
    if found is None or not found.lastindex:
        return None
    try:
        counted = zip(found.groups("0"), UNITS.values(), strict=True)
        return timedelta(seconds=sum(float(count) * size for count, size in counted))
    except OverflowError:
        return None


def said_span(span: timedelta) -> str:
    """The largest unit that fits exactly; weeks are said as days."""
    seconds = span.total_seconds()
    for unit, size in UNITS.items():
        if unit != "w" and seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds or 0}s".replace(".0s", "s")
