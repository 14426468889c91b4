"""How many segments a text message takes, which is what it costs."""

from __future__ import annotations

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")  # two places each
CHEAP = BASIC | EXTENDED
# What typewriters had for what printers have: one of these makes every segment hold 67, not 153.
PLAIN = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a\u00b4\u0060\u2032", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022", "-")
    | {"\u2026": "...", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u00d7": "x"}
)


def segments(text: str) -> int:
    """GSM-7 if every letter is in it, else UCS-2, as the networks count."""
    if set(text) <= CHEAP:
        return _parts([2 if letter in EXTENDED else 1 for letter in text], 160, 153)
    return _parts([len(letter.encode("utf-16-be")) // 2 for letter in text], 70, 67)


def plainer(text: str) -> str:
    """With the marks that cost a fortune in a text message typed as a telephone types them."""
    return text.translate(PLAIN)


def needless(text: str) -> list[str]:
    """The marks that make the text cost more, where nothing else in it does."""
    dear = dict.fromkeys(letter for letter in text if ord(letter) in PLAIN and letter not in CHEAP)
    return list(dear) if set(plainer(text)) <= CHEAP else []


def _parts(widths: list[int], alone: int, joined: int) -> int:
    if sum(widths) <= alone:
        return 1
    parts, room = 1, joined
    for width in widths:  # no letter is cut in two
        if width > room:
            parts, room = parts + 1, joined
        room -= width
    return parts
