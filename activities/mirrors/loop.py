"""Tells systems outside of the rows they are to have: one worker at a time, each system by itself.

It goes by real time. No message waits for it: what it does is done in transactions of its own, each
of which touches what it tells of and no more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from activities.clock import Clock
from activities.crm import mirrors, providers
from activities.crm.marking import CONTACT, WATCHED, Ref, mark_first, unmarked
from activities.crm.store import Store
from activities.crm.tables import Base, Mirror, Provider
from activities.crm.turns import Turn
from activities.mirrors import AfterError, LaterError, RefusedError, Target, UnfitError

PAUSE = timedelta(seconds=2)  # between two looks at what waits
AT_MOST = 60.0  # seconds that one telling may take: less than what is left of a turn
BATCH = 100
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
            for row in rows:
                if not await self._turns[target.system].is_ours(self.clock.real()):
                    return
                if not await self._told(target, row):
                    break
            if not rows:
                return

    async def _gather(self, system: str) -> None:
        """Once a day, mark whatever the CRM beside ours was never told of: at first, everything."""
        real = self.clock.real()
        due = self._gathered is None or real - self._gathered >= GATHERED
        if system != self.store.mirrored or not due or not await self._turns[system].is_ours(real):
            return
        for table in WATCHED:
            after = ""
            while rows := await self._unmarked(system, table, after):
                async with self.store.transaction() as session:
                    await mark_first(session, real, system, rows)
                after = rows[-1][1]
                if not await self._turns[system].is_ours(self.clock.real()):
                    return
        self._gathered = real

    async def _unmarked(self, system: str, table: type[Base], after: str) -> list[Ref]:
        async with self.store.reading() as session:
            return await unmarked(session, system, table, after)

    async def _may_be_asked(self, system: str) -> bool:
        async with self.store.reading() as session:
            state = await session.get(Provider, system)
        until = state.open_until if state else None
        return until is None or until <= self.clock.real()

    async def _told(self, target: Target, row: Mirror) -> bool:
        """One row; False if what waits is to be looked at anew, or not at all for now."""
        try:
            async with asyncio.timeout(AT_MOST):
                external_id = await target.tell(row)
        except AfterError as fault:
            await self._put_off(row, fault.code)
        except RefusedError as fault:
            return await self._refused(row, fault.code)
        except UnfitError as fault:
            await self._unfit(row, fault)
            return False
        except LaterError as fault:
            await self._later(row, fault.code, fault.wait)
            return False
        except Exception as fault:  # noqa: BLE001 - whatever it is, the others are told
            await self._later(row, type(fault).__name__, None)
            return False
        else:
            return await self._has(row, external_id)
        return True

    # -- what became of it -----------------------------------------------------------------------

    async def _has(self, row: Mirror, external_id: str | None) -> bool:
        async with self.store.transaction() as session:
            await mirrors.told(session, row.id, row.number, self.clock.now(), external_id)
        if row.kind == CONTACT:
            async with self.store.transaction() as session:
                await mirrors.let_go_after(session, row)
        return await self._answered(row.system)

    async def _refused(self, row: Mirror, code: str) -> bool:
        log.warning("%s refuses a %s: %s", row.system, row.kind, code)
        async with self.store.transaction() as session:
            await mirrors.give_up(session, row, code, self.clock.now())
        return await self._answered(row.system)

    async def _put_off(self, row: Mirror, code: str) -> None:
        until = self.clock.real() + mirrors.DAILY
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
        async with self.store.transaction() as session:
            await mirrors.put_off(session, row.id, row.number, code, until)

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
        """False if it is only now there again: what was put off has its place back."""
        if system not in self._troubled:
            return True
        async with self.store.transaction() as session:
            await providers.answered(session, system)
        async with self.store.transaction() as session:
            count = await mirrors.let_go(session, system)
        self._troubled.discard(system)
        return not count
