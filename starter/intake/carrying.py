"""One event carried out, in the transaction of whoever asks: whom it is about, and what it does."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncSession

from activities.clock import Clock
from activities.crm import cases as known_cases
from activities.crm import consents, inbox
from activities.crm.tables import Inbox
from starter.answers import Effect
from starter.catalogue import Catalogue
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
from starter.intake.events import TYPES, Command, read_event
from starter.intake.handling import Handling
from starter.intake.identity import Unidentified, identify, known

TO_DO = (inbox.STORED, inbox.IMPORTING)

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


async def carry_out(
    session: AsyncSession, row: Inbox, clock: Clock, catalogue: Catalogue
) -> list[str] | None:
    """Do what it says, or park it; what has waited for that, and is to be carried out first. None
    if it was done before."""
    if row.state not in TO_DO:
        return None
    event = read_event(json.loads(row.raw), Command)
    found = await identify(session, event, row, clock.now())
    if isinstance(found, Unidentified):
        if await nobodys.number(session, event, row):
            _done(row, [Effect(None, "recorded", "number_unknown")])
        else:
            _park(row, found.keys, clock)
        return []
    customer = found.customer
    row.customer_id = customer.id
    if customer.erased_at is not None:
        _done(row, [Effect(None, "none", "erased")])
        return []
    with session.no_autoflush:  # who waited for them is a question of what stood here before
        if woken := await _wake(session, await known(session, found)):
            return woken
    handling = Handling(
        session=session,
        now=clock.now(),
        pace=clock.pace,
        catalogue=catalogue,
        row=row,
        event=event,
        data=event.details(),
        customer=customer,
        order=found.order,
        contract=found.contract,
        is_new=found.is_new,
    )
    case = cases.case_to_wait_for(event.type, handling.data, customer.id)
    expected = case and not handling.is_old_news()
    if expected and not await known_cases.of_key(session, customer.id, case or ""):
        _park(row, [f"case:{case}"], clock)
        return []
    return await _handle(handling)


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


def _park(row: Inbox, keys: list[str], clock: Clock) -> None:
    row.state, row.effects = inbox.PARKED, [asdict(Effect(None, "parked"))]
    inbox.wait_for(row, keys, clock.now())
