"""How an order goes on: confirmed, paid, shipped, delivered, undone, in whole or in part.

Late, doubled or out of order, its row says the same in the end; each follow-up hears of its own
order, and those of the customer as a whole hear of all.
"""

from __future__ import annotations

from typing import Any

from activities.crm import customers, orders, parcels
from activities.crm.milestones import record_decision
from activities.crm.tables import Enrolment, Order
from starter.intake import agreements, late, starts
from starter.intake.events import Access, Progress
from starter.intake.handling import KEEP_IN_TOUCH, SIGNALS, Handling
from starter.intake.news import of_parcels
from starter.intake.said import write_down
from workflows.sops import SERVICES

GIVING_BACK = ("order.cancelled", "order.refunded", "order.returned")


async def order_went_on(h: Handling) -> None:
    """The first news of its being placed may begin things; all else is told of."""
    order, said = _order(h), h.data if isinstance(h.data, Progress) else Progress()
    partial = said.partial or bool(said.items)
    if h.event.type in GIVING_BACK and said.items:
        parcels.take_back(order, said.items)
        partial = not parcels.nothing_left(order)  # in parts, until nothing was left
    if not partial:
        orders.happened(order, h.event.type, h.at)
    if h.event.type in orders.CONFIRMING:
        await _placed(h, order)
    elif h.event.type in parcels.MOMENTS:
        await _moved(h, order, partial=partial)
    else:
        await _undone(h, order, partial=partial)


async def provided(h: Handling) -> None:
    """Access to what was bought was given; with its order named, whoever begins later knows."""
    await write_down(h)
    if h.order is not None and h.contract is None:
        orders.provide(h.order, h.at)
        await _tell(h, h.order, {"order_id": h.order.id})
        return
    await agreements.provided(h, h.data.system if isinstance(h.data, Access) else None)


async def _placed(h: Handling, order: Order) -> None:
    known = [row for row in await h.running() if _concerns(row, order)]
    if not orders.place(order):
        for follow_up in known:
            h.note("already", follow_up.id)
            mine = follow_up.order_id == order.id and follow_up.sop not in starts.PER_CONTRACT
            if mine or follow_up.sop in starts.PER_CUSTOMER:
                late.begins_earlier(h, follow_up)
        if not known:
            h.note("recorded")
        return
    await starts.begin_all(h, await h.catalogue.begun_by(h.session, h.event.type))
    others = [row.sop for row in await h.running() if row.order_id == order.id]
    for follow_up in known:
        h.effects = [effect for effect in h.effects if effect.follow_up != follow_up.id]
        body = {"others": [name for name in others if name != follow_up.sop]} if others else {}
        h.signal(follow_up, "order_placed", {"order_id": order.id} | body)
    if not h.effects:
        h.note("recorded")


async def _moved(h: Handling, order: Order, *, partial: bool) -> None:
    said = h.event.order.shipments if h.event.order else None
    mine = parcels.named(order, [parcel.id for parcel in said or []])
    if mine or not partial:
        parcels.happened(order, h.event.type, h.at, mine)
    body = of_parcels(order, h.event.type, mine, partial=partial)
    await _tell(h, order, {"order_id": order.id} | body)


async def _undone(h: Handling, order: Order, *, partial: bool) -> None:
    """Nothing ends with a part of it, nor with what comes back after it was kept. What ends hears
    that first: it has no more to say about an order that is no more."""
    if h.event.type in orders.UNDOING and not partial:
        for follow_up in await h.running():
            if follow_up.sop not in starts.PER_CUSTOMER and follow_up.sop not in SERVICES:
                if follow_up.order_id == order.id:
                    await _end(h, follow_up)
            elif follow_up.sop in starts.PER_CUSTOMER and await _is_nobodys(h, follow_up):
                await _end(h, follow_up)
    await _tell(h, order, {"order_id": order.id} | ({"partial": True} if partial else {}))


async def _is_nobodys(h: Handling, follow_up: Enrolment) -> bool:
    """Whether nothing is left to follow up of a guest whose only order was undone."""
    if follow_up.order_id is None:
        return False  # it began with a sign-up: the account remains
    account = not follow_up.customer_id.startswith("cus_") or await customers.aliases(
        h.session, h.customer.id
    )
    return not account and not await orders.standing(h.session, h.customer.id)


async def _end(h: Handling, follow_up: Enrolment) -> None:
    follow_up.reason = SIGNALS[h.event.type]
    await record_decision(
        h.session,
        h.now,
        customer_id=h.customer.id,
        follow_up=follow_up.id,
        key=f"{follow_up.id}/end",
        outcome="ended",
        reason=follow_up.reason,
        facts={"order": h.order.id if h.order else None},
    )
    h.signal(follow_up, "end")


async def _tell(h: Handling, order: Order, body: dict[str, Any]) -> None:
    """Whoever follows this order up, or its customer; who begins later reads the order's row."""
    told = [row for row in await h.running() if _concerns(row, order)]
    if h.meant:
        told = [row for row in told if row.id == h.meant]
    for follow_up in told:
        h.signal(follow_up, SIGNALS[h.event.type], body)
    if not h.effects:
        h.note("recorded")


def _concerns(row: Enrolment, order: Order) -> bool:
    if row.sop in starts.PER_CUSTOMER or row.sop == KEEP_IN_TOUCH:
        return True
    return row.sop not in SERVICES and row.order_id in (None, order.id)


def _order(h: Handling) -> Order:
    assert h.order is not None  # noqa: S101 - the door has seen to it
    return h.order
