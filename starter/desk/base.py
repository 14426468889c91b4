"""What the desk's parts share: the store, the clock, the catalogue, the intake and the relay."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from activities.clock import Clock
from activities.crm import customers, enrolments, inbox
from activities.crm.store import Store, lock_customer
from activities.crm.tables import Audit, Customer, Enrolment, Inbox, new_id
from activities.settings import Settings
from starter.answers import Effect, Receipt, Refusal
from starter.catalogue import Catalogue
from starter.intake import Intake
from starter.relay import Relay, Temporal


class DeskBase:
    def __init__(self, store: Store, settings: Settings, clock: Clock, temporal: Temporal) -> None:
        self.store, self.settings, self.clock = store, settings, clock
        self.catalogue = Catalogue(settings)
        self.intake = Intake(store, clock, self.catalogue)
        self.relay = Relay(store, clock, temporal, self.catalogue)

    async def answer(
        self, event: str, token: str, effects: Sequence[Effect], customer: str | None = None
    ) -> Receipt:
        """Tell Temporal at once, and say of each effect whether it is yet to be heard."""
        await self.relay.hurry(token)
        return await self.standing(event, token, effects, customer)

    async def became(self, inbox_id: str) -> Receipt:
        """What came of an event until now."""
        async with self.store.reading() as session:
            row = await session.get_one(Inbox, inbox_id)
            untold = await enrolments.untold(session, inbox_id)
        return came_of(row, untold)

    async def standing(
        self, event: str, token: str, effects: Sequence[Effect], customer: str | None = None
    ) -> Receipt:
        async with self.store.reading() as session:
            untold = await enrolments.untold(session, token)
        return Receipt(event, _yet_to(effects, untold), customer=customer)


def came_of(row: Inbox, untold: Collection[str]) -> Receipt:
    """What came of an event, whose row it is, and what Temporal is yet to hear of that."""
    effects = [Effect(one["follow_up"], one["effect"], one.get("reason")) for one in row.effects]
    if row.state == inbox.STORED:
        effects = [Effect(None, "queued")]
    return Receipt(row.event_id, _yet_to(effects, untold), customer=row.customer_id)


def _yet_to(effects: Sequence[Effect], untold: Collection[str]) -> list[Effect]:
    """With what Temporal is yet to hear marked so."""
    return [
        replace(effect, effect="queued")
        if effect.effect in ("started", "signalled") and effect.follow_up in untold
        else effect
        for effect in effects
    ]


async def whom(session: AsyncSession, target: str) -> tuple[Customer, Enrolment | None]:
    """The customer that a target means, locked; with the follow-up, if it names one."""
    follow_up = await session.get(Enrolment, target)
    known = follow_up.customer_id if follow_up else None
    if known is None and (customer := await customers.find(session, target)):
        known = customer.id
    locked = await lock_customer(session, known) if known else None
    if follow_up is not None:
        await session.refresh(follow_up)  # it may have ended while we waited for the lock
    if locked is None:
        raise Refusal(
            "not_found", "there is no follow-up or customer of this id", param="target", status=404
        )
    return locked, follow_up


def needs_reason(reason: str) -> None:
    if not reason or not reason.strip():
        raise Refusal("missing", "say why: it is kept with what is done", param="reason")
    if len(reason) > 2000 or "\x00" in reason:
        raise Refusal("invalid", "a reason is up to 2000 characters of text", param="reason")


def audit(
    session: AsyncSession,
    now: datetime,
    *,
    by: str,
    what: str,
    target: str | None,
    reason: str | None,
    **facts: object,
) -> None:
    """Write down who did what to whom, and why."""
    session.add(
        Audit(
            id=new_id("aud"), at=now, who=by, what=what, target=target, reason=reason, facts=facts
        )
    )
