"""What a colleague writes to a customer of their own accord: kept as a draft, sent by a workflow.

An open case gets it as its mail: its first answer closes the task that asks for one. All else is a
letter of its own, which asks the gate for leave like any message.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from pydantic import Field, ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import cases, enrolments
from activities.crm.cases import follow_up_of
from activities.crm.tables import Audit, Case, Customer, Draft, Enrolment, Task, new_id
from starter.answers import Effect, Receipt, Refusal
from starter.desk.base import audit, whom
from starter.desk.subjects import PERSONAL, subject_for
from starter.desk.tasks import DONE_BY, Tasks
from starter.intake.letters import enrol_draft
from starter.intake.patches import Line, Name, StrictModel, Words
from starter.intake.refusing import refusal_of
from workflows.vocabulary import Form

ANSWER, OF_CASE = "case-answer", "case-message"


class Letter(StrictModel):
    """A message in a person's own words, in Markdown under its subject."""

    subject: Line | None = None
    text: Annotated[Words, Field(min_length=1)]
    case: Name | None = None  # the complaint or inquiry it is about; none: the only open one


class Messages(Tasks):
    async def write(
        self, target: str, said: dict[str, Any], by: str, *, request: str | None = None
    ) -> Receipt:
        """Send what a person wrote, through the gate; once per request, if that has an id."""
        try:
            letter = Letter.model_validate(said)
        except ValidationError as fault:
            raise refusal_of(fault) from None
        if request and (done := await self._before(target, request)):
            return done
        task = await self._awaited(target, letter)
        if task is not None:
            task_id, subject = task
            outcome = {"subject": subject, "text": letter.text}
            facts = {"request": request} if request else {}
            receipt = await self._complete(task_id, outcome, by, **facts)
            if all(effect.effect != "already" for effect in receipt.effects):
                return receipt  # else somebody was faster: it goes beside their answer
        return await self._beside(target, letter, by, request)

    # -- inside --------------------------------------------------------------------------

    async def _before(self, target: str, request: str) -> Receipt | None:
        """What a request came to that was carried out already: its case may be closed by now."""
        async with self.store.transaction() as session:
            customer = await _writable(session, target)
            went = await _went(session, customer, request)
        return _again(customer) if went else None

    async def _awaited(self, target: str, letter: Letter) -> tuple[str, str] | None:
        """The task that asks for the case's first answer, with the subject it goes under."""
        async with self.store.transaction() as session:
            customer = await _writable(session, target)
            case = await _case(session, customer, letter)
            task = await _answer_task(session, case) if case else None
            if task is None or task.state != "open":
                return None
            query = select(Draft.subject).where(Draft.task_id == task.id)
            latest = query.order_by(Draft.created_at.desc()).limit(1)
            drafted = (await session.execute(latest)).scalar_one_or_none()
            subject = (
                letter.subject or drafted or await subject_for(session, self.settings, customer)
            )
            return task.id, subject

    async def _beside(self, target: str, letter: Letter, by: str, request: str | None) -> Receipt:
        now, token = self.clock.now(), new_id("cmd")
        async with self.store.transaction() as session:
            customer = await _writable(session, target)
            if request and await _went(session, customer, request):
                return _again(customer)
            case = await _case(session, customer, letter)
            draft = Draft(
                id=_id(customer, request),
                customer_id=customer.id,
                template=OF_CASE if case else PERSONAL,
                subject=letter.subject or await subject_for(session, self.settings, customer),
                body=letter.text,
                edited=True,
                by=by,
                created_at=now,
            )
            session.add(draft)
            await session.flush()
            about = case.id if case else None
            audit(session, now, by=by, what="message.written", target=customer.id, reason=None,
                  draft=draft.id, case=about)  # fmt: skip
            if case is None:
                follow_up = await enrol_draft(
                    session, self.catalogue, now, self.clock.pace, customer, draft, token
                )
                effect = Effect(follow_up, "started")
            else:
                await cases.answered(session, now, case, by=by, how="here")
                body = {"id": f"written-{draft.id}", "at": now.isoformat(), "draft_id": draft.id}
                follow_up = follow_up_of(case.id)
                enrolments.tell(session, now, follow_up, name="written", body=body, inbox_id=token)
                effect = Effect(follow_up, "signalled")
        return await self.answer(token, token, [effect], customer.id)


async def _writable(session: AsyncSession, target: str) -> Customer:
    customer, _ = await whom(session, target)
    if customer.erased_at is not None:
        raise Refusal("erased", "this customer was erased: nobody writes to them", status=409)
    return customer


async def _case(session: AsyncSession, customer: Customer, letter: Letter) -> Case | None:
    """The case that is named, else the only open one; which of several must be said."""
    if letter.case is None:
        asked = await cases.open_of(session, customer.id)
        if len(asked) > 1:
            ids = ", ".join(case.id for case in asked)
            words = f"several are open, name the one it is about: {ids}"
            raise Refusal("which_case", words, param="case", status=409)
        case = next(iter(asked), None)
    else:
        case = await cases.of_id(session, customer.id, letter.case.removeprefix("case."))
        if case is None:
            words = "the customer has no case of this id"
            raise Refusal("not_found", words, param="case", status=404)
        if case.closed_at is not None:
            words = "this case is closed: write without naming it"
            raise Refusal("case_closed", words, param="case", status=409)
    if case is not None:
        workflow = await session.get(Enrolment, follow_up_of(case.id))
        if workflow is None or workflow.ended_at is not None:
            words = "nothing sends this case's mail: answer it yourself, and complete its task"
            raise Refusal("ended", words, param="case", status=409)
    return case


async def _answer_task(session: AsyncSession, case: Case) -> Task | None:
    """The task of its first answer, done or not."""
    query = select(Task).where(
        Task.follow_up == follow_up_of(case.id), Task.case_id == case.id, Task.form == Form.ANSWER
    )
    return (await session.execute(query.limit(1))).scalar_one_or_none()


async def _went(session: AsyncSession, customer: Customer, request: str) -> bool:
    """Whether the same request was carried out before: by a draft of its own, or as the answer
    that a case waited for."""
    if await session.get(Draft, _id(customer, request)) is not None:
        return True
    query = select(Audit.facts).join(Task, Task.id == Audit.target)
    query = query.where(
        Task.customer_id == customer.id, Task.form == Form.ANSWER, Audit.what == DONE_BY
    )
    facts = (await session.execute(query)).scalars()
    return any(said.get("request") == request for said in facts)


def _again(customer: Customer) -> Receipt:
    return Receipt(new_id("cmd"), [Effect(None, "already")], None, customer.id)


def _id(customer: Customer, request: str | None) -> str:
    """Its draft's id: known before, if the request has one, so that it is kept once."""
    if request is None:
        return new_id("draft")
    return f"draft_{hashlib.sha256(f'{customer.id}/{request}'.encode()).hexdigest()[:20]}"
