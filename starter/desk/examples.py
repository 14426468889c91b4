"""What may be said of a task, by its form: an example that can be sent as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from workflows.vocabulary import Form

CLASS = {"type": "product", "urgency": "low", "potential": "none"}
CALL = {"reached": "yes", "product": 80, "overall": 90, "comment": "Easy to set up"}
EXAMPLES: dict[Form, dict[str, Any]] = {
    Form.FREE: {"note": "We spoke this morning: all is well"},
    Form.ANSWER: {"subject": "Your question", "text": "Dear Ada, …"},
    Form.RESOLVE: {"root_cause": "delivery", "resolution": "We sent a new one by courier"},
    Form.CONFIRM: {"satisfied": True},
    Form.CALL: CALL,
    Form.ARRIVAL: {"arrived": True},
    Form.REVIEW: {"score": 90},
    Form.PRIVACY: {"outcome": "granted"},
    Form.CLASSIFY: CLASS,
    Form.SALES_CALL: CALL
    | CLASS
    | {
        "method": "phone",
        "opportunity": True,
        "wanted": "A second one for the office",
        "referral": "asked",
        "actions": "Send the price list",
    },
    Form.TRANSFER: {
        "account_manager": "mo@example.com",
        "office": "london",
        "contacts": [{"name": "Bo Li", "role": "Head of Design", "email": "bo@example.com"}],
        "needs": "Ten seats by May",
    },
    Form.MEETING: {"outcome": "held", "note": "Showed them the reports; they asked for exports"},
}


def example(form: Form, brief: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What could be said of such a task now."""
    if form is Form.SET_UP:
        return {"done": list(brief.get("left", brief.get("checks", [])))}
    if form is Form.SCHEDULE:
        at = (now + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
        return {"starts_at": at.isoformat(), "minutes": 60, "url": "https://meet.example.com/1"}
    return EXAMPLES[form]
