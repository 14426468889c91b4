"""`/v1/customers`, `/v1/messages`: what is known, and was said."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.responses import JSONResponse

from activities.crm.keys import Scope
from starter.api import examples, receipts
from starter.api.follow_ups import QUEUED, Strict
from starter.api.paging import Paging, listed, there
from starter.api.receipts import EventReceipt
from starter.api.routing import By, GuardedRoute, ServicesDep, needs
from starter.reports.objects import (
    CustomerView,
    DecisionView,
    MessageState,
    MessageView,
    Page,
    TimelineEntry,
)

router = APIRouter(prefix="/v1", route_class=GuardedRoute)


class Letter(Strict):
    """What a person writes, in Markdown; `case` names the open case meant, if there are several."""

    text: str
    subject: str | None = None
    case: str | None = None


Ours = Annotated[str | None, Query(description="Our id, or yours")]


@router.get(
    "/customers/{id}", summary="A customer", response_model=CustomerView, tags=["Customers"]
)
@needs(Scope.READ)
async def customer(services: ServicesDep, id: str) -> CustomerView:
    """By our id, or by one of yours: consent, holds, orders and follow-ups."""
    return there(await services.reports.customer(id))


@router.get(
    "/customers/{id}/timeline",
    summary="All that happened",
    response_model=Page[TimelineEntry],
    tags=["Customers"],
)
@needs(Scope.READ)
async def timeline(
    services: ServicesDep,
    paging: Paging,
    id: str,
) -> Page[TimelineEntry]:
    """Messages, replies, tasks, orders, holds and consents, the newest first."""
    return await listed(services.reports.timeline(id, cursor=paging))


@router.get(
    "/customers/{id}/why",
    summary="Why they got this, or did not",
    response_model=Page[DecisionView],
    tags=["Customers"],
)
@needs(Scope.READ)
async def why(
    services: ServicesDep,
    paging: Paging,
    id: str,
    clause: str | None = None,
) -> Page[DecisionView]:
    """What was decided about them, with the facts, and in a sentence."""
    return await listed(services.reports.why(id, clause, only="customer", cursor=paging))


@router.post(
    "/customers/{id}/messages",
    summary="Write to a customer",
    response_model=EventReceipt,
    responses=QUEUED,
    tags=["Customers"],
)
@needs(Scope.WRITE)
async def write(
    services: ServicesDep,
    by: By,
    id: str,
    said: Annotated[Letter, Body(openapi_examples=examples.LETTERS)],
) -> JSONResponse:
    """A person's own answer, through the gate: to the open case, which it answers, or by itself."""
    there(await services.reports.exists(customer=id))
    letter = said.model_dump(exclude_unset=True)
    return receipts.answer(await services.desk.write(id, letter, by.by, request=by.event_id))


@router.get(
    "/messages", summary="List messages", response_model=Page[MessageView], tags=["Messages"]
)
@needs(Scope.READ)
async def messages(
    services: ServicesDep,
    paging: Paging,
    customer: Ours = None,
    follow_up: str | None = None,
    state: MessageState | None = None,
) -> Page[MessageView]:
    """Messages as they were sent, the newest first; `state=unknown` are those in doubt."""
    return await listed(
        services.reports.messages(
            customer=customer, follow_up=follow_up, state=state, cursor=paging
        )
    )


@router.get("/messages/{id}", summary="A message", response_model=MessageView, tags=["Messages"])
@needs(Scope.READ)
async def message(services: ServicesDep, id: str) -> MessageView:
    """What it said, to whom (masked), and what became of it."""
    return there(await services.reports.message(id))
