"""A shop of each kind on this machine: Shopify, Stripe's checkout, WooCommerce. Whoever asks it
places orders, pays, ships; it posts signed webhooks, as its vendor does, to where it is told.

| request | what happens |
|---|---|
| `POST /{shop}/orders` | an order, as `Bought` has it; `{"paid": false}`: not paid yet |
|  | `{"email": "ada@example.com", "name": "Ada"}`: whose it is |
| `POST /{shop}/orders/{number}/{act}` | `pay`, `ship`, `deliver`, `cancel`, `refund`, `delete` |
| `GET /{shop}/orders/{number}` | the order, as its webhooks would show it now |
| `GET /{shop}/webhooks` | what was posted, how often, and what was answered |
| `POST /woocommerce/ping` | the unsigned word before a webhook is saved |
| `GET /wp-json/wc/v3/orders`, `…/webhooks` | as WooCommerce shows them, by ck_fake and cs_fake |

`refund` takes `{"items": ["KET-7"]}`, else all. A vendor's hour lasts `hour` seconds.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from activities.fakes import shop_bodies as bodies
from activities.fakes.faults import Script
from activities.fakes.shop_bodies import Body, Bought
from activities.fakes.shop_rest import FakeShopRest
from activities.fakes.taken import now, token

SHOPS = ("shopify", "stripe", "woocommerce")
# Seconds until each gives up waiting for an answer; hours until it tries again, and again.
PATIENCE = {"shopify": 5.0, "stripe": 20.0, "woocommerce": 60.0}
AGAIN: dict[str, Sequence[float]] = {
    "shopify": (0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.3),  # eight times in four hours
    "stripe": (0.1, 0.5, 1, 3, 6, 12, 24, 24),  # three days
    "woocommerce": (),  # never
}
FAILURES = 5  # of WooCommerce's webhooks, one after the other; then it disables them
ACTS: dict[str, dict[str, tuple[str, ...]]] = {
    "shopify": {
        "place": ("orders/create",),
        "pay": ("orders/paid", "orders/updated"),
        "ship": ("fulfillments/create", "orders/fulfilled", "orders/updated"),
        "deliver": ("fulfillments/update",),
        "cancel": ("orders/cancelled", "orders/updated"),
        "refund": ("refunds/create", "orders/updated"),
    },
    "stripe": {
        "place": ("checkout.session.completed",),
        "pay": ("checkout.session.async_payment_succeeded",),
        "refund": ("charge.refunded",),
    },
    "woocommerce": {
        "place": ("order.created",),
        **dict.fromkeys(("pay", "ship", "cancel", "refund"), ("order.updated",)),
        "delete": ("order.deleted",),
    },
}


class Mischief(BaseModel):
    """What goes wrong on the way, the same each time for a seed."""

    model_config = ConfigDict(extra="forbid")

    doubled: float = 0  # the share that is posted once more
    late: float = 0  # hours, at most, until one is posted: what was said later may overtake it
    seed: int = 0
    asked: Script = Field(default_factory=Script)  # of what WooCommerce answers when it is asked


@dataclass
class Webhook:
    """One of them, and what became of it."""

    shop: str
    topic: str
    id: str
    body: bytes
    said_at: datetime
    answers: list[int] = field(default_factory=list)  # 0: none
    done: bool = False


class FakeShops:
    name = "shops"

    def __init__(self, hooks: str, secrets: dict[str, str], *, hour: float = 1.0) -> None:
        self.hooks, self.secrets, self.hour = hooks.rstrip("/"), secrets, hour
        self.orders: dict[tuple[str, int], Bought] = {}
        self.posted: list[Webhook] = []
        self.failures = dict.fromkeys(SHOPS, 0)  # in a row
        self.silent: set[str] = set()  # shops whose webhooks their vendor has switched off
        self._under_way: set[asyncio.Task[None]] = set()
        self.rest = FakeShopRest(self)
        self.script = Mischief()

    @property
    def script(self) -> Mischief:
        return self._script

    @script.setter
    def script(self, script: Mischief) -> None:
        self._script, self._random = script, random.Random(script.seed)  # noqa: S311 - no secret
        self.rest.script = self.rest.look_ups = script.asked

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Answers on loopback; yields the base URL."""
        app = web.Application()
        app.router.add_get("/", self._front)
        app.router.add_post("/woocommerce/ping", self._ping)
        app.router.add_post("/{shop}/orders", self._place)
        app.router.add_post("/{shop}/orders/{number}/{act}", self._act)
        app.router.add_routes(self.rest.routes())
        app.router.add_get("/{shop}/orders/{number}", self._shown)
        app.router.add_get("/{shop}/webhooks", self._webhooks)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            async with aiohttp.ClientSession() as self.session:
                await web.TCPSite(runner, "127.0.0.1", port).start()
                host, port = runner.addresses[0][:2]
                yield f"http://{host}:{port}"
                for one in self._under_way:
                    one.cancel()
                await asyncio.gather(*self._under_way, return_exceptions=True)
        finally:
            await runner.cleanup()

    async def settled(self) -> None:
        """Until nothing is under way any more."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    # -- what happens in a shop ------------------------------------------------------------------

    def place(self, shop: str, *, paid: bool = True, **said: object) -> Bought:
        number, at = 1001 + len(self.orders), now().replace(microsecond=0)
        order: Bought = TypeAdapter(Bought).validate_python({"number": number, "at": at, **said})
        order.paid_at = at if paid else None
        self.orders[shop, order.number] = order
        self._tell(shop, order, "place")
        if paid and shop == "shopify":
            self._tell(shop, order, "pay")
        return order

    def act(self, shop: str, number: int, act: str, items: Sequence[str] = ()) -> bool:
        """Whether such a shop knows of such a thing."""
        if act not in ACTS[shop]:
            return False
        order, at = self.orders[shop, number], now()
        order.changed_at = at
        done = {"pay": "paid_at", "ship": "shipped_at", "deliver": "delivered_at",
                "cancel": "cancelled_at", "refund": "refunded_at",
                "delete": "deleted_at"}[act]  # fmt: skip
        setattr(order, done, getattr(order, done) or at)
        if act == "refund":
            order.refunded = [*order.refunded, *(items or ["*"])]
        self._tell(shop, order, act)
        return True

    def _tell(self, shop: str, order: Bought, act: str) -> None:
        if shop in self.silent:
            return
        for topic in ACTS[shop][act]:
            at, id_ = now(), token(12)
            said = json.dumps(bodies.said(shop, order, topic, id_, at)).encode()
            webhook = Webhook(shop, topic, id_, said, at)
            self.posted.append(webhook)
            for _ in range(2 if self._random.random() < self.script.doubled else 1):
                wait = self._random.uniform(0, self.script.late) if self.script.late else 0.0
                one = asyncio.create_task(self._deliver(webhook, wait * self.hour))
                self._under_way.add(one)
                one.add_done_callback(self._under_way.discard)

    # -- how it is told --------------------------------------------------------------------------

    async def _deliver(self, webhook: Webhook, wait: float) -> None:
        """As often as its vendor tries; then Shopify removes what listens, WooCommerce sooner."""
        for pause in (wait, *(hours * self.hour for hours in AGAIN[webhook.shop])):
            await asyncio.sleep(pause)
            status = await self._post(webhook)
            webhook.answers.append(status)
            if 200 <= status < 300:
                webhook.done, self.failures[webhook.shop] = True, 0
                return
        self.failures[webhook.shop] += 1
        given_up = webhook.shop == "shopify" or self.failures["woocommerce"] > FAILURES
        if given_up and webhook.shop != "stripe":
            self.silent.add(webhook.shop)

    async def _post(self, webhook: Webhook) -> int:
        limit = aiohttp.ClientTimeout(total=PATIENCE[webhook.shop])
        headers = dict(_headers(webhook, self.secrets.get(webhook.shop, "")))
        address = f"{self.hooks}/{webhook.shop}"
        try:
            async with self.session.post(
                address, data=webhook.body, headers=headers, timeout=limit, allow_redirects=False
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    # -- who asks --------------------------------------------------------------------------------

    async def _place(self, request: web.Request) -> web.Response:
        shop, said = request.match_info["shop"], await _read(request)
        if shop not in SHOPS or said is None:
            return web.json_response({"error": "no such shop, or no object"}, status=404)
        try:
            order = self.place(shop, **said)
        except (ValidationError, TypeError) as fault:
            return web.json_response({"error": str(fault)}, status=422)
        return web.json_response({"number": order.number}, status=201)

    async def _act(self, request: web.Request) -> web.Response:
        found, said = self._found(request), await _read(request)
        if found is None or said is None:
            return web.json_response({"error": "no such order, or no object"}, status=404)
        act = request.match_info["act"]
        if not self.act(*found, act, said.get("items") or ()):
            known = ", ".join(one for one in ACTS[found[0]] if one != "place")
            return web.json_response({"error": f"{found[0]} knows {known}; no {act}"}, status=409)
        return web.json_response({"number": found[1]})

    async def _shown(self, request: web.Request) -> web.Response:
        found = self._found(request)
        if found is None:
            return web.json_response({"error": "no such order"}, status=404)
        shown = asdict(self.orders[found])
        return web.json_response(json.loads(json.dumps(shown, default=str)))

    async def _webhooks(self, request: web.Request) -> web.Response:
        shop = request.match_info["shop"]
        mine = [one for one in self.posted if one.shop == shop]
        told = [{"topic": one.topic, "answers": one.answers, "done": one.done} for one in mine]
        return web.json_response({"silent": shop in self.silent, "data": told})

    async def _front(self, _: web.Request) -> web.Response:
        """What may be asked for, as it is documented."""
        return web.Response(text=__doc__, charset="utf-8")

    async def _ping(self, _: web.Request) -> web.Response:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        async with self.session.post(
            f"{self.hooks}/woocommerce", data=b"webhook_id=142", headers=form
        ) as answer:
            return web.json_response({"saved": answer.status == 200})

    def _found(self, request: web.Request) -> tuple[str, int] | None:
        shop, number = request.match_info["shop"], request.match_info["number"]
        key = (shop, int(number)) if number.isdecimal() and len(number) < 19 else ("", 0)
        return key if key in self.orders else None


async def _read(request: web.Request) -> Body | None:
    try:
        said = await request.json() if request.can_read_body else {}
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _headers(webhook: Webhook, secret: str) -> Iterator[tuple[str, str]]:
    """Signed as the vendor signs: Stripe each try anew, the others the body alone."""
    yield "Content-Type", "application/json"
    key, body = secret.encode(), webhook.body
    made = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()
    if webhook.shop == "stripe":
        moment = int(now().timestamp())
        right = hmac.new(key, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        yield "Stripe-Signature", f"t={moment},v1={right}"
    elif webhook.shop == "woocommerce":
        yield "X-WC-Webhook-Topic", webhook.topic
        yield "X-WC-Webhook-Delivery-ID", token(16)  # of the attempt
        yield "X-WC-Webhook-Signature", made
    else:
        yield "X-Shopify-Topic", webhook.topic
        yield "X-Shopify-Event-Id", webhook.id
        yield "X-Shopify-Webhook-Id", f"wh-{webhook.id}"
        yield "X-Shopify-Triggered-At", webhook.said_at.isoformat()
        yield "X-Shopify-Hmac-SHA256", made
