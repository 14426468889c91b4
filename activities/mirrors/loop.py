"""Tells systems outside of the rows they are to have: one worker at a time, each system by itself.

It goes by real time. No message waits for it: what it does is done in transactions of its own, each
of which touches what it tells of and no more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from activities.clock import Clock
from activities.crm import mirrors, providers
from activities.crm.marking import WATCHED, Ref, mark_first, unmarked
from activities.crm.store import Store
from activities.crm.tables import Mirror, Provider
from activities.crm.turns import Turn
from activities.mirrors import AfterError, LaterError, Outcome, RefusedError, Target, UnfitError

PAUSE = timedelta(seconds=2)  # between two looks at what waits
AT_MOST = 60.0  # seconds that one telling may take: less than what is left of a turn
BATCH = 1000  # rows that are looked at in one go
GATHERED = timedelta(days=1)
BREATH = timedelta(seconds=1)  # the shortest wait a system may ask for
UNFIT = timedelta(minutes=15)  # until a system that is not set up is tried again

log = logging.getLogger(__name__)


class Mirrors:
    """One worker's part in it."""

    def __init__(self, store: Store, clock: Clock, targets: Sequence[Target]) -> None:
        self.store, self.clock, self.targets = store, clock, targets
        self._turns = {one.system: Turn(store, f"mirror/{one.system}") for one in targets}
        self.pause = PAUSE
        self._gathered: datetime | None = None
        self._troubled = set(self._turns)  # who may be told to have recovered

    async def run(self) -> None:
        """Tell them until cancelled."""
        async with asyncio.TaskGroup() as group:
            for target in self.targets:
                group.create_task(self._serve(target))

    async def _serve(self, target: Target) -> None:
        while True:
            try:
                await self.once(target)
            except Exception as fault:  # noqa: BLE001 - a database that is away is for the next time
                log.warning("%s was not told: %s", target.system, type(fault).__name__)
            await asyncio.sleep(self.pause.total_seconds())

    async def once(self, target: Target) -> None:
        """Tell it what waits, in order, until nothing does or it is to be left in peace."""
        await self._gather(target.system)
        while await self._may_be_asked(target.system):
            async with self.store.reading() as session:
                rows = await mirrors.waiting(session, target.system, self.clock.real(), BATCH)
            if not rows or not await self._is_ours(target.system):
                return
            for some in _portions(rows, target.at_once):
                if not await self._told(target, some):
                    break

    async def _gather(self, system: str) -> None:
        """Once a day, mark whatever the CRM beside ours was never told of: at first, everything."""
        real = self.clock.real()
        due = self._gathered is None or real - self._gathered >= GATHERED
        if system != self.store.mirrored or not due or not await self._is_ours(system):
            return
        for kind in WATCHED:
            after = ""
            while rows := await self._unmarked(system, kind, after):
                async with self.store.transaction() as session:
                    await mark_first(session, real, system, rows)
                after = rows[-1][1]
                if not await self._is_ours(system):
                    return
        self._gathered = real

    async def _unmarked(self, system: str, kind: str, after: str) -> list[Ref]:
        async with self.store.reading() as session:
            return await unmarked(session, system, kind, after)

    async def _is_ours(self, system: str) -> bool:
        return await self._turns[system].is_ours(self.clock.real())

    async def _may_be_asked(self, system: str) -> bool:
        async with self.store.reading() as session:
            state = await session.get(Provider, system)
        until = state.open_until if state else None
        return until is None or until <= self.clock.real()

    async def _told(self, target: Target, rows: Sequence[Mirror]) -> bool:
        """These rows; False if what waits is to be looked at anew, or not at all for now."""
        if not await self._is_ours(target.system):
            return False
        try:
            async with asyncio.timeout(AT_MOST):
                outcomes = await target.tell(rows)
        except UnfitError as fault:
            await self._unfit(rows[0], fault)
            return False
        except Exception as fault:  # noqa: BLE001 - whatever it is, the others are told
            if len(rows) > 1 and getattr(fault, "wait", None) is None:
                return await self._told_apart(target, rows)
            return await self._failed(rows, fault)
        return await self._became(target.system, rows, outcomes)

    async def _told_apart(self, target: Target, rows: Sequence[Mirror]) -> bool:
        """Together they fail. The first alone shows whether the system is there; if it is, one of
        the others may be the cause, and is found by halves: it holds up nobody but itself."""
        half = 1 + len(rows) // 2
        for some in (rows[:1], rows[1:half], rows[half:]):
            if some and not await self._told(target, some):
                return False
        return True

    # -- what became of it -----------------------------------------------------------------------

    async def _failed(self, rows: Sequence[Mirror], fault: Exception) -> bool:
        """One row, or several that are all to wait for the same."""
        if isinstance(fault, AfterError | RefusedError):
            return await self._became(rows[0].system, rows, [fault] * len(rows))
        wait = getattr(fault, "wait", None)
        code = fault.code if isinstance(fault, LaterError) else type(fault).__name__
        await self._later(rows[0], code, wait)
        return False

    async def _became(
        self, system: str, rows: Sequence[Mirror], outcomes: Sequence[Outcome]
    ) -> bool:
        unfit = None
        for row, outcome in zip(rows, outcomes, strict=True):
            match outcome:
                case None | str():
                    await self._has(row, outcome)
                case UnfitError():
                    unfit = row, outcome
                case RefusedError():
                    await self._refused(row, outcome.code)
                case AfterError():
                    await self._put_off(row, outcome.code, self.clock.real() + mirrors.DAILY)
                case _:
                    await self._put_off(row, outcome.code, mirrors.later(row, self.clock.real()))
        if unfit is not None:
            await self._unfit(*unfit)
            return False
        only_waits = all(isinstance(one, AfterError) for one in outcomes)
        return only_waits or await self._answered(system)

    async def _has(self, row: Mirror, external_id: str | None) -> None:
        async with self.store.transaction() as session:
            await mirrors.told(session, row.id, row.number, self.clock.now(), external_id)
        if row.kind in mirrors.FIRST_OF_ALL:
            async with self.store.transaction() as session:
                await mirrors.let_go_after(session, row)

    async def _refused(self, row: Mirror, code: str) -> None:
        log.warning("%s refuses a %s: %s", row.system, row.kind, code)
        async with self.store.transaction() as session:
            await mirrors.give_up(session, row, code, self.clock.now())

    async def _put_off(self, row: Mirror, code: str, until: datetime) -> None:
        async with self.store.transaction() as session:
            await mirrors.put_off(session, row.id, row.number, code, until)

    async def _later(self, row: Mirror, code: str, wait: timedelta | None) -> None:
        """The row waits; so does all else for that system, if it asks for it or often fails."""
        log.warning("%s is told of a %s later: %s", row.system, row.kind, code)
        real = self.clock.real()
        self._troubled.add(row.system)
        until = mirrors.later(row, real) if wait is None else real + max(wait, BREATH)
        async with self.store.transaction() as session:
            if wait is None:
                await providers.failed(session, row.system, code, real)
            else:
                await providers.busy(session, row.system, until)
        await self._put_off(row, code, until)

    async def _unfit(self, row: Mirror, fault: UnfitError) -> None:
        log.error("%s takes nothing: %s", row.system, fault.code)
        self._troubled.add(row.system)
        real = self.clock.real()
        async with self.store.transaction() as session:
            what = f"{row.system} takes nothing of ours ({fault.code}): {fault.cure}"
            of = f"mirror/{row.system}/{fault.code}"
            await mirrors.call_engineer(session, of, what, self.clock.now())
            await providers.unfit(session, row.system, fault.code, real, real + UNFIT)

    async def _answered(self, system: str) -> bool:
        """False if it was left in peace, and is only now there again: what was put off has its
        place back."""
        if system not in self._troubled:
            return True
        async with self.store.transaction() as session:
            state = await session.get(Provider, system)
            away = state is not None and state.failures >= providers.TRIES
            await providers.answered(session, system)
        self._troubled.discard(system)
        if not away:
            return True
        async with self.store.transaction() as session:
            return not await mirrors.let_go(session, system)


def _portions(rows: Sequence[Mirror], most: int) -> Iterator[Sequence[Mirror]]:
    """So many at once: what others lean on before them, so that it is there when they come. What
    failed more than once goes last, so that it is in nobody's way."""

    def rank(row: Mirror) -> tuple[bool, int]:
        return row.attempts > 1, mirrors.FIRST_OF_ALL.get(row.kind, len(mirrors.FIRST_OF_ALL))

    for _, group in groupby(sorted(rows, key=rank), rank):
        alike = list(group)
        yield from (alike[start : start + most] for start in range(0, len(alike), most))
