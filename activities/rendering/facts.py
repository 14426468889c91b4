"""The facts a template may use, and nothing else of the customer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import SimpleNamespace
from typing import Any

from activities.crm.house import HouseRules
from activities.crm.tables import Customer, Order
from activities.rendering import tokens
from activities.rendering.registry import TemplateFault
from activities.rendering.values import DOMAIN, Own, clean, link

Facts = dict[str, Any]

TITLES = frozenset("mr mrs ms miss mx dr prof professor sir dame rev herr frau mme".split())
NOBODY = frozenset("none null nil undefined unknown n/a na guest customer test".split())
NOT_IN_A_NAME = re.compile(r"[<>\[\]{}|\\/@:=%$*_`~^#\"&;?!+\d]")
LONGEST_NAME = 40
LISTED = 10
LONGEST_ITEM = 80
SIGNS = {"GBP": "£", "EUR": "€", "USD": "$"}
WITH_ACCESS = ("digital", "service")  # what is fulfilled so comes with a way in, as an account does


@dataclass(frozen=True)
class Item:
    name: str
    quantity: int


@dataclass(frozen=True)
class Purchase:
    number: str
    items: tuple[Item, ...]
    more: int  # how many further items the list leaves out
    total: str  # empty: not known


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
    links["feedback"] = link(f"{base}/f/{tokens.make(secret, 'feedback', key)}")
    links["unsubscribe"] = link(f"{base}/u/{tokens.make(secret, 'unsubscribe', customer.id)}")
    return {
        "name": spoken_name(customer.preferred_name, customer.name),
        "company": SimpleNamespace(
            name=Own(rules.company.name),
            postal_address=Own(rules.company.postal_address),
            support_email=Own(rules.company.support_email),
            colour=Own(rules.company.colour),
        ),
        "links": SimpleNamespace(**links),
        "order": _purchase(order),
        "product": _product(order),
        "access": order is None or order.fulfilment in WITH_ACCESS,
        "about": about,
        "follow_up": follow_up,
    }


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


def _purchase(order: Order | None) -> Purchase | None:
    if order is None:
        return None
    items = _items(order)
    return Purchase(
        number=clean(order.reference or order.id),
        items=tuple(items[:LISTED]),
        more=len(items[LISTED:]),
        total=_total(order),
    )


def _items(order: Order) -> list[Item]:
    said = (item for item in order.items or [] if isinstance(item, dict))
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


def _total(order: Order) -> str:
    currency = clean(order.currency or "").upper()
    try:
        amount = Decimal(order.total or "").quantize(Decimal("0.01"))
    except InvalidOperation:
        return ""
    if not re.fullmatch("[A-Z]{3}", currency) or not amount.is_finite():
        return ""
    sign = SIGNS.get(currency)
    return f"{sign}{amount:,}" if sign else f"{amount:,} {currency}"


def _product(order: Order | None) -> str:
    """What was bought, in a word: the first item's name."""
    items = _items(order) if order else []
    return items[0].name if items else ""
