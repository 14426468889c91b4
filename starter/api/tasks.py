"""`/v1/tasks`: what people are to do for customers, and what they say of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from starlette.responses import JSONResponse

from activities.crm.keys import Scope
from starter.answers import Receipt
from starter.api import examples
from starter.api.filters import RoleNamed
from starter.api.follow_ups import QUEUED, Strict
from starter.api.paging import Paging, listed, there
from starter.api.routing import By, GuardedRoute, Services, ServicesDep, needs
from starter.intake.patches import Moment, StrictModel
from starter.reports.objects import Page, TaskState, TaskView
from workflows.vocabulary import Form

router = APIRouter(prefix="/v1", route_class=GuardedRoute, tags=["Tasks"])

Ours = Annotated[str | None, Query(description="Our id, or yours")]


class Handing(Strict):
    """To whom, and why."""

    to: str
    reason: str


class Waiting(StrictModel):
    """Until when, and why."""

    until: Moment
    reason: str


class Question(Strict):
    """What a manager is asked."""

    text: str


@router.get("/tasks", summary="List tasks", response_model=Page[TaskView])
@needs(Scope.READ)
async def tasks(
    services: ServicesDep,
    paging: Paging,
    *,
    role: RoleNamed = None,
    assignee: Annotated[str | None, Query(description="A colleague's e-mail address")] = None,
    customer: Ours = None,
    state: TaskState | None = None,
    form: Form | None = None,
    overdue: Annotated[bool, Query(description="Open, and past their moment")] = False,
    awake: Annotated[bool, Query(description="Without those that are snoozed")] = False,
) -> Page[TaskView]:
    """What people are to do, or did, the newest first; `state=open` is what is left."""
    return await listed(
        services.reports.tasks(
            role=role,
            assignee=assignee,
            customer=customer,
            state=state,
            form=form,
            overdue=overdue,
            awake=awake,
            cursor=paging,
        )
    )


@router.get("/tasks/{id}", summary="A task", response_model=TaskView)
@needs(Scope.READ)
async def task(services: ServicesDep, id: str) -> TaskView:
    """With its brief, and the draft to send."""
    return there(await services.reports.task(id))


@router.post(
    "/tasks/{id}/complete", summary="Complete a task", response_model=TaskView, responses=QUEUED
)
@needs(Scope.WRITE)
async def complete(
    services: ServicesDep,
    by: By,
    id: str,
    said: Annotated[dict[str, Any] | None, Body(openapi_examples=examples.OUTCOMES)] = None,
) -> JSONResponse:
    """Say what came of it, as its `form` asks: the message as it is to go (`subject`, `text`), or
    `declined`; a case's answer, its root cause, a call's scores. Completed before, it stays so."""
    there(await services.reports.task(id))
    return await _now(services, id, await services.desk.complete_task(id, said or {}, by.by))


@router.post("/tasks/{id}/reassign", summary="Give a task to somebody", response_model=TaskView)
@needs(Scope.WRITE)
async def reassign(services: ServicesDep, by: By, id: str, said: Handing) -> JSONResponse:
    """To a colleague, by e-mail address, or to the queue of a role."""
    there(await services.reports.task(id))
    return await _now(services, id, await services.desk.reassign(id, said.to, said.reason, by.by))


@router.post("/tasks/{id}/snooze", summary="Put a task off", response_model=TaskView)
@needs(Scope.WRITE)
async def snooze(services: ServicesDep, by: By, id: str, said: Waiting) -> JSONResponse:
    """It comes back then; never after the moment that a customer was promised."""
    there(await services.reports.task(id))
    return await _now(services, id, await services.desk.snooze(id, said.until, said.reason, by.by))


@router.post("/tasks/{id}/ask", summary="Ask one's manager about a task", response_model=TaskView)
@needs(Scope.WRITE)
async def ask(services: ServicesDep, by: By, id: str, said: Question) -> JSONResponse:
    """A task for the manager, with the question; the first stays whose it is, and the manager's
    note comes back on its brief."""
    there(await services.reports.task(id))
    return await _now(services, id, await services.desk.ask_manager(id, said.text, by.by))


async def _now(services: Services, id: str, receipt: Receipt) -> JSONResponse:
    found = there(await services.reports.task(id))
    return JSONResponse(found.model_dump(mode="json"), 202 if receipt.queued else 200)
