"""Human steps: a task with its brief, its place on a role's list, and what became of it.

A role's list of a day holds so many tasks that contact a customer. Over that the best customers go
first: by tier, then by what they spent.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.briefs import brief, worth
from activities.crm.enrolments import tell
from activities.crm.milestones import record_decision
from activities.crm.store import lock_name
from activities.crm.tables import Customer, Task, new_id
from workflows import vocabulary as v
from workflows.events import TaskDone

OPEN, DONE, DECLINED, RELEASED, WITHDRAWN = "open", "done", "declined", "released", "withdrawn"
CAPACITY = "capacity"


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
    priority: int = 3,
    **fields: Any,
) -> Task:
    """Put a task on its role's list, with all that its reader needs to know of the customer."""
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
            "assignee": customer.owner if customer else None,
            "priority": priority,
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
            "brief": await brief(session, customer) if customer else {},
            "worth": await worth(session, customer) if customer else 0.0,
            "created_at": now,
        }
        | fields
    )
    session.add(row)
    await session.flush()
    return row


async def open_of(session: AsyncSession, follow_up: str) -> list[Task]:
    """The follow-up's tasks that nobody has done."""
    query = select(Task).where(Task.follow_up == follow_up, Task.state == OPEN)
    return list((await session.execute(query.with_for_update())).scalars())


def settle(row: Task, now: datetime, state: str, reason: str | None = None) -> None:
    """Take an open task off the list."""
    row.state, row.reason, row.done_at = state, reason, now


def became(row: Task) -> v.Settled:
    """What a step's task came to, as its workflow is told."""
    if row.state in (RELEASED, WITHDRAWN):
        return v.Refused(reason=row.reason or row.state)
    return v.Handed(task_id=row.id, due=row.due_at)


# -- capacity ---------------------------------------------------------------------------


async def has_room(
    session: AsyncSession, now: datetime, task: v.Task, *, due: datetime, rank: float, zone: str
) -> bool:
    """Whether the role can take this task on the day it is due.

    If the day is full, the least worthy open task of the day makes room for a worthier one, and
    its workflow is told.
    """
    if task.cap is None:
        return True
    starts, ends = _office_day(due, ZoneInfo(zone))
    await lock_name(session, f"capacity {task.role.value} {starts.date()}")
    days = [
        Task.role == task.role.value,
        Task.template.is_not(None),
        Task.due_at >= starts,
        Task.due_at < ends,
    ]
    taken = select(func.count()).where(*days, Task.state.in_((OPEN, DONE, DECLINED)))
    if ((await session.execute(taken)).scalar_one()) < task.cap:
        return True
    least = (
        select(Task)
        .where(*days, Task.state == OPEN, Task.worth < rank)
        .order_by(Task.worth, Task.created_at.desc(), Task.id)
        .limit(1)
        .with_for_update(skip_locked=True)  # who is being served at this moment stays
    )
    row = (await session.execute(least)).scalar_one_or_none()
    if row is not None:
        await release(session, now, row, cap=task.cap)
    return row is not None


async def release(session: AsyncSession, now: datetime, row: Task, *, cap: int) -> None:
    """Take a task back undone, because worthier customers need its place; its workflow goes on."""
    settle(row, now, RELEASED, CAPACITY)
    await record_decision(
        session,
        now,
        customer_id=row.customer_id or "",
        follow_up=row.follow_up,
        clause=row.clause,
        key=row.key,
        outcome=RELEASED,
        reason=CAPACITY,
        facts={"role": row.role, "cap": cap, "task": row.id},
    )
    if row.follow_up:
        done = TaskDone(id=f"released-{row.id}", at=now, task_id=row.id, released=CAPACITY)
        body = done.model_dump(mode="json")
        tell(session, now, row.follow_up, name="task_done", body=body)


def _office_day(moment: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    day = moment.astimezone(zone).date()
    starts = datetime.combine(day, time(), zone)
    return starts, datetime.combine(day + timedelta(days=1), time(), zone)
