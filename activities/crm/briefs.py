"""What a person should have read before they contact a customer, and whom to contact first."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import consents
from activities.crm.holds import open_holds
from activities.crm.tables import Case, Customer, Note, Order

TIERS = {"standard": 0, "premium": 1, "vip": 2}
TIER = 1e9  # a tier counts more than whatever was spent
LINES = 5  # so much of each sort stands in a brief


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


async def brief(session: AsyncSession, customer: Customer) -> dict[str, Any]:
    """What somebody who is to contact the customer should have read."""
    return {
        "purchases": await _purchases(session, customer.id),
        "feedback": await _feedback(session, customer.id),
        "alerts": await _alerts(session, customer),
        "preferences": {
            "name": customer.preferred_name or customer.name,
            "channel": customer.preferred_channel,
            "locale": customer.locale,
            "time_zone": customer.time_zone,
            "declined": await _declined(session, customer.id),
        },
    }


async def _purchases(session: AsyncSession, customer_id: str) -> list[dict[str, Any]]:
    query = select(Order).where(Order.customer_id == customer_id)
    rows = (await session.execute(query.order_by(Order.created_at.desc()).limit(LINES))).scalars()
    return [
        {
            "order": row.reference or row.id,
            "at": _iso(row.confirmed_at),
            "total": f"{row.total or ''} {row.currency or ''}".strip(),
            "items": [item.get("name") or item.get("sku") for item in row.items],
            "delivered_at": _iso(row.delivered_at),
            "returned_at": _iso(row.returned_at),
        }
        for row in rows
    ]


async def _feedback(session: AsyncSession, customer_id: str) -> list[dict[str, Any]]:
    query = select(Note).where(Note.customer_id == customer_id, Note.direction == "in")
    rows = (await session.execute(query.order_by(Note.at.desc()).limit(LINES))).scalars()
    return [
        {"at": _iso(row.at), "method": row.method, "text": row.summary, "score": row.feedback}
        for row in rows
    ]


async def _alerts(session: AsyncSession, customer: Customer) -> list[dict[str, Any]]:
    query = select(Case).where(Case.customer_id == customer.id, Case.closed_at.is_(None))
    cases = (await session.execute(query.order_by(Case.opened_at))).scalars()
    alerts: list[dict[str, Any]] = [
        {"kind": row.kind, "id": row.id, "since": _iso(row.opened_at), "severity": row.severity}
        for row in cases
    ]
    known = {alert["id"] for alert in alerts}  # a complaint's hold has its case's id
    alerts += [
        {"kind": "hold", "id": hold.id, "since": _iso(hold.at)}
        for hold in await open_holds(session, customer.id)
        if hold.id not in known
    ]
    if customer.sensitive:
        alerts.append({"kind": "sensitive"})
    return alerts


async def _declined(session: AsyncSession, customer_id: str) -> list[str]:
    """The scopes whose latest word is no."""
    words = await consents.by_scope(session, customer_id)
    return sorted(scope for scope, word in words.items() if not word.given)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
