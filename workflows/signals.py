"""The one door for signals, and the standing orders: what is done whenever something is heard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from workflows import events
from workflows import vocabulary as v
from workflows.checklist import Clause
from workflows.contract import Messaging, Records
from workflows.facts import UNPROVEN, Answered
from workflows.steps import Ended, Steps
from workflows.vocabulary import Outcome, State

# No such name, two bodies, a field of another type, no such encoding.
UNREADABLE = (KeyError, TypeError, ValueError, RuntimeError)
LATELY = ("began_earlier",)  # workers of earlier releases, that may run yet, have a person read it
AHEAD = timedelta(days=1)  # clocks differ, and so do people's ideas of time zones
NAME = re.compile(r"\w{1,64}", re.ASCII)  # what a signal may be called on a person's list


class Signals(Steps):
    """Each signal is a track of its own: its fact is taken first, then it is answered."""

    def __init__(self, *given: Any, early: Iterable[v.Heard] = ()) -> None:
        super().__init__(*given)
        self.asked: dict[str, None] = {}  # the tasks somebody is being waited for
        self.handed: dict[str, str] = {}  # the others, each with the line of the checklist it is on
        self.awaited: dict[str, None] = {}  # the clauses being slept for
        self.reminders: list[tuple[str, v.Sent, Answered]] = []
        self.early: list[tuple[str, events.Event | None]] = []
        for heard in early:  # in their order, and before anything is heard now
            event = self._understood(heard.name, [heard.event])
            if event is None or self.facts.take(heard.name, event):
                self.early.append((heard.name, event))

    @workflow.signal(dynamic=True, description="By name, as in the interface; a body is optional.")
    async def hear(self, name: str, bodies: Sequence[RawValue]) -> None:
        """What was said is a fact at once; what it asks for is answered here, on its own track."""
        event = self._read(name, bodies)
        if event is None or self.facts.take(name, event):
            await self._respond(name, event)

    @workflow.query
    def checklist(self) -> list[v.Line]:
        return list(self.lines.values())

    def _answer_early(self) -> None:
        for name, event in self.early:
            self._aside(self._respond(name, event))
        self.early = []

    async def _respond(self, name: str, event: events.Event | None) -> None:
        self._flag()
        self.set_out_from(event.at if event else None)
        try:
            if event is None:
                known = name if NAME.fullmatch(name) else "of no known name"
                await self._puzzle(f"read the signal {known}")
            else:
                await self._answer(name, event)
        except Ended:
            await self._note("", f"{name} came after the end")

    async def _answer(self, name: str, event: events.Event) -> None:
        match event:
            case events.Reply():
                await self.on_reply(event)
            case events.OptOut():
                await self.on_opt_out(event)
            case events.Issue():
                await self.on_common_issue(event)
            case events.Lull():
                await self.on_low_engagement(event)
            case events.TaskDone():
                self.on_task_done(event)
            case events.DoneElsewhere():
                self.on_done_elsewhere(event)
            case events.PolicyChanged() | events.Began():
                await self._move(event)
            case events.Bounce():
                await self.on_bounce(event)
            case events.Complaint() | events.ComplaintResolved() | events.Hold() | events.Resume():
                await self._keep_back(event)
            case _:
                await self.on_event(name, event)

    async def _move(self, event: events.Event) -> None:
        match event:
            case events.PolicyChanged():
                await self.on_policy(event)
            case events.Began(at=at) if at:
                await self.count_from(at)

    async def _keep_back(self, event: events.Event) -> None:
        match event:
            case events.Complaint():
                await self.on_complaint(event)
            case events.ComplaintResolved(case_id=""):
                await self._puzzle("say which complaint is resolved", v.Role.CSR)
            case events.Hold():
                await self.on_hold(event)
            case events.Resume(holds=()):
                await self._puzzle("say which hold is released", v.Role.CSR)

    # -- standing orders: an SOP overrides what it has more to say about -------------

    async def on_reply(self, reply: events.Reply) -> None:
        """A reminder that crossed with the reply is on record as such."""
        for clause, reminder, answered in self.reminders:
            if answered.before(reminder.at):
                await self._note(clause, "the reply had come first")

    async def on_complaint(self, complaint: events.Complaint) -> None:
        """The desk has written case and hold; for one signalled by hand it is done now."""
        if not complaint.case_id:
            step = v.Step(**self._step("complaint", complaint.id))
            await self._do(Records.open_case, step, "open a case")  # and the desk will say its id

    async def on_hold(self, hold: events.Hold) -> None:
        """The desk has written the hold; for one signalled by hand it is done now."""
        if not hold.hold_id:
            step = v.Step(**self._step("hold", hold.id))
            self.facts.held(step.key)
            self._flag()
            await self._do(Records.open_hold, step, "hold")

    async def on_opt_out(self, opt_out: events.OptOut) -> None:
        """The gate minds it; the follow-up ends only when nothing it has left may be sent."""
        rest = v.Remainder(
            customer_id=self.customer_id,
            follow_up=workflow.info().workflow_id,
            templates=tuple(self.left()),
        )
        if (
            rest.templates
            and await self._do(Messaging.anything_left, rest, "anything left?") is False
        ):
            self.facts.ended = self.facts.ended or Outcome.OPTED_OUT

    def left(self) -> Iterable[str]:
        """The templates that may still be sent."""
        return ()

    def on_task_done(self, done: events.TaskDone) -> None:
        """A task that nobody waits for here: its clause is done, or was declined."""
        line = self.lines.get(self.handed.pop(done.task_id, ""))
        if line and line.state is State.WAITING:
            undone = done.released or ("declined" if done.declined else "")
            self._record_for(line, State.SKIPPED if undone else State.DONE, undone)

    def on_done_elsewhere(self, done: events.DoneElsewhere) -> None:
        """Evidence: a clause that counts as done elsewhere is now proven."""
        line = self.lines.get(done.clause)
        if line and (line.state, line.reason) == (State.ELSEWHERE, UNPROVEN):
            self._record_for(line, State.ELSEWHERE)

    async def on_common_issue(self, issue: events.Issue) -> None: ...

    async def on_low_engagement(self, lull: events.Lull) -> None: ...

    async def on_policy(self, changed: events.PolicyChanged) -> None: ...

    async def count_from(self, moment: datetime) -> None: ...

    async def on_bounce(self, bounce: events.Bounce) -> None: ...

    async def on_event(self, name: str, event: events.Event) -> None: ...

    # -- reading ---------------------------------------------------------------------

    def _read(self, name: str, bodies: Sequence[RawValue]) -> events.Event | None:
        if name in LATELY and not self.is_new(name):
            return None
        try:
            said = [workflow.payload_converter().from_payload(body.payload) for body in bodies]
        except UNREADABLE:
            return None
        return self._understood(name, said)

    def _understood(self, name: str, said: Sequence[Any]) -> events.Event | None:
        """The event, with what a person left out filled in; None if it can't be read."""
        try:
            event = events.HEARD[name].model_validate(*[b for b in said if b is not None] or [{}])
        except UNREADABLE:
            return None
        gaps: dict[str, Any] = {}
        if not event.at or event.at > self.now() + AHEAD:  # nothing is heard before it happens
            gaps["at"] = self.now()
        if not event.id:
            gaps["id"] = str(workflow.uuid4())
        return event.model_copy(update=gaps | self._meant(event))

    def _meant(self, event: events.Event) -> dict[str, str]:
        """Which task or clause somebody meant who named none; what the desk never wrote is none."""
        match event:
            case events.Complaint(case_id=case) | events.Reply(case_id=case) if not is_ours(case):
                return {"case_id": ""}
            case events.Hold(hold_id=hold) if not hold.startswith("hold_"):
                return {"hold_id": ""}
            case events.TaskDone(task_id=""):
                return {"task_id": next(iter([*self.asked, *self.handed]), "")}
            case events.RunNow(clause=""):
                return {"clause": next(iter(self.awaited), "")}
            case events.Skip(clause="") | events.Retry(clause=""):
                blocked = (k.clause for k in self.lines.values() if k.state is State.BLOCKED)
                return {"clause": next(blocked, "")}
        return {}

    async def _puzzle(self, what: str, role: v.Role = v.Role.ENGINEER) -> None:
        """What the machine cannot tell, a person can."""
        key = self._step("puzzle", str(workflow.uuid4()))
        await self._do(Records.hand_over, v.Task(**key, role=role, what=what), f"{role}: {what}")

    def _record_for(self, line: v.Line, state: State, reason: str = "") -> None:
        """Record what became of a clause that no track is at."""
        with self._under(Clause(line.clause, line.says, about=line.about)):
            self._record(state, reason)


def is_ours(case: str) -> bool:
    """Whether it looks like what the desk calls a case; for another nobody would ever settle it."""
    return case.startswith("case_")
