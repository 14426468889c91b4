"""How fast policy time runs in this database: one factor and one origin, for good."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.spans import span_of
from activities.crm.tables import Setting
from workflows.vocabulary import Pace

PACE = "pace"
FASTEST = 86400.0 * 7  # a week in a second: beyond it a send takes longer than the days between


class PaceError(Exception):
    """A pace that cannot be read, or that this database does not have."""


def factor_of(said: str) -> float:
    """`1d=1s` says that a day of policy time takes a second."""
    policy, _, real = said.partition("=")
    fast, slow = span_of(policy), span_of(real)
    if not fast or not slow or not 1 <= fast / slow <= FASTEST:
        raise PaceError(
            f"cannot read the pace {said!r}: write how much of policy time passes in how much "
            "real time, as 1d=1s or 1h=1s"
        )
    return fast / slow


async def pace_of(session: AsyncSession) -> Pace:
    """The pace of this database: the world's, unless it was made for a demonstration."""
    row = await session.get(Setting, PACE)
    return Pace.model_validate(row.value) if row else Pace()


async def settle_pace(session: AsyncSession, now: datetime, said: str | None) -> Pace:
    """Fix the pace when the database is new; afterwards, none said or the same said is fine."""
    row = await session.get(Setting, PACE)
    if row is None:
        pace = Pace(factor=factor_of(said), since=now) if said else Pace()
        value: dict[str, Any] = pace.model_dump(mode="json")
        session.add(Setting(name=PACE, value=value))
        return pace
    pace = Pace.model_validate(row.value)
    if said and factor_of(said) != pace.factor:
        raise PaceError(f"it runs at {describe(pace)} for good, because follow-ups began at it")
    return pace


def describe(pace: Pace) -> str:
    """The pace in words that `factor_of` reads, or that it is the world's."""
    if pace.factor == 1:
        return "the world's pace"
    return f"1d={timedelta(days=1).total_seconds() / pace.factor:g}s"
