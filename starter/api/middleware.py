"""Around every request: its id, one line in the log, safe headers, and a last resort."""

from __future__ import annotations

import secrets
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from starter.api import problems
from starter.api.problems import Fault

log = structlog.get_logger("aftercare.api")

NOT_KEPT = (OperationalError, InterfaceError, PoolTimeoutError, ConnectionError)

SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Frame:
    """The outermost frame of the API: whatever happens inside, an answer with an id leaves it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with _bound() as request_id:
            begun, status = time.monotonic(), 0

            async def reply(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    headers = MutableHeaders(scope=message)
                    headers["Request-Id"] = request_id
                    for name, value in SAFE.items():
                        headers.setdefault(name, value)
                await send(message)

            try:
                await self.app(scope, receive, reply)
            except Exception as error:
                fault = _last_resort(error)
                if status:
                    raise  # half an answer is out already: the server breaks it off
                await problems.answer(fault)(scope, receive, reply)
            log.info(
                "request",
                method=scope["method"],
                route=getattr(scope.get("route"), "path", None),  # never the path: it may say who
                status=status,
                ms=round((time.monotonic() - begun) * 1000),
            )


@contextmanager
def _bound() -> Iterator[str]:
    request_id = f"req_{secrets.token_hex(10)}"
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    try:
        yield request_id
    finally:
        structlog.contextvars.clear_contextvars()


def _last_resort(error: Exception) -> Fault:
    """503 if it could not be kept, else 500; what happened goes to the log, without any value."""
    where = [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-8:]
    ]
    kept = not isinstance(error, NOT_KEPT)
    log.error("failed", error=type(error).__name__, where=where)
    return Fault(500, "internal") if kept else Fault(503, "unavailable")
