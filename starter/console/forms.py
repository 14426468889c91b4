"""What a browser sends: read up to a limit, only from our own pages, and nothing in it that a
database chokes on."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from starter.answers import Refusal

LARGEST = 16_000  # bytes
ROOMY = 256_000  # of a form that holds a letter: 20,000 characters of any script
FIELDS = 60
PATIENCE = 10.0  # seconds
LONGEST = 1_000  # characters of what an address says


def check(request: Request) -> None:
    """The address holds printable text."""
    said = [*request.path_params.values(), *request.query_params.values()]
    if not all(len(value) <= LONGEST and value.isprintable() for value in said):
        raise Refusal("not_found", "There is no such page.", status=404)


def check_origin(request: Request, own: str) -> None:
    """A form comes from a page of ours: browsers say so by themselves, whatever the page does."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is None and origin is None:
        raise foreign()
    if site not in (None, "same-origin", "none"):
        raise foreign()
    if origin is not None and urlsplit(origin).netloc not in (own, request.headers.get("host")):
        raise foreign()


def foreign() -> Refusal:
    return Refusal(
        "foreign_form",
        "This form is too old, or does not come from a page of ours. Open the page anew, and try "
        "again.",
        status=403,
    )


async def read(request: Request, most: int = LARGEST) -> dict[str, str]:
    """The form's fields; refused as soon as it is too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refusal("media_type", "This is not a form.", status=415)
    try:
        async with asyncio.timeout(PATIENCE):
            raw = await _all_of(request, most)
        said = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(raw),
            max_num_fields=FIELDS,
            errors="strict",
        )
    except TimeoutError:
        raise Refusal("too_slow", "The form did not arrive in time.", status=408) from None
    except ValueError:  # not UTF-8, or more fields than any form of ours has
        raise Refusal("invalid", "This is not a form of ours.", status=400) from None
    if any("\0" in value for _, value in said):
        raise Refusal("invalid_text", "A text holds characters that no text has.", status=400)
    return dict(said)


async def _all_of(request: Request, most: int) -> bytes:
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > most:
            raise Refusal("body_too_large", "This is more than any form of ours.", status=413)
    return bytes(raw)
