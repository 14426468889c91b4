"""What a picture of a Shopify order shows: placed, paid, sent, delivered, given back."""

from __future__ import annotations

import hashlib
from datetime import datetime

from starter.senders import Reader
from starter.senders import reading as r
from starter.senders.reading import Comes, Fields
from starter.senders.shopify_parts import (
    NAME,
    customer_of,
    item_of,
    refunded_at,
    shipment_of,
    whole_line_of,
    whom,
)

PAID = ("paid", "partially_refunded", "refunded")
PLACED = (*PAID, "partially_paid", "authorized")  # money was promised, or has come
PICTURES = ("orders/updated", "orders/fulfilled", "orders/partially_fulfilled", "orders/cancelled")
READY = "ready_for_pickup"
WRONG = ("cancelled", "error", "failure")  # what may become of a fulfilment


class Orders:
    """One delivery that is about an order."""

    def __init__(self, comes: Comes, reader: Reader, said: Fields, at: datetime | None) -> None:
        self.comes, self.reader, self.said = comes, reader, said
        self.at = min(at or reader.now, reader.now)
        self.pickup = False
        self.id = ""

    async def read(self, topic: str) -> None:
        whole = topic.startswith("orders/")  # else a parcel of it, or a refund
        self.id = r.named(NAME, self.said.get("id" if whole else "order_id")) or ""
        if not self.id:
            self.comes.failed.append("order_not_named")
        elif topic in ("orders/create", "orders/paid"):
            self._placed(topic)
        elif topic in PICTURES:
            await self._went_on(topic)
        elif topic in ("fulfillments/create", "fulfillments/update"):
            await self._parcel_went_on(topic)
        elif topic == "refunds/create":
            self._given_back(self.said)
        else:
            self.comes.leave("topic_unknown")

    # -- orders/… ------------------------------------------------------------------------------

    def _placed(self, topic: str) -> None:
        """An order begins with money, or with its being promised; a void one never begins."""
        state = r.word(self.said.get("financial_status"))
        bought = self._bought_at()
        if self.said.get("cancelled_at") is not None and topic == "orders/create":
            return self.comes.leave("cancelled")
        if state not in PLACED:
            return self.comes.leave("voided" if state in ("voided", "expired") else "unpaid")
        if topic == "orders/create" and self._is_old():
            return self.comes.leave("before_our_time")  # brought over from another shop
        if not (who := self._customer()):
            return self.comes.leave("nobody_named")
        paid = state in PAID
        at = self.at if topic == "orders/paid" else bought
        what = "order.paid" if paid else "order.confirmed"
        return self.comes.say(what, at, customer=who, order=self._order())

    async def _went_on(self, topic: str) -> None:
        """What an order looks like now, and all that must have happened to it by then."""
        placed = r.word(self.said.get("financial_status")) in PLACED
        undone = self.said.get("cancelled_at") is not None
        old = self._is_old()
        if old and await r.order_of(self.reader, self.id) is None:
            return self.comes.leave("before_our_time")
        if not placed and not undone:
            return self.comes.leave("unpaid")
        who = self._customer()
        if placed and not who:
            self.comes.leave("nobody_named")
        elif placed:
            if not undone and not old:  # if the news of its being placed was lost
                once = f"{self.id}/order.confirmed"
                bought = self._bought_at()
                self._say("order.confirmed", bought, once, customer=who, order=self._order())
            self.comes.say("customer.updated", self.at, customer=who, order=self._order())
        self._sent_so_far(topic)
        for refund in r.listed(self.said, "refunds", most=100):
            self._given_back(refund)
        self._undone()
        return None

    def _sent_so_far(self, topic: str) -> None:
        parcels = r.listed(self.said, "fulfillments", most=100)
        self.pickup = self._fulfilment() == "pickup"
        for parcel in parcels:
            self._sent(parcel)
        whole = r.word(self.said.get("fulfillment_status")) == "fulfilled"
        if topic == "orders/fulfilled" and whole and not parcels and self._is_sent():
            what = "order.picked_up" if self.pickup else "order.shipped"
            self._say(what, self.at, f"{self.id}/{what}")

    def _undone(self) -> None:
        if self.said.get("cancelled_at") is not None:
            at = r.moment(self.said["cancelled_at"]) or self.at
            self._say("order.cancelled", at, f"{self.id}/order.cancelled")
        if r.word(self.said.get("financial_status")) == "refunded":
            given = [refunded_at(one) for one in r.listed(self.said, "refunds", most=100)]
            at = max((one for one in given if one), default=self.at)
            self._say("order.refunded", at, f"{self.id}/order.refunded")

    def _bought_at(self) -> datetime:
        said = r.moment(self.said.get("processed_at")) or r.moment(self.said.get("created_at"))
        return min(said or self.at, self.at)

    def _is_old(self) -> bool:
        """By the picture's own moments: it was bought long before it was taken."""
        taken = r.moment(self.said.get("updated_at")) or self.at
        return taken - self._bought_at() > r.LONG_AGO

    def _customer(self) -> Fields:
        """Whose order it is: the addresses are the order's own, the rest the account's."""
        account = r.table(self.said, "customer")
        where = r.table(self.said, "billing_address") or r.table(self.said, "shipping_address")
        where = where or r.table(account, "default_address")
        found = customer_of(account, where, self._bought_at())
        contact = r.email(self.said.get("email")) or r.email(self.said.get("contact_email"))
        phone = r.phone(self.said.get("phone"), found.get("country"))
        ticked = self.said.get("buyer_accepts_marketing") is True
        consent = found.get("consent") or (
            {"email_marketing": True, "at": self._bought_at().isoformat(), "source": NAME}
            if ticked
            else None
        )
        language = r.locale(self.said.get("customer_locale"))
        found |= r.known_of(email=contact, phone=phone, locale=language, consent=consent)
        return found if whom(found) else {}

    def _order(self) -> Fields:
        said = self.said
        shown = r.text(said.get("name")) or r.number(said.get("order_number"))
        return r.known_of(
            id=self.id,
            number=shown,
            confirmed_at=self._bought_at().isoformat(),
            total=r.money(said.get("total_price")),
            currency=r.text(said.get("currency"), 3),
            fulfilment=self._fulfilment(),
            items=[item_of(one) for one in r.listed(said, "line_items")],
        )

    def _fulfilment(self) -> str | None:
        lines = r.listed(self.said, "line_items")
        if not lines:
            return None
        if not self._is_sent():
            return "digital"
        handed = r.word(self.said.get("source_name")) == "pos"
        nowhere = self.said.get("shipping_address", "") is None
        collected = bool(r.listed(self.said, "shipping_lines")) and bool(
            r.table(self.said, "billing_address")
        )
        return "pickup" if nowhere and (handed or collected) else "ship"

    def _is_sent(self) -> bool:
        """Whether any of it is a thing."""
        lines = r.listed(self.said, "line_items")
        return not lines or any(one.get("requires_shipping") is not False for one in lines)

    # -- fulfilments and refunds ---------------------------------------------------------------

    async def _parcel_went_on(self, topic: str) -> None:
        parcel = self.said
        known = await r.order_of(self.reader, self.id)
        self.pickup = known is not None and known.fulfilment == "pickup"
        if not self._sent(parcel):
            return
        order = {"id": self.id, "shipments": [shipment_of(parcel)]}
        if topic == "fulfillments/update":  # what it can be followed by now
            self.comes.say("customer.updated", self.at, order=order)
        state = r.word(parcel.get("shipment_status"))
        if what := {"delivered": "order.delivered", READY: "order.ready_for_pickup"}.get(state):
            self.comes.say(what, self.at, order=order)

    def _sent(self, parcel: Fields) -> bool:
        """Sent, or handed over, at the moment it was packed: the same in every picture of it."""
        state, shipment = r.word(parcel.get("status")), shipment_of(parcel)
        if why := _not_sent(parcel, state, shipment):
            self.comes.leave(why)
            return False
        if r.word(parcel.get("shipment_status")) == READY:
            return True
        what = "order.picked_up" if self.pickup else "order.shipped"
        made = r.moment(parcel.get("created_at")) or self.at
        print_ = hashlib.sha256(repr(sorted(shipment.items())).encode()).hexdigest()[:12]
        once = f"{self.id}/{what}/{shipment['id']}/{print_}"
        self._say(what, made, once, order={"id": self.id, "shipments": [shipment]})
        return True

    def _given_back(self, refund: Fields) -> None:
        """A part of it: whole lines by name, else an amount. All of it is so once all lines are."""
        id_ = r.number(refund.get("id"))
        at = refunded_at(refund) or self.at
        lines = r.listed(refund, "refund_line_items")
        whole = [name for line in lines if (name := whole_line_of(line))]
        once = f"{self.id}/order.refunded/{id_ or at.isoformat()}"
        data = {"partial": True, "source": NAME} | r.known_of(items=whole)
        self._say("order.refunded", at, once, data=data)

    def _say(
        self,
        what: str,
        at: datetime,
        once: str,
        *,
        customer: Fields | None = None,
        order: Fields | None = None,
        data: Fields | None = None,
    ) -> None:
        """A fact of this order: it happened once, and not after it was said."""
        order = order or {"id": self.id}
        self.comes.say(what, min(at, self.at), once=once, customer=customer, order=order, data=data)


def _not_sent(parcel: Fields, state: str, shipment: Fields) -> str | None:
    """Why nothing is on its way to the customer by this."""
    if state in WRONG:
        return f"fulfilment_{state}"
    if "id" not in shipment:
        return "parcel_not_named"
    lines = r.listed(parcel, "line_items")
    if lines and all(one.get("requires_shipping") is False for one in lines):
        return "nothing_to_ship"
    followed = any(name.startswith("tracking") for name in shipment)
    return None if state == "success" or followed else "not_shipped_yet"
