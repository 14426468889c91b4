"""What the fake shops' webhooks say, in each vendor's own shape: only what somebody reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Body = dict[str, Any]


@dataclass
class Item:
    sku: str = "KET-7"
    name: str = "Folding kettle"
    price: str = "39.90"
    quantity: int = 1


@dataclass
class Bought:
    """An order, as one of the fake shops has it."""

    number: int
    at: datetime
    email: str = "ada@example.com"
    name: str = "Ada Lovelace"
    country: str = "GB"
    customer: int | None = None  # none: a guest
    currency: str = "GBP"
    test: bool = False
    items: list[Item] = field(default_factory=lambda: [Item()])
    changed_at: datetime | None = None
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None
    deleted_at: datetime | None = None
    refunded: list[str] = field(default_factory=list)  # articles; `*`: all of it
    refunded_at: datetime | None = None

    @property
    def total(self) -> str:
        cents = sum(round(float(one.price) * 100) * one.quantity for one in self.items)
        return f"{cents / 100:.2f}"

    @property
    def is_given_back(self) -> bool:
        return "*" in self.refunded or {one.sku for one in self.items} <= set(self.refunded)


def iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def said(shop: str, order: Bought, topic: str, id_: str, at: datetime) -> Body:
    """What a webhook of this topic says."""
    if shop == "stripe":
        return stripe_event(order, topic, f"evt_{id_}", at)
    if shop == "woocommerce":
        return {"id": order.number} if "deleted" in topic else woocommerce_order(order)
    if topic.startswith("fulfillments/"):
        return shopify_fulfilment(order)
    return shopify_refund(order) if "refund" in topic else shopify_order(order)


# -- Shopify -----------------------------------------------------------------------------------


def shopify_order(order: Bought) -> Body:
    first, _, last = order.name.partition(" ")
    where = {"address1": "1 Main Street", "city": "Town", "zip": "1000", "province": None,
             "country_code": order.country, "name": order.name, "phone": None}  # fmt: skip
    state = "paid" if order.paid_at else "pending"
    if order.refunded:
        state = "refunded" if order.is_given_back else "partially_refunded"
    elif order.cancelled_at:
        state = "voided"
    return {
        "id": 9_000_000_000_000_000 + order.number,  # beyond what JavaScript counts to, as theirs
        "name": f"#{order.number}",
        "order_number": order.number,
        "email": order.email,
        "created_at": iso(order.at),
        "processed_at": iso(order.at),
        "updated_at": iso(order.changed_at or order.at),
        "cancelled_at": iso(order.cancelled_at),
        "currency": order.currency,
        "total_price": order.total,
        "financial_status": state,
        "fulfillment_status": "fulfilled" if order.shipped_at else None,
        "test": order.test,
        "buyer_accepts_marketing": False,
        "customer_locale": "en",
        "source_name": "web",
        "customer": {"id": order.customer or 7_000_000_000_000_000 + order.number,
                     "email": order.email, "first_name": first, "last_name": last,
                     "created_at": iso(order.at), "phone": None},
        "billing_address": where,
        "shipping_address": where,
        "shipping_lines": [{"id": 1, "code": "Standard", "title": "Standard"}],
        "line_items": [_shopify_line(order, place) for place in range(len(order.items))],
        "fulfillments": [shopify_fulfilment(order)] if order.shipped_at else [],
        "refunds": [shopify_refund(order)] if order.refunded else [],
    }  # fmt: skip


def _shopify_line(order: Bought, place: int) -> Body:
    one = order.items[place]
    return {"id": order.number * 100 + place, "sku": one.sku, "name": one.name, "price": one.price,
            "quantity": one.quantity, "requires_shipping": True}  # fmt: skip


def shopify_fulfilment(order: Bought) -> Body:
    tracking = f"TRACK{order.number}"
    return {
        "id": 4_000_000_000 + order.number,
        "order_id": 9_000_000_000_000_000 + order.number,
        "status": "success",
        "shipment_status": "delivered" if order.delivered_at else None,
        "created_at": iso(order.shipped_at),
        "updated_at": iso(order.delivered_at or order.shipped_at),
        "tracking_company": "Royal Mail",
        "tracking_number": tracking,
        "tracking_url": f"https://track.example.com/{tracking}",
        "line_items": [_shopify_line(order, place) for place in range(len(order.items))],
    }


def shopify_refund(order: Bought) -> Body:
    """All that was given back so far, as one: these shops refund once, or as a whole."""
    lines = [_shopify_line(order, place) for place in range(len(order.items))]
    back = [one for one in lines if "*" in order.refunded or one["sku"] in order.refunded]
    return {
        "id": 5_000_000_000 + order.number * 100 + len(back),
        "order_id": 9_000_000_000_000_000 + order.number,
        "created_at": iso(order.refunded_at),
        "processed_at": iso(order.refunded_at),
        "refund_line_items": [
            {"id": one["id"], "line_item_id": one["id"], "quantity": one["quantity"],
             "line_item": one}
            for one in back
        ],
        "transactions": [{"id": 1, "kind": "refund", "status": "success"}],
    }  # fmt: skip


# -- Stripe ------------------------------------------------------------------------------------


def stripe_event(order: Bought, what: str, id_: str, at: datetime) -> Body:
    charge = what.startswith("charge.")
    return {
        "id": id_,
        "object": "event",
        "created": int(at.timestamp()),
        "livemode": not order.test,
        "type": what,
        "data": {"object": _charge(order) if charge else _session(order)},
    }


def _session(order: Bought) -> Body:
    return {
        "id": f"cs_live_{order.number:060d}",
        "object": "checkout.session",
        "mode": "payment",
        "amount_total": round(float(order.total) * 100),
        "currency": order.currency.lower(),
        "client_reference_id": str(order.number),
        "customer": f"cus_Fake{order.customer}" if order.customer else None,
        "customer_details": {"email": order.email, "name": order.name, "phone": None,
                             "address": {"country": order.country}},
        "payment_intent": f"pi_fake{order.number}",
        "payment_status": "paid" if order.paid_at else "unpaid",
        "metadata": {},
        "locale": "en",
    }  # fmt: skip


def _charge(order: Bought) -> Body:
    return {
        "id": f"ch_fake{order.number}",
        "object": "charge",
        "amount": round(float(order.total) * 100),
        "refunded": order.is_given_back,
        "payment_intent": f"pi_fake{order.number}",
        "metadata": {},
    }


# -- WooCommerce -------------------------------------------------------------------------------


def woocommerce_order(order: Bought) -> Body:
    first, _, last = order.name.partition(" ")
    who = {"first_name": first, "last_name": last, "address_1": "1 Main Street", "city": "Town",
           "postcode": "1000", "state": "", "country": order.country}  # fmt: skip
    part = bool(order.refunded) and not order.is_given_back
    return {
        "id": order.number,
        "number": str(order.number),
        "status": _woocommerce_status(order),
        "currency": order.currency,
        "total": order.total,
        "customer_id": order.customer or 0,
        "payment_method": "card",
        "billing": who | {"email": order.email, "phone": "", "company": ""},
        "shipping": who,
        "line_items": [
            {"id": place, "name": one.name, "sku": one.sku, "quantity": one.quantity,
             "price": float(one.price)}
            for place, one in enumerate(order.items)
        ],
        "shipping_lines": [{"id": 1, "method_id": "flat_rate"}],
        "refunds": [{"id": order.number + 1, "reason": "", "total": "-1.00"}] if part else [],
        "meta_data": [],
        **_gmt("date_created", order.at),
        **_gmt("date_modified", order.changed_at or order.at),
        **_gmt("date_paid", order.paid_at),
        **_gmt("date_completed", order.shipped_at),
    }  # fmt: skip


def _woocommerce_status(order: Bought) -> str:
    if order.deleted_at:
        return "trash"
    if order.cancelled_at:
        return "cancelled"
    if order.is_given_back:
        return "refunded"
    if order.shipped_at:
        return "completed"
    return "processing" if order.paid_at else "pending"


def _gmt(name: str, at: datetime | None) -> Body:
    """Without a zone, both: the first is the shop's own time, an hour ahead."""
    utc = at.strftime("%Y-%m-%dT%H:%M:%S") if at else None
    local = at.replace(hour=(at.hour + 1) % 24).strftime("%Y-%m-%dT%H:%M:%S") if at else None
    return {name: local, f"{name}_gmt": utc}
