"""The outbox: a provider in our own database. What it accepts can be read; nobody receives it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.channels import Accepted, Parcel, UnknownOutcomeError
from activities.channels.ours import OwnChannel
from activities.clock import since_boot
from activities.crm.store import lock_name
from activities.crm.tables import Outbox, new_id


class OutboxChannel(OwnChannel):
    """Serves e-mail, SMS and letters alike, by name."""

    provider = "outbox"

    async def send(self, parcel: Parcel) -> Accepted:
        began = since_boot()
        row = Outbox(
            id=new_id("out"),
            key=parcel.key,
            channel=self.name,
            address=parcel.to,
            subject=parcel.subject or None,
            body_text=parcel.text,
            body_html=parcel.html,
            attachments=[asdict(one) for one in parcel.attachments],
            accepted_at=self._clock.now(),
        )
        async with self._taking_turns(parcel) as session:
            # Nobody awaits it any more, and a statement under way hears of no cancellation.
            if since_boot() - began > self.deadline.total_seconds() / 2:
                raise UnknownOutcomeError("time_out")
            session.add(row)
        return Accepted(row.id)

    async def look_up(self, parcel: Parcel, since: datetime) -> tuple[str, ...]:
        same = (Outbox.key == parcel.key, Outbox.channel == self.name)
        query = select(Outbox.id).where(*same).order_by(Outbox.accepted_at, Outbox.id)
        async with self._taking_turns(parcel) as session:
            return tuple((await session.execute(query)).scalars())

    @asynccontextmanager
    async def _taking_turns(self, parcel: Parcel) -> AsyncIterator[AsyncSession]:
        """A worker may fall asleep before its commit: whoever looks it up waits for that."""
        async with self._store.transaction() as session:
            await lock_name(session, f"outbox:{parcel.key}")
            yield session
