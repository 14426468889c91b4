"""The production files as data, read the way Docker reads them as far as the tests need it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<how>:[-?])?(?P<rest>[^}]*)\}")


def compose() -> dict[str, Any]:
    """docker-compose.yml, its anchors and merges resolved."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    """The services that run our own image."""
    return {name: one for name, one in services().items() if "build" in one}


def once(service: dict[str, Any]) -> bool:
    """Whether it is meant to end."""
    return str(service["restart"]).startswith("on-failure")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's lines: the word in capitals, and what follows it."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition(" ") for line in lines if line and not line.startswith("#"))
    return [(word.upper(), " ".join(rest.split())) for word, _, rest in pairs]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(n for n, (word, _) in enumerate(found) if word == "FROM")
    return found[start:]


def example() -> dict[str, str]:
    """The variables of deploy/env.example, those in comments too."""
    lines = (ROOT / "deploy/env.example").read_text().splitlines()
    named = (re.match(r"(?:# )?([A-Z][A-Z0-9_]+)=(.*)$", line) for line in lines)
    return {found[1]: found[2] for found in named if found}
