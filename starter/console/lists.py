"""What lists share: their address, whose they are, and a page after something that is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TypeVar
from urllib.parse import urlencode

from starter.answers import Refusal
from starter.console.guard import Ask
from starter.reports import people
from starter.reports.paging import UnknownCursorError

T = TypeVar("T")


def query(chosen: Mapping[str, str | None], **more: str) -> str:
    """The same list, further on."""
    return urlencode({name: value for name, value in chosen.items() if value} | more)


async def whose(ask: Ask, customer: str | None) -> str | None:
    """The name of the one customer whom a list is about."""
    if not customer:
        return None
    async with ask.reports.store.reading() as session:
        found = await people.meant(session, customer)
        called = await people.names(session, found)
    return next(iter(called.values()), customer)


async def newest(page: Awaitable[T]) -> T:
    """The page of a list; what it was to begin after may be gone."""
    try:
        return await page
    except UnknownCursorError:
        raise Refusal("not_found", "The list has no such page.", status=404) from None
