"""WooCommerce's REST API on this machine: orders by when they were changed, and its webhooks."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from activities.fakes.shop_bodies import Bought, woocommerce_order
from activities.fakes.wire import Answer, FakeHttp

if TYPE_CHECKING:
    from activities.fakes.shops import FakeShops

KEY, SECRET = "ck_fake", "cs_fake"  # whoever knows them gets a fake
TOPICS = ("order.created", "order.updated", "order.deleted")
HERE = timedelta(hours=1)  # the shop's own time is ahead of UTC


class FakeShopRest(FakeHttp):
    """Shows what stands in the shop to whoever has the key."""

    name = "woocommerce"

    def __init__(self, shops: FakeShops) -> None:
        super().__init__(lag=timedelta(), keep=None)
        self.shops, self.shows_hooks = shops, True

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.get("/wp-json/wc/v3/orders", partial(self.asked, answer=self._orders)),
            web.get("/wp-json/wc/v3/webhooks", partial(self.asked, answer=self._hooks)),
        )

    def authorise(self, request: web.Request) -> Answer | None:
        right = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        good = request.headers.get("Authorization") == f"Basic {right}"
        return None if good else self.trouble(401, {})

    def trouble(self, status: int, headers: dict[str, str]) -> Answer:
        said = {"code": "woocommerce_rest_fault", "message": "No.", "data": {"status": status}}
        return Answer.of(status, said, **headers)

    def _orders(self, request: web.Request, _: bytes) -> Answer:
        """Those in the trash only if that is asked for; `any` leaves them out."""
        asked = request.query
        after, trash = _moment(asked["modified_after"]), asked.get("status") == "trash"
        gmt = timedelta() if asked.get("dates_are_gmt") == "true" else HERE
        mine = [one for (shop, _), one in self.shops.orders.items() if shop == self.name]
        found = [one for one in mine if bool(one.deleted_at) is trash and _at(one) + gmt > after]
        if asked.get("orderby") == "modified":
            found.sort(key=lambda one: (_at(one), one.number))
        size, page = int(asked.get("per_page", "10")), int(asked.get("page", "1"))
        shown = found[size * (page - 1) : size * page]
        return Answer.of(200, [woocommerce_order(one) | _links(one) for one in shown])

    def _hooks(self, request: web.Request, _: bytes) -> Answer:
        if not self.shows_hooks:
            return self.trouble(403, {})
        status = "disabled" if self.name in self.shops.silent else "active"
        to = f"{self.shops.hooks}/{self.name}"
        said = [{"id": n, "status": status, "topic": topic, "delivery_url": to}
                for n, topic in enumerate(TOPICS)]  # fmt: skip
        other = {"id": 9, "status": "disabled", "topic": "product.updated"}
        return Answer.of(200, [*said, other | {"delivery_url": "https://other.example.com/hook"}])


def _moment(said: str) -> datetime:
    """As WordPress reads it: what names a zone is turned into the shop's own hour."""
    found = datetime.fromisoformat(said)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC) + HERE


def _at(order: Bought) -> datetime:
    return (order.changed_at or order.at).replace(microsecond=0)


def _links(order: Bought) -> dict[str, object]:
    """A list says more of its addresses than a webhook does."""
    to = f"https://shop.example.com/wp-json/wc/v3/orders/{order.number}"
    return {"_links": {"self": [{"href": to, "targetHints": {"allow": ["GET"]}}]}}
