"""What is wrong with the templates, said before a customer reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from activities.crm.house import HouseRules
from activities.rendering.registry import TEMPLATES


@dataclass(frozen=True)
class Problem:
    template: str
    code: str
    words: str  # what is wrong, and what to do


def lint(root: Path = TEMPLATES, rules: HouseRules | None = None) -> list[Problem]:
    return []
