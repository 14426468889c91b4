"""The facts a template may use, and nothing else of the customer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from activities.crm.house import HouseRules
from activities.crm.tables import Customer, Order, message_id
from activities.rendering import tokens
from activities.rendering.background import NOTHING, Background, Matter
from activities.rendering.meetings import Appointment
from activities.rendering.purchases import bought, parcel, product
from activities.rendering.registry import TemplateFault
from activities.rendering.speech import speech
from activities.rendering.values import DOMAIN, Own, clean, link

Facts = dict[str, Any]

TITLES = frozenset("mr mrs ms miss mx dr prof professor sir dame rev herr frau mme".split())
NOBODY = frozenset("none null nil undefined unknown n/a na guest customer test".split())
NOT_IN_A_NAME = re.compile(r"[<>\[\]{}|\\/@:=%$*_`~^#\"&;?!+\d]")
LONGEST_NAME = 40
CASE = "case."  # how a case's follow-up begins
DATED = (
    "order",
    "shipment",
    "case",
    "meeting",
)  # what holds days and amounts, to be put into words
WITH_ACCESS = ("digital", "service")  # what is fulfilled so comes with a way in, as an account does


class Personal(Protocol):
    """A template that is nothing without certain facts."""

    @property
    def personal(self) -> Sequence[str]: ...


def in_words(facts: Facts, locale: str | None, language: str) -> Facts:
    """The facts with amounts, dates and lists as the text's language writes them."""
    spoken = speech(locale, language, facts["company"].country)
    dated = {fact: known for fact in DATED if (known := facts[fact])}
    return facts | {fact: known.said(spoken) for fact, known in dated.items()}


def facts_for(
    customer: Customer,
    order: Order | None,
    rules: HouseRules,
    *,
    follow_up: str,
    key: str,
    about: str,
    public_url: str,
    secret: str,
    survey: str = "",
    background: Background = NOTHING,
) -> Facts:
    """What is true of this customer, this order and this message, for its template to use.

    `key` is the message's: its feedback link carries it, so that an answer finds its question.
    `survey` is where else than in our own form that is said.
    `background` is what stands elsewhere in the records, as far as the template uses it.
    """
    if not secret:
        raise TemplateFault("secret_key_missing")
    house, base = rules.links.model_dump(), public_url.rstrip("/")
    links = {name: link(address) for name, address in house.items() if address}
    links["email"] = link(f"mailto:{rules.company.support_email}")
    token = tokens.make_short(secret, "feedback", message_id(key))
    elsewhere = survey and not follow_up.startswith(CASE)  # whether it was put right, we ask
    links["feedback"] = link(with_token(survey, token) if elsewhere else f"{base}/f/{token}")
    links["unsubscribe"] = link(f"{base}/u/{tokens.make(secret, 'unsubscribe', customer.id)}")
    zone, meeting = _zone(customer, rules), background.meeting
    return {
        "name": spoken_name(customer.preferred_name, customer.name),
        "company": SimpleNamespace(
            name=Own(rules.company.name),
            postal_address=Own(rules.company.postal_address),
            support_email=Own(rules.company.support_email),
            colour=Own(rules.company.colour),
            country=Own(rules.country),
        ),
        "links": SimpleNamespace(**links),
        "order": bought(order, zone) if order else None,
        "product": product(order),
        "shipment": parcel(order, about, zone),
        "access": order is None or order.fulfilment in WITH_ACCESS,
        "about": about,
        "follow_up": follow_up,
        "times": background.times,
        "years": background.years,
        "asked": background.asked,
        "agent": clean(background.agent),
        "case": Matter(background.case, background.answered_in, zone),
        "meeting": Appointment(meeting, background.host, zone) if meeting else None,
    }


def with_token(survey: str, token: str) -> str:
    """A survey's web link with our token as its custom variable `r`, whatever that says already."""
    parts = urlsplit(survey)
    kept = [one for one in parse_qsl(parts.query, keep_blank_values=True) if one[0] != "r"]
    return urlunsplit(parts._replace(query=urlencode([*kept, ("r", token)])))


def lacks(template: Personal, customer: Customer, order: Order | None) -> bool:
    """Whether we know too little for what calls its reader by name, or its product by name."""
    known = {
        "name": lambda: spoken_name(customer.preferred_name, customer.name),
        "product": lambda: product(order),
    }
    return any(not known[fact]() for fact in template.personal)


def spoken_name(preferred: str | None, full: str | None) -> str:
    """How to say hello: the preferred name, else the first name, else nothing at all."""
    if chosen := _name(preferred):
        return chosen
    surname, comma, given = clean(full or "").partition(",")
    words = (given if comma else surname).split()
    while words and words[0].rstrip(".").lower() in TITLES:
        words.pop(0)
    return _name(words[0]) if words else ""


def _name(text: str | None) -> str:
    """A name if it is one; links, markup and placeholders are not greeted."""
    name = clean(text or "")
    speaks = any(letter.isalpha() for letter in name) and name.lower() not in NOBODY
    odd = NOT_IN_A_NAME.search(name) or DOMAIN.search(name) or len(name) > LONGEST_NAME
    return name if speaks and not odd else ""


def _zone(customer: Customer, rules: HouseRules) -> ZoneInfo:
    try:
        return ZoneInfo(customer.time_zone or rules.time_zone)
    except (LookupError, ValueError, OSError):
        return ZoneInfo(rules.time_zone)
