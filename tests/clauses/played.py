"""Which tests play a line of a document: the lives in `docs/lives`, by what is printed there, and
tests that say so, by `@pytest.mark.plays("order-thanks", "1", "2")`, read from their source.

What a test says of a clause with a number is proved while it runs (`proof.py`); a life is played
again by a test of its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from activities.rendering import registry
from starter.rehearse.timeline import SHORT
from tests.clauses import code
from tests.clauses.documents import Line
from workflows.sops import PROCEDURES

ROOT = Path(__file__).parents[2]
LIVES = ROOT / "docs" / "lives"
PRINTED = re.compile(
    r" *\d*  \w{3} \d\d \w{3} \d\d:\d\d  (\w+) +(\d+(?:\.\d+)*) +(\S.*?)(?:  .*)?", re.ASCII
)
LEFT_OUT = re.compile(r"left out|put off|held back|blocked|covered by|^asked how|goes further up")


@dataclass(frozen=True)
class Mark:
    """What a test says that it plays."""

    test: str
    sop: str
    line: str


@dataclass(frozen=True)
class Done:
    """Something that happened under a clause of a SOP's, or of a case's, or of the years after."""

    sop: str
    clause: str
    template: str = ""


def plays(line: Line, done: Iterable[Done]) -> bool:
    """Whether what was done carries out this line: under its clause, by a message whose words
    honour it, or else under the clause that it is a line of."""
    sop, templates = line.sop, code.templates(line.sop, line.id)
    ours = [one for one in done if one.sop == sop or _is_after(one, sop)]
    if templates and any(one.template in templates for one in ours):
        return True
    clause = line.heading if not templates and line.id not in code.methods(sop) else line.id
    asked = code.of_cases(sop).get(clause, [])
    of_cases = any(one.sop == "case" and one.clause in asked for one in done)
    return of_cases or any(one.clause == clause for one in ours)


def can_be_seen(line: Line) -> bool:
    """Whether what is done under it leaves a trace by which a test can be held to it."""
    own = line.id in code.methods(line.sop) or code.templates(line.sop, line.id)
    return line.numbered and (bool(own) or line.heading in code.methods(line.sop))


def _is_after(one: Done, sop: str) -> bool:
    return one.sop == "keep-in-touch" and one.clause in PROCEDURES[sop].years


# -- lives ---------------------------------------------------------------------------------------


@cache
def lives() -> dict[str, frozenset[Done]]:
    return {path.stem: frozenset(_printed(path)) for path in sorted(LIVES.glob("*.txt"))}


def _printed(path: Path) -> Iterator[Done]:
    names = {short: sop for sop, short in SHORT.items()} | {"case": "case"}
    for line in path.read_text(encoding="utf-8").splitlines():
        found = PRINTED.fullmatch(line)
        if found and not LEFT_OUT.search(found[3]):
            template = found[3].split()[0]
            yield Done(names[found[1]], found[2], template if template in registry() else "")


# -- tests that say so --------------------------------------------------------------------------


@cache
def marks() -> tuple[Mark, ...]:
    return tuple(mark for path in sorted(ROOT.glob("tests/**/test_*.py")) for mark in _marked(path))


def _marked(path: Path) -> Iterator[Mark]:
    source = path.read_text(encoding="utf-8")
    if "mark.plays(" not in source:
        return
    where = path.relative_to(ROOT / "tests").as_posix()
    body = ast.parse(source).body
    named = dict(_constants(body))
    for node in body:
        if isinstance(node, code.Function) and node.name.startswith("test_"):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
                    "plays"
                ):
                    sop, *lines = (_said(word, named) for word in decorator.args)
                    for line in lines:
                        yield Mark(f"{where}::{node.name}", sop, line)


def _constants(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """The module's names for texts: `S4 = "onboarding"`, `S1, S3 = "order-thanks", "satis…"`."""
    for node in body:
        if isinstance(node, ast.Assign):
            targets, values = [node.targets[0]], [node.value]
            if isinstance(targets[0], ast.Tuple) and isinstance(values[0], ast.Tuple):
                targets, values = targets[0].elts, values[0].elts
            for target, value in zip(targets, values, strict=True):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield ast.unparse(target), value.value


def _said(word: ast.expr, named: dict[str, str]) -> str:
    return named[word.id] if isinstance(word, ast.Name) else str(ast.literal_eval(word))


def players(line: Line) -> list[str]:
    """The lives and tests that play this line, the lives first."""
    found = [f"life {name}" for name, done in lives().items() if plays(line, done)]
    return found + [mark.test for mark in marks() if (mark.sop, mark.line) == (line.sop, line.id)]


def senders(template: str) -> list[str]:
    """The lives in which it is sent."""
    sent = {name for name, done in lives().items() for one in done if one.template == template}
    return [f"life {name}" for name in sorted(sent)]
