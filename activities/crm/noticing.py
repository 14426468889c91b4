"""That somebody is to be told of a task: written with what it is about, sent by `notices.py`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import Notice, Task, new_id

NEW, REMINDER, OVERDUE, ESCALATED, REASSIGNED, ANSWERED = (
    "new",
    "reminder",
    "overdue",
    "escalated",
    "reassigned",
    "answered",  # a manager has, what was asked about it
)
WHOEVER = ""  # the address of what is yet to be addressed: whoever has the task by then


async def notice(
    session: AsyncSession, now: datetime, task: Task, what: str, mark: str = ""
) -> None:
    """Have its people told, once for each mark."""
    await session.flush()  # its task comes first
    key = "/".join(filter(None, (task.id, what, mark)))
    known = select(Notice.id).where(Notice.key == key)
    if (await session.execute(known)).first() is None:
        session.add(
            Notice(
                id=new_id("not"),
                key=key,
                task_id=task.id,
                what=what,
                address=WHOEVER,
                urgent=task.urgent,
                at=now,
            )
        )
