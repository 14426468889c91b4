"""A worker to be killed: the real one, with a provider that takes its time before and after.

    python -m tests.chaos.worker

The time that Temporal allows an attempt is shortened, so that a test need not wait for the thirty
seconds after which a dead worker's sends are tried again.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from activities.channels import Accepted, Channel, Parcel
from activities.channels.outbox import OutboxChannel
from activities.clock import Clock
from activities.crm.store import Store
from activities.settings import Settings
from workflows import contract


def seconds(name: str, otherwise: float) -> timedelta:
    """How long, as the test has it."""
    return timedelta(seconds=float(os.environ.get(f"CHAOS_{name}", otherwise)))


contract.ATTEMPT = seconds("ATTEMPT", 6)


class SlowOutbox(OutboxChannel):
    """Accepts after a moment, and says so after another: a kill falls into either."""

    deadline = seconds("DEADLINE", 4)
    quarantine = seconds("QUARANTINE", 1)

    async def send(self, parcel: Parcel) -> Accepted:
        accepted = await super().send(parcel)
        await asyncio.sleep(random.uniform(0.02, 0.25))
        return accepted

    @asynccontextmanager
    async def _taking_turns(self, parcel: Parcel) -> AsyncIterator[AsyncSession]:
        await asyncio.sleep(random.uniform(0.02, 0.25))
        async with super()._taking_turns(parcel) as session:
            yield session


def slow(store: Store, clock: Clock) -> dict[str, Channel]:
    return {name: SlowOutbox(store, clock, name) for name in ("email", "sms", "letter")}


def main() -> None:
    from worker import work  # noqa: PLC0415 - after the time-out above was shortened

    asyncio.run(work(Settings(), asyncio.Event(), slow))


if __name__ == "__main__":
    main()
