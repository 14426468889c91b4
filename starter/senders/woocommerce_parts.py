"""Who and what stands in a WooCommerce order: the buyer, items, parcels, when something was."""

from __future__ import annotations

from datetime import datetime

from starter.senders import reading as r
from starter.senders.reading import Fields

NAME = "woocommerce"
FETCHED = ("local_pickup", "pickup_location")
TRACKED = "_wc_shipment_tracking_items"  # where extensions that follow parcels keep them


def gmt(said: Fields, name: str) -> datetime | None:
    """Its plain dates are the shop's own, without a zone; those in `_gmt` are UTC, and do not say
    so."""
    at = said.get(f"{name}_gmt")
    if not isinstance(at, str):
        return None
    return r.moment(at) or r.moment(at + "Z")


def buyer_of(said: Fields) -> Fields:
    """Whose order it is; a guest's id is 0."""
    return _person(said.get("customer_id"), r.table(said, "billing"))


def account_of(said: Fields) -> Fields:
    """An account, and since when there is one."""
    since = gmt(said, "date_created")
    billing = r.table(said, "billing")
    names = {name: said.get(name) or billing.get(name) for name in ("first_name", "last_name")}
    mail = r.email(said.get("email")) or r.email(billing.get("email"))
    found = _person(said.get("id"), billing | names | {"email": mail})
    return found | r.known_of(since=since and since.isoformat())


def _person(id_: object, where: Fields) -> Fields:
    land = r.country(where.get("country"))
    first, last = (r.text(where.get(name), escaped=True) for name in ("first_name", "last_name"))
    return r.known_of(
        id=r.named(NAME, id_),
        email=r.email(where.get("email")),
        phone=r.phone(where.get("phone"), land),
        name=r.text(" ".join(filter(None, (first, last)))),
        preferred_name=first,
        company=r.text(where.get("company"), escaped=True),
        country=land,
        address=r.known_of(
            line1=r.text(where.get("address_1")),
            line2=r.text(where.get("address_2")),
            city=r.text(where.get("city")),
            region=r.text(where.get("state")),
            postal_code=r.text(where.get("postcode")),
            country=land,
        ),
    )


def items_of(said: Fields) -> list[Fields]:
    """What was bought; a price is worked out, and rounded as the total is written."""
    total = said.get("total")
    places = len(total.partition(".")[2]) if isinstance(total, str) else 2
    return [
        r.known_of(
            sku=r.text(one.get("sku")),
            name=r.text(one.get("name"), escaped=True),
            quantity=r.whole(one.get("quantity")),
            price=r.money(one.get("price"), min(places, r.DIGITS)),
        )
        for one in r.listed(said, "line_items")
    ]


def fulfilment_of(said: Fields) -> str | None:
    """How it comes to the customer; without a way and an address, there is nothing to send."""
    ways = r.listed(said, "shipping_lines")
    if ways:
        fetched = all(r.word(way.get("method_id")) in FETCHED for way in ways)
        return "pickup" if fetched else "ship"
    if not r.listed(said, "line_items") or not isinstance(said.get("shipping_lines"), list):
        return None
    return None if r.text(r.inside(said, "shipping", "address_1")) else "digital"


def shipments_of(said: Fields) -> list[Fields]:
    """Parcels that can be followed, as extensions write them down."""
    for one in r.listed(said, "meta_data"):
        if one.get("key") == TRACKED:
            parcels = [_shipment(parcel) for parcel in r.listed(one, "value", most=100)]
            return [parcel for parcel in parcels if "id" in parcel]
    return []


def _shipment(parcel: Fields) -> Fields:
    number = r.text(parcel.get("tracking_number"))
    own = r.text(parcel.get("custom_tracking_provider"))
    return r.known_of(
        id=r.number(parcel.get("tracking_id")) or r.number(number),
        carrier=own or r.text(parcel.get("tracking_provider")),
        tracking_number=number,
        tracking_url=r.link(parcel.get("custom_tracking_link")),
    )
