"""`/v1/policies`: what an SOP leaves in brackets, and the house rules (`house`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import Field

from activities.crm.keys import Scope
from starter.answers import Refusal
from starter.api import examples
from starter.api.follow_ups import Strict
from starter.api.problems import Fault
from starter.api.routing import By, GuardedRoute, ServicesDep, needs
from starter.desk import needs_reason
from starter.desk.in_flight import To

router = APIRouter(prefix="/v1/policies", route_class=GuardedRoute, tags=["Policies"])
SILENT: dict[int | str, dict[str, Any]] = {
    503: {"description": "Those in flight cannot be asked just now; nothing was changed"}
}

Confirmed = Annotated[
    int | None,
    Field(ge=0, description="The preview's `confirm`: so many may be due at once, and may be"),
]


class Change(Strict):
    """Values to change, all others stay; in force once it is approved, for new follow-ups, or for
    those running, too."""

    values: dict[str, Any] = Field(min_length=1)
    reason: str
    approve: bool = False
    to: To = "new"
    confirm: Confirmed = None


class Approval(Strict):
    """For whom it is, and which version was looked at: a later one is not approved unseen."""

    to: To = "new"
    confirm: Confirmed = None
    version: int | None = Field(None, ge=1)


class Undoing(Strict):
    """Why, and for whom: those whom it was for that is undone, if nobody is named."""

    reason: str
    to: To | None = None
    confirm: Confirmed = None


class Move(Strict):
    """Why those in flight are to follow what is in force."""

    reason: str
    confirm: Confirmed = None


class What(Strict):
    """These changes; without any, what waits for approval; or what was in force before."""

    values: dict[str, Any] = Field({})
    undo: bool = False


class Discard(Strict):
    """Why it is dropped."""

    reason: str


@router.get("/{name}", summary="A policy as it stands")
@needs(Scope.READ)
async def show(services: ServicesDep, name: str) -> dict[str, Any]:
    """Its values, its version, who approved it, and what is still blank."""
    with _named():
        return await services.desk.policy_show(name)


@router.put("/{name}", summary="Change a policy", responses=SILENT)
@needs(Scope.ADMIN)
async def change(
    services: ServicesDep,
    by: By,
    name: str,
    said: Annotated[Change, Body(openapi_examples=examples.CHANGES)],
) -> dict[str, Any]:
    """A new version. Who is in flight keeps the policy they began with, unless it is for those
    `running`: then what a clause sleeps for moves with it, and what is done stays done."""
    needs_reason(said.reason)
    with _named():
        return await services.desk.policy_set(
            name,
            said.values,
            by=by.by,
            reason=said.reason,
            approve=said.approve,
            to=said.to,
            confirm=said.confirm,
        )


@router.get("/{name}/versions", summary="The versions of a policy")
@needs(Scope.READ)
async def versions(services: ServicesDep, name: str) -> dict[str, Any]:
    """Who set each, when and why, who approved it, what it changed, and whom it moved."""
    with _named():
        return {"data": await services.desk.policy_versions(name), "has_more": False}


@router.post("/{name}/preview", summary="Preview a change for those in flight", responses=SILENT)
@needs(Scope.ADMIN)
async def preview(services: ServicesDep, name: str, said: What) -> dict[str, Any]:
    """How many would be due sooner, later, at once; nothing moves. Each follow-up is asked."""
    with _named():
        return await services.desk.policy_preview(name, said.values, undo=said.undo)


@router.post("/{name}/approve", summary="Approve what somebody else has set", responses=SILENT)
@needs(Scope.ADMIN)
async def approve(services: ServicesDep, by: By, name: str, said: Approval) -> dict[str, Any]:
    """The newest version is in force from now on."""
    with _named():
        return await services.desk.policy_approve(
            name, by=by.by, to=said.to, confirm=said.confirm, version=said.version
        )


@router.post(
    "/{name}/move", summary="Have those in flight follow what is in force", responses=SILENT
)
@needs(Scope.ADMIN)
async def move(services: ServicesDep, by: By, name: str, said: Move) -> dict[str, Any]:
    """Who heard of this version before hears nothing new."""
    with _named():
        return await services.desk.policy_move(
            name, by=by.by, reason=said.reason, confirm=said.confirm
        )


@router.post("/{name}/undo", summary="Undo a change", responses=SILENT)
@needs(Scope.ADMIN)
async def undo(services: ServicesDep, by: By, name: str, said: Undoing) -> dict[str, Any]:
    """What was in force before comes again, as a new version."""
    with _named():
        return await services.desk.policy_undo(
            name, by=by.by, reason=said.reason, to=said.to, confirm=said.confirm
        )


@router.post("/{name}/discard", summary="Discard what waits for approval")
@needs(Scope.ADMIN)
async def discard(services: ServicesDep, by: By, name: str, said: Discard) -> dict[str, Any]:
    """The draft is dropped; what is in force stays so."""
    with _named():
        return await services.desk.policy_discard(name, by=by.by, reason=said.reason)


@contextmanager
def _named() -> Iterator[None]:
    """Of a policy there is not, the address is wrong and not the body."""
    try:
        yield
    except Refusal as refusal:
        if refusal.code == "unknown_sop":
            raise Fault(404, "not_found") from None
        raise
