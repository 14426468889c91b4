"""What the SOPs of one purchase, or of one contract, do about what its customer says.

They are told of their own only. A case that names no order may be about this one, so that all
follow-ups of the customer's show it until it is settled; their 24 hours, their ladder and their
answers are the case's own (`case.py`). Feedback is thanked for, whichever SOPs hear of it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

from temporalio import workflow

from workflows import events
from workflows.follow_up import FollowUp
from workflows.vocabulary import Contact, Enrolment, PolicyT, Role, State

ANSWER = timedelta(hours=24)


class Listening(FollowUp[PolicyT]):
    """Whose customer may ask, complain, and say what they think."""

    concerns: ClassVar[tuple[str, str]]  # the clause of cases, and what it says
    thanks: ClassVar[tuple[str, str]]  # that of thanks for feedback

    def __init__(self, enrolment: Enrolment[PolicyT]) -> None:
        super().__init__(enrolment, enrolment.order_id)
        self.enrolment = enrolment
        self.contact: Contact | None = None  # in which they were asked
        self.spoken = False  # with the customer, on the telephone
        self.cases: dict[str, None] = {}  # those being dealt with

    def is_mine(self, order_id: str) -> bool:
        """Word that names no order is of this one."""
        return order_id in ("", self.order_id)

    async def hear_back(self, patience: Callable[[], timedelta]) -> None:
        """Whether they answer what they were asked; on the telephone they have."""
        if self.spoken:
            self._record(State.DONE, "call")
        elif self.contact is None:
            self.pass_over("not_asked")
        elif await self.reply_within(patience, to=self.contact):
            self._record(State.DONE, "answered")
        else:
            self.pass_over("no_answer")

    async def on_reply(self, reply: events.Reply) -> None:
        """A question, or a concern, is a case; feedback is thanked for."""
        await super().on_reply(reply)
        if not self.is_mine(reply.order_id):
            return
        match reply:
            case events.Feedback():
                await self.thank_for(reply)
            case events.Inquiry(case_id=""):  # by hand: the desk writes its case first
                await self._puzzle("answer a question of this customer's", Role.CSR)
            case _ if reply.case_id and self.is_asked_here(reply):
                await self.attend(reply.case_id, (reply.at or self.now()) + ANSWER)

    async def on_complaint(self, complaint: events.Complaint) -> None:
        await super().on_complaint(complaint)
        if complaint.case_id and self.is_mine(complaint.order_id):
            await self.attend(complaint.case_id)

    async def on_event(self, name: str, event: events.Event) -> None:
        match event:
            case events.Answer(case_id=""):  # by hand: every question that waits for one
                asked = [case for case in self.cases if case not in self.facts.cases]
                self.facts.settled |= dict.fromkeys(asked)
            case _:
                await super().on_event(name, event)

    def is_asked_here(self, reply: events.Reply) -> bool:
        """Whether it answers a message of this follow-up, or none in particular."""
        ours = reply.to.startswith(f"{workflow.info().workflow_id}/")
        return ours or reply.to in ("", self.contact.key if self.contact else "")

    async def attend(self, case: str, answer_by: datetime | None = None) -> None:
        """Show the case here until it is settled; what is done about it is its own affair."""
        if case in self.cases:
            return
        self.cases[case] = None
        number, says = self.concerns
        with self.clause(number, says, due=answer_by, about=case):
            self._record(State.WAITING, "case")
            await self._wait(lambda: case in self.facts.settled, what="the case is settled")
            over = self.facts.over(number)
            if over:
                self.pass_over(over)
            else:
                self._record(State.DONE)
        del self.cases[case]

    async def thank_for(self, feedback: events.Feedback) -> None:
        """Once for each, whichever SOPs hear of it; who complains is answered by a person."""
        number, says = self.thanks
        mark = feedback.feedback_id or feedback.id
        with self.clause(number, says, self.soon(), about=mark):
            if feedback.opened_case or (feedback.case_id and not feedback.satisfied):
                self.pass_over("case")
            else:
                await self.send(
                    "feedback-thanks",
                    asks=f"thanks-for-{mark}",
                    order_id=feedback.order_id,
                    variant=feedback.category,
                )
