"""What comes of a task beyond its row: the case, the note, the feedback, the events it makes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from activities.crm import cases, feedback, privacy
from activities.crm.house import house_rules
from activities.crm.tables import Case, Enrolment, Note
from starter.answers import Refusal
from starter.desk import forms, shapes
from starter.desk.agreed import Agreed
from starter.desk.calls import Calls
from starter.desk.coming import PHONE, STAFF, Came

__all__ = ["Came", "Outcomes"]


class Outcomes(Calls, Agreed):
    """One task's outcome, within the transaction that closes it."""

    async def come(self) -> Came:
        """Write down what the form says; raises `Refusal` for what the tables know better."""
        match self.said:
            case forms.Answer():
                await self._answered(self.said)
            case forms.Resolve():
                await self._resolved(self.said)
            case forms.Confirm(satisfied=satisfied):
                await self._confirmed(satisfied)
            case shapes.Call():
                await self._called(self.said)
            case forms.Arrival(arrived=arrived, at=at):
                await self._found_out(at, arrived=arrived)
            case forms.Privacy(outcome=outcome, reason=reason):
                await privacy.close(self.session, self.now, self.row, outcome, reason)
                await self._note(f"Their request is {outcome}: {reason or 'done'}")
            case forms.Review(score=score):
                await self._note("Reviewed", feedback=f"{score:g}")
            case forms.Free():
                await self._free(self.said)
            case _ if not await self._agreed():
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

    # -- the others ----------------------------------------------------------------------

    async def _found_out(self, at: datetime | None, *, arrived: bool) -> None:
        self.came.codes["arrived"] = arrived
        if arrived:
            await self._delivered(at)
        await self._note("The order has arrived" if arrived else "It has not arrived")

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
        await self._advised(": ".join(filter(None, (result, said.note))))
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
