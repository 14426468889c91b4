"""At which doors of other systems deliveries are refused now, as not signed by whom they say."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.inbox import FETCHED, HOOKS
from activities.crm.tables import Inbox, Setting
from starter.reports.objects import Shape

DOOR = "door "  # how the name begins under which refusals are remembered; the sender's path follows


class Refused(Shape):
    """What was refused at a door, and when it last took something."""

    path: str
    refused: int
    refused_at: datetime
    taken_at: datetime | None = None

    @property
    def is_refusing(self) -> bool:
        """Whether the last that came was refused."""
        return self.taken_at is None or self.refused_at > self.taken_at


async def refused(session: AsyncSession) -> dict[str, Refused]:
    """By the sender's path; none of a door that never refused one."""
    told = select(Setting.name, Setting.value).where(Setting.name.startswith(DOOR))
    known = {row[0].removeprefix(DOOR): row[1] for row in await session.execute(told)}
    taken = await _taken(session, list(known)) if known else {}
    return {
        path: Refused(
            path=path, refused=said["refused"], refused_at=said["at"], taken_at=taken.get(path)
        )
        for path, said in known.items()
    }


async def _taken(session: AsyncSession, paths: list[str]) -> dict[str, datetime]:
    posted = ~Inbox.raw.contains(f'"query": "{FETCHED}"')  # what we asked for, nobody signed
    latest = select(Inbox.type, func.max(Inbox.received_at)).group_by(Inbox.type)
    latest = latest.where(Inbox.type.in_([HOOKS + path for path in paths]), posted)
    return {row[0].removeprefix(HOOKS): row[1] for row in await session.execute(latest)}
