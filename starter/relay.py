"""What was kept but not yet told to Temporal: told in order, again and again until it is heard.

Several processes may tell at once: each claims what it tells, and only the oldest untold row of a
workflow can be claimed. A claim outlives its process by half a minute; what is then told twice is
heard once, because starts are unique and signals carry their event's id.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.clock import Clock
from activities.crm import enrolments, people
from activities.crm.store import Store, lock_customer
from activities.crm.tables import Draft, Enrolment, Telling
from starter.catalogue import Catalogue
from starter.intake.handling import KEEP_IN_TOUCH
from starter.intake.letters import enrol_draft
from workflows import attributes
from workflows.contract import QUEUE
from workflows.vocabulary import Role

Temporal = Client  # as the desk's other parts call it: only here is it spoken to
log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=5)  # for one call
AT_ONCE = 2.0  # seconds that a caller waits for Temporal to hear it
LONGEST = 30.0  # seconds between two tries while Temporal is away
AT_A_TIME = 20
POISON = timedelta(minutes=10)  # the longest wait for a row that Temporal does not accept
ENOUGH = 5  # tries, about a minute, after which a person hears of it

STARTED, SIGNALLED, KNOWN = "started", "signalled", "already"
PASSED_ON, TO_A_PERSON, TOO_LATE = "passed_on", "a_person_is_told", "ended"
# Facts that stand in the tables anyway: nobody needs to hear of them once the follow-up is over.
SILENT = frozenset(
    """order_placed order_shipped order_ready order_picked_up order_delivered
    order_cancelled order_refunded order_returned account_provisioned opted_out
    low_engagement hold resume end complaint complaint_updated complaint_resolved
    responded inquiry inquiry_answered interaction done_elsewhere feedback task_done
    policy""".split()
)


AWAY = (  # what a call says when it is Temporal that does not answer
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.UNAUTHENTICATED,
)


class AwayError(Exception):
    """Temporal does not answer; nothing is lost."""


class Relay:
    def __init__(self, store: Store, clock: Clock, temporal: Client, catalogue: Catalogue) -> None:
        self.store, self.clock, self.temporal = store, clock, temporal
        self.catalogue = catalogue
        self.away_until: datetime | None = None  # real time
        self.misses = 0

    async def tell(self, only: Collection[str] | None = None) -> int:
        """Tell what is to be told now; how much was heard. Raises `AwayError`.

        Of certain workflows, it is known that there is something.
        """
        heard = 0
        while (only is not None and not heard) or await self._has_more(only):
            async with self.store.transaction() as session:
                rows = await enrolments.claim(session, self.clock.real(), AT_A_TIME, only)
            if not rows:
                return heard
            told = [self._tell(row) for row in rows]
            answers = await asyncio.gather(*told, return_exceptions=True)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer
            now_heard = answers.count(True)
            heard += now_heard
            if not now_heard:
                break
        return heard

    async def hurry(self, *inbox_ids: str) -> None:
        """Tell what came of an event, or of several, at once, if Temporal answers in time."""
        if self.away_until and self.clock.real() < self.away_until:
            return  # the loop is trying; a customer's checkout need not wait for it
        try:
            async with asyncio.timeout(AT_ONCE):
                while untold := await self._untold(inbox_ids):
                    if not await self.tell(untold):
                        await asyncio.sleep(0.05)  # another process is telling it
        except TimeoutError:
            self._missed()
        except AwayError:
            return

    async def _has_more(self, only: Collection[str] | None) -> bool:
        async with self.store.reading() as session:
            return await enrolments.anything_to_tell(session, only)

    async def _untold(self, inbox_ids: Collection[str]) -> set[str]:
        async with self.store.reading() as session:
            return await enrolments.untold(session, *inbox_ids)

    def pause(self) -> float:
        """Seconds until the next try, longer each time that Temporal is found away."""
        longest = min(LONGEST, 0.5 * 2.0 ** min(self.misses, 10))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

    def _missed(self) -> None:
        """Temporal was found away: however many calls find it so at once, it is one miss."""
        now = self.clock.real()
        if self.away_until is None or self.away_until <= now:
            self.misses += 1
            self.away_until = now + timedelta(seconds=self.pause())

    async def _tell(self, row: Telling) -> bool:
        try:
            result = (
                await self._start(row) if row.verb == enrolments.START else await self._signal(row)
            )
        except AwayError:
            await self._release(row, timedelta())
            self._missed()
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._release(row, timedelta()))
            raise
        except Exception as fault:  # noqa: BLE001 - one that is not accepted holds up no other
            code = fault.status.name if isinstance(fault, RPCError) else type(fault).__name__
            log.warning("telling %s (%s %s): %s", row.seq, row.verb, row.name, code)
            await self._release(row, min(timedelta(seconds=2.0 ** min(row.attempts, 20)), POISON))
            if row.attempts >= ENOUGH:
                await self._stuck(row, code)
            return False
        self.misses, self.away_until = 0, None
        await self._told(row, result)
        return True

    async def _start(self, row: Telling) -> str:
        async with self.store.reading() as session:
            enrolment = await session.get(Enrolment, row.workflow_id)
        if enrolment is None:
            raise LookupError(row.workflow_id)
        sop = self.catalogue.named(enrolment.sop)
        shape: Any = sop.start
        try:
            await self.temporal.start_workflow(
                row.name,
                shape[sop.policy].model_validate(enrolment.input),
                id=row.workflow_id,
                task_queue=QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(attributes.SOP, enrolment.sop),
                        SearchAttributePair(attributes.CUSTOMER, enrolment.customer_id),
                    ]
                ),
                static_summary=f"{sop.title} (version {enrolment.sop_version})",
                rpc_timeout=PATIENCE,
            )
        except WorkflowAlreadyStartedError:
            return KNOWN
        except (RPCError, RuntimeError) as fault:
            raise _away(fault) from None
        return STARTED

    async def _signal(self, row: Telling) -> str:
        try:
            handle = self.temporal.get_workflow_handle(row.workflow_id)
            await handle.signal(row.name, row.body, rpc_timeout=PATIENCE)
        except (RPCError, RuntimeError) as fault:
            if _unknown_there(fault):
                return await self._too_late(row)
            raise _away(fault) from None
        return SIGNALLED

    async def _too_late(self, row: Telling) -> str:
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

    async def _stuck(self, row: Telling, code: str) -> None:
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

    async def _told(self, row: Telling, result: str) -> None:
        async with self.store.transaction() as session:
            mine = await session.get(Telling, row.seq, with_for_update=True)
            if mine is not None and mine.told_at is None:
                mine.told_at, mine.result, mine.claimed_until = self.clock.now(), result, None

    async def _release(self, row: Telling, wait: timedelta) -> None:
        async with self.store.transaction() as session:
            mine = await session.get(Telling, row.seq, with_for_update=True)
            if mine is not None:
                mine.claimed_until = self.clock.real() + wait


def _unknown_there(fault: Exception) -> bool:
    """Whether the workflow is not there (and not its whole namespace)."""
    if not isinstance(fault, RPCError) or fault.status is not RPCStatusCode.NOT_FOUND:
        return False
    return "namespace" not in fault.message.lower()


def _away(fault: Exception) -> Exception:
    """An `AwayError` if Temporal does not answer; the fault itself if it refuses this telling."""
    away = not isinstance(fault, RPCError) or fault.status in AWAY
    return AwayError() if away else fault
