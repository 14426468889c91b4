"""What a form, or a mail program, posts: read up to a limit, whatever it says it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

LARGEST = 64 * 1024  # bytes
MOST = 200  # fields
PATIENCE = 30.0  # seconds for a body to arrive

Fields = list[tuple[str, str]]


class UnreadableError(Exception):
    """A body that nobody can read; the status says why."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


async def read(request: Request) -> Fields:
    """The fields, in their order. A body of another type is read as a plain form all the same:
    an opt-out must not fail because somebody's mail program calls it by another name."""
    raw = await body(request, LARGEST)
    if request.headers.get("content-type", "").strip().lower().startswith("multipart/"):
        return await _parts(request.headers, raw)
    try:
        return parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MOST)
    except ValueError:  # not UTF-8, or too many
        raise UnreadableError(400) from None


async def body(request: Request, most: int, *, grows: Callable[[int], None] | None = None) -> bytes:
    """What is posted, up to so many bytes; what says that it is more is not even read. Whoever
    wants to is told how much there is so far, and may refuse the rest."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 12 or int(declared) > most:
        raise UnreadableError(413)
    parts, size = [], 0
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise UnreadableError(413)
                if grows is not None:
                    grows(size)
                parts.append(part)
    except TimeoutError:
        raise UnreadableError(408) from None
    except ClientDisconnect:
        raise UnreadableError(400) from None
    return b"".join(parts)


async def _parts(headers: Headers, raw: bytes) -> Fields:
    async def stream() -> Any:
        yield raw

    parser = MultiPartParser(headers, stream(), max_files=0, max_fields=MOST)
    try:
        form = await parser.parse()
    except (MultiPartException, HTTPException, ValueError):
        raise UnreadableError(400) from None
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
