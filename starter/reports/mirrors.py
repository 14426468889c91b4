"""The systems outside that are to have rows of ours: how far behind each is, and why."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import mirrors
from activities.crm.tables import Mirror
from starter.reports.objects import Shape


class Mirrored(Shape):
    """A system: what it has, what it does not know of yet and since when, what it refuses."""

    system: str
    told: int
    waiting: int
    since: datetime | None = None
    given_up: int
    errors: dict[str, int]  # codes, and of how many rows
    fault: str | None = None  # why it is left in peace as a whole,
    asked_again_at: datetime | None = None  # and until when


class RefusedRow(Shape):
    """A row of ours that a system does not take."""

    kind: str
    ref: str
    customer: str | None
    changed_at: datetime
    error: str


async def mirrored(session: AsyncSession, real: datetime) -> list[Mirrored]:
    """Every system that was ever to be told of something."""
    found = [await mirrors.standing(session, one, real) for one in await mirrors.systems(session)]
    return [Mirrored(**asdict(one)) for one in found]


async def refused(session: AsyncSession, system: str) -> list[RefusedRow]:
    """What it refuses, the oldest first: a hundred at most."""
    return [_row(one) for one in await mirrors.given_up(session, system)]


def _row(row: Mirror) -> RefusedRow:
    return RefusedRow(
        kind=row.kind,
        ref=row.ref,
        customer=row.customer_id,
        changed_at=row.changed_at,
        error=row.error or "",
    )
