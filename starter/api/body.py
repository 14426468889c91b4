"""Bodies: read up to a limit, strictly JSON, and nothing in them that a database chokes on."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

from starlette.requests import Request

from starter.api.problems import Fault

LARGEST = 1_000_000  # bytes
PATIENCE = 30.0  # seconds for a body to arrive
DEEPEST = 32
LONGEST = 1_000  # entries of a list or an object
EXACT = 2**53  # beyond it a number is not the same everywhere


async def read(request: Request) -> bytes:
    """The body, refused as soon as it is too large: before it is read, if it says so."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Fault(415, "media_type", "Compressed bodies are not read.")
    declared = request.headers.get("content-length", "0")
    if declared.isascii() and declared.isdigit() and len(declared) < 20 and int(declared) > LARGEST:
        raise Fault(413, "body_too_large", headers={"Connection": "close"})
    try:
        async with asyncio.timeout(PATIENCE):
            return await _all_of(request)
    except TimeoutError:
        raise Fault(408, "too_slow", headers={"Connection": "close"}) from None


async def _all_of(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            raise Fault(413, "body_too_large", headers={"Connection": "close"})
        parts.append(part)
    return b"".join(parts)


def parse(raw: bytes, content_type: str) -> Any:
    """What the body says; no body says nothing."""
    if not raw:
        return None
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Fault(415, "media_type")
    try:
        said = json.loads(raw.decode("utf-8"), parse_constant=_no_number)
    except RecursionError:
        raise Fault(400, "too_deep") from None
    except ValueError:  # not UTF-8, not JSON, or a number of thousands of digits
        raise Fault(400, "bad_json") from None
    if not isinstance(said, dict):
        raise Fault(422, "invalid", "The body is to be a JSON object.")
    _check(said, "", 1)
    return said


def _check(value: Any, path: str, depth: int) -> None:
    match value:
        case str():
            _check_text(value, path)
        case bool() | None:
            pass
        case int() if abs(value) > EXACT:
            raise Fault(422, "number_too_large", param=path)
        case float() if math.isinf(value):
            raise Fault(422, "number_too_large", param=path)
        case dict() | list():
            _check_all(value, path, depth)


def _check_all(value: dict[str, Any] | list[Any], path: str, depth: int) -> None:
    if depth > DEEPEST:
        raise Fault(400, "too_deep")
    if len(value) > LONGEST:
        raise Fault(422, "too_many", f"More than {LONGEST} entries.", param=path or None)
    if isinstance(value, dict):
        for name, one in value.items():
            _check_text(name, path)
            _check(one, f"{path}.{name}".lstrip(".")[:200], depth + 1)
    else:
        for index, one in enumerate(value):
            _check(one, f"{path}.{index}", depth + 1)


def _check_text(text: str, path: str) -> None:
    """No NUL, which PostgreSQL does not keep, and no half of a pair, which UTF-8 cannot write."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise Fault(422, "invalid_text", param=path or None)


def _no_number(_constant: str) -> Any:
    raise ValueError
