"""What an e-mail says, in plain words, whether it was written in HTML or not."""

from __future__ import annotations

import re

import lxml.html
from inscriptis import Inscriptis
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.model.config import ParserConfig
from lxml.etree import LxmlError, ParserError

from activities.rendering.values import visible

LONGEST = 200_000  # characters of a body that are read; the whole stays in the inbox
TAG = re.compile(r"<[^>]{0,2000}>")
BLANKS = re.compile(r"\n{3,}")
SPACES = re.compile(r"[ \t\u00a0]{3,}")
MOST_CELLS = 5000  # more are no letter, and slow to lay out
QUOTED = """//blockquote | //*[contains(@class, 'gmail_quote') or contains(@class, 'gmail_attr')
    or contains(@class, 'yahoo_quoted') or contains(@class, 'moz-cite-prefix')
    or contains(@class, 'protonmail_quote') or contains(@class, 'zmail_extra')]"""
AFTER = "//*[@id='divRplyFwdMsg' or @id='appendonsend' or @id='mail-editor-reference-message']"


def tidy(text: str) -> str:
    """Lines as they stand, without what the eye cannot see and without great gaps."""
    lines = visible(text.replace("\r\n", "\n").replace("\r", "\n")[:LONGEST]).split("\n")
    return BLANKS.sub("\n\n", "\n".join(line.rstrip() for line in lines)).strip()


def out_of_html(source: str) -> str:
    """The words of a page, those of older letters below it left off where it marks them."""
    source = source.replace("\x00", "")[:LONGEST]
    if not source.strip():
        return ""
    try:
        page = lxml.html.fromstring(f"<div>{source}</div>")
        for gone in page.xpath("//script | //style | //head | //template"):
            gone.drop_tree() if gone.getparent() is not None else None
        whole = _laid_out(page)
        _cut(page)
        return _laid_out(page) or whole or tidy(TAG.sub(" ", source))
    except (LxmlError, ParserError, ValueError, RecursionError):
        return tidy(TAG.sub(" ", source))


def _laid_out(page: lxml.html.HtmlElement) -> str:
    if len(page.xpath("//td | //th | //li")) > MOST_CELLS:
        return tidy(str(page.text_content()))
    config = ParserConfig(css=STRICT_CSS_PROFILE)
    return tidy(SPACES.sub("  ", Inscriptis(page, config).get_text()))


def _cut(page: lxml.html.HtmlElement) -> None:
    for quoted in page.xpath(QUOTED):
        if quoted.getparent() is not None:
            quoted.drop_tree()
    for mark in page.xpath(AFTER):
        parent = mark.getparent()
        while parent is not None and mark.getnext() is not None:
            parent.remove(mark.getnext())
        if parent is not None:
            parent.remove(mark)
