"""What customers send back to us, each from a link in a message of ours; no key is asked for."""

from __future__ import annotations

from fastapi import APIRouter

from starter.desk import Desk


def door(desk: Desk) -> APIRouter:
    """The room's routes over a desk; the token in the address says who knocks."""
    del desk
    return APIRouter(include_in_schema=False)
