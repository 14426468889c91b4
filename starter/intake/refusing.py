"""What does not fit, as whoever sent it is told: the first thing, by its place, and no value."""

from __future__ import annotations

from pydantic import ValidationError

from starter.answers import Refusal

# The codes that fields have of their own; all else that does not fit is `invalid`.
CODES = frozenset(
    """id_looks_personal invalid_id invalid_email invalid_phone invalid_time invalid_amount
    score_out_of_range unknown_country unknown_time_zone unknown_locale unprintable_text
    unwritable_text""".split()
)


def refusal_of(fault: ValidationError, *where: str) -> Refusal:
    """The first thing that is wrong, by its place."""
    error = fault.errors(include_url=False, include_input=False)[0]
    inside = error.get("ctx", {}).get("param")
    path = [*where, *(str(part)[:64] for part in error["loc"]), *([inside] if inside else [])]
    codes = {"missing": "missing", "extra_forbidden": "unknown_field"}
    what = "invalid_time" if error["type"].startswith(("datetime", "timezone")) else error["type"]
    code = codes.get(what) or (what if what in CODES else "invalid")
    words = "there is no such field" if code == "unknown_field" else _sentence(error["msg"])
    return Refusal(code, words, param=".".join(path) or None)


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:]
