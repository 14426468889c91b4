"""The register of templates: what each is, which clauses it honours, what it must contain."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from workflows.vocabulary import Kind

TEMPLATES = Path(__file__).parents[2] / "templates"
TAG = re.compile("[a-z0-9]{1,8}")  # a part of a language's tag, BCP 47
HOME = "en"  # the language every template exists in
SUFFIX = {"email": "md", "sms": "sms.txt", "letter": "letter.md", "call": "call.md"}


class TemplateFault(Exception):  # noqa: N818 - a fault of the template, the house's word for it
    """A template that cannot be sent as it is. Its text is a code: nothing personal is in it."""

    def __init__(self, code: str, template: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.template = template


class Template(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    kind: Kind
    sop: str
    clauses: tuple[str, ...]
    version: str
    lms: str  # what the learning management system calls it
    topic: str = ""  # what a customer may opt out of; none: only of everything
    required: bool = False  # goes even to a sensitive customer
    asks: str = ""  # one open question of a sort per order
    carries: tuple[str, ...] = ()  # what else it says of its order, so that nothing need say it
    personal: tuple[Literal["name", "product"], ...] = ()  # without them it is impersonal
    links: tuple[str, ...] = ()  # without them it is not sent
    action: bool = False  # the SOP demands a call to action
    channels: tuple[str, ...] = ("email",)
    variants: tuple[str, ...] = ()  # what it may be about, each with a text of its own


class Why(BaseModel):
    """Why somebody gets a message of each kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transactional: str
    relationship: str
    marketing: str

    def of(self, kind: Kind) -> str:
        return str(getattr(self, kind.value))


class Words(BaseModel):
    """What the layout says in one language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    why: Why
    preferences: str
    links: dict[str, str]  # for links that a person's draft left out


class Register(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    templates: dict[str, Template]
    words: dict[str, Words]


def registry(root: Path = TEMPLATES) -> dict[str, Template]:
    """Every template by name, as the register stands now."""
    return register(root).templates


def entry(root: Path, name: str) -> Template:
    template = registry(root).get(name)
    if template is None:
        raise TemplateFault("template_unknown", name)
    return template


def register(root: Path) -> Register:
    path = root / "registry.toml"
    try:
        return _parsed(path.read_text("utf-8"))
    except (OSError, ValueError):  # a ValidationError and broken TOML are ValueErrors, too
        raise TemplateFault("registry_unreadable") from None


@lru_cache(maxsize=8)
def _parsed(text: str) -> Register:
    said = tomllib.loads(text)
    for name, template in said.get("templates", {}).items():
        template["name"] = name
    return Register.model_validate(said)


def source(
    root: Path, template: Template, locale: str | None, channel: str, about: str
) -> tuple[str, str]:
    """A template's text and its language: the customer's if it exists, else English."""
    suffix = SUFFIX.get(channel)
    if suffix is None or channel not in template.channels:
        raise TemplateFault("channel_unknown", template.name)
    subjects = [f"{template.name}.{about}"] if about in template.variants else []
    for language in languages(locale):
        for stem in [*subjects, template.name]:
            path = root / f"{stem}.{language}.{suffix}"
            try:
                return path.read_text("utf-8"), language
            except FileNotFoundError:
                continue
            except (OSError, UnicodeDecodeError):
                raise TemplateFault("file_unreadable", template.name) from None
    raise TemplateFault("file_missing", template.name)


def languages(locale: str | None) -> list[str]:
    """`de_AT` → de-at, de, en."""
    parts = (locale or "").lower().replace("_", "-").split("-")
    if len(parts) > 4 or not all(TAG.fullmatch(part) for part in parts):
        parts = []
    chain = ["-".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return list(dict.fromkeys([*chain, HOME]))
