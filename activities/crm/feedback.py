"""What customers think, in numbers; their words stand in the note. And what it is: its type, its
urgency, and whether more may come of it (S2 5.3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import inbox
from activities.crm.house import Taxonomy, house_rules
from activities.crm.milestones import record_decision
from activities.crm.tables import Feedback, Inbox, new_id
from workflows.vocabulary import Potency, Severity

CLASSES = ("type", "urgency", "potential")
CLASSIFIED = "feedback_classified"  # the outcome of its decisions
SERIOUS = "feedback.serious"  # the event that has somebody see to it
STAFF = "staff"


async def keep(
    session: AsyncSession, *, key: str, customer_id: str, at: datetime, source: str, **fields: Any
) -> Feedback:
    """One opinion, once under its key."""
    query = select(Feedback).where(Feedback.key == key)
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        row = Feedback(
            id=new_id("fb"), key=key, customer_id=customer_id, at=at, source=source, **fields
        )
        session.add(row)
        await session.flush()
    return row


def is_low(row: Feedback, low: float) -> bool:
    """Whether somebody has to see to it: the product, or all of it, was found wanting."""
    return any(score is not None and score <= low for score in (row.product, row.overall))


def is_serious(row: Feedback, taxonomy: Taxonomy) -> bool:
    """Whether somebody has to see to it by its urgency, or by what it may come to."""
    return row.urgency in taxonomy.urgent or row.potential in taxonomy.opens_case


def place(
    row: Feedback,
    taxonomy: Taxonomy,
    now: datetime,
    *,
    by: str,
    type_: str | None = None,
    urgency: str | None = None,
    potential: str | None = None,
) -> None:
    """What came with it of its class, where nobody has said otherwise; what it is about may be its
    type. Only with all three of them it is classified."""
    fits = row.category if row.category in taxonomy.types else None
    said = {"type": type_ or fits, "urgency": urgency, "potential": potential}
    for name, value in said.items():
        if getattr(row, name) is None:
            setattr(row, name, value)
    if row.classified_at is None and all(getattr(row, name) for name in CLASSES):
        row.classified_at, row.classified_by = now, by


async def classify(
    session: AsyncSession,
    now: datetime,
    row: Feedback,
    *,
    type_: str,
    urgency: str,
    potential: str,
    by: str,
) -> Inbox | None:
    """Say what it is. The first word has the stamp, and later ones are changes on record.

    What somebody has to see to is an event, to be carried out once this is kept: the intake opens
    the case, its hold and its first task, and tells whom it concerns.
    """
    said = {"type": type_, "urgency": Severity(urgency), "potential": Potency(potential)}
    changed = {name: value for name, value in said.items() if getattr(row, name) != value}
    first = row.classified_at is None
    if not first and not changed:
        return None
    before = {name: getattr(row, name) for name in changed}
    for name, value in changed.items():
        setattr(row, name, str(value))
    if first:
        row.classified_at, row.classified_by = now, by
    after = {name: f"{before[name] or 'unsaid'} → {said[name]}" for name in changed}
    await record_decision(
        session,
        now,
        customer_id=row.customer_id,
        follow_up=row.follow_up,
        clause=row.clause,
        key=row.id,
        outcome=CLASSIFIED,
        reason=None if first else "changed",
        facts={"feedback": row.id, **after, "by": by},
    )
    taxonomy = (await house_rules(session)).taxonomy
    return await _serious(session, now, row) if is_serious(row, taxonomy) else None


async def _serious(session: AsyncSession, now: datetime, row: Feedback) -> Inbox | None:
    """Once for each class it was given: what was seen to is not seen to again."""
    event: dict[str, Any] = {
        "id": f"{row.id}/{row.urgency}/{row.potential}",
        "type": SERIOUS,
        "customer": {"id": row.customer_id},
        "data": {"feedback_id": row.id},
    }
    if await inbox.known(session, STAFF, event["id"]) is not None:
        return None
    kept = inbox.row_for(STAFF, event, occurred_at=now, now=now)
    session.add(kept)
    await session.flush()
    return kept
