"""From the inbox to the tables: each event carried out once, in one transaction, or parked."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from activities.clock import Clock
from activities.crm import customers, enrolments, inbox, people
from activities.crm.enrolments import Written
from activities.crm.house import house_rules
from activities.crm.store import Store, is_passing
from activities.crm.tables import Inbox
from starter.answers import Effect, Refusal
from starter.catalogue import Catalogue, checked
from starter.intake import opinions
from starter.intake.carrying import TO_DO, carry_out
from starter.intake.deliveries import Deliveries
from starter.intake.events import Event, Opinion, Wish
from starter.intake.identity import names_of, normalised
from starter.intake.moments import happened
from workflows.vocabulary import Role

log = logging.getLogger(__name__)

AHEAD = timedelta(days=1)  # clocks differ, and so do people's ideas of time zones
TRIES = 4
TOGETHER = 25  # events in one transaction: whoever wants one of their customers waits so long
AGAIN = ("40P01", "40001", "23505")  # PostgreSQL broke up two that crossed: one has to repeat


@dataclass(frozen=True)
class New:
    """What has come in, is understood, and is yet to be kept."""

    source: str
    said: dict[str, Any]  # as it came
    event: Event
    at: datetime

    @property
    def names(self) -> list[str]:
        """Whom and what it is about, as far as it says so."""
        return names_of(self.event)

    def row(self, now: datetime) -> Inbox:
        return inbox.row_for(self.source, self.said, occurred_at=self.at, now=now)


@dataclass(frozen=True)
class Taken:
    """What was kept and carried out; what Temporal is to hear of that, and by their ids the events
    of which the tables alone know it."""

    rows: list[Inbox]
    written: Written | None
    others: list[str]


class Intake:
    def __init__(self, store: Store, clock: Clock, catalogue: Catalogue) -> None:
        self.store, self.clock, self.catalogue = store, clock, catalogue
        self.deliveries = Deliveries(store, clock, catalogue.settings)

    async def check(self, event: Event) -> datetime:
        """What only the tables can say about an event at the door; when it happened."""
        at = self.when(event)
        details = event.details()
        async with self.store.reading() as session:
            await normalised(session, event.customer)
            if isinstance(details, Wish):
                checked(self.catalogue.named(details.sop, "data."), {}, details.policy, "data.")
            if isinstance(details, Opinion):
                opinions.check_type(await house_rules(session), details.type, "data.type")
        return at

    def when(self, event: Event) -> datetime:
        """When it happened, in policy time: a demonstration's events come by the world's clock."""
        now, at = self.clock.now(), event.occurred_at
        if event.order and event.order.confirmed_at:  # a follow-up's milestones count from it
            _has_happened(event.order.confirmed_at, now, "order.confirmed_at")
        if at is None:
            return now
        at = happened(self.clock, at)
        _has_happened(at, now, "occurred_at")
        return min(at, now)

    async def take_in(self, news: Sequence[New], claim: datetime | None) -> Taken:
        """Keep what came in and carry it out, in one transaction: all of it, or its beginning, up
        to what something had waited for. What would not be carried out with others, or at all, is
        kept by itself, to be carried out like all that was kept.
        """
        try:
            return await self._together(news, claim)
        except Exception as fault:  # noqa: BLE001 - which of them it was, and why, shows by itself
            if len(news) > 1:  # a database that is away is no better at half of them
                fewer = 1 if is_passing(fault) and not _crossed(fault) else len(news) // 2
                return await self.take_in(news[:fewer], claim)
            log.info("an event is kept by itself: %s", type(fault).__name__)
        row = await inbox.keep(self.store, news[0].row(self.clock.now()))
        if row.state == inbox.STORED:
            await self.carry_out_safely(row.id)
        return Taken([row], None, [row.id])

    async def carry_out(self, row_id: str) -> None:
        """Carry it out, unless that was done; then what had waited for it, in order.

        What waited for the customer or the order goes first, so that it travels with the start.
        """
        woken = await self._turn(row_id)
        if woken is None:
            return
        for waiting in woken:
            await self.carry_out_safely(waiting)
        if woken and await self._is_stored(row_id):
            await self.carry_out(row_id)

    async def carry_out_safely(self, row_id: str) -> None:
        """Carry it out; what cannot be is kept for an engineer, with a code and no words."""
        try:
            await self.carry_out(row_id)
        except Exception as fault:  # one that cannot be read or kept stops no other
            if is_passing(fault):
                raise  # the database is away or busy: later
            code = fault.code if isinstance(fault, Refusal) else type(fault).__name__
            log.error("event %s could not be carried out: %s", row_id, code)
            await self._set_aside(row_id, code)

    async def carry_out_together(
        self, row_ids: Sequence[str], claim: datetime | None = None
    ) -> Taken:
        """Many in one transaction, as an import has them, or a delivery; one by one where they do
        not get on."""
        written = None
        try:
            async with self.store.transaction() as session:
                enrolments.claim_starts(session, claim)
                woken = [
                    await self._carry_out(session, await inbox.take(session, row_id))
                    for row_id in row_ids
                ]
                written = enrolments.written(session)
        except Exception as fault:  # noqa: BLE001 - which of them it was shows by itself
            log.info("events are carried out by themselves: %s", type(fault).__name__)
            woken, written = [list(row_ids)], None  # nothing is told of what was rolled back
        for row_id, others in zip(row_ids, woken, strict=False):
            for waiting in others or ():
                await self.carry_out_safely(waiting)
            if others and row_id not in others:
                await self.carry_out_safely(row_id)
        known = written and written.is_ours and not any(woken)
        others = [one for each in woken for one in each or ()]
        return Taken([], written, [] if known else [*others, *row_ids])

    async def carry_out_stored(self, before: datetime, seconds: float = math.inf) -> int:
        """What was kept and not carried out: by activities, or before a crash. How many; in so many
        real seconds, after which the rest has its next turn."""
        async with self.store.reading() as session:
            waiting = await inbox.stored(session, before)
            delivered = await inbox.delivered(session, before, self.clock.real())
        time = asyncio.get_running_loop().time
        done, until = 0, time() + seconds
        for row_id in chain(waiting, delivered):
            if done and time() > until:
                break
            done += 1
            if row_id not in delivered:
                await self.carry_out_safely(row_id)
                continue
            for event in await self.deliveries.read(row_id):
                if time() > until:
                    break  # it is stored, and has its turn with all else that is
                await self.carry_out_safely(event)
        return done

    async def expire(self) -> None:
        async with self.store.transaction() as session:
            if count := await inbox.expire(session, self.clock.now()):
                log.warning("%s parked events were about somebody who never came", count)

    # -- one turn ------------------------------------------------------------------------

    async def _turn(self, row_id: str) -> list[str] | None:
        for left in reversed(range(TRIES)):
            try:
                async with self.store.transaction() as session:
                    return await self._carry_out(session, await inbox.take(session, row_id))
            except DBAPIError as fault:
                if not left or not _crossed(fault):
                    raise
        return None

    async def _together(self, news: Sequence[New], claim: datetime | None) -> Taken:
        rows, woken = [one.row(self.clock.now()) for one in news], list[str]()
        async with self.store.transaction() as session:
            enrolments.claim_starts(session, claim)
            # all at once, and in their order: of two batches none waits for what the other has
            await customers.one_at_a_time(session, (name for one in news for name in one.names))
            for number, row in enumerate(rows, 1):
                if woken := await self._carry_out(session, row) or []:
                    rows = rows[:number]
                    break
            written = enrolments.written(session)
        known = written.is_ours and not woken
        for waiting in (*woken, rows[-1].id) if woken else ():
            await self.carry_out_safely(waiting)
        return Taken(rows, written, [] if known else [*woken, *(row.id for row in rows)])

    async def _carry_out(self, session: AsyncSession, row: Inbox) -> list[str] | None:
        """What is carried out next, in the same transaction, finds it written down."""
        woken = await carry_out(session, row, self.clock, self.catalogue)
        session.add(row)
        await session.flush()
        return woken

    async def _is_stored(self, row_id: str) -> bool:
        async with self.store.reading() as session:
            row = await session.get(Inbox, row_id)
            return row is not None and row.state in TO_DO

    async def _set_aside(self, row_id: str, code: str) -> None:
        async with self.store.transaction() as session:
            row = await inbox.take(session, row_id)
            row.state, row.error = inbox.FAILED, code
            row.effects = [asdict(Effect(None, "none", "failed_a_person_is_told"))]
            await people.call(
                session,
                self.clock.now(),
                key=f"{row_id}/failed",
                title=f"Look into an event that could not be carried out: {code}",
                customer_id=None,
                role=Role.ENGINEER,
                brief={"event": row_id, "type": row.type},
            )


def _crossed(fault: Exception) -> bool:
    """Whether it would have gone well, had nobody else wanted the same at that moment."""
    return isinstance(fault, DBAPIError) and getattr(fault.orig, "sqlstate", None) in AGAIN


def _has_happened(at: datetime, now: datetime, param: str) -> None:
    if at > now + AHEAD:
        raise Refusal("occurred_in_the_future", "this has not happened yet", param=param)
