"""HTTP as a provider needs to be spoken to: asked once, and never a word more.

Whatever a dead process, a cancelled request or a time-out leaves in a buffer might still be read
and carried out later, when the message counts as not sent. So each request has a connection of its
own, and one that does not end well is cut, not closed.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from activities.channels import Because, Rejected, UnknownOutcomeError

LARGEST = 2**20  # bytes of an answer: what is more is no answer of theirs
LONGEST_WAIT = timedelta(hours=1)
REFUSALS = {  # what a status says when the body does not say more
    401: ("unauthorised", Because.ACCOUNT),
    403: ("forbidden", Because.ACCOUNT),
    404: ("not_found", Because.ACCOUNT),
    405: ("not_found", Because.ACCOUNT),
    413: ("too_large", Because.MESSAGE),
    429: ("rate_limited", Because.BUSY),
} | dict.fromkeys((301, 302, 307, 308), ("redirected", Because.AWAY))
SILENT = (408, 499)  # of a request that they, or somebody between us, gave up on
CUT, FLUSH = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)


class AwayError(Exception):
    """No connection was made, so nothing was said; its text is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def outcome(self) -> Rejected:
        return Rejected(self.reason, Because.AWAY)


@dataclass(frozen=True)
class Answer:
    """What came back; no body if that could not be read to its end."""

    status: int
    headers: Mapping[str, str]  # their names in whatever case
    body: bytes | None

    @property
    def said(self) -> Any:
        """The body's JSON, or nothing: providers answer with all sorts of things."""
        try:
            return json.loads(self.body or b"")
        except (ValueError, RecursionError):
            return None


async def ask(
    method: str,
    url: str,
    *,
    seconds: float,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One request, answered within so many seconds, of which half may be spent on connecting.

    Raises `AwayError` if no connection was made, `UnknownOutcomeError` if one was made and no
    status came back. Redirects are answers, not orders.
    """
    until = asyncio.get_running_loop().time() + seconds
    line = _Line(until)
    try:
        async with (
            _session(line, seconds / 2) as session,
            asyncio.timeout_at(until),
            session.request(
                method, url, headers=headers, params=params, data=body, allow_redirects=False
            ) as response,
        ):
            # A little earlier, so that the status is not lost together with the body.
            read = await _read(response, until - seconds / 20)
            if read is not None:
                line.done()
            return Answer(response.status, response.headers, read)
    except (aiohttp.ClientError, OSError, ValueError) as error:  # `TimeoutError` is of the second
        raise _meaning(error) from None
    finally:
        line.cut()


def _session(line: _Line, connecting: float) -> aiohttp.ClientSession:
    """What one request needs; it keeps nothing for the next."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            force_close=True, use_dns_cache=False, socket_factory=line.open
        ),
        timeout=aiohttp.ClientTimeout(total=None, connect=connecting, ceil_threshold=math.inf),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity"},
        auto_decompress=False,
    )


def _meaning(error: Exception) -> AwayError | UnknownOutcomeError:
    """Surely not sent, if it was the connecting that failed; else nobody knows."""
    match error:
        case aiohttp.ClientConnectorDNSError() | aiohttp.InvalidURL():
            return AwayError("no_such_host")
        case aiohttp.ClientSSLError():
            return AwayError("bad_tls")
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return AwayError("no_connection")
        case TimeoutError():
            return UnknownOutcomeError("time_out")
    return UnknownOutcomeError(type(error).__name__)


def wait_of(answer: Answer, now: datetime) -> timedelta | None:
    """How long they ask us to wait: so many seconds, or until a second of the epoch."""
    after, reset = (answer.headers.get(n, "") for n in ("Retry-After", "X-RateLimit-Reset"))
    if re.fullmatch("[0-9]{1,9}", after):
        seconds = float(after)
    elif re.fullmatch("[0-9]{1,12}", reset):
        seconds = int(reset) - now.timestamp()
    else:
        return None
    return min(max(timedelta(seconds=seconds), timedelta()), LONGEST_WAIT)


async def _read(response: aiohttp.ClientResponse, until: float) -> bytes | None:
    """The body, if it comes whole, in time, and is no larger than an answer is."""
    read = bytearray()
    with suppress(aiohttp.ClientError, OSError):
        async with asyncio.timeout_at(until):
            async for part in response.content.iter_any():
                read += part
                if len(read) > LARGEST:
                    return None
        return bytes(read)
    return None


class _Timed(socket.socket):
    """Sends nothing after its time: a process that falls asleep right before it would, wakes up too
    late for that, and runs on to the next line before any time-out is heard."""

    until = math.inf

    def send(self, *said: Any) -> int:
        self._check()
        return super().send(*said)

    def sendmsg(self, *said: Any) -> int:
        self._check()
        return super().sendmsg(*said)

    def _check(self) -> None:
        if asyncio.get_running_loop().time() > self.until:
            raise TimeoutError


class _Line:
    """The sockets of one request."""

    def __init__(self, until: float) -> None:
        self._until = until  # by the clock of the event loop
        self._sockets: list[socket.socket] = []
        self._done = False

    def open(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket that drops what it holds when it closes, even by the death of the process."""
        made = _Timed(*info[:3])
        made.until = self._until
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CUT)
        self._sockets.append(made)
        return made

    def done(self) -> None:
        """All was said and answered: it may be closed as usual."""
        self._done = True
        for one in self._sockets:
            if one.fileno() >= 0:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, FLUSH)

    def cut(self) -> None:
        """Not a byte more, whatever is still in a buffer."""
        for one in self._sockets:
            if not self._done and one.fileno() >= 0:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
