"""The table of every line of the documents: who carries it, which test plays it, what is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.clauses import code, declared
from tests.clauses.documents import Line, every_line, line, lines_of
from tests.clauses.played import players, senders
from workflows.sops import CATALOGUE, Sop

FILE = Path(__file__).parents[2] / "docs" / "clauses.md"
SHOWN = 3  # players
ABOVE = """# Every line of the documents

Made by `python -m tests.clauses` from the documents (`workflows/sops/*.txt`), the code, the
registry of templates, the lives in [lives](lives) and the tests; a test holds it to them. A line
that nothing carries and nothing excuses fails, and so does one that is carried and that no test
plays.

- *carried by*: the method under whose `with self.clause("…")` it stands, the templates that honour
  it, what the records or the desk have for it.
- *played by*: a life on paper whose print shows it happening, and tests that say so; where it
  leaves a trace, they are held to it by the tables while they run.
- *left to people*: the tasks, by role and form (each with its brief, reminder and ladder), what is
  theirs besides, and which release brings what is to come.
"""


def table() -> str:
    return "\n".join([ABOVE, *_figures(), *(row for sop in CATALOGUE.values() for row in _of(sop))])


def _figures() -> Iterator[str]:
    yield "| document | lines | carried | partly to come | only to come |"
    yield "|---|---|---|---|---|"
    for sop in CATALOGUE:
        lines = lines_of(sop)
        done = [one for one in lines if carriers(one)]
        partly = [one for one in done if declared.of(one).coming]
        yield f"| `{sop}` | {len(lines)} | {len(done)} | {len(partly)} | {len(lines) - len(done)} |"
    yield ""


def _of(sop: Sop) -> Iterator[str]:
    yield f"## {sop.title} (`{sop.name}`)\n"
    yield "| line | the document | carried by | played by | left to people, to come |"
    yield "|---|---|---|---|---|"
    for one in lines_of(sop.name):
        cells = (_carried(one), _played(one), _left(one))
        yield f"| {one.id} | {one.short()} | {' | '.join(cells)} |"
    yield ""


def _carried(one: Line) -> str:
    return "<br>".join(f"`{name}`" for name in carriers(one))


def _played(one: Line) -> str:
    found = played_by(one)
    more = ["and others"] if len(found) > SHOWN else []
    return "<br>".join([*found[:SHOWN], *more])


def _left(one: Line) -> str:
    said = declared.of(one)
    people = dict.fromkeys(task for method in _methods(one) for task in method.people)
    coming = declared.COMING[said.coming] if said.coming else ""
    return "<br>".join(filter(None, [*people, said.left, coming and f"*to come: {coming}*"]))


def _methods(one: Line) -> list[code.Method]:
    return code.methods(one.sop).get(one.id, [])


def carriers(one: Line) -> list[str]:
    """In code, by words, by name; else the clause that it is a line of."""
    found = [method.name.removeprefix("workflows.") for method in _methods(one)]
    found += [f"template {name}" for name in code.templates(one.sop, one.id)]
    found += declared.of(one).carried
    if not found and one.heading in code.methods(one.sop):
        found = [f"clause {one.heading}"]
    return list(dict.fromkeys(found))


def played_by(one: Line) -> list[str]:
    """Its players, and those of the clauses that carry it."""
    found = players(one)
    for name in declared.of(one).carried:
        if named := declared.clause_named(name, one.sop):
            found += players(line(*named) if named[0] in CATALOGUE else Line(*named, ""))
        elif name.startswith("template "):
            found += _sent(one.sop, name.removeprefix("template "))
    return list(dict.fromkeys(found))


def _sent(sop: str, template: str) -> list[str]:
    """Who plays a message: the lives in which it is sent, the tests of a clause that it is for."""
    clauses = [other for other in lines_of(sop) if template in code.templates(sop, other.id)]
    return senders(template) + [test for other in clauses for test in players(other)]


def missing() -> list[str]:
    """Lines that nothing carries, and nothing excuses."""
    return [
        f"{one.sop} {one.id}"
        for one in every_line()
        if not carriers(one) and not declared.of(one).coming
    ]


def unplayed() -> list[str]:
    """Lines that something carries, and no test plays."""
    return [f"{one.sop} {one.id}" for one in every_line() if carriers(one) and not played_by(one)]
