"""What comes to us without a key: customers, by a link in a message of ours; other systems, which
prove themselves by a signature."""

from __future__ import annotations

from fastapi import APIRouter

from starter.desk import Desk
from starter.inbound.clicks import clicks
from starter.inbound.feedback import feedback
from starter.inbound.hooks import hooks
from starter.inbound.preferences import preferences


def door(desk: Desk) -> APIRouter:
    """The room's routes over a desk; a token in the address, or a signature, says who knocks."""
    router = APIRouter(include_in_schema=False)
    for room in (preferences, feedback, clicks, hooks):
        router.include_router(room(desk))
    return router
