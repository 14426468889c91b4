"""Work that one process at a time does for all: whose turn it is. By real time."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from activities.crm.store import Store, lock_name
from activities.crm.tables import Setting

TURN = timedelta(minutes=3)  # a process that died is succeeded after this


class Turn:
    """One process's claim to a piece of work, by its name."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self.by = secrets.token_hex(8)
        self._until: datetime | None = None

    async def is_ours(self, real: datetime) -> bool:
        """Whether nobody else has the turn; ours is renewed in time."""
        if self._until is not None and real < self._until - TURN / 2:
            return True
        async with self._store.transaction() as session:
            await lock_name(session, self._name)
            row = await session.get(Setting, self._name)
            until = datetime.fromisoformat(row.value["until"]) if row else real
            if row is not None and row.value["by"] != self.by and real < until:
                self._until = None
                return False
            turn = {"by": self.by, "until": (real + TURN).isoformat()}
            if row is None:
                session.add(Setting(name=self._name, value=turn))
            else:
                row.value = turn
        self._until = real + TURN
        return True
