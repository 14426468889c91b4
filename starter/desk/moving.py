"""Tasks that change hands, or wait a while: who decided so and why is on record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.house import HouseRules, house_rules
from activities.crm.milestones import record_decision
from activities.crm.noticing import REASSIGNED, notice
from activities.crm.staffing import Roster
from activities.crm.store import lock_customer
from activities.crm.tables import Task
from activities.crm.tasks import OPEN, free_from
from starter.answers import Effect, Receipt, Refusal
from starter.desk.base import DeskBase, audit, needs_reason
from starter.roles import known_roles
from workflows.vocabulary import Form, Role

LONGEST = timedelta(days=31)


class Moving(DeskBase):
    async def reassign(self, task_id: str, to: str, reason: str, by: str) -> Receipt:
        """Give an open task to a colleague, by e-mail address, or to a role's queue."""
        needs_reason(reason)
        now = self.clock.now()
        async with self.store.transaction() as session:
            row = await locked(session, task_id)
            if row.state != OPEN:
                return _closed(row)
            before = (row.role, row.assignee)
            await _give(session, row, to, now)
            if (row.role, row.assignee) == before:
                return _moved(row, "already")
            row.snoozed_until = free_from(row, now)
            facts = {"was": before[1] or before[0], "to": row.assignee or row.role}
            audit(session, now, by=by, what="task.reassigned", target=row.id, reason=reason,
                  **facts)  # fmt: skip
            await _decide(session, now, row, "reassigned", {**facts, "by": by})
            await notice(session, now, row, REASSIGNED, now.isoformat())
        return _moved(row, "recorded")

    async def snooze(self, task_id: str, until: datetime, reason: str, by: str) -> Receipt:
        """Have an open task come back later; a moment that was promised to a customer stays."""
        needs_reason(reason)
        now = self.clock.now()
        async with self.store.transaction() as session:
            row = await locked(session, task_id)
            if row.state != OPEN:
                return _closed(row)
            _may_wait(row, until, now)
            row.snoozed_until = until
            facts = {"until": until.isoformat()}
            audit(session, now, by=by, what="task.snoozed", target=row.id, reason=reason, **facts)
            await _decide(session, now, row, "snoozed", {**facts, "by": by})
        return _moved(row, "recorded")


async def locked(session: AsyncSession, task_id: str) -> Task:
    """The task, under its customer's lock and its own."""
    known = await session.get(Task, task_id)
    if known is None:
        raise Refusal("not_found", "there is no task of this id", param="task", status=404)
    if known.customer_id:
        await lock_customer(session, known.customer_id)
    await session.refresh(known, with_for_update=True)
    return known


async def _give(session: AsyncSession, row: Task, to: str, now: datetime) -> None:
    if "@" not in to and not to.startswith("sta_"):
        rules = await house_rules(session)
        row.role, row.assignee = _role(row, to, rules), None
        return
    roster = await Roster.at(session, now)
    who = roster.named(to)
    if who is None or who.disabled_at is not None:
        words = "nobody has an account with this address: aftercare staff list"
        raise Refusal("unknown_colleague", words, param="to")
    if not roster.is_here(who):
        deputy = roster.standing_in(to)
        words = f"{who.email} is away" + (f": {deputy.email} stands in" if deputy else "")
        raise Refusal("away", words, param="to", status=409)
    row.assignee = who.email


def _role(row: Task, to: str, rules: HouseRules) -> str:
    role = rules.role(to)
    if role is None:
        words = f"neither an address nor a role; the roles are {known_roles(rules)}"
        raise Refusal("unknown_role", words, param="to")
    if Role.ENGINEER.value in (row.role, role.value) and role.value != row.role:
        words = "what an engineer has to mend is mended by an engineer: give it to one by name"
        raise Refusal("invalid", words, param="to")
    return role.value


def _may_wait(row: Task, until: datetime, now: datetime) -> None:
    if until <= now:
        raise Refusal("invalid", "until when? that is past", param="until")
    if (peace := free_from(row, now)) and until < peace:
        words = "the customer has heard from us: they are left in peace until a day after that"
        raise Refusal("too_soon", words, param="until", status=409)
    promised = row.case_id or row.urgent or row.form == Form.PRIVACY
    if promised and until > row.due_at:
        words = "the customer was promised an answer by then: snooze it until before it is due"
        raise Refusal("promised", words, param="until", status=409)
    if until > now + LONGEST:
        raise Refusal("invalid", "a task waits a month at most: decline it", param="until")


async def _decide(
    session: AsyncSession, now: datetime, row: Task, outcome: str, facts: Mapping[str, object]
) -> None:
    await record_decision(
        session,
        now,
        customer_id=row.customer_id or "",
        follow_up=row.follow_up,
        clause=row.clause,
        key=row.key,
        outcome=outcome,
        reason="by_hand",
        facts={"task": row.id, **facts},
    )


def _closed(row: Task) -> Receipt:
    return Receipt(row.id, [Effect(row.follow_up, "already", row.state)], None, row.customer_id)


def _moved(row: Task, effect: str) -> Receipt:
    return Receipt(row.id, [Effect(row.follow_up, effect)], None, row.customer_id)
