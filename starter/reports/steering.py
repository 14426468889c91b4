"""What people asked of follow-ups, and why: who held, skipped or ended, beside what was decided."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import Audit, Enrolment
from starter.reports.objects import Shape

CONTROL = "follow_up."  # how the audit calls what the desk's controls did


class Steered(Shape):
    """One order of a person's."""

    at: datetime
    who: str
    what: str
    about: str  # a follow-up's id, or the customer's
    clause: str | None = None
    reason: str | None = None


async def steered(
    session: AsyncSession, target: str, clause: str | None = None, *, limit: int
) -> list[Steered]:
    """The newest orders about a follow-up, or about a customer and all of theirs; oldest first."""
    mine = select(Enrolment.id, Enrolment.customer_id).where(
        or_(Enrolment.id == target, Enrolment.customer_id == target)
    )
    about = {target, *(id_ for row in await session.execute(mine) for id_ in row)}
    query = select(Audit).where(Audit.target.in_(about), Audit.what.startswith(CONTROL))
    rows = (await session.execute(query.order_by(Audit.at.desc()).limit(limit))).scalars()
    found = [
        Steered(
            at=row.at,
            who=row.who,
            what=row.what.removeprefix(CONTROL).replace("_", " "),
            about=row.target or "",
            clause=row.facts.get("clause"),
            reason=row.reason,
        )
        for row in rows
    ]
    return [one for one in reversed(found) if clause in (None, one.clause)]
