"""What customers allow and take back. Only their own word changes it; an order merely begins it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import numbers
from activities.crm.store import lock_addresses
from activities.crm.tables import Consent, Customer, new_id

SCOPES = ("email_marketing", "sms_marketing", "relationship")
BEGUN = (*SCOPES, "at", "source", "wording")  # what an order may say of consent
EVERYTHING = "all"
STATED = (*SCOPES, "email", "sms", EVERYTHING)  # what customers may say of it, topics beside
MARKETING = {  # the consent that offers by each channel need
    "email": "email_marketing",
    "sms": "sms_marketing",
    "call": "sms_marketing",
    "letter": "letter_marketing",
}

_IN_TURN = (Consent.at, Consent.recorded_at, Consent.id)
_WORDS = (
    select(Consent)
    .where(Consent.customer_id == bindparam("customer_id"))
    .order_by(*_IN_TURN)
    .execution_options(populate_existing=True)
)
_OF_OTHERS = (
    select(Consent.customer_id, Consent.scope, Consent.given)
    .join(Customer, Customer.id == Consent.customer_id)
    .where(Customer.id != bindparam("customer_id"))
    .order_by(*_IN_TURN)
)
_AT_EMAIL = _OF_OTHERS.where(Customer.email == bindparam("address"))
_AT_PHONE = _OF_OTHERS.where(Customer.phone == bindparam("address"))


async def state(
    session: AsyncSession,
    customer_id: str,
    scopes: dict[str, bool],
    *,
    at: datetime,
    now: datetime,
    source: str | None = None,
    wording: str | None = None,
) -> list[str]:
    """Write down the customer's own word; the scopes that are newly taken away by it.

    It displaces what an order had begun, whichever of the two was heard first.
    """
    if customer := await session.get(Customer, customer_id):
        await lock_addresses(session, customer)
    at, taken = min(at, now), []  # dated ahead it would outlive every later word
    for scope, given in scopes.items():
        before = await latest(session, customer_id, scope)
        await session.execute(delete(Consent).where(Consent.id == _begun(customer_id, scope)))
        session.add(
            Consent(
                id=new_id("con"),
                customer_id=customer_id,
                scope=scope,
                given=given,
                at=at,
                source=source,
                wording=wording,
                recorded_at=now,
            )
        )
        stands = before is None or before.at <= at or before.id == _begun(customer_id, scope)
        if not given and stands:
            taken.append(scope)
    return taken


async def begin(
    session: AsyncSession,
    customer_id: str,
    said: dict[str, Any],
    *,
    at: datetime,
    now: datetime,
    source: str,
) -> None:
    """Take an order's tick boxes for scopes that were never stated; the earliest order counts."""
    at = min(said.get("at") or at, now)
    scopes = {scope: said.get(scope) for scope in SCOPES}
    scopes |= {f"topic:{topic}": given for topic, given in said.get("topics", {}).items()}
    for scope, given in scopes.items():
        if given is None:
            continue
        row = await latest(session, customer_id, scope)
        if row and not (row.id == _begun(customer_id, scope) and at < row.at):
            continue
        if row is None:
            row = Consent(id=_begun(customer_id, scope), customer_id=customer_id, scope=scope)
            session.add(row)
        row.given, row.at, row.recorded_at = given, at, now
        row.source, row.wording = said.get("source") or source, said.get("wording")


async def latest(session: AsyncSession, customer_id: str, scope: str) -> Consent | None:
    """The latest word on one scope."""
    query = (
        select(Consent)
        .where(Consent.customer_id == customer_id, Consent.scope == scope)
        .order_by(Consent.at.desc(), Consent.recorded_at.desc(), Consent.id.desc())
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def by_scope(session: AsyncSession, customer_id: str) -> dict[str, Consent]:
    """The latest word on each scope; one that was never stated is absent."""
    rows = await session.execute(_WORDS, {"customer_id": customer_id})
    return {row.scope: row for row in rows.scalars()}


async def refused_at(session: AsyncSession, customer: Customer) -> set[str]:
    """The scopes that others have refused at an address they share with this customer."""
    refused: set[str] = set()
    for others, address, phoned in (
        (_AT_EMAIL, customer.email, False),
        (_AT_PHONE, customer.phone, True),
    ):
        if not address:
            continue
        said = {"customer_id": customer.id, "address": address}
        rows = await session.execute(others, said)
        words = {(row.customer_id, row.scope): row.given for row in rows}
        taken = (scope for (_, scope), given in words.items() if not given)
        refused |= {scope for scope in taken if scope.startswith("sms") is phoned}
    if customer.phone and await numbers.is_stopped(session, customer.phone):
        refused.add("sms")
    return refused


def _begun(customer_id: str, scope: str) -> str:
    return f"con_begun.{customer_id}.{scope}"
