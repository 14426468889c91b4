"""An order's parcels, one by one: shipped, ready, delivered; and which of its items are gone.

What is told of the order as a whole holds for every parcel. What is told of one parcel says nothing
of the others: the order is delivered once all that are known of it are.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from typing import Any

from activities.crm.tables import Order, new_id

PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")
SHIPPED, READY, DELIVERED = "shipped_at", "ready_at", "delivered_at"
MOMENTS = {
    "order.shipped": SHIPPED,
    "order.ready_for_pickup": READY,
    "order.delivered": DELIVERED,
    "order.picked_up": DELIVERED,
}
WHOLE = "whole."  # marks, beside the fields' moments, when the order in one piece came so far
GONE = "gone"  # marks which of its items were given back


def take_in(row: Order, said: dict[str, Any], *, at: datetime) -> None:
    """One parcel among several: each is told of by its own id; one of an odd shape gets ours."""
    mark = f"shipments.{said['id']}"
    told = row.told_at.get(mark)
    if told and datetime.fromisoformat(told) > at:
        return
    known = {parcel["id"]: parcel for parcel in row.shipments}
    (name,) = named(row, [said["id"]]) or [said["id"]]
    if name not in known and not PLAIN.fullmatch(name):
        name = new_id("shp")
    odd = {} if name == said["id"] else {"reference": said["id"]}
    known[name] = known.get(name, {}) | said | {"id": name} | odd
    row.shipments = [known[parcel] for parcel in sorted(known)]
    row.told_at = row.told_at | {mark: at.isoformat()}


def named(row: Order, said: Collection[str]) -> list[str]:
    """Our ids of the parcels that are meant."""
    return [p["id"] for p in row.shipments if p["id"] in said or p.get("reference") in said]


def happened(row: Order, what: str, at: datetime, parcels: Collection[str] = ()) -> None:
    """Write down when it, or these parcels of it, came so far: the earliest moment said."""
    field = MOMENTS[what]
    if parcels:
        row.shipments = [
            p | {field: _earlier(p.get(field), at)} if p["id"] in parcels else p
            for p in row.shipments
        ]
    else:
        mark = WHOLE + field
        row.told_at = row.told_at | {mark: _earlier(row.told_at.get(mark), at)}
    if field != DELIVERED:
        setattr(row, field, min(getattr(row, field) or at, at))
    row.delivered_at = delivered(row)


def delivered(row: Order) -> datetime | None:
    """When the last of it was delivered; none while some of it is known to be on its way."""
    whole = _moment(row.told_at.get(WHOLE + DELIVERED))
    if whole is None and not any(parcel.get(DELIVERED) for parcel in row.shipments):
        whole = row.delivered_at  # as releases kept it that knew of no parcels
    moments = [_arrived(parcel, whole) for parcel in row.shipments]
    if None in moments:
        return None
    return max((one for one in moments if one), default=whole)


def is_complete(row: Order, what: str) -> bool:
    """Whether all that is known of the order has come so far."""
    field = MOMENTS[what]
    if field == DELIVERED:
        return delivered(row) is not None
    if WHOLE + field in row.told_at:
        return True
    return all(parcel.get(field) or parcel.get(DELIVERED) for parcel in row.shipments)


def untracked(row: Order, parcels: Collection[str]) -> list[str]:
    """Those that nobody can follow yet; an empty name is the order without known parcels."""
    mine = [parcel for parcel in row.shipments if parcel["id"] in parcels]
    if not mine:
        return [""]
    return [p["id"] for p in mine if not p.get("tracking_number") and not p.get("tracking_url")]


def expected(row: Order) -> datetime | None:
    """The latest estimate of its delivery; of a bare day, its end."""
    estimates = [_moment(parcel.get("estimated_delivery")) for parcel in row.shipments]
    return max((_end(one) for one in estimates if one), default=None)


def take_back(row: Order, names: Collection[str]) -> None:
    """These items, by their article's number or name, are given back: later texts leave them out;
    whatever the shop says of the order afterwards, they stay so."""
    known = row.told_at.get(GONE) or []
    gone = sorted({*known, *names})
    if gone != known:
        row.told_at = row.told_at | {GONE: gone}
    if gone:
        row.items = [
            item | {"gone": True} if {item.get("sku"), item.get("name")} & set(gone) else item
            for item in row.items
        ]


def nothing_left(row: Order) -> bool:
    """Whether all of its items were given back, in however many parts."""
    return bool(row.items) and all(item.get("gone") for item in row.items)


def _arrived(parcel: dict[str, Any], whole: datetime | None) -> datetime | None:
    """By its own news, or with the whole, unless it was sent after that."""
    own, sent = _moment(parcel.get(DELIVERED)), _moment(parcel.get(SHIPPED))
    with_it = whole if whole and (sent is None or sent <= whole) else None
    return own or with_it


def _earlier(known: str | None, at: datetime) -> str:
    before = _moment(known)
    return (min(before, at) if before else at).astimezone(UTC).isoformat()


def _moment(said: str | None) -> datetime | None:
    return datetime.fromisoformat(said) if said else None


def _end(moment: datetime) -> datetime:
    bare = moment.astimezone(UTC).time() == time()
    return moment + timedelta(days=1) if bare else moment
