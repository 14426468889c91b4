"""Amounts, dates and lists as people of a language and a country write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_currency

from activities.rendering.registry import HOME, languages


@lru_cache(maxsize=512)
def speech(locale: str | None, language: str, country: str) -> Locale:
    """How to write in a text's language: as the customer's country does if it speaks it, else as
    the office's, else as the language has it anywhere."""
    spoken = language.partition("-")[0]
    theirs = [tag for tag in languages(locale) if tag.startswith(f"{spoken}-")]
    for tag in (*theirs, f"{spoken}-{country}", spoken):
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(HOME)


def amount(value: Decimal, currency: str, locale: Locale) -> str:
    return format_currency(value, currency, locale=locale)


def day(value: date, locale: Locale) -> str:
    return format_date(value, "long", locale=locale)


def listed(words: Sequence[str], locale: Locale) -> str:
    return format_list(list(words), locale=locale)
