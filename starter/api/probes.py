"""`/livez` and `/readyz`: for whoever keeps this process alive and sends it traffic."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from starter.health import Check

KEEPS = "database"  # the one thing without which an event cannot be kept

Readiness = Callable[[], Awaitable[list[Check]]]

router = APIRouter(tags=["Probes"])


@router.get("/livez", summary="Whether the process lives")
async def livez() -> dict[str, str]:
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="Whether everything is there",
    responses={503: {"description": "Events cannot be kept: send no traffic"}},
)
async def readyz(request: Request) -> JSONResponse:
    """Database, migrations, Temporal, a worker.

    Without Temporal or a worker it is `degraded`, yet 200: events are still kept, and taking this
    process out of traffic would lose them.
    """
    checks: list[Check] = await request.app.state.readiness()
    broken = {check.name for check in checks if check.state == "broken"}
    status = "unavailable" if KEEPS in broken else "degraded" if broken else "ready"
    said = {check.name: {"state": check.state} for check in checks}
    return JSONResponse({"status": status, "checks": said}, 503 if KEEPS in broken else 200)
