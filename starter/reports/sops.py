"""The catalogue as readers see it: each SOP's clauses in the document's words and order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from workflows.sops import KEEP_IN_TOUCH, PROCEDURES, Sop

LINE = re.compile(r"(?P<clause>\d+(?:\.\d+)*)\s+(?P<says>\S.*)")


@dataclass(frozen=True)
class ClauseText:
    clause: str
    says: str


def procedures() -> dict[str, Sop]:
    """Every procedure a follow-up can be of, cases and `keep-in-touch` with them."""
    return PROCEDURES


@cache
def clauses(sop: str) -> tuple[ClauseText, ...]:
    """The SOP's clauses in the document's order; none for an SOP that has no document here."""
    entry = procedures().get(sop)
    if entry is None or not entry.text:
        return ()
    if entry is KEEP_IN_TOUCH:  # it is described in the documents of the SOPs that lead to it
        led = [one for one in procedures().values() if one.years]
        return tuple(line for one in led for line in clauses(one.name) if line.clause in one.years)
    text = (resources.files("workflows.sops") / entry.text).read_text(encoding="utf-8")
    found = (LINE.fullmatch(line.strip()) for line in text.splitlines())
    return tuple(ClauseText(m["clause"], m["says"]) for m in found if m)


@cache
def honouring(clause: str, sop: str) -> tuple[str, ...]:
    """The templates whose very words honour this clause of the SOP. One that several SOPs send
    names clauses of each: of one that is not its own, the clause that it is sent under counts."""
    from activities.rendering import registry  # noqa: PLC0415 - loads what draws messages

    found, steps = [], procedures()[sop].steps
    for template in registry().values():
        sent = [step for step, names in steps.items() if template.name in names]
        ours = bool(sent) if template.sop == sop else clause in sent
        if ours and clause in template.clauses:
            found.append(template.name)
    return tuple(found)


def carriers(clause: str, sop: str) -> tuple[str, ...]:
    """The clauses under which those templates are sent; else the one that it is a part of."""
    entry, templates = procedures()[sop], set(honouring(clause, sop))
    sent = tuple(c for c, names in entry.steps.items() if c != clause and templates & set(names))
    heading = clause.rpartition(".")[0]
    whole = tuple(text.clause for text in clauses(sop) if text.clause == heading)
    return sent or whole
