"""A worker to be killed: the real one, with providers that take their time before and after.

    python -m tests.chaos.worker

Which they are, the settings say: an outbox that is slow, or the real channels to fakes. The times
that an attempt is allowed, by Temporal and by its channel, and the peace that a provider is left
in, are shortened, so that a test need not wait for a minute after each death.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncSession

from activities import dispatch
from activities.channels import Accepted, Channel, Parcel, Rejected, smtp
from activities.channels.outbox import OutboxChannel
from activities.channels.sendgrid import SendGridChannel
from activities.channels.smtp import Server, SmtpChannel
from activities.channels.twilio import TwilioChannel
from activities.clock import Clock
from activities.crm import providers, turns
from activities.crm.store import Store
from activities.settings import Settings
from workflows import contract


def seconds(name: str, otherwise: float) -> timedelta:
    """How long, as the test has it."""
    return timedelta(seconds=float(os.environ.get(f"CHAOS_{name}", otherwise)))


contract.ATTEMPT = seconds("ATTEMPT", 6)
turns.TURN = seconds("TURN", 2)
providers.PEACE = dispatch.UNSAID = smtp.NOT_NOW = seconds("PEACE", 1)


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


class Distant:
    """A channel that takes its time to reach its provider."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def send(self, parcel: Parcel) -> Accepted | Rejected:
        await asyncio.sleep(random.uniform(0, seconds("DISTANCE", 0.1).total_seconds()))
        return await self._channel.send(parcel)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


def channels_for(settings: Settings, store: Store, clock: Clock) -> dict[str, Channel]:
    """As the real worker has them, but for the times."""
    outboxes = [SlowOutbox(store, clock, name) for name in ("email", "sms", "letter", "call")]
    channels: dict[str, Channel] = {outbox.name: outbox for outbox in outboxes}
    deadline, quarantine = SlowOutbox.deadline, SlowOutbox.quarantine
    lag = seconds("LAG", 2)
    if settings.email == "sendgrid":
        channels["email"] = SendGridChannel(
            clock,
            api_key=settings.sendgrid_api_key.get_secret_value(),
            base=settings.sendgrid_api_base,
            from_email=settings.from_email,
            deadline=deadline,
            quarantine=quarantine,
            lag=lag,
        )
    if settings.email == "smtp":
        channels["email"] = SmtpChannel(
            clock,
            server=Server.of(settings.smtp_url.get_secret_value()),
            from_email=settings.from_email,
            deadline=deadline,
            quarantine=quarantine,
        )
    if settings.sms == "twilio":
        channels["sms"] = TwilioChannel(
            clock,
            account_sid=settings.twilio_account_sid,
            auth_token=settings.twilio_auth_token.get_secret_value(),
            base=settings.twilio_api_base,
            from_number=settings.twilio_from,
            public_url=settings.public_url,
            deadline=deadline,
            quarantine=quarantine,
            lag=lag,
        )
    return {
        name: one if one.provider == "outbox" else cast("Channel", Distant(one))
        for name, one in channels.items()
    }


def main() -> None:
    import worker  # noqa: PLC0415 - after the times above were shortened

    slots = int(os.environ.get("CHAOS_SLOTS", "100"))
    vars(worker)["build"] = partial(worker.build, max_concurrent_activities=slots)
    settings = Settings()
    asyncio.run(worker.work(settings, asyncio.Event(), partial(channels_for, settings)))


if __name__ == "__main__":
    main()
