"""What the tests of records share: the verbs on a store, and steps of a customer's follow-up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import SecretStr
from sqlalchemy import select

from activities.clerk import CrmClerk
from activities.crm.store import Store
from activities.crm.tables import Base, Milestone
from activities.records import CrmRecords
from activities.settings import Settings
from tests.factories import FakeClock, a_customer, an_enrolment
from workflows.vocabulary import Role, Task

Row = TypeVar("Row", bound=Base)
SETTINGS = Settings(_env_file=None, secret_key=SecretStr("a secret of the tests, long enough"))


def records(store: Store, clock: FakeClock) -> CrmRecords:
    return CrmRecords(store, clock, SETTINGS)


def clerk(store: Store, clock: FakeClock) -> CrmClerk:
    return CrmClerk(store, clock)


async def enrolled(store: Store, **fields: Any) -> str:
    """The id of a customer whose `online-customer` runs."""
    customer = await a_customer(store, **fields)
    await an_enrolment(store, customer.id)
    return customer.id


def step(customer_id: str, name: str, **fields: Any) -> dict[str, Any]:
    """The fields of a step of the customer's `online-customer`."""
    follow_up = f"online-customer.{customer_id}"
    return {
        "key": f"{follow_up}/{name}",
        "customer_id": customer_id,
        "follow_up": follow_up,
        "clause": "5.4.1",
    } | fields


def check_in(customer_id: str, **fields: Any) -> Task:
    """The task in which a CSR makes a check-in personal."""
    base: dict[str, Any] = {
        "role": Role.CSR,
        "what": "make the check-in personal",
        "template": "check-in",
    }
    return Task(**step(customer_id, "task/5.4.1/check-in"), **base | fields)


async def rows(store: Store, table: type[Row], *where: Any) -> Sequence[Row]:
    async with store.reading() as session:
        return (await session.execute(select(table).where(*where))).scalars().all()


async def line(store: Store, customer_id: str, clause: str = "5.4.1") -> Milestone:
    """The clause on the checklist."""
    async with store.reading() as session:
        key = (f"online-customer.{customer_id}", clause, "")
        return await session.get_one(Milestone, key)
