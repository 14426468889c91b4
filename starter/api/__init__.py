"""The HTTP API: keys, problem details, and routes that lead to the desk and to the reports."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from starter import health
from starter.answers import Refusal
from starter.api import (
    events,
    feedback,
    follow_ups,
    openapi,
    papers,
    people,
    policies,
    privacy,
    probes,
    problems,
    reference,
    tasks,
)
from starter.api.idempotency import Once
from starter.api.middleware import Frame
from starter.api.probes import Readiness
from starter.api.problems import Fault
from starter.api.routing import Services
from starter.desk import Desk
from starter.reports import Reports

Lifespan = Any  # a context manager made from the app, as Starlette has it
ROUTERS = (
    events,
    follow_ups,
    people,
    papers,
    feedback,
    tasks,
    privacy,
    policies,
    probes,
    reference,
)


def create_app(
    desk: Desk, *, readiness: Readiness | None = None, lifespan: Lifespan | None = None
) -> FastAPI:
    """The web application over a desk; `readiness` is asked by `/readyz`."""
    app = FastAPI(
        title="Aftercare",
        summary="Follow-up after the sale, by the book.",
        description=openapi.DESCRIPTION,
        version=version("aftercare"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.services = Services(
        desk=desk,
        reports=Reports(desk.store, desk.clock),
        store=desk.store,
        clock=desk.clock,
        once=Once(desk.store, desk.clock),
    )
    app.state.readiness = readiness or partial(health.readiness, desk.store)
    for module in ROUTERS:
        app.include_router(module.router)
    app.add_middleware(Frame)
    for error in (Fault, Refusal, RequestValidationError, HTTPException):
        app.add_exception_handler(error, _problem)
    openapi.install(app)
    return app


async def _problem(_: Request, error: Exception) -> Response:
    """Whatever was raised on purpose, as a problem."""
    match error:
        case Refusal():
            return problems.answer(error.problem)
        case RequestValidationError():
            return problems.answer(problems.from_validation(error))
        case HTTPException():
            return problems.answer(problems.from_status(error.status_code, error.headers))
        case Fault():
            return problems.answer(error)
    raise error
