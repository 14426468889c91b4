"""What a policy's values are: read as people write them, checked one by one, told in words.

Keys are dotted (`guide.after`), spans may be written as `24h` or `1d12h`, null means the default,
and `none`, where a value may be none, means just that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from activities.crm.house import NEW
from activities.crm.spans import said_span, span_of

IN_A_FILE = "write it into a JSON file and name that with --file"
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
            model.model_validate(checked, context=NEW)
        except ValidationError as fault:
            first = fault.errors()[0]
            where = ".".join(map(str, first["loc"])) or "policy"
            raise PolicyError("wrong_value", where, f"`{where}`: {_allowed(first)}") from None
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
    if get_origin(annotation) is dict:
        annotation, (_, _, rest) = get_args(annotation)[1], rest.partition(".")
        if not rest:
            return annotation
    if inner := _model(annotation):
        return _annotation(inner, rest, path)
    if _rows(annotation):
        raise PolicyError("unknown_key", path, f"`{first}` is set as a whole: {IN_A_FILE}")
    raise PolicyError("unknown_key", path, f"`{first}` has no parts, so there is no `{path}`")


def _model(annotation: Any) -> Model | None:
    options = [a for a in get_args(annotation) if a is not NoneType] or [annotation]
    found = options[0] if len(options) == 1 else None
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _rows(annotation: Any) -> Model | None:
    """What a list of parts is a list of."""
    listed = get_origin(annotation) in (tuple, list)
    return _model(get_args(annotation)[0]) if listed else None


def _read(annotation: Any, value: Any) -> Any:
    """A value as people write it, or as a file has it, in all its parts."""
    if isinstance(value, str):
        return _read_word(annotation, value)
    if value and type(value) in (int, float) and _is_span(annotation):
        return str(value)  # of what? Nobody means seconds: it is refused
    origin, of = get_origin(annotation), get_args(annotation)
    if isinstance(value, dict) and (inner := _model(annotation)):
        hints = {name: field.annotation for name, field in inner.model_fields.items()}
        return {name: _read(hints.get(name), said) for name, said in value.items()}
    if isinstance(value, dict) and origin is dict:
        return {name: _read(of[1], said) for name, said in value.items()}
    if isinstance(value, list) and origin in (tuple, list):
        return [_read(of[0], said) for said in value]
    return value


def _read_word(annotation: Any, value: str) -> Any:
    if value.strip().lower() == "none" and NoneType in get_args(annotation):
        return None
    if (choice := _named(annotation, value)) is not None:
        return choice
    if _bare(annotation) is timedelta and (span := span_of(value)) is not None:
        return span
    options = [a for a in get_args(annotation) if a is not NoneType]
    if get_origin(annotation) not in (tuple, list) and len(options) == 1:
        annotation = options[0]  # or none
    if get_origin(annotation) in (tuple, list):
        element = get_args(annotation)[0]
        return [_read(element, part.strip()) for part in value.split(",") if part.strip()]
    return value


def _is_span(annotation: Any) -> bool:
    return any(_bare(one) is timedelta for one in (annotation, *get_args(annotation)))


def _bare(annotation: Any) -> Any:
    """The type without what is said of its limits."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


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
        return fits.dump_python(fits.validate_python(value, context=NEW), mode="json")
    except ValidationError as fault:
        first = fault.errors()[0]
        path = ".".join([key, *(str(part) for part in first["loc"])])
        raise PolicyError("wrong_value", path, f"`{path}`: {_allowed(first)}") from None


TAKES = {  # by the sort of value that did not fit
    "time_delta": "it takes a span such as 90m, 24h or 14d",
    "time": "it takes a time of day such as 09:00",
    "date": "it takes days such as 2026-12-24",
    "model": f"it has parts: {IN_A_FILE}",
    "dict": "it has parts with names of your own: set them one by one, as KEY.NAME",
    "extra": "there is no such part",
    "missing": "it is needed",
}


def _allowed(fault: ErrorDetails) -> str:
    sort = next((sort for sort in TAKES if fault["type"].startswith(sort)), None)
    if sort:
        return TAKES[sort]
    if fault["type"] == "enum":
        known = str(fault["ctx"]["expected"]).replace("'", "").replace(" or ", ", ")
        return f"it takes one of {known}"
    message = fault["msg"].removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _parts(model: Model, above: str = "") -> str:
    return ", ".join(f"{above}.{key}" if above else key for key in model.model_fields)


def _said(model: Model, body: Body, above: str) -> Iterator[tuple[str, Any]]:
    for key, value in body.items():
        field = model.model_fields.get(key)
        inner = _model(field.annotation) if field else None
        if inner and isinstance(value, dict):
            yield from _said(inner, value, f"{above}{key}.")
        elif field and (named := _named_parts(field.annotation)) and value:
            for name, parts in value.items():
                yield from _said(named, parts, f"{above}{key}.{name}.")
        else:
            yield f"{above}{key}", _in_words(field.annotation if field else None, value)


def _named_parts(annotation: Any) -> Model | None:
    """What goes by names that the house gives, as its offices do."""
    return _model(get_args(annotation)[1]) if get_origin(annotation) is dict else None


def _in_words(annotation: Any, value: Any) -> Any:
    if _bare(annotation) is timedelta and value is not None:
        return said_span(TypeAdapter(timedelta).validate_python(value))
    if (row := _rows(annotation)) and isinstance(value, list):
        hints = {name: field.annotation for name, field in row.model_fields.items()}
        return [{k: _in_words(hints.get(k), v) for k, v in one.items()} for one in value]
    return value
