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
from activities.crm.house import HouseRules, house_rules
from activities.crm.milestones import decide, tick
from activities.crm.store import lock_customer
from activities.crm.tables import Customer, Draft, Enrolment, Order, new_id
from activities.crm.tables import Task as Row
from activities.messaging import FAULT
from activities.rendering import TemplateFault, draft_for, facts_for, registry
from activities.settings import Settings
from workflows import vocabulary as v
from workflows.vocabulary import Role, State

PUZZLE = "/puzzle/"  # in the key of a task for what the machine cannot tell
MEND = "mend "  # how the task begins that a blocked step gives an engineer
URGENT, USUAL = 2, 3


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
        task, due = self.task, office_due(self.now, self.task.within, self.rules)
        rank = await worth(self.session, self.customer) if self.customer else 0.0
        zone = self.rules.time_zone
        if not await tasks.has_room(self.session, self.now, task, due=due, rank=rank, zone=zone):
            return await self.turn_down(tasks.CAPACITY)
        fields: dict[str, Any] = {"priority": USUAL, "worth": rank}
        if task.template:
            fields["asks"] = gate.asks_of(registry()[task.template], task) or None
            fields["snoozed_until"] = await gate.free_from(
                self.session, task, self.now, due, self.rules
            )
        if task.role is Role.ENGINEER:
            fields = {"priority": URGENT, "assignee": None}
        row = await tasks.put(self.session, self.now, task, self.customer, due=due, **fields)
        if task.template and self.customer is not None:
            self.session.add(await self._draft(self.customer, row))
        await self._expect(row)
        return v.Handed(task_id=row.id, due=row.due_at)

    async def turn_down(self, reason: str) -> v.Refused:
        """Over capacity the clause goes on by itself, so only the reason is written down."""
        if reason != tasks.CAPACITY:
            await tick(self.session, self.now, self.task, State.SKIPPED, reason=reason)
        facts = {"role": self.task.role.value, "cap": self.task.cap} if self.task.cap else {}
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
        await decide(self.session, self.now, self.task, "handed", facts=facts)

    async def _draft(self, customer: Customer, row: Row) -> Draft:
        """What the template would say by itself, for the person to make their own."""
        task = self.task
        parts = (task.follow_up, task.template, task.about)
        facts = facts_for(
            customer,
            await self._order(),
            self.rules,
            follow_up=task.follow_up,
            key="/".join(filter(None, parts)),  # the message's, so that an answer finds it
            about=task.about,
            public_url=self.settings.public_url,
            secret=self.settings.secret_key.get_secret_value(),
        )
        said = draft_for(task.template, customer.locale, facts)
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
    if known := await _known(session, now, task) or await _joined(session, task):
        return known
    rules = await house_rules(session)
    handover = Handover(session, now, task, customer, rules, settings)
    if customer is not None and customer.erased_at is not None:
        return await handover.turn_down("erased")
    try:
        return await gate.admit_task(session, task, now, rules) or await handover.put()
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


async def _known(session: AsyncSession, now: datetime, task: v.Task) -> v.Settled | None:
    """What is settled about the key already: by its task, or because it was withdrawn."""
    if row := await tasks.find(session, task.key):
        if row.state == tasks.OPEN and task.role is not Role.ENGINEER:
            # Asked for again, because its message may not go by itself: it is waited for again.
            due, task_id = row.due_at, row.id
            await tick(session, now, task, State.WAITING, due_at=due, task_id=task_id)
        return tasks.became(row)
    message = await ledger.find(session, task.key)
    return await ledger.settled(session, message) if message else None
