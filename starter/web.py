"""The web application as a process: every door to the desk, and the relay that tells Temporal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from activities.settings import Settings
from starter import console, inbound
from starter.api import Lifespan, create_app
from starter.api.probes import Readiness
from starter.api.routing import Services
from starter.bootstrap import open_desk
from starter.desk import Desk

GRACE = 10  # seconds for requests under way, once told to stop
AGAIN = 5.0  # seconds after which a relay that fell over begins again
HOUR = 3600.0
STOP = (signal.SIGINT, signal.SIGTERM)

Handler = Callable[[Request, Exception], Awaitable[Response]]

log = structlog.get_logger("aftercare.web")


class Server(uvicorn.Server):
    """One that leaves with 0 when told to stop: uvicorn's own dies of the signal afterwards."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for sign in STOP:
            loop.add_signal_handler(sign, self._stop)
        try:
            yield
        finally:
            for sign in STOP:
                loop.remove_signal_handler(sign)

    def _stop(self) -> None:
        self.force_exit = self.should_exit  # told twice: now
        self.should_exit = True


def create_site(
    desk: Desk, *, readiness: Readiness | None = None, lifespan: Lifespan | None = None
) -> FastAPI:
    """Every door in one application: rooms that do not know each other, within the API's frame."""
    site = create_app(desk, readiness=readiness, lifespan=lifespan)
    for room in (inbound, console):
        site.include_router(room.door(desk))
    to_programs = cast("Handler", site.exception_handlers[HTTPException])

    async def amiss(request: Request, error: Exception) -> Response:
        """Where nothing is, a person at a browser gets a page, a program the API's problem."""
        gone = isinstance(error, HTTPException) and error.status_code in (404, 405)
        page = await console.nowhere(desk, request) if gone else None
        return page or await to_programs(request, error)

    site.add_exception_handler(HTTPException, amiss)
    return site


async def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serve until told to stop; what was kept is relayed meanwhile, even what came before."""
    async with open_desk(settings) as desk:
        config = uvicorn.Config(
            create_site(desk, lifespan=_lifespan(desk)),
            host=host,
            port=port,
            log_config=None,
            log_level="warning",
            access_log=False,  # our own line says the route, never an address with a query
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        await Server(config).serve()


def _lifespan(desk: Desk) -> Lifespan:
    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        services: Services = app.state.services
        chores = [
            asyncio.create_task(_for_ever("relay", desk.run, AGAIN)),
            asyncio.create_task(_for_ever("fetch", desk.fetch_by_the_hour, AGAIN)),
            asyncio.create_task(_for_ever("tidy", services.once.forget_old, HOUR)),
        ]
        log.info("serving")
        try:
            yield
        finally:
            log.info("leaving")
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)

    return living


async def _for_ever(name: str, chore: Callable[[], Awaitable[None]], pause: float) -> None:
    """A chore that falls over begins again; a process that serves but never relays is no use."""
    while True:
        try:
            await chore()
        except Exception as error:  # noqa: BLE001 - whatever it was, its text may name somebody
            log.error("chore failed", chore=name, error=type(error).__name__)
        await asyncio.sleep(pause)
