"""Whom to speak to at a customer's, one a line: as people write it, and as a contract keeps it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

PHONE = re.compile(r"\+?[\d\s()/.-]{5,}")
ORDER = ("name", "role", "email", "phone")


def as_lines(contacts: Iterable[Mapping[str, str]]) -> str:
    return "\n".join(_line(one) for one in contacts)


def _line(one: Mapping[str, str]) -> str:
    names = [*ORDER, *(name for name in one if name not in ORDER)]
    return ", ".join(one[name] for name in names if one.get(name))


def as_contacts(lines: str) -> list[dict[str, str]]:
    """By what each part looks like: an address, a number; the first other one is the name."""
    return [_contact(line) for line in lines.splitlines() if line.strip(" ,")]


def _contact(line: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in line.split(","))):
        if "@" in part:
            kind = "email"
        elif PHONE.fullmatch(part):
            kind = "phone"
        else:
            kind = "role" if "name" in said else "name"
        said[kind] = f"{said[kind]}, {part}" if kind in said else part
    return said
