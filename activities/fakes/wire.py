"""A provider's HTTP API on this machine, down to the bytes that go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web

from activities.fakes import recipients
from activities.fakes.faults import Fault, Script
from activities.fakes.recipients import Strangers
from activities.fakes.taken import Book, Taken
from activities.fakes.telling import Telling

HUGE = 10_000_000
LARGEST = 31_000_000  # bytes of a request that are read at all
DRIP = 1.0  # seconds a byte
PORTAL = b"<!doctype html><title>Sign in</title><h1>Hotel Wi-Fi: please sign in</h1>"
OTHER = b'[{"sid": 42, "messages": "none"}]'
FILLED = b'{"padding": "%s"}' % (b"x" * HUGE)
STATUS = {
    Fault.RATE_LIMITED: 429,
    Fault.UNAUTHORISED: 401,
    Fault.UNAVAILABLE: 503,
    Fault.ERROR_BEFORE: 500,
    Fault.ERROR_AFTER: 500,
}
JSON = {"Content-Type": "application/json"}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}, a fake</title>
<style>body{{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}}
td,th{{text-align:left;vertical-align:top;padding:.3rem 1rem .3rem 0;border-top:1px solid #ccc}}
</style><h1>{name}, a fake: {count} accepted</h1><p>Newest first. Nothing left this machine.</p>
<table><tr><th>Accepted</th><th>To</th><th>Message</th><th>Id</th></tr>{rows}</table>
{recipients}"""
RECIPIENTS = "<h2>Recipients to whom something happens</h2><pre>{}</pre>"
ROW = "<tr><td>{at:%d %b %H:%M:%S}</td><td>{to}</td><td>{says}</td><td><code>{id}</code></td></tr>"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, body: Any, **headers: str) -> Answer:
        return cls(status, json.dumps(body).encode(), {**JSON, **headers})


Judged = Answer | tuple[Sequence[Taken], Answer]


class FakeHttp(ABC):
    """What the two HTTP providers have in common: a script, a book, and how faults look."""

    name: str
    reaches_people = False  # at addresses, of which some are made to cause trouble

    def __init__(self, *, lag: timedelta, keep: Path | None) -> None:
        self.script = Script()  # of what is sent
        self.look_ups = Script()  # of what is asked
        self.lag = lag
        self.requests = 0  # to send something
        self.looked_up = 0
        self.strangers = Strangers()
        self.book = Book(keep and keep / f"{self.name}.jsonl")
        self.telling: Telling | None = None  # what becomes of it, to whoever wants to know

    @property
    def accepted(self) -> list[Taken]:
        return self.book.all

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Answers on loopback; yields the base URL."""
        app = web.Application(client_max_size=LARGEST)
        app.router.add_get("/", self._page)
        app.router.add_routes(self.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            host, port = runner.addresses[0][:2]
            async with self.telling.telling() if self.telling else contextlib.nullcontext():
                yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()

    # -- what each provider says in its own way --------------------------------------------------

    @abstractmethod
    def routes(self) -> Iterable[web.RouteDef]:
        """Where it answers, and how."""

    @abstractmethod
    def authorise(self, request: web.Request) -> Answer | None:
        """The refusal, if it is not one of ours who asks."""

    @abstractmethod
    def trouble(self, status: int, headers: dict[str, str]) -> Answer:
        """An error in the provider's own shape."""

    def take(self, messages: Sequence[Taken]) -> None:
        """Theirs from now on; who tells of what becomes of it begins to."""
        self.book.take(*messages)

    # -- requests --------------------------------------------------------------------------------

    async def submitted(
        self,
        request: web.Request,
        recipient: Callable[[bytes], str],
        judge: Callable[[web.Request, bytes], Judged],
    ) -> web.StreamResponse:
        """A message is handed over: judged, taken or not, and answered as the script wants it."""
        self.requests += 1
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _response(self.trouble(413, {}))
        fault = self.script.draw() or self.strangers.fault(recipient(body))
        await asyncio.sleep(self.script.pause(self.script.accepting))
        if fault is not None and not fault.taken:
            return await self._fail(request, fault, Answer(200))
        judged = self.authorise(request) or judge(request, body)
        if isinstance(judged, Answer):
            return _response(judged)
        messages, answer = judged
        self.take(messages)
        await asyncio.sleep(self.script.pause(self.script.answering))
        return await self._fail(request, fault, answer) if fault else _response(answer)

    async def asked(
        self, request: web.Request, answer: Callable[[web.Request, bytes], Answer]
    ) -> web.StreamResponse:
        """Somebody looks something up."""
        self.looked_up += 1
        body = await request.read()
        fault = self.look_ups.draw()
        said = self.authorise(request) or answer(request, body)
        return await self._fail(request, fault, said) if fault else _response(said)

    async def _fail(self, request: web.Request, fault: Fault, answer: Answer) -> web.StreamResponse:
        match fault:
            case Fault.HANG_BEFORE | Fault.HANG_AFTER:
                await _gone(request)
                return web.Response()
            case Fault.RESET_BEFORE | Fault.RESET_AFTER:
                _reset(request)
                return web.Response()
            case Fault.DRIP:
                await _drip(request, answer)
                return web.Response()
        return _response(self._nonsense(request, fault, answer))

    def _nonsense(self, request: web.Request, fault: Fault, answer: Answer) -> Answer:
        """An answer that comes at once, but is not the one; where it is taken, no id is in it."""
        if fault in STATUS:
            seconds = f"{self.script.retry_after.total_seconds():g}"
            limited = fault is Fault.RATE_LIMITED
            return self.trouble(STATUS[fault], {"Retry-After": seconds} if limited else {})
        match fault:
            case Fault.HTML:
                return Answer(200, PORTAL, {"Content-Type": "text/html; charset=utf-8"})
            case Fault.REDIRECT:
                return Answer(307, b"", {"Location": str(request.rel_url)})
            case Fault.EMPTY:
                return Answer(answer.status)
        half = answer.body[: len(answer.body) // 2] or b'{"message": "suc'
        bodies = {Fault.HALF_JSON: half, Fault.WRONG_TYPE: OTHER, Fault.HUGE: FILLED}
        return Answer(answer.status, bodies[fault], JSON)

    async def _page(self, request: web.Request) -> web.Response:
        """What it accepted, to look at."""
        rows = "".join(
            ROW.format(
                at=one.at,
                to=html.escape(one.to),
                says=html.escape(one.subject or one.text),
                id=html.escape(one.id),
            )
            for one in reversed(self.accepted[-500:])
        )
        count = len(self.accepted)
        odd = RECIPIENTS.format(_table()) if self.reaches_people else ""
        text = PAGE.format(name=self.name, count=count, rows=rows, recipients=odd)
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return web.Response(text=text, content_type="text/html", headers=policy)


def _table() -> str:
    """The recipients, as they are documented."""
    lines = (recipients.__doc__ or "").split("\n\n", 1)[1].splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if not line.startswith("|--")]
    rows = (f"{one[0]:<16}{one[1]}" if len(one) > 1 else one[0] for one in cells)
    return html.escape("\n".join(rows))


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


async def _gone(request: web.Request) -> None:
    """Until whoever asked has given up."""
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110 - aiohttp tells nobody
        await asyncio.sleep(0.05)


def _reset(request: web.Request) -> None:
    """A line that breaks, not one that ends."""
    if request.transport is not None:
        reset(request.transport)


def reset(transport: asyncio.BaseTransport) -> None:
    """RST instead of FIN."""
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


async def _drip(request: web.Request, answer: Answer) -> None:
    headers = {**answer.headers, "Content-Length": str(len(answer.body)), "Connection": "close"}
    first = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    await drip(request.transport, (first + lines + "\r\n").encode() + answer.body)


async def drip(transport: asyncio.BaseTransport | None, answer: bytes) -> None:
    """A byte a second, until it is told or nobody listens any more."""
    if not isinstance(transport, asyncio.WriteTransport):
        return
    for place in range(len(answer)):
        if transport.is_closing():
            return
        transport.write(answer[place : place + 1])
        await asyncio.sleep(DRIP)
    transport.close()
