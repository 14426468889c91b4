"""Whom readers mean, and what to call them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import Alias, Customer


async def meant(session: AsyncSession, said: str) -> list[str]:
    """Our ids for whom an id of ours, one from outside, or an e-mail address means; two customers
    may share an address."""
    if alias := await session.get(Alias, said):
        return [alias.customer_id]
    if await session.get(Customer, said):
        return [said]
    if "@" not in said:
        return []
    found = select(Customer.id).where(Customer.email == said.strip().lower())
    return list((await session.execute(found.order_by(Customer.created_at))).scalars())


async def names(session: AsyncSession, customers: Iterable[str]) -> dict[str, str]:
    """What to call these customers on a list."""
    query = select(Customer.id, Customer.name, Customer.email).where(
        Customer.id.in_(set(customers))
    )
    rows = (await session.execute(query)).all()
    return {id_: name or email or id_ for id_, name, email in rows}
