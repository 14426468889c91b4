"""Handing a step over to a person: may it be, is there room, what do they need, by when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from activities import gate
from activities.calendar import office_due
from activities.crm import ledger, tasks
from activities.crm.briefs import worth
from activities.crm.capacity import Seat, limit
from activities.crm.house import HouseRules, house_rules
from activities.crm.milestones import decide, tick
from activities.crm.staffing import Roster, taker
from activities.crm.store import lock_customer
from activities.crm.tables import Customer, Draft, Enrolment, Order, new_id
from activities.crm.tables import Task as Row
from activities.messaging import FAULT
from activities.rendering import (
    TemplateFault,
    background,
    draft_for,
    facts_for,
    registry,
    wanted,
)
from activities.settings import Settings
from workflows import vocabulary as v
from workflows.vocabulary import Role, State

SPOKEN = (*v.CALLS, v.Form.MEETING)  # what is said there has its script
PUZZLE = "/puzzle/"  # in the key of a task for what the machine cannot tell
MEND = "mend "  # how the task begins that a blocked step gives an engineer
OVERDUE = "overdue"


@dataclass(frozen=True)
class Handover:
    """One task's way to a role's list, within a transaction that has the customer's lock."""

    session: AsyncSession
    now: datetime
    task: v.Task
    customer: Customer | None
    rules: HouseRules
    settings: Settings

    async def put(self) -> v.Answer:
        task, rank, due = self.task, 0.0, await self._due()
        roster = await Roster.at(self.session, self.now)
        owner = await tasks.owner_of(self.session, roster, task, self.customer)
        who = taker(roster, task.role, owner)
        if self.customer is not None:
            rank = await worth(self.session, self.customer)
            seat = Seat(self.session, self.now, task, self.customer, due, rank)
            if not await seat.with_role(self.rules, roster):
                return await self.turn_down(tasks.CAPACITY)
            who = await seat.with_person(who, self.rules.time_zone)
        fields: dict[str, Any] = {"assignee": who.email if who else None, "worth": rank}
        if task.template:
            fields["asks"] = gate.asks_of(registry()[task.template], task) or None
            fields["snoozed_until"] = await gate.free_from(
                self.session, task, self.now, due, self.rules
            )
        if task.role is Role.ENGINEER:
            fields |= {"priority": tasks.SOON, "assignee": None}
        row = await tasks.put(self.session, self.now, task, self.customer, due=due, **fields)
        if row.snoozed_until:  # whoever moves it can tell what was asked of the gate
            row.brief = row.brief | {tasks.FREE_FROM: row.snoozed_until.isoformat()}
        await self._prepare(row)
        await self._pass_up(row)
        return v.Handed(task_id=row.id, due=row.due_at)

    async def adopt(self, row: Row) -> None:
        """What the case was opened with has no draft yet: nobody had its workflow's words."""
        query = select(Draft.id).where(Draft.task_id == row.id)
        if self.task.template and (await self.session.execute(query)).first() is None:
            await self._prepare(row)

    async def _prepare(self, row: Row) -> None:
        if self.task.template and self.customer is not None:
            self.session.add(await self._draft(self.customer, row))
        await self._expect(row)

    async def _due(self) -> datetime:
        """When it was promised for, else so many hours of its office from now."""
        if self.task.due_by is not None:
            return max(self.task.due_by, self.now)
        contract = self.task.contract_id or None
        office = await tasks.office_of(self.session, self.rules, contract, self.customer)
        return office_due(self.now, self.task.within, office)

    async def _pass_up(self, row: Row) -> None:
        """The task that was not done stays whose it is; its log says who was told of that."""
        if not self.task.escalates:
            return
        other = await self.session.get(Row, self.task.escalates, with_for_update=True)
        if other is None:
            return
        other.escalated_to, other.rung = row.role, other.rung + 1
        facts = {"task": other.id, "to": row.role, "by": row.id, "rung": other.rung}
        await decide(self.session, self.now, self.task, "escalated", reason=OVERDUE, facts=facts)

    async def turn_down(self, reason: str) -> v.Refused:
        """Over capacity the clause goes on by itself, so only the reason is written down."""
        if reason != tasks.CAPACITY:
            await tick(self.session, self.now, self.task, State.SKIPPED, reason=reason)
        facts: dict[str, Any] = {}
        if reason == tasks.CAPACITY:
            roster = await Roster.at(self.session, self.now)
            facts = {"role": self.task.role.value, "cap": limit(self.task, self.rules, roster)}
        await decide(self.session, self.now, self.task, "refused", reason=reason, facts=facts)
        return v.Refused(reason=reason)

    async def _expect(self, row: Row) -> None:
        """The clause waits for somebody, or is blocked until an engineer has mended it."""
        mend, due = self.task.role is Role.ENGINEER, row.due_at
        if not mend:
            await tick(self.session, self.now, self.task, State.WAITING, due_at=due, task_id=row.id)
        elif self.task.what.startswith(MEND):
            reason = self.task.what.removeprefix(MEND)
            await tick(
                self.session, self.now, self.task, State.BLOCKED, reason=reason, task_id=row.id
            )
        facts = {"task": row.id, "role": row.role, "due": due.isoformat()}
        facts |= {"from": row.snoozed_until.isoformat()} if row.snoozed_until else {}
        facts |= {"assignee": row.assignee} if row.assignee else {}
        if self.task.template and self.customer and self.customer.tier == gate.VIP:
            facts["exception"] = gate.VIP  # a machine would not have written to them
        await decide(self.session, self.now, self.task, "handed", facts=facts)

    async def _draft(self, customer: Customer, row: Row) -> Draft:
        """What the template would say by itself, for the person to make their own."""
        task = self.task
        # The message's, so that an answer finds it:
        key = "/".join(filter(None, (task.follow_up, task.template, task.about)))
        channel, order = "call" if task.form in SPOKEN else "", await self._order()
        known = await background(
            self.session,
            wanted(task.template, customer.locale, channel, task.about),
            customer,
            order,
            self.rules,
            now=self.now,
            key=key,
            case_id=task.case_id,
            meeting_id=task.meeting_id,
            agent=row.assignee or "",
        )
        facts = facts_for(
            customer,
            order,
            self.rules,
            follow_up=task.follow_up,
            key=key,
            about=task.about,
            public_url=self.settings.public_url,
            secret=self.settings.secret_key.get_secret_value(),
            survey=self.settings.survey,
            background=known,
        )
        said = draft_for(task.template, customer.locale, facts, channel)
        return Draft(
            id=new_id("draft"),
            customer_id=customer.id,
            task_id=row.id,
            template=task.template,
            subject=said.subject,
            body=said.body,
            edited=False,
            created_at=self.now,
        )

    async def _order(self) -> Order | None:
        """The order that the follow-up is about."""
        query = select(Enrolment.order_id).where(Enrolment.id == self.task.follow_up)
        found = self.task.order_id or (await self.session.execute(query)).scalar_one_or_none()
        return await self.session.get(Order, found) if found else None


async def hand_over(
    session: AsyncSession, task: v.Task, now: datetime, settings: Settings
) -> v.Answer:
    """Put the task on its role's list, or say why not; the same key gets the same answer."""
    customer = await lock_customer(session, task.customer_id)
    handover = Handover(session, now, task, customer, await house_rules(session), settings)
    try:
        if known := await _known(handover) or await _joined(session, task):
            return known
        if customer is not None and customer.erased_at is not None:
            return await handover.turn_down("erased")
        return await gate.admit_task(session, task, now, handover.rules) or await handover.put()
    except TemplateFault as fault:
        # A permanent fault, by its code alone: the step is blocked until an engineer mends it.
        raise ApplicationError(fault.code, type=FAULT, non_retryable=True) from None


async def _joined(session: AsyncSession, task: v.Task) -> v.Settled | None:
    """What puzzles the machine again, while an engineer has yet to look, is counted on their task;
    a thousand garbled signals are one fault."""
    if task.role is not Role.ENGINEER or PUZZLE not in task.key:
        return None
    query = select(Row).where(
        Row.follow_up == task.follow_up,
        Row.role == task.role.value,
        Row.state == tasks.OPEN,
        Row.key.contains(PUZZLE),
    )
    row = (await session.execute(query.limit(1).with_for_update())).scalar_one_or_none()
    if row is None:
        return None
    if row.brief.get("last") != task.key:  # an attempt made twice counts once
        row.brief = row.brief | {"times": row.brief.get("times", 1) + 1, "last": task.key}
    return tasks.became(row)


async def _known(handover: Handover) -> v.Settled | None:
    """What is settled about the key already: by its task, or because it was withdrawn."""
    session, now, task = handover.session, handover.now, handover.task
    if row := await tasks.find(session, task.key):
        if row.state == tasks.OPEN and task.role is not Role.ENGINEER:
            # Asked for again, because its message may not go by itself: it is waited for again.
            due, task_id = row.due_at, row.id
            await tick(session, now, task, State.WAITING, due_at=due, task_id=task_id)
            await handover.adopt(row)
        return tasks.became(row)
    message = await ledger.find(session, task.key)
    return await ledger.settled(session, message) if message else None
