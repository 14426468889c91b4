"""Invented customers of every sort, to try a template on before anybody reads it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.crm.house import HouseRules
from activities.crm.tables import Case, Customer, Meeting, Order
from activities.rendering.background import NOTHING, Background
from activities.rendering.facts import Facts, facts_for

PUBLIC = "https://care.example.com"
KEY = "online-customer.cus_00000000000000000000/sample"
ITEMS = [{"name": f"Sample item {n}", "quantity": n} for n in range(1, 13)]
BOUGHT = datetime(2026, 11, 23, 12, tzinfo=UTC)
PERSON = Customer(id="cus_00000000000000000000", name="Ada Lovelace")
PARCEL = {
    "id": "parcel-1",
    "carrier": "Sample Parcels",
    "tracking_number": "00340434161094042557",
    "tracking_url": "https://track.example/p/00340434161094042557",
    "estimated_delivery": "2026-11-26T00:00:00Z",
}
UNTRACKED = {"id": "parcel-2"}
ORDER = Order(
    id="1042",
    items=ITEMS[:2],
    shipments=[PARCEL],
    total="1249.00",
    currency="GBP",
    fulfilment="digital",
    confirmed_at=BOUGHT,
    delivered_at=BOUGHT + timedelta(days=3),
)
COMPLAINT, INQUIRY = (
    Case(id=f"case_{kind:020x}", kind=name, opened_at=BOUGHT + timedelta(days=4))
    for kind, name in ((0x3F9A21BC << 48, "complaint"), (0x7C04D5E1 << 48, "inquiry"))
)
CALL = Meeting(
    id="mtg_00000000000000000000",
    starts_at=BOUGHT + timedelta(days=8),
    minutes=60,
    url="https://meet.example.com/j/00340434161094",
)
BACKGROUND = Background(
    times=3, years=2, case=COMPLAINT, agent="Jo Sample", meeting=CALL, host="Jo Sample"
)
LITTLE = Background(
    times=1,
    years=1,
    asked=("satisfaction",),
    case=INQUIRY,
    meeting=Meeting(id=CALL.id, starts_at=CALL.starts_at, minutes=45),
)
MUCH = Background(
    times=12,
    years=11,
    asked=("experience",),
    case=COMPLAINT,
    agent="Jo",
    meeting=CALL,
    host="Jo",
)
# What a text without it is the same for everybody, so that fewer need to be tried.
LEARNT = frozenset("shipment times years asked case agent meeting".split())


def samples(
    rules: HouseRules,
    about: str = "",
    public_url: str = PUBLIC,
    wanted: Collection[str] = LEARNT,
) -> Iterator[Facts]:
    """Named or nameless; signed up, or with an order of which much or little is known; for a text
    that uses more than that (`wanted`), with that and without."""
    full: dict[str, Any] = {"total": "49.00", "currency": "GBP", "fulfilment": "digital"}
    full |= {"id": "1042", "items": ITEMS, "confirmed_at": BOUGHT}
    bare = Order(id="1042", items=[])
    cases: list[tuple[Order | None, Background, str]]
    cases = [(order, NOTHING, about) for order in (Order(**full), bare, None)]
    if LEARNT & set(wanted):
        split = Order(**full, shipments=[PARCEL, UNTRACKED])
        cases += [(ORDER, MUCH, about), (None, LITTLE, about)]
        cases += [(split, LITTLE, about or parcel["id"]) for parcel in (PARCEL, UNTRACKED)]
    for person in (PERSON, Customer(id=PERSON.id)):
        for order, background, topic in cases:
            yield facts_of(person, order, rules, topic, public_url, background=background)


def facts_of(
    person: Customer,
    order: Order | None,
    rules: HouseRules,
    about: str,
    public_url: str,
    *,
    background: Background = NOTHING,
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
        background=background,
    )
