"""Codes in plain words: one table, so that terminal, API and console say the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from starter.reports import case

# What is said of the message, or of the step, that was decided about.
OUTCOMES = {
    "allowed": "may go",
    "blocked": "could not be done; an engineer has to mend it",
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
}

REASONS = {
    "account_provisioned": "nobody has said yet that they have access",
    "active": "the customer came back",
    "already_covered": "another message said it already",
    "already_done": "it was done already",
    "already_elsewhere": "another system did it already",
    "already_skipped": "it was skipped already",
    "answered": "the customer had answered already",
    "answered_elsewhere": "a person answered elsewhere",
    "answered_in_time": "it was answered before",
    "asked_recently": "the customer was asked not long ago",
    "automatic_reply": "it was an automatic reply",
    "away": "the colleague who had it is away",
    "before_go_live": "it happened before the service went live",
    "bought_again": "the customer bought again",
    "bounced": "the address does not take mail",
    "by_hand": "somebody decided so",
    "cancelled": "the order was cancelled",
    "cap": "the customer gets one such message in 24 hours",
    "capacity": "the team had more important customers to see to that day",
    "case": "somebody sees to it as a case of its own",
    "case_closed": "the case is closed",
    "case_not_named_a_person_is_told": "nobody said which case: a person looks into it",
    "complaint": "a complaint is open",
    "complaint_open": "this complaint is open already",
    "completed": "the follow-up came to its end",
    "covered": "another message says it already",
    "declined": "the person who was asked decided against it",
    "delivered_first": "it had arrived before that could be told",
    "elsewhere": "another system does it",
    "ended": "the follow-up was ended",
    "ended_a_person_is_told": "the follow-up was over: a person looks into it",
    "ended_by_staff": "somebody ended the follow-up",
    "engaged": "the customer uses the product",
    "erased": "the customer was erased",
    "existing_customer": "they were a customer before",
    "failed_a_person_is_told": "it could not be carried out: an engineer looks into it",
    "forbidden": "the provider does not let us",
    "go_live": "it happened before the service went live",
    "happy": "the customer is satisfied",
    "heard": "it was heard of meanwhile",
    "heavy_use": "the customer uses the product a lot",
    "held_by_complaint_of_customer": "a complaint is open: it is released when that is resolved",
    "held_by_manual_of_customer": "the whole customer is on hold: resume them",
    "high_spend": "the customer spends a lot",
    "if_called_for": "only if something calls for it",
    "impersonal": "the customer's name or the product is not known: a person is to write it",
    "in_use": "the customer uses the product",
    "keen": "the customer uses the product a lot, and likes it",
    "landline": "the number takes no text messages",
    "low": "the customer hardly uses the product",
    "low_engagement": "the customer hardly uses the product",
    "manual": "somebody put it on hold",
    "never_delivered": "nobody ever said that it arrived",
    "never_shipped": "nobody ever said that it was sent",
    "no_address": "there is no address or number that it could go to",
    "no_answer": "no answer came",
    "no_connection": "no connection could be made",
    "no_consent": "the customer never agreed to it",
    "no_customer": "the customer is not known any more",
    "no_engagement_data": "nothing is known about how the customer uses the product",
    "no_open_inquiry": "nothing was waiting for an answer",
    "no_open_task": "no task is open",
    "no_such_address": "there is no such mailbox",
    "no_such_number": "there is no such number",
    "nobody_came": "nobody did it in time",
    "nobody_there": "nobody answered the telephone",
    "normal": "the customer uses the product",
    "not_asked": "they were not asked",
    "not_called_for": "nothing called for it",
    "not_first_order": "they had ordered before",
    "not_in_the_sample": "the sample left it out",
    "not_needed": "no answer was needed",
    "not_now": "the mailbox takes nothing just now",
    "not_on_hold": "it was not on hold",
    "not_released": "not released: it is in the outbox, only test addresses are written to",
    "not_satisfied": "the customer is not satisfied",
    "nothing_blocked": "nothing waits to be mended",
    "nothing_next": "nothing is being waited for",
    "nothing_to_ship": "nothing is sent by post, and nothing is to be fetched",
    "off": "the policy leaves it out",
    "open_case": "a complaint or inquiry is open",
    "opted_out": "the customer opted out",
    "order_cancelled": "the order was cancelled or refunded",
    "order_delivered": "nobody has said yet that it arrived",
    "order_missing": "it needs an order, and none was named",
    "order_ready": "nobody has said yet that it can be collected",
    "order_refunded": "the order was refunded",
    "order_shipped": "nobody has said yet that it was sent",
    "overdue": "it was not done in time",
    "promise": "it was promised for an earlier moment",
    "provider": "the provider refused it",
    "provider_away": "the provider could not be reached",
    "provider_busy": "the provider had too much to do",
    "quiet_hours": "the customer is not written to at that hour",
    "rate": "others are sent before it",
    "refunded": "the order was refunded",
    "resolved_elsewhere": "it was put right elsewhere",
    "resolved_in_time": "it was put right before",
    "returned": "the order was cancelled, refunded or returned",
    "same_email": "two customers have the same e-mail address",
    "sensitive": "the case is sensitive: only what must be said is said",
    "skipped": "somebody skipped it",
    "sop_has_blanks": "the policy of this procedure is not filled in yet",
    "sop_off": "this procedure is switched off",
    "stale": "it came too late to be of use",
    "stopped": "the customer answered STOP",
    "suppressed": "the address is on the list of those never to be written to",
    "tier": "the customer is a premium customer",
    "tried_again_later": "nobody was reached: somebody tries again when the office next opens",
    "undeliverable": "no address that we have takes it",
    "unhappy": "the customer is not satisfied",
    "unknown": "nobody knows yet",
    "unknown_for_30_days": "nobody knew whom or what it was about for 30 days",
    "unproven": "another system does it, and has not said so yet",
    "unsubscribed": "the customer unsubscribed",
    "vip": "a VIP hears it from a person",
    "voicemail": "only the voicemail answered",
    "went_back": "the last order was cancelled, refunded or returned",
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
        return f"`{step}` of {follow_up}"
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
