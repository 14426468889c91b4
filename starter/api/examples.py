"""Examples for the API's reference: each runs as it stands."""

from __future__ import annotations

from fastapi.openapi.models import Example

CUSTOMER = {
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "country": "GB",
    "time_zone": "Europe/London",
}
PAID = {
    "id": "evt_1001",
    "type": "order.paid",
    "occurred_at": "2026-11-23T10:15:00+00:00",
    "customer": CUSTOMER,
    "order": {
        "id": "1001",
        "first": True,
        "total": "49.00",
        "currency": "GBP",
        "items": [{"sku": "STARTER", "name": "Starter plan", "quantity": 1, "price": "49.00"}],
    },
}
LOGIN = {
    "id": "evt_1002",
    "type": "engagement.login",
    "occurred_at": "2026-11-24T08:00:00+00:00",
    "customer": {"email": "ada@example.com"},
}

EVENTS: dict[str, Example] = {
    "one": Example(summary="An order was paid", value=PAID),
    "batch": Example(summary="Several at once", value={"events": [PAID, LOGIN]}),
}
STARTS: dict[str, Example] = {
    "by hand": Example(
        summary="Begin with a customer", value={"sop": "online-customer", "customer": CUSTOMER}
    ),
    "other timing": Example(
        summary="With another timing",
        value={"sop": "online-customer", "customer": CUSTOMER, "policy": {"check_in": "10d"}},
    ),
}
SIGNALS: dict[str, Example] = {
    "empty": Example(summary="Nothing to add", value={}),
    "words": Example(
        summary="With what the customer said",
        value={"text": "It arrived broken", "severity": "high"},
    ),
}
LETTERS: dict[str, Example] = {
    "own words": Example(
        summary="In your own words",
        value={"subject": "Your kettle", "text": "Dear Ada, the lid is on its way to you."},
    ),
    "answer": Example(
        summary="To a case, when several are open",
        value={"case": "case_3f9c1b7a5d2e4c6f8a90", "text": "Dear Ada, we are sorry to hear it."},
    ),
}
TOLD: dict[str, Example] = {
    "on the telephone": Example(
        summary="What they said on the telephone",
        value={"product": 80, "overall": 60, "text": "Fine, but it came late.", "channel": "phone"},
    ),
    "with its class": Example(
        summary="With what it is",
        value={"text": "The second parcel is lost.", "type": "delivery", "urgency": "high",
               "potential": "possible"},
    ),
}  # fmt: skip
CLASSES: dict[str, Example] = {
    "class": Example(
        summary="What it is",
        value={"type": "delivery", "urgency": "low", "potential": "none"},
    ),
    "actions": Example(
        summary="With what is to be done",
        value={"type": "product", "urgency": "medium", "potential": "possible",
               "actions": "Tell the makers about the lid"},
    ),
}  # fmt: skip
CONTROLS: dict[str, Example] = {
    "why": Example(summary="With the reason", value={"reason": "The customer asked us to wait"}),
    "clause": Example(
        summary="For one clause (skip, run-now, retry)",
        value={"clause": "5.4.1", "reason": "We spoke this morning"},
    ),
}
OUTCOMES: dict[str, Example] = {
    "as drafted": Example(summary="Send it as it was drafted", value={}),
    "edited": Example(
        summary="Send it in other words",
        value={"subject": "How are you getting on?", "text": "Dear Ada, …"},
    ),
    "declined": Example(
        summary="Do not send it", value={"declined": True, "note": "We spoke yesterday"}
    ),
}
OUTCOMES |= {
    "a complaint put right": Example(
        summary="Put a complaint right (form `resolve`)",
        value={"root_cause": "delivery", "resolution": "We sent a new one by courier"},
    ),
    "a call": Example(
        summary="What a call came to (form `call`)",
        value={"reached": "yes", "product": 80, "overall": 90, "comment": "Easy to set up"},
    ),
    "a meeting": Example(
        summary="A meeting was arranged (form `schedule`)",
        value={
            "starts_at": "2026-12-01T10:30:00Z",
            "minutes": 60,
            "url": "https://meet.example.com/1",
        },
    ),
    "systems": Example(
        summary="The customer is set up (form `set_up`)", value={"done": ["billing", "support"]}
    ),
    "nobody there": Example(
        summary="Nobody was there: it comes back", value={"reached": "voicemail"}
    ),
}
CHANGES: dict[str, Example] = {
    "timing": Example(
        summary="Check in after ten days",
        value={"values": {"check_in": "10d"}, "reason": "Customers asked for it sooner"},
    )
}
PRIVACY: dict[str, Example] = {
    "copy": Example(
        summary="They want a copy of their data",
        value={"kind": "access", "received": "2026-11-23", "channel": "email"},
    ),
    "objection": Example(summary="They object", value={"kind": "object"}),
}
