"""Whose clock: the zone a customer lives in, by what is known of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers.timezone import time_zones_for_number

from activities.crm.house import HouseRules

NOWHERE = "Etc/Unknown"


def zone_of(
    time_zone: str | None, phone: str | None, country: str | None, rules: HouseRules
) -> ZoneInfo:
    """The customer's zone: as stated, else where the number is from, else the country's, else
    the house's."""
    if time_zone and (stated := _zone(time_zone)):
        return stated
    for guesses in (_zones_of_number(phone or ""), _zones_of_country((country or "").upper())):
        if guesses:
            return _middle(guesses)
    return ZoneInfo(rules.time_zone)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a directory of the database
        return None


def _middle(names: tuple[str, ...]) -> ZoneInfo:
    """Of several zones the one in the middle: nobody's clock is further from it than need be."""
    zones = [zone for zone in map(_zone, names) if zone]
    winter = datetime(2026, 1, 1, tzinfo=UTC)
    zones.sort(key=lambda zone: (zone.utcoffset(winter) or timedelta(), zone.key))
    return zones[(len(zones) - 1) // 2]


@lru_cache(maxsize=4096)
def _zones_of_number(phone: str) -> tuple[str, ...]:
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return ()
    return tuple(name for name in time_zones_for_number(number) if name != NOWHERE and _zone(name))


@lru_cache(maxsize=1)
def _zone_table() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            found.setdefault(country, []).append(name)
    return {country: tuple(names) for country, names in found.items()}


def _zones_of_country(country: str) -> tuple[str, ...]:
    return tuple(name for name in _zone_table().get(country, ()) if _zone(name))
