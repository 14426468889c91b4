"""`/v1/privacy-requests` and what the law asks besides: the proof of consent, the record."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Body
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from starlette.responses import JSONResponse

from activities.crm.keys import Scope
from starter.api import examples
from starter.api.follow_ups import Strict
from starter.api.paging import Paging, listed, there
from starter.api.routing import By, GuardedRoute, Services, ServicesDep, needs
from starter.intake.patches import DAY, StrictModel, Words
from starter.reports import privacy
from starter.reports.objects import Page
from starter.reports.privacy import (
    ConsentStatement,
    PrivacyRequestView,
    RequestKind,
    RequestState,
)
from starter.reports.processing import Processing, processing

router = APIRouter(prefix="/v1", route_class=GuardedRoute, tags=["Privacy"])


def _day(said: object) -> object:
    if isinstance(said, str) and DAY.fullmatch(said):
        return said
    raise PydanticCustomError("invalid_time", "write the day as 2026-11-23")


class Asked(StrictModel):
    """What a customer asks about their data; `received` is today, if it is left out."""

    kind: RequestKind
    received: Annotated[date, BeforeValidator(_day)] | None = None
    channel: Literal["email", "sms", "phone", "letter", "chat", "form"] | None = None


class Answered(StrictModel):
    """Granted or refused; who is refused is told why."""

    outcome: Literal["granted", "refused"]
    reason: Annotated[Words, Field(min_length=1)] | None = None


class Longer(Strict):
    """Why two months more are needed."""

    reason: str


@router.post(
    "/customers/{id}/privacy-requests",
    summary="Take down a request about data",
    status_code=201,
    response_model=PrivacyRequestView,
    responses={200: {"model": PrivacyRequestView, "description": "One of the kind is open"}},
)
@needs(Scope.WRITE)
async def ask(
    services: ServicesDep,
    by: By,
    id: str,
    said: Annotated[Asked, Body(openapi_examples=examples.PRIVACY)],
) -> JSONResponse:
    """A task for the privacy officer, due a month after it was received. An objection is an
    opt-out at once, a restriction a hold."""
    there(await services.reports.exists(customer=id))
    found, new = await services.desk.privacy_open(
        id, said.kind, received=said.received, channel=said.channel, by=by.by
    )
    return await _seen(services, found, 201 if new else 200)


@router.get(
    "/customers/{id}/privacy-requests",
    summary="A customer's requests about data",
    response_model=Page[PrivacyRequestView],
)
@needs(Scope.READ)
async def of_customer(
    services: ServicesDep, paging: Paging, id: str, state: RequestState | None = None
) -> Page[PrivacyRequestView]:
    """What they asked, the newest first, and how much of its month is left."""
    there(await services.reports.exists(customer=id))
    return await listed(privacy.requests(services.reports, customer=id, state=state, cursor=paging))


@router.get(
    "/customers/{id}/consents",
    summary="What a customer allowed, and when",
    response_model=Page[ConsentStatement],
)
@needs(Scope.READ)
async def consents(services: ServicesDep, paging: Paging, id: str) -> Page[ConsentStatement]:
    """Every word of theirs: what, when, where, and in which words; the newest first."""
    there(await services.reports.exists(customer=id))
    return await listed(privacy.proof(services.reports, id, cursor=paging))


@router.get(
    "/privacy-requests",
    summary="The register of requests about data",
    response_model=Page[PrivacyRequestView],
)
@needs(Scope.READ)
async def register(
    services: ServicesDep, paging: Paging, state: RequestState | None = None
) -> Page[PrivacyRequestView]:
    """All of them, the newest first; `state=open` is what is left."""
    return await listed(privacy.requests(services.reports, state=state, cursor=paging))


@router.post(
    "/privacy-requests/{id}/close",
    summary="Answer a request about data",
    response_model=PrivacyRequestView,
)
@needs(Scope.WRITE)
async def close(services: ServicesDep, by: By, id: str, said: Answered) -> JSONResponse:
    """Its task is closed with it. Closed before, it stays so."""
    await services.desk.privacy_close(id, said.outcome, reason=said.reason, by=by.by)
    return await _seen(services, id)


@router.post(
    "/privacy-requests/{id}/extend",
    summary="Take two months more for a request",
    response_model=PrivacyRequestView,
)
@needs(Scope.WRITE)
async def extend(services: ServicesDep, by: By, id: str, said: Longer) -> JSONResponse:
    """Once, within the first month; the customer is to be told of it, and why."""
    await services.desk.privacy_extend(id, said.reason, by.by)
    return await _seen(services, id)


@router.get("/privacy/record", summary="The record of processing", response_model=Processing)
@needs(Scope.READ)
async def record(services: ServicesDep) -> Processing:
    """For what, whose data, to whom, how long, and how it is kept safe (GDPR, article 30)."""
    return await processing(services.reports, services.desk.settings)


async def _seen(services: Services, id: str, status: int = 200) -> JSONResponse:
    found = there(await privacy.request(services.reports, id))
    return JSONResponse(found.model_dump(mode="json"), status)
