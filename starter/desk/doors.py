"""What was refused at the doors of other systems: counted, so that a wrong secret shows."""

from __future__ import annotations

from activities.crm.store import lock_name
from activities.crm.tables import Setting
from starter.desk.fetching import Shops
from starter.reports.doors import DOOR


class Doors(Shops):
    async def refused(self, path: str, count: int) -> None:
        """So many more were refused there as not signed by who they say they are."""
        name, now = DOOR + path, self.clock.now().isoformat()
        async with self.store.transaction() as session:
            await lock_name(session, name)
            row = await session.get(Setting, name)
            if row is None:
                session.add(Setting(name=name, value={"refused": count, "at": now}))
            else:
                row.value = {"refused": row.value["refused"] + count, "at": now}
