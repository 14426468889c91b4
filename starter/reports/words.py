"""Codes in plain words: one table, so that terminal, API and console say the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from starter.reports import case
from starter.reports.reasons import REASONS

# What is said of the message, or of the step, that was decided about.
OUTCOMES = {
    "allowed": "may go",
    "blocked": "could not be done; an engineer has to mend it",
    "bounced": "came back, or was never handed on",
    "completed": "came to its end",
    "covered": "is said by another message already",
    "deferred": "was put off",
    "done": "was done",
    "elsewhere": "was done by another system",
    "ended": "was ended",
    "engagement": "asked how much the customer uses the product",
    "handed": "was given to a person",
    "held": "is kept back",
    "in_doubt": "may have gone or not: its provider did not say, and is asked",
    "not_started": "was not begun",
    "opted_out": "ended, because nothing that was left may be sent",
    "policy_kept": "kept the policy it has: what was said for it alone does not fit the new one",
    "policy_moved": "follows the policy as it was changed, from now on",
    "potential": "asked what else would serve the customer",
    "refused": "was not sent",
    "rejected": "was refused by the provider, on this channel",
    "released": "was taken back from the person",
    "sent": "was sent",
    "skipped": "was skipped",
    "unknown": "may or may not have arrived",
    "waiting": "waits",
    "escalated": "was passed up, because nobody had done it",
    "not_reached": "was tried: nobody was reached on the telephone",
    "reassigned": "was given to somebody else",
    "snoozed": "was put off by a colleague",
    "set_up": "was done by the house's own system",
    "by_person": "is for a person to do",
}

# What a customer allowed or took back, and where they said so.
SCOPES = {
    "all": "everything but what concerns orders",
    "email": "e-mail as a whole",
    "email_marketing": "offers by e-mail",
    "letter_marketing": "offers by letter",
    "relationship": "help and questions after a purchase",
    "sms": "text messages as a whole",
    "sms_marketing": "offers by text message",
}

SOURCES = {
    "reply": "in an answer by e-mail",
    "sms": "by SMS",
    "one-click": "with one click in their mail program",
    "preferences": "on the page of choices that our messages link to",
}

PREFIXES = {
    "case_": "an open complaint",
    "hold_": "a hold",
    "stop_": "the stop button",
    "pause_": "the provider refuses our account: an engineer has been called",
    "trip_": "a message was accepted twice: an engineer has been called",
}

FACTS = {
    "after": "after {}",
    "call": "a colleague may call them until {}",
    "cap": "at most {} a day",
    "channel": "by {}",
    "due": "due {}",
    "kind": "a {} message",
    "late_by_seconds": "late by {}",
    "orders": "{} orders",
    "points": "{} points",
    "released": "stored in the outbox, because only test addresses are written to for now",
    "score": "score {}",
    "spent": "spent {}",
    "fault": "{}",
    "from": "not before {}",
    "since": "what was asked before {} does not count",
    "until": "until {}",
    "version_before": "until then version {} of it",
    "via": "through {}",
    "waited": "before that {}",
    "zone": "in their time zone, {}",
}

VALUES = ("fault", "waited")  # facts that are codes with words of their own
UNSAID = ("template", "why", "reasons", "version", "task", "hold", "case")  # said, or no word


def reason(code: str | None) -> str:
    """A reason in words; a code that the table lacks is at least read out."""
    return ", ".join(_reason(part) for part in (code or "").split(", ") if part)


def _reason(code: str) -> str:
    known = REASONS.get(code) or REASONS.get(code.replace(" ", "_"))
    if known:
        return known
    if "/hold/" in code:  # the id of one that a workflow was told of directly
        return REASONS["manual"]
    if "/" in code:  # the key of the message that says it
        follow_up, step, *_ = code.split("/")
        said = "a colleague's task" if step == "task" else f"`{step}`"
        return f"{said} of {follow_up}"
    of = [words for prefix, words in PREFIXES.items() if code.startswith(prefix)]
    return of[0] if of else code.replace("_", " ")


def consent(scope: str, source: str | None, *, given: bool) -> str:
    """What a customer said of one scope, and where."""
    about = SCOPES.get(scope) or scope.replace("topic:", "the topic ")
    said = f"{about}: {'allowed' if given else 'taken back'}"
    return f"{said} {SOURCES[source]}" if source in SOURCES else said


def sentence(
    outcome: str, code: str | None, facts: Mapping[str, Any], template: str | None = None
) -> str:
    """What was decided, why, and by which facts, for somebody who answers the telephone."""
    if case.is_of(outcome):
        return case.sentence(outcome, code, facts)
    template = facts.get("template") or template
    words = f"`{template}`" if isinstance(template, str) else "This"
    words += f" {OUTCOMES.get(outcome) or outcome.replace('_', ' ')}"
    why = facts.get("reasons") or facts.get("why") or code
    if why and why != outcome:
        words += f": {reason(', '.join(why) if isinstance(why, list) else str(why))}"
    known = [_fact(name, value) for name, value in facts.items() if _tells(name, value)]
    return f"{words} ({'; '.join(known)})." if known else f"{words}."


def _tells(name: str, value: Any) -> bool:
    if name == "attempt" and value == 1:
        return False
    if name == "released":  # it says so only where it is not
        return value is False
    return name not in UNSAID and value not in (None, "", [], {}, False)


def _fact(name: str, value: Any) -> str:
    if name == "consents":
        return ", ".join(consent(scope, None, given=given) for scope, given in value.items())
    if name == "late_by_seconds":
        value = case.span(timedelta(seconds=int(value)))
    shown = reason(str(value)) if name in VALUES else _value(value)
    return FACTS[name].format(shown) if name in FACTS else f"{name.replace('_', ' ')} {shown}"


def _value(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return _moment(value)
        case list():
            return ", ".join(_value(one) for one in value)
        case Mapping():
            return ", ".join(f"{name} {_value(one)}" for name, one in value.items())
        case _:
            return str(value)


def _moment(value: str) -> str:
    """An instant as people read it; any other word as it is."""
    try:
        return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M} UTC" if len(value) > 18 else value
    except ValueError:
        return value


def masked(address: str | None) -> str | None:
    """Enough of an address to recognise it, too little to use it."""
    if not address:
        return None
    name, at, domain = address.partition("@")
    if at:
        return f"{name[:1]}•••@{domain[:1]}•••.{domain.rpartition('.')[2]}"
    return f"{address[:3]}•••{address[-2:]}" if len(address) > 7 else "•••"
