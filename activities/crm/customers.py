"""Who a customer is, by whichever name a system knows them; and what was last said about them.

A person is found by the account's id, an alias, the e-mail address, then the phone number. Whoever
looks somebody up in order to write does so alone (`one_at_a_time`), so that fifty events about one
new person make one row.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.milestones import record_decision
from activities.crm.store import lock_customer, lock_name
from activities.crm.tables import Alias, Contract, Customer, Meeting, Order, new_id

FIELDS = (
    "email phone name preferred_name company country locale time_zone preferred_channel address "
    "owner tier sensitive since"
).split()
HELD = "identities"  # in a session's info: the names that its transaction has locked
CLEARED = {"tier": "standard", "sensitive": False}  # what null means where a value is needed


async def one_at_a_time(session: AsyncSession, keys: Iterable[str]) -> None:
    """Until this transaction ends, nobody else looks up any of these in order to write.

    The row may not exist yet, so it is the names that are locked; once, whoever asks again.
    """
    held: set[str] = session.info.setdefault(HELD, set())
    new = set(keys) - held
    await lock_name(session, *(f"identity {key}" for key in sorted(new)))
    held |= new


def keys_of(said: dict[str, Any]) -> list[str]:
    """What a customer may be found by, surest first."""
    named = {"customer": said.get("id"), "email": said.get("email"), "phone": said.get("phone")}
    return [f"{kind}:{value}" for kind, value in named.items() if value]


async def find(session: AsyncSession, said: str) -> Customer | None:
    """The customer with this id, ours or somebody else's for them."""
    row = await session.get(Customer, said)
    if row is None and (alias := await session.get(Alias, said)):
        row = await session.get(Customer, alias.customer_id)
    return row


async def recognise(session: AsyncSession, said: dict[str, Any]) -> Customer | None:
    """Whom these details mean: account id, alias, e-mail address, then phone number."""
    if said.get("id") and (row := await find(session, said["id"])):
        return row
    for column, value in ((Customer.email, said.get("email")), (Customer.phone, said.get("phone"))):
        if not value:
            continue
        # who was there first, if two have it
        query = select(Customer).where(column == value).order_by(Customer.created_at, Customer.id)
        if row := (await session.execute(query.limit(1))).scalar_one_or_none():
            return row
    return None


async def know(
    session: AsyncSession,
    said: dict[str, Any],
    *,
    at: datetime,
    now: datetime,
    order: Order | None = None,
) -> tuple[Customer, bool]:
    """Find or make the customer, locked, and take in what is newer than what we knew; and whether
    they are new.

    An account id that comes later becomes an alias of the customer we know by address.
    """
    await one_at_a_time(session, keys_of(said))
    row = await recognise(session, said)
    if row is None and order is not None:
        row = await session.get(Customer, order.customer_id)
    if row is None:  # nobody else sees them before this is committed: there is nothing to lock
        row = Customer(id=said.get("id") or new_id("cus"), created_at=now, told_at={})
        take_in(row, fields_of(said), at=at)
        session.add(row)
        await session.flush()
        return row, True
    await lock_customer(session, row.id)
    if row.erased_at is not None:
        return row, False
    name = said.get("id")
    if name and name != row.id and await session.get(Alias, name) is None:
        session.add(Alias(alias=name, customer_id=row.id))
        await session.flush()
    await _note_double(session, row, said, now)
    take_in(row, fields_of(said), at=at)
    return row, False


async def _note_double(
    session: AsyncSession, row: Customer, said: dict[str, Any], now: datetime
) -> None:
    """Two rows that share an address may be one person: nothing is merged, but it is on record."""
    if not said.get("email") or row.email == said["email"]:
        return
    query = select(Customer.id).where(Customer.email == said["email"], Customer.id != row.id)
    for other in (await session.execute(query.limit(1))).scalars():
        await record_decision(
            session,
            now,
            customer_id=row.id,
            key=f"{row.id}/double",
            outcome="possible_duplicate",
            reason="same_email",
            facts={"other": other},
        )


def fields_of(said: dict[str, Any]) -> dict[str, Any]:
    """What of it stands in the customer's row."""
    return {field: said[field] for field in FIELDS if field in said}


async def aliases(session: AsyncSession, customer_id: str) -> list[str]:
    query = select(Alias.alias).where(Alias.customer_id == customer_id)
    return list((await session.execute(query)).scalars())


def take_in(
    row: Customer | Order | Contract | Meeting, patch: dict[str, Any], *, at: datetime
) -> None:
    """Absent is unchanged, null is cleared, and what is older never overwrites what is newer."""
    told = dict(row.told_at or {})
    for field, value in patch.items():
        if field in told and datetime.fromisoformat(told[field]) > at:
            continue
        setattr(row, field, CLEARED.get(field) if value is None else value)
        told[field] = at.isoformat()
    row.told_at = told
