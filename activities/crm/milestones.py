"""The checklist and its reasons: what became of each clause, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import Decision, Enrolment, Milestone, new_id
from workflows.vocabulary import PAST, State, Step

QUIET = "quiet_hours"  # why a clause that is next waits for its moment
STALE = "stale"  # why it was given up, long after its moment

_LINE = (
    select(Milestone)
    .where(Milestone.follow_up == bindparam("follow_up"))
    .where(Milestone.clause == bindparam("clause"), Milestone.about == bindparam("about"))
    .with_for_update()
)
_ENROLLED = select(Enrolment.id).where(Enrolment.id == bindparam("follow_up"))
_LAST = (
    select(Decision.key, func.max(Decision.at))
    .where(Decision.key.in_(bindparam("keys", expanding=True)))
    .group_by(Decision.key)
)
_DECIDED = select(
    Decision.key, Decision.clause, Decision.outcome, Decision.reason, Decision.facts
).where(tuple_(Decision.key, Decision.at).in_(_LAST))  # several, as simulated time may stand still


async def record_milestone(
    session: AsyncSession,
    now: datetime,
    *,
    follow_up: str,
    clause: str,
    about: str = "",
    state: State,
    reason: str | None = None,
    due_at: datetime | None = None,
    message_key: str | None = None,
    task_id: str | None = None,
) -> None:
    """Write where the clause stands; `due_at`, once known, stays, and lateness counts from it:
    never from an hour in which the customer was to be left in peace."""
    if not clause:
        return
    line = {"follow_up": follow_up, "clause": clause, "about": about}
    row = (await session.execute(_LINE, line)).scalar_one_or_none()
    if row is None:
        if (await session.execute(_ENROLLED, {"follow_up": follow_up})).first() is None:
            return
        row = Milestone(**line, late_by_seconds=0)
        session.add(row)
    opened = row.due_at if (row.state, row.reason) == (State.NEXT, QUIET) else None
    row.state, row.reason, row.updated_at = state, reason, now
    row.due_at = due_at or row.due_at
    if opened and row.due_at and state in PAST:
        row.due_at = max(row.due_at, opened)
    row.message_key = message_key or row.message_key
    row.task_id = task_id or row.task_id
    row.done_at = now if state in PAST else None
    counts = state in (State.DONE, State.COVERED) or reason == STALE  # a breach, sent or not
    if row.done_at and row.due_at and counts:
        row.late_by_seconds = max(0, int((row.done_at - row.due_at).total_seconds()))


async def record_decision(
    session: AsyncSession,
    now: datetime,
    *,
    customer_id: str,
    outcome: str,
    follow_up: str | None = None,
    clause: str | None = None,
    key: str | None = None,
    reason: str | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Write down why."""
    decided = Decision(
        id=new_id("dec"),
        at=now,
        customer_id=customer_id,
        follow_up=follow_up,
        clause=clause,
        key=key,
        outcome=outcome,
        reason=reason,
        facts=facts or {},
    )
    await record_decisions(session, [decided])


async def record_decisions(session: AsyncSession, decided: Sequence[Decision]) -> None:
    """The same decision on the same facts, asked again, is one decision. What became of several
    clauses at one moment is one each: marks share a key."""
    known = {_words(one) for one in session.new if isinstance(one, Decision)}
    if keys := {one.key for one in decided if one.key}:
        with session.no_autoflush:  # all that was changed is written at once, at the end
            rows = await session.execute(_DECIDED, {"keys": list(keys)})
        known |= {_words(row) for row in rows}
    session.add_all(one for one in decided if not one.key or _words(one) not in known)


def _words(row: Any) -> str:
    return json.dumps([row.key, row.clause, row.outcome, row.reason, row.facts], sort_keys=True)


async def tick(
    session: AsyncSession,
    now: datetime,
    step: Step,
    state: State,
    *,
    reason: str | None = None,
    due_at: datetime | None = None,
    message_key: str | None = None,
    task_id: str | None = None,
) -> None:
    """Write where a step's clause stands."""
    await record_milestone(
        session,
        now,
        follow_up=step.follow_up,
        clause=step.clause,
        about=step.about,
        state=state,
        reason=reason,
        due_at=due_at,
        message_key=message_key,
        task_id=task_id,
    )


async def decide(
    session: AsyncSession,
    now: datetime,
    step: Step,
    outcome: str,
    *,
    reason: str | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Write down why a step came to what it came to."""
    await record_decision(
        session,
        now,
        customer_id=step.customer_id,
        follow_up=step.follow_up or None,
        clause=step.clause or None,
        key=step.key,
        outcome=outcome,
        reason=reason,
        facts=facts,
    )
