"""What the tests of rendering share: a customer, an order, and how a mail program reads a part."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from typing import Any

from activities.crm.house import HouseRules
from activities.crm.tables import Customer, Order
from activities.rendering import Facts, facts_for

PUBLIC = "https://care.example.org"
SECRET = "a secret for tests"
KEY = "online-customer.cus_1/check-in"


def a_person(**fields: Any) -> Customer:
    return Customer(**{"id": "cus_1", "name": "Ada Lovelace"} | fields)


def a_purchase(**fields: Any) -> Order:
    items = [{"name": "Kettle", "quantity": 1}, {"name": "Teapot", "quantity": 2}]
    known = {"id": "1042", "items": items, "total": "94", "currency": "GBP", "fulfilment": "ship"}
    return Order(**known | fields)


def facts(
    customer: Customer | None = None,
    order: Order | None = None,
    rules: HouseRules | None = None,
    **fields: Any,
) -> Facts:
    known: dict[str, Any] = {"follow_up": "online-customer.cus_1", "key": KEY, "about": ""}
    whom, house = customer or a_person(), rules or HouseRules()
    return facts_for(
        whom, order, house, **known | {"public_url": PUBLIC, "secret": SECRET} | fields
    )


class Page(HTMLParser):
    """The HTML part as a mail program takes it: tags, links, words, anything active."""

    VOID = ("meta", "br", "hr", "img")

    def __init__(self, html: str | None) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.words = ""
        self.title = ""
        self.inside: list[str] = []
        self.feed(html or "")
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        if tag not in self.VOID:
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if "title" in self.inside:
            self.title += data
        elif "style" not in self.inside:
            self.words += data
