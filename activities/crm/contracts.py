"""Contracts: what a customer signed, and what Sales has handed over of them since."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.customers import take_in
from activities.crm.parcels import PLAIN
from activities.crm.tables import Contract, Customer, new_id

FIELDS = ("signed_at", "account_manager", "office", "contacts", "needs")
CLEARED: dict[str, list[Any]] = {"contacts": []}


async def find(session: AsyncSession, said: str) -> Contract | None:
    """The contract with this id, ours or another system's."""
    query = select(Contract).where(or_(Contract.id == said, Contract.reference == said)).limit(1)
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
    signed: bool = False,
) -> Contract:
    """Make the contract, or find the one that is known, as it stands now that its names and its
    customer are locked, and take in what is newer; an id of an odd shape gets one of ours. Unless
    somebody says when it was signed, that was when its signing was first news."""
    row = await find(session, said["id"]) if known else None
    if row is None:
        plain = PLAIN.fullmatch(said["id"])
        row = Contract(
            id=said["id"] if plain else new_id("con"),
            reference=None if plain else said["id"],
            customer_id=customer.id,
            contacts=[],
            told_at={},
            created_at=now,
        )
        session.add(row)
    patch = {field: said[field] for field in FIELDS if field in said}
    take_in(row, {f: CLEARED.get(f) if v is None else v for f, v in patch.items()}, at=at)
    if signed and "signed_at" not in row.told_at:
        row.signed_at = min(row.signed_at or at, at)
    return row


def missing(row: Contract | None, fields: tuple[str, ...]) -> list[str]:
    """Which of the fields nobody has filled in."""
    return [name for name in fields if not getattr(row, name, None)]
