"""Which column is which field: by the header, by a preset, or as somebody says."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from starter.importing.presets import IGNORED, PREFIXES, PRESETS
from starter.intake import patches
from starter.intake.events import TYPES

# What brings something about now is no news of the past; nor is what somebody else decides.
NOT_OF_THE_PAST = ("follow_up.requested", "customer.erased")
IMPORTED = tuple(what for what in TYPES if what not in NOT_OF_THE_PAST)
FURTHER = {  # an order's line may say how it went on: each is an event of its own
    f"{what}_at": what
    for what in """order.paid order.shipped order.ready_for_pickup order.picked_up
    order.delivered order.cancelled order.refunded order.returned""".split()
}
PLAIN = ("id", "type", "occurred_at")
LISTS: Mapping[str, type[BaseModel]] = {
    "order.items": patches.Item,
    "order.shipments": patches.Shipment,
}
NUMBERED = re.compile(r"(?P<list>[a-z_.]+)\.(?P<number>[1-9]\d{0,2})(?:\.(?P<field>[a-z_]+))?")
NESTED: Mapping[str, type[BaseModel]] = {
    "customer": patches.CustomerPatch,
    "customer.address": patches.Address,
    "customer.consent": patches.ConsentPatch,
    "order": patches.OrderPatch,
    "contract": patches.ContractPatch,
}
WHOLE = {"customer.address", "customer.consent", "customer.topics", "contract.contacts", *LISTS}


class HeaderError(Exception):
    """What cannot be read as a header, or as a mapping; the message says what to write."""


@dataclass(frozen=True)
class Column:
    header: str
    path: str
    prefix: str = ""  # before its value, where a preset says so


@cache
def fields() -> list[str]:
    """Every field that a column may be, those in lists apart."""
    found = [*PLAIN, *FURTHER]
    for above, model in NESTED.items():
        found += [f"{above}.{name}" for name in model.model_fields]
    data = {name for what in IMPORTED for name in TYPES[what].model_fields}
    found += [f"data.{name}" for name in sorted(data - {"topics", "items"})]
    return [name for name in found if name not in WHOLE]


def is_field(path: str) -> bool:
    if path in fields() or re.fullmatch(r"(customer|data)\.topics\.[A-Za-z0-9_-]{1,64}", path):
        return True
    found = NUMBERED.fullmatch(path)
    if not found:
        return False
    if found["list"] == "data.items":
        return found["field"] is None
    return found["list"] in LISTS and found["field"] in LISTS[found["list"]].model_fields


def mapping(said: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """By header, in small letters, the field; and by field what its values begin with.

    Each word is a preset, a file of lines `header = field`, or one such line itself.
    """
    meant, prefixes = dict[str, str](), dict[str, str]()
    for word in said:
        if word in PRESETS:
            meant |= {_plain(header): field for header, field in PRESETS[word].items()}
            prefixes |= PREFIXES.get(word, {})
            continue
        for line in [word] if "=" in word else _lines(word):
            header, _, field = line.rpartition("=")
            if not header.strip() or not (is_field(field.strip()) or field.strip() == IGNORED):
                raise HeaderError(f"--map: {_no_field(field.strip())} Write header=field.")
            meant[_plain(header)] = field.strip()
    return meant, prefixes


def _lines(name: str) -> list[str]:
    try:
        text = Path(name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        known = ", ".join(PRESETS)
        words = f"--map: {name!r} is no file, no header=field, and none of the presets: {known}"
        raise HeaderError(words) from None
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def columns(
    header: Sequence[str], meant: Mapping[str, str], prefixes: Mapping[str, str]
) -> list[Column | None]:
    """Each column's field; None for one that is left out."""
    found, unknown = list[Column | None](), list[str]()
    for cell in header:
        name = cell.strip()
        path = meant.get(_plain(name), name)
        if path == IGNORED or not name:
            found.append(None)
        elif is_field(path):
            found.append(Column(name, path, prefixes.get(path, "")))
        else:
            unknown.append(name)
    if unknown:
        raise HeaderError("\n".join(_strange(name) for name in unknown) + _hint(header))
    taken = [column.path for column in found if column]
    doubled = sorted({path for path in taken if taken.count(path) > 1 and path != "customer.name"})
    if doubled:
        raise HeaderError(f"two columns are {doubled[0]}: leave one out with --map HEADER=-")
    if not any(path.startswith(("customer.", "order.", "contract.")) for path in taken):
        raise HeaderError("no column says whom a line is about: customer.email, order.id …")
    return found


def _hint(header: Sequence[str]) -> str:
    """Which preset knows most of the columns, if one knows many."""
    names = {_plain(cell) for cell in header}
    for preset, known in PRESETS.items():
        if len(names & {_plain(name) for name in known}) >= min(4, len(names)):
            return f"\nIt looks like an export that is known here: --map {preset}"
    return ""


def _strange(name: str) -> str:
    shown = name[:60]
    return (
        f"column {shown!r}: {_no_field(name)} Say what it is, --map '{shown}=FIELD', or - for none."
    )


def _no_field(name: str) -> str:
    near = [path for path in fields() if path.rpartition(".")[2] == name.lower()][:3]
    near = near or difflib.get_close_matches(name.lower(), fields(), n=3, cutoff=0.6)
    return "there is no such field" + (f"; did you mean {' or '.join(near)}?" if near else ".")


def _plain(header: str) -> str:
    return " ".join(header.split()).casefold()
