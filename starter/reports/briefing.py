"""What somebody should know before they do a task, as it stands when they read it (S2 5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import accounts, briefs
from activities.crm.tables import Customer, Feedback, Note, Task

OPEN = "open"
FORGETFUL = ("contract", "meeting")  # what may be over since: then it is not in the brief any more


async def fresh(session: AsyncSession, row: Task, now: datetime) -> dict[str, Any]:
    """A task's brief: of an open one all that can change is read anew."""
    if row.state != OPEN:
        return row.brief
    said = {name: value for name, value in row.brief.items() if name not in FORGETFUL}
    customer = await session.get(Customer, row.customer_id) if row.customer_id else None
    if customer is not None and customer.erased_at is None:
        said |= await briefs.brief(session, customer, now=now, contract_id=row.contract_id)
    if row.feedback_id and (told := await _told(session, row.feedback_id)):
        said |= {"told": told}
    left = await accounts.left(session, row)
    return said | ({"left": left} if row.contract_id and row.brief.get("checks") else {})


async def _told(session: AsyncSession, feedback_id: str) -> dict[str, Any] | None:
    """What the customer said, where it is what the task is about."""
    row = await session.get(Feedback, feedback_id)
    if row is None:
        return None
    note = await session.get(Note, row.note_id) if row.note_id else None
    words = {"method": note.method, "text": note.summary} if note else {"method": row.source}
    scores = {"product": row.product, "overall": row.overall, "satisfied": row.satisfied}
    return {"at": row.at.isoformat(), "text": "", **words, **scores}


async def alerted(session: AsyncSession, rows: Sequence[Task]) -> dict[str, dict[str, Any]]:
    """The briefs of a list, each with what is to be minded of its customer now."""
    mine = {row.customer_id for row in rows if row.customer_id and row.state == OPEN}
    alerts = await briefs.alerts(session, mine) if mine else {}
    return {
        row.id: row.brief | {"alerts": alerts[row.customer_id]}
        if row.state == OPEN and row.customer_id
        else row.brief
        for row in rows
    }
