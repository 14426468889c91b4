"""Who of ours does it: the customer's owner, else who stands in for them, else the role's queue.

Whether somebody is away is asked in policy time, as all that tasks are due by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import Staff
from workflows.vocabulary import Role

# Theirs is not the owner's work:
OVERSEE = (Role.MANAGER, Role.SALES_MANAGER, Role.QUALITY, Role.PRIVACY, Role.ENGINEER)


class Roster:
    """The colleagues with an account, as they stand at a moment."""

    def __init__(self, rows: Iterable[Staff], now: datetime) -> None:
        self.now = now
        self._rows = list(rows)
        self._by_name = {row.id: row for row in self._rows}
        self._by_name |= {row.email: row for row in self._rows if row.email}

    @classmethod
    async def at(cls, session: AsyncSession, now: datetime) -> Roster:
        query = select(Staff).order_by(Staff.created_at, Staff.id)
        return cls((await session.execute(query)).scalars(), now)

    def named(self, said: str | None) -> Staff | None:
        """By e-mail address, or by id."""
        said = (said or "").strip()
        return self._by_name.get(said) or self._by_name.get(said.lower())

    def is_here(self, row: Staff, at: datetime | None = None) -> bool:
        """Whether they can be given something now, or will be back by then."""
        away = row.away_until is not None and row.away_until > (at or self.now)
        return row.email is not None and row.disabled_at is None and not away

    def standing_in(self, said: str | None) -> Staff | None:
        """Whoever this is, if they are here; else their deputy, or that one's: nobody, where the
        chain ends, or bites its own tail."""
        for row in self._chain(said):
            if self.is_here(row):
                return row
        return None

    def deputy_of(self, said: str | None) -> Staff | None:
        """Who takes over from somebody who is here, and has not come to it."""
        row = self.named(said)
        found = self.standing_in(row.deputy) if row else None
        return None if found is row else found

    def of(self, role: Role) -> list[Staff]:
        """Those of the role who are here."""
        return [row for row in self._rows if row.role == role.value and self.is_here(row)]

    def absent(self) -> list[Staff]:
        """Those who have left, or are away."""
        return [row for row in self._rows if row.email and not self.is_here(row)]

    def _chain(self, said: str | None) -> Iterator[Staff]:
        seen: set[str] = set()
        row = self.named(said)
        while row is not None and row.id not in seen:
            yield row
            seen.add(row.id)
            row = self.named(row.deputy)


def taker(roster: Roster, role: Role, owner: str | None) -> Staff | None:
    """Whose task it is from the beginning; none: the first of the role who comes to it."""
    row = roster.standing_in(owner)
    if row is None or (role in OVERSEE and row.role != role.value):
        return None
    return row
