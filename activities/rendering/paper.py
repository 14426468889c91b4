"""Letters and call sheets as PDF: set by Typst, in fonts that come with it, from words that reach
it as data and never as its source.

What is made is PDF/A-2a and PDF/UA-1, so that it can be archived and read aloud; whoever made it so
has to have a glyph for every letter, and says which have none. The same letter has the same bytes.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import typst

from activities.rendering import printed
from activities.rendering.postal import Form
from activities.rendering.printed import Block

HERE = Path(__file__).parent / "pages"
STANDARDS: list[Any] = ["a-2a", "ua-1"]
MISSING = re.compile(
    r'the text `"(.*?)"` could not be displayed|the codepoint `"(.*?)"`', re.DOTALL
)
ESCAPED = re.compile(r"\\u\{([0-9a-fA-F]{1,6})\}")
LANGUAGE = re.compile("[a-z]{2,3}")
REGION = re.compile("[a-zA-Z]{2}")
MOST_NAMED = 12


class UnprintableError(Exception):
    """It cannot be printed here; `reason` is a code, and the letters at fault are `letters`."""

    def __init__(self, reason: str, letters: str = "") -> None:
        super().__init__(reason)
        self.reason, self.letters = reason, letters


@dataclass(frozen=True)
class Letter:
    """A letter, whoever wrote its words."""

    form: Form
    company: str
    sender: str  # the house's postal address
    colour: str
    address: tuple[str, ...]
    date: str  # in the reader's language
    subject: str
    headed: bool  # its words begin with a heading of their own
    body: list[Block]
    foot: list[Block]
    locale: str
    made: datetime


def letter(said: Letter) -> bytes:
    """The letter to print. Raises `UnprintableError`."""
    language, _, region = said.locale.replace("_", "-").partition("-")
    given = {
        "form": {name.replace("_", "-"): value for name, value in asdict(said.form).items()},
        "company": printed.breakable(said.company),
        "from": printed.breakable(said.sender),
        "colour": said.colour,
        "address": list(said.address),
        "date": said.date,
        "subject": printed.breakable(said.subject),
        "headed": said.headed,
        "body": said.body,
        "foot": said.foot,
        "language": language if LANGUAGE.fullmatch(language) else "en",
        "region": region if REGION.fullmatch(region) else None,
    }
    return set_in_type("letter", given, said.made)


@dataclass(frozen=True)
class Question:
    """What is filled in by hand: boxes to tick, or lines to write on."""

    label: str
    ticks: tuple[str, ...] = ()
    rows: int = -1  # none; 0: the rest of its own line


@dataclass(frozen=True)
class Sheet:
    """What a colleague takes along to a call."""

    paper: str
    title: str
    largest: str  # of the facts: what is dialled
    facts: list[tuple[str, str]]
    alerts: list[str]
    bought: list[tuple[str, str]]
    told: list[tuple[str, str]]
    script: list[Block]
    questions: list[Question]
    foot: str
    made: datetime


def sheet(said: Sheet) -> bytes:
    """The sheet to print; letters that our fonts lack are boxes on it, and it says so: whoever
    calls has the screen beside."""
    given = {name: value for name, value in asdict(said).items() if name != "made"}
    try:
        return set_in_type("sheet", given, said.made)
    except UnprintableError as fault:
        if fault.reason != "no_glyph":
            raise
        lacking = "Letters that we cannot print are shown as □: the task on the screen has them."
        given = _boxed(given, str.maketrans(dict.fromkeys(fault.letters, "□")))
        given["alerts"].append(lacking)
        return set_in_type("sheet", given, said.made)


def _boxed(value: Any, table: dict[int, str]) -> Any:
    match value:
        case str():
            return value.translate(table)
        case dict():
            return {name: _boxed(one, table) for name, one in value.items()}
        case list() | tuple():
            return [_boxed(one, table) for one in value]
    return value


def set_in_type(
    page: Literal["letter", "sheet"],
    given: dict[str, Any],
    made: datetime,
    *,
    picture: float | None = None,  # as PNG, with so many pixels to the inch
) -> bytes:
    """A page of ours with these words; as a picture, its first one."""
    source = _source("parts") + _source(page)
    looks: dict[str, Any] = (
        {"format": "png", "ppi": picture} if picture else {"pdf_standards": STANDARDS}
    )
    try:
        pages = typst.compile(
            source,
            ignore_system_fonts=True,
            sys_inputs={"given": json.dumps(given)},
            timestamp=int(made.timestamp()),
            **looks,
        )
    except typst.TypstError as fault:
        raise _why(fault) from None  # its text repeats what is printed
    return bytes(pages[0] if isinstance(pages, list) else pages)


def _why(fault: typst.TypstError) -> UnprintableError:
    if "address_too_long" in fault.message:
        return UnprintableError("address_too_long")
    found = [text or other for text, other in MISSING.findall(fault.diagnostic)]
    plain = "".join(ESCAPED.sub(lambda code: chr(int(code[1], 16)), text) for text in found)
    letters = "".join(dict.fromkeys(plain))
    return UnprintableError("no_glyph", letters) if letters else UnprintableError("not_set")


@cache
def _source(name: str) -> bytes:
    return (HERE / f"{name}.typ").read_bytes()
