"""The clerk: when a clause is due, and what became of it. Short, and asked inside the workflow."""

from __future__ import annotations

import json
from datetime import datetime

from pydantic import AwareDatetime
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.calendar import business_window, slot_in_window, zone_of
from activities.clock import Clock
from activities.crm import contracts
from activities.crm.cases import ladder_for
from activities.crm.house import current_policy, house_rules
from activities.crm.milestones import decide, tick
from activities.crm.store import Store
from activities.crm.tables import Case, Contract, Customer, Message
from workflows import vocabulary as v
from workflows.contract import Clerk
from workflows.vocabulary import State

YEARS = "keep-in-touch"
OF_A_RHYTHM = ("interval",)  # what it asks of its SOP's policy: the rest stays in the office
LOST = ("bounced", "refused", "unknown")  # no clock runs from a message that is


class CrmClerk(Clerk):
    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    @activity.defn
    async def plan(self, milestone: v.Milestone) -> AwareDatetime:
        now = milestone.now or self.clock.now()
        async with self.store.transaction() as session:
            moment = await _moment(session, milestone, now)
            await tick(session, now, milestone, State.NEXT, due_at=moment)
        return moment

    @activity.defn
    async def mark(self, mark: v.Mark) -> None:
        now = mark.now or self.clock.now()
        async with self.store.transaction() as session:
            reason = mark.reason or None
            await tick(session, now, mark, mark.state, reason=reason, due_at=mark.due)
            await decide(session, now, mark, mark.state.value, reason=reason)

    @activity.defn
    async def business_days(self, days: v.BusinessDays) -> v.Opening:
        async with self.store.reading() as session:
            rules = await house_rules(session)
            customer = await session.get(Customer, days.customer_id)
        office = rules.office(customer.country if customer else None)
        opens, closes = business_window(days.since, days.after, days.before, office)
        return v.Opening(opens=opens, closes=closes)

    @activity.defn
    async def ladder(self, case: v.CaseStep) -> v.Ladder:
        since = case.since or case.now or self.clock.now()
        async with self.store.reading() as session:
            row, rules = await session.get(Case, case.case_id), await house_rules(session)
            customer = await session.get(Customer, case.customer_id)
            if row is None or customer is None:
                raise ApplicationError("case_unknown", type="case", non_retryable=True)
            return ladder_for(row, customer, rules, since, case.reopened)

    @activity.defn
    async def missing(self, said: v.Completeness) -> list[str]:
        async with self.store.reading() as session:
            row = await session.get(Contract, said.contract_id)
        return contracts.missing(row, said.fields)

    @activity.defn
    async def current_policy(self, name: str) -> str:
        """Of another procedure no more than is needed: who approved it is a person's name."""
        async with self.store.reading() as session:
            body = await current_policy(session, name)
        needed = body if name == YEARS else {n: body[n] for n in OF_A_RHYTHM if n in body}
        return json.dumps(needed)


async def _moment(session: AsyncSession, milestone: v.Milestone, now: datetime) -> datetime:
    """The moment, in the milestone's window, that suits the customer best."""
    opens, closes = milestone.due or now, milestone.before
    if milestone.counted_from and milestone.otherwise:
        query = select(Message.state, Message.tried).where(Message.key == milestone.counted_from)
        found = (await session.execute(query)).first()
        if found and (found.state in LOST or any(one.get("bounced") for one in found.tried)):
            closes = closes and milestone.otherwise + (closes - opens)
            opens = milestone.otherwise
    if closes is None:
        return opens
    rules = await house_rules(session)
    customer = await session.get(Customer, milestone.customer_id)
    where = (customer.time_zone, customer.phone, customer.country) if customer else (None,) * 3
    return slot_in_window(opens, closes, zone_of(*where, rules), rules, milestone.customer_id)
