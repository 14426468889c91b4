"""What carries the lines that carry no clause of their own, as `declared.toml` has it; every name
in it is looked up, so that none outlives what it names."""

from __future__ import annotations

import tomllib
from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from activities.rendering import registry
from starter.reports.sops import clauses
from tests.clauses.documents import Line, lines_of
from workflows.sops import CASE, CORRESPONDENCE
from workflows.vocabulary import Form, Role

FILE = Path(__file__).parent / "declared.toml"
COMING = {  # releases that are to bring what is left
    "governance": "the release of reports, registers and reviews",
    "broadcasts": "the release of broadcasts",
    "privacy": "the release of erasure and retention",
}
SERVICES = {"case": CASE.name, "correspondence": CORRESPONDENCE.name}


@dataclass(frozen=True)
class Declared:
    carried: tuple[str, ...] = ()
    left: str = ""  # to people
    coming: str = ""


@cache
def declared() -> dict[tuple[str, str], Declared]:
    read: dict[str, dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {
        (sop, line): Declared(**one | {"carried": tuple(one.get("carried", ()))})
        for sop, lines in read.items()
        for line, one in lines.items()
    }


def of(line: Line) -> Declared:
    return declared().get((line.sop, line.id), Declared())


def clause_named(name: str, sop: str) -> tuple[str, str] | None:
    """The SOP and the clause that are meant, if the name is a clause's."""
    kind, _, clause = name.partition(" ")
    if kind == "clause":
        return sop, clause
    return (SERVICES[kind], clause) if kind in SERVICES else None


def is_there(name: str, sop: str) -> bool:
    """Whether what is named exists."""
    kind, _, rest = name.partition(" ")
    named: dict[str, Container[str]] = {
        "template": registry(),
        "role": [role.value for role in Role],
        "form": [form.value for form in Form],
        "clause": [line.id for line in lines_of(sop)],
        "case": [line.clause for line in clauses(CASE.name)],
        "correspondence": [line.clause for line in clauses(CORRESPONDENCE.name)],
    }
    if kind in named:
        return rest in named[kind]
    try:
        resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True
