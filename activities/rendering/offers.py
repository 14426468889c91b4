"""Whether words sell: a template, or a person's draft, with an offer in it is marketing."""

from __future__ import annotations

import re

LINKS = ("plans", "add_ons", "loyalty")
SELLS = re.compile(
    r"""\boffers?\b(?!\s+(?:help|assistance)) | \bdiscount\w*\b | \bvouchers?\b | \bcoupons?\b
    | \bpromo(?:tion\w*|s)?\b | \bon\s+sale\b | \bupgrad\w+\b | \badd-ons?\b | \bloyalty\b
    | \bfree\s+trial\b | \bprices?\b | \bbuy\s+now\b
    | \b(?:aktions|sonder)?angebot(?:e[ns]?|s)?\b | \b\w*rabatt\w*\b | \b\w*gutschein\w*\b
    | \b\w*preis(?:en?|es)?\b | \b\w*tarif(?:en?|s)?\b | \btreue\w*\b
    | \bjetzt\s+kaufen\b | \bkostenlos\s+testen\b
    | [£$€]\s?\d | \d\s?[£$€] | \b\d+(?:[.,]\d+)?\s?%""",
    re.IGNORECASE | re.VERBOSE,
)


def offers(words: str) -> list[str]:
    """What in these words sells something."""
    return list(dict.fromkeys(match[0].strip() for match in SELLS.finditer(words)))
