"""How what comes of a task is written down: a note, an event like any other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import inbox, people
from activities.crm.tables import Inbox, Note, Task
from starter.desk.shapes import Outcome

STAFF = "staff"  # the inbox's source for what is said through the desk
PHONE = "phone"


@dataclass
class Came:
    """What came of it: what the workflow is told, and the events that are to be carried out."""

    codes: dict[str, Any] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    again: datetime | None = None  # it is not done: its next attempt
    reason: str | None = None


class Coming:
    """One task's outcome, within the transaction that closes it."""

    def __init__(
        self, session: AsyncSession, now: datetime, row: Task, said: Outcome, by: str
    ) -> None:
        self.session, self.now, self.row, self.said, self.by = session, now, row, said, by
        self.came = Came()

    async def _note(self, summary: str, **fields: Any) -> Note | None:
        """The customer's history has it: when, how, what was said, and what is to be done."""
        if not self.row.customer_id:
            return None
        words = ": ".join(filter(None, (summary, self.said.note)))
        if not words and not self.said.actions:
            return None
        method = fields.pop("method", None) or self.said.method
        usual = {"key": f"{self.row.id}/done", "direction": "out" if method else "internal"}
        note = await people.write_down(
            self.session,
            customer_id=self.row.customer_id,
            at=self.now,
            summary=words or self.row.title,
            method=method,
            actions=self.said.actions,
            follow_up=self.row.follow_up,
            by=self.by,
            **(usual | fields),
        )
        note.clause = self.row.clause
        return note

    async def _event(
        self,
        what: str,
        about: str,
        data: dict[str, Any],
        *,
        order: str | None = None,
        happened: datetime | None = None,
    ) -> Inbox:
        """Kept like any other event, to be carried out like any other."""
        order = order or self.row.order_id
        event: dict[str, Any] = {
            "id": "-".join(filter(None, ("task", self.row.id, about))),
            "type": what,
            "customer": {"id": self.row.customer_id},
            "data": {name: value for name, value in data.items() if value is not None},
        }
        if what.startswith("meeting.") and self.row.contract_id:
            event["contract"] = {"id": self.row.contract_id}
        elif order:
            event["order"] = {"id": order}
        if message := what == "feedback.received" and self.row.brief.get("message"):
            event["data"]["message"] = message
        kept = inbox.row_for(STAFF, event, occurred_at=happened or self.now, now=self.now)
        self.session.add(kept)
        await self.session.flush()
        self.came.events.append(kept.id)
        return kept
