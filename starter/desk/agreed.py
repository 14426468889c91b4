"""What comes of the tasks of Sales and of account managers: feedback has its class, a contract its
fields, a system its customer, a meeting its moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from activities.crm import accounts, contracts, feedback, people, tasks
from activities.crm.customers import take_in
from activities.crm.house import house_rules
from activities.crm.noticing import ANSWERED, notice
from activities.crm.tables import Contract, Feedback, Meeting, Task
from starter.answers import Refusal
from starter.desk.coming import Coming
from starter.desk.shapes_sales import Classify, MeetingCame, Schedule, SetUp, Transfer
from starter.intake.opinions import check_type

EARLY = timedelta(hours=1)  # so long before its time a meeting may begin
TOLD = {
    "held": "Met them",
    "missed": "They did not come",
    "moved": "Met another time",
    "cancelled": "Not met: it is off",
}


class Agreed(Coming):
    async def _agreed(self) -> bool:
        """Whether the form is one of these."""
        match self.said:
            case Classify():
                await self._classified(self.said)
            case Transfer():
                await self._transferred(self.said)
            case SetUp():
                await self._set_up(self.said)
            case Schedule() | MeetingCame():
                await self._met(self.said)
            case _:
                return False
        return True

    async def _classified(self, said: Classify) -> None:
        """What somebody has to see to becomes a case, as if it had come so."""
        check_type(await house_rules(self.session), said.type)
        row = await self.session.get(Feedback, self.row.feedback_id or "", with_for_update=True)
        if row is not None:
            serious = await feedback.classify(
                self.session,
                self.now,
                row,
                type_=said.type,
                urgency=said.urgency,
                potential=said.potential,
                by=self.by,
            )
            row.actions = said.actions or row.actions
            self.came.events += [serious.id] if serious else []
        if said.note or said.actions:
            await self._note("Classified")

    async def _transferred(self, said: Transfer) -> None:
        """What is filled in goes to the contract; done it is with nothing missing any more."""
        contract = await self._contract()
        filled = {name: value for name, value in said.said().items() if name in contracts.FIELDS}
        take_in(contract, {name: v for name, v in filled.items() if v is not None}, at=self.now)
        left = contracts.missing(contract, tuple(self.row.brief.get("checks", ())))
        if left:
            names = ", ".join(left)
            raise Refusal("incomplete", f"still missing: {names}", param=left[0])
        await self._note("Handed over to account management")

    async def _set_up(self, said: SetUp) -> None:
        """Every system has them: those that said so themselves, and those that are ticked."""
        contract = await self._contract()
        checks = self.row.brief.get("checks", [])
        if strange := [name for name in said.done if name not in checks]:
            words = f"this task is about {', '.join(checks) or 'no system'}, not {strange[0]}"
            raise Refusal("invalid", words, param="done")
        left = await accounts.missing(self.session, contract.id, checks)
        if unticked := [name for name in left if name not in said.done]:
            words = f"not set up yet: {', '.join(unticked)}"
            raise Refusal("incomplete", words, param=f"done.{unticked[0]}")
        for name in left:
            await accounts.given(
                self.session,
                self.now,
                contract,
                name,
                at=self.now,
                follow_up=self.row.follow_up,
                by=self.by,
            )
        await self._note(f"Set up in {', '.join(checks)}")

    async def _met(self, said: Schedule | MeetingCame) -> None:
        """The meeting's own word, as if the system that keeps it had said so."""
        what = said.outcome if isinstance(said, MeetingCame) else "scheduled"
        if said.starts_at is not None and said.starts_at <= self.now:
            raise Refusal("invalid", "a meeting is in the future", param="starts_at")
        if what in ("held", "missed"):
            await self._has_begun()
        organiser = self.by if "@" in self.by and what == "scheduled" else None
        data: dict[str, Any] = {
            "meeting_id": self.row.meeting_id,
            "starts_at": said.starts_at.isoformat() if said.starts_at else None,
            "minutes": said.minutes,
            "url": said.url,
            "title": said.title if isinstance(said, Schedule) else None,
            "organiser": organiser,
        }
        event = await self._event(f"meeting.{what}", what, data)
        words = TOLD.get(what) or "A meeting is arranged"
        note = await people.write_down(
            self.session,
            key=f"{event.id}/said",
            customer_id=self.row.customer_id or "",
            at=self.now,
            summary=": ".join(filter(None, (words, said.note))),
            direction="out",
            method=said.method,
            actions=said.actions,
            follow_up=self.row.follow_up,
            by=self.by,
        )
        note.clause = self.row.clause

    async def _advised(self, answer: str | None) -> None:
        """What a manager was asked goes back to whoever asked, on their task's brief."""
        asked = self.row.brief.get("about_task")
        if not asked:
            return
        if not answer:
            raise Refusal("missing", "a colleague asks: write your answer as note", param="note")
        first = await self.session.get(Task, asked, with_for_update=True)
        if first is None:
            return
        said = {"at": self.now.isoformat(), "by": self.by, "text": answer, "task": self.row.id}
        first.brief = first.brief | {"advice": [*first.brief.get("advice", []), said]}
        if first.state == tasks.OPEN:
            await notice(self.session, self.now, first, ANSWERED, self.row.id)

    async def _has_begun(self) -> None:
        """Nobody was met, or waited for, long before it was to be."""
        meeting = await self.session.get(Meeting, self.row.meeting_id or "")
        if meeting is not None and self.now < meeting.starts_at - EARLY:
            at = f"{meeting.starts_at:%Y-%m-%d %H:%M} UTC"
            words = f"it begins at {at}: if it was earlier, say first that it was moved"
            raise Refusal("not_yet", words, param="outcome", status=409)

    async def _contract(self) -> Contract:
        contract_id = self.row.contract_id or ""
        row = await self.session.get(Contract, contract_id, with_for_update=True)
        if row is None:
            raise Refusal("invalid", "nobody knows the contract of this task", param="task")
        return row
