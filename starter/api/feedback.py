"""`/v1/feedback`: what customers think, and what it is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from starlette.responses import JSONResponse

from activities.crm.house import house_rules
from activities.crm.keys import Scope
from starter.api import examples, receipts
from starter.api.follow_ups import QUEUED
from starter.api.paging import Paging, listed, there
from starter.api.problems import Fault
from starter.api.receipts import EventReceipt
from starter.api.routing import By, GuardedRoute, ServicesDep, needs
from starter.intake.patches import Moment
from starter.reports.objects import Page
from starter.reports.opinions import FeedbackView, Wanted

router = APIRouter(prefix="/v1", route_class=GuardedRoute, tags=["Feedback"])

Told = Annotated[dict[str, Any], Body(openapi_examples=examples.TOLD)]
Classes = Annotated[dict[str, Any], Body(openapi_examples=examples.CLASSES)]


@router.get("/feedback", summary="List feedback", response_model=Page[FeedbackView])
@needs(Scope.READ)
async def feedback(
    services: ServicesDep,
    paging: Paging,
    *,
    unclassified: Annotated[bool, Query(description="Only what nobody has classified")] = False,
    type: Annotated[
        str | None, Query(description="By the house's taxonomy: `product`, `delivery`…")
    ] = None,
    since: Annotated[Moment | None, Query(description="From this moment on")] = None,
    customer: Annotated[str | None, Query(description="Our id, or yours")] = None,
) -> Page[FeedbackView]:
    """What customers think, by form, reply, call or colleague, the newest first."""
    await _known(services, type)
    wanted = Wanted(unclassified=unclassified, type=type, since=since, customer=customer)
    return await listed(services.reports.feedback(wanted, cursor=paging))


@router.get("/feedback/{id}", summary="One customer's feedback", response_model=FeedbackView)
@needs(Scope.READ)
async def one(services: ServicesDep, id: str) -> FeedbackView:
    """Its scores and words, what it is, and the case that sees to it."""
    return there(await services.reports.opinion(id))


@router.post(
    "/feedback/{id}/classify",
    summary="Say what feedback is",
    response_model=FeedbackView,
    responses=QUEUED,
)
@needs(Scope.WRITE)
async def classify(services: ServicesDep, by: By, id: str, said: Classes) -> JSONResponse:
    """Its type, urgency and potential for escalation; what is serious opens a complaint. Said
    again, it is a change on record."""
    there(await services.reports.opinion(id))
    receipt = await services.desk.classify_feedback(id, said, by.by)
    found = there(await services.reports.opinion(id))
    return JSONResponse(found.model_dump(mode="json"), 202 if receipt.queued else 200)


@router.post(
    "/customers/{id}/feedback",
    summary="Write down what a customer thinks",
    response_model=EventReceipt,
    responses=QUEUED,
)
@needs(Scope.WRITE)
async def add(services: ServicesDep, by: By, id: str, said: Told) -> JSONResponse:
    """What they told a colleague: scores from 0 to 100, their words, and what it is, if known."""
    there(await services.reports.exists(customer=id))
    receipt = await services.desk.add_feedback(id, said, by.by, request=by.event_id)
    return receipts.answer(receipt)


async def _known(services: ServicesDep, said: str | None) -> None:
    """A type that the house does not have is refused, not answered with an empty list."""
    if said is None:
        return
    async with services.store.reading() as session:
        types = (await house_rules(session)).taxonomy.types
    if said not in types:
        raise Fault(422, "unknown_type", f"One of {', '.join(types)}.", param="type")
