"""Who and what stands in a picture of Shopify's: customer, items, parcels, what was refunded."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from activities.crm import orders
from starter.senders import reading as r
from starter.senders.reading import Fields

NAME = "shopify"
ANSWERED = {"subscribed": True, "unsubscribed": False}  # other states are nobody's word


def customer_of(account: Fields, where: Fields, when: datetime | None = None) -> Fields:
    """A customer, with the address that is theirs; who they were when they bought, or signed up."""
    land = r.country(where.get("country_code"))
    phones = (account.get("phone"), where.get("phone"))
    first, last = r.text(account.get("first_name")), r.text(account.get("last_name"))
    name = r.text(" ".join(filter(None, (first, last)))) or r.text(where.get("name"))
    consent = r.table(account, "email_marketing_consent")
    at = r.moment(consent.get("consent_updated_at"))
    given = consent_of(consent)
    return r.known_of(
        id=r.named(NAME, account.get("id")),
        email=r.email(account.get("email")),
        phone=next((found for one in phones if (found := r.phone(one, land))), None),
        name=name,
        preferred_name=first,
        company=r.text(where.get("company")),
        country=land,
        address=_address(where),
        since=_since(account, when) if when else None,
        consent=None
        if given is None
        else r.known_of(email_marketing=given, at=at and at.isoformat(), source=NAME),
    )


def consent_of(said: Fields) -> bool | None:
    """What they answered; other states are nobody's word."""
    return ANSWERED.get(r.word(said.get("state")).lower())


def whom(who: Fields) -> Fields:
    """By what somebody may be found."""
    return {name: who[name] for name in ("id", "email", "phone") if name in who}


def _since(account: Fields, when: datetime) -> str | None:
    """Since when the shop knew them before that, unless it says that this is their first order:
    whoever subscribed to a newsletter a year ago buys for the first time all the same."""
    count, at = account.get("orders_count"), r.moment(account.get("created_at"))
    first = isinstance(count, int | Decimal) and count <= 1
    return None if first or at is None or at > when - orders.GRACE else at.isoformat()


def _address(where: Fields) -> Fields:
    return r.known_of(
        line1=r.text(where.get("address1")),
        line2=r.text(where.get("address2")),
        city=r.text(where.get("city")),
        region=r.text(where.get("province")),
        postal_code=r.text(where.get("zip")),
        country=r.country(where.get("country_code")),
    )


def item_of(line: Fields) -> Fields:
    return r.known_of(
        sku=r.text(line.get("sku")),
        name=r.text(line.get("name")) or r.text(line.get("title")),
        quantity=r.whole(line.get("quantity")),
        price=r.money(line.get("price")),
    )


def whole_line_of(line: Fields) -> str | None:
    """What a line is called that was given back as a whole."""
    item = r.table(line, "line_item")
    bought = item.get("quantity")
    if not isinstance(bought, int) or line.get("quantity") != bought:
        return None
    return r.text(item.get("sku")) or r.text(item.get("name")) or r.text(item.get("title"))


def refunded_at(refund: Fields) -> datetime | None:
    return r.moment(refund.get("processed_at")) or r.moment(refund.get("created_at"))


def shipment_of(parcel: Fields) -> Fields:
    numbers, urls = parcel.get("tracking_numbers"), parcel.get("tracking_urls")
    number = r.text(parcel.get("tracking_number")) or r.text(_first(numbers))
    due = r.moment(parcel.get("estimated_delivery_at"))
    return r.known_of(
        id=r.number(parcel.get("id")),
        carrier=r.text(parcel.get("tracking_company")),
        tracking_number=number,
        tracking_url=r.link(parcel.get("tracking_url")) or r.link(_first(urls)),
        estimated_delivery=due and due.isoformat(),
    )


def _first(said: object) -> object:
    return said[0] if isinstance(said, list) and said else None
