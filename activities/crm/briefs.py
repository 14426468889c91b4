"""What a person should have read before they contact a customer, and whom to contact first."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import consents
from activities.crm.meetings import ends_at, upcoming
from activities.crm.tables import Case, Contract, Customer, Feedback, Hold, Note, Order

TIERS = {"standard": 0, "premium": 1, "vip": 2}
TIER = 1e9  # a tier counts more than whatever was spent
LINES = 5  # so much of each sort stands in a brief
SCORED = ("product", "overall", "satisfied", "type", "urgency")  # of their feedback


async def worth(session: AsyncSession, customer: Customer) -> float:
    """Whom capacity serves first."""
    return TIERS.get(customer.tier, 0) * TIER + float(await spent(session, customer.id))


async def spent(session: AsyncSession, customer_id: str) -> Decimal:
    """What the customer bought and kept, in whatever currency a shop's customers pay."""
    query = select(Order.total).where(
        Order.customer_id == customer_id,
        Order.confirmed_at.is_not(None),
        Order.cancelled_at.is_(None),
        Order.refunded_at.is_(None),
        Order.returned_at.is_(None),
    )
    return sum((_amount(total) for (total,) in await session.execute(query)), Decimal())


def _amount(said: str | None) -> Decimal:
    try:
        amount = Decimal(said or "0")
    except InvalidOperation:
        return Decimal()
    return amount if amount.is_finite() else Decimal()


async def brief(
    session: AsyncSession,
    customer: Customer,
    *,
    now: datetime | None = None,
    contract_id: str | None = None,
) -> dict[str, Any]:
    """What somebody who is to contact the customer should have read, as it stands now."""
    known = {
        "purchases": await _purchases(session, customer.id),
        "feedback": await _feedback(session, customer.id),
        "alerts": (await alerts(session, [customer.id]))[customer.id],
        "preferences": {
            "name": customer.preferred_name or customer.name,
            "channel": customer.preferred_channel,
            "locale": customer.locale,
            "time_zone": customer.time_zone,
            "declined": await _declined(session, customer.id),
        },
    }
    also = {
        "contract": await _contract(session, contract_id) if contract_id else None,
        "meeting": await _meeting(session, customer.id, now) if now else None,
    }
    return known | {name: said for name, said in also.items() if said}


async def _purchases(session: AsyncSession, customer_id: str) -> list[dict[str, Any]]:
    query = select(Order).where(Order.customer_id == customer_id)
    rows = (await session.execute(query.order_by(Order.created_at.desc()).limit(LINES))).scalars()
    return [
        {
            "order": row.number or row.reference or row.id,
            "at": _iso(row.confirmed_at),
            "total": f"{row.total or ''} {row.currency or ''}".strip(),
            "items": [item.get("name") or item.get("sku") for item in row.items],
            "delivered_at": _iso(row.delivered_at),
            "returned_at": _iso(row.returned_at),
        }
        for row in rows
    ]


async def _feedback(session: AsyncSession, customer_id: str) -> list[dict[str, Any]]:
    """What they said, with the scores they gave and what it was about, where that is known."""
    query = (
        select(Note, Feedback)
        .outerjoin(Feedback, Feedback.note_id == Note.id)
        .where(Note.customer_id == customer_id, Note.direction == "in")
        .order_by(Note.at.desc(), Note.id)
        .limit(LINES)
    )
    return [
        {"at": _iso(row.at), "method": row.method, "text": row.summary, "score": row.feedback}
        | {name: getattr(said, name) for name in SCORED if getattr(said, name, None) is not None}
        for row, said in await session.execute(query)
    ]


async def alerts(
    session: AsyncSession, customers: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """What is to be minded of each of them now: open cases, holds, what is sensitive."""
    found: dict[str, list[dict[str, Any]]] = {customer: [] for customer in customers}
    query = select(Case).where(Case.customer_id.in_(found), Case.closed_at.is_(None))
    for row in (await session.execute(query.order_by(Case.opened_at, Case.id))).scalars():
        alert = {"kind": row.kind, "id": row.id, "since": _iso(row.opened_at)}
        found[row.customer_id].append(alert | {"severity": row.severity})
    held = select(Hold).where(Hold.customer_id.in_(found), Hold.released_at.is_(None))
    for hold in (await session.execute(held.order_by(Hold.at, Hold.id))).scalars():
        mine = found[hold.customer_id]
        if hold.id not in {alert["id"] for alert in mine}:
            mine.append({"kind": "hold", "id": hold.id, "since": _iso(hold.at)})
    touchy = select(Customer.id).where(Customer.id.in_(found), Customer.sensitive.is_(True))
    for customer in (await session.execute(touchy)).scalars():
        found[customer].append({"kind": "sensitive"})
    return found


async def _contract(session: AsyncSession, contract_id: str) -> dict[str, Any] | None:
    row = await session.get(Contract, contract_id)
    if row is None:
        return None
    return {
        "id": row.reference or row.id,
        "signed_at": _iso(row.signed_at),
        "account_manager": row.account_manager,
        "office": row.office,
        "contacts": row.contacts,
        "needs": row.needs,
    }


async def _meeting(session: AsyncSession, customer_id: str, now: datetime) -> dict[str, Any] | None:
    row = await upcoming(session, customer_id, now)
    if row is None:
        return None
    times = {"starts_at": _iso(row.starts_at), "ends_at": _iso(ends_at(row))}
    return {"id": row.id, **times, "title": row.title, "url": row.url}


async def _declined(session: AsyncSession, customer_id: str) -> list[str]:
    """The scopes whose latest word is no."""
    words = await consents.by_scope(session, customer_id)
    return sorted(scope for scope, word in words.items() if not word.given)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
