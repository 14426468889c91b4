"""What customers send back to us, each from a link in a message of ours; no key is asked for."""

from __future__ import annotations

from fastapi import APIRouter

from starter.desk import Desk
from starter.inbound.feedback import feedback
from starter.inbound.preferences import preferences


def door(desk: Desk) -> APIRouter:
    """The room's routes over a desk; the token in the address says who knocks."""
    router = APIRouter(include_in_schema=False)
    for room in (preferences, feedback):
        router.include_router(room(desk))
    return router
