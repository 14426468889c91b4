"""Human steps: a task with its brief, its place on a list, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.calendar import business_window
from activities.crm.briefs import brief, worth
from activities.crm.enrolments import tell
from activities.crm.house import HouseRules, Office, house_rules
from activities.crm.milestones import record_decision, record_milestone
from activities.crm.noticing import NEW, notice
from activities.crm.staffing import Roster, taker
from activities.crm.tables import Contract, Customer, Enrolment, Milestone, Task, new_id
from workflows import vocabulary as v
from workflows.events import TaskDone
from workflows.vocabulary import State

OPEN, DONE, DECLINED, RELEASED, WITHDRAWN = "open", "done", "declined", "released", "withdrawn"
CAPACITY = "capacity"
FREE_FROM = "free_from"  # in a brief: not before then, for the customer has heard from us

_OPEN_OF = (
    select(Task)
    .where(Task.follow_up == bindparam("follow_up"), Task.state == OPEN)
    .with_for_update()
)
FIRST, SOON, USUAL = 1, 2, 3  # a complaint's, an inquiry's or an engineer's, all others


async def find(session: AsyncSession, key: str) -> Task | None:
    """The task under a step's key, locked."""
    query = select(Task).where(Task.key == key).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def put(
    session: AsyncSession,
    now: datetime,
    task: v.Task,
    customer: Customer | None,
    *,
    due: datetime,
    priority: int = USUAL,
    **fields: Any,
) -> Task:
    """Put a task on its role's list, with all that its reader needs to know of the customer. Whose
    it is, where that is not said, the customer's owner decides; its people are to hear of it."""
    if "assignee" not in fields:
        roster = await Roster.at(session, now)
        who = taker(roster, task.role, await owner_of(session, roster, task, customer))
        fields["assignee"] = who.email if who else None
    row = Task(
        **{
            "id": new_id("task"),
            "key": task.key,
            "customer_id": task.customer_id or None,
            "follow_up": task.follow_up or None,
            "clause": task.clause or None,
            "about": task.about,
            "role": task.role.value,
            "copy_to": task.copy_to.value if task.copy_to else None,
            "priority": FIRST if task.urgent else priority,
            "title": task.what,
            "template": task.template or None,
            "mode": task.mode.value,
            "form": task.form.value,
            "case_id": task.case_id or None,
            "urgent": task.urgent,
            "order_id": task.order_id or None,
            "asks": task.asks or None,
            "state": OPEN,
            "due_at": due,
            "contract_id": task.contract_id or None,
            "meeting_id": task.meeting_id or None,
            "feedback_id": task.feedback_id or None,
            "brief": await _brief(session, now, task, customer),
            "worth": await worth(session, customer) if customer else 0.0,
            "created_at": now,
        }
        | fields
    )
    session.add(row)
    await notice(session, now, row, NEW)
    return row


async def _brief(
    session: AsyncSession, now: datetime, task: v.Task, customer: Customer | None
) -> dict[str, Any]:
    """What is known of the customer, what has to be ticked off, and what the house has to read for
    it; what it does not have, it does not show."""
    contract = task.contract_id or None
    of = await brief(session, customer, now=now, contract_id=contract) if customer else {}
    known = (await house_rules(session)).documents if task.documents else {}
    there = [known[name] for name in task.documents if name in known]
    papers = [{"title": one.title, "url": one.url} for one in there]
    said = {"checks": list(task.checks), "documents": papers}
    return of | {name: value for name, value in said.items() if value}


async def owner_of(
    session: AsyncSession, roster: Roster, task: v.Task, customer: Customer | None
) -> str | None:
    """Whose task it is: a contract's own account manager, if that is a colleague, else whoever
    looks after the customer."""
    contract = await session.get(Contract, task.contract_id) if task.contract_id else None
    named = contract.account_manager if contract else None
    if task.role is v.Role.ACCOUNT_MANAGER and roster.named(named) is not None:
        return named
    return customer.owner if customer else None


async def open_of(session: AsyncSession, follow_up: str) -> list[Task]:
    """The follow-up's tasks that nobody has done."""
    return list((await session.execute(_OPEN_OF, {"follow_up": follow_up})).scalars())


def settle(row: Task, now: datetime, state: str, reason: str | None = None) -> None:
    """Take an open task off the list."""
    row.state, row.reason, row.done_at = state, reason, now


def free_from(row: Task, now: datetime) -> datetime | None:
    """Until when the customer is left in peace, whoever has the task; none: no longer."""
    said = row.brief.get(FREE_FROM)
    moment = datetime.fromisoformat(said) if said else None
    return moment if moment and moment > now else None


def became(row: Task) -> v.Settled:
    """What a step's task came to, as its workflow is told."""
    if row.state in (RELEASED, WITHDRAWN):
        return v.Refused(reason=row.reason or row.state)
    return v.Handed(task_id=row.id, due=row.due_at)


async def release(
    session: AsyncSession, now: datetime, row: Task, reason: str, **facts: object
) -> None:
    """Take a task back undone: worthier customers need its place, or it must not be done any more.
    Its workflow hears of it, and goes on."""
    settle(row, now, RELEASED, reason)
    await record_decision(
        session,
        now,
        customer_id=row.customer_id or "",
        follow_up=row.follow_up,
        clause=row.clause,
        key=row.key,
        outcome=RELEASED,
        reason=reason,
        facts={"role": row.role, "task": row.id, **facts},
    )
    follow_up = await session.get(Enrolment, row.follow_up) if row.follow_up else None
    if follow_up is not None and follow_up.ended_at is None:
        done = TaskDone(id=f"released-{row.id}", at=now, task_id=row.id, released=reason)
        body = done.model_dump(mode="json")
        tell(session, now, follow_up.id, name="task_done", body=body)
    elif follow_up is not None:
        await close_clause(session, now, row)


async def close_clause(session: AsyncSession, now: datetime, row: Task) -> None:
    """A task that outlived its follow-up: nobody else writes down what became of its clause."""
    done = row.state == DONE
    reason = None if done else row.reason or row.state
    query = select(Milestone).where(Milestone.task_id == row.id, Milestone.state == State.WAITING)
    for line in (await session.execute(query)).scalars():
        await record_milestone(
            session,
            now,
            follow_up=line.follow_up,
            clause=line.clause,
            about=line.about,
            state=State.DONE if done else State.SKIPPED,
            reason=reason,
        )


async def withdraw_all(session: AsyncSession, now: datetime, customer_id: str, reason: str) -> None:
    """Take everything about a customer off the lists: nobody does any of it any more. What they
    asked about their data is still to be answered."""
    query = select(Task).where(
        Task.customer_id == customer_id, Task.state == OPEN, Task.form != v.Form.PRIVACY.value
    )
    for row in (await session.execute(query.with_for_update())).scalars().all():
        settle(row, now, WITHDRAWN, reason)
        await close_clause(session, now, row)


async def next_opening(
    session: AsyncSession, now: datetime, row: Task, rules: HouseRules
) -> datetime:
    """The next working day's morning, at the customer's office: when somebody tries again."""
    customer = await session.get(Customer, row.customer_id) if row.customer_id else None
    office = await office_of(session, rules, row.contract_id, customer)
    return business_window(now, 1, 1, office)[0]


async def office_of(
    session: AsyncSession, rules: HouseRules, contract_id: str | None, customer: Customer | None
) -> Office:
    """Whose hours count: those of the contract's office, else of the customer's."""
    contract = await session.get(Contract, contract_id) if contract_id else None
    country = customer.country if customer else None
    return rules.office(country, contract.office or "" if contract else "")
