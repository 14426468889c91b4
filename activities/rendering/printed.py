"""A letter's own page taken apart into what a printer sets: paragraphs, lists, marks, links.

What is read is HTML that we made: no more of it is understood than `prose.py` and the letterhead
`layout.print.html` can write, and nothing in it is carried out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

Block = dict[str, Any]
SPACES = re.compile(r"[ \t\r\n]+")
LONG = re.compile(r"\S{24,}")
PART = re.compile(r"\S{1,12}")
BREAK = "\u200b"  # where a word too long for its line may end
VOID = ("br", "hr", "meta", "img", "link")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
UNSEEN = ("head", "style", "script", "title")
KINDS = {"ul": "list", "ol": "list", "blockquote": "quote"}


@dataclass
class Told:
    """The letter's blocks, and what stands small at its end."""

    body: list[Block] = field(default_factory=list)
    foot: list[Block] = field(default_factory=list)


def taken_apart(html: str) -> Told:
    """The blocks of a whole page, or of a part of one."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.told


def breakable(text: str) -> str:
    """The same with places to break what has none; nothing of it may run off the paper."""
    return LONG.sub(lambda word: BREAK.join(PART.findall(word[0])), text)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.told = Told()
        self._open: list[str] = []  # elements
        self._into: list[list[Block]] = [self.told.body]
        self._runs: list[Block] | None = None  # of the paragraph that is being read
        self._strong = self._stressed = 0
        self._link, self._linked = "", ""
        self._unseen = 0

    # -- what the parser calls ---------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append(tag)
        if self._unseen or tag in UNSEEN or "brand" in said.get("class", "").split():
            self._unseen += tag not in VOID
            return
        if tag == "div" and "foot" in said.get("class", "").split():
            self._end_paragraph()
            self._into = [self.told.foot]
        elif tag in ("p", *HEADINGS):
            self._begin_paragraph(1 + HEADINGS.index(tag) if tag in HEADINGS else 0)
        elif tag in KINDS or tag == "li":
            self._begin_block(tag, said)
        elif tag == "hr":
            self._end_paragraph()
            self._into[-1].append({"is": "rule"})
        elif tag == "br":
            self._run({"is": "break"})
        else:
            self._mark(tag, 1, said.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return
        while self._open.pop() != tag:
            pass
        if self._unseen:
            self._unseen -= 1
        elif tag in ("p", *HEADINGS):
            self._end_paragraph()
        elif tag in KINDS or tag == "li":
            self._end_paragraph()
            if len(self._into) > 1:
                self._into.pop()
        else:
            self._mark(tag, -1)

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        text = SPACES.sub(" ", data)
        before = self._runs[-1] if self._runs else None
        if before is None or before["is"] == "break" or before.get("text", "").endswith(" "):
            text = text.lstrip(" ")
        if text:
            self._linked += data
            self._run(
                {
                    "is": "text",
                    "text": breakable(text),
                    "strong": self._strong > 0,
                    "stressed": self._stressed > 0,
                    "link": self._link,
                }
            )

    # -- blocks --------------------------------------------------------------------------------

    def _begin_paragraph(self, level: int = 0) -> None:
        self._end_paragraph()
        self._runs = []
        kind = {"is": "heading", "level": level} if level else {"is": "paragraph"}
        self._into[-1].append({**kind, "runs": self._runs})

    def _end_paragraph(self) -> None:
        if self._runs is not None and not self._runs and self._into[-1]:
            self._into[-1].pop()  # it said nothing
        self._runs = None

    def _begin_block(self, tag: str, said: dict[str, str]) -> None:
        self._end_paragraph()
        into = self._into[-1]
        if tag == "li":
            item: list[Block] = []
            if into and into[-1]["is"] == "list":
                into[-1]["items"].append(item)
            self._into.append(item)
        elif tag == "blockquote":
            quote: Block = {"is": "quote", "blocks": []}
            into.append(quote)
            self._into.append(quote["blocks"])
        else:
            start = said.get("start", "")
            first = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 1
            into.append({"is": "list", "ordered": tag == "ol", "start": first, "items": []})
            self._into.append(into)  # its items find it as the last one there

    def _run(self, run: Block) -> None:
        if self._runs is None:
            if run["is"] == "break" or not run["text"].strip():
                return
            self._begin_paragraph()
        if self._runs is not None:
            self._runs.append(run)

    # -- marks ---------------------------------------------------------------------------------

    def _mark(self, tag: str, step: int, href: str = "") -> None:
        if tag == "strong":
            self._strong += step
        elif tag == "em":
            self._stressed += step
        elif tag == "a" and step > 0:
            self._link, self._linked = href, ""
        elif tag == "a":
            where = self._link.removeprefix("mailto:").removeprefix("tel:")
            if where and where != self._linked.strip() and self._runs is not None:
                shown = {"is": "address", "text": breakable(where), "link": self._link}
                self._runs.append(shown)
            self._link = ""
