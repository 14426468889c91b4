"""Policies and house rules as data: versions, what is set in each, who approved it.

Whoever reads changes from outside hands in the model they must fit. Keys are dotted
(`guide.after`), spans may be written as `24h` or `14d`, null means the default, and `none`, where
a value may be none, means that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from enum import Enum
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.house import current_policy
from activities.crm.store import lock_name
from activities.crm.tables import PolicyVersion, new_id

SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
DEFAULT = object()  # what a key is set to that is no longer set
Body = dict[str, Any]
Model = type[BaseModel]


class PolicyError(Exception):
    """A change that cannot be: which key, and what would be allowed."""

    def __init__(self, code: str, param: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.param, self.detail = code, param, detail


async def versions(session: AsyncSession, name: str) -> list[PolicyVersion]:
    """All versions, newest first."""
    query = select(PolicyVersion).where(PolicyVersion.name == name)
    return list((await session.execute(query.order_by(PolicyVersion.version.desc()))).scalars())


async def describe(session: AsyncSession, name: str, model: Model) -> dict[str, Any]:
    """The policy in force, every value in words, and the blanks that are still to be filled."""
    body = await current_policy(session, name)
    known = await versions(session, name)
    current = next((row for row in known if row.approved_by), None)
    waiting = known[0].version if known and not known[0].approved_by else None
    return {
        "name": name,
        "version": current.version if current else 0,
        "approved_by": current.approved_by if current else None,
        "waiting": waiting,
        "values": values(model, body),
        "blanks": [key for key, field in model.model_fields.items() if _blank(field, key, body)],
    }


async def set_policy(
    session: AsyncSession,
    now: datetime,
    name: str,
    changes: Body,
    *,
    model: Model,
    by: str,
    reason: str,
    approve: bool = False,
) -> PolicyVersion:
    """A new version with these changes. One that is approved at once builds on what is in force,
    so that it carries nobody's unapproved changes along."""
    await lock_name(session, f"policy {name}")
    body = await current_policy(session, name) if approve else await _newest(session, name)
    body = changed(model, body, changes)
    return await _add(session, now, name, body, by=by, reason=reason, approve=approve)


async def diff(
    session: AsyncSession, name: str, changes: Body, model: Model
) -> dict[str, list[Any]]:
    """What the changes would change of what is in force: `{key: [now, then]}`."""
    body = await current_policy(session, name)
    return compare(model, body, changed(model, body, changes))


def compare(model: Model, one: Body, other: Body) -> dict[str, list[Any]]:
    """Where two versions differ, key by key, in words."""
    before, after = values(model, one), values(model, other)
    keys = [*before, *(key for key in after if key not in before)]
    pairs = {key: [before.get(key), after.get(key)] for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


async def approve(
    session: AsyncSession, name: str, *, by: str, version: int | None = None
) -> PolicyVersion:
    """Put a version in force, by default the newest."""
    await lock_name(session, f"policy {name}")
    known = await versions(session, name)
    row = next((row for row in known if version in (None, row.version)), None)
    if row is None:
        raise PolicyError("no_such_version", "version", f"`{name}` has no such version")
    if row.approved_by:
        raise PolicyError("already_approved", "version", f"version {row.version} is approved")
    newer = next((later.version for later in known if later.approved_by), 0)
    if newer > row.version:
        detail = f"version {newer} came after it and is in force: set the changes again"
        raise PolicyError("superseded", "version", detail)
    row.approved_by = by
    return row


async def undo(
    session: AsyncSession, now: datetime, name: str, *, by: str, reason: str
) -> PolicyVersion:
    """Go back to what was in force before: as a new version, so that nothing is forgotten."""
    await lock_name(session, f"policy {name}")
    approved = [row for row in await versions(session, name) if row.approved_by]
    if not approved:
        raise PolicyError("nothing_to_undo", "name", f"nothing was ever set for `{name}`")
    body = dict(approved[1].body) if len(approved) > 1 else {}
    return await _add(session, now, name, body, by=by, reason=reason, approve=True)


def changed(model: Model, body: Body, changes: Body) -> Body:
    """The body after the changes: only what differs from the defaults, each value checked."""
    defaults = model.model_construct().model_dump(mode="json")
    full = defaults | body
    for path, value in _flat(model, changes):
        _put(full, path, value, defaults)
    checked = {key: _checked(model, key, value) for key, value in full.items()}
    if all(not field.is_required() or key in checked for key, field in model.model_fields.items()):
        try:
            model.model_validate(checked)
        except ValidationError as fault:
            first = fault.errors()[0]
            where = ".".join(map(str, first["loc"])) or "policy"
            raise PolicyError("wrong_value", where, f"`{where}`: {first['msg']}") from None
    return {key: v for key, v in checked.items() if key not in defaults or v != defaults[key]}


def values(model: Model, body: Body) -> dict[str, Any]:
    """Every value that is set or has a default, by its dotted key, as people write it."""
    full = model.model_construct().model_dump(mode="json") | body
    known = {k: v for k, v in full.items() if k in model.model_fields}
    return dict(_said(model, known, ""))


# -- reading what people write ----------------------------------------------------------


def _flat(model: Model, changes: Body, above: str = "") -> Iterator[tuple[list[str], Any]]:
    for key, value in changes.items():
        path = f"{above}{key}"
        annotation = _annotation(model, key, path)
        inner = _model(annotation)
        if inner and isinstance(value, dict):
            nested = {".".join([key, str(part)]): said for part, said in value.items()}
            yield from _flat(model, nested, above)
        elif inner and value is not None:
            raise PolicyError("wrong_value", path, f"`{path}` has parts: {_parts(inner, path)}")
        else:
            yield path.split("."), DEFAULT if value is None else _read(annotation, value)


def _annotation(model: Model, key: str, path: str) -> Any:
    """The type at a dotted key."""
    first, _, rest = key.partition(".")
    if first not in model.model_fields:
        raise PolicyError("unknown_key", path, f"there is no `{path}`; there is {_parts(model)}")
    annotation = model.model_fields[first].annotation
    if not rest:
        return annotation
    if inner := _model(annotation):
        return _annotation(inner, rest, path)
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    raise PolicyError("unknown_key", path, f"`{first}` has no parts, so there is no `{path}`")


def _model(annotation: Any) -> Model | None:
    options = [a for a in get_args(annotation) if a is not NoneType] or [annotation]
    found = options[0] if len(options) == 1 else None
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _read(annotation: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "none" and NoneType in get_args(annotation):
        return None
    if annotation is timedelta and (span := SPAN.fullmatch(value.strip())):
        return timedelta(seconds=float(span[1]) * UNITS[span[2]])
    if get_origin(annotation) in (tuple, list):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _put(full: Body, path: list[str], value: Any, defaults: Body) -> None:
    *above, last = path
    for part in above:
        full[part] = dict(full.get(part) or {})
        full, defaults = full[part], defaults.get(part) or {}
    if value is not DEFAULT:
        full[last] = value
    elif last in defaults:
        full[last] = defaults[last]
    else:
        full.pop(last, None)


def _checked(model: Model, key: str, value: Any) -> Any:
    if key not in model.model_fields:  # an older release knew it
        return value
    field = model.model_fields[key]
    hint: Any = field.annotation
    fits: TypeAdapter[Any] = TypeAdapter(Annotated[hint, field])
    try:
        return fits.dump_python(fits.validate_python(value), mode="json")
    except ValidationError as fault:
        first = fault.errors()[0]
        parts = [key, *(str(part) for part in first["loc"] if isinstance(part, str))]
        path = ".".join(parts)
        allowed = _allowed(field.annotation, first["msg"])
        raise PolicyError("wrong_value", path, f"`{path}`: {allowed}") from None


def _allowed(annotation: Any, message: str) -> str:
    if annotation is timedelta or "duration" in message:
        return "it takes a span such as 90m, 24h or 14d"
    if annotation is time:
        return "it takes a time of day such as 09:00"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return f"it takes one of {', '.join(str(option.value) for option in annotation)}"
    return message[0].lower() + message[1:]


def _parts(model: Model, above: str = "") -> str:
    return ", ".join(f"{above}.{key}" if above else key for key in model.model_fields)


def _blank(field: FieldInfo, key: str, body: Body) -> bool:
    return field.is_required() and key not in body


def _said(model: Model, body: Body, above: str) -> Iterator[tuple[str, Any]]:
    for key, value in body.items():
        field = model.model_fields.get(key)
        inner = _model(field.annotation) if field else None
        if inner and isinstance(value, dict):
            yield from _said(inner, value, f"{above}{key}.")
        elif field and field.annotation is timedelta:
            yield f"{above}{key}", said_span(TypeAdapter(timedelta).validate_python(value))
        else:
            yield f"{above}{key}", value


def said_span(span: timedelta) -> str:
    """A span as people write it: the largest unit that fits exactly."""
    seconds = span.total_seconds()
    for unit, size in UNITS.items():
        if unit != "w" and seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds or 0}s".replace(".0s", "s")


# -- versions ------------------------------------------------------------------------------


async def _newest(session: AsyncSession, name: str) -> Body:
    known = await versions(session, name)
    return dict(known[0].body) if known else {}


async def _add(
    session: AsyncSession,
    now: datetime,
    name: str,
    body: Body,
    *,
    by: str,
    reason: str,
    approve: bool,
) -> PolicyVersion:
    known = await versions(session, name)
    row = PolicyVersion(
        id=new_id("pol"),
        name=name,
        version=known[0].version + 1 if known else 1,
        body=body,
        by=by,
        reason=reason,
        at=now,
        approved_by=by if approve else None,
    )
    session.add(row)
    await session.flush()
    return row
