"""What lists share: whose they are, which page is meant, and one after something that is gone."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from starter.answers import Refusal
from starter.console.guard import Ask
from starter.reports import people
from starter.reports.paging import UnknownCursorError

T = TypeVar("T")


async def whose(ask: Ask, customer: str | None) -> str | None:
    """The name of the one customer whom a list is about."""
    if not customer:
        return None
    async with ask.reports.store.reading() as session:
        found = await people.meant(session, customer)
        called = await people.names(session, found)
    return next(iter(called.values()), customer)


def numbered(ask: Ask) -> int:
    """Which page of a list is asked for, from one."""
    said = ask.asked("page") or "1"
    number = int(said) if said.isdecimal() and said.isascii() and len(said) < 5 else 0
    if number < 1:
        raise Refusal("not_found", "The list has no such page.", status=404)
    return number


async def newest(page: Awaitable[T]) -> T:
    """The page of a list; what it was to begin after may be gone."""
    try:
        return await page
    except UnknownCursorError:
        raise Refusal("not_found", "The list has no such page.", status=404) from None
