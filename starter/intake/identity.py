"""Whom and which order an event means, as they stand once it is taken in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import contracts, customers, meetings, orders, values
from activities.crm.house import house_rules
from activities.crm.store import lock_customer
from activities.crm.tables import Contract, Customer, Inbox, Meeting, Order
from starter.answers import Refusal
from starter.intake.events import Event, named_meeting
from starter.intake.patches import CustomerPatch

INTRODUCING = (  # events that make known whom they are about; all others wait for one of these
    "customer.signed_up",
    "customer.updated",
    "order.confirmed",
    "order.paid",
    "sale.closed",
    "contract.signed",
    "follow_up.requested",
)


@dataclass(frozen=True)
class Identified:
    customer: Customer
    order: Order | None = None
    contract: Contract | None = None
    is_new: bool = False  # nobody has known the customer until now


@dataclass(frozen=True)
class Unidentified:
    """An unknown customer or order: the event is parked until one of these keys is known."""

    keys: list[str]


async def identify(
    session: AsyncSession, event: Event, row: Inbox, now: datetime
) -> Identified | Unidentified:
    """Customer and order, locked, with what this event says of them."""
    said, at = await normalised(session, event.customer), row.occurred_at
    # Nobody introduces them while we look: what is parked after that look would never be woken.
    await customers.one_at_a_time(session, [*customers.keys_of(said), *_bought(event)])
    order = await orders.find(session, event.order.id) if event.order else None
    contract = await contracts.find(session, event.contract.id) if event.contract else None
    held = named_meeting(event)
    meeting = await meetings.find(session, held, await _of(session, said)) if held else None
    by = order or contract or meeting
    named, is_new = await _whom(session, event.type, said, by, at=at, now=now)
    if (customer := named) is None:
        return Unidentified(_keys(event, said))
    if customer.erased_at is not None:
        return Identified(customer)
    introduces = event.type in INTRODUCING
    if not introduces and ((event.order and not order) or (event.contract and not contract)):
        return Unidentified(_bought(event))
    if event.contract is not None:
        patch, signed = event.contract.said(), event.type == "contract.signed"
        contract = await contracts.know(
            session, patch, customer, at=at, now=now, known=contract is not None, signed=signed
        )
        customer = await _theirs(session, contract, customer)
    if event.order is not None:
        patch, known = event.order.said(), order is not None
        order = await orders.know(session, patch, customer, at=at, now=now, known=known)
        customer = await _theirs(session, order, customer)
    return Identified(customer, order, contract, is_new and customer is named)


async def _theirs(session: AsyncSession, by: Order | Contract, customer: Customer) -> Customer:
    """It stays with whom it was bought by."""
    if by.customer_id == customer.id:
        return customer
    return await lock_customer(session, by.customer_id) or customer


async def _whom(
    session: AsyncSession,
    what: str,
    said: dict[str, Any],
    by: Order | Contract | Meeting | None,
    *,
    at: datetime,
    now: datetime,
) -> tuple[Customer | None, bool]:
    """The customer, if it can be known who is meant, and whether they are new."""
    keys = customers.keys_of(said)
    known = _introduces(what, said) or by is not None
    if keys and not known and await customers.recognise(session, said) is None:
        return None, False
    if keys:
        return await customers.know(
            session, said, at=at, now=now, order=by if isinstance(by, Order) else None
        )
    if by is None:
        return None, False
    customer = await lock_customer(session, by.customer_id)
    if customer and not customer.erased_at:
        customers.take_in(customer, customers.fields_of(said), at=at)
    return customer, False


def _introduces(what: str, said: dict[str, Any]) -> bool:
    """Whether it makes known whom it is about. A change of somebody's details, by a bare account
    id, waits until we hear who that is: as a stranger with no address, they would be two once they
    have bought as a guest."""
    addressed = said.get("email") or said.get("phone")
    return what in INTRODUCING and (what != "customer.updated" or bool(addressed))


async def normalised(session: AsyncSession, patch: CustomerPatch | None) -> dict[str, Any]:
    """What was said of the customer, the phone number as one of their country."""
    if patch is None:
        return {}
    said = patch.said()
    if patch.address is not None:
        said["address"] = patch.address.model_dump(exclude_none=True)
    if patch.phone:
        known = None
        if not patch.country:
            known = await customers.recognise(session, said | {"phone": None})
        country = patch.country or (known.country if known else None)
        country = country or (await house_rules(session)).country
        try:
            said["phone"] = values.phone_of(patch.phone, country)
        except values.UnfitValueError as unfit:
            raise Refusal(unfit.code, unfit.detail, param="customer.phone") from None
    return said


def _keys(event: Event, said: dict[str, Any]) -> list[str]:
    """What an event about something unknown waits for."""
    return customers.keys_of(said) or _bought(event)


async def _of(session: AsyncSession, said: dict[str, Any]) -> str | None:
    """Whom it names, if it names anybody: two of them may call a meeting the same."""
    return (await customers.recognise(session, said) or Customer(id="")).id if said else None


def names_of(event: Event) -> list[str]:
    """All that such an event is found by, without a look at the tables: a telephone number may
    need one."""
    who = event.customer.said() if event.customer else {}
    return [*customers.keys_of(who | {"phone": None}), *_bought(event)]


def _bought(event: Event) -> list[str]:
    named = {"order": event.order, "contract": event.contract}
    meeting = named_meeting(event)
    keys = [f"{what}:{one.id}" for what, one in named.items() if one]
    keys += [f"order:{event.order.reference}"] if event.order and event.order.reference else []
    return keys + ([f"meeting:{meeting}"] if meeting else [])


async def known(session: AsyncSession, found: Identified) -> list[str]:
    """The keys that events may have been parked for until these came."""
    customer = found.customer
    names = [customer.id, *(() if found.is_new else await customers.aliases(session, customer.id))]
    keys = [f"customer:{name}" for name in names]
    keys += [f"email:{customer.email}"] if customer.email else []
    keys += [f"phone:{customer.phone}"] if customer.phone else []
    for what, row in {"order": found.order, "contract": found.contract}.items():
        keys += [f"{what}:{name}" for name in (row.id, row.reference) if name] if row else []
    return keys
