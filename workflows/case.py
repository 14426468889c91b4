"""One complaint or inquiry: acknowledged, answered, escalated, put right, confirmed, released.

Its row, its hold and its first task stood in the tables before this began; whatever happens here,
nothing is sold to who complained until the case is closed. Mail of the case itself goes all the
same. Only a person's answer stops the 24 hours, never the acknowledgement; waiting for the customer
does not pause them.

Who hears of it, when, is the house's matrix by type, severity and tier, as it stands when the case
is opened, or opened again. (Where S2 says so is an erratum of its own: `sops/case.txt`.)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from workflows import events
from workflows import vocabulary as v
from workflows.contract import Clerk, Records
from workflows.facts import Because
from workflows.follow_up import FollowUp
from workflows.vocabulary import CaseFile, Contact, Form, Handed, Ladder, Outcome, Role, State

NAME, REMINDER = "case", "complaint-resolved-reminder"
STEPS: dict[str, tuple[str, ...]] = {
    "1": ("complaint-received", "inquiry-received"),
    "2": ("case-answer", "case-message"),
    "4": ("case-progress",),
    "6": ("complaint-resolved", REMINDER),
}


class Policy(v.Policy):
    acknowledge_inquiries: bool = True  # S1 4: complaints always are
    progress_time: v.Span = timedelta(hours=4)  # office hours for writing it; then it goes so
    ask_satisfied: bool = True  # S3 4.4, of complaints
    patience: v.Span = timedelta(days=3)  # S3 4.4, ours: until the reminder, and until the end
    reminders: v.Count = 1  # S3 4.4, ours


@workflow.defn(name=NAME)
class CaseWork(FollowUp[Policy]):
    """A case's clock."""

    steps = STEPS
    standing = ("3", "4")

    @workflow.init
    def __init__(self, start: CaseFile[Policy]) -> None:
        super().__init__(start, start.order_id)
        self.case_id, self.complaint = start.case_id, start.complaint
        self.opened_at: datetime = start.opened_at or start.purchased_at
        self.turn = ""  # how often it was opened again
        self.answered = ""  # how, by a person
        self.resolved = False  # by somebody here
        self.released = 0  # how often elsewhere
        self.said: bool | None = None  # whether they are satisfied
        self.reading: dict[str, None] = {}  # the tasks of those who read that
        self.told = self.last = self.opened_at  # when the customer last heard of it
        self.closing = False

    @workflow.run
    async def run(self, start: CaseFile[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        ladder = await self.ladder(self.opened_at)
        self.meanwhile(self.acknowledge())
        self.begin_turn(ladder)
        await self.answer(ladder)
        while self.complaint:
            await self.put_right(ladder)
            if await self.is_satisfied():
                break
            ladder = await self.open_again()
            self.begin_turn(ladder)
        await self.close()

    async def acknowledge(self) -> None:
        with self.clause("1", "Acknowledge what they wrote, at once", due=self.opened_at):
            if self.complaint:
                await self.write("complaint-received", unreachable=Role.CSR)
            elif self.policy.acknowledge_inquiries:
                await self.write("inquiry-received")
            else:
                self.pass_over("off")

    async def answer(self, ladder: Ladder) -> None:
        with self.clause("2", "A person answers within 24 hours", due=ladder.answer_by):
            task = await self._hand_over(
                ladder.role,
                "answer a complaint" if self.complaint else "answer what the customer wrote",
                template="case-answer",
                form=Form.ANSWER,
                due_by=ladder.answer_by,
                urgent=self.complaint,
                case_id=self.case_id,
            )
            done, over = events.TaskDone(), ""
            if isinstance(task, Handed):
                done = await self._done_by(task, None, unless=self.is_answered)
                over = self.facts.over("2")
                if task.task_id not in self.facts.tasks:
                    await self._put_away("case-answer", over or "answered_elsewhere")
            if done.draft_id:
                await self.write("case-answer", draft_id=done.draft_id, unreachable=Role.CSR)
            elif over:
                self.pass_over(over)
            elif isinstance(task, Handed):
                self._record(State.DONE, done.answered or self.answered)
            self.answered = self.answered or done.answered or self.facts.over("2") or "here"

    async def put_right(self, ladder: Ladder) -> None:
        with self.clause("5", "Put it right", due=ladder.resolve_by, about=self.turn):
            if not self.is_resolved():
                task = await self._hand_over(
                    ladder.role,
                    "put a complaint right",
                    form=Form.RESOLVE,
                    due_by=ladder.resolve_by,
                    urgent=True,
                    case_id=self.case_id,
                )
                if isinstance(task, Handed):
                    await self._done_by(task, None, unless=self.is_resolved)
                    if task.task_id not in self.facts.tasks:
                        await self._put_away("", self.facts.over("5") or "resolved_elsewhere")
            if self.is_resolved() or not self.facts.over("5"):
                self._record(State.DONE)
            else:
                self.pass_over(self.facts.over("5"))
            self.resolved = True

    async def is_satisfied(self) -> bool:
        """By their word or a colleague's; silence, after a reminder, is on record as silence."""
        with self.clause("6", "Ask whether they are satisfied with that", about=self.turn):
            if self.said is None and self.policy.ask_satisfied:
                await self.ask_satisfied()
            elif self.said is None:
                self.pass_over("off")
            if self.said is not None:
                self._record(State.DONE, "happy" if self.said else "unhappy")
        return self.said is not False

    async def ask_satisfied(self) -> None:
        asked, turn = await self.write("complaint-resolved", unreachable=Role.CSR), 0
        self.last = asked.at if asked else self.now()  # who cannot be asked is looked for meanwhile
        while True:
            turn += 1
            said = await self.until(lambda: self.last + self.policy.patience, unless=self.has_said)
            if said or self.facts.over("6") or turn > self.policy.reminders:
                break
            what = f"{REMINDER}-{turn}"
            if again := await self.write(what, template=REMINDER, unless=self.has_said):
                asked, self.last = again, again.at
        if self.said is None and self.reading:  # a colleague has their answer before them
            patient = self.now() + self.policy.patience
            await self._wait(self.has_said, patient, what="their answer is read")
        if self.said is None and (asked is None or self.facts.over("6")):
            self.pass_over(self.facts.over("6") or "not_asked")
        elif self.said is None:
            self._record(State.DONE, "no_answer")

    async def open_again(self) -> Ladder:
        times = int(self.turn or "1")
        self.turn = str(times + 1)
        for clause in ("5", "6"):
            self.facts.forget(clause, self.policy.elsewhere)
        self.said, self.resolved, self.told = None, False, self.now()
        self.released = self.facts.releases.get(self.case_id, 0)
        with self.clause("7", "They are not satisfied: it is open again", about=self.turn):
            key = self._case_step("reopen", self.turn)
            await self._do(Records.reopen_case, v.CaseStep(**key, reopened=times), "open it again")
            self._record(State.DONE, "not_satisfied")
        return await self.ladder(self.now())

    async def close(self) -> None:
        with self.clause("7", "Close it, and let the follow-ups go on"):
            self.closing = True
            said = {"not_needed": "not_needed", "skipped": "decided"}
            outcome = said.get(self.answered, "answered")
            if self.complaint:
                outcome = "no_answer" if self.said is None else "yes"
            end = v.CaseEnd(**self._case_step("close"), outcome=outcome)
            await self._do(Records.settle_case, end, f"close: {outcome}")
            self._record(State.DONE, {"yes": "happy"}.get(outcome, outcome))
        for name in self.handed.values():  # who was called in need not come any more
            if self.lines[name].state is State.WAITING:
                self._record_for(self.lines[name], State.SKIPPED, "case_closed")

    # -- beside it: the ladder, and news for the customer ---------------------------------

    def begin_turn(self, ladder: Ladder) -> None:
        self.meanwhile(self.escalate(ladder))
        if self.complaint:
            self.meanwhile(self.report(ladder))

    async def escalate(self, ladder: Ladder) -> None:
        """Each rung of the matrix at its moment, unless it has come to that before."""
        for number, rung in enumerate(ladder.rungs, 1):
            with self.clause("3", "Escalate by the matrix", about=self.nth(number)):
                past = self.is_answered if rung.until == "answered" else self.is_resolved
                if await self.until(rung.at, unless=past):
                    self.pass_over(f"{rung.until}_in_time")
                    continue
                what = f"take care of a case that is not {rung.until}"
                more: dict[str, Any] = {"urgent": True, "case_id": self.case_id}
                more["unless"] = Because(past, f"{rung.until}_in_time")
                if await self.tell(rung.role, what, escalates=next(iter(self.asked), ""), **more):
                    self._record(State.DONE, "escalated")  # they have it on their list

    async def report(self, ladder: Ladder) -> None:
        """Whenever the customer has heard nothing for so long, until it is put right."""
        number = 0
        while not (self.is_resolved() or self.facts.over("4")):
            number += 1
            with self.clause("4", "Tell them of progress", about=self.nth(number)):
                due = self.told + ladder.update_every
                while self.now() < due and not self.facts.over("4"):
                    await self.until(due, unless=self.is_resolved)
                    if self.is_resolved():
                        self.pass_over("resolved_in_time")
                        return
                    due = self.told + ladder.update_every  # they heard of it meanwhile
                contact = await self.ask(
                    ladder.role,
                    "tell the customer how it is going",
                    self.policy.progress_time,
                    template="case-progress",
                    unless=Because(self.is_resolved, "resolved_in_time"),
                    case_id=self.case_id,
                )
                self.told = contact.at if contact else self.now()

    # -- what is heard ---------------------------------------------------------------------

    async def on_event(self, name: str, event: events.Event) -> None:
        match event:
            case events.Answer(case_id=case) if case in ("", self.case_id):
                self.answered = self.answered or "elsewhere"
            case events.Written(draft_id=draft) if draft:
                with self.clause("2", "A colleague writes", about=draft):
                    self.answered = self.answered or "here"
                    await self.write("case-message", draft_id=draft, unreachable=Role.CSR)

    async def on_reply(self, reply: events.Reply) -> None:
        """What they say of the resolution counts; in words, a colleague reads it."""
        await super().on_reply(reply)
        if isinstance(reply, events.Feedback) and reply.satisfied is not None:
            if reply.case_id in ("", self.case_id):
                self.said = reply.satisfied
        elif reply.case_id == self.case_id and self.complaint and self.is_resolved():
            with self.clause("6", "Read their answer", about=f"reply {len(self.facts.replies)}"):
                what = "read their answer: are they satisfied?"
                more: dict[str, Any] = {"form": Form.CONFIRM, "case_id": self.case_id}
                if task := await self.tell(Role.CSR, what, urgent=True, **more):
                    self.reading[task.task_id] = None

    def on_task_done(self, done: events.TaskDone) -> None:
        super().on_task_done(done)
        self.reading.pop(done.task_id, None)
        self.said = self.said if done.satisfied is None else done.satisfied
        self.resolved = self.resolved or done.resolved
        self.answered = self.answered or done.answered

    async def on_opt_out(self, opt_out: events.OptOut) -> None:
        """Mail of the case itself goes all the same."""

    def is_answered(self) -> bool:
        return bool(self.answered) or self.is_resolved()

    def is_resolved(self) -> bool:
        """By a task here, by whoever said so elsewhere; or it is closing."""
        elsewhere = self.facts.releases.get(self.case_id, 0) > self.released
        return self.resolved or elsewhere or self.closing

    def has_said(self) -> bool:
        return self.said is not None

    # -- how ------------------------------------------------------------------------------------

    async def ladder(self, since: datetime) -> Ladder:
        key, times = self._case_step("ladder", self.turn), int(self.turn or "1") - 1
        step = v.CaseStep(**key, since=since, reopened=times)
        return await self.must_learn(Clerk.ladder, step, "ladder")

    async def write(self, step: str, **more: Any) -> Contact | None:
        """Mail of the case itself."""
        contact = await self.send(step, case_id=self.case_id, **more)
        self.told = contact.at if contact else self.told
        return contact

    def nth(self, number: int) -> str:
        return f"{self.turn}.{number}".lstrip(".")

    def _case_step(self, *key: str) -> dict[str, Any]:
        return self._step(*key) | {"case_id": self.case_id}
