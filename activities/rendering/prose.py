"""Markdown into the two parts of an e-mail: HTML that holds nothing active, and plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

LEAD = 120  # letters; inboxes show fewer
SCHEMES = ("http", "https", "mailto", "tel")
ENDS = tuple("?!:.…")  # of words that need no colon before the address


def _leads_somewhere_fit(url: str) -> bool:
    try:
        return urlsplit(url).scheme.lower() in SCHEMES
    except ValueError:
        return False


READER = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": False})
READER.disable(["html_block", "html_inline", "image", "reference", "code", "fence"])
READER.validateLink = _leads_somewhere_fit  # type: ignore[method-assign]


@dataclass(frozen=True)
class Prose:
    html: str
    text: str
    links: tuple[tuple[str, str], ...]  # words, address
    headed: bool  # it has a main heading of its own
    headings: int
    actions: int  # links made to stand out: a paragraph that is one bold link
    lead: str  # its first sentences, for the list of an inbox


def read(markdown: str) -> Prose:
    """Markdown as its reader sees it, in HTML and in plain text."""
    tokens = READER.parse(markdown)
    headings, actions = _one_heading(tokens), _stand_out(tokens)
    inlines = [token.children or [] for token in tokens if token.type == "inline"]
    return Prose(
        html=READER.renderer.render(tokens, READER.options, {}),
        text=_text(tokens),
        links=tuple(link for inline in inlines for link in _links(inline)),
        headed=headings > 0,
        headings=headings,
        actions=actions,
        lead=_lead(tokens),
    )


def address(url: str) -> str:
    """An address as it stands in a link's href."""
    return READER.normalizeLink(url)


def _one_heading(tokens: Sequence[Token]) -> int:
    """How many main headings were written; the second and later become lesser ones."""
    mains = [token for token in tokens if token.tag == "h1" and token.nesting == 1]
    for token in [t for t in tokens if t.tag == "h1"][2:]:
        token.tag = "h2"
    return len(mains)


def _stand_out(tokens: Sequence[Token]) -> int:
    found = 0
    for paragraph, inline in pairwise(tokens):
        children = [c for c in inline.children or [] if c.type != "text" or c.content]
        shape = [child.type for child in children]
        if paragraph.type == "paragraph_open" and shape == [
            "strong_open",
            "link_open",
            "text",
            "link_close",
            "strong_close",
        ]:
            paragraph.attrSet("class", "action")
            children[1].attrSet("class", "button")
            found += 1
    return found


def _lead(tokens: Sequence[Token]) -> str:
    """The first paragraph that says something: not the greeting, which ends with a comma."""
    for paragraph, inline in pairwise(tokens):
        if paragraph.type == "paragraph_open":
            words = "".join(token.content or " " for token in inline.children or [])
            said = " ".join(words.split())
            if not said.endswith(","):
                return said if len(said) <= LEAD else said[:LEAD].rpartition(" ")[0] + " …"
    return ""


def _links(inline: Sequence[Token]) -> list[tuple[str, str]]:
    links: list[tuple[str, str]] = []
    words, href = "", None
    for token in inline:
        if token.type == "link_open":
            words, href = "", str(token.attrGet("href"))
        elif token.type == "link_close" and href is not None:
            links.append((words.strip(), href))
            href = None
        elif href is not None:
            words += token.content
    return links


def _text(tokens: Sequence[Token]) -> str:
    """The Markdown made readable: marks gone, every link followed by its address."""
    blocks: list[str] = []
    lists: list[int | None] = []  # the next number of each list we are in; None: bullets
    bullet = ""
    tight = False
    for token in tokens:
        if token.type == "bullet_list_open":
            lists.append(None)
        elif token.type == "ordered_list_open":
            lists.append(int(token.attrGet("start") or 1))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
            tight = tight and bool(lists)
        elif token.type == "list_item_open":
            number = lists[-1]
            bullet = "- " if number is None else f"{number}. "
            lists[-1] = None if number is None else number + 1
        elif token.type in ("inline", "hr"):
            words = "---" if token.type == "hr" else _words(token.children or [])
            indent = "  " * (len(lists) - 1) if lists else ""
            hang = indent + " " * (len(bullet) or 2 if lists else 0)
            block = indent + bullet + words.strip().replace("\n", f"\n{hang}")
            if tight and bullet:
                blocks[-1] += f"\n{block}"
            else:
                blocks.append(block)
            bullet, tight = "", bool(lists)
    return "\n\n".join(blocks)


def _words(inline: Sequence[Token]) -> str:
    said, start, href = "", 0, ""
    last = max((n for n, token in enumerate(inline) if token.type == "link_close"), default=-1)
    ends = not any(token.content.strip() for token in inline[last + 1 :])
    for n, token in enumerate(inline):
        if token.type == "link_open":
            start, href = len(said), str(token.attrGet("href"))
        elif token.type == "link_close":
            words, where = said[start:].strip(), href.removeprefix("mailto:")
            if words != where:
                colon = "" if words.endswith(ENDS) else ":"
                said += f"{colon} {href}" if ends and n == last else f" ({where})"
        elif token.type in ("softbreak", "hardbreak"):
            said += "\n"
        else:
            said += token.content
    return said
