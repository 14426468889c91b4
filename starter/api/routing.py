"""Every `/v1` route asks for a key with the scope it names, refuses parameters it does not know,
and carries a POST out once per `Idempotency-Key`. A route that names no scope cannot be made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import structlog
from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.responses import Response

from activities.clock import Clock
from activities.crm import keys
from activities.crm.keys import Scope
from activities.crm.store import Store
from starter.answers import Refusal
from starter.api import body, problems
from starter.api.idempotency import Once, event_id, key_of
from starter.api.problems import Fault
from starter.desk import Desk
from starter.reports import Reports

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True)
class Caller:
    """Who calls: the key's id, and the id of the event if the caller named the request."""

    key_id: str
    event_id: str | None = None

    @property
    def by(self) -> str:
        return f"api:{self.key_id}"


@dataclass(frozen=True)
class Services:
    """What the routes lead to."""

    desk: Desk
    reports: Reports
    store: Store
    clock: Clock
    once: Once


def needs(scope: Scope) -> Callable[[Endpoint], Endpoint]:
    """Says which scope a route asks for; every route has to."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.__dict__["scope"] = scope
        return endpoint

    return mark


class GuardedRoute(APIRoute):
    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        scope: Scope | None = getattr(endpoint, "scope", None)
        if scope is None:
            raise TypeError(f"{path} does not say which scope it needs")
        self.scope = scope
        options["openapi_extra"] = {"security": [{"key": [scope.value]}]} | (
            options.get("openapi_extra") or {}
        )
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        inner = super().get_route_handler()
        known = _parameters(self.dependant)

        async def guarded(request: Request) -> Response:
            services: Services = request.app.state.services
            key_id = await _identify(request, services, self.scope)
            _check_address(request, known)
            raw = await body.read(request)
            body.parse(raw, request.headers.get("content-type", ""))
            request = Request(request.scope, _again(raw))
            key = key_of(request) if request.method == "POST" else None
            named = event_id(key_id, key) if key else None
            request.state.caller = Caller(key_id, named)

            async def carry() -> Response:
                try:
                    return await inner(request)
                except Refusal as refusal:
                    return problems.answer(refusal.problem)

            if key is None:
                return await carry()
            return await services.once(request, key_id, key, raw, carry)

        return guarded


def _parameters(dependant: Dependant) -> set[str]:
    """The query parameters a route reads, those of what it depends on included."""
    deeper = [_parameters(one) for one in dependant.dependencies]
    return {field.alias for field in dependant.query_params}.union(*deeper)


async def _identify(request: Request, services: Services, scope: Scope) -> str:
    """The id of the caller's key: 401 for none that is good, 403 for one that does not fit."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Fault(401, "unauthorized", "Send your key as `Authorization: Bearer ac_…`.")
    now = services.clock.real()
    async with services.store.reading() as session:
        key = await keys.check(session, secret.strip())
    if key is None:
        raise Fault(401, "unauthorized", "This key is not known, or was revoked.")
    structlog.contextvars.bind_contextvars(key=key.id)
    if not keys.opens(key, scope):
        raise Fault(403, "forbidden", f"This key lacks the scope `{scope.value}`.")
    if keys.is_due(key, now):
        async with services.store.transaction() as session:
            await keys.note_use(session, now, key.id)
    return key.id


def _check_address(request: Request, known: set[str]) -> None:
    """Path and query hold printable text only, and no parameter that nobody reads."""
    for value in request.path_params.values():
        if not (0 < len(value) <= 255 and value.isprintable()):
            raise Fault(404, "not_found")
    for name, value in request.query_params.multi_items():
        if name not in known:
            shown = name if name.isidentifier() and len(name) < 40 else None
            raise Fault(422, "unknown_parameter", param=shown)
        if not (len(value) <= 255 and value.isprintable()):
            raise Fault(422, "invalid_text", param=name)


def _again(raw: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    """The body once more, for whoever reads it next."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    return receive


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


ServicesDep = Annotated[Services, Depends(_services)]
By = Annotated[Caller, Depends(_caller)]
