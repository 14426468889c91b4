"""What Temporal does not take, as its follow-up is over, or as it is refused: who hears of it."""

from __future__ import annotations

import logging

from sqlalchemy.ext.asyncio import AsyncSession

from activities.clock import Clock
from activities.crm import enrolments, people
from activities.crm.store import Store, lock_customer
from activities.crm.tables import Draft, Enrolment, Telling
from starter.catalogue import Catalogue
from starter.intake.handling import KEEP_IN_TOUCH
from starter.intake.letters import enrol_draft
from workflows.vocabulary import Role

log = logging.getLogger(__name__)

PASSED_ON, TO_A_PERSON, TOO_LATE = "passed_on", "a_person_is_told", "ended"
# Facts that stand in the tables anyway: nobody needs to hear of them once the follow-up is over.
SILENT = frozenset(
    """order_placed order_shipped order_ready order_picked_up order_delivered
    order_cancelled order_refunded order_returned account_provisioned opted_out
    began_earlier low_engagement hold resume end complaint complaint_updated complaint_resolved
    responded inquiry inquiry_answered interaction done_elsewhere feedback task_done
    policy""".split()
)


class Unheard:
    def __init__(self, store: Store, clock: Clock, catalogue: Catalogue) -> None:
        self.store, self.clock, self.catalogue = store, clock, catalogue

    async def too_late(self, row: Telling) -> str:
        """Its follow-up is over: keep-in-touch hears it, or a person; facts stand in the tables."""
        async with self.store.transaction() as session:
            enrolment = await session.get(Enrolment, row.workflow_id)
            if enrolment is not None and enrolment.ended_at is None:
                await self._lost(session, enrolment)
                return TO_A_PERSON
            if enrolment is None or row.name in SILENT or not row.body.get("owed", True):
                return TOO_LATE
            if row.name == "written" and await self._by_itself(session, row, enrolment):
                return PASSED_ON
            years = await session.get(Enrolment, f"{KEEP_IN_TOUCH}.{enrolment.customer_id}")
            if years and years.ended_at is None and years.id != enrolment.id:
                enrolments.tell(
                    session,
                    self.clock.now(),
                    years.id,
                    name=row.name,
                    body=row.body,
                    inbox_id=row.inbox_id,
                )
                return PASSED_ON
            await people.call(
                session,
                self.clock.now(),
                key=f"telling/{row.seq}",
                title=f"Look into it: `{row.name}` came after the follow-up had ended",
                customer_id=enrolment.customer_id,
                follow_up=row.workflow_id,
                role=Role.CSR,
                brief={"signal": row.name, "event": row.inbox_id},
            )
        return TO_A_PERSON

    async def _by_itself(self, session: AsyncSession, row: Telling, enrolment: Enrolment) -> bool:
        """The case was closed before it heard what a colleague wrote: it goes as a letter."""
        customer = await lock_customer(session, enrolment.customer_id)
        draft = await session.get(Draft, row.body.get("draft_id") or "")
        if customer is None or draft is None or customer.erased_at is not None:
            return False
        now, pace = self.clock.now(), self.clock.pace
        await enrol_draft(session, self.catalogue, now, pace, customer, draft, row.inbox_id)
        return True

    async def _lost(self, session: AsyncSession, enrolment: Enrolment) -> None:
        """It ends in the tables before it ends in Temporal: so it was terminated, or forgotten."""
        log.error("%s runs in the tables, and Temporal does not know it", enrolment.id)
        await people.call(
            session,
            self.clock.now(),
            key=f"lost/{enrolment.id}",
            title="Find out what ended this follow-up: Temporal does not know it any more",
            customer_id=enrolment.customer_id,
            follow_up=enrolment.id,
            role=Role.ENGINEER,
        )

    async def stuck(self, row: Telling, code: str) -> None:
        """What comes after it waits with it, for the order's sake: somebody has to look."""
        async with self.store.transaction() as session:
            enrolment = await session.get(Enrolment, row.workflow_id)
            await people.call(
                session,
                self.clock.now(),
                key=f"stuck/{row.seq}",
                title=f"Find out why Temporal does not take `{row.name}`: {code}"[:255],
                customer_id=enrolment.customer_id if enrolment else None,
                follow_up=row.workflow_id,
                role=Role.ENGINEER,
                brief={"telling": row.seq, "verb": row.verb, "event": row.inbox_id},
            )
