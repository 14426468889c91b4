"""From the inbox to the tables: each event carried out once, in one transaction, or parked."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from activities.clock import Clock
from activities.crm import cases as known_cases
from activities.crm import consents, inbox, people
from activities.crm.house import house_rules
from activities.crm.store import Store, is_passing
from activities.crm.tables import Inbox
from starter.answers import Effect, Refusal
from starter.catalogue import Catalogue, checked
from starter.intake import (
    agreements,
    cases,
    handlers,
    imported,
    meetings,
    nobodys,
    opinions,
    post,
    progress,
    starts,
)
from starter.intake.deliveries import Deliveries
from starter.intake.events import TYPES, Command, Event, Opinion, Wish, read_event
from starter.intake.handling import Handling
from starter.intake.identity import Unidentified, identify, known, normalised
from starter.intake.moments import happened
from workflows.vocabulary import Role

log = logging.getLogger(__name__)

AHEAD = timedelta(days=1)  # clocks differ, and so do people's ideas of time zones
TRIES = 4
TO_DO = (inbox.STORED, inbox.IMPORTING)
AGAIN = ("40P01", "40001", "23505")  # PostgreSQL broke up two that crossed: one has to repeat

Handler = Callable[[Handling], Awaitable[None]]
HANDLERS: dict[str, Handler] = {
    "customer.signed_up": starts.began,
    "sale.closed": starts.sold,
    "contract.signed": starts.began,
    "follow_up.requested": starts.requested,
    "keep_in_touch.wanted": starts.years_after,
    "customer.updated": handlers.recorded,
    "customer.erased": handlers.erased,
    "privacy.requested": handlers.data_asked_about,
    "account.provisioned": progress.provided,
    **{what: meetings.met for what in TYPES if what.startswith("meeting.")},
    "meeting.linked": meetings.linked,
    "engagement.login": handlers.engaged,
    "engagement.feature_used": handlers.engaged,
    "engagement.content_viewed": handlers.engaged,
    "issue.detected": handlers.issue_showed,
    "reply.received": cases.replied,
    "inquiry.received": cases.replied,
    "inquiry.answered": cases.inquiry_answered,
    "complaint.opened": cases.complained,
    "complaint.updated": cases.complaint_went_on,
    "complaint.resolved": cases.complaint_settled,
    "feedback.received": opinions.gave_feedback,
    "feedback.serious": opinions.was_serious,
    "consent.changed": handlers.consent_changed,
    "interaction.logged": handlers.talked,
    "message.sent_elsewhere": handlers.sent_elsewhere,
    "message.reported": post.reported,
}


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

    async def carry_out_together(self, row_ids: Sequence[str]) -> None:
        """Many in one transaction, as an import has them; one by one where they do not get on."""
        try:
            async with self.store.transaction() as session:
                woken = [await self._carry_out(session, row_id) for row_id in row_ids]
        except Exception as fault:  # noqa: BLE001 - which of them it was shows by itself
            log.info("events are carried out by themselves: %s", type(fault).__name__)
            woken = [list(row_ids)]
        for row_id, others in zip(row_ids, woken, strict=False):
            for waiting in others or ():
                await self.carry_out_safely(waiting)
            if others and row_id not in others:
                await self.carry_out_safely(row_id)

    async def read_delivery(self, row_id: str) -> list[str]:
        """Read what another system delivered, and carry out the events that it comes to."""
        events = await self.deliveries.read(row_id)
        for event in events:
            await self.carry_out_safely(event)
        return events

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
                    return await self._carry_out(session, row_id)
            except DBAPIError as fault:
                if not left or getattr(fault.orig, "sqlstate", None) not in AGAIN:
                    raise
        return None

    async def _carry_out(self, session: AsyncSession, row_id: str) -> list[str] | None:
        row = await inbox.take(session, row_id)
        if row.state not in TO_DO:
            return None
        event = read_event(json.loads(row.raw), Command)
        found = await identify(session, event, row, self.clock.now())
        if isinstance(found, Unidentified):
            if await nobodys.number(session, event, row):
                _done(row, [Effect(None, "recorded", "number_unknown")])
            else:
                self._park(row, found.keys)
            return []
        customer, order = found.customer, found.order
        row.customer_id = customer.id
        if customer.erased_at is not None:
            _done(row, [Effect(None, "none", "erased")])
            return []
        if woken := await _wake(session, await known(session, found)):
            return woken
        handling = Handling(
            session=session,
            now=self.clock.now(),
            pace=self.clock.pace,
            catalogue=self.catalogue,
            row=row,
            event=event,
            data=event.details(),
            customer=customer,
            order=order,
            contract=found.contract,
        )
        case = cases.case_to_wait_for(event.type, handling.data, customer.id)
        expected = case and not handling.is_old_news()
        if expected and not await known_cases.of_key(session, customer.id, case or ""):
            self._park(row, [f"case:{case}"])
            return []
        return await _handle(handling)

    def _park(self, row: Inbox, keys: list[str]) -> None:
        row.state, row.effects = inbox.PARKED, [asdict(Effect(None, "parked"))]
        inbox.wait_for(row, keys, self.clock.now())

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


async def _handle(h: Handling) -> list[str]:
    what = h.event.type
    if h.event.customer and what != "consent.changed":
        consent = h.event.customer.consent
        said = {
            **({name: getattr(consent, name) for name in consents.BEGUN} if consent else {}),
            "topics": h.event.customer.topics or {},
        }
        await consents.begin(h.session, h.customer.id, said, at=h.at, now=h.now, source=what)
        if h.is_imported:
            await imported.take_back(h)
    if h.begins:
        await starts.begin_all(h, await h.catalogue.begun_by(h.session, what))
    elif what.startswith("order."):
        await progress.order_went_on(h)
    else:
        await HANDLERS.get(what, handlers.passed_on)(h)
    if h.contract is not None:
        await agreements.completed(h, h.contract)
    _done(h.row, h.effects)
    if h.early:
        heard = {"heard": [one.model_dump(mode="json") for one in h.early]}
        h.row.effects = [*h.row.effects[:-1], h.row.effects[-1] | heard]
    return await _wake(h.session, h.wakes)


async def _wake(session: AsyncSession, keys: list[str]) -> list[str]:
    """Have carried out what waited for these."""
    rows = await inbox.waiting_for(session, keys, inbox.PARKED)
    for row in rows:
        row.state, row.waits_for, row.expires_at = inbox.STORED, None, None
    return [row.id for row in rows]


def _done(row: Inbox, effects: list[Effect]) -> None:
    row.state, row.effects = inbox.DONE, [asdict(effect) for effect in effects]


def _has_happened(at: datetime, now: datetime, param: str) -> None:
    if at > now + AHEAD:
        raise Refusal("occurred_in_the_future", "this has not happened yet", param=param)
