"""Tasks that people have done: what came of them, and what they wrote."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import enrolments, inbox
from activities.crm.milestones import record_milestone
from activities.crm.store import lock_customer
from activities.crm.tables import Case, Draft, Enrolment, Milestone, Task, new_id
from starter.answers import Effect, Receipt, Refusal
from starter.desk.base import AT_ONCE, DeskBase, audit
from starter.intake.events import refusal_of
from starter.intake.patches import Line, StrictModel, Words
from workflows.vocabulary import State

ANSWER = "/answer"  # how the key of a case's task ends
URGENT = 1  # a complaint's


class TaskOutcome(StrictModel):
    """What came of a task; subject and text are what goes to the customer, if it contacts one."""

    subject: Line | None = None
    text: Words | None = None
    declined: bool = False
    note: Words | None = None
    result: Line | None = None  # how it went, when it was done otherwise: called, no answer…
    resolved: bool | None = None  # of a complaint: whether it is put right


class Tasks(DeskBase):
    async def complete_task(self, task_id: str, outcome: dict[str, Any], by: str) -> Receipt:
        """Close a task with what came of it: see `TaskOutcome`; closed before, nothing changes."""
        try:
            said = TaskOutcome.model_validate(outcome)
        except ValidationError as fault:
            raise refusal_of(fault) from None
        now, token = self.clock.now(), new_id("cmd")
        async with self.store.transaction() as session:
            row = await _locked(session, task_id)
            if row.state != "open":
                return Receipt(
                    token, [Effect(row.follow_up, "already", row.state)], None, row.customer_id
                )
            _fits(row, said)
            row.state, row.done_at = "declined" if said.declined else "done", now
            row.outcome = said.model_dump(mode="json", exclude_unset=True) | {"by": by}
            audit(session, now, by=by, what="task.done", target=row.id, reason=said.result)
            draft_id = await _draft(session, row, said, by, now)
            effects = await _tell(session, row, draft_id, now, token)
            answered = await _answered(session, row, said, by, now)
        if answered:
            await self.intake.carry_out_safely(answered)
            await self.relay.hurry(answered, AT_ONCE)
            effects = (await self.became(answered)).effects or effects
        return await self.answer(token, token, effects, row.customer_id)


async def _locked(session: AsyncSession, task_id: str) -> Task:
    """The task, under its customer's lock and its own."""
    known = await session.get(Task, task_id)
    if known is None:
        raise Refusal("not_found", "there is no task of this id", param="task", status=404)
    if known.customer_id:
        await lock_customer(session, known.customer_id)
    await session.refresh(known, with_for_update=True)
    return known


def _fits(row: Task, said: TaskOutcome) -> None:
    if (said.subject or said.text) and not row.template:
        own = "answer the customer yourself, and " if row.key.endswith(ANSWER) else ""
        raise Refusal(
            "nothing_to_send",
            f"nothing is sent from this task: {own}write what came of it as note",
            param="text",
        )
    stays = said.resolved is False or (said.declined and row.priority == URGENT)
    if row.key.endswith(ANSWER) and stays:
        raise Refusal(
            "not_resolved",
            "this task stays until it is put right; log what was said meanwhile",
            param="resolved",
            status=409,
        )
    if said.subject and not said.text:
        raise Refusal("missing", "a subject needs its text", param="text")
    if said.declined and said.text:
        raise Refusal("invalid", "declined, or with a text: not both", param="declined")


async def _draft(
    session: AsyncSession, row: Task, said: TaskOutcome, by: str, now: datetime
) -> str:
    """The draft that is to go: as it was edited, as it stands, or none if it was done otherwise."""
    if said.declined or not row.template:
        return ""
    query = select(Draft).where(Draft.task_id == row.id).order_by(Draft.created_at.desc()).limit(1)
    draft = (await session.execute(query)).scalar_one_or_none()
    if said.text:
        if draft is None:
            draft = Draft(
                id=new_id("draft"),
                customer_id=row.customer_id,
                task_id=row.id,
                template=row.template,
                subject=said.subject or row.title,
                created_at=now,
            )
            session.add(draft)
        changed = (said.subject or draft.subject, said.text) != (draft.subject, draft.body)
        draft.subject, draft.body = said.subject or draft.subject, said.text
        draft.edited, draft.by = bool(draft.edited or changed), by
    elif said.result:
        return ""
    return draft.id if draft else ""


async def _tell(
    session: AsyncSession, row: Task, draft_id: str, now: datetime, token: str
) -> list[Effect]:
    follow_up = await session.get(Enrolment, row.follow_up) if row.follow_up else None
    if follow_up is None:
        return [Effect(None, "recorded")]
    if follow_up.ended_at is not None:
        if draft_id:  # only a follow-up that runs sends what a person wrote
            raise Refusal(
                "ended",
                "its follow-up is over and sends nothing any more: reach the customer yourself, "
                "and say how it went as result",
                param="result",
                status=409,
            )
        await _close_clause(session, row, now)
        return [Effect(follow_up.id, "recorded", "ended")]
    body = {
        "id": f"done-{row.id}",
        "at": now.isoformat(),
        "task_id": row.id,
        "declined": row.state == "declined",
        "draft_id": draft_id,
    }
    enrolments.tell(session, now, follow_up.id, name="task_done", body=body, inbox_id=token)
    return [Effect(follow_up.id, "signalled")]


async def _close_clause(session: AsyncSession, row: Task, now: datetime) -> None:
    """A task that outlived its follow-up: nobody else writes down that its clause is done."""
    declined = row.state == "declined"
    query = select(Milestone).where(Milestone.task_id == row.id, Milestone.state == State.WAITING)
    for line in (await session.execute(query)).scalars():
        await record_milestone(
            session,
            now,
            follow_up=line.follow_up,
            clause=line.clause,
            about=line.about,
            state=State.SKIPPED if declined else State.DONE,
            reason="declined" if declined else None,
        )


async def _answered(
    session: AsyncSession, row: Task, said: TaskOutcome, by: str, now: datetime
) -> str | None:
    """A case's task done is the case answered: kept as an event, and carried out like any other."""
    case = await session.get(Case, row.key.removesuffix(ANSWER))
    if case is None or not row.key.endswith(ANSWER):
        return None
    data: dict[str, Any] = {"case_id": case.id, "source": by[:200]}
    if said.note:
        data["text"] = said.note
    event = {
        "id": f"task-{row.id}",
        "type": "complaint.resolved" if case.kind == "complaint" else "inquiry.answered",
        "customer": {"id": case.customer_id},
        "data": data,
    }
    kept = inbox.row_for("staff", event, occurred_at=now, now=now)
    session.add(kept)
    await session.flush()
    return kept.id
