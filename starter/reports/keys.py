"""What the keys of the policies and of the house rules mean, in plain words, and the clause of its
document that each belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from activities.crm.house import HOUSE
from starter.reports.keys_house import HOUSE_KEYS


class Meaning(NamedTuple):
    """What a key says, and under which clause; a key that nobody knows means nothing."""

    label: str = ""
    clause: str = ""


COMMON = {  # what every procedure's policy has
    "grace": ("how late a step is still welcome if nothing follows it",),
    "elsewhere": ("clauses that another system carries out",),
    "starts_on": ("events that start it; none: those of the document",),
}
CONTRACT = {  # what is set up, and the calls, of whoever has a contract
    "systems": ("systems in which the customer gets an account", "4.2"),
    "system_time": ("how long a system is tried before a person does it", "4.2"),
    "set_up_time": ("working days for a person to set up what no system did", "4.2"),
    "length": ("how long a call takes if nobody names its end", "4.3"),
    "reminder": ("how long before the call the customer is reminded", "4.3"),
    "last_reminder": ("how long before the call they are reminded once more", "4.3"),
    "schedule_time": ("working days to arrange the call", "4.3"),
    "prepare": ("how long before the call its script is handed out", "4.3"),
    "tries": ("missed or cancelled so often, somebody decides what next", "4.3"),
    "decides": ("who decides when calls come to nothing", "4.3"),
}
KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    "online-customer": {
        "access_wait": ("how long the welcome waits for the customer's access", "5.1.2"),
        "guide.after": ("help to get started: at the earliest, after the welcome", "5.2.1"),
        "guide.before": ("help to get started: at the latest, after the welcome", "5.2.1"),
        "guide_template": ("what helps them get started", "5.2.1"),
        "low_engagement": ("how long after the purchase low use is looked at", "5.3.2"),
        "preset": ("how little use counts as low", "5.3.2"),
        "repeat": ("write again when somebody who came back falls silent", "5.3.2"),
        "check_in": ("how long after the purchase the check-in is", "5.4.1"),
        "check_in_window": ("how long before the check-in a like question replaces it", "5.4.1"),
        "check_in_mode": ("how a person makes the check-in personal", "5.4.1"),
        "check_in_cap": ("check-ins a day for a person; the rest go as they are", "5.4.1"),
        "csr_time": ("working days to make the check-in personal; then it goes", "5.4.1"),
        "remind": ("whether those who do not answer the check-in hear again", "5.4.3"),
        "patience": ("how long an answer to the check-in is waited for", "5.4.3"),
        "campaigns": ("campaigns that Marketing may send", "5.5.2"),
        "sales_outreach": ("whether Sales reaches out to those of high potential", "5.5.3"),
        "outreach_by": ("who reaches out to customers of high potential", "5.5.3"),
        "outreach_copy": ("who hears of the outreach besides", "5.5.3"),
        "outreach_time": ("working days for the outreach", "5.5.3"),
    },
    "order-thanks": {
        "thanks.after": ("the thanks: at the earliest, after the order", "1"),
        "thanks.before": ("the thanks: at the latest, after the order", "1"),
        "generic": ("thanks may go without their name and what they bought", "1"),
        "note": ("whether some get a note by post", "1"),
        "note_for": ("the tiers of customers who get a note by post", "1"),
        "note_after": ("how long after the thanks the note is due", "1"),
        "tracking_wait": ("how long the notice of dispatch waits for its number", "2"),
        "ask.after": ("asking how it was: at the earliest, after delivery", "3"),
        "ask.before": ("asking how it was: at the latest, after delivery", "3"),
        "estimate": ("how long delivery takes where nobody says when", "3"),
        "overdue": ("how late delivery is when a person finds out where it is", "3"),
        "give_up": ("how long after the order anybody still asks how it was", "3"),
        "patience": ("how long feedback is waited for", "5"),
    },
    "sales-follow-up": {
        "within": ("how long after the sale Sales is in touch", "5.2"),
        "interval": ("how long there is between regular contacts", "5.4"),
        "first": ("how long after the sale only thanks and welcome go out", "5.2"),
        "sales_time": ("how long Sales has for the contact, if that fits", "5.2"),
        "sales_days": ("working days for Sales to make a message their own", "5.2"),
        "mode": ("how Sales makes the message their own", "5.2"),
        "cap": ("messages a day for a person; the rest go as they are", "5.2"),
        "calls": ("whether those who would rather be called are called", "5.2"),
        "vip_by": ("who follows up with VIPs", "3"),
        "patience": ("how long the customer's answer is waited for", "5.3"),
        "classify_time": ("working days to classify what the customer said", "5.3"),
        "repeat": ("whether more is offered to those it would serve", "2"),
        "repeat_after": ("how long after the contact more is offered", "2"),
        "repeat_by": ("who offers them more", "2"),
        "repeat_time": ("working days to offer them more", "2"),
        "referral": ("whether customers are asked to recommend us", "2"),
        "referral_after": ("how long after the contact they are asked to recommend us", "2"),
        "approved_by": ("who approved the document: name and position",),
        "approval_date": ("the day the document was approved",),
        "next_review": ("the day the document is to be reviewed next",),
        "system": ("the system in which feedback is recorded", "5.3"),
        "record_system": ("the system in which records are kept", "5.5"),
        "retention": ("how long records are kept",),
        "distribution": ("who is given the document",),
        "csat_target": ("satisfaction: per cent to gain in twelve months", "2"),
        "repeat_target": ("repeat sales: per cent to gain in twelve months", "2"),
        "loyalty_target": ("loyalty programme: per cent to gain in twelve months", "2"),
    },
    "satisfaction": {
        "after": ("business days after the purchase before anybody asks", "4.1"),
        "before": ("business days after the purchase by whose end they ask", "4.1"),
        "calls": ("whether those who would rather be called are called", "4.1"),
        "patience": ("how long the customer's answer is waited for", "4.2"),
        "sample": ("of a hundred follow-ups, how many are reviewed", "3"),
        "review_time": ("working days to review a follow-up", "3"),
    },
    "onboarding": {
        **CONTRACT,
        "hand_over": ("how long after signing Sales has to hand over", "4.1"),
        "fields": ("what has to be known of the customer", "4.1"),
        "lawful_basis": ("on what basis in law their data is kept", "6"),
        "give_up": ("how long another system's call is waited for", "4.3"),
        "survey.after": ("the survey: at the earliest, after the call", "4.4"),
        "survey.before": ("the survey: at the latest, after the call", "4.4"),
        "remind": ("whether those who do not answer the survey are asked again", "4.4"),
        "patience": ("how long an answer to the survey is waited for", "4.4"),
    },
    "keep-in-touch": {
        "loyalty": ("whether loyal customers get an offer", "5.6.2"),
        "loyalty_tenure": ("after how many years the first loyalty offer goes out", "5.6.2"),
        "loyalty_every": ("how many years lie between loyalty offers", "5.6.2"),
        "reviews": ("whether customers are asked for a public review", "5.6.3"),
        "review_after": ("how long after delivery they are asked for a review", "5.6.3"),
        "anniversaries": ("whether anniversaries are marked", "S1 6"),
        "regular": ("whether Sales is in touch regularly", "S2 5.4"),
    },
    "case": {
        "acknowledge_inquiries": ("whether inquiries, too, are acknowledged at once", "S1 4"),
        "progress_time": ("office hours to write an update before it goes as it is",),
        "ask_satisfied": ("whether those who complained are asked if it is put right", "S3 4.4"),
        "patience": ("how long an answer about satisfaction is waited for", "S3 4.4"),
        "reminders": ("how often those who do not answer are reminded", "S3 4.4"),
    },
    "correspondence": {},
}


def words(policy: str) -> dict[str, Meaning]:
    """What each key of this policy means; of parts with names of their own, under `*`."""
    known: Mapping[str, tuple[str, ...]] = HOUSE_KEYS
    if policy != HOUSE:
        known = COMMON | KEYS[policy] if policy in KEYS else {}
    return {key: Meaning(*said) for key, said in known.items()}


def meaning(policy: str, key: str) -> Meaning:
    """What a key means: `offices.leeds.opens` as `offices.*.opens`, else as what it is in."""
    known, parts = words(policy), key.split(".")
    anyone = [".".join([parts[0], "*", *parts[2:]]), ".".join(parts[:2]), parts[0]]
    return next((known[said] for said in [key, *anyone] if said in known), Meaning())


def named(policy: str, keys: Iterable[str]) -> list[str]:
    """`within: how long after the sale Sales is in touch`, of each key."""
    return [": ".join(filter(None, [key, meaning(policy, key).label])) for key in keys]


def is_empty(value: Any) -> bool:
    """Whether a value says nothing; a nought and a no say something."""
    return value is None or (isinstance(value, str | list | tuple | dict) and not value)
