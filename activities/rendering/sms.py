"""How many segments a text message takes, which is what it costs."""

from __future__ import annotations

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")  # two places each


def segments(text: str) -> int:
    """GSM-7 if every letter is in it, else UCS-2, as the networks count."""
    if set(text) <= BASIC | EXTENDED:
        return _parts([2 if letter in EXTENDED else 1 for letter in text], 160, 153)
    return _parts([len(letter.encode("utf-16-be")) // 2 for letter in text], 70, 67)


def _parts(widths: list[int], alone: int, joined: int) -> int:
    if sum(widths) <= alone:
        return 1
    parts, room = 1, joined
    for width in widths:  # no letter is cut in two
        if width > room:
            parts, room = parts + 1, joined
        room -= width
    return parts
