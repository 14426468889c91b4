"""Lists as everywhere: `limit` and `starting_after`, the newest first."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, TypeVar

from fastapi import Depends, Query

from starter.api.problems import Fault
from starter.reports.paging import LIMIT, MOST, Cursor, UnknownCursorError

T = TypeVar("T")


def _cursor(
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most")] = LIMIT,
    starting_after: Annotated[
        str | None, Query(description="The `id` of the last one of the page before")
    ] = None,
) -> Cursor:
    return Cursor(limit, starting_after)


Paging = Annotated[Cursor, Depends(_cursor)]


async def listed(page: Awaitable[T | None]) -> T:
    """The page; 404 for the list of somebody unknown, 422 for a cursor from another list."""
    try:
        found = await page
    except UnknownCursorError:
        raise Fault(422, "unknown_cursor", param="starting_after") from None
    return there(found)


def there(found: T | None) -> T:
    if found is None:
        raise Fault(404, "not_found")
    return found
