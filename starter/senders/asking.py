"""One question to a sender that tells us ids only: a GET, once, within a hard time-out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

LARGEST = 2**20  # bytes of an answer: what is more is no answer of theirs
SECONDS = 10.0


class AwayError(Exception):
    """Nobody answered, or not in time."""


@dataclass(frozen=True)
class Said:
    """A status, headers by their names in small letters, and the JSON; None: it was none."""

    status: int
    headers: Mapping[str, str]
    body: Any


async def get(url: str, *, token: str, params: Mapping[str, str]) -> Said:
    """What stands there, for whoever has the token; redirects are answers, not orders."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    try:
        async with (
            asyncio.timeout(SECONDS),
            _session() as session,
            session.get(url, headers=headers, params=params, allow_redirects=False) as answer,
        ):
            read = await _read(answer)
            known = {name.lower(): value for name, value in answer.headers.items()}
            return Said(answer.status, known, _json(read))
    except (aiohttp.ClientError, OSError, ValueError) as fault:  # `TimeoutError` is of the second
        raise AwayError(type(fault).__name__) from None


class _Once(aiohttp.TCPConnector):
    """One line and no more: aiohttp tries a GET again by itself, which would spend a call twice."""

    spent = False

    async def connect(self, *said: Any, **more: Any) -> Any:
        if self.spent:
            raise aiohttp.ClientConnectionError("asked once")
        self.spent = True
        return await super().connect(*said, **more)


def _session() -> aiohttp.ClientSession:
    connector = _Once(force_close=True)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    async for part in answer.content.iter_any():
        read += part
        if len(read) > LARGEST:
            return b""
    return bytes(read)


def _json(read: bytes) -> Any:
    try:
        return json.loads(read)
    except (ValueError, RecursionError):
        return None
