"""What shops tell of a town of customers, as they post it: by our API, signed, and from Shopify."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from tests.starter.hooks import shopify, standard

SAMPLES = Path(__file__).parents[1] / "starter" / "samples"
BATCH = 5
OFTEN = 46  # times that SendGrid was seen to deliver one event
NUMBER = count(1)


@dataclass(frozen=True)
class News:
    """One event, and whose; `topic` is Shopify's."""

    life: int
    door: str
    said: dict[str, Any]
    topic: str = ""
    at: datetime | None = None  # when Shopify says that it happened


def lives(events: int, now: datetime) -> list[News]:
    """At least so many events, in the order in which they happened; nobody's after now."""
    told: list[News] = []
    for life in count():
        if len(told) >= events:
            break
        if life % 4 == 3:
            told += _from_shopify(life, now)
        else:
            told += _from_us(life, "generic" if life % 4 == 1 else "api", now)
    return told


def _from_us(life: int, door: str, now: datetime) -> Iterator[News]:
    """Somebody who signed up three days ago, bought as a guest, and had something to say."""
    known = {"id": f"C-{life}"}
    guest = {"email": f"customer-{life}@example.com"}
    both = known | guest | {"name": f"Customer {life}", "country": "GB"}
    order = {"id": f"#{1000 + life}", "total": "49.00", "currency": "gbp", "fulfilment": "ship"}
    bought = {"order": {"id": order["id"]}}
    ticket = {"reference": f"t{life}"}
    days: list[tuple[float, str, dict[str, Any]]] = [
        (3.0, "customer.signed_up", {"customer": both}),
        (2.9, "order.confirmed", {"customer": guest, "order": order}),
        (2.8, "customer.updated", {"customer": known | {"time_zone": "Europe/London"}}),
        (2.7, "order.paid", {"customer": guest, "order": order}),
        (2.0, "order.shipped", bought),
        (1.5, "engagement.login", {"customer": known}),
        (1.2, "order.delivered", bought),
        (1.0, "engagement.feature_used", {"customer": known, "data": {"name": "export"}}),
    ]
    said = {"text": "Thank you, it works."}
    days += (  # what makes them differ
        [(0.9, "consent.changed", {"customer": known, "data": {"email_marketing": False}})],
        [(0.8, "reply.received", {"customer": guest, "data": said})],
        [
            (0.8, "complaint.opened", {"customer": guest, "data": ticket | {"text": "It leaks"}}),
            (0.5, "complaint.updated", {"customer": known, "data": ticket | {"text": "Still"}}),
        ],
        [(0.7, "issue.detected", {"customer": known, "data": {"topic": "noise"}})],
        [(0.6, "order.refunded", bought)],
    )[life % 5]
    for number, (ago, what, more) in enumerate(days):
        at = now - timedelta(days=ago)
        event = {"id": f"evt-{life}-{number}", "type": what, "occurred_at": at.isoformat()}
        yield News(life, door, event | more)


def _from_shopify(life: int, now: datetime) -> Iterator[News]:
    """Another who bought three days ago, and had it yesterday."""
    day, next_day, last_day = (f"{now - timedelta(days=ago):%Y-%m-%dT}" for ago in (3, 2, 1))
    new = {
        "2026-11-23T": day,
        "2026-11-24T": next_day,
        "9007199254740993": str(9007199254740993 + life),
        "9223372036854775807": str(9223372036854775807 - life),
        "4820011223344": str(4820011223344 + life),
        "ada@example.com": f"customer-{life}@example.com",
        "ada.account@example.com": f"customer-{life}@example.com",
        "020 7946 0000": f"+44207946{life:04}",
        "#1001": f"#{1000 + life}",
    }
    for name, topic, date in (
        ("shopify_order", "orders/create", day),
        ("shopify_order", "orders/paid", day),
        ("shopify_fulfilment", "fulfillments/create", next_day),
        ("shopify_fulfilment", "fulfillments/update", last_day),
    ):
        text = (SAMPLES / f"{name}.json").read_text()
        for old in sorted(new, key=len, reverse=True):
            text = text.replace(old, new[old])
        said = json.loads(text)
        if topic == "fulfillments/update":
            said |= {"shipment_status": "delivered", "updated_at": f"{last_day}09:00:00+00:00"}
        yield News(life, "shopify", said, topic, datetime.fromisoformat(f"{date}12:00:00+00:00"))


def muddled(told: Sequence[News], luck: random.Random) -> list[News]:
    """Shuffled; each up to 46 times, most of them two or three."""
    often = [luck.choice((1, 1, 2, 3, 5)) if luck.random() < 0.97 else OFTEN for _ in told]
    all_of_it = [news for news, times in zip(told, often, strict=True) for _ in range(times)]
    luck.shuffle(all_of_it)
    return all_of_it


async def tell(
    client: httpx2.AsyncClient, told: Sequence[News], key: str, at_once: int = 1
) -> None:
    """Post all of it; each answer is a 200 or, while Temporal is away, a 202."""
    turns = asyncio.Semaphore(at_once)

    async def one(news: Sequence[News]) -> None:
        async with turns:
            answer = await _post(client, news, key)
        assert answer.status_code in (200, 202), (answer.status_code, answer.text[:300])

    await asyncio.gather(*(one(news) for news in _bundled(told, at_once)))


def _bundled(told: Sequence[News], at_once: int) -> Iterator[list[News]]:
    """What comes by our doors may come several at a time; in order it comes one by one."""
    waiting: dict[str, list[News]] = {"api": [], "generic": []}
    for news in told:
        if news.door == "shopify" or at_once == 1:
            yield [news]
            continue
        waiting[news.door].append(news)
        if len(waiting[news.door]) == BATCH:
            yield waiting.pop(news.door)
            waiting[news.door] = []
    yield from filter(None, waiting.values())


async def _post(client: httpx2.AsyncClient, news: Sequence[News], key: str) -> httpx2.Response:
    first, now = news[0], datetime.now(UTC)
    if first.door == "shopify":
        body = json.dumps(first.said).encode()
        headers = shopify(body, first.topic, f"ev-{first.life}-{first.topic}", first.at)
        return await client.post("/hooks/shopify", content=body, headers=headers)
    said = first.said if len(news) == 1 else {"events": [one.said for one in news]}
    if first.door == "api":
        return await client.post(
            "/v1/events", json=said, headers={"Authorization": f"Bearer {key}"}
        )
    body = json.dumps(said).encode()
    headers = standard(body, now, f"msg-{next(NUMBER)}")
    return await client.post("/hooks/generic", content=body, headers=headers)
