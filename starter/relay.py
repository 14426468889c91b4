"""What was kept but not yet told to Temporal: told in order, again and again until it is heard.

Several processes may tell at once: each claims what it tells, and only the oldest untold row of a
workflow can be claimed. A claim outlives its process by half a minute; what is then told twice is
heard once, because starts are unique and signals carry their event's id.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

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
from activities.crm import enrolments
from activities.crm.enrolments import Written
from activities.crm.store import Store
from activities.crm.tables import Enrolment, Telling
from starter.catalogue import Catalogue
from starter.unheard import Unheard
from workflows import attributes
from workflows.contract import QUEUE

Temporal = Client  # as the desk's other parts call it: only here is it spoken to
log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=5)  # for one call
AT_ONCE = 2.0  # seconds that a caller waits for Temporal to hear it
LONGEST = 30.0  # seconds between two tries while Temporal is away
AT_A_TIME = 20
CLAIM = timedelta(seconds=10)  # real time in which whoever begins something tells of it itself
POISON = timedelta(minutes=10)  # the longest wait for a row that Temporal does not accept
ENOUGH = 5  # tries, about a minute, after which a person hears of it

STARTED, SIGNALLED, KNOWN = "started", "signalled", "already"

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
        self.catalogue, self.unheard = catalogue, Unheard(store, clock, catalogue)
        self.away_until: datetime | None = None  # real time
        self.misses = 0
        self._heard: dict[int, str] = {}  # by tellings' numbers, what is yet to be written down
        self._writing = asyncio.Lock()

    async def tell(self, only: Collection[str] | None = None) -> int:
        """Tell what is to be told now, to certain workflows what comes first; how much was heard.
        Raises `AwayError`."""
        heard = 0
        while only is not None or await self._has_more():
            async with self.store.transaction() as session:
                rows = await enrolments.claim(session, self.clock.real(), AT_A_TIME, only)
                begun = await enrolments.to_start(session, rows)
            now_heard = await self._tell_all(rows, begun)
            heard += now_heard
            if not now_heard or only is not None:
                break
        return heard

    def claim(self) -> datetime | None:
        """Until when whoever begins something has it to tell, if Temporal is to be told at once."""
        return None if self._is_away() else self.clock.real() + CLAIM

    async def hurry(self, *inbox_ids: str, written: Written | None = None) -> None:
        """Tell what came of an event, or of several, at once, if Temporal answers in time; first
        what was claimed as it was written."""
        if self._is_away():
            return  # the loop is trying; a customer's checkout need not wait for it
        try:
            async with asyncio.timeout(AT_ONCE):
                if written:
                    await self._tell_all(written.claimed, written.begun)
                while untold := await self._untold(inbox_ids):
                    if not await self.tell(untold):
                        await asyncio.sleep(0.05)  # another process is telling it
        except TimeoutError:
            self._missed()
        except AwayError:
            return

    def _is_away(self) -> bool:
        return self.away_until is not None and self.clock.real() < self.away_until

    async def _has_more(self) -> bool:
        async with self.store.reading() as session:
            return await enrolments.anything_to_tell(session)

    async def _untold(self, inbox_ids: Collection[str]) -> set[str]:
        if not inbox_ids:
            return set()
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

    async def _tell_all(self, rows: Sequence[Telling], begun: Mapping[str, Enrolment]) -> int:
        told = [self._tell(row, begun.get(row.workflow_id)) for row in rows]
        answers = await asyncio.gather(*told, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers.count(True)

    async def _tell(self, row: Telling, begins: Enrolment | None) -> bool:
        try:
            starts = row.verb == enrolments.START
            result = await (self._start(row, begins) if starts else self._signal(row))
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
                await self.unheard.stuck(row, code)
            return False
        self.misses, self.away_until = 0, None
        await self._told(row, result)
        return True

    async def _start(self, row: Telling, enrolment: Enrolment | None) -> str:
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
                return await self.unheard.too_late(row)
            raise _away(fault) from None
        return SIGNALLED

    async def _told(self, row: Telling, result: str) -> None:
        """Write it down, with what others have told meanwhile: in one transaction, while the next
        gather. What is not written down, because of a crash, is told twice, and heard once."""
        self._heard[row.seq] = result
        async with self._writing:
            if heard := dict(self._heard) if row.seq in self._heard else {}:
                async with self.store.transaction() as session:
                    await enrolments.heard(session, self.clock.now(), heard)
                for seq in heard:
                    del self._heard[seq]
        row.told_at, row.result, row.claimed_until = self.clock.now(), result, None

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
