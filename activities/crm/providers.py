"""How the providers are doing: the rate that none is asked beyond, and peace for one that is away.

All in real time. Who takes turns here has the customer's lock already, never the other way round.
The turns are one queue for all providers: two messages that each ask both would block each other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.store import lock_name
from activities.crm.tables import Message, Provider

OURS = ("outbox", "desk")  # they are in our own database: nobody needs to be spared
AWAY, BUSY, RATE = "provider_away", "provider_busy", "rate"

TRIES = 3  # failures in a row, after which it is left in peace
PEACE, LONGEST = timedelta(seconds=30), timedelta(minutes=10)  # doubled from one to the other
DOUBLINGS = 5
AT_A_TIME = timedelta(seconds=1)  # whose worth of messages may go at once
LATE = timedelta(seconds=2)  # by which a turn may be missed and still holds
HERD = timedelta(minutes=1)  # over which those who waited for it come back
LASTING = timedelta(minutes=15)  # after so long what is urgent goes another way, if there is one


@dataclass(frozen=True)
class Wait:
    """Not yet: the provider is away, or it has others to serve first."""

    reason: str
    until: datetime
    fault: str = ""  # the provider's last
    lasting: bool = False


@dataclass(frozen=True)
class Go:
    """It may be asked."""

    troubled: bool = False  # that it answers again is news
    probe: bool = False  # the one that goes ahead, to see whether it does


async def admit(
    session: AsyncSession,
    name: str,
    row: Message,
    *,
    rate: float,
    now: datetime,
    lease: timedelta,
    urgent: bool,
) -> Go | Wait:
    """Whether the provider may be asked now to carry the row's message, else from when on.

    The row keeps the turn it is given (`rate`, a second), so that it waits once. What is urgent has
    turns of its own; meanwhile all others move behind.
    """
    if name in OURS:
        return Go()
    state = await _state(session, name)
    if state.open_until and state.open_until > now:
        gap = min(state.open_until - now, HERD)
        since = state.failing_since
        return Wait(
            AWAY if state.failures else BUSY,
            state.open_until + gap * _share(row.key),
            state.fault or "",
            lasting=state.open_until - now >= LASTING
            or (since is not None and now - since >= LASTING),
        )
    turn = _turn(state, row, timedelta(seconds=1 / rate), now, urgent=urgent)
    waits = turn > now + AT_A_TIME
    row.turn_at = turn if waits else None
    if waits:
        return Wait(RATE, turn)
    probe = state.failures >= TRIES
    if probe:
        state.open_until = now + lease
    return Go(troubled=bool(state.failures), probe=probe)


def _turn(
    state: Provider, row: Message, gap: timedelta, now: datetime, *, urgent: bool
) -> datetime:
    """The row's own turn, if it was given one that still holds, or the next that is free."""
    yields = not urgent and state.urgent_at is not None and state.urgent_at > now
    if row.turn_at and (row.turn_at > now or (now - row.turn_at <= LATE and not yields)):
        return row.turn_at
    free = max(state.turn_at or now, now)
    if urgent:
        turn = max(state.urgent_at or now, now)
        state.urgent_at = turn + gap
    else:
        turn = free = max(free, state.urgent_at or now)
    state.turn_at = free + gap
    return turn


async def failed(
    session: AsyncSession, name: str, fault: str, now: datetime, *, probe: bool = False
) -> datetime | None:
    """It could not be reached, or never answered: from when on it may be asked again, if it is to
    be left in peace. What fails at the same time as others counts once."""
    state = await _state(session, name)
    if state.open_until and state.open_until > now and not probe:
        return state.open_until
    state.failures, state.fault = state.failures + 1, fault
    state.failing_since = state.failing_since or now
    if state.failures >= TRIES:
        doublings = min(state.failures - TRIES, DOUBLINGS)
        state.open_until = now + min(PEACE * 2**doublings, LONGEST)
        return state.open_until
    return None


async def busy(session: AsyncSession, name: str, until: datetime) -> None:
    """It has too much to do, and says from when on it will have time."""
    state = await _state(session, name)
    waits = state.open_until if not state.failures else None  # which another was told before
    state.failures, state.fault, state.failing_since = 0, None, None  # it answers, after all
    state.open_until = max(waits or until, until)


async def unfit(
    session: AsyncSession, name: str, fault: str, now: datetime, until: datetime
) -> None:
    """It takes nothing from us as we are set up: it is not asked before then."""
    state = await _state(session, name)
    state.failures, state.fault, state.open_until = max(state.failures, TRIES), fault, until
    state.failing_since = state.failing_since or now


async def answered(session: AsyncSession, name: str) -> None:
    """It is there again."""
    state = await _state(session, name)
    if state.failures:  # else it only has too much to do, and said until when
        state.failures, state.fault, state.failing_since, state.open_until = 0, None, None, None


async def _state(session: AsyncSession, name: str) -> Provider:
    await lock_name(session, "providers")
    query = select(Provider).where(Provider.name == name)
    fresh = {"populate_existing": True}
    state = (await session.execute(query, execution_options=fresh)).scalar_one_or_none()
    if state is None:
        state = Provider(name=name, failures=0)
        session.add(state)
    return state


def _share(key: str) -> float:
    """A number from 0 to 1, always the same for a key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) / 2**32
