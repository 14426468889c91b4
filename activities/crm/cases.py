"""Cases by their rows: opened, answered, put right, opened again, closed; and the house's ladder.

Whoever writes here holds the customer's lock. The hold of a complaint has its case's id, so that no
message begins once the case is there.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.calendar import office_due
from activities.crm import holds, tasks
from activities.crm.house import HouseRules, house_rules
from activities.crm.matrix import Row
from activities.crm.milestones import record_decision
from activities.crm.tables import Case, Customer, new_id
from workflows import vocabulary as v
from workflows.vocabulary import Form, Ladder, Role, Rung, Severity

COMPLAINT, INQUIRY = "complaint", "inquiry"
OPEN, RESOLVED, CLOSED = "open", "resolved", "closed"
WORSE = {None: Severity.MEDIUM, Severity.LOW: Severity.MEDIUM, Severity.MEDIUM: Severity.HIGH}
TITLES = {COMPLAINT: "answer a complaint", INQUIRY: "answer what the customer wrote"}


def follow_up_of(case_id: str) -> str:
    """The id of the case's workflow."""
    return f"case.{case_id}"


def answer_key(case_id: str) -> str:
    """The key of its first task, as its workflow will ask for it."""
    return f"{follow_up_of(case_id)}/task/2/case-answer"


async def begin(
    session: AsyncSession,
    now: datetime,
    customer: Customer,
    *,
    kind: str,
    key: str,
    at: datetime,
    **fields: Any,
) -> Case:
    """The case, its hold if it is a complaint, and somebody who is to answer, all at once."""
    case = Case(
        id=new_id("case"),
        key=key,
        customer_id=customer.id,
        kind=kind,
        state=OPEN,
        opened_at=at,
        **fields,
    )
    session.add(case)
    await session.flush()
    if kind == COMPLAINT:
        await keep_back(session, now, case)
    await _call_somebody(session, now, case, customer)
    facts = {"case": case.id, "severity": case.severity, "type": case.type}
    await log(session, now, case, "opened", reason=kind, facts=facts)
    return case


async def keep_back(session: AsyncSession, now: datetime, case: Case) -> None:
    await holds.hold(session, now, customer_id=case.customer_id, kind=COMPLAINT, hold_id=case.id)


async def _call_somebody(
    session: AsyncSession, now: datetime, case: Case, customer: Customer
) -> None:
    ladder = ladder_for(case, customer, await house_rules(session), case.opened_at)
    urgent = case.kind == COMPLAINT
    task = v.Task(
        key=answer_key(case.id),
        customer_id=customer.id,
        follow_up=follow_up_of(case.id),
        clause="2",
        role=ladder.role,
        what=TITLES[case.kind],
        template="case-answer",
        form=Form.ANSWER,
        urgent=urgent,
        case_id=case.id,
    )
    due = max(ladder.answer_by, now)
    await tasks.put(session, now, task, customer, due=due, priority=1 if urgent else 2)


async def settle(
    session: AsyncSession, now: datetime, case: Case, *, outcome: str, by: str | None
) -> bool:
    """Close the case and release what it held back; False if it was closed before."""
    if case.closed_at is not None:
        return False
    case.state, case.closed_at, case.outcome = CLOSED, now, outcome
    case.resolved_at = case.resolved_at or now
    await holds.release(session, now, [case.id], by=by)
    for task in await tasks.open_of(session, follow_up_of(case.id)):
        if task.role != Role.ENGINEER:  # who was called in need not come any more
            tasks.settle(task, now, tasks.WITHDRAWN, "case_closed")
    await log(session, now, case, "closed", reason=outcome, facts={"by": by} if by else {})
    return True


async def put_right(
    session: AsyncSession,
    now: datetime,
    case: Case,
    *,
    by: str | None,
    root_cause: str | None = None,
    resolution: str | None = None,
) -> None:
    """We think it is put right; what the customer thinks is yet to be asked."""
    if case.state != OPEN:
        return
    case.state, case.resolved_at = RESOLVED, now
    case.root_cause, case.resolution = root_cause or case.root_cause, resolution or case.resolution
    facts = {"root_cause": root_cause, "by": by}
    await log(session, now, case, "resolved", facts={k: x for k, x in facts.items() if x})


async def answered(session: AsyncSession, now: datetime, case: Case, *, by: str, how: str) -> None:
    """A person has answered, for the first time or again."""
    first = case.answered_at is None
    case.answered_at, case.answered_by = case.answered_at or now, case.answered_by or by
    late = int((now - case.opened_at).total_seconds())
    facts = {"by": by, "seconds": late} if first else {"by": by}
    await log(session, now, case, "answered", reason=how, facts=facts)


async def reopen(session: AsyncSession, now: datetime, case: Case) -> None:
    """The customer is not satisfied: it is open again, and holds again."""
    case.state, case.resolved_at, case.closed_at, case.outcome = OPEN, None, None, None
    case.reopened += 1
    if case.kind == COMPLAINT:
        await keep_back(session, now, case)
    await log(session, now, case, "reopened", facts={"times": case.reopened})


async def went_on(
    session: AsyncSession,
    now: datetime,
    case: Case,
    customer: Customer,
    *,
    severity: str | None = None,
    about: str | None = None,
) -> None:
    """There is news of it. It may be worse than was thought, never better: then its people have
    less time, and what is opened again climbs the steeper ladder."""
    worse = bool(severity) and _rank(severity) > _rank(case.severity)
    case.severity, case.type = severity if worse else case.severity, about or case.type
    facts = {"severity": case.severity if worse else None, "type": about}
    known = {name: said for name, said in facts.items() if said}
    await log(session, now, case, "updated", reason="worse" if worse else None, facts=known)
    if worse:
        ladder = ladder_for(case, customer, await house_rules(session), case.opened_at)
        moments = {Form.ANSWER: ladder.answer_by, Form.RESOLVE: ladder.resolve_by}
        for task in await tasks.open_of(session, follow_up_of(case.id)):
            if (due := moments.get(Form(task.form))) and task.case_id == case.id:
                task.due_at = min(task.due_at, max(due, now))


def _rank(severity: str | None) -> int:
    return list(Severity).index(Severity(severity)) if severity else -1


async def log(
    session: AsyncSession,
    now: datetime,
    case: Case,
    what: str,
    *,
    reason: str | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """A line of the case's log, which is never changed (S3 5)."""
    await record_decision(
        session,
        now,
        customer_id=case.customer_id,
        follow_up=follow_up_of(case.id),
        key=f"{follow_up_of(case.id)}/log",
        outcome=f"case_{what}",
        reason=reason,
        facts=facts,
    )


# -- finding them ------------------------------------------------------------------------


async def open_of(session: AsyncSession, customer_id: str, kind: str = "") -> list[Case]:
    """The customer's cases that are not closed, oldest first."""
    query = select(Case).where(Case.customer_id == customer_id, Case.closed_at.is_(None))
    if kind:
        query = query.where(Case.kind == kind)
    return list((await session.execute(query.order_by(Case.opened_at, Case.id))).scalars())


async def of_id(session: AsyncSession, customer_id: str, case_id: str) -> Case | None:
    """The customer's case by our id."""
    case = await session.get(Case, case_id)
    return case if case and case.customer_id == customer_id else None


async def of_key(session: AsyncSession, customer_id: str, key: str) -> list[Case]:
    """The customer's cases by what the system that opened them calls them, the newest first."""
    query = select(Case).where(
        Case.customer_id == customer_id, or_(Case.key == key, Case.key.endswith(_was(key)))
    )
    query = query.order_by((Case.key == key).desc(), Case.opened_at.desc(), Case.id)
    return list((await session.execute(query)).scalars())


async def take_over(session: AsyncSession, customer_id: str, key: str) -> None:
    """From now on the key means another case; those that had it keep a trace of it."""
    for case in await of_key(session, customer_id, key):
        if case.key == key:
            case.key = f"{case.id}{_was(key)}"
    await session.flush()


def _was(key: str) -> str:
    return f":was:{hashlib.sha256(key.encode()).hexdigest()[:24]}"


# -- the matrix --------------------------------------------------------------------------


def ladder_for(
    case: Case, customer: Customer, rules: HouseRules, since: datetime, reopened: int = 0
) -> Ladder:
    """Who hears of the case when, by type, severity and tier; once opened again it is worse."""
    severity = Severity(case.severity) if case.severity else None
    for _ in range(reopened):
        severity = WORSE.get(severity, Severity.CRITICAL)
    row = next((r for r in rules.matrix if _fits(r, case, customer, severity)), Row())

    office = rules.office(customer.country)

    def moment(span: timedelta, clock: str) -> datetime:
        return office_due(since, span, office) if clock == "office" else since + span

    rungs = [
        Rung(at=moment(step.after, step.clock), role=step.role, until=step.until)
        for step in row.ladder
    ]
    return Ladder(
        role=Role.MANAGER if reopened else row.role,
        answer_by=moment(row.answer, row.answer_clock),
        resolve_by=moment(row.resolve, row.resolve_clock),
        update_every=row.update_every,
        rungs=tuple(sorted(rungs, key=lambda rung: rung.at)),
    )


def _fits(row: Row, case: Case, customer: Customer, severity: Severity | None) -> bool:
    return (
        row.kind in ("", case.kind)
        and (not row.types or case.type in row.types)
        and (not row.severities or severity in row.severities)
        and (not row.tiers or customer.tier in row.tiers)
    )
