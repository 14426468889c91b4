"""The documents, line by line: each has an id, numbered by the document or counted in its section.

`5.4.1` is a clause's; `scope`, `records.3` are those of lines without a number; `header` is what
stands above the first section. The first line of a file is its title, and ours.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import resources

from workflows.sops import CATALOGUE

NUMBERED = re.compile(r"(\d+(?:\.\d+)*) (.+)")


@dataclass(frozen=True)
class Line:
    sop: str
    id: str
    says: str

    @property
    def numbered(self) -> bool:
        return self.id[0].isdigit()

    @property
    def heading(self) -> str:
        """The clause that this is a line of."""
        return self.id.rpartition(".")[0]

    def short(self, width: int = 90) -> str:
        says = self.says if len(self.says) <= width else self.says[:width].rsplit(" ", 1)[0] + " …"
        return says.replace("|", "\\|")


@cache
def lines_of(sop: str) -> tuple[Line, ...]:
    text = (resources.files("workflows.sops") / CATALOGUE[sop].text).read_text(encoding="utf-8")
    found: list[tuple[str, str]] = []
    section = "header"
    for line in filter(None, (line.strip() for line in text.splitlines()[1:])):
        if line.startswith("["):
            section = re.sub(r"[^a-z]+", "-", line.strip("[]").lower()).strip("-")
        elif match := NUMBERED.fullmatch(line):
            found.append((match[1], match[2]))
        else:
            found.append((section, line))
    many, counted = Counter(id_ for id_, _ in found), Counter[str]()
    lines = []
    for id_, says in found:
        counted[id_] += 1
        lines.append(Line(sop, f"{id_}.{counted[id_]}" if many[id_] > 1 else id_, says))
    return tuple(lines)


def every_line() -> list[Line]:
    return [line for sop in CATALOGUE for line in lines_of(sop)]


def line(sop: str, id_: str) -> Line:
    for one in lines_of(sop):
        if one.id == id_:
            return one
    raise LookupError(f"{sop} has no line {id_}")
