"""`/hooks/…`: what other systems post. Proved, kept as it came, answered; read afterwards.

What is not signed is refused with 401. What cannot be proved or kept for now gets 503, so that its
sender tries again: nothing is lost while a secret is missing or the database away.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Any

import structlog
from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response

from starter.desk import Desk
from starter.inbound import forms
from starter.inbound.doorstep import complain
from starter.inbound.forms import UnreadableError
from starter.senders import Delivery, Reply, Sender
from starter.senders.registry import SENDERS

MINUTE = 60.0  # seconds
LARGE, MOST_LARGE = 1_000_000, 8  # bytes; how many such are in our hands at once
AGAIN = {"Retry-After": "60"}
SAYS = {
    400: "the body broke off",
    401: "the signature is missing, or does not fit what was posted",
    408: "the body took too long",
    413: "the body is too large",
    503: "this could not be kept: send it again",
}

log = structlog.get_logger("aftercare.hooks")


class RefusedError(UnreadableError):
    """Not taken; the status says why."""

    def __init__(self, status: int, *, says: str = "") -> None:
        super().__init__(status)
        self.says = says or SAYS[status]


class Counts:
    """Refusals by door, written down once a minute: whoever has no key must not make us write."""

    def __init__(self) -> None:
        self.unsaid: Counter[str] = Counter()
        self.said_at: dict[str, float] = {}

    def one_more(self, path: str) -> int:
        """How many are to be written down now."""
        self.unsaid[path] += 1
        now = asyncio.get_running_loop().time()
        if now - self.said_at.get(path, -MINUTE) < MINUTE:
            return 0
        self.said_at[path] = now
        return self.unsaid.pop(path)


COUNTS = Counts()


class Rooms:
    """Nobody knows yet whose a body is. Of those that are large only some are taken in at once,
    the others are asked to come again; and room is given to what has come, not to what is said to
    come, so that nobody keeps it by sending nothing."""

    def __init__(self) -> None:
        self.taken: set[Request] = set()

    def make(self, request: Request, size: int) -> None:
        if size > LARGE and request not in self.taken:
            if len(self.taken) >= MOST_LARGE:
                raise RefusedError(503)
            self.taken.add(request)


ROOMS = Rooms()


def hooks(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/hooks")
    for sender in SENDERS.values():
        take = partial(_answered, desk, sender)
        router.add_api_route(f"/{sender.path}", _endpoint(take), methods=["POST"])
        router.add_api_route(f"/{sender.path}", _endpoint(_there), methods=["HEAD"])
    return router


def _endpoint(take: Any) -> Any:
    """What FastAPI calls: it reads a function's own parameters, and asks for those of a partial."""

    async def endpoint(request: Request) -> Response:
        answer: Response = await take(request)
        return answer

    return endpoint


async def _there(_: Request) -> Response:
    """Some ask whether anybody is there before they post."""
    return Response()


async def _answered(desk: Desk, sender: Sender, request: Request) -> Response:
    try:
        return await _taken(desk, sender, request)
    except UnreadableError as refused:
        log.warning("refused", sender=sender.path, status=refused.status)
        says = refused.says if isinstance(refused, RefusedError) else SAYS[refused.status]
        answer = _problem(refused.status, says)
        if refused.status == 401 and (count := COUNTS.one_more(sender.path)):
            answer.background = BackgroundTask(_count, desk, sender.path, count)
        return answer
    except (SQLAlchemyError, OSError) as error:
        complain(error)
        return _problem(503, SAYS[503])
    finally:
        ROOMS.taken.discard(request)


async def _taken(desk: Desk, sender: Sender, request: Request) -> Response:
    body = await forms.body(request, sender.most, grows=partial(ROOMS.make, request))
    delivery = Delivery(body, _headers(request), request.url.query)
    settings, real = desk.settings, desk.clock.real()
    if greeting := sender.greets(delivery, settings):
        return _said(greeting)
    if not sender.is_set_up(settings):
        raise RefusedError(503, says=f"set {sender.variable}, then this is taken")
    if not sender.is_genuine(delivery, settings, real):
        raise RefusedError(401)
    row_id = await desk.keep(sender, delivery)
    answer = _said(sender.thanks)
    answer.background = BackgroundTask(_read, desk, row_id)
    return answer


async def _count(desk: Desk, path: str, count: int) -> None:
    try:
        await desk.refused(path, count)
    except Exception as error:  # noqa: BLE001 - it was refused, whoever hears of it
        complain(error)


async def _read(desk: Desk, row_id: str) -> None:
    """At once, if that is possible; else whoever looks after the inbox does it."""
    try:
        await desk.read_delivery(row_id)
    except Exception as error:  # noqa: BLE001 - it is kept, and answered
        complain(error)


def _headers(request: Request) -> dict[str, str]:
    """By their names in small letters; of one that is said twice, the first."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found.setdefault(name.lower(), value)
    return found


def _said(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=reply.media_type)


def _problem(status: int, says: str) -> JSONResponse:
    headers = AGAIN if status == 503 else {}
    if status in (408, 413):
        headers = {"Connection": "close"}  # the rest of the body is still on its way
    said = {"title": says, "status": status}
    return JSONResponse(said, status, headers, media_type="application/problem+json")
