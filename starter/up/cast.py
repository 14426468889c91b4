"""The cast of the demonstration: who they are, and what happens to them on which day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

STAFF_TAKES = timedelta(hours=3)
EMAIL = {"channel": "email"}
CASE = {**EMAIL, "reference": "RMA-1"}
SLOW = timedelta(hours=30)  # how long the complaint waits for its first answer: up its ladder


@dataclass(frozen=True)
class Life:
    """One customer: who they are, and what they do when."""

    says: str
    customer: dict[str, Any]
    does: tuple[tuple[timedelta, str, dict[str, Any]], ...]
    staffed: bool = True  # somebody does the tasks about them
    waits: timedelta = STAFF_TAKES  # for each, until somebody has time
    logs_in: tuple[int, ...] = field(default=())  # on these days


def _customer(id_: str, name: str, country: str, zone: str, **more: Any) -> dict[str, Any]:
    email = f"{name.split(maxsplit=1)[0].lower()}@example.com"
    consent = {"email_marketing": True, "source": "checkout", "wording": "Keep me posted"}
    known = {"id": id_, "name": name, "email": email, "country": country, "time_zone": zone}
    return {**known, "consent": consent, **more}


def _order(id_: str, total: str, name: str, fulfilment: str = "ship") -> dict[str, Any]:
    item = {"sku": id_, "name": name, "quantity": 1, "price": total}
    order = {"id": id_, "first": True, "total": total, "currency": "GBP", "items": [item]}
    return {"order": {**order, "fulfilment": fulfilment}}


def _parcel(order: str, days: float) -> tuple[timedelta, str, dict[str, Any]]:
    """It leaves, with a number by which it can be followed."""
    sent = {"id": f"P-{order}", "carrier": "Parcel Post", "tracking_number": f"PP{order}"}
    return _after(days), "order.shipped", {"order": {"id": order, "shipments": [sent]}}


def _arrives(order: str, days: float) -> tuple[timedelta, str, dict[str, Any]]:
    return _after(days), "order.delivered", {"order": {"id": order}}


def _after(days: float = 0, **more: float) -> timedelta:
    return timedelta(days=days, **more)


CAST = (
    Life(
        "gets a parcel, and says nothing at all",
        _customer("C-1001", "Ada Byron", "GB", "Europe/London"),
        (
            (_after(), "order.paid", _order("1001", "49.00", "Loom, first steps")),
            _parcel("1001", 1.2),
            _arrives("1001", 3.1),
        ),
    ),
    Life(
        "answers what she is asked",
        _customer("C-1002", "Grace Hopper", "US", "America/New_York"),
        (
            (_after(hours=3), "order.paid", _order("1002", "120.00", "Compiler, annual")),
            _parcel("1002", 1.3),
            _arrives("1002", 4.2),
            (
                _after(8, hours=6),
                "feedback.received",
                {"order": {"id": "1002"}, "data": {"product": 95, "overall": 90, **EMAIL}},
            ),
            (_after(16), "reply.received", {"data": {"text": "All well, thank you!", **EMAIL}}),
        ),
        logs_in=(1, 2, 4, 5, 8, 12, 13, 14),
    ),
    Life(
        "complains, waits for a day, and is satisfied in the end",
        _customer("C-1003", "Charles Babbage", "GB", "Europe/London"),
        (
            (_after(hours=5), "order.paid", _order("1003", "900.00", "Difference engine")),
            _parcel("1003", 1.2),
            _arrives("1003", 3.9),
            (
                _after(4),
                "complaint.opened",
                {
                    "order": {"id": "1003"},
                    "data": {"text": "It arrived in pieces.", "severity": "high", **CASE},
                },
            ),
            (
                _after(9),
                "feedback.received",
                {"data": {"text": "A new one came, it runs.", "satisfied": True, **CASE}},
            ),
        ),
        waits=SLOW,
        logs_in=(10, 11, 12),
    ),
    Life(
        "opts out of marketing",
        _customer("C-1004", "Mary Somerville", "GB", "Europe/London"),
        (
            (_after(1), "order.paid", _order("1004", "35.00", "Star atlas")),
            (_after(3, hours=2), "consent.changed", {"data": {"email_marketing": False}}),
        ),
        staffed=False,
        logs_in=(9, 12, 14, 16, 17, 18),
    ),
    Life(
        "asks a question, and buys again",
        _customer("C-1005", "Alan Turing", "GB", "Europe/London", tier="premium"),
        (
            (_after(1, hours=4), "order.paid", _order("1005", "75.00", "Paper tape")),
            _parcel("1005", 2.2),
            _arrives("1005", 5.1),
            (
                _after(6, hours=2),
                "inquiry.received",
                {"data": {"text": "Is the tape endless?", "reference": "Q-1", **EMAIL}},
            ),
            (
                _after(11),
                "order.paid",
                {"order": {**_order("1006", "240.00", "Tape reader")["order"], "first": False}},
            ),
            _parcel("1006", 12.2),
            _arrives("1006", 14.1),
        ),
        logs_in=(3, 4, 5, 6, 7, 9, 10, 12, 13, 14, 15, 17, 18, 19),
    ),
    Life(
        "waits for access to what she bought",
        _customer("C-1007", "Katherine Johnson", "US", "America/Chicago"),
        (
            (_after(2), "order.paid", _order("1007", "60.00", "Orbits, online", "digital")),
            (_after(2, hours=20), "account.provisioned", {"order": {"id": "1007"}}),
        ),
        logs_in=(3, 5, 6, 8),
    ),
    Life(
        "buys from Sales, and would rather be called",
        _customer(
            "C-1009",
            "Hedy Lamarr",
            "GB",
            "Europe/London",
            phone="+442079460109",
            preferred_channel="phone",
        ),
        (
            (_after(1, hours=1), "sale.closed", _order("1009", "480.00", "Radio, two-way")),
            _parcel("1009", 2.2),
            _arrives("1009", 3.1),
        ),
    ),
    Life(
        "signs a contract, is shown around, and is asked how that was",
        _customer("C-1010", "Radia Perlman", "US", "America/New_York", company="Spanning Trees"),
        (
            (_after(hours=2), "contract.signed", {"contract": {"id": "K-1010"}}),
            (
                _after(7, hours=4),
                "feedback.received",
                {"data": {"overall": 90, "text": "Clear, and in good time.", **EMAIL}},
            ),
        ),
    ),
    Life(
        "waits for a parcel that got lost",
        _customer("C-1008", "Joan Clarke", "GB", "Europe/London"),
        (
            (_after(1, hours=2), "order.paid", _order("1008", "35.00", "Puzzle")),
            _parcel("1008", 2.1),
        ),
    ),
)
