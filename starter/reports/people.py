"""Whom readers mean, and what to call them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import Alias, Case, Customer, Enrolment, Order, Task
from starter.reports.objects import Shape
from workflows.sops import CASE, CORRESPONDENCE

BESIDE = (CASE.name, CORRESPONDENCE.name)  # what a case, or a letter, runs as


class Found(Shape):
    """A customer on a list of those who were looked for."""

    id: str
    name: str
    company: str | None
    follow_ups: list[tuple[str, str]]  # id, procedure
    cases: list[tuple[str, str]]  # id, kind; the open ones
    tasks: int


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


async def named(session: AsyncSession, said: str, *, limit: int) -> list[str]:
    """Our ids for whoever has all these words in their name, or in their company's."""
    parts = said.split()[:6]
    if not any(letter.isalnum() for letter in said):
        return []
    of = (Customer.name, Customer.preferred_name, Customer.company)
    fits = [or_(*(column.icontains(part, autoescape=True) for column in of)) for part in parts]
    query = select(Customer.id).where(and_(*fits), Customer.erased_at.is_(None))
    found = await session.execute(query.order_by(Customer.name, Customer.id).limit(limit))
    return list(found.scalars())


async def sought(session: AsyncSession, said: str, *, limit: int) -> list[str]:
    """Our ids for whom somebody may mean: by id or e-mail address, by an order of theirs, by
    telephone number, by name."""
    if ids := await meant(session, said) or await _ordered(session, said.strip().lstrip("#")):
        return ids[:limit]
    from activities.crm.house import house_rules  # noqa: PLC0415 - loads the holidays of the world
    from activities.crm.values import UnfitValueError, phone_of  # noqa: PLC0415 - and its numbers

    try:
        phone = phone_of(said, (await house_rules(session)).country)
    except UnfitValueError:
        return await named(session, said, limit=limit)
    query = select(Customer.id).where(Customer.phone == phone).order_by(Customer.created_at)
    return list((await session.execute(query.limit(limit))).scalars())


async def _ordered(session: AsyncSession, order: str) -> list[str]:
    """Whose order this is, as we, the shop, or they know it; two shops may count alike."""
    names = (order, f"#{order}")
    is_it = or_(Order.id == order, Order.reference.in_(names), Order.number.in_(names))
    query = select(Order.customer_id).where(is_it).distinct()
    return list((await session.execute(query)).scalars())


async def found(session: AsyncSession, customers: Sequence[str]) -> list[Found]:
    """What a search says of each: their follow-ups, their cases, how many tasks are open."""
    rows = await session.execute(select(Customer).where(Customer.id.in_(customers)))
    known = {row.id: row for row in rows.scalars()}
    follow_ups, cases = defaultdict(list), defaultdict(list)
    query = select(Enrolment.customer_id, Enrolment.id, Enrolment.sop).where(
        Enrolment.customer_id.in_(customers), Enrolment.sop.not_in(BESIDE)
    )
    for customer, id_, sop in await session.execute(query.order_by(Enrolment.started_at)):
        follow_ups[customer].append((id_, sop))
    asked = select(Case.customer_id, Case.id, Case.kind).where(
        Case.customer_id.in_(customers), Case.closed_at.is_(None)
    )
    for customer, id_, kind in await session.execute(asked.order_by(Case.opened_at)):
        cases[customer].append((id_, kind))
    open_ = select(Task.customer_id, func.count()).where(
        Task.customer_id.in_(customers), Task.state == "open"
    )
    counted = await session.execute(open_.group_by(Task.customer_id))
    tasks = {whose: count for whose, count in counted}  # noqa: C416 - rows
    return [
        Found(
            id=id_, name=row.name or row.email or id_, company=row.company,
            follow_ups=follow_ups[id_], cases=cases[id_], tasks=tasks.get(id_, 0),
        )
        for id_ in customers
        if (row := known.get(id_))
    ]  # fmt: skip


async def names(session: AsyncSession, customers: Iterable[str]) -> dict[str, str]:
    """What to call these customers on a list."""
    query = select(Customer.id, Customer.name, Customer.email).where(
        Customer.id.in_(set(customers))
    )
    rows = (await session.execute(query)).all()
    return {id_: name or email or id_ for id_, name, email in rows}
