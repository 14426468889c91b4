"""Whether a colour can be read on another (WCAG 2.2, contrast)."""

from __future__ import annotations

READABLE = 4.5
AT_NIGHT = 7.0  # on a dark page a darkish link tires sooner
PAPER, NIGHT = "#ffffff", "#1c1f22"


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def at_night(colour: str) -> str:
    """The colour, made lighter until it can be read on a dark page."""
    rgb = _rgb(colour)
    for tenths in range(11):
        mixed = "#" + "".join(f"{round(c + (255 - c) * tenths / 10):02x}" for c in rgb)
        if contrast(mixed, NIGHT) >= AT_NIGHT:
            return mixed
    return PAPER


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    parts = (channel / 255 for channel in _rgb(colour))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
