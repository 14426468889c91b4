"""What staff order: hold, skip, stop… Rows first, under the customer's lock; then tellings."""

from __future__ import annotations

import difflib
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import doubts, enrolments, holds, privacy
from activities.crm.tables import Customer, Enrolment, Milestone, Stop, Task, new_id
from activities.rendering import TemplateFault, registry
from starter.answers import Effect, Receipt, Refusal
from starter.desk.base import DeskBase, audit, needs_reason, whom
from starter.reports.sops import clauses
from workflows.sops import CASE, CORRESPONDENCE
from workflows.vocabulary import PAST, Role, State

Verb = Literal["hold", "resume", "skip", "run-now", "retry", "end"]
VERBS: dict[Verb, str] = {
    "hold": "hold",
    "resume": "resume",
    "skip": "skip",
    "run-now": "run_now",
    "retry": "retry",
    "end": "end",
}
MANUAL = "manual"
CHANNELS = ("email", "sms", "letter", "call")


class Commands(DeskBase):
    async def control(
        self, verb: Verb, target: str, *, clause: str | None = None, reason: str, by: str
    ) -> Receipt:
        """Hold, resume, skip, run now, retry or end; hold and resume also for a whole customer."""
        if verb not in VERBS:
            raise Refusal("unknown_verb", f"one of {', '.join(VERBS)}", param="verb")
        needs_reason(reason)
        now, token = self.clock.now(), new_id("cmd")
        async with self.store.transaction() as session:
            customer, follow_up = await whom(session, target)
            if verb in ("skip", "run-now", "retry", "end") and follow_up is None:
                follow_up = await _only(session, customer)
            _fits(verb, clause, follow_up)
            order = _Order(session, now, token, customer, follow_up, reason=reason, by=by)
            what = f"follow_up.{VERBS[verb]}"
            name = follow_up.id if follow_up else customer.id
            audit(session, now, by=by, what=what, target=name, reason=reason, clause=clause)
            effects = await order.carry_out(verb, clause)
        return await self.answer(token, token, effects, customer.id)

    async def stop(
        self,
        *,
        channel: str | None = None,
        sop: str | None = None,
        template: str | None = None,
        reason: str,
        by: str,
    ) -> str:
        """Press the stop button for what matches, or for everything; its id."""
        needs_reason(reason)
        if sop:
            self.catalogue.named(sop)
        _matches_something(channel, template)
        now = self.clock.now()
        async with self.store.transaction() as session:
            row = Stop(
                id=new_id("stop"), channel=channel, sop=sop, template=template, reason=reason,
                by=by, at=now,
            )  # fmt: skip
            await holds.press(session, row)
            audit(session, now, by=by, what="stop", target=row.id, reason=reason,
                  channel=channel, sop=sop, template=template)  # fmt: skip
        return row.id

    async def go(
        self,
        *,
        channel: str | None = None,
        sop: str | None = None,
        template: str | None = None,
        reason: str,
        by: str,
    ) -> list[str]:
        """Lift the stop buttons that match exactly (none given: all of them); their ids.

        Whatever is held hears of it: a button that held nothing back there is not minded.
        """
        needs_reason(reason)
        now, token = self.clock.now(), new_id("cmd")
        async with self.store.transaction() as session:
            query = select(Stop).where(Stop.lifted_at.is_(None)).with_for_update()
            said = {"channel": channel, "sop": sop, "template": template}
            if any(said.values()):
                query = query.filter_by(**said)
            lifted = list((await session.execute(query)).scalars())
            for row in lifted:
                row.lifted_at, row.lifted_by = now, by
                audit(session, now, by=by, what="go", target=row.id, reason=reason)
            ids = [row.id for row in lifted]
            if ids:
                body = {"id": token, "at": now.isoformat(), "holds": ids}
                for held in await _held(session):
                    enrolments.tell(session, now, held, name="resume", body=body, inbox_id=token)
        await self.relay.hurry(token)
        return ids

    async def settle(
        self, message_id: str, outcome: Literal["sent", "not_sent"], *, reason: str, by: str
    ) -> None:
        """Say what became of a message whose sending is unknown."""
        needs_reason(reason)
        if outcome not in ("sent", "not_sent"):
            raise Refusal("invalid", "sent or not_sent", param="outcome")
        now = self.clock.now()
        async with self.store.transaction() as session:
            if not await doubts.settle(session, message_id, outcome, now, by):
                raise Refusal(
                    "not_in_doubt",
                    "there is no message of this id whose sending is unknown",
                    param="message",
                    status=409,
                )
            audit(session, now, by=by, what="message.settled", target=message_id, reason=reason,
                  outcome=outcome)  # fmt: skip


class _Order:
    """One order while it is carried out."""

    def __init__(
        self,
        session: AsyncSession,
        now: datetime,
        token: str,
        customer: Customer,
        follow_up: Enrolment | None,
        *,
        reason: str,
        by: str,
    ) -> None:
        self.session, self.now, self.token = session, now, token
        self.customer, self.follow_up = customer, follow_up
        self.reason, self.by = reason, by

    async def carry_out(self, verb: Verb, clause: str | None) -> list[Effect]:
        if self.follow_up is not None and self.follow_up.ended_at is not None:
            return [Effect(self.follow_up.id, "none", "ended")]
        if verb == "hold":
            return await self._hold()
        if verb == "resume":
            return await self._resume()
        if nothing := await self._nothing_to(verb, clause):
            return [Effect(self.follow_up.id if self.follow_up else None, "none", nothing)]
        if verb == "end" and self.follow_up is not None:
            if self.follow_up.sop == CASE.name:
                words = "a case ends with its answer: complete its task, or say that it is resolved"
                raise Refusal("case_open", words, param="target", status=409)
            self.follow_up.reason = "ended_by_staff"
        return await self._tell(VERBS[verb], {"clause": clause} if clause else {})

    async def _nothing_to(self, verb: Verb, clause: str | None) -> str | None:
        """Why the order would come to nothing, where the tables know it."""
        if self.follow_up is None or verb not in ("skip", "retry", "run-now"):
            return None
        if verb == "run-now":
            return await self._nothing_to_hurry(self.follow_up.id, clause)
        if verb == "skip" and clause:
            return None
        stuck = await self._milestones(self.follow_up.id, clause, State.BLOCKED)
        return None if stuck or await self._to_mend(self.follow_up.id) else "nothing_blocked"

    async def _nothing_to_hurry(self, follow_up: str, clause: str | None) -> str | None:
        if clause is None:
            waits = await self._milestones(follow_up, None, State.NEXT, State.WAITING)
            return None if waits else "nothing_next"
        known = await self._milestones(follow_up, clause)
        over = [row.state for row in known if row.state in PAST]
        return f"already_{over[-1]}" if known and len(over) == len(known) else None

    async def _milestones(self, follow_up: str, clause: str | None, *states: State) -> list[Any]:
        query = select(Milestone).where(Milestone.follow_up == follow_up)
        if clause:
            query = query.where(Milestone.clause == clause)
        if states:
            query = query.where(Milestone.state.in_(states))
        found = await self.session.execute(query.order_by(Milestone.updated_at))
        return list(found.scalars())

    async def _to_mend(self, follow_up: str) -> bool:
        """Whether an engineer is called: the checklist may be a moment behind."""
        query = select(Task.id).where(
            Task.follow_up == follow_up, Task.state == "open", Task.role == Role.ENGINEER
        )
        return (await self.session.execute(query.limit(1))).first() is not None

    async def _hold(self) -> list[Effect]:
        hold_id = await holds.hold(
            self.session,
            self.now,
            customer_id=self.customer.id,
            follow_up=self.follow_up.id if self.follow_up else None,
            kind=MANUAL,
            reason=self.reason,
            by=self.by,
        )
        return await self._tell("hold", {"hold_id": hold_id}) or [Effect(None, "recorded")]

    async def _resume(self) -> list[Effect]:
        name = self.follow_up.id if self.follow_up else None
        rows = await holds.open_holds(self.session, self.customer.id, name)
        mine = [
            row.id for row in rows if row.kind == MANUAL and (name is None or row.follow_up == name)
        ]
        asked = await privacy.restrictions(self.session, mine)
        mine = [hold for hold in mine if hold not in asked]
        if asked and not mine:
            return [Effect(name, "none", "held_by_request")]
        if not mine:
            kinds = {row.kind if row.follow_up else f"{row.kind}_of_customer" for row in rows}
            reason = next((f"held_by_{kind}" for kind in sorted(kinds)), "not_on_hold")
            return [Effect(name, "none", reason)]
        released = await holds.release(self.session, self.now, mine, by=self.by)
        return await self._tell("resume", {"holds": released}) or [Effect(None, "recorded")]

    async def _tell(self, name: str, body: dict[str, Any]) -> list[Effect]:
        if self.follow_up is not None:
            told = [self.follow_up]
        else:
            told = await enrolments.open_of(self.session, self.customer.id)
        said = {"id": self.token, "at": self.now.isoformat(), **body}
        for row in told:
            enrolments.tell(
                self.session, self.now, row.id, name=name, body=said, inbox_id=self.token
            )
        return [Effect(row.id, "signalled") for row in told]


async def _only(session: AsyncSession, customer: Customer) -> Enrolment:
    """The one follow-up of the customer that runs; which one must be said if there are more.
    Their cases and our letters are meant only by name."""
    known = await enrolments.open_of(session, customer.id)
    running = [row for row in known if row.sop not in (CASE.name, CORRESPONDENCE.name)]
    if len(running) == 1:
        return running[0]
    ids = ", ".join(row.id for row in running) or "none runs"
    raise Refusal("which_follow_up", f"name the follow-up: {ids}", param="target", status=409)


async def _held(session: AsyncSession) -> list[str]:
    query = (
        select(Milestone.follow_up)
        .join(Enrolment, Enrolment.id == Milestone.follow_up)
        .where(Milestone.state == State.HELD, Enrolment.ended_at.is_(None))
        .distinct()
        .order_by(Milestone.follow_up)
    )
    return list((await session.execute(query)).scalars())


def _fits(verb: Verb, clause: str | None, follow_up: Enrolment | None) -> None:
    if not clause or (follow_up is None and verb not in ("hold", "resume")):
        return
    if verb in ("hold", "resume") or follow_up is None:
        raise Refusal(
            "no_clause",
            f"{verb} is for a whole follow-up, or a customer: leave the clause out",
            param="clause",
        )
    known = [line.clause for line in clauses(follow_up.sop)]
    if known and clause not in known:
        raise Refusal(
            "unknown_clause", f"{follow_up.sop} has the clauses {', '.join(known)}", param="clause"
        )


def _matches_something(channel: str | None, template: str | None) -> None:
    """A button that is misspelt stops nothing, and whoever pressed it believes that it does."""
    if channel and channel not in CHANNELS:
        raise Refusal("unknown_channel", f"one of {', '.join(CHANNELS)}", param="channel")
    with suppress(TemplateFault):  # with the register broken it is taken at its word
        if template and template not in (known := registry()):
            near = difflib.get_close_matches(template, known, n=3, cutoff=0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            detail = f"there is no template of this name{hint}"
            raise Refusal("unknown_template", detail, param="template")
