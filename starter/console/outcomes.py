"""What somebody filled in to close a task, as the desk reads it; and what it says no to, in words
that stand beside the field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from activities.crm.house import HouseRules
from starter.answers import Refusal
from starter.console.people import as_contacts
from starter.console.sheets import Field, Sheet
from starter.console.sheets_sales import TICK
from starter.reports.objects import TaskView

TRUTH = {"yes": True, "no": False, "on": True}
NUMBERS = ("product", "overall", "score")
PATTERN = "string should match"
MISSING = "still missing: "
DIGITS = 9  # more than that is no number of anything here
PLAIN = {  # pydantic's own words, which nobody should have to read
    "field required": "This is needed.",
    "input should be true": "This is needed.",
    "input should be a valid integer": "Write a whole number.",
    "input should be a valid number": "This is not a number.",
    "string should have at least 1 character": "This is needed.",
}


def said(form: Mapping[str, str], sheet: Sheet, rules: HouseRules) -> dict[str, Any]:
    """What the form says; what was left blank is not in it."""
    way = next((way for way in sheet.ways if way.name == form.get("way")), sheet.ways[0])
    outcome: dict[str, Any] = {}
    for field in sheet.named():
        value = form.get(field.name, "").replace("\r\n", "\n").strip()
        if not value or field.name in way.without or (field.keeps and value == field.value):
            continue
        if field.name.startswith(TICK):
            outcome.setdefault("done", []).append(field.name.removeprefix(TICK))
        else:
            outcome[field.name] = _typed(field, value, rules)
    if way.name == "decline":
        outcome["declined"] = True
    _means_it(way.name, outcome)
    return outcome


def _means_it(way: str, outcome: Mapping[str, Any]) -> None:
    """The button that was pressed, and what stands in the fields, say the same."""
    if way == "otherwise" and "result" not in outcome:
        raise Refusal("missing", "Say how it went: nothing is sent.", param="result")
    if way == "send" and "result" in outcome:
        raise Refusal("invalid", "Sent, or done otherwise: not both.", param="result")
    if way == "send" and "text" not in outcome:
        raise Refusal("missing", "Write what is to go to the customer.", param="text")


def check_subject(outcome: Mapping[str, Any], task: TaskView) -> None:
    """What goes to a customer has a subject that is meant for them: a task's title is not."""
    goes = "text" in outcome and not outcome.get("answered")
    if goes and not outcome.get("subject") and task.draft is None:
        raise Refusal("missing", "Give it a subject: the customer reads it first.", param="subject")


def blank(form: Mapping[str, str], sheet: Sheet) -> dict[str, str]:
    """The form's values, and no value for what was unticked or cleared."""
    return {field.name: form.get(field.name, "") for field in sheet.named()}


def faults(refusal: Refusal | None, sheet: Sheet) -> dict[str, str]:
    """What is wrong, by the field it is beside; under none, what is about the whole."""
    if refusal is None:
        return {}
    words = _labelled(PLAIN.get(refusal.detail, refusal.detail), sheet)
    if refusal.param == "url" and words.startswith(PATTERN):
        words = "Write an address: https://…"
    words = words[:1].upper() + words[1:]
    names = {field.name for field in sheet.named()}
    param = refusal.param or ""
    here = next((name for name in (param, param.partition(".")[0]) if name in names), "")
    return {here or "": words if words.endswith((".", "?", "!")) else f"{words}."}


def _labelled(words: str, sheet: Sheet) -> str:
    """What is missing, as the form calls it."""
    says, found, names = words.partition(MISSING)
    if says or not found:
        return words
    labels = {field.name: field.label[:1].lower() + field.label[1:] for field in sheet.named()}
    return found + "; ".join(labels.get(n, n.replace("_", " ")) for n in names.split(", "))


def _typed(field: Field, value: str, rules: HouseRules) -> Any:
    """As the field means it; what fits nothing goes as it is, and is refused by its name."""
    if field.truth:
        return TRUTH.get(value, value)
    if field.kind == "moment":
        return _moment(value, rules)
    if field.name == "contacts":
        return as_contacts(value)
    return _number(field, value)


def _number(field: Field, value: str) -> int | float | str:
    if field.kind == "number" and value.isascii() and value.isdigit() and len(value) < DIGITS:
        return int(value)
    if field.name in NUMBERS and value != "n/a":
        try:
            return float(value.replace(",", "."))
        except ValueError:
            return value
    return value


def _moment(value: str, rules: HouseRules) -> str:
    """A browser's moment has no zone: the office's is meant."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return moment.replace(tzinfo=moment.tzinfo or ZoneInfo(rules.time_zone)).isoformat()
