"""Where the code carries a clause out, read from the code itself: under which methods' `with
self.clause("…")` it stands, which templates the registry has for it, and whom it asks."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import ModuleType
from typing import Any

from activities.rendering import registry
from starter.reports.sops import honouring
from workflows.sops import CASE, KEEP_IN_TOUCH, PROCEDURES, Sop
from workflows.vocabulary import Form, Role

YEARS = "workflows.keep_in_touch.KeepInTouch.beat"
SHORT = {"S0": 0, "S1": 1, "S2": 2, "S3": 3, "S4": 4}
ORDER = ("online-customer", "order-thanks", "sales-follow-up", "satisfaction", "onboarding")
PROCEDURAL = "sops case keep_in_touch purchase listening appointments errands".split()
SHARED = ("self.concerns", "self.thanks")
ASKS = ("ask", "call", "tell", "_hand_over", "_puzzle")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Method:
    """A method that stands under a clause, and whom it gives something to do."""

    name: str  # module and class with it
    people: tuple[str, ...]


def under_clauses(sop: Sop) -> dict[str, list[Method]]:
    """By clause, the methods that are carried out under it."""
    found: dict[str, list[Method]] = {}
    classes = list(_functions(sop.workflow))
    known = {name: one for of, own in reversed(classes) for name, one in own.items() if is_own(of)}
    for owner, functions in classes:
        for name, function in functions.items():
            for clause in _clauses(function, sop.workflow):
                people = tuple(dict.fromkeys(_people(function, known, set())))
                found.setdefault(clause, []).append(Method(f"{owner}.{name}", people))
    return found


@cache
def methods(sop: str) -> dict[str, list[Method]]:
    """Those of the SOP, of the years after, and of the cases that its document asks for."""
    entry = PROCEDURES[sop]
    found = {clause: list(some) for clause, some in under_clauses(entry).items()}
    for clause in entry.years:
        found.setdefault(clause, []).append(Method(YEARS, ()))
    cases = under_clauses(CASE)
    for clause, asked in of_cases(sop).items():
        for number in asked:
            found.setdefault(clause, []).extend(cases.get(number, []))
    return found


@cache
def of_cases(sop: str) -> dict[str, list[str]]:
    """By clause of the SOP's document, the clauses of cases that say they are its."""
    found: dict[str, list[str]] = {}
    text = (resources.files("workflows.sops") / CASE.text).read_text(encoding="utf-8")
    for number, said in re.findall(r"^(\d+) .*\(([^)]*)\)\.?$", text, re.MULTILINE):
        for part in said.split("; "):
            document, _, clauses = part.partition(" ")
            if document in SHORT and ORDER[SHORT[document]] == sop:
                for clause in re.findall(r"[\d.]+\w*", clauses):
                    found.setdefault(clause, []).append(number)
    return found


def templates(sop: str, clause: str) -> list[str]:
    """Those of its SOP, or of the years after, whose words honour the clause."""
    known, years = registry(), PROCEDURES[sop].years
    after = {name for step in years for name in KEEP_IN_TOUCH.steps.get(step, ())}
    return [
        *honouring(clause, sop),
        *(name for name in known if name in after and clause in known[name].clauses),
    ]


def is_own(owner: str) -> bool:
    """Whether a class is a procedure's, not one of the building blocks that all are made of."""
    return owner.split(".")[1] in PROCEDURAL


# -- reading ------------------------------------------------------------------------------------


def _functions(workflow: type[Any]) -> Iterator[tuple[str, dict[str, Function]]]:
    """Each class that makes it up, with its own methods."""
    for owner in workflow.__mro__:
        module = inspect.getmodule(owner)
        if module and module.__name__.startswith("workflows"):
            body = next(
                node.body
                for node in _tree(module).body
                if isinstance(node, ast.ClassDef) and node.name == owner.__name__
            )
            own = {node.name: node for node in body if isinstance(node, Function)}
            yield f"{module.__name__}.{owner.__name__}", own


@cache
def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _clauses(function: Function, workflow: type[Any]) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in SHARED:
            yield from getattr(workflow, node.attr, ())[:1]
    for call in _calls(function):
        if _called(call) == "clause" and call.args and isinstance(call.args[0], ast.Constant):
            yield str(call.args[0].value)


def _people(function: Function, known: dict[str, Function], seen: set[str]) -> Iterator[str]:
    """Whom the method, or another of the class that it calls, gives a task, and with what form."""
    seen.add(function.name)
    for call in _calls(function):
        name, named = _called(call), {word.arg: word.value for word in call.keywords}
        if name in ASKS and call.args:
            role = _role(call.args[-1] if name == "_puzzle" else call.args[0])
            form = named.get("form")
            kind = Form[form.attr].value if isinstance(form, ast.Attribute) else "free"
            if role:
                yield f"{role} ({kind})"
        if isinstance(unreachable := named.get("unreachable"), ast.Attribute):
            yield f"{_role(unreachable)}, if no address takes it"
        if name in known and name not in seen:
            yield from _people(known[name], known, seen)


def _role(node: ast.expr) -> str:
    if not isinstance(node, ast.Attribute):
        return ""
    if ast.unparse(node) == "ladder.role":
        return "by the matrix"
    return Role[node.attr].value if node.attr in Role.__members__ else f"by policy: {node.attr}"


def _calls(function: Function) -> Iterator[ast.Call]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""
