"""Stripe's webhooks, at `/hooks/stripe`: a checkout that was paid, and what was refunded of it.

An order begins with the money. What was bought does not stand in the event, and none is asked for.
A renewal is one more purchase on record, which nobody is thanked for: it was made long ago.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from activities.settings import Settings
from starter.senders import Delivery, Reader, Readings, Reply, UnreadableError
from starter.senders import reading as r
from starter.senders.reading import Comes, Fields

NAME = "stripe"
SIGNED = "stripe-signature"
TOLERANCE = timedelta(minutes=5)
# Amounts are in the smallest unit; of these currencies that is the unit itself, or its thousandth.
WHOLE = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
THOUSANDTHS = frozenset("BHD JOD KWD OMR TND".split())
PAID = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
UNPAID = ("checkout.session.async_payment_failed", "checkout.session.expired")
RENEWAL = "subscription_cycle"  # why there is an invoice; the first one's checkout tells of itself
LEFT_OUT = {"charge.dispute.created": "between_banks", "charge.dispute.closed": "between_banks"}
PROMOTIONS = {"opt_in": True, "opt_out": False}
FULFILMENTS = ("ship", "pickup", "digital", "service")


class Stripe:
    name = NAME
    path = "stripe"
    variable = "AFTERCARE_STRIPE_SECRET"
    headers: Sequence[str] = ()
    most = 1_000_000
    thanks = Reply()

    def is_set_up(self, settings: Settings) -> bool:
        return bool(settings.stripe_secret.get_secret_value().strip())

    def greets(self, delivery: Delivery, settings: Settings) -> Reply | None:
        return None

    def is_genuine(self, delivery: Delivery, settings: Settings, real: datetime) -> bool:
        """By any `v1`, of which there are several while a secret is changed; neither from long ago
        nor from a time to come."""
        pairs = [part.partition("=") for part in delivery.headers.get(SIGNED, "").split(",")]
        at = [value for name, _, value in pairs if name.strip() == "t"]
        if len(at) != 1 or not at[0].isdecimal() or len(at[0]) > 12 or not at[0].isascii():
            return False
        if abs(real.timestamp() - int(at[0])) > TOLERANCE.total_seconds():
            return False
        secret = settings.stripe_secret.get_secret_value().encode()
        made = hmac.new(secret, f"{at[0]}.".encode() + delivery.body, hashlib.sha256)
        right = made.hexdigest().encode()
        said = (value for name, _, value in pairs if name.strip() == "v1")
        return any(hmac.compare_digest(one.encode(errors="replace"), right) for one in said)

    def key(self, delivery: Delivery) -> str:
        try:
            return r.number(r.parsed(delivery.body).get("id")) or ""
        except UnreadableError:
            return ""

    async def read(self, delivery: Delivery, reader: Reader) -> Readings:
        said = r.parsed(delivery.body)
        what, it = r.word(said.get("type")), r.table(said, "data", "object")
        comes = Comes.of(self.key(delivery), delivery, reader)
        at = _moment(said.get("created"))
        if said.get("livemode") is not True and not r.accepts_tests(reader):
            comes.leave(r.TEST)
        elif what in PAID:
            await _paid(comes, reader, it, at)
        elif what in UNPAID:
            comes.leave("unpaid")
        elif what == "charge.refunded":
            _refunded(comes, it, at)
        elif what == "customer.updated":
            _customer(comes, it, at)
        elif what == "invoice.paid":
            _renewed(comes, it, at)
        else:
            comes.leave(LEFT_OUT.get(what, "topic_unknown"))
        return comes.readings


async def _paid(comes: Comes, reader: Reader, session: Fields, at: datetime | None) -> None:
    """Completed is not paid: some ways to pay take days, and some of them come to nothing."""
    if r.word(session.get("payment_status")) != "paid":
        return comes.leave("unpaid")
    who = _buyer(session, at or comes.now)
    if not ({"id", "email", "phone"} & set(who)):
        return comes.leave("nobody_named")
    payment = r.named(NAME, _id(session.get("payment_intent")))
    known = {"email": who.get("email"), "phone": who.get("phone"), "name": who.get("name")}
    places = (session.get("client_reference_id"), r.inside(session, "metadata", "order_id"))
    written = [str(one) for one in places]
    shown = await _number(reader, session, payment, known)
    # A session's id is longer than an order's may be, and nothing but the session ever names it.
    name = r.named(NAME, shown, **known) or payment or r.named(NAME, session.get("id"))
    if name is None:
        comes.failed.append("order_not_named")
        return None
    currency = r.text(session.get("currency"), 3)
    order = r.known_of(
        id=name,
        reference=payment if payment != name else None,  # what a refund calls it
        number=shown if name == f"{NAME}-{shown}" and shown in written else None,
        total=_amount(session.get("amount_total"), currency),
        currency=currency and currency.upper(),
        fulfilment=_fulfilment(session),
    )
    return comes.say("order.paid", at, customer=who, order=order)


async def _number(
    reader: Reader, session: Fields, payment: str | None, known: dict[str, str | None]
) -> str | None:
    """The shop's number of the order, as its own server wrote it. A reference may be a customer's,
    or a cart's, that is paid for again; and the buyer's to choose, in the address of a link."""
    if number := r.number(r.inside(session, "metadata", "order_id")):
        return number
    number = r.number(session.get("client_reference_id"))
    if number is None or session.get("payment_link") is not None:
        return None
    before = await r.order_of(reader, r.named(NAME, number, **known) or "")
    another = before is not None and before.reference not in (None, payment)
    return None if another else number


def _refunded(comes: Comes, charge: Fields, at: datetime | None) -> None:
    """A charge names the payment, which the checkout named as well; a part of it ends nothing."""
    payment = r.named(NAME, _id(charge.get("payment_intent")))
    name = payment or r.named(NAME, r.inside(charge, "metadata", "order_id"))
    if name is None:
        return comes.leave("not_ours")
    part = charge.get("refunded") is not True
    data = {"source": NAME} | ({"partial": True} if part else {})
    return comes.say("order.refunded", at, order={"id": name}, data=data)


def _renewed(comes: Comes, invoice: Fields, at: datetime | None) -> None:
    """On record under the invoice's name: it begins nothing, and whoever buys anew is not new."""
    paid, name = invoice.get("amount_paid"), r.named(NAME, invoice.get("id"))
    if r.word(invoice.get("billing_reason")) != RENEWAL or name is None:
        return comes.leave("no_renewal")
    currency = r.text(invoice.get("currency"), 3)
    total = _amount(paid, currency)
    if not paid or total is None:
        return comes.leave("unpaid")
    said = {field: invoice.get(f"customer_{field}") for field in ("email", "name", "phone")}
    who = _person(said | {"address": invoice.get("customer_address")})
    who |= r.known_of(id=r.named(NAME, _id(invoice.get("customer"))))
    if not ({"id", "email", "phone"} & set(who)):
        return comes.leave("nobody_named")
    order = r.known_of(
        id=name,
        reference=r.named(NAME, _id(invoice.get("payment_intent"))),  # what a refund calls it
        number=r.text(invoice.get("number")),
        total=total,
        currency=currency and currency.upper(),
        fulfilment="service",
        confirmed_at=min(at or comes.now, comes.now).isoformat(),
    )
    return comes.say("customer.updated", at, once=f"{name}/renewed", customer=who, order=order)


def _customer(comes: Comes, said: Fields, at: datetime | None) -> None:
    who = _person(said) | r.known_of(id=r.named(NAME, said.get("id")))
    languages = said.get("preferred_locales")
    if isinstance(languages, list) and languages:
        who |= r.known_of(locale=r.locale(languages[0]))
    if not ({"id", "email", "phone"} & set(who)):
        return comes.leave("nobody_named")
    return comes.say("customer.updated", at, customer=who)


def _buyer(session: Fields, at: datetime) -> Fields:
    """Who paid: a guest has no id."""
    details = r.table(session, "customer_details")
    address = r.table(_sent_to(session), "address")
    given = PROMOTIONS.get(r.word(r.inside(session, "consent", "promotions")))
    consent = {"email_marketing": given, "at": at.isoformat(), "source": NAME}
    return _person(details, address) | r.known_of(
        id=r.named(NAME, _id(session.get("customer"))),
        email=r.email(details.get("email")) or r.email(session.get("customer_email")),
        locale=r.locale(session.get("locale")),
        consent=consent if given is not None else None,
    )


def _person(said: Fields, sent_to: Fields | None = None) -> Fields:
    own = r.table(said, "address")
    where = own if r.country(own.get("country")) else sent_to or own
    land = r.country(where.get("country"))
    return r.known_of(
        email=r.email(said.get("email")),
        phone=r.phone(said.get("phone"), land),
        name=r.text(said.get("name")),
        company=r.text(said.get("business_name")),
        country=land,
        address=r.known_of(
            line1=r.text(where.get("line1")),
            line2=r.text(where.get("line2")),
            city=r.text(where.get("city")),
            region=r.text(where.get("state")),
            postal_code=r.text(where.get("postal_code")),
            country=land,
        ),
    )


def _sent_to(session: Fields) -> Fields:
    """Where it goes, if it goes anywhere; releases of Stripe's API keep that in three places."""
    places = (
        r.table(session, "collected_information", "shipping_details"),
        r.table(session, "shipping_details"),
        r.table(session, "shipping"),
    )
    return next((one for one in places if r.text(r.inside(one, "address", "line1"))), {})


def _fulfilment(session: Fields) -> str | None:
    """As the shop says in `metadata`; else what an address or a subscription shows."""
    said = r.word(r.inside(session, "metadata", "fulfilment"))
    if said in FULFILMENTS:
        return said
    if _sent_to(session):
        return "ship"
    return "service" if session.get("mode") == "subscription" else None


def _amount(minor: object, currency: str | None) -> str | None:
    """An amount in units: 4200 is 42.00 of dollars, 4200 of yen, 4.200 of Kuwaiti dinars."""
    if not isinstance(minor, int) or isinstance(minor, bool) or currency is None:
        return None
    name = currency.upper()
    places = 0 if name in WHOLE else 3 if name in THOUSANDTHS else 2
    return r.money(Decimal(minor).scaleb(-places), places) if abs(minor) < 10**15 else None


def _id(said: object) -> object:
    """A name, or what it names."""
    return said.get("id") if isinstance(said, dict) else said


def _moment(said: object) -> datetime | None:
    """Seconds since 1970, within the time in which there are webhooks."""
    fits = isinstance(said, int) and not isinstance(said, bool) and 631152000 <= said < 10**11
    return datetime.fromtimestamp(said, UTC) if fits and isinstance(said, int) else None
