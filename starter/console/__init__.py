"""The console for our own people: their tasks, the cases, the follow-ups and the post, behind a
login.

Server-rendered, without a script, without a request to any other host. It reads by the reports.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from starter.console import (
    cases,
    customers,
    entrance,
    feedback,
    follow_ups,
    inbox,
    outbox,
    papers,
    policies,
    privacy,
    tasks,
    templates,
)
from starter.console.guard import House, guarded, lost
from starter.desk import Desk

ROOMS = tuple(
    room.rooms
    for room in (
        entrance,
        tasks,
        cases,
        feedback,
        customers,
        follow_ups,
        inbox,
        outbox,
        policies,
        papers,
        privacy,
        templates,
    )
)


def door(desk: Desk) -> APIRouter:
    """The room's routes over a desk: each asks who comes, unless it says that anybody may."""
    router, house = APIRouter(include_in_schema=False), House.over(desk)
    for rooms in ROOMS:
        for page in rooms.pages:
            router.add_route(page.path, guarded(page, house), methods=[page.method])
    return router


async def nowhere(desk: Desk, request: Request) -> Response | None:
    """What somebody at a browser sees where nothing is; no answer for a program."""
    reads = "text/html" in request.headers.get("accept", "")
    return await lost(House.over(desk), request) if reads and request.method == "GET" else None
