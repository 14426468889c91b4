"""Invented customers of every sort, to try a template on before anybody reads it."""

from __future__ import annotations

from collections.abc import Iterator

from activities.crm.house import HouseRules
from activities.crm.tables import Customer, Order
from activities.rendering.facts import Facts, facts_for

PUBLIC = "https://care.example.com"
ITEMS = [{"name": f"Sample item {n}", "quantity": n} for n in range(1, 13)]


def samples(rules: HouseRules, about: str = "") -> Iterator[Facts]:
    """Named or nameless; signed up, or with an order of which much or little is known."""
    key = "online-customer.cus_00000000000000000000/sample"
    for name in ("Ada Lovelace", None):
        for order in _orders():
            yield facts_for(
                Customer(id="cus_00000000000000000000", name=name),
                order,
                rules,
                follow_up=key.partition("/")[0],
                key=key,
                about=about,
                public_url=PUBLIC,
                secret="only a sample's",  # noqa: S106 - signs nothing that is sent
            )


def _orders() -> tuple[Order | None, ...]:
    return (
        Order(id="1042", items=ITEMS, total="49.00", currency="GBP", fulfilment="digital"),
        Order(id="1042", items=[], fulfilment="ship"),
        None,
    )
