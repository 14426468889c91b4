"""How far an order has come, as follow-ups are told of it: which parcels, what of them can be
followed, whether that is all; and the same once more for one that begins later, as what became of
a contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import accounts, meetings, orders, parcels
from activities.crm.establishments import DONE
from activities.crm.tables import Contract, Establishment, Order
from workflows.vocabulary import Fulfilment, Heard

UNDONE = {
    "cancelled_at": "order_cancelled",
    "refunded_at": "order_refunded",
    "returned_at": "order_returned",
}


def of_parcels(row: Order, what: str, named: Sequence[str], *, partial: bool) -> dict[str, Any]:
    """The body of a signal that some of it, or all, was shipped, is ready, or was delivered."""
    known = [parcel["id"] for parcel in row.shipments]
    mine = [name for name in known if name in named] or ([] if partial else known)
    expected = parcels.expected(row)
    return {
        "shipments": mine,
        "untracked": parcels.untracked(row, mine),
        "expected": expected.isoformat() if expected else None,
        "complete": not partial and parcels.is_complete(row, what),
    }


def before_its_start(row: Order) -> list[Heard]:
    """What happened to it until now, from its row: nothing is lost that others were told."""
    told = [
        Heard(name=name, event=_said(row, name, at) | body)
        for name, at, body in (*_progress(row), *_undone(row))
    ]
    if given := orders.provisioned(row):
        told.append(
            Heard(name="account_provisioned", event=_said(row, "account_provisioned", given))
        )
    return told


def _said(row: Order, name: str, at: datetime) -> dict[str, Any]:
    return {"id": f"{row.id}-{name}", "at": at.isoformat(), "order_id": row.id}


def _progress(row: Order) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
    picked_up = row.fulfilment == Fulfilment.PICKUP
    for name, what in (
        ("order_shipped", "order.shipped"),
        ("order_ready", "order.ready_for_pickup"),
        ("order_picked_up" if picked_up else "order_delivered", "order.delivered"),
    ):
        field = parcels.MOMENTS[what]
        if whole := row.told_at.get(parcels.WHOLE + field):
            body = of_parcels(row, what, [], partial=False)
            yield name, datetime.fromisoformat(whole), body
        for parcel in row.shipments:
            if own := parcel.get(field):
                body = of_parcels(row, what, [parcel["id"]], partial=False)
                one = {"id": f"{row.id}-{name}-{parcel['id']}"}
                yield name, datetime.fromisoformat(own), body | one


def _undone(row: Order) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
    for field, name in UNDONE.items():
        if at := getattr(row, field):
            yield name, at, {}


async def of_contract(session: AsyncSession, contract: Contract) -> list[Heard]:
    """What happened to a contract until now, for a follow-up that begins only now."""
    told = [_set_up(row) for row in await accounts.of_contract(session, contract.id)]
    return [heard for heard in told if heard] + [
        Heard(
            name=f"meeting_{row.state}",
            event={"id": f"{row.id}-{row.state}", "at": row.told_at["state"], **meetings.news(row)},
        )
        for row in await meetings.of_contract(session, contract.id)
    ]


def _set_up(row: Establishment) -> Heard | None:
    done: datetime | None = row.done_at if row.state == DONE else None
    if done is None:
        return None
    body = {"system": row.system, "contract_id": row.contract_id or ""}
    event = {"id": f"{row.id}-done", "at": done.isoformat(), **body}
    return Heard(name="account_provisioned", event=event)
