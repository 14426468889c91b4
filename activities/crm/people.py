"""Notes and calls for people: what is left when a customer said something. Cases: `cases.py`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.noticing import NEW, notice
from activities.crm.staffing import Roster, taker
from activities.crm.tables import Customer, Message, Note, Task, new_id
from workflows.vocabulary import Role

ANSWER = timedelta(hours=24)  # wall-clock hours: what is promised to the customer

_NOTE = select(Note).where(Note.key == bindparam("key"))


async def call(
    session: AsyncSession,
    now: datetime,
    *,
    key: str,
    title: str,
    customer_id: str | None,
    follow_up: str | None = None,
    clause: str | None = None,
    role: Role = Role.CSR,
    priority: int = 2,
    within: timedelta = ANSWER,
    brief: dict[str, Any] | None = None,
) -> Task:
    """Give a person a task, once under its key: the customer's owner, if it is about one."""
    query = select(Task).where(Task.key == key)
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        customer = await session.get(Customer, customer_id) if customer_id else None
        owner = customer.owner if customer else None
        who = taker(await Roster.at(session, now), role, owner) if owner else None
        row = Task(
            id=new_id("task"),
            key=key,
            customer_id=customer_id,
            follow_up=follow_up,
            clause=clause,
            about="",
            role=role,
            assignee=who.email if who else None,
            priority=priority,
            title=title,
            mode="each",
            state="open",
            due_at=now + within,
            brief=brief or {},
            worth=0,
            created_at=now,
        )
        session.add(row)
        await notice(session, now, row, NEW)
    return row


async def is_called(session: AsyncSession, about: str) -> bool:
    """Whether somebody has a task open already whose key begins so."""
    like = Task.key.startswith(about, autoescape=True)
    query = select(Task.id).where(like, Task.state == "open").limit(1)
    return (await session.execute(query)).first() is not None


async def write_down(
    session: AsyncSession,
    *,
    key: str,
    customer_id: str,
    at: datetime,
    summary: str,
    direction: str = "in",
    method: str | None = None,
    feedback: str | None = None,
    actions: str | None = None,
    follow_up: str | None = None,
    message_key: str | None = None,
    by: str | None = None,
) -> Note:
    """A line of the customer's history, once under its key."""
    row = (await session.execute(_NOTE, {"key": key})).scalar_one_or_none()
    if row is None:
        row = Note(
            id=new_id("note"),
            key=key,
            customer_id=customer_id,
            follow_up=follow_up,
            at=at,
            direction=direction,
            method=method or "system",
            summary=summary,
            feedback=feedback,
            actions=actions,
            message_key=message_key,
            by=by,
        )
        session.add(row)
    return row


async def message_meant(
    session: AsyncSession, customer_id: str, said: str | None
) -> Message | None:
    """The message of ours that is answered: by its id, its key, or the provider's id."""
    if not said:
        return None
    query = select(Message).where(
        Message.customer_id == customer_id,
        or_(Message.id == said, Message.key == said, Message.provider_id == said),
    )
    return (await session.execute(query.limit(1))).scalar_one_or_none()


async def settle(session: AsyncSession, now: datetime, key: str, reason: str) -> None:
    """Close the task of this key, if it is open: what it asked for was done elsewhere."""
    query = select(Task).where(Task.key == key, Task.state == "open")
    row = (await session.execute(query)).scalar_one_or_none()
    if row is not None:
        row.state, row.reason, row.done_at = "done", reason, now


async def oldest_task(session: AsyncSession, target: str) -> str | None:
    """The open task that a follow-up, or a customer, has waited for longest."""
    query = (
        select(Task.id)
        .where(Task.state == "open", or_(Task.follow_up == target, Task.customer_id == target))
        .order_by(Task.created_at, Task.id)
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()
