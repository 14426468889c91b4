"""WooCommerce's webhooks, at `/hooks/woocommerce`: orders and accounts.

It knows few words: an order is created, while nobody has paid, and then *updated*. What an update
is of its status says; what happened is told once, however many updates show it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from activities.crm import inbox
from activities.settings import Settings
from starter.senders import Delivery, Reader, Readings, Reply, UnreadableError
from starter.senders import reading as r
from starter.senders.reading import Comes, Fields
from starter.senders.woocommerce_parts import (
    NAME,
    account_of,
    buyer_of,
    fulfilment_of,
    gmt,
    items_of,
    shipments_of,
)

TOPIC, SIGNED = "x-wc-webhook-topic", "x-wc-webhook-signature"
SOON = timedelta(hours=1)
PING = re.compile(rb"webhook_id=\d{1,20}")
PICTURES = ("order.created", "order.updated", "order.restored")
ACCOUNTS = {"customer.created": "customer.signed_up", "customer.updated": "customer.updated"}
DELETED, OTHERS = "order.deleted", ("customer", "product", "coupon")
LEFT_OUT = {"customer.deleted": "nothing_follows"}
UNPAID = ("pending", "on-hold", "failed", "checkout-draft", "auto-draft", "draft")
PAID = ("processing", "completed")  # or promised at the door
UNDONE = ("cancelled", "refunded", "trash")
ON_ITS_WAY = {  # not its own, but of those who sell what it lacks
    "shipped": "order.shipped",
    "partial-shipped": "order.shipped",
    "delivered": "order.delivered",
    "ready-pickup": "order.ready_for_pickup",
    "pickup": "order.picked_up",
    "picked-up": "order.picked_up",
}


class WooCommerce:
    name = NAME
    path = "woocommerce"
    variable = "AFTERCARE_WOOCOMMERCE_SECRET"
    headers: Sequence[str] = (TOPIC, "x-wc-webhook-source", "x-wc-webhook-delivery-id")
    most = 5_000_000
    thanks = Reply()

    def is_set_up(self, settings: Settings) -> bool:
        return bool(settings.woocommerce_secret.get_secret_value().strip())

    def greets(self, delivery: Delivery, settings: Settings) -> Reply | None:
        """Before a webhook is saved it asks, unsigned, and takes nothing but a 200."""
        asks = PING.fullmatch(delivery.body.strip()) and SIGNED not in delivery.headers
        return Reply() if asks else None

    def is_genuine(self, delivery: Delivery, settings: Settings, real: datetime) -> bool:
        secret = settings.woocommerce_secret.get_secret_value()
        return r.is_hmac(secret, delivery.body, delivery.headers.get(SIGNED, ""))

    def key(self, delivery: Delivery) -> str:
        """Its own id is of the attempt, so that this is made of what it says, whoever shows it: the
        webhook or the shop that is asked. Two updates within a second are two."""
        try:
            said = r.parsed(delivery.body)
        except UnreadableError:
            return ""
        changed = r.text(said.get("date_modified_gmt"), 40) or ""
        topic, id_ = delivery.headers.get(TOPIC, ""), r.number(said.get("id"))
        what = "order" if topic in PICTURES else topic
        return f"{what}/{id_}/{changed}/{_print(said) or delivery.digest[:16]}" if id_ else ""

    async def read(self, delivery: Delivery, reader: Reader) -> Readings:
        said, topic = r.parsed(delivery.body), delivery.headers.get(TOPIC, "")
        comes = Comes.of(self.key(delivery), delivery, reader)
        if not await self._fits(delivery, reader, topic, said):
            comes.failed.append("not_of_its_topic")
        elif topic in PICTURES:
            await Picture(comes, reader, said).read()
        elif topic == DELETED:
            _deleted(comes, said)
        elif topic in ACCOUNTS:
            _account(comes, ACCOUNTS[topic], said)
        else:
            comes.leave(LEFT_OUT.get(topic, "topic_unknown"))
        return comes.readings

    async def _fits(self, delivery: Delivery, reader: Reader, topic: str, said: Fields) -> bool:
        """Whether the body is one of its topic's: the topic is not signed. Of what was deleted
        there is only a number, which another kind of thing may have had that was deleted before."""
        if topic in PICTURES or topic in ACCOUNTS:
            return ("line_items" in said) == (topic in PICTURES) and len(said) > 1
        if topic != DELETED:
            return True
        others = [replace(delivery, headers={TOPIC: f"{one}.deleted"}) for one in OTHERS]
        async with reader.store.reading() as session:
            known = await inbox.all_known(session, NAME, [self.key(one) for one in others])
        return len(said) == 1 and not known


class Picture:
    """What an order looked like when it was changed, and what must have happened to it by then."""

    def __init__(self, comes: Comes, reader: Reader, said: Fields) -> None:
        self.comes, self.reader, self.said = comes, reader, said
        self.id = r.named(NAME, said.get("id")) or ""
        self.status = r.word(said.get("status")).removeprefix("wc-")
        self.at = min(gmt(said, "date_modified") or reader.now, reader.now)
        self.paid_at = gmt(said, "date_paid")
        self.bought_at = min(gmt(said, "date_created") or self.paid_at or self.at, self.at)

    async def read(self) -> None:
        if not self.id:
            self.comes.failed.append("order_not_named")
            return None
        old = self.at - (self.paid_at or self.bought_at) > r.LONG_AGO
        known = await r.order_of(self.reader, self.id) is not None
        if why := self._why_nothing(known=known, old=old):
            return self.comes.leave(why)
        if self.status in UNDONE:
            return self._undone()
        who = buyer_of(self.said)
        if not ({"id", "email", "phone"} & set(who)):
            self.comes.leave("nobody_named")
        else:
            self._placed(who, old=old)
        self._went_on()
        return None

    def _why_nothing(self, *, known: bool, old: bool) -> str | None:
        """An order begins with money, or with its being promised at the door."""
        if old and not known:
            return "before_our_time"
        begun = self.paid_at is not None or self.status in PAID or known
        if self.status in UNPAID:
            return None if self.paid_at and known else "unpaid"
        if self.status in UNDONE:
            cash = r.word(self.said.get("payment_method")) == "cod"
            return None if begun or cash else "unpaid"
        return None if begun else "status_unknown"

    def _placed(self, who: Fields, *, old: bool) -> None:
        order = self._order()
        begun = min(self.paid_at or self.bought_at, self.at)
        if not old and self.status not in UNPAID:
            what = "order.paid" if self.paid_at else "order.confirmed"
            self.comes.say(what, begun, once=f"{self.id}/{what}", customer=who, order=order)
            if begun == self.at:
                return
        self.comes.say("customer.updated", self.at, customer=who, order=order)

    def _went_on(self) -> None:
        """Completed is handed over: sent, or fetched; of what is not a thing there is no more."""
        parcels, kind = shipments_of(self.said), fulfilment_of(self.said)
        done = gmt(self.said, "date_completed")
        what = "order.picked_up" if kind == "pickup" else "order.shipped"
        if kind == "digital":
            return
        if self.status == "completed" or parcels:
            print_ = hashlib.sha256(repr(parcels).encode()).hexdigest()[:12]
            order = r.known_of(id=self.id, shipments=parcels)
            at = min(done or self.at, self.at)
            self.comes.say(what, at, once=f"{self.id}/{what}/{print_}", order=order)
        if told := ON_ITS_WAY.get(self.status):
            self.comes.say(told, self.at, order={"id": self.id})
        for refund in r.listed(self.said, "refunds", most=100):
            id_ = r.number(refund.get("id")) or "unnamed"
            once, data = f"{self.id}/order.refunded/{id_}", {"partial": True, "source": NAME}
            self.comes.say("order.refunded", self.at, once=once, order={"id": self.id}, data=data)

    def _undone(self) -> None:
        what = "order.refunded" if self.status == "refunded" else "order.cancelled"
        self.comes.say(what, self.at, order={"id": self.id}, data={"source": NAME})

    def _order(self) -> Fields:
        said = self.said
        shown = r.number(said.get("number"))
        currency = r.text(said.get("currency"), 3)
        return r.known_of(
            id=self.id,
            number=f"#{shown}" if shown else None,
            confirmed_at=self.bought_at.isoformat(),
            total=r.money(said.get("total")),
            currency=currency and currency.upper(),
            fulfilment=fulfilment_of(said),
            items=items_of(said),
        )


def _deleted(comes: Comes, said: Fields) -> None:
    """Nothing is left of it in the shop, so that nothing more is said about it."""
    name = r.named(NAME, said.get("id"))
    if name is None:
        comes.failed.append("order_not_named")
        return
    data = {"source": NAME}
    comes.say("order.cancelled", None, once=f"{name}/order.deleted", order={"id": name}, data=data)


def _account(comes: Comes, what: str, said: Fields) -> None:
    """Whoever was changed long after they signed up does not sign up by it."""
    who = account_of(said)
    since, at = gmt(said, "date_created"), gmt(said, "date_modified")
    if not ({"id", "email", "phone"} & set(who)):
        return comes.leave("nobody_named")
    if what == "customer.signed_up" and (since is None or (at or since) - since <= SOON):
        once = f"{who['id']}/{what}" if "id" in who else ""
        return comes.say(what, since or at, once=once, customer=who)
    return comes.say("customer.updated", at or since, customer=who)


def _print(said: Fields) -> str:
    """What it says, without the addresses around it, and however it is written; none of what is
    nested deeper than that goes."""
    whole = {name: value for name, value in said.items() if name != "_links"}
    try:
        written = json.dumps(whole, sort_keys=True, default=str)
    except RecursionError:
        return ""
    return hashlib.sha256(written.encode()).hexdigest()[:16]
