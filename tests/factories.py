"""People, purchases and a clock for tests: each with a default for everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from activities.crm.store import Store
from activities.crm.tables import Base, Customer, Enrolment, Order, Staff, new_id
from workflows.vocabulary import Pace

RowT = TypeVar("RowT", bound=Base)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday, in the middle of London's office hours


class FakeClock:
    """Policy time and real time, both still until they are moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.pace = Pace()
        self.policy_now = now
        self.real_now = now

    def now(self) -> datetime:
        return self.policy_now

    def real(self) -> datetime:
        return self.real_now

    def set(self, moment: datetime) -> None:
        """Go to a moment of policy time; real time goes along, never back."""
        self.real_now = max(self.real_now, self.real_now + (moment - self.policy_now))
        self.policy_now = moment

    def advance(self, span: timedelta | None = None, **fields: float) -> datetime:
        """Let time pass: `advance(days=3)`."""
        self.set(self.policy_now + (span or timedelta(**fields)))
        return self.policy_now


async def kept(store: Store, row: RowT) -> RowT:
    async with store.transaction() as session:
        session.add(row)
    return row


async def a_customer(store: Store, **fields: Any) -> Customer:
    """A standard customer in London with an address for every channel."""
    customer_id = fields.setdefault("id", new_id("cus"))
    row = Customer(
        **{
            "email": f"{customer_id}@example.com",
            "phone": "+442079460000",
            "name": "Ada Lovelace",
            "preferred_name": "Ada",
            "country": "GB",
            "locale": "en",
            "time_zone": "Europe/London",
            "tier": "standard",
            "sensitive": False,
            "told_at": {},
            "created_at": NOON,
        }
        | fields
    )
    return await kept(store, row)


async def an_order(store: Store, customer_id: str, **fields: Any) -> Order:
    """A confirmed and paid order of one thing."""
    row = Order(
        **{
            "id": new_id("ord"),
            "customer_id": customer_id,
            "confirmed_at": NOON,
            "paid_at": NOON,
            "first": True,
            "total": "49.00",
            "currency": "GBP",
            "fulfilment": "ship",
            "items": [{"sku": "kettle", "name": "Kettle", "quantity": 1, "price": "49.00"}],
            "shipments": [],
            "told_at": {},
            "created_at": NOON,
        }
        | fields
    )
    return await kept(store, row)


async def a_colleague(store: Store, email: str, **fields: Any) -> Staff:
    """Somebody of ours with an account, by default one who looks after customers."""
    row = Staff(
        **{
            "id": new_id("sta"),
            "email": email,
            "role": "customer-excellence-officer",
            "created_at": NOON,
        }
        | fields
    )
    return await kept(store, row)


async def an_enrolment(store: Store, customer_id: str, **fields: Any) -> Enrolment:
    """A running follow-up, by default `online-customer.<customer id>`."""
    sop = fields.setdefault("sop", "online-customer")
    subject = fields.setdefault("subject", customer_id)
    row = Enrolment(
        **{
            "id": f"{sop}.{subject}",
            "customer_id": customer_id,
            "sop_version": "1.0",
            "state": "running",
            "input": {},
            "started_at": NOON,
        }
        | fields
    )
    return await kept(store, row)
