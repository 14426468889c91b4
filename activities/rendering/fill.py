"""Jinja in its sandbox: managers write the templates, strangers write the values."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

from jinja2 import (
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    UndefinedError,
    meta,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from activities.rendering.registry import TemplateFault
from activities.rendering.sms import plainer
from activities.rendering.values import markdown, plain

Writing = Literal["plain", "sms", "markdown", "html", "raw"]
TAG_ALONE = re.compile(r"^[ \t]*(\{%(?:(?!%\})[^\n])*%\})[ \t]*(?:\n|\Z)", re.MULTILINE)


def _environment(finalize: Callable[[Any], str] | None) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=finalize is None, finalize=finalize
    )


ENVIRONMENTS = {
    "plain": _environment(plain),
    "sms": _environment(lambda value: plainer(plain(value))),
    "markdown": _environment(markdown),
    # The layout's only, around what has been made fit already:
    "html": _environment(None),
    "raw": _environment(str),
}


def fill(text: str, writing: Writing, facts: dict[str, Any], template: str) -> str:
    """The text with its values in it, each made fit for where it stands."""
    try:
        return _compiled(text, writing).render(facts)
    except TemplateFault as fault:
        code = fault.code
    except UndefinedError:
        code = "variable_unknown"
    except TemplateSyntaxError:
        code = "syntax"
    except TemplateError:  # what the sandbox refuses, too
        code = "refused"
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        code = "failed"
    # Raised out here, so that no error that might quote a value goes along.
    raise TemplateFault(code, template)


def read(text: str) -> str:
    """A template's text as Jinja gets it: a line with nothing but a tag leaves no line behind."""
    return TAG_ALONE.sub(r"\1", text.replace("\r\n", "\n"))


@lru_cache(maxsize=256)
def used(text: str, template: str) -> frozenset[str]:
    """The variables that stand in a text."""
    try:
        return frozenset(meta.find_undeclared_variables(ENVIRONMENTS["plain"].parse(read(text))))
    except TemplateSyntaxError:
        raise TemplateFault("syntax", template) from None


@lru_cache(maxsize=256)
def _compiled(text: str, writing: Writing) -> Template:
    return ENVIRONMENTS[writing].from_string(read(text))
