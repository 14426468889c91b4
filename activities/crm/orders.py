"""Orders: what was bought, how far it has come, and whether it was the customer's first."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import parcels
from activities.crm.customers import take_in
from activities.crm.parcels import PLAIN
from activities.crm.tables import Customer, Order, new_id

FIELDS = "number first total currency product_line sold_by fulfilment items".split()
CLEARED: dict[str, list[Any]] = {"items": []}
MOMENTS = {  # of the order as a whole; what parcels have of their own is in `parcels`
    "order.confirmed": "confirmed_at",
    "order.paid": "paid_at",
    "order.cancelled": "cancelled_at",
    "order.refunded": "refunded_at",
    "order.returned": "returned_at",
}
CONFIRMING = ("order.confirmed", "order.paid")  # paid implies confirmed
UNDOING = ("order.cancelled", "order.refunded")
PLACED = "placed"  # marks, beside the fields' moments, that its being placed was acted upon
PROVISIONED = "provisioned"  # and when access to what was bought was given
GRACE = timedelta(days=1)  # an account opened on the way to the checkout is no older customer


async def find(session: AsyncSession, said: str) -> Order | None:
    """The order with this id, ours or the shop's."""
    query = select(Order).where(or_(Order.id == said, Order.reference == said)).limit(1)
    fresh = {"populate_existing": True}  # it may have been read before its lock was had
    return (await session.execute(query, execution_options=fresh)).scalar_one_or_none()


async def know(
    session: AsyncSession,
    said: dict[str, Any],
    customer: Customer,
    *,
    at: datetime,
    now: datetime,
    known: bool,
) -> Order:
    """Make the order, or find the one that is known, as it stands now that its names and its
    customer are locked, and take in what is newer; an id of an odd shape gets one of ours."""
    row = await find(session, said["id"]) if known else None
    if row is None:
        plain = PLAIN.fullmatch(said["id"])
        row = Order(
            id=said["id"] if plain else new_id("ord"),
            reference=None if plain else said["id"],
            customer_id=customer.id,
            items=[],
            shipments=[],
            told_at={},
            created_at=now,
        )
        session.add(row)
    row.reference = row.reference or said.get("reference")
    patch = {field: said[field] for field in FIELDS if field in said}
    take_in(row, {f: CLEARED.get(f) if v is None else v for f, v in patch.items()}, at=at)
    if said.get("confirmed_at"):
        take_in(row, {"confirmed_at": said["confirmed_at"]}, at=at)
    for shipment in said.get("shipments") or []:
        parcels.take_in(row, shipment, at=at)
    parcels.take_back(row, [])  # a later word on its items brings none of them back
    return row


def happened(row: Order, what: str, at: datetime) -> None:
    """Write down when it came so far: the earliest moment said, whatever order they came in."""
    column = MOMENTS.get(what)
    if column and not (column == "confirmed_at" and "confirmed_at" in row.told_at):
        setattr(row, column, min(getattr(row, column) or at, at))
    if what == "order.paid" and "confirmed_at" not in row.told_at:
        row.confirmed_at = min(row.confirmed_at or at, at)


def provisioned(row: Order) -> datetime | None:
    """When access to what was bought was given."""
    said = row.told_at.get(PROVISIONED)
    return datetime.fromisoformat(said) if said else None


def provide(row: Order, at: datetime) -> None:
    """Access was given: the earliest moment said."""
    row.told_at = row.told_at | {PROVISIONED: min(provisioned(row) or at, at).isoformat()}


def place(row: Order) -> bool:
    """Whether this is the first that is heard of the order being placed."""
    if PLACED in row.told_at:
        return False
    row.told_at = row.told_at | {PLACED: True}
    return True


async def of(session: AsyncSession, customer_id: str) -> list[Order]:
    """The customer's orders, oldest first."""
    query = select(Order).where(Order.customer_id == customer_id)
    return list((await session.execute(query.order_by(Order.created_at, Order.id))).scalars())


async def first_bought(session: AsyncSession, customer_id: str) -> datetime | None:
    """When the earliest of the customer's orders that we know was confirmed."""
    query = select(Order.confirmed_at).where(
        Order.customer_id == customer_id, Order.confirmed_at.is_not(None)
    )
    return (await session.execute(query.order_by(Order.confirmed_at).limit(1))).scalar()


async def standing(session: AsyncSession, customer_id: str) -> bool:
    """Whether the customer has an order that was not undone."""
    query = select(Order.id).where(
        Order.customer_id == customer_id,
        Order.confirmed_at.is_not(None),
        Order.cancelled_at.is_(None),
        Order.refunded_at.is_(None),
    )
    return (await session.execute(query.limit(1))).first() is not None


async def not_their_first(
    session: AsyncSession,
    customer: Customer,
    order: Order | None,
    at: datetime,
    go_live: date | None,
    *,
    before: datetime | None = None,
) -> str | None:
    """Why this purchase or sign-up is not where the customer begins; None if it is.

    What the shop says of the order counts, else since when it knows the customer, else our records:
    of all that was bought and not undone, or, where they know it all already, of what was bought
    `before`.
    """
    if order is not None and order.first is not None:
        return None if order.first else "existing_customer"
    if customer.since is not None:
        old = customer.since.date() < go_live if go_live else customer.since < at - GRACE
        if old:
            return "existing_customer"
    query = select(Order.id).where(
        Order.customer_id == customer.id,
        Order.confirmed_at.is_not(None),
        Order.cancelled_at.is_(None),
        Order.refunded_at.is_(None),
    )
    if order is not None:
        query = query.where(Order.id != order.id)
    if before is not None:
        query = query.where(Order.confirmed_at < before)
    earlier = (await session.execute(query.limit(1))).scalar_one_or_none()
    return "not_first_order" if earlier else None
