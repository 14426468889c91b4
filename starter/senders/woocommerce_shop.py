"""What a WooCommerce shop tells whoever asks it: its orders, and whether its webhooks still post.

It disables a webhook that failed more than five times in a row, and says nothing of that time
again. So it is asked, with a key that may only read. Its dates are said without a zone: with one it
would take them for its own hour.
https://woocommerce.github.io/woocommerce-rest-api-docs/
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.crm.inbox import FETCHED
from activities.settings import Settings
from starter.senders import Delivery, asking
from starter.senders import reading as r
from starter.senders.reading import Fields
from starter.senders.woocommerce import TOPIC, WooCommerce
from starter.senders.woocommerce_parts import gmt

SHOWN = {TOPIC: "order.updated"}  # what a picture of an order is, whoever shows it
SECONDS = 60.0  # shops may be slow
LARGEST = 20_000_000  # bytes of a page
A_PAGE = 20  # orders
MOST_PAGES = 5000
KINDS = ("any", "trash")  # the first leaves out the second
SECOND = timedelta(seconds=1)
MAY_NOT = ("unauthorised", "forbidden", "not_found")
LONGEST_WAIT = timedelta(hours=1)
FAULTS = {401: "unauthorised", 403: "forbidden", 404: "not_found", 429: "rate_limited"}


class NotFetchedError(Exception):
    """The shop said nothing that can be read; its text is a code."""

    def __init__(self, code: str, wait: timedelta = timedelta()) -> None:
        super().__init__(code)
        self.code, self.wait = code, wait


@dataclass(frozen=True)
class Picture:
    """An order as its webhook would have it, and when the shop says it was changed."""

    delivery: Delivery
    at: datetime


@dataclass(frozen=True)
class Hook:
    """One of the shop's webhooks that lead to us."""

    topic: str
    status: str  # active, paused by somebody, disabled by the shop

    @property
    def is_disabled(self) -> bool:
        return self.status == "disabled"


def is_set_up(settings: Settings) -> bool:
    known = (settings.woocommerce_consumer_key, settings.woocommerce_consumer_secret)
    return bool(settings.woocommerce_url and all(one.get_secret_value().strip() for one in known))


async def changed(settings: Settings, kind: str, since: datetime) -> AsyncIterator[list[Picture]]:
    """Pages of the orders of a kind that were changed after that, the oldest change first."""
    after, page = since, 1
    for _ in range(MOST_PAGES):
        said = await _page(settings, kind, after, page)
        pictures = [Picture(_delivery(one), at) for one in said if (at := _changed(one))]
        if said and not pictures:
            raise NotFetchedError("bad_answer")
        yield pictures
        if len(said) < A_PAGE:
            return
        # What is changed while we read moves to the end, and all behind it moves up: so that none
        # is passed over, pages are counted only within one second.
        until = max(one.at for one in pictures) - SECOND
        after, page = (until, 1) if until > after else (after, page + 1)


async def hooks(settings: Settings) -> list[Hook]:
    """Those of its webhooks that lead to us."""
    said = await _asked(settings, "webhooks", {"per_page": "100"})
    return list(_ours(said))


async def _page(settings: Settings, kind: str, after: datetime, page: int) -> Sequence[Fields]:
    params = {
        "status": kind,
        "modified_after": f"{after:%Y-%m-%dT%H:%M:%S}",
        "dates_are_gmt": "true",
        "orderby": "modified",
        "order": "asc",
        "per_page": str(A_PAGE),
        "page": str(page),
    }
    return await _asked(settings, "orders", params)


def _changed(said: Fields) -> datetime | None:
    return gmt(said, "date_modified") if r.number(said.get("id")) else None


async def _asked(settings: Settings, what: str, params: Mapping[str, str]) -> list[Fields]:
    """A list of objects; whatever else comes back is none of the shop's."""
    known = (settings.woocommerce_consumer_key, settings.woocommerce_consumer_secret)
    try:
        answer = await asking.get(
            f"{settings.woocommerce_url.rstrip('/')}/wp-json/wc/v3/{what}",
            authorization=asking.basic(*(one.get_secret_value().strip() for one in known)),
            params=params,
            most=LARGEST,
            seconds=SECONDS,
        )
    except asking.AwayError:
        raise NotFetchedError("no_answer") from None
    if answer.status != 200:
        fault = "redirected" if 300 <= answer.status < 400 else f"answers_{answer.status}"
        raise NotFetchedError(FAULTS.get(answer.status, fault), _wait(answer))
    said = answer.body
    if answer.content is None:
        raise NotFetchedError("too_large")
    if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        raise NotFetchedError("bad_answer")
    return said


def _wait(answer: asking.Said) -> timedelta:
    after = answer.headers.get("retry-after", "")
    known = timedelta(seconds=int(after)) if re.fullmatch("[0-9]{1,6}", after) else timedelta()
    return min(known, LONGEST_WAIT)


def _delivery(said: Fields) -> Delivery:
    return Delivery(json.dumps(said).encode(), SHOWN, FETCHED)


def _ours(said: Sequence[Fields]) -> Iterator[Hook]:
    for one in said:
        address = r.text(one.get("delivery_url"), 2000) or ""
        if address.partition("?")[0].rstrip("/").endswith(f"/hooks/{WooCommerce.path}"):
            yield Hook(r.word(one.get("topic")), r.word(one.get("status")))
