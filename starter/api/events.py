"""`/v1/events`: the one door for checkout systems."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.responses import JSONResponse

from activities.crm.keys import Scope
from starter.answers import Problem, Receipt, Refusal
from starter.api import examples, problems, receipts
from starter.api.paging import there
from starter.api.problems import Fault
from starter.api.receipts import EventReceipt, Receipts
from starter.api.routing import GuardedRoute, ServicesDep, needs
from starter.desk import Desk

SOURCE = "api"
BATCH = 100

router = APIRouter(prefix="/v1/events", route_class=GuardedRoute, tags=["Events"])


@router.post(
    "",
    summary="Tell what happened",
    response_model=Receipts,
    responses={202: {"model": Receipts, "description": "Kept; Temporal is yet to be told"}},
)
@needs(Scope.WRITE)
async def post_events(
    services: ServicesDep,
    said: Annotated[dict[str, Any], Body(openapi_examples=examples.EVENTS)],
) -> JSONResponse:
    """One event, or `{"events": [...]}` with up to 100 of them.

    The same `id` again gets the same answer, and nothing is done twice. In a batch, those that are
    refused carry an `error`, and the others are carried out.
    """
    if "events" not in said:
        receipt = await _one(services.desk, said)
        return _answer([receipts.view(receipt)], queued=receipt.queued)
    events = _batch(said)
    answers = await services.desk.receive_all(SOURCE, events)
    views = [_view(*each) for each in zip(events, answers, strict=True)]
    return _answer(views, queued=any(isinstance(one, Receipt) and one.queued for one in answers))


@router.get("/{id}", summary="What came of an event", response_model=EventReceipt)
@needs(Scope.READ)
async def get_event(services: ServicesDep, id: str) -> JSONResponse:
    """What came of it until now: an event that was queued or parked may have moved on."""
    return JSONResponse(receipts.view(there(await services.desk.receipt(id))))


async def _one(desk: Desk, event: dict[str, Any]) -> Receipt:
    receipt = await desk.receive(SOURCE, event)
    if receipt.error:
        error = receipt.error
        raise Refusal(error.code, error.detail, param=error.param, status=error.status)
    return receipt


def _view(event: Any, answer: Receipt | Refusal) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        return _refused(event, answer.problem)
    return _refused(event, answer.error) if answer.error else receipts.view(answer)


def _batch(said: dict[str, Any]) -> list[Any]:
    events = said["events"]
    if not isinstance(events, list) or not events:
        raise Fault(422, "invalid", "A list of events, at least one.", param="events")
    if len(events) > BATCH:
        raise Fault(422, "too_many", f"More than {BATCH} events.", param="events")
    for name in said.keys() - {"events"}:
        raise Fault(422, "unknown_field", "A batch has nothing beside its events.", param=name)
    return events


def _refused(event: Any, problem: Problem) -> dict[str, Any]:
    if problem.status >= 500:  # what cannot be kept is to be sent again, all of it
        raise Fault(503, "unavailable")
    named = event.get("id") if isinstance(event, dict) else None
    return {
        "event": named if isinstance(named, str) and len(named) <= 255 else None,
        "effects": [],
        "error": problems.problem(problem),
    }


def _answer(views: list[dict[str, Any]], *, queued: bool) -> JSONResponse:
    return JSONResponse({"data": views}, 202 if queued else 200)
