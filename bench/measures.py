"""What is measured, one function each: every one begins and ends with no worker running."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any

from bench.contenders import Contender
from bench.machine import Machine

WARM_UP = 12  # journeys before anything is counted
PATIENCE = 300.0  # seconds, after which it counts as lost
ASLEEP = 1.0  # after the last first effect: time to set the timer and fall asleep
CALM = 15.0  # a second, where latency is measured
DOWN = 10  # signals to a worker that is not there

Figures = dict[str, Any]


class Bench:
    def __init__(self, machine: Machine) -> None:
        self.machine, self.effects = machine, machine.effects

    # -- the parts of a journey ------------------------------------------------------------

    async def begin(self, who: Contender, number: int, due: datetime | None = None) -> list[str]:
        """So many are welcomed, and asleep."""
        subjects = await who.prepare(number)
        await asyncio.gather(*(who.start(subject, due) for subject in subjects))
        await self.effects.all_of(subjects, second=False, within=PATIENCE)
        await asyncio.sleep(ASLEEP)
        return subjects

    async def wake(self, who: Contender, subjects: Sequence[str]) -> None:
        """All respond at once, and come to their end."""
        await asyncio.gather(*(who.answer(subject) for subject in subjects))
        await self.effects.all_of(subjects, second=True, within=PATIENCE)
        await self.over(who)

    async def over(self, who: Contender, left: int = 0) -> None:
        """Wait until no more than those run."""
        async with asyncio.timeout(PATIENCE):
            while await who.running() > left:  # noqa: ASYNC110 - the server's news
                await asyncio.sleep(0.1)

    async def warm_up(self, who: Contender, left: int = 0) -> None:
        subjects = await self.begin(who, WARM_UP)
        await asyncio.gather(*(who.answer(subject) for subject in subjects))
        await self.effects.all_of(subjects, second=True, within=PATIENCE)
        await self.over(who, left)

    # -- the measures ------------------------------------------------------------------------

    async def journeys(self, who: Contender, number: int) -> Figures:
        """As many journeys as there is room for: their CPU, and how many a second."""
        await self.machine.start_worker(who.kind)
        await self.warm_up(who)
        subjects = await who.prepare(number)
        server, worker = self.machine.cpu()
        began = time.monotonic()
        await asyncio.gather(*(who.start(subject) for subject in subjects))
        last = await self.effects.all_of(subjects, second=False, within=PATIENCE)
        spent = starting = last - began
        await asyncio.sleep(ASLEEP)
        began = time.monotonic()
        await asyncio.gather(*(who.answer(subject) for subject in subjects))
        last = await self.effects.all_of(subjects, second=True, within=PATIENCE)
        spent += last - began
        await self.over(who)
        then = self.machine.cpu()
        found = await who.size(subjects[-1])
        await self.machine.stop_worker()
        return {
            "server_ms": (then[0] - server) / number,
            "worker_ms": (then[1] - worker) / number,
            "cpu_ms": (sum(then) - server - worker) / number,
            "per_second": number / spent,
            "starts_per_second": number / starting,
            **found,
        }

    async def calm(self, who: Contender, number: int) -> Figures:
        """With little to do: how soon there is an effect; woken warm, and woken cold."""
        await self.machine.start_worker(who.kind)
        await self.warm_up(who)
        subjects = await who.prepare(number)
        started = await self._evenly(subjects, who.start)
        await self.effects.all_of(subjects, second=False, within=PATIENCE)
        await asyncio.sleep(ASLEEP)
        figures = {"start": self._delays(started, second=False)}
        figures["warm"] = await self._woken(who, subjects)
        subjects = await self.begin(who, number)
        await self.machine.stop_worker()
        await self.machine.start_worker(who.kind)
        await self.warm_up(who, left=number)
        figures["cold"] = await self._woken(who, subjects)
        await self.machine.stop_worker()
        return figures

    async def killed(self, who: Contender, number: int) -> Figures:
        """So many are asleep when the worker is killed: who responds meanwhile waits how long?"""
        await self.machine.start_worker(who.kind)
        subjects = await self.begin(who, number)
        few, rest = subjects[:DOWN], subjects[DOWN:]
        self.machine.kill_worker()
        await asyncio.gather(*(who.answer(subject) for subject in few))
        self.machine.begin_worker(who.kind)
        last = await self.effects.all_of(few, second=True, within=PATIENCE)
        first = min(self.effects.at[subject, True] for subject in few)
        start, restarted = await self.machine.worker_started(), self.machine.began
        began = time.monotonic()
        await asyncio.gather(*(who.answer(subject) for subject in rest))
        end = await self.effects.all_of(rest, second=True, within=PATIENCE)
        await self.over(who)
        await self.machine.stop_worker()
        return {
            "asleep": number,
            "interpreter_s": start.interpreter,
            "loaded_s": start.loaded,
            "working_s": start.working,
            "first_s": first - restarted,
            "last_s": last - restarted,
            "last_after_working_s": last - restarted - start.working,
            "rest_s": end - began,
            "rest_per_second": len(rest) / (end - began),
            **await self._lost(who, subjects),
        }

    async def drained(self, who: Contender, number: int, per_second: float) -> Figures:
        """So many timers are due at the same moment."""
        await self.machine.start_worker(who.kind)
        await self.warm_up(who)
        time_to_start = timedelta(seconds=5 + 1.5 * number / per_second)
        due = datetime.now(UTC) + time_to_start
        at = time.monotonic() + time_to_start.total_seconds()
        subjects = await self.begin(who, number, due)
        early = sum((subject, True) in self.effects.at for subject in subjects)
        await asyncio.sleep(max(0.0, at - time.monotonic() - 0.2))
        before = sum(self.machine.cpu())
        end = await self.effects.all_of(subjects, second=True, within=PATIENCE)
        await self.over(who)
        cpu = sum(self.machine.cpu()) - before
        await self.machine.stop_worker()
        return {
            "timers": number,
            "early": early,
            "seconds": end - at,
            "per_second": number / (end - at),
            "cpu_ms": cpu / number,
            **await self._lost(who, subjects),
        }

    # -- reckoning -----------------------------------------------------------------------------

    async def _evenly(
        self, subjects: Sequence[str], call: Callable[[str], Any]
    ) -> dict[str, float]:
        """Call for each, so many a second; when each call was made."""
        calls = []
        for subject in subjects:
            calls.append(asyncio.create_task(call(subject)))
            await asyncio.sleep(1 / CALM)
        return dict(zip(subjects, await asyncio.gather(*calls), strict=True))

    async def _woken(self, who: Contender, subjects: Sequence[str]) -> Figures:
        before = self.machine.cpu()
        answered = await self._evenly(subjects, who.answer)
        await self.effects.all_of(subjects, second=True, within=PATIENCE)
        await self.over(who)
        spent = [now - then for now, then in zip(self.machine.cpu(), before, strict=True)]
        server, worker = (ms / len(subjects) for ms in spent)
        figures = {"server_ms": server, "worker_ms": worker, "cpu_ms": server + worker}
        return figures | self._delays(answered, second=True)

    def _delays(self, called: dict[str, float], *, second: bool) -> Figures:
        """Milliseconds from the call to its effect."""
        took = [(self.effects.at[one, second] - at) * 1000 for one, at in called.items()]
        cuts = quantiles(took, n=100, method="inclusive")
        return {"p50_ms": cuts[49], "p99_ms": cuts[98]}

    async def _lost(self, who: Contender, subjects: Sequence[str]) -> Figures:
        """Effects that never came, or came twice: by its records if it keeps any, else as told."""
        told = [self.effects.times[one, second] for one in subjects for second in (False, True)]
        recorded = await who.recorded(subjects)
        counts = told if recorded is None else recorded
        return {"lost": counts.count(0), "doubled": sum(count > 1 for count in counts)}
