"""`/v1/follow-ups`: start one, see where it stands, signal it, control it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from activities.crm.keys import Scope
from starter.api import examples, receipts
from starter.api.filters import SopNamed
from starter.api.paging import Paging, listed, there
from starter.api.receipts import EventReceipt
from starter.api.routing import By, Caller, GuardedRoute, ServicesDep, needs
from starter.desk import Verb
from starter.reports.objects import DecisionView, FollowUp, FollowUpState, Page

router = APIRouter(prefix="/v1", route_class=GuardedRoute, tags=["Follow-ups"])

QUEUED: dict[int | str, dict[str, Any]] = {202: {"description": "Kept; Temporal is yet to be told"}}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Start(Strict):
    """A follow-up to begin by hand; `customer`, `order` and `contract` as in an event."""

    sop: str
    customer: dict[str, Any]
    order: dict[str, Any] | None = None
    contract: dict[str, Any] | None = None
    policy: dict[str, Any] | None = None


class Control(Strict):
    """Why, and for one clause only where that makes sense."""

    reason: str
    clause: str | None = None


@router.post(
    "/follow-ups",
    summary="Start a follow-up",
    status_code=201,
    response_model=FollowUp,
    responses={**QUEUED, 200: {"model": FollowUp, "description": "It existed already"}},
)
@needs(Scope.WRITE)
async def start(
    services: ServicesDep, by: By, said: Annotated[Start, Body(openapi_examples=examples.STARTS)]
) -> JSONResponse:
    """Start a follow-up, or get the one that this customer or order has already."""
    id_, created, effect = await services.desk.start(
        said.sop, said.customer, said.order, said.contract, said.policy, by.by
    )
    follow_up = there(await services.reports.follow_up(id_))
    status = 200 if not created else 202 if effect == "queued" else 201
    return JSONResponse(follow_up.model_dump(mode="json"), status)


@router.get("/follow-ups", summary="List follow-ups", response_model=Page[FollowUp])
@needs(Scope.READ)
async def follow_ups(
    services: ServicesDep,
    paging: Paging,
    customer: Annotated[str | None, Query(description="Our id, or yours")] = None,
    sop: SopNamed = None,
    state: FollowUpState | None = None,
) -> Page[FollowUp]:
    """Follow-ups, the newest first."""
    return await listed(
        services.reports.follow_ups(customer=customer, sop=sop, state=state, cursor=paging)
    )


@router.get("/follow-ups/{id}", summary="Where a follow-up stands", response_model=FollowUp)
@needs(Scope.READ)
async def follow_up(services: ServicesDep, id: str) -> FollowUp:
    """Its checklist, clause by clause: done, next and when, skipped and why, on hold."""
    return there(await services.reports.follow_up(id))


@router.get("/follow-ups/{id}/why", summary="Why, or why not", response_model=Page[DecisionView])
@needs(Scope.READ)
async def why(
    services: ServicesDep,
    paging: Paging,
    id: str,
    clause: str | None = None,
) -> Page[DecisionView]:
    """What was decided about it, with the facts, and in a sentence."""
    return await listed(services.reports.why(id, clause, only="follow_up", cursor=paging))


def _signal_body(said: dict[str, Any] | None, by: Caller) -> dict[str, Any]:
    """The body, under the request's own id if it names none, so that it is heard once."""
    body = dict(said or {})
    if by.event_id:
        body.setdefault("id", by.event_id)
    return body


Said = Annotated[dict[str, Any] | None, Body(openapi_examples=examples.SIGNALS)]


@router.post(
    "/follow-ups/{id}/signals/{name}",
    summary="Signal a follow-up",
    response_model=EventReceipt,
    responses=QUEUED,
)
@needs(Scope.WRITE)
async def signal(
    services: ServicesDep,
    by: By,
    id: str,
    name: str,
    said: Said = None,
) -> JSONResponse:
    """By signal or event name. What a person wrote goes to the CRM; only ids go on."""
    there(await services.reports.exists(follow_up=id))
    return receipts.answer(await services.desk.signal(id, name, _signal_body(said, by), by.by))


@router.post(
    "/customers/{id}/signals/{name}",
    summary="Signal a customer's follow-ups",
    response_model=EventReceipt,
    responses=QUEUED,
    tags=["Customers"],
)
@needs(Scope.WRITE)
async def signal_customer(
    services: ServicesDep,
    by: By,
    id: str,
    name: str,
    said: Said = None,
) -> JSONResponse:
    """The same for all that are open; to `keep-in-touch`, else to a person, if none is."""
    there(await services.reports.exists(customer=id))
    return receipts.answer(await services.desk.signal(id, name, _signal_body(said, by), by.by))


def _control(verb: Verb, summary: str) -> None:
    @router.post(
        f"/follow-ups/{{id}}/{verb}",
        summary=summary,
        response_model=EventReceipt,
        responses=QUEUED,
        name=verb,
    )
    @needs(Scope.WRITE)
    async def control(
        services: ServicesDep,
        by: By,
        id: str,
        said: Annotated[Control, Body(openapi_examples=examples.CONTROLS)],
    ) -> JSONResponse:
        there(await services.reports.exists(follow_up=id))
        receipt = await services.desk.control(
            verb, id, clause=said.clause, reason=said.reason, by=by.by
        )
        return receipts.answer(receipt)


_control("hold", "Put a follow-up on hold")
_control("resume", "Release its holds")
_control("skip", "Skip a clause, or the first that is blocked")
_control("run-now", "Do now what is due later")
_control("retry", "Try again what was blocked")
_control("end", "End a follow-up")
