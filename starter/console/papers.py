"""What is printed from the console, what went with a message, and what came with an answer."""

from __future__ import annotations

from starlette.responses import Response

from activities.rendering import Drafted
from starter import printing
from starter.answers import Refusal
from starter.console.guard import Ask, Rooms
from starter.printing import received

rooms = Rooms()


@rooms.shows("/outbox/{message}/letter.pdf")
async def letter(ask: Ask) -> Response:
    """A letter as it was given to whoever posts it."""
    id_ = ask.request.path_params["message"]
    content = await printing.letter_of_message(ask.reports, id_)
    return _answer(printing.pdf(f"letter-{id_}", content))


@rooms.shows("/outbox/{message}/attachments/{name}")
async def attachment(ask: Ask) -> Response:
    """What went with a message."""
    said = ask.request.path_params
    return _answer(await printing.attachment(ask.reports, said["message"], said["name"]))


@rooms.shows("/enclosures/{enclosure}")
async def enclosure(ask: Ask) -> Response:
    """What came with what a customer wrote: for whoever opens it to judge, and never shown here."""
    file = await received.enclosure(ask.reports, ask.request.path_params["enclosure"])
    if file is None:
        raise Refusal("not_found", "There is no such file.", status=404)
    return Response(file.content, media_type=file.type, headers=file.headers)


@rooms.shows("/tasks/{task}/letter.pdf")
async def task_letter(ask: Ask) -> Response:
    """A task's letter as it was posted, or stands in its draft."""
    return await _letter(ask, None)


@rooms.takes("/tasks/{task}/letter.pdf", roomy=True)
async def unfinished(ask: Ask) -> Response:
    """A task's letter as somebody is just writing it: printed, and not kept."""
    subject, text = (ask.form.get(name, "").strip() for name in ("subject", "text"))
    return await _letter(ask, Drafted(subject, text) if text else None)


@rooms.shows("/tasks/{task}/sheet.pdf")
async def sheet(ask: Ask) -> Response:
    """What to have at hand in a call."""
    id_ = ask.request.path_params["task"]
    content = await printing.sheet_of_task(ask.reports, id_)
    return _answer(printing.pdf(f"sheet-{id_}", content))


async def _letter(ask: Ask, draft: Drafted | None) -> Response:
    id_ = ask.request.path_params["task"]
    content = await printing.letter_of_task(ask.reports, id_, draft)
    return _answer(printing.pdf(f"letter-{id_}", content))


def _answer(file: printing.File | None) -> Response:
    if file is None:
        raise Refusal("not_found", "There is no such thing to print.", status=404)
    return Response(file.content, media_type=file.type, headers=printing.headers(file))
