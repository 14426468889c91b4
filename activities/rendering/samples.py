"""Invented customers of every sort, to try a template on before anybody reads it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from activities.crm.house import HouseRules
from activities.crm.tables import Customer, Order
from activities.rendering.facts import Facts, facts_for

PUBLIC = "https://care.example.com"
KEY = "online-customer.cus_00000000000000000000/sample"
ITEMS = [{"name": f"Sample item {n}", "quantity": n} for n in range(1, 13)]
BOUGHT = datetime(2026, 11, 23, 12, tzinfo=UTC)
PERSON = Customer(id="cus_00000000000000000000", name="Ada Lovelace")
ORDER = Order(
    id="1042",
    items=ITEMS[:2],
    total="1249.00",
    currency="GBP",
    fulfilment="digital",
    confirmed_at=BOUGHT,
)


def samples(rules: HouseRules, about: str = "", public_url: str = PUBLIC) -> Iterator[Facts]:
    """Named or nameless; signed up, or with an order of which much or little is known."""
    full = {"total": "49.00", "currency": "GBP", "fulfilment": "digital", "confirmed_at": BOUGHT}
    orders = (Order(id="1042", items=ITEMS, **full), Order(id="1042", items=[]), None)
    for person in (PERSON, Customer(id=PERSON.id)):
        for order in orders:
            yield facts_of(person, order, rules, about, public_url)


def facts_of(
    person: Customer, order: Order | None, rules: HouseRules, about: str, public_url: str
) -> Facts:
    """Whoever it is, the links are signed by nobody: a look at a message unsubscribes no one."""
    return facts_for(
        person,
        order,
        rules,
        follow_up=KEY.partition("/")[0],
        key=KEY,
        about=about,
        public_url=public_url,
        secret="only a sample's",  # noqa: S106 - signs nothing that is sent
    )
