"""What a policy's values are: read as people write them, checked one by one, told in words.

Keys are dotted (`guide.after`), spans may be written as `24h` or `1d12h`, null means the default,
and `none`, where a value may be none, means just that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time, timedelta
from enum import Enum
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from activities.crm.spans import said_span, span_of

DEFAULT = object()  # what a key is set to that is no longer set
Body = dict[str, Any]
Model = type[BaseModel]


class PolicyError(Exception):
    """A change that cannot be: which key, and what would be allowed."""

    def __init__(self, code: str, param: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.param, self.detail = code, param, detail


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


def compare(model: Model, one: Body, other: Body) -> dict[str, list[Any]]:
    """Where two versions differ, key by key, in words."""
    before, after = values(model, one), values(model, other)
    keys = [*before, *(key for key in after if key not in before)]
    pairs = {key: [before.get(key), after.get(key)] for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def blanks(model: Model, body: Body) -> list[str]:
    """What must be filled in before the policy can be followed."""
    return [k for k, field in model.model_fields.items() if field.is_required() and k not in body]


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
    if (choice := _named(annotation, value)) is not None:
        return choice
    if annotation is timedelta and (span := span_of(value)) is not None:
        return span
    if get_origin(annotation) in (tuple, list):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _named(annotation: Any, value: str) -> Enum | None:
    """The choice that goes by this short name, as `csr` does."""
    for option in (annotation, *get_args(annotation)):
        if isinstance(option, type) and issubclass(option, Enum):
            return option.__members__.get(value.strip().upper())
    return None


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
    if (annotation is timedelta or "duration" in message) and "equal to" not in message:
        return "it takes a span such as 90m, 24h or 14d"
    if annotation is time:
        return "it takes a time of day such as 09:00"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return f"it takes one of {', '.join(str(option.value) for option in annotation)}"
    return message[0].lower() + message[1:]


def _parts(model: Model, above: str = "") -> str:
    return ", ".join(f"{above}.{key}" if above else key for key in model.model_fields)


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
