"""Roles in a policy, by whatever the house calls them: each is written by its own name."""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from workflows.vocabulary import Role

Named = Callable[[str], Role | None]


def with_roles(model: type[BaseModel], changes: dict[str, Any], named: Named) -> dict[str, Any]:
    """The changes, with roles where the policy has roles; what is no role there stays as it is,
    and is refused by whoever checks it."""
    return {key: _read(_hint(model, key), said, named) for key, said in changes.items()}


def _read(hint: Any, said: Any, named: Named) -> Any:
    origin, of = get_origin(hint), [part for part in get_args(hint) if part is not NoneType]
    if isinstance(said, str) and Role in (hint, *of):
        if origin is tuple:
            return ",".join(_name(part, named) for part in said.split(","))
        return _name(said, named)
    if isinstance(said, list | tuple) and of:
        return [_read(of[0], one, named) for one in said]
    if isinstance(said, dict) and (inner := _model(hint)):
        return with_roles(inner, said, named)
    if isinstance(said, dict) and origin is dict:
        return {key: _read(of[1], one, named) for key, one in said.items()}
    return said


def _name(said: str, named: Named) -> str:
    found = named(said)
    return found.value if found else said


def _hint(model: type[BaseModel], key: str) -> Any:
    """The type at a dotted key; none where there is no such key."""
    first, _, rest = key.partition(".")
    field = model.model_fields.get(first)
    hint: Any = field.annotation if field else None
    if rest and get_origin(hint) is dict:
        hint, (_, _, rest) = get_args(hint)[1], rest.partition(".")
    inner = _model(hint) if rest else None
    return _hint(inner, rest) if inner else None if rest else hint


def _model(hint: Any) -> type[BaseModel] | None:
    options = [part for part in get_args(hint) if part is not NoneType] or [hint]
    found = options[0] if len(options) == 1 else None
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None
