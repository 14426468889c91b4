"""What others wrote, made fit to stand in our messages: text, and nothing but text."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import quote

from activities.rendering.registry import TemplateFault

LONGEST = 200
BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters to Unicode, nothing to the eye
DOMAIN = re.compile(r"(?<=\w)[.\u2024\u3002\uff0e\uff61](?=[^\W\d]\w)")
SCHEME = re.compile(r"(?<=[^\W\d]):(?=\S)|:(?=//)")
ALWAYS = re.compile(r"[\\`*_\[\]<>~|]|&(?=[#A-Za-z])")
AT_START = re.compile(r"^(?:[#+\-=:!]|\d+(?=[.)]))")


class Own(str):
    """The house's words: kept as they are, while a stranger's lose their domains."""

    __slots__ = ()


class Url(str):
    """An address of ours, the only thing that may become a link."""

    __slots__ = ()


def link(address: str) -> Url:
    """An address without the letters that would end it early in Markdown or in a text."""
    return Url(quote(address, safe=":/?#@!$&'*+,;=%~-._"))


def clean(text: str) -> str:
    """One line without what the eye cannot see: controls, bidi, zero width, lone surrogates."""
    kept = []
    for letter in unicodedata.normalize("NFC", text[: LONGEST * 4]):
        category = unicodedata.category(letter)
        if category in ("Zl", "Zp", "Zs") or letter in "\t\n\r\v\f\x85":
            kept.append(" ")
        elif category not in ("Cc", "Cf", "Cs", "Co") and letter not in BLANK:
            kept.append(letter)
    line = " ".join("".join(kept).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def visible(text: str) -> str:
    """A person's own paragraphs, their lines kept, without what the eye cannot see."""
    lines = text.replace("\r\n", "\n").replace("\t", "    ")
    return "".join(
        letter
        for letter in unicodedata.normalize("NFC", lines)
        if letter in "\n\u200c\u200d"  # the joiners: emoji and some scripts need them
        or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    ).strip()


def defang(text: str) -> str:
    """No mail program makes a link of it: `evil.com` → `evil. com`."""
    apart = SCHEME.sub(": ", DOMAIN.sub(". ", text))
    return " ".join(apart.replace("@", " @ ").split())


def plain(value: Any) -> str:
    """A value as it stands in a subject line or an SMS."""
    if isinstance(value, Url):
        return _address(value)
    if isinstance(value, Own):
        return clean(value)
    if isinstance(value, str):
        return defang(clean(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None or isinstance(value, bool | list | tuple | dict):
        raise TemplateFault("value_missing")
    return str(value)  # Jinja's Undefined raises here, which is what it is for


def markdown(value: Any) -> str:
    """A value as it stands in Markdown, every mark in it a letter."""
    if isinstance(value, Url):
        return _address(value)
    text = ALWAYS.sub(r"\\\g<0>", plain(value))
    return AT_START.sub(lambda mark: _held(mark[0]), text)


def _held(mark: str) -> str:
    return f"{mark}\\" if mark.isdigit() else f"\\{mark}"


def _address(url: str) -> str:
    if not re.match(r"https?://[^\s]|mailto:[^\s]", url):
        raise TemplateFault("link_invalid")
    return str(url)
