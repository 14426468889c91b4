"""Asking one's manager about a task: who has it keeps it, and the answer comes back to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import tasks
from activities.crm.milestones import record_decision
from activities.crm.tables import Customer, Task
from starter.answers import Effect, Receipt, Refusal
from starter.desk.base import DeskBase, audit
from starter.desk.moving import locked
from workflows import vocabulary as v
from workflows.vocabulary import Role

ASKED = "advice_asked"  # why a manager has a task: nobody was late
LONGEST = 20_000
SOONEST, LATEST = timedelta(hours=2), timedelta(hours=24)


class Asking(DeskBase):
    async def ask_manager(self, task_id: str, text: str, by: str) -> Receipt:
        """Put a question to the manager of whoever has the task; it stays with them meanwhile."""
        words, now = _readable(text), self.clock.now()
        async with self.store.transaction() as session:
            row = await locked(session, task_id)
            if row.state != tasks.OPEN:
                known = Effect(row.follow_up, "already", row.state)
                return Receipt(row.id, [known], None, row.customer_id)
            asked = list(row.brief.get("asked", []))
            if await _waits(session, asked, words):
                return Receipt(row.id, [Effect(row.follow_up, "already")], None, row.customer_id)
            customer = await session.get(Customer, row.customer_id) if row.customer_id else None
            task = v.Task(
                key=f"{row.key}/asked/{len(asked) + 1}",
                customer_id=row.customer_id or "",
                clause=row.clause or "",
                role=Role.SALES_MANAGER if row.role == Role.SALES else Role.MANAGER,
                what=f"Advise a colleague: {row.title}"[:200],
                urgent=row.urgent,
                contract_id=row.contract_id or "",
                order_id=row.order_id or "",
            )
            other = await tasks.put(session, now, task, customer, due=_due(row, now))
            about = {"question": words, "asked_by": by, "about_task": row.id}
            other.brief = other.brief | about | {"follow_up": row.follow_up}
            line = {"at": now.isoformat(), "by": by, "text": words, "task": other.id}
            row.brief = row.brief | {"asked": [*asked, line]}
            await record_decision(
                session,
                now,
                customer_id=row.customer_id or "",
                follow_up=row.follow_up,
                clause=row.clause,
                key=row.key,
                outcome="escalated",
                reason=ASKED,
                facts={"task": row.id, "to": other.role, "by": other.id},
            )
            audit(session, now, by=by, what="task.asked", target=row.id, reason=None, of=other.id)
        return Receipt(row.id, [Effect(row.follow_up, "recorded")], None, row.customer_id)


async def _waits(session: AsyncSession, asked: list[dict[str, Any]], words: str) -> bool:
    """Whether the same question waits for its answer: a button may be pressed twice."""
    same = [line["task"] for line in asked if line["text"] == words]
    other = await session.get(Task, same[-1]) if same else None
    return other is not None and other.state == tasks.OPEN


def _readable(text: str) -> str:
    words = text.strip()
    if not words:
        raise Refusal("missing", "what do you want to ask?", param="text")
    if len(words) > LONGEST or "\x00" in words:
        raise Refusal("invalid", f"a question is up to {LONGEST} characters of text", param="text")
    return words


def _due(row: Task, now: datetime) -> datetime:
    """In time for whoever asks."""
    return max(now + SOONEST, min(row.due_at, now + LATEST))
