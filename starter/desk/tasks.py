"""Tasks that people have done: what came of them, and what they wrote."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import enrolments
from activities.crm.tables import Customer, Draft, Enrolment, Task, new_id
from activities.crm.tasks import DECLINED, DONE, OPEN, close_clause
from starter.answers import Effect, Receipt, Refusal
from starter.desk import forms
from starter.desk.base import audit
from starter.desk.moving import Moving, locked
from starter.desk.outcomes import Came, Outcomes
from starter.desk.shapes import Call, Outcome
from starter.desk.subjects import subject_for
from starter.intake.letters import enrol_draft

DONE_BY = "task.done"  # in the audit
GAP = "…"  # a line of a draft that only a person can write


class Tasks(Moving):
    async def complete_task(self, task_id: str, outcome: dict[str, Any], by: str) -> Receipt:
        """Close a task with what its form asks (`forms.py`); closed before, nothing changes.

        A customer whom nobody reached on the telephone is tried again: then it stays open.
        """
        return await self._complete(task_id, outcome, by)

    async def _complete(
        self, task_id: str, outcome: dict[str, Any], by: str, **facts: str
    ) -> Receipt:
        now, token = self.clock.now(), new_id("cmd")
        async with self.store.transaction() as session:
            row = await locked(session, task_id)
            if row.state != OPEN or _tried(row, outcome, now):
                known = Effect(row.follow_up, "already", row.state)
                return Receipt(token, [known], None, row.customer_id)
            said = forms.read(row, outcome)
            came = await Outcomes(session, now, row, said, by).come()
            if came.again is not None:
                audit(session, now, by=by, what="task.tried", target=row.id, reason=came.reason)
                later = Effect(row.follow_up, "recorded", "tried_again_later")
                return Receipt(token, [later], None, row.customer_id)
            row.state, row.done_at = DECLINED if forms.is_declined(said) else DONE, now
            row.outcome = _kept(said, came) | {"by": by}
            reason = _result(said)
            audit(session, now, by=by, what=DONE_BY, target=row.id, reason=reason, **facts)
            draft_id = await self._draft(session, row, said, by, now)
            effects = await self._tell(
                session, row, came.codes | {"draft_id": draft_id}, now, token
            )
        return await self._carried(token, effects, came, row)

    async def _carried(self, token: str, effects: list[Effect], came: Came, row: Task) -> Receipt:
        """What it makes happen is carried out like any other event."""
        for event in came.events:
            await self.intake.carry_out_safely(event)
            await self.relay.hurry(event)
            if not row.follow_up:
                effects = (await self.became(event)).effects or effects
        return await self.answer(token, token, effects, row.customer_id)

    async def _draft(
        self, session: AsyncSession, row: Task, said: Outcome, by: str, now: datetime
    ) -> str:
        """What is to go: the draft as it was edited, as it stands, or none if done otherwise."""
        text, subject = getattr(said, "text", None), getattr(said, "subject", None)
        if not row.template or not (text or (type(said) is forms.Free and not said.declined)):
            return ""
        query = (
            select(Draft).where(Draft.task_id == row.id).order_by(Draft.created_at.desc()).limit(1)
        )
        draft = (await session.execute(query)).scalar_one_or_none()
        if text:
            if draft is None:
                customer = await session.get_one(Customer, row.customer_id)
                named = subject or await subject_for(session, self.settings, customer)
                draft = Draft(
                    id=new_id("draft"),
                    customer_id=row.customer_id,
                    task_id=row.id,
                    template=row.template,
                    subject=named,
                    created_at=now,
                )
                session.add(draft)
            changed = (subject or draft.subject, text) != (draft.subject, draft.body)
            draft.subject, draft.body = subject or draft.subject, text
            draft.edited, draft.by = bool(draft.edited or changed), by
        elif _result(said):
            return ""
        if draft and GAP in map(str.strip, draft.body.splitlines()):
            words = f"the draft leaves a line to you: write what is to be said in place of {GAP}"
            raise Refusal("missing", words, param="text")
        return draft.id if draft else ""

    async def _tell(
        self, session: AsyncSession, row: Task, codes: dict[str, Any], now: datetime, token: str
    ) -> list[Effect]:
        follow_up = await session.get(Enrolment, row.follow_up) if row.follow_up else None
        if (
            codes["draft_id"]
            and row.case_id
            and (follow_up is None or follow_up.ended_at is not None)
        ):
            raise Refusal(
                "ended",
                "its case is over and sends nothing any more: write to the customer without it, "
                "and say how it went",
                param="answered",
                status=409,
            )
        if follow_up is None:
            return [Effect(None, "recorded")]
        if follow_up.ended_at is not None:
            await close_clause(session, now, row)
            return [await self._afterwards(session, follow_up.id, codes["draft_id"], now, token)]
        body = {
            "id": f"done-{row.id}",
            "at": now.isoformat(),
            "task_id": row.id,
            "declined": row.state == DECLINED,
            **codes,
        }
        enrolments.tell(session, now, follow_up.id, name="task_done", body=body, inbox_id=token)
        return [Effect(follow_up.id, "signalled")]

    async def _afterwards(
        self, session: AsyncSession, follow_up: str, draft_id: str, now: datetime, token: str
    ) -> Effect:
        """What was drafted for a follow-up that is over by now goes as a letter of its own."""
        if not draft_id:
            return Effect(follow_up, "recorded", "ended")
        draft = await session.get_one(Draft, draft_id)
        customer = await session.get_one(Customer, draft.customer_id)
        await session.flush()
        letter = await enrol_draft(
            session, self.catalogue, now, self.clock.pace, customer, draft, token
        )
        return Effect(letter, "started")


def _tried(row: Task, outcome: dict[str, Any], now: datetime) -> bool:
    """Whether somebody says a second time that nobody was there, before it is tried again."""
    waits = row.snoozed_until is not None and row.snoozed_until > now
    return waits and bool(row.brief.get("tried")) and outcome.get("reached") in ("no", "voicemail")


def _kept(said: Outcome, came: Came) -> dict[str, Any]:
    """The outcome as it is shown, and as the gate reads it."""
    kept = said.model_dump(mode="json", exclude_unset=True)
    if isinstance(said, Call):
        kept |= {"reached": came.codes["reached"]}
        kept |= {"how": came.reason} if came.reason else {}
    return kept


def _result(said: Outcome) -> str | None:
    return getattr(said, "result", None)
