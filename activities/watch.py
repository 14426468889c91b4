"""Whoever looks after people's tasks makes the rounds, and tells colleagues; one worker at a time.

It goes by real time for whose turn it is, and by policy time for all that tasks are due by.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

from activities.channels import Channel
from activities.clock import Clock
from activities.crm.house import house_rules
from activities.crm.rounds import make_rounds
from activities.crm.store import Store
from activities.crm.turns import Turn
from activities.notices import Notices
from activities.settings import Settings

PAUSE = timedelta(minutes=1)
SHORTEST = timedelta(seconds=1)
OFTEN = timedelta(minutes=30)  # of policy time: in a demonstration days pass in seconds
TURNS = "rounds"

log = logging.getLogger(__name__)


class Watch:
    """One worker's part in it."""

    def __init__(
        self, store: Store, clock: Clock, settings: Settings, channels: Mapping[str, Channel]
    ) -> None:
        self.store, self.clock = store, clock
        self.notices = Notices(store, clock, settings, channels)
        self._turn = Turn(store, TURNS)

    async def run(self) -> None:
        """Look after them until cancelled; a fault is for the next time."""
        pause = min(PAUSE, max(SHORTEST, self.clock.pace.real(OFTEN)))
        while True:
            try:
                if await self._is_our_turn():
                    await self.once()
            except Exception as fault:  # noqa: BLE001 - no message waits for this
                log.warning("the rounds were not made: %s", type(fault).__name__)
            await asyncio.sleep(pause.total_seconds())

    async def once(self) -> None:
        """The rounds as they are now, and all that is to be told now."""
        async with self.store.transaction() as session:
            made = await make_rounds(session, self.clock.now(), await house_rules(session))
        if any(vars(made).values()):
            log.info("rounds: %s", vars(made))
        await self.notices.tell()

    async def _is_our_turn(self) -> bool:
        return await self._turn.is_ours(self.clock.real())
