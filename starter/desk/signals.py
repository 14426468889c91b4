"""Signals by name, as events: what a person wrote goes to the CRM, and only ids go on."""

from __future__ import annotations

import difflib
from contextlib import suppress
from typing import Any

from activities.crm.consents import STATED
from activities.crm.tables import Customer, Enrolment, new_id
from activities.rendering import TemplateFault, registry
from starter.answers import Refusal
from starter.desk.commands import VERBS
from starter.intake.events import TYPES
from starter.intake.handling import SIGNALS
from workflows.events import HEARD

CONTROLS = {name: verb for verb, name in VERBS.items()}
EVENTS = {name: what for what, name in reversed(SIGNALS.items())}  # `order_placed`: confirmed
ORDERS = tuple(name for name, what in EVENTS.items() if what.startswith("order."))
OF_CONTRACTS = ("meeting.", "account.", "contract.")  # what is told of one, not of the customer
INNER = ("rhythms", "written")  # only workflows say the one, and only the desk the other


def canonical(name: str) -> str:
    """The signal's or the event's name, or a refusal with those that are near."""
    known = [*(signal for signal in HEARD if signal not in INNER), *TYPES]
    wanted = name.strip().replace("-", "_") if "." not in name else name.strip()
    if wanted in known:
        return wanted
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise Refusal(
        "unknown_signal", f"there is no signal of this name{hint}", param="name", status=404
    )


def as_event(
    name: str, body: dict[str, Any], customer: Customer, follow_up: Enrolment | None
) -> dict[str, Any]:
    """The event that a signal says; its body is read as strictly as an event's."""
    said = {key: value for key, value in body.items() if value is not None}
    event: dict[str, Any] = {
        "id": str(said.pop("id", "") or new_id("sig")),
        "type": EVENTS.get(name, name),
        "customer": {"id": customer.id},
    }
    if at := said.pop("at", None) or said.pop("occurred_at", None):
        event["occurred_at"] = at
    if order := said.pop("order_id", None):
        event["order"] = {"id": order}
    contract = said.pop("contract_id", None) or (follow_up.contract_id if follow_up else None)
    if contract and event["type"].startswith(OF_CONTRACTS):
        event["contract"] = {"id": contract}
    if follow_up is not None:
        event["follow_up"] = follow_up.id
    if name == "opted_out":
        said = _permission(said)
    if "to" in said:
        said["message"] = said.pop("to")
    event["data"] = said
    return event


def _permission(said: dict[str, Any]) -> dict[str, Any]:
    """`opted_out` with its topic, as the consent it takes back."""
    topic = said.pop("topic", "all")
    return said | withdrawn(topic, said.pop("channel", None))


def withdrawn(topic: str, channel: str | None) -> dict[str, Any]:
    """What no longer is allowed when somebody opts out of a topic or a channel, or of all."""
    if channel is not None:
        if channel not in ("email", "sms"):
            raise Refusal("unknown_channel", "email or sms", param="channel")
        return {channel: False}
    if topic == "marketing":
        return {"email_marketing": False, "sms_marketing": False}
    if topic in STATED:
        return {topic: False}
    return {"topics": {topic: False}}


def known_topic(topic: str) -> None:
    """Misspelt by a colleague, it would keep nothing back, and the customer was told it does."""
    with suppress(TemplateFault):  # with the register broken it is taken at its word
        known = [*STATED, "marketing", *sorted({t.topic for t in registry().values() if t.topic})]
        if topic not in known:
            raise Refusal("unknown_topic", f"the topics are {', '.join(known)}", param="topic")
