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

router = APIRouter(prefix="/v1/policies", route_class=GuardedRoute, tags=["Policies"])


class Change(Strict):
    """Values to change, all others stay; in force for new follow-ups once it is approved."""

    values: dict[str, Any] = Field(min_length=1)
    reason: str
    approve: bool = False


class Discard(Strict):
    """Why it is dropped."""

    reason: str


@router.get("/{name}", summary="A policy as it stands")
@needs(Scope.READ)
async def show(services: ServicesDep, name: str) -> dict[str, Any]:
    """Its values, its version, who approved it, and what is still blank."""
    with _named():
        return await services.desk.policy_show(name)


@router.put("/{name}", summary="Change a policy")
@needs(Scope.ADMIN)
async def change(
    services: ServicesDep,
    by: By,
    name: str,
    said: Annotated[Change, Body(openapi_examples=examples.CHANGES)],
) -> dict[str, Any]:
    """A new version. Who is in flight keeps the policy they began with."""
    needs_reason(said.reason)
    with _named():
        return await services.desk.policy_set(
            name, said.values, by=by.by, reason=said.reason, approve=said.approve
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
