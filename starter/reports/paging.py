"""One page of a list, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

RowT = TypeVar("RowT")
LIMIT = 20
MOST = 100


@dataclass(frozen=True)
class Cursor:
    """Which part of a list: so many, after the last one of the page before."""

    limit: int = LIMIT
    starting_after: str | None = None


NEWEST = Cursor()


class UnknownCursorError(Exception):
    """The page is to start after something that is not in the list."""


async def page_of(
    session: AsyncSession,
    query: Select[RowT],
    order: tuple[InstrumentedAttribute[Any], InstrumentedAttribute[str]],
    cursor: Cursor,
) -> tuple[Sequence[RowT], bool]:
    """One page, newest first; rows that came in the same moment keep one order."""
    moment, id_ = order
    if cursor.starting_after:
        found = await session.execute(select(moment, id_).where(id_ == cursor.starting_after))
        last = found.one_or_none()
        if last is None:
            raise UnknownCursorError
        query = query.where(tuple_(moment, id_) < (last[0], last[1]))
    query = query.order_by(moment.desc(), id_.desc()).limit(cursor.limit + 1)
    rows = list((await session.execute(query)).scalars())
    return rows[: cursor.limit], len(rows) > cursor.limit
