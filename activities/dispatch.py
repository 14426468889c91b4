"""The request, and what came of it: written down, whatever it was.

The provider has it: that is kept first and alone. It surely has not: the message goes back, to
wait, to go another way, or to nobody. Nobody knows: the row stays taken until that is found out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from activities.channels import (
    Accepted,
    Because,
    Channel,
    Parcel,
    Rejected,
    UnknownOutcomeError,
)
from activities.clock import Clock
from activities.crm import consents, doubts, inbox, ledger, providers
from activities.crm.milestones import decide
from activities.crm.store import Store, take_turns
from activities.crm.suppressions import suppress
from activities.crm.tables import Message as Row
from activities.discretion import where
from activities.reconcile import BUSY, later
from workflows.vocabulary import Message, Sent, Step

log = structlog.get_logger("aftercare.messaging")

AT_ONCE = 20  # requests to one provider at a time, so that one that hangs leaves room for others
AGAIN = 0.5  # seconds until the database is asked again to keep what was sent
UNSAID = timedelta(seconds=30)  # until it is tried again, if who is busy does not say when


@dataclass(frozen=True)
class Attempt:
    """One try, which holds the message's row until the deadline."""

    number: int
    channel: Channel
    parcel: Parcel
    began: float  # seconds since boot
    go: providers.Go
    first: bool = True  # no attempt on this channel before it is in doubt


class Dispatch:
    """Makes the request of an attempt, once."""

    def __init__(self, store: Store, clock: Clock, boot: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._boot = boot
        self._under_way: Counter[str] = Counter()
        self._troubled: set[str] = set()  # who failed of late, so that an answer is news

    def has_room(self, channel: Channel) -> bool:
        provider = channel.provider
        return provider in providers.OURS or self._under_way[provider] < AT_ONCE

    async def __call__(self, message: Message, attempt: Attempt) -> Sent | None:
        """One request; `None`: refused for good on this channel, so that the gate is asked anew.

        Half of the deadline is for getting here, half for the provider, so that nothing leaves
        after it. Raises a retryable error if it is to be tried again, with the delay.
        """
        until = asyncio.get_running_loop().time() + _half(attempt)  # first: we may fall asleep here
        if self._boot() - attempt.began > _half(attempt):
            await self._give_back(message, attempt)
            raise later("lease_lost", BUSY)
        try:
            outcome = await self._request(attempt, until)
        except Exception as error:  # noqa: BLE001 - whatever it was, the provider may have it
            await self._unknown(message, attempt, error)
            channel = attempt.channel
            raise later("unknown", channel.deadline + channel.quarantine) from None
        if isinstance(outcome, Accepted):
            return await self._accepted(message, attempt, outcome.provider_id)
        if outcome.later:
            again = await self._for_now(message, attempt, outcome)
            spared = outcome.because in (Because.BUSY, Because.AWAY)  # so the gate waits, too
            if spared and self._too_late(message, again.next_retry_delay):
                return None  # and says that it is stale
            raise again
        await self._for_good(message, attempt, outcome)
        return None

    async def _request(self, attempt: Attempt, until: float) -> Accepted | Rejected:
        provider = attempt.channel.provider
        self._under_way[provider] += 1
        try:
            async with asyncio.timeout_at(until):
                return await attempt.channel.send(attempt.parcel)
        finally:
            self._under_way[provider] -= 1

    # -- the provider has it ---------------------------------------------------------------

    async def _accepted(self, message: Message, attempt: Attempt, provider_id: str) -> Sent:
        now = self._clock.now()
        # Nothing may come between, not even the end of this worker: only we know that it is there.
        await asyncio.shield(self._kept(message.key, attempt, provider_id, now))
        async with self._store.transaction() as session:
            await take_turns(session, message.customer_id)
            row = await ledger.find(session, message.key)
            if row is None or row.state not in ledger.GONE:  # it came back, and is on its way anew
                return Sent(key=message.key, at=now)
            await ledger.record_sent(session, message, row, self._clock.now())
            await self._answered(session, attempt)
            return Sent(key=message.key, at=row.sent_at or now)

    async def _kept(self, key: str, attempt: Attempt, provider_id: str, now: datetime) -> None:
        """Write down that it is sent, first and alone, however often the database must be asked."""
        until = self._boot() + attempt.channel.deadline.total_seconds()
        while True:
            try:
                async with self._store.transaction() as session:
                    if not await ledger.confirm(session, key, provider_id, now):
                        await doubts.trip(session, key, now)
                return
            except (SQLAlchemyError, OSError) as error:
                if self._boot() > until:
                    raise
                log.warning("not_kept_yet", key=key, error=type(error).__name__)
                await asyncio.sleep(AGAIN)

    async def _answered(self, session: AsyncSession, attempt: Attempt) -> None:
        """Whoever answers is there, whether or not it was in trouble when it was asked."""
        provider = attempt.channel.provider
        if attempt.go.troubled or provider in self._troubled:
            self._troubled.discard(provider)
            await providers.answered(session, provider)

    # -- nobody knows ------------------------------------------------------------------------

    async def _unknown(self, message: Message, attempt: Attempt, error: Exception) -> None:
        code = str(error) if isinstance(error, UnknownOutcomeError) else where(error)
        provider = attempt.channel.provider
        log.warning("outcome_unknown", key=message.key, provider=provider, error=code)
        facts = {"via": provider, "attempt": attempt.number}
        async with self._store.transaction() as session:
            await decide(session, self._clock.now(), message, "in_doubt", facts=facts)
            await self._failed(session, attempt, "no_answer")

    async def _failed(self, session: AsyncSession, attempt: Attempt, fault: str) -> datetime | None:
        provider, now = attempt.channel.provider, self._clock.real()
        self._troubled.add(provider)
        return await providers.failed(session, provider, fault, now, probe=attempt.go.probe)

    # -- it surely has not -------------------------------------------------------------------

    async def _give_back(self, message: Message, attempt: Attempt) -> None:
        """Whoever asks next asks the gate anew, and keeps the slot."""
        async with self._store.transaction() as session:
            await self._mine(session, message, attempt)

    async def _for_now(
        self, message: Message, attempt: Attempt, said: Rejected
    ) -> ApplicationError:
        """Put it off, and spare the provider: the error that says until when."""
        real, until, provider = self._clock.real(), None, attempt.channel.provider
        async with self._store.transaction() as session:
            row = await self._mine(session, message, attempt)
            if said.because is Because.AWAY:
                until = await self._failed(session, attempt, said.reason)
            elif said.because is Because.LATER:
                until = real + (said.retry_after or UNSAID)
                await self._answered(session, attempt)
            elif said.because is Because.BUSY:
                until = real + (said.retry_after or UNSAID)
                await providers.busy(session, provider, until)
                if said.retry_after is None:  # it may mean this one alone: behind those who wait
                    until += UNSAID
            elif row is not None:
                await doubts.pause(session, row, said.reason, self._clock.now())
            if row is not None and said.because is Because.AWAY:
                facts = {"provider": provider, "fault": said.reason}
                now = self._clock.now()
                await ledger.put_off(session, message, row, now, reason=providers.AWAY, facts=facts)
        if said.because is Because.ACCOUNT:
            return later("paused", BUSY)
        return later(said.reason, until - real if until else None)

    def _too_late(self, message: Message, delay: timedelta | None) -> bool:
        """Whether no attempt fits in after so long."""
        if delay is None or message.latest is None:
            return False
        return self._clock.now() + delay * self._clock.pace.factor >= message.latest

    async def _for_good(self, message: Message, attempt: Attempt, said: Rejected) -> None:
        """Remember that this way is closed, to this message or to all."""
        now, provider = self._clock.now(), attempt.channel.provider
        async with self._store.transaction() as session:
            row = await self._mine(session, message, attempt)
            if row is None:
                raise later("in_flight", BUSY)
            row.tried = [*row.tried, {"channel": row.channel, "reason": said.reason}]
            if said.because is Because.ADDRESS and row.address:
                await suppress(session, row.address, said.reason, now)
                row.begun_at = None  # nor did an earlier attempt arrive there
            elif said.because is Because.OPTED_OUT:
                await _opt_out(session, message, row, now)
            await self._answered(session, attempt)
            if said.reason in doubts.OURS:
                await doubts.tell(session, provider, said.reason, now)
            facts = {"channel": row.channel, "provider": provider}
            await decide(session, now, message, "rejected", reason=said.reason, facts=facts)

    async def _mine(self, session: AsyncSession, message: Message, attempt: Attempt) -> Row | None:
        """The row, given back, if this attempt still holds it."""
        await take_turns(session, message.customer_id)
        row = await ledger.find(session, message.key)
        if row is None or (row.state, row.attempts) != (ledger.SENDING, attempt.number):
            return None
        row.state, row.deadline = ledger.RESERVED, None
        row.begun_at = None if attempt.first else row.begun_at
        return row


def _half(attempt: Attempt) -> float:
    return attempt.channel.deadline.total_seconds() / 2


async def _opt_out(session: AsyncSession, message: Message, row: Row, now: datetime) -> None:
    """The customer told the provider: it holds from now on, and every follow-up is to hear it."""
    said, source = {row.channel or "": False}, row.via
    await consents.state(session, message.customer_id, said, at=now, now=now, source=source)
    heard = Step(key=f"{message.key}/{row.channel}/stopped", customer_id=message.customer_id)
    await inbox.want(session, now, "consent.changed", heard, {**said, "source": source})
