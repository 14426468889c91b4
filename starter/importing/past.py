"""What a file tells of each customer's past, as far as it says what may still begin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from activities.crm.orders import GRACE
from starter.intake.events import Event
from starter.intake.handling import SIGNALS
from workflows.vocabulary import Fulfilment, Heard

STARTS = ("customer.signed_up", "order.confirmed", "order.paid", "sale.closed", "contract.signed")
UNDONE = ("order.cancelled", "order.refunded")
DELIVERED = ("order.delivered", "order.picked_up")
NEWS = ("order.shipped", "order.ready_for_pickup", *DELIVERED, "order.returned")


@dataclass
class Person:
    """One customer of the file."""

    names: dict[str, None] = field(default_factory=dict)
    known: bool = False  # before the import
    since: datetime | None = None
    by_phone: bool = False
    tier: str = "standard"
    first: datetime | None = None  # when they first bought, or signed up
    complaints: dict[str, datetime] = field(default_factory=dict)
    resolved: dict[str, datetime] = field(default_factory=dict)

    def open_complaints(self) -> list[str]:
        """Those of which the file does not say that they were put right."""
        last = max(self.resolved.values(), default=None) if "" in self.resolved else None
        return [
            name
            for name, at in self.complaints.items()
            if name not in self.resolved and not (last and last >= at)
        ]


@dataclass
class Subject:
    """An order, a contract, or a sign-up: what a follow-up may be of."""

    person: Person
    order_id: str = ""
    contract_id: str = ""
    at: datetime | None = None  # when it began
    starts: dict[str, None] = field(default_factory=dict)  # by which events
    undone: bool = False
    first: bool | None = None  # whether the shop says that it is their first
    fulfilment: Fulfilment = Fulfilment.SHIP
    delivered_at: datetime | None = None
    news: list[Heard] = field(default_factory=list)

    def is_first(self) -> bool:
        """Whether their follow-up as a customer begins here."""
        if self.first is not None:
            return self.first
        old = self.person.since and self.at and self.person.since < self.at - GRACE
        return not (self.person.known or old) and self.at == self.person.first


class Past:
    """The people and their purchases, by every name that the file has for them."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.subjects: dict[str, Subject] = {}

    def everybody(self) -> list[Person]:
        return list({id(person): person for person in self.people.values()}.values())

    def take(self, event: Event, at: datetime, phone: str | None) -> None:
        """What one event says."""
        person = self._person(event, phone)
        if person is None:
            return
        said = event.customer
        if said is not None:
            person.since = said.since or person.since
            person.tier = said.tier or person.tier
            person.by_phone = person.by_phone or said.preferred_channel == "phone"
        if event.type.startswith("complaint."):
            self._complaint(person, event, at)
        if event.type in STARTS or event.type.startswith("order."):
            self._purchase(person, event, at)

    def person_of(self, event: Event, phone: str | None) -> Person | None:
        """Whom an event that was taken is about."""
        said = event.customer
        names = _names(said.id, said.email, phone) if said else []
        known = next((self.people[name] for name in names if name in self.people), None)
        subject = self.subjects.get(_key(event))
        return known or (subject.person if subject else None)

    def _person(self, event: Event, phone: str | None) -> Person | None:
        said = event.customer
        names = _names(said.id, said.email, phone) if said else []
        known = next((self.people[name] for name in names if name in self.people), None)
        if known is None and not names:
            subject = self.subjects.get(_key(event))
            return subject.person if subject else None
        known = known or Person()
        for name in names:
            self.people.setdefault(name, known)
            known.names[name] = None
        return known

    def _complaint(self, person: Person, event: Event, at: datetime) -> None:
        name = str(event.data.get("reference") or "")
        if event.type == "complaint.opened":
            person.complaints[name] = at
        elif event.type == "complaint.resolved":
            person.resolved[name] = at

    def _purchase(self, person: Person, event: Event, at: datetime) -> None:
        key = _key(event)
        subject = self.subjects.setdefault(key, Subject(person))
        if order := event.order:
            subject.order_id = order.id
            subject.first = order.first if order.first is not None else subject.first
            subject.fulfilment = Fulfilment(order.fulfilment or subject.fulfilment)
        if event.contract:
            subject.contract_id = event.contract.id
        if event.type in STARTS:
            began = (event.order and event.order.confirmed_at) or at
            subject.at = min(subject.at or began, began)
            subject.starts[event.type] = None
            person.first = min(person.first or subject.at, subject.at)
        elif event.type in NEWS:
            body = {"id": event.id, "at": at.isoformat(), "order_id": subject.order_id}
            subject.news.append(Heard(name=SIGNALS[event.type], event=body | {"complete": True}))
            if event.type in DELIVERED:
                subject.delivered_at = at
        subject.undone = subject.undone or (event.type in UNDONE and not event.data)

    def begun(self) -> Iterator[Subject]:
        """What may begin something, oldest first."""
        found = [(each.at, number, each) for number, each in enumerate(self.subjects.values())]
        for _, _, subject in sorted(row for row in found if row[0]):
            yield subject


def _names(id_: str | None, email: str | None, phone: str | None) -> list[str]:
    named = {"id": id_, "email": email, "phone": phone}
    return [f"{kind}:{said}" for kind, said in named.items() if said]


def _key(event: Event) -> str:
    if event.order:
        return f"order:{event.order.id}"
    if event.contract:
        return f"contract:{event.contract.id}"
    who: Any = event.customer
    return f"customer:{who and (who.id or who.email or who.phone)}"
