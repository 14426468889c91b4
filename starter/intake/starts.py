"""What may start a follow-up: a sign-up, an order, a request; and how far an order has come."""

from __future__ import annotations

from typing import Any

from activities.crm import customers, enrolments, inbox, orders
from activities.crm import tables as rows
from activities.crm.milestones import record_decision
from starter.intake.events import Progress, Wish, Years
from starter.intake.handling import SIGNALS, Handling, starting
from workflows.sops import Sop
from workflows.vocabulary import Enrolment, Heard, Relationship

EARLY = 50  # more than these a start does not carry; what they say stands in the CRM all the same
PER_CUSTOMER = ("online-customer",)
TO_PROVISION = ("digital", "service")


async def began(h: Handling) -> None:
    """A sign-up, a sale, a contract: what the catalogue starts on it."""
    begun = h.catalogue.begun_by(h.event.type)
    for sop in begun:
        await begin(h, sop)
    if not begun:
        h.note("recorded")


async def requested(h: Handling) -> None:
    """Somebody asks for a follow-up by name: whether the customer is new is not the question."""
    assert isinstance(h.data, Wish)  # noqa: S101 - the type's own data
    await begin(h, h.catalogue.named(h.data.sop), by_hand=True, changes=h.data.policy)


async def order_went_on(h: Handling) -> None:
    """An order is confirmed, paid, shipped… The first news of its being placed may begin things."""
    order, partial = h.order, isinstance(h.data, Progress) and h.data.partial
    assert order is not None  # noqa: S101 - the door has seen to it
    if not partial:
        orders.happened(order, h.event.type, h.at)
    if h.event.type not in orders.CONFIRMING:
        extra = {"partial": True} if partial else {}
        await h.tell(SIGNALS[h.event.type], {"order_id": order.id} | extra)
        if h.event.type in orders.UNDOING and not partial:
            await _end_without_account(h)
        return
    known = await enrolments.open_of(h.session, h.customer.id)
    if not orders.place(order):
        for follow_up in known:
            h.note("already", follow_up.id)
        if not known:
            h.note("recorded")
        return
    for sop in h.catalogue.begun_by(h.event.type):
        await begin(h, sop)
    for follow_up in known:
        h.effects = [effect for effect in h.effects if effect.follow_up != follow_up.id]
        h.signal(follow_up, "order_placed", {"order_id": order.id})
    if not h.effects:
        h.note("recorded")


async def _end_without_account(h: Handling) -> None:
    """Nothing is left to follow up of a guest whose only order was undone."""
    for follow_up in await enrolments.open_of(h.session, h.customer.id):
        if follow_up.sop not in PER_CUSTOMER or follow_up.order_id is None:
            continue  # it began with a sign-up: the account remains
        account = not follow_up.customer_id.startswith("cus_") or await customers.aliases(
            h.session, h.customer.id
        )
        if not account and not await orders.standing(h.session, h.customer.id):
            follow_up.reason = SIGNALS[h.event.type]
            h.signal(follow_up, "end")


async def begin(
    h: Handling, sop: Sop, *, by_hand: bool = False, changes: dict[str, Any] | None = None
) -> None:
    """Start the SOP, or write down why not."""
    subject = subject_of(h, sop)
    if subject is None:
        h.note("none", None, "order_missing")
        return
    follow_up = f"{sop.name}.{subject}"
    if await h.session.get(rows.Enrolment, follow_up) is not None:
        h.note("already", follow_up)
        return
    reason = await h.catalogue.off(h.session, sop) or (None if by_hand else await _why_not(h, sop))
    if reason:
        await record_decision(
            h.session,
            h.now,
            customer_id=h.customer.id,
            follow_up=follow_up,
            key=follow_up,
            outcome="not_started",
            reason=reason,
            facts={"event": h.event.type, "order": h.order.id if h.order else None},
        )
        h.note("none", None, reason)
        return
    body = await _enrolment(h, sop, changes)
    await enrolments.enrol(
        h.session,
        h.now,
        sop=sop.name,
        subject=subject,
        version=sop.version,
        customer_id=h.customer.id,
        order_id=h.order.id if h.order else None,
        body=body.model_dump(mode="json"),
        inbox_id=h.row.id,
    )
    h.note("started", follow_up)


async def years_after(h: Handling) -> None:
    """A finished SOP asks for `keep-in-touch`: it begins, or hears of more rhythms."""
    assert isinstance(h.data, Years)  # noqa: S101 - the type's own data
    sop = h.catalogue.years
    follow_up = f"{sop.name}.{h.customer.id}"
    running = await h.session.get(rows.Enrolment, follow_up)
    if running is not None:
        if running.ended_at is not None:
            h.note("none", follow_up, "ended")
        else:
            rhythms = [rhythm.model_dump(mode="json") for rhythm in h.data.rhythms]
            h.signal(running, "rhythms", {"rhythms": rhythms})
        return
    body: Relationship[Any] = Relationship[sop.policy](  # type: ignore[name-defined]
        customer_id=h.customer.id,
        policy=await h.catalogue.policy(h.session, sop),
        pace=h.pace,
        kinds=h.catalogue.kinds(sop),
        rhythms=h.data.rhythms,
    )
    await enrolments.enrol(
        h.session,
        h.now,
        sop=sop.name,
        subject=h.customer.id,
        version=sop.version,
        customer_id=h.customer.id,
        order_id=None,
        body=body.model_dump(mode="json"),
        inbox_id=h.row.id,
    )
    h.note("started", follow_up)


def subject_of(h: Handling, sop: Sop) -> str | None:
    """What there is one follow-up of: a customer, or an order or contract."""
    if sop.name in PER_CUSTOMER:
        return h.customer.id
    if h.order is not None:
        return h.order.id
    return h.event.contract.id if h.event.contract else None


async def _why_not(h: Handling, sop: Sop) -> str | None:
    go_live = h.catalogue.settings.go_live
    if go_live and h.at.date() < go_live:
        return "before_go_live"
    if h.order and (h.order.cancelled_at or h.order.refunded_at):
        return "order_cancelled"
    if sop.name not in PER_CUSTOMER:
        return None
    return await orders.not_their_first(h.session, h.customer, h.order, h.at, go_live)


async def _enrolment(h: Handling, sop: Sop, changes: dict[str, Any] | None) -> Enrolment[Any]:
    """How the follow-up begins, frozen: the policy, each template's kind, what came before it."""
    early = await _early(h)
    given = any(heard.name == "account_provisioned" for heard in early)
    order = h.order
    return Enrolment[sop.policy](  # type: ignore[name-defined]
        customer_id=h.customer.id,
        purchased_at=(order.confirmed_at if order else None) or h.at,
        policy=await h.catalogue.policy(h.session, sop, changes),
        sop_version=sop.version,
        pace=h.pace,
        kinds=h.catalogue.kinds(sop),
        needs_access=bool(order and order.fulfilment in TO_PROVISION),
        access_given=given,
        order_id=order.id if order else "",
        early=tuple(early),
        delivered_at=order.delivered_at if order else None,
    )


async def _early(h: Handling) -> list[Heard]:
    """What was heard of the customer before this start; it travels along."""
    waiting = await inbox.waiting_for(h.session, [starting(h.customer.id)], inbox.DONE)
    heard = []
    for row in waiting:
        row.waits_for = row.expires_at = None
        heard += [
            Heard.model_validate(effect["heard"]) for effect in row.effects if "heard" in effect
        ]
    return heard[-EARLY:]
