"""What is printed, and what went with a message: `letter.pdf`, `sheet.pdf`, `attachments`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from activities.crm.keys import Scope
from starter import printing
from starter.api.paging import there
from starter.api.routing import GuardedRoute, ServicesDep, needs

router = APIRouter(prefix="/v1", route_class=GuardedRoute)

PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {}}, "description": "To print"},
    409: {"description": "Not a letter, not written yet, or not printable in our fonts"},
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/calendar": {}}, "description": "The file"}
}


class Printed(Response):
    """A file of a type that its route names."""

    media_type = None


@router.get(
    "/messages/{id}/letter.pdf",
    summary="A letter to print",
    response_class=Printed,
    responses=PDF,
    tags=["Messages"],
)
@needs(Scope.READ)
async def letter(services: ServicesDep, id: str) -> Response:
    """For the envelope's window, as it was written: PDF/A. Only of a message by post."""
    content = await printing.letter_of_message(services.reports, id)
    return _answer(printing.pdf(f"letter-{id}", content))


@router.get(
    "/messages/{id}/attachments/{name}",
    summary="What went with a message",
    response_class=Printed,
    responses=FILE,
    tags=["Messages"],
)
@needs(Scope.READ)
async def attachment(services: ServicesDep, id: str, name: str) -> Response:
    """By a name that the message lists; byte for byte what the provider was given."""
    return _answer(await printing.attachment(services.reports, id, name))


@router.get(
    "/tasks/{id}/letter.pdf",
    summary="A task's letter to print",
    response_class=Printed,
    responses=PDF,
    tags=["Tasks"],
)
@needs(Scope.READ)
async def task_letter(services: ServicesDep, id: str) -> Response:
    """Of a task to post one: as it was posted, else as it stands in the task's draft."""
    content = await printing.letter_of_task(services.reports, id)
    return _answer(printing.pdf(f"letter-{id}", content))


@router.get(
    "/tasks/{id}/sheet.pdf",
    summary="A task's sheet to print",
    response_class=Printed,
    responses=PDF,
    tags=["Tasks"],
)
@needs(Scope.READ)
async def sheet(services: ServicesDep, id: str) -> Response:
    """Whom to call, when, why, what to know and to say, and room for what comes of it."""
    return _answer(printing.pdf(f"sheet-{id}", await printing.sheet_of_task(services.reports, id)))


def _answer(file: printing.File | None) -> Response:
    found = there(file)
    return Response(found.content, media_type=found.type, headers=printing.headers(found))
