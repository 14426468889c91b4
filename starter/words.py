"""Codes in plain words: one table, so that terminal, API and console say the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

OUTCOMES = {
    "sent": "It was sent",
    "covered": "Another message says it already",
    "handed": "It was given to a person",
    "refused": "It was not sent",
    "held": "It is waiting",
    "deferred": "It was put off",
    "withdrawn": "It was taken back",
    "released": "The hold was released",
    "blocked": "It could not be done",
    "skipped": "It was skipped",
    "done": "It was done",
    "unknown": "Nobody knows whether it arrived",
    "started": "The follow-up began",
    "none": "Nothing was begun",
}

REASONS = {
    "answered": "the customer had answered already",
    "no_consent": "the customer never agreed to marketing",
    "consent_refused": "the customer does not want marketing",
    "consent_needed": "the customer's country asks for consent first, and none was given",
    "opted_out": "the customer opted out",
    "unsubscribed": "the customer unsubscribed",
    "suppressed": "the address is on the list of those never to be written to",
    "bounced": "the address does not take mail",
    "erased": "the customer was erased",
    "stale": "it came too late to be of use",
    "expired": "it came too late to be of use",
    "capacity": "the team had more important customers to see to that day",
    "vip": "a VIP hears it from a person, not from a machine",
    "sensitive": "the case is sensitive, and only what must be said is said",
    "cap": "the customer had another message within the last 24 hours",
    "quiet_hours": "it was outside the hours in which customers are written to",
    "hours": "it was outside the hours in which customers are written to",
    "spread": "the morning's messages are spread over half an hour",
    "slot": "another message goes first",
    "no_address": "there is no address to send it to",
    "no_engagement_data": "nothing is known about how the customer uses the product",
    "not_low": "the customer uses the product",
    "engaged": "the customer uses the product",
    "stopped": "the stop button is pressed",
    "held": "it is on hold",
    "hold": "it is on hold",
    "complaint": "a complaint is open",
    "manual": "somebody put it on hold",
    "declined": "the person asked decided against it",
    "nobody_came": "nobody did it in time",
    "skipped": "somebody skipped it",
    "skip": "somebody skipped it",
    "by_hand": "somebody decided so",
    "ended": "the follow-up was ended",
    "completed": "the follow-up is over",
    "if_called_for": "only if something calls for it",
    "not_called_for": "nothing called for it",
    "off": "the policy leaves it out",
    "existing_customer": "they were a customer before",
    "sop_off": "this procedure is switched off",
    "sop_has_blanks": "this procedure's policy is not filled in yet",
    "before_go_live": "it happened before the service went live",
    "cancelled": "the order was cancelled",
    "refunded": "the order was refunded",
    "returned": "the order was returned",
    "not_released": "only test addresses are written to for now",
    "template_changed_kind": "the template is of another kind by now",
    "no_offer": "no offer suits the customer",
    "open_ask": "the same was asked in another message",
    "covered": "another message says it already",
    "unknown": "the provider never said what became of it",
    "not_yet_due": "its time has not come",
}

FACTS = {
    "until": "until {}",
    "at": "at {}",
    "slot": "promised for {}",
    "last_contact": "last message at {}",
    "last_at": "last message at {}",
    "holds": "on hold by {}",
    "stops": "stop button {}",
    "by": "by {}",
    "kind": "a {} message",
    "channel": "channel {}",
    "topic": "topic {}",
    "zone": "their time zone {}",
    "score": "score {}",
    "tier": "tier {}",
    "covered_by": "see {}",
}


def reason(code: str | None) -> str:
    """A reason in words; a code that the table lacks is at least read out."""
    if not code:
        return ""
    for key in (code, code.replace(" ", "_"), code.split(":")[0].split("=")[0]):
        if key in REASONS:
            return REASONS[key]
    return code.replace("_", " ")


def sentence(outcome: str, code: str | None, facts: Mapping[str, Any]) -> str:
    """What was decided, why, and by which facts, for somebody who answers the telephone."""
    words = OUTCOMES.get(outcome, outcome.replace("_", " ").capitalize())
    if code and code != outcome:
        words += f": {reason(code)}"
    known = [_fact(name, value) for name, value in facts.items() if value not in (None, "", [])]
    return f"{words} ({'; '.join(known)})." if known else f"{words}."


def _fact(name: str, value: Any) -> str:
    shown = _value(value)
    return FACTS[name].format(shown) if name in FACTS else f"{name.replace('_', ' ')}: {shown}"


def _value(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M %Z}"
        case str():
            return _moment(value)
        case list() | tuple():
            return ", ".join(_value(one) for one in value)
        case Mapping():
            return ", ".join(f"{name} {_value(one)}" for name, one in value.items())
        case _:
            return str(value)


def _moment(value: str) -> str:
    """An instant as people read it; any other word as it is."""
    try:
        moment = datetime.fromisoformat(value) if len(value) > 18 else None
    except ValueError:
        moment = None
    return value if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def masked(address: str | None) -> str | None:
    """Enough of an address to recognise it, too little to use it."""
    if not address:
        return None
    name, at, domain = address.partition("@")
    if at:
        return f"{name[:1]}•••@{domain[:1]}•••.{domain.rpartition('.')[2]}"
    return f"{address[:3]}•••{address[-2:]}" if len(address) > 7 else "•••"
