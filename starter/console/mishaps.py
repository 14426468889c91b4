"""What the console shows when something is refused, or goes wrong: a page of its own, with whatever
somebody had written."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.responses import Response

from starter.answers import Refusal

if TYPE_CHECKING:
    from starter.console.guard import Ask, Page

log = structlog.get_logger("aftercare.console")

AWAY = (OperationalError, InterfaceError, PoolTimeoutError, ConnectionError)
SHORT = 12  # characters: a choice is made again in a moment, a sentence is not


def refused(ask: Ask, refusal: Refusal, page: Page) -> Response:
    """What a door says no to."""
    written = kept(ask, page)
    return ask.page("refused.html", status=refusal.status, refusal=refusal, kept=written)


def failed(ask: Ask, error: Exception, page: Page | None = None) -> Response:
    """What nobody meant; what happened goes to the log, without any value."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    log.error("failed", error=type(error).__name__, where=where)
    away = isinstance(error, AWAY)
    answer = ask.page(
        "failed.html",
        status=503 if away else 500,
        away=away,
        kept=kept(ask, page) if page else {},
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
    )
    if away:
        answer.headers["Retry-After"] = "60"
    return answer


def kept(ask: Ask, page: Page) -> dict[str, str]:
    """What somebody took time to write, by the name of its field."""
    if not page.roomy:
        return {}
    return {name: said for name, said in ask.form.items() if name != "token" and len(said) > SHORT}
