"""What was refused at the doors of other systems: counted, so that a wrong secret shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from activities.crm.inbox import HOOKS
from activities.crm.store import lock_name
from activities.crm.tables import Inbox, Setting
from starter.desk.fetching import Shops
from starter.senders import Sender
from starter.senders.registry import SENDERS
from starter.senders.woocommerce_shop import FETCHED

DOOR = "door "  # how the name begins under which it is remembered; the sender's path follows


@dataclass(frozen=True)
class Door:
    """One sender's: whether it is set up, and what it has taken and refused."""

    sender: Sender
    is_open: bool
    taken_at: datetime | None
    refused: int = 0
    refused_at: datetime | None = None

    @property
    def is_refusing(self) -> bool:
        """Whether the last that came was refused."""
        return bool(self.refused_at and (self.taken_at is None or self.refused_at > self.taken_at))


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

    async def doors(self) -> list[Door]:
        """Each door, in the registry's order."""
        posted = ~Inbox.raw.contains(f'"query": "{FETCHED}"')  # what we asked for, nobody signed
        latest = select(Inbox.type, func.max(Inbox.received_at))
        latest = latest.where(Inbox.type.startswith(HOOKS), posted)
        told = select(Setting.name, Setting.value).where(Setting.name.startswith(DOOR))
        async with self.store.reading() as session:
            taken = {row[0]: row[1] for row in await session.execute(latest.group_by(Inbox.type))}
            known = {row[0]: row[1] for row in await session.execute(told)}
        return [
            Door(
                sender,
                sender.is_set_up(self.settings),
                taken.get(HOOKS + path),
                said.get("refused", 0),
                datetime.fromisoformat(said["at"]) if said else None,
            )
            for path, sender in SENDERS.items()
            for said in (known.get(DOOR + path, {}),)
        ]
