"""What comes of a call: what they said and how they score us, or that nobody was there."""

from __future__ import annotations

from typing import Any

from activities.crm import feedback, people, tasks
from activities.crm.house import house_rules
from activities.crm.milestones import record_decision
from activities.crm.tables import Inbox
from starter.desk.coming import PHONE, Coming
from starter.desk.shapes import Call
from starter.desk.shapes_sales import SalesCall
from starter.intake.opinions import check_type


class Calls(Coming):
    async def _called(self, said: Call) -> None:
        if said.reached != "yes":
            await self._not_reached(said)
            return
        if isinstance(said, SalesCall):
            check_type(await house_rules(self.session), said.type)
        self.came.codes["reached"] = True
        if not self.row.customer_id:  # a trial, of nobody
            return
        if said.escalate:
            grievance = {"text": said.comment, "severity": said.urgency, "category": said.category}
            await self._event("complaint.opened", "complaint", grievance)
        words, scores = _summary(said), _feedback(said)
        if said.scores or isinstance(said, SalesCall):
            opinion = {"channel": PHONE, "category": said.category, **said.scores, **_class(said)}
            event = await self._event("feedback.received", "said", opinion)
            await self._keep(event, said, words, scores)
        else:
            await self._note(words, direction="in", method=PHONE, feedback=scores or None)
        if isinstance(said, SalesCall):
            talked = {"asked": True, "given": True, "declined": False}
            self.came.codes |= {"opportunity": said.opportunity}
            self.came.codes |= {"referral": talked.get(said.referral or "")}

    async def _keep(self, event: Inbox, said: Call, words: str, scores: str) -> None:
        """What the event will find under its own keys: with the call's clause, and by whom."""
        note = await people.write_down(
            self.session,
            key=f"{event.id}/said",
            customer_id=self.row.customer_id or "",
            at=self.now,
            summary=words,
            method=said.method or PHONE,
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

    async def _not_reached(self, said: Call) -> None:
        """Somebody tries again when the office next opens; after so many attempts it is done, and
        so is what was promised for earlier than that: it is for the procedure to write instead."""
        rules = await house_rules(self.session)
        tried = [*self.row.brief.get("tried", []), {"at": self.now.isoformat(), "by": self.by}]
        self.row.brief = self.row.brief | {"tried": tried}
        how = " (voicemail)" if said.reached == "voicemail" else ""
        key, number = f"{self.row.id}/tried/{len(tried)}", len(tried)
        await self._note(f"Not reached on the telephone{how}", method=PHONE, key=key)
        facts: dict[str, Any] = {"task": self.row.id, "attempt": number}
        again = await tasks.next_opening(self.session, self.now, self.row, rules)
        too_late = self.row.template is not None and again >= self.row.due_at
        if number < rules.care.attempts and not too_late:
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


def _summary(said: Call) -> str:
    """What the call comes to, for the customer's history (S2 5.5)."""
    words = [said.comment or "Reached on the telephone"]
    if isinstance(said, SalesCall):
        words += [f"May want: {said.wanted}" if said.opportunity else "", _referral(said)]
        words += [said.note or ""]
    return "\n".join(filter(None, words))


def _referral(said: SalesCall) -> str:
    return {
        "asked": "Asked whom else we might help",
        "given": "Named somebody else we might help",
        "declined": "Would rather name nobody else",
    }.get(said.referral or "", "")


def _feedback(said: Call) -> str:
    scores = [f"{name} {score:g}" for name, score in said.scores.items()]
    return ", ".join([*scores, *(f"{name} {value}" for name, value in _class(said).items())])


def _class(said: Call) -> dict[str, Any]:
    if not isinstance(said, SalesCall):
        return {}
    return {"type": said.type, "urgency": said.urgency, "potential": said.potential}
