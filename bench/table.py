"""The figures as a reader wants them: one table a question, one column a contender."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

# By measure: its title, and its lines with where each figure stands.
LINES: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "journeys": (
        "A journey, many at once",
        (
            ("CPU ms, server", "server_ms"),
            ("CPU ms, worker", "worker_ms"),
            ("CPU ms, both", "cpu_ms"),
            ("… of the naive one", "ratio"),
            ("journeys a second", "per_second"),
            ("… starts a second, each with its first effect", "starts_per_second"),
            ("events", "events"),
            ("state transitions", "transitions"),
            ("bytes of history", "bytes"),
        ),
    ),
    "calm": (
        "With little to do, 15 a second",
        (
            ("start to first effect, p50 ms", "start.p50_ms"),
            ("… p99 ms", "start.p99_ms"),
            ("signal to second effect, warm, p50 ms", "warm.p50_ms"),
            ("… p99 ms", "warm.p99_ms"),
            ("… CPU ms a wake-up", "warm.cpu_ms"),
            ("signal to second effect, cold, p50 ms", "cold.p50_ms"),
            ("… p99 ms", "cold.p99_ms"),
            ("… CPU ms a wake-up", "cold.cpu_ms"),
        ),
    ),
    "killed": (
        "kill -9 of the worker, and a new one; seconds since it was begun",
        (
            ("asleep", "asleep"),
            ("the interpreter is there", "interpreter_s"),
            ("all is loaded", "loaded_s"),
            ("it polls", "working_s"),
            ("first of 10 signals from meanwhile handled", "first_s"),
            ("all 10 handled", "last_s"),
            ("… since it polls", "last_after_working_s"),
            ("then a signal to all others: handled a second", "rest_per_second"),
            ("lost", "lost"),
            ("doubled", "doubled"),
        ),
    ),
    "drained": (
        "Timers due at the same moment",
        (
            ("timers", "timers"),
            ("seconds until all had their effect", "seconds"),
            ("a second", "per_second"),
            ("CPU ms each", "cpu_ms"),
            ("lost", "lost"),
            ("doubled", "doubled"),
        ),
    ),
}


DOORS = {
    "single": "one a request",
    "again": "the same once more",
    "batches": "100 a request",
    "hooks": "signed, at /hooks/generic",
    "away_single": "Temporal away: one a request",
    "away_hooks": "Temporal away: signed, at /hooks/generic",
}


def intake(found: dict[str, Any], starts: float | None) -> Table:
    """What came in, beside what the reference journey starts in the same run."""
    table = Table(title="News of new customers' orders, made durable", title_justify="left")
    table.add_column()
    for kind in found:
        table.add_column(kind, justify="right")
    for door, words in DOORS.items():
        for name, what in (("per_second", "events a second"), ("p50_ms", "answered, p50 ms"),
                           ("p99_ms", "… p99 ms"), ("cpu_ms", "… CPU ms an event")):  # fmt: skip
            figures = [_at(its, f"{door}.{name}") for its in found.values()]
            said = f"{words}: {what}" if name == "per_second" else what
            table.add_row(said, *map(_written, figures))
    back = [_written(_at(its, "back.seconds")) for its in found.values()]
    table.add_row("Temporal is back: seconds until all is told", *back)
    table.add_row("beside it: starts a second of our journey", *[_written(starts)] * len(found))
    return table


def tables(found: dict[str, Any]) -> Iterator[Table]:
    """One for each measure."""
    for measure, (title, lines) in LINES.items():
        table = Table(title=title, title_justify="left")
        table.add_column()
        for kind in found:
            table.add_column(kind, justify="right")
        for words, where in lines:
            figures = [
                _at({**it.get(measure, {}), **_ratio(it, found)}, where) for it in found.values()
            ]
            table.add_row(words, *map(_written, figures))
        yield table


def _ratio(its: dict[str, Any], found: dict[str, Any]) -> dict[str, float]:
    """Its CPU a journey, measured by the naive one's."""
    naive = _at(found, "naive.journeys.cpu_ms")
    return {"ratio": its["journeys"]["cpu_ms"] / naive} if naive else {}


def _at(figures: Any, where: str) -> Any:
    for name in where.split("."):
        figures = figures.get(name, {})
    return figures


def _written(figure: Any) -> str:
    if not isinstance(figure, int | float):
        return "–"
    if float(figure).is_integer():
        return str(int(figure))
    return f"{figure:.2f}" if abs(figure) < 10 else f"{figure:.1f}"
