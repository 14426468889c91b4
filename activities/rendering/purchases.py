"""What was bought and what is on its way, as a template may say it; what went back is left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel import Locale

from activities.crm.tables import Order
from activities.rendering.speech import amount, day, listed
from activities.rendering.values import Url, clean, link

LISTED = 10
LONGEST_ITEM = 80
LONGEST_LINK = 300


@dataclass(frozen=True)
class Item:
    name: str
    quantity: int


@dataclass(frozen=True)
class Bought:
    """An order as the shop told us of it, in nobody's language yet."""

    number: str
    items: tuple[Item, ...]
    more: int  # how many further items the list leaves out
    total: Decimal | None
    currency: str
    on: date | None
    arrived: date | None

    def said(self, spoken: Locale) -> Purchase:
        named = [f"{i.quantity} × {i.name}" if i.quantity > 1 else i.name for i in self.items]  # noqa: RUF001
        return Purchase(
            number=self.number,
            items=self.items,
            more=self.more,
            contents=listed([*named, "…"] if self.more else named, spoken),
            total="" if self.total is None else amount(self.total, self.currency, spoken),
            date=day(self.on, spoken) if self.on else "",
            delivered=day(self.arrived, spoken) if self.arrived else "",
        )


@dataclass(frozen=True)
class Purchase:
    """An order as a template may use it; an empty text is not known."""

    number: str
    items: tuple[Item, ...]
    more: int
    contents: str
    total: str
    date: str
    delivered: str


@dataclass(frozen=True)
class Parcel:
    """A shipment as the shop told us of it, in nobody's language yet."""

    carrier: str = ""
    number: str = ""
    link: str = ""
    due: date | None = None
    part: bool = False

    def said(self, spoken: Locale) -> Shipment:
        expected = day(self.due, spoken) if self.due else ""
        return Shipment(self.carrier, self.number, self.link, expected, self.part)


@dataclass(frozen=True)
class Shipment:
    """A shipment as a template may use it; an empty text is not known."""

    carrier: str
    number: str
    link: str
    expected: str
    part: bool  # of the order: something else comes, or came, by itself


def bought(order: Order, zone: ZoneInfo) -> Bought:
    items, currency = _items(order), clean(order.currency or "").upper()
    return Bought(
        number=clean(order.number or order.reference or order.id),
        items=tuple(items[:LISTED]),
        more=len(items[LISTED:]),
        total=_total(order) if re.fullmatch("[A-Z]{3}", currency) else None,
        currency=currency,
        on=_day(order.confirmed_at, zone),
        arrived=_day(order.delivered_at, zone),
    )


def parcel(order: Order | None, about: str, zone: ZoneInfo) -> Parcel:
    """The shipment with this id; where none is named, the order's only one; else all is unknown."""
    if order is None:
        return Parcel()
    known = [one for one in order.shipments or [] if isinstance(one, dict)]
    named = [one for one in known if about and str(one.get("id")) == about]
    if not named and (about or len(known) != 1):
        return Parcel(part=len(known) > 1)
    said = named[0] if named else known[0]
    return Parcel(
        carrier=clean(str(said.get("carrier") or "")),
        number=clean(str(said.get("tracking_number") or "")),
        link=address(said.get("tracking_url")),
        due=_expected(said.get("estimated_delivery"), zone),
        part=len(known) > 1,
    )


def product(order: Order | None) -> str:
    """What was bought, in a word: the first item's name."""
    items = _items(order) if order else []
    return items[0].name if items else ""


def _items(order: Order) -> list[Item]:
    said = (i for i in order.items or [] if isinstance(i, dict) and not i.get("gone"))
    read = (Item(_short(item.get("name") or item.get("sku")), _count(item)) for item in said)
    return [item for item in read if item.name and item.quantity > 0]


def _short(text: Any) -> str:
    name = clean(str(text or ""))
    return name if len(name) <= LONGEST_ITEM else name[: LONGEST_ITEM - 1].rstrip() + "…"


def _count(item: Mapping[str, Any]) -> int:
    try:
        return int(item.get("quantity", 1))
    except (TypeError, ValueError, OverflowError):
        return 1


def _total(order: Order) -> Decimal | None:
    """What was paid, unless some of it went back: what it is then, nobody told us."""
    if any(isinstance(item, dict) and item.get("gone") for item in order.items or []):
        return None
    try:
        said = Decimal(order.total or "").quantize(Decimal("0.01"))
    except InvalidOperation:
        return None
    return said if said.is_finite() else None


def _day(moment: datetime | None, zone: ZoneInfo) -> date | None:
    return moment.astimezone(zone).date() if moment else None


def _expected(said: Any, zone: ZoneInfo) -> date | None:
    """A bare day was kept as its beginning in UTC: it is the same day wherever it is read."""
    try:
        moment = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    if moment.tzinfo is None or moment.astimezone(UTC).time() == time():
        return moment.date()
    return moment.astimezone(zone).date()


def address(said: Any) -> str:
    """Where something can be followed, or joined: a web page, in plain sight and of some length,
    or nothing."""
    try:
        parts = urlsplit(str(said or ""))
        fit = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:
        return ""
    page = link(str(said)) if fit else Url("")
    return page if len(page) <= LONGEST_LINK else ""
