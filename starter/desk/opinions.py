"""Feedback as colleagues have to do with it: what a customer told them, and what it is (S2 5.3)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ValidationError, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import feedback
from activities.crm.house import house_rules
from activities.crm.store import lock_customer
from activities.crm.tables import Customer, Feedback, Note, Task, new_id
from activities.crm.tasks import DONE, OPEN
from starter.answers import Effect, Receipt, Refusal
from starter.desk.base import audit
from starter.desk.tasks import DONE_BY, Tasks
from starter.intake.events import Score
from starter.intake.opinions import check_type
from starter.intake.patches import Line, Moment, Name, StrictModel, Words
from starter.intake.refusing import refusal_of
from workflows.vocabulary import Form

Urgency = Literal["low", "medium", "high", "critical"]
Potential = Literal["none", "possible", "likely"]


class Classes(StrictModel):
    """What feedback is; and what we shall do with it."""

    type: Name
    urgency: Urgency
    potential: Potential
    actions: Words | None = None


class Told(StrictModel):
    """What a customer told a colleague, in numbers or words; its class may be said with it."""

    product: Score | None = None
    overall: Score | None = None
    text: Words | None = None
    channel: Literal["email", "sms", "phone", "letter", "chat", "form"] | None = None
    order: Line | None = None
    message: Line | None = None  # the message of ours that asked
    at: Moment | None = None  # none: now
    type: Name | None = None
    urgency: Urgency | None = None
    potential: Potential | None = None
    actions: Words | None = None

    @model_validator(mode="after")
    def _something(self) -> Told:
        if self.product is None and self.overall is None and not (self.text or "").strip():
            words = "say what they think: a score for product or overall, or their words as text"
            raise PydanticCustomError("missing", words, {"param": "text"})
        return self


def as_told(
    said: dict[str, Any], customer: Customer, by: str, request: str | None
) -> dict[str, Any]:
    """What a colleague was told, as the event that it is; once per request, if that has an id."""
    told = _read(Told, said).model_dump(mode="json", exclude_none=True)
    order, at = told.pop("order", None), told.pop("at", None)
    event: dict[str, Any] = {
        "id": request or new_id("told"),
        "type": "feedback.received",
        "customer": {"id": customer.id},
        "data": told | {"source": feedback.STAFF, "by": by[:200]},
    }
    event |= {"order": {"id": order}} if order else {}
    return event | ({"occurred_at": at} if at else {})


class Opinions(Tasks):
    async def classify_feedback(self, feedback_id: str, said: dict[str, Any], by: str) -> Receipt:
        """Say of feedback what it is; whoever waits for that is told, and what is serious is seen
        to. The same once more changes nothing."""
        classes, now, token = _read(Classes, said), self.clock.now(), new_id("cmd")
        async with self.store.transaction() as session:
            row = await _locked(session, feedback_id)
            check_type(await house_rules(session), classes.type)
            before = _of(row)
            event = await feedback.classify(
                session,
                now,
                row,
                type_=classes.type,
                urgency=classes.urgency,
                potential=classes.potential,
                by=by,
            )
            await _note_actions(session, row, classes.actions)
            if _of(row) != before:
                audit(session, now, by=by, what="feedback.classified", target=row.id, reason=None,
                      type=row.type, urgency=row.urgency, potential=row.potential)  # fmt: skip
            effects = [
                effect
                for task in await _waiting(session, row)
                for effect in await self._settled(session, task, classes, by=by, token=token)
            ]
            effects = effects or [Effect(None, "recorded" if _of(row) != before else "already")]
            customer = row.customer_id
        if event is not None:
            await self.intake.carry_out_safely(event.id)
            await self.relay.hurry(event.id)
            effects += (await self.became(event.id)).effects
        return await self.answer(token, token, effects, customer)

    async def _settled(
        self, session: AsyncSession, task: Task, classes: Classes, *, by: str, token: str
    ) -> list[Effect]:
        """Nobody need do it any more; its follow-up hears that it is done."""
        now = self.clock.now()
        task.state, task.done_at = DONE, now
        task.outcome = classes.model_dump(mode="json", exclude_none=True) | {"by": by}
        audit(session, now, by=by, what=DONE_BY, target=task.id, reason=None)
        return await self._tell(session, task, {"draft_id": ""}, now, token)


def _read(shape: type[Any], said: dict[str, Any]) -> Any:
    try:
        return shape.model_validate(said)
    except ValidationError as fault:
        refusal = refusal_of(fault)
        if refusal.code == "unknown_field":
            refusal.detail += f"; there is: {', '.join(shape.model_fields)}"
        raise refusal from None


async def _locked(session: AsyncSession, feedback_id: str) -> Feedback:
    row = await session.get(Feedback, feedback_id)
    if row is None:
        raise Refusal("not_found", "there is no feedback of this id", param="feedback", status=404)
    await lock_customer(session, row.customer_id)
    await session.refresh(row)
    return row


def _of(row: Feedback) -> tuple[Any, ...]:
    return row.type, row.urgency, row.potential, row.actions, row.classified_at


async def _note_actions(session: AsyncSession, row: Feedback, actions: str | None) -> None:
    """What is to be done stands in the customer's history as well (S2 5.5)."""
    if not actions:
        return
    row.actions = actions
    note = await session.get(Note, row.note_id) if row.note_id else None
    if note is not None:
        note.actions = actions


async def _waiting(session: AsyncSession, row: Feedback) -> list[Task]:
    """The tasks that ask for what was just said."""
    query = select(Task).where(
        Task.feedback_id == row.id, Task.form == Form.CLASSIFY, Task.state == OPEN
    )
    return list((await session.execute(query.order_by(Task.id).with_for_update())).scalars())
