"""Where a letter goes: the address as its country writes it, and the envelope that its own is put
into, by whose window it stands where it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel import Locale, UnknownLocaleError

from activities.rendering.values import clean

CITY_FIRST = ("GB", "IE", "IN", "NZ", "AU", "US", "CA", "ZA", "SG", "HK", "PH")
TOWN_APART = ("GB", "IE")  # the post code has a line of its own
COMMA = ("US",)


@dataclass(frozen=True)
class Form:
    """Measures in millimetres, from the paper's upper left corner."""

    name: str
    paper: str
    left: float  # of the address, and of what is written
    top: float
    width: float
    height: float
    lift: bool  # it stands on the window's lower edge: folded, the paper slides that far
    sender: bool  # the sender in small above it, within the window
    date_top: float
    begins: float  # what is written, on the first page
    folds: tuple[float, ...]
    punch: float


# DIN 5008, form B, with the zone for the sender's line above the address.
DIN = Form("din", "a4", 25, 62.7, 80, 27.3, False, True, 82, 98.5, (105, 210), 148.5)
# A DL envelope's window, 35 by 90 mm, 20 mm from the left and 18 mm from below; A4 in thirds.
UK = Form("uk", "a4", 25, 56, 75, 25.5, False, False, 77, 95, (99, 198), 148.5)
# A No. 10 envelope's, 1 1/8 by 4 1/2 in, 7/8 in from the left and 1/2 in from below; letter paper.
US = Form("us", "us-letter", 25.4, 53, 84, 27, True, False, 74, 92, (93.1, 186.2), 139.7)
FORMS = dict.fromkeys(("GB", "IE", "IN", "NZ", "AU", "ZA", "SG", "HK"), UK) | dict.fromkeys(
    ("US", "CA", "MX", "PH"), US
)


def form(country: str) -> Form:
    """By the office's country; where nothing is known of its envelopes, as most of Europe's."""
    return FORMS.get(country.upper(), DIN)


def lines(
    name: str | None, company: str | None, address: Mapping[str, Any], home: str
) -> tuple[str, ...]:
    """The lines of an address; the country, in capitals, if the letter leaves its own."""
    said = {key: clean(str(value)) for key, value in address.items() if value}
    country = said.get("country", "").upper()
    code = country if len(country) == 2 else ""
    streets = [said.get("line1", ""), said.get("line2", "")]
    abroad = _named(country, home) if country and country != home.upper() else ""
    found = (
        clean(company or ""),
        clean(name or ""),
        *streets,
        *_town(said, code or home.upper()),
        abroad,
    )
    return tuple(line for line in dict.fromkeys(found) if line)


def _town(said: Mapping[str, str], country: str) -> list[str]:
    city, region, code = (said.get(key, "") for key in ("city", "region", "postal_code"))
    if country in TOWN_APART:
        return [city, region, code]
    if country in CITY_FIRST:
        comma = ", " if country in COMMA and city and region else " "
        return [f"{comma.join(part for part in (city, region) if part)} {code}".strip()]
    return [" ".join(part for part in (code, city) if part), region]


def _named(country: str, home: str) -> str:
    """As the post office reads it that the letter is handed in at."""
    if len(country) != 2:
        return country
    try:
        spoken = Locale.parse(f"und_{home.upper()}")
    except (UnknownLocaleError, ValueError):
        spoken = Locale("en")
    return str(spoken.territories.get(country, country)).upper()
