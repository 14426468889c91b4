"""Shopify's webhooks, at `/hooks/shopify`: orders, parcels, refunds, customers, and what the law
wants passed on.

A webhook is a picture of an order at a moment, not a step that it took: what it shows is told as
the steps that led there, each under a name of its own, so that ten pictures of one step come to it
once, whichever is seen first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from activities.settings import Settings
from starter.senders import Delivery, Reader, Readings, Reply
from starter.senders import reading as r
from starter.senders.reading import Comes, Fields
from starter.senders.shopify_orders import Orders
from starter.senders.shopify_parts import NAME, consent_of, customer_of, whom

TOPIC, EVENT, WEBHOOK, AT, TRIED, SIGNED = (
    f"x-shopify-{name}"
    for name in ("topic", "event-id", "webhook-id", "triggered-at", "test", "hmac-sha256")
)
CUSTOMERS = {
    "customers/create": "customer.updated",
    "customers/update": "customer.updated",
    "customers/enable": "customer.signed_up",
}
CONSENTS = {  # where the consent stands that they are about
    "customers_email_marketing_consent/update": "email_marketing_consent",
    "customers_marketing_consent/update": "sms_marketing_consent",
}
SCOPES = {
    "email_marketing_consent": "email_marketing",
    "sms_marketing_consent": "sms_marketing",
}
PRIVACY = {  # and what stands in each alone
    "customers/redact": "orders_to_redact",
    "customers/data_request": "orders_requested",
    "shop/redact": "shop_domain",
}
OF = ("orders/", "fulfillments/", "refunds/", "customers", "shop/")
LEFT_OUT = {  # known, and nothing comes of them
    "orders/delete": "nothing_follows",
    "orders/edited": "nothing_follows",  # orders/updated tells of it
    "customers/delete": "nothing_follows",
    "customers/disable": "nothing_follows",
    "app/uninstalled": "nothing_follows",
}


class Shopify:
    name = NAME
    path = "shopify"
    variable = "AFTERCARE_SHOPIFY_SECRET"
    headers: Sequence[str] = (TOPIC, EVENT, WEBHOOK, AT, TRIED)
    most = 5_000_000  # an order of five hundred lines
    thanks = Reply()

    def is_set_up(self, settings: Settings) -> bool:
        return bool(settings.shopify_secret.get_secret_value().strip())

    def greets(self, delivery: Delivery, settings: Settings) -> Reply | None:
        return None

    def is_genuine(self, delivery: Delivery, settings: Settings, real: datetime) -> bool:
        """By the body alone: when it was said is not signed, and may be hours ago. Each shop whose
        webhooks were made by hand has a secret of its own."""
        secrets = settings.shopify_secret.get_secret_value().split(",")
        said = delivery.headers.get(SIGNED, "")
        return any(r.is_hmac(one.strip(), delivery.body, said) for one in secrets if one.strip())

    def key(self, delivery: Delivery) -> str:
        """One event of theirs may be told under several topics."""
        headers = delivery.headers
        id_ = headers.get(EVENT) or headers.get(WEBHOOK)
        return f"{headers.get(TOPIC, '')}/{id_}" if id_ else ""

    async def read(self, delivery: Delivery, reader: Reader) -> Readings:
        said, topic = r.parsed(delivery.body), delivery.headers.get(TOPIC, "")
        at = r.moment(said.get("updated_at")) or r.moment(delivery.headers.get(AT))
        comes = Comes.of(self.key(delivery), delivery, reader)
        tried = delivery.headers.get(TRIED) == "true" or said.get("test") is True
        if tried and not r.accepts_tests(reader):
            comes.leave(r.TEST)
        elif topic in LEFT_OUT or not topic.startswith(OF):
            comes.leave(LEFT_OUT.get(topic, "topic_unknown"))
        elif not _fits(topic, said):
            comes.failed.append("not_of_its_topic")
        elif topic.startswith(("orders/", "fulfillments/", "refunds/")):
            await Orders(comes, reader, said, at).read(topic)
        elif topic in CUSTOMERS:
            _customer(comes, CUSTOMERS[topic], said, at)
        elif topic in CONSENTS:
            _consent(comes, CONSENTS[topic], said, at)
        elif topic in PRIVACY:
            await _privacy(comes, reader, topic, said, at)
        else:
            comes.leave("topic_unknown")
        return comes.readings


def _fits(topic: str, said: Fields) -> bool:
    """Whether the body is one of its topic's: the topic is not signed."""
    if "shop_domain" in said:
        return topic == next(one for one, mark in PRIVACY.items() if mark in said)
    kinds = {"refunds/": "refund_line_items", "fulfillments/": "order_id", "orders/": "line_items"}
    kind = next((one for one, mark in kinds.items() if mark in said), "customers")
    return topic.startswith(kind) and topic not in PRIVACY


def _customer(comes: Comes, what: str, said: Fields, at: datetime | None) -> None:
    """Somebody signs up once, and has an account then; who only changed has not."""
    signs_up = what == "customer.signed_up" and r.word(said.get("state")) == "enabled"
    who = customer_of(said, r.table(said, "default_address"), at or comes.now if signs_up else None)
    if not whom(who):
        return comes.leave("nobody_named")
    if signs_up:
        comes.say(what, at, once=f"{who['id']}/{what}" if "id" in who else "", customer=who)
    else:
        comes.say("customer.updated", at, customer=who)
    for place in SCOPES:
        _agreed(comes, place, whom(who), r.table(said, place), at)
    return None


def _consent(comes: Comes, place: str, said: Fields, at: datetime | None) -> None:
    id_ = said.get("customer_id") or said.get("id")
    who = r.known_of(id=r.named(NAME, id_), email=r.email(said.get("email_address")))
    found = consent_of(r.table(said, place))
    if not who or found is None:
        return comes.leave("nothing_stated")
    _agreed(comes, place, who, r.table(said, place), at)
    return None


def _agreed(comes: Comes, place: str, who: Fields, said: Fields, at: datetime | None) -> None:
    """Their own word, once, as often as it is repeated."""
    given = consent_of(said)
    if given is None:
        return
    when = r.moment(said.get("consent_updated_at"))
    name = who.get("id") or comes.key
    state = f"{'given' if given else 'taken'}/{when.isoformat() if when else 'undated'}"
    comes.say(
        "consent.changed",
        when or at,
        once=f"{name}/{SCOPES[place]}/{state}",
        customer=who,
        data={SCOPES[place]: given, "source": NAME},
    )


async def _privacy(
    comes: Comes, reader: Reader, topic: str, said: Fields, at: datetime | None
) -> None:
    """What the law has Shopify pass on. Of somebody we do not know nothing is on record; but who
    wants to see it wants an answer, and a shop's data as a whole is for people to delete."""
    who = whom(customer_of(r.table(said, "customer"), {}))
    known = bool(who) and await r.knows_customer(reader, who)
    if topic == "shop/redact":
        comes.failed.append("shop_redact_asked_for")
    elif topic == "customers/redact" and known:
        # A person sees to what is still on record; nobody writes to them again from now on.
        comes.say("privacy.requested", at, customer=who, data={"kind": "erase", "source": NAME})
        comes.say("customer.erased", at, customer=who, data={"source": NAME})
    elif topic == "customers/redact":
        comes.leave("unknown_customer")
    elif known:
        number = r.known_of(reference=r.number(r.inside(said, "data_request", "id")))
        data = {"kind": "access", "source": NAME} | number
        comes.say("privacy.requested", at, customer=who, data=data)
    else:
        comes.failed.append("data_request_of_somebody_unknown")
