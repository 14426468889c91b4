"""The outbox as a provider: what it says it never took, it never takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from activities.channels import Parcel
from activities.channels.outbox import OutboxChannel
from activities.crm.store import Store
from tests.factories import NOON, FakeClock

PARCEL = Parcel("follow-up/welcome", "ada@example.com", "Hello", "Hello", None, "csr")


class Drowsy(OutboxChannel):
    """Falls asleep before its commit."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        super().__init__(store, clock, "email")
        self.asleep, self.woken = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def _taking_turns(self, parcel: Parcel) -> AsyncIterator[AsyncSession]:
        async with super()._taking_turns(parcel) as session:
            yield session
            await session.flush()
            self.asleep.set()
            await self.woken.wait()


async def test_what_is_being_taken_is_waited_for(store: Store, clock: FakeClock) -> None:
    """A look-up in the middle of a commit, however long that takes, finds what comes of it."""
    drowsy, other = Drowsy(store, clock), OutboxChannel(store, clock, "email")
    sending = asyncio.create_task(drowsy.send(PARCEL))
    await drowsy.asleep.wait()
    looking = asyncio.create_task(other.look_up(PARCEL, NOON))
    await asyncio.sleep(0.1)
    assert not looking.done()
    drowsy.woken.set()
    assert await looking == ((await sending).provider_id,)
