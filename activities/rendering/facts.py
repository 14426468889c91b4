"""The facts a template may use, and nothing else of the customer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from types import SimpleNamespace
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from activities.crm.house import HouseRules
from activities.crm.tables import Customer, Order, message_id
from activities.rendering import tokens
from activities.rendering.registry import TemplateFault
from activities.rendering.speech import amount, day, listed, speech
from activities.rendering.values import DOMAIN, Own, clean, link

Facts = dict[str, Any]

TITLES = frozenset("mr mrs ms miss mx dr prof professor sir dame rev herr frau mme".split())
NOBODY = frozenset("none null nil undefined unknown n/a na guest customer test".split())
NOT_IN_A_NAME = re.compile(r"[<>\[\]{}|\\/@:=%$*_`~^#\"&;?!+\d]")
LONGEST_NAME = 40
LISTED = 10
LONGEST_ITEM = 80
WITH_ACCESS = ("digital", "service")  # what is fulfilled so comes with a way in, as an account does


class Personal(Protocol):
    """A template that is nothing without certain facts."""

    @property
    def personal(self) -> Sequence[str]: ...


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


@dataclass(frozen=True)
class Purchase:
    """An order as a template may use it; an empty text is not known."""

    number: str
    items: tuple[Item, ...]
    more: int
    contents: str
    total: str
    date: str


def in_words(facts: Facts, locale: str | None, language: str) -> Facts:
    """The facts with amounts, dates and lists as the text's language writes them."""
    order = facts["order"]
    if not isinstance(order, Bought):
        return facts
    spoken = speech(locale, language, facts["company"].country)
    named = [f"{i.quantity} × {i.name}" if i.quantity > 1 else i.name for i in order.items]  # noqa: RUF001
    return facts | {
        "order": Purchase(
            number=order.number,
            items=order.items,
            more=order.more,
            contents=listed([*named, "…"] if order.more else named, spoken),
            total="" if order.total is None else amount(order.total, order.currency, spoken),
            date=day(order.on, spoken) if order.on else "",
        )
    }


def facts_for(
    customer: Customer,
    order: Order | None,
    rules: HouseRules,
    *,
    follow_up: str,
    key: str,
    about: str,
    public_url: str,
    secret: str,
) -> Facts:
    """What is true of this customer, this order and this message, for its template to use.

    `key` is the message's: its feedback link carries it, so that an answer finds its question.
    """
    if not secret:
        raise TemplateFault("secret_key_missing")
    house, base = rules.links.model_dump(), public_url.rstrip("/")
    links = {name: link(address) for name, address in house.items() if address}
    links["email"] = link(f"mailto:{rules.company.support_email}")
    links["feedback"] = link(f"{base}/f/{tokens.make_short(secret, 'feedback', message_id(key))}")
    links["unsubscribe"] = link(f"{base}/u/{tokens.make(secret, 'unsubscribe', customer.id)}")
    return {
        "name": spoken_name(customer.preferred_name, customer.name),
        "company": SimpleNamespace(
            name=Own(rules.company.name),
            postal_address=Own(rules.company.postal_address),
            support_email=Own(rules.company.support_email),
            colour=Own(rules.company.colour),
            country=Own(rules.country),
        ),
        "links": SimpleNamespace(**links),
        "order": _bought(order, _zone(customer, rules)),
        "product": _product(order),
        "access": order is None or order.fulfilment in WITH_ACCESS,
        "about": about,
        "follow_up": follow_up,
    }


def lacks(template: Personal, customer: Customer, order: Order | None) -> bool:
    """Whether we know too little for what calls its reader by name, or its product by name."""
    known = {
        "name": lambda: spoken_name(customer.preferred_name, customer.name),
        "product": lambda: _product(order),
    }
    return any(not known[fact]() for fact in template.personal)


def spoken_name(preferred: str | None, full: str | None) -> str:
    """How to say hello: the preferred name, else the first name, else nothing at all."""
    if chosen := _name(preferred):
        return chosen
    surname, comma, given = clean(full or "").partition(",")
    words = (given if comma else surname).split()
    while words and words[0].rstrip(".").lower() in TITLES:
        words.pop(0)
    return _name(words[0]) if words else ""


def _name(text: str | None) -> str:
    """A name if it is one; links, markup and placeholders are not greeted."""
    name = clean(text or "")
    speaks = any(letter.isalpha() for letter in name) and name.lower() not in NOBODY
    odd = NOT_IN_A_NAME.search(name) or DOMAIN.search(name) or len(name) > LONGEST_NAME
    return name if speaks and not odd else ""


def _zone(customer: Customer, rules: HouseRules) -> ZoneInfo:
    try:
        return ZoneInfo(customer.time_zone or rules.time_zone)
    except (LookupError, ValueError, OSError):
        return ZoneInfo(rules.time_zone)


def _bought(order: Order | None, zone: ZoneInfo) -> Bought | None:
    if order is None:
        return None
    items, currency = _items(order), clean(order.currency or "").upper()
    return Bought(
        number=clean(order.reference or order.id),
        items=tuple(items[:LISTED]),
        more=len(items[LISTED:]),
        total=_total(order) if re.fullmatch("[A-Z]{3}", currency) else None,
        currency=currency,
        on=order.confirmed_at.astimezone(zone).date() if order.confirmed_at else None,
    )


def _items(order: Order) -> list[Item]:
    said = (i for i in order.items or [] if isinstance(i, dict) and not i.get("gone"))
    read = (Item(_short(item.get("name") or item.get("sku")), _count(item)) for item in said)
    return [item for item in read if item.name and item.quantity > 0]


def _short(text: Any) -> str:
    name = clean(str(text or ""))
    return name if len(name) <= LONGEST_ITEM else name[: LONGEST_ITEM - 1].rstrip() + "…"


def _count(item: dict[str, Any]) -> int:
    try:
        return int(item.get("quantity", 1))
    except (TypeError, ValueError, OverflowError):
        return 1


def _total(order: Order) -> Decimal | None:
    try:
        said = Decimal(order.total or "").quantize(Decimal("0.01"))
    except InvalidOperation:
        return None
    return said if said.is_finite() else None


def _product(order: Order | None) -> str:
    """What was bought, in a word: the first item's name."""
    items = _items(order) if order else []
    return items[0].name if items else ""
