"""What every page for customers does alike: it reads any address, answers kindly whatever happens,
and says where to turn."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import structlog
from fastapi import Request
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.responses import Response

from activities.crm.house import Company
from starter.inbound import pages

log = structlog.get_logger("aftercare.inbound")

READING = ["GET", "HEAD"]


class Whole(PathConvertor):
    """All the rest of an address, with the line breaks that mail programs put in."""

    regex = "(?s:.*)"


register_url_convertor("whole", Whole())


def letter(
    name: str, language: str, company: Company, status: int, *, root: str, **facts: Any
) -> Response:
    """A page of a few sentences, with an address to write to."""
    said = {"letter": name, "address": "", "choices": ""} | facts
    return pages.page("letter.html", language, company, status, root=root, **said)


async def kindly(request: Request, answer: Awaitable[Response], *, root: str) -> Response:
    """Whatever happens, a page that says so, and where to turn."""
    try:
        return await answer
    except Exception as error:  # noqa: BLE001 - its text may name somebody
        complain(error)
        language = pages.spoken(None, request.headers.get("accept-language", ""))
        return letter("away", language, pages.NAMELESS, 503, root=root)


def complain(error: Exception) -> None:
    """What went wrong, and where; never in the error's own words."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    where = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    log.error("failed", error=type(error).__name__, where=where)
