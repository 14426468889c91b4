"""One question to a sender that does not tell us all: a GET, once, within a hard time-out."""

from __future__ import annotations

import asyncio
import base64
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
    """A status, headers by their names in small letters, and the bytes; None: they were too many
    to be read."""

    status: int
    headers: Mapping[str, str]
    content: bytes | None

    @property
    def body(self) -> Any:
        """The JSON; None: it is none."""
        try:
            return json.loads(self.content or b"")
        except (ValueError, RecursionError):
            return None


def bearer(token: str) -> str:
    return f"Bearer {token}"


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


async def get(
    url: str,
    *,
    authorization: str,
    params: Mapping[str, str],
    most: int = LARGEST,
    seconds: float = SECONDS,
) -> Said:
    """What stands there, for whoever may see it; redirects are answers, not orders."""
    headers = {"Authorization": authorization} if authorization else {}
    try:
        async with (
            asyncio.timeout(seconds),
            _session() as session,
            session.get(url, headers=headers, params=params, allow_redirects=False) as answer,
        ):
            read = await _read(answer, most)
            known = {name.lower(): value for name, value in answer.headers.items()}
            return Said(answer.status, known, read)
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


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes | None:
    read = bytearray()
    async for part in answer.content.iter_any():
        read += part
        if len(read) > most:
            return None
    return bytes(read)
