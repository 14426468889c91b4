"""What comes of a task beyond its row: the case, the note, the feedback, the events it makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import cases, feedback, inbox, people, tasks
from activities.crm.house import house_rules
from activities.crm.milestones import record_decision
from activities.crm.tables import Case, Enrolment, Inbox, Note, Task
from starter.answers import Refusal
from starter.desk import forms
from starter.desk.forms import Outcome

STAFF = "staff"  # the inbox's source for what is said through the desk
PHONE = "phone"


@dataclass
class Came:
    """What came of it: what the workflow is told, and the events that are to be carried out."""

    codes: dict[str, Any] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    again: datetime | None = None  # it is not done: its next attempt
    reason: str | None = None


class Outcomes:
    """One task's outcome, within the transaction that closes it."""

    def __init__(
        self, session: AsyncSession, now: datetime, row: Task, said: Outcome, by: str
    ) -> None:
        self.session, self.now, self.row, self.said, self.by = session, now, row, said, by
        self.came = Came()

    async def come(self) -> Came:
        """Write down what the form says; raises `Refusal` for what the tables know better."""
        match self.said:
            case forms.Answer():
                await self._answered(self.said)
            case forms.Resolve():
                await self._resolved(self.said)
            case forms.Confirm(satisfied=satisfied):
                await self._confirmed(satisfied)
            case forms.Call():
                await self._called(self.said)
            case forms.Arrival(arrived=arrived, at=at):
                self.came.codes["arrived"] = arrived
                if arrived:
                    await self._delivered(at)
                await self._note("The order has arrived" if arrived else "It has not arrived")
            case forms.Review(score=score):
                await self._note("Reviewed", feedback=f"{score:g}")
            case forms.Free():
                await self._free(self.said)
            case _:
                await self._note("")
        return self.came

    # -- cases ---------------------------------------------------------------------------

    async def _answered(self, said: forms.Answer) -> None:
        case, how = await self._case(), said.answered or "here"
        if said.answered:
            self.came.codes["answered"] = said.answered
            method = said.method or (PHONE if said.answered == PHONE else None)
            words = {"phone": "Answered on the telephone", "elsewhere": "Answered elsewhere"}
            await self._note(words.get(how, "No answer is needed"), method=method)
        if case is None:
            return
        await cases.answered(self.session, self.now, case, by=self.by, how=how)
        if said.resolved:
            await self._put_right(case, said.root_cause or "", said.resolution, said.satisfied)

    async def _resolved(self, said: forms.Resolve) -> None:
        case = await self._case()
        if case is not None:
            await self._put_right(case, said.root_cause, said.resolution, said.satisfied)

    async def _put_right(
        self, case: Case, cause: str, resolution: str | None, satisfied: bool | None
    ) -> None:
        causes = (await house_rules(self.session)).root_causes
        if cause not in causes:
            words = f"the house knows these root causes: {', '.join(causes)}"
            raise Refusal("unknown_root_cause", words, param="root_cause")
        await cases.put_right(
            self.session, self.now, case, by=self.by, root_cause=cause, resolution=resolution
        )
        self.came.codes["resolved"] = True
        note = await self._note(f"Put right ({cause}): {resolution or ''}".rstrip(": "))
        if satisfied is not None:
            await self._satisfied(case, note, satisfied=satisfied)

    async def _confirmed(self, satisfied: bool) -> None:
        words = "They are satisfied" if satisfied else "They are not satisfied"
        note = await self._note(words, direction="in", feedback="yes" if satisfied else "no")
        await self._satisfied(await self._case(), note, satisfied=satisfied)

    async def _satisfied(self, case: Case | None, note: Note | None, *, satisfied: bool) -> None:
        self.came.codes["satisfied"] = satisfied
        await feedback.keep(
            self.session,
            key=f"{self.row.id}/satisfied",
            customer_id=self.row.customer_id or "",
            at=self.now,
            source=STAFF,
            order_id=case.order_id if case else None,
            follow_up=self.row.follow_up,
            clause=self.row.clause,
            case_id=case.id if case else None,
            satisfied=satisfied,
            note_id=note.id if note else None,
            actions=self.said.actions,
            by=self.by,
        )

    async def _case(self) -> Case | None:
        return await self.session.get(Case, self.row.case_id) if self.row.case_id else None

    # -- calls ---------------------------------------------------------------------------

    async def _called(self, said: forms.Call) -> None:
        if said.reached != "yes":
            await self._not_reached(said)
            return
        self.came.codes["reached"] = True
        if not self.row.customer_id:  # a trial, of nobody
            return
        scores = ", ".join(f"{name} {score:g}" for name, score in said.scores.items())
        if said.escalate:
            grievance = {"text": said.comment, "severity": said.urgency, "category": said.category}
            await self._event("complaint.opened", "complaint", grievance)
        words = said.comment or "Reached on the telephone"
        if said.scores:
            opinion = {"channel": PHONE, "category": said.category, **said.scores}
            event = await self._event("feedback.received", "said", opinion)
            await self._keep(event, said, words, scores)
        else:
            await self._note(words, direction="in", method=PHONE, feedback=scores or None)

    async def _keep(self, event: Inbox, said: forms.Call, words: str, scores: str) -> None:
        """What the event will find under its own keys: with the call's clause, and by whom."""
        note = await people.write_down(
            self.session,
            key=f"{event.id}/said",
            customer_id=self.row.customer_id or "",
            at=self.now,
            summary=words,
            method=PHONE,
            feedback=scores,
            actions=said.actions,
            follow_up=self.row.follow_up,
            message_key=self.row.brief.get("message"),
            by=self.by,
        )
        note.clause = self.row.clause
        await feedback.keep(
            self.session,
            key=event.id,
            customer_id=self.row.customer_id or "",
            at=self.now,
            source="call",
            order_id=self.row.order_id,
            follow_up=self.row.follow_up,
            clause=self.row.clause,
            message_key=self.row.brief.get("message"),
            category=said.category,
            note_id=note.id,
            actions=said.actions,
            by=self.by,
            **said.scores,
        )

    async def _not_reached(self, said: forms.Call) -> None:
        """Somebody tries again when the office next opens; after so many attempts it is done."""
        rules = await house_rules(self.session)
        tried = [*self.row.brief.get("tried", []), {"at": self.now.isoformat(), "by": self.by}]
        self.row.brief = self.row.brief | {"tried": tried}
        how = " (voicemail)" if said.reached == "voicemail" else ""
        key, number = f"{self.row.id}/tried/{len(tried)}", len(tried)
        await self._note(f"Not reached on the telephone{how}", method=PHONE, key=key)
        facts: dict[str, Any] = {"task": self.row.id, "attempt": number}
        if number < rules.care.attempts:
            again = await tasks.next_opening(self.session, self.now, self.row, rules)
            self.came.again = self.row.snoozed_until = again
            facts["again"] = again.isoformat()
        self.came.codes["reached"] = False
        self.came.reason = "voicemail" if how else "nobody_there"
        await record_decision(
            self.session,
            self.now,
            customer_id=self.row.customer_id or "",
            follow_up=self.row.follow_up,
            clause=self.row.clause,
            key=self.row.key,
            outcome="not_reached",
            reason=self.came.reason,
            facts=facts,
        )

    # -- the others ----------------------------------------------------------------------

    async def _delivered(self, at: datetime | None) -> None:
        order = self.row.order_id
        if order is None and self.row.follow_up:
            query = select(Enrolment.order_id).where(Enrolment.id == self.row.follow_up)
            order = (await self.session.execute(query)).scalar_one_or_none()
        if order is not None:
            happened = min(at or self.now, self.now)
            await self._event("order.delivered", "arrived", {}, order=order, happened=happened)

    async def _free(self, said: forms.Free) -> None:
        result = said.result or ""
        if said.note or result or said.actions or said.feedback:
            method = said.method or ("letter" if isinstance(said, forms.Letter) else None)
            await self._note(result, method=method, feedback=said.feedback)
        if self.row.key.endswith(forms.LEGACY):
            await self._of_old(said)

    async def _of_old(self, said: forms.Free) -> None:
        """A case from before cases had workflows: its task done is the case answered."""
        case = await self.session.get(Case, self.row.key.removesuffix(forms.LEGACY))
        if case is not None:
            what = "complaint.resolved" if case.kind == cases.COMPLAINT else "inquiry.answered"
            data = {"case_id": case.id, "source": self.by[:200], "text": said.note}
            await self._event(what, "", data)

    # -- how -----------------------------------------------------------------------------

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
        if order:
            event["order"] = {"id": order}
        if message := what == "feedback.received" and self.row.brief.get("message"):
            event["data"]["message"] = message
        kept = inbox.row_for(STAFF, event, occurred_at=happened or self.now, now=self.now)
        self.session.add(kept)
        await self.session.flush()
        self.came.events.append(kept.id)
        return kept
