"""What customers are reached by, in one form: addresses, numbers, countries, zones, languages."""

from __future__ import annotations

import locale as known_locales
import re
from functools import cache
from importlib import resources
from zoneinfo import available_timezones

import phonenumbers
from email_validator import EmailNotValidError, validate_email

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?(?:[-_](?:[A-Za-z]{2}|\d{3}))?")


class UnfitValueError(ValueError):
    """A value that cannot be what it says; its text is ours and repeats nothing."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def email_of(said: str) -> str:
    """An address in its one form: the same person, however it was typed."""
    try:
        found = validate_email(said.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise UnfitValueError("invalid_email", "this is not an e-mail address") from None
    return found.normalized.lower()


def phone_of(said: str, country: str | None) -> str:
    """A number in E.164; without its country code it is one of the customer's country."""
    try:
        found = phonenumbers.parse(said, country)
    except phonenumbers.NumberParseException:
        found = None
    fits = phonenumbers.ValidationResult.IS_POSSIBLE  # numbering plans change faster than libraries
    if found is None or phonenumbers.is_possible_number_with_reason(found) != fits:
        raise UnfitValueError(
            "invalid_phone", "this is not a phone number; write it as +442079460000"
        )
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)


def country_of(said: str) -> str:
    country = said.strip().upper()
    if country not in _countries():
        raise UnfitValueError("unknown_country", "write the two letters of ISO 3166, as GB")
    return country


def time_zone_of(said: str) -> str:
    if said not in _zones():
        raise UnfitValueError("unknown_time_zone", "write an IANA time zone, as Europe/London")
    return said


def locale_of(said: str) -> str:
    """`en_gb` → `en-GB`."""
    if not LANGUAGE.fullmatch(said) or re.split("[-_]", said)[0].lower() not in _languages():
        raise UnfitValueError("unknown_locale", "write a language, as en or en-GB")
    language, *rest = re.split("[-_]", said)
    return "-".join([language.lower(), *(p.title() if len(p) == 4 else p.upper() for p in rest)])


def looks_personal(
    said: str, *, name: str | None = None, email: str | None = None, phone: str | None = None
) -> bool:
    """Whether an id says who somebody is: it would stand in histories and links for years."""
    if "@" in said or said.startswith(("+", "00")):
        return True
    core = _core(said)
    if said.isdigit():
        called = (phone or "").lstrip("+")
        return len(said) >= 7 and (said.startswith("0") or called.endswith(said))
    personal = [name or "", email or "", (email or "").partition("@")[0]]
    return len(core) >= 3 and not core.isdigit() and core in {_core(word) for word in personal}


def _core(said: str) -> str:
    return "".join(c for c in said.casefold() if c.isalnum())


@cache
def _countries() -> frozenset[str]:
    table = resources.files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text("utf-8")
    return frozenset(line[:2] for line in table.splitlines() if line and not line.startswith("#"))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _languages() -> frozenset[str]:
    names = (*known_locales.locale_alias, *known_locales.windows_locale.values())
    heads = (re.split("[_.@]", name)[0].lower() for name in names)
    return frozenset(head for head in heads if 2 <= len(head) <= 3)
