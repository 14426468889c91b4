"""What `aftercare policy` prints: values, differences, versions, what those in flight would do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.markup import escape

from starter.cli.common import Printing, local, notice, out, print_json, say, table
from starter.reports.keys import is_empty, meaning

Difference = dict[str, list[Any]]
COUNTED = (  # of a preview: what each number says
    ("at_once", "due at once"),
    ("sooner", "due sooner"),
    ("later", "due later"),
    ("left_out", "left out: too late, off, or another system's"),
    ("unchanged", "unchanged"),
    ("waiting", "wait for somebody, and are not moved by a timer"),
    ("kept", "keep what they have: what was said for them alone does not fit"),
    ("unanswered", "did not answer"),
)


def print_policy(found: dict[str, Any], waiting: Difference, printing: Printing) -> None:
    if printing.json:
        print_json(found)
        return
    by = f", approved by {found['approved_by']}" if found.get("approved_by") else ""
    version = f"version {found['version']}{by}" if found.get("version") else "the defaults"
    out().print(f"[bold]{escape(str(found['name']))}[/]  [dim]{escape(version)}[/]")
    rows = table(None, "", ("", {"ratio": 1, "overflow": "fold"}), ("", {"ratio": 1}))
    for key in [*found["values"], *(k for k in found["blanks"] if k not in found["values"])]:
        says = _meant(found["name"], key)
        if key in found["blanks"]:
            rows.add_row(key, "[red]blank[/]", f"[red]{says}[/]")
        else:
            rows.add_row(key, escape(_value(found["values"].get(key))), f"[dim]{says}[/]")
    out().print(rows)
    if found["waiting"]:
        say()
        print_diff(waiting, printing)
        waits(found)


def print_diff(difference: Difference, printing: Printing) -> None:
    if printing.json:
        print_json(difference)
        return
    if not difference:
        say("That changes nothing.")
    for key, (now, then) in difference.items():
        out().print(
            f"{escape(key)}: [red]{escape(_value(now))}[/] → [green]{escape(_value(then))}[/]"
        )


def print_preview(preview: dict[str, Any], printing: Printing) -> None:
    if printing.json:
        print_json(preview)
        return
    say(numbers(preview))
    if preview["most_moved"]:
        rows = table("The most moved", "Follow-up", "Clause", "Due", "Then")
        for one in preview["most_moved"]:
            clause = f"{one['clause']} {one['about']}".strip()
            rows.add_row(one["follow_up"], clause, _moment(one["now"]), _moment(one["then"]))
        out().print(rows)
    say(preview["says"])


def numbers(preview: dict[str, Any]) -> str:
    """`412 customers, 37 due sooner, 0 due at once`."""
    people, running = preview["customers"], preview["follow_ups"]
    many = f"{people} customer{'s' * (people != 1)}, {running} follow-up{'s' * (running != 1)}"
    of = [f"{many} in flight"]
    if preview["in_force_at_once"]:
        return f"In force at once for {of[0]}."
    always = ("at_once", "sooner")
    of += [f"{preview[n]} {words}" for n, words in COUNTED if preview[n] or n in always]
    return ", ".join(of) + "."


def print_versions(known: list[dict[str, Any]], printing: Printing) -> None:
    if printing.json:
        print_json({"data": known, "has_more": False})
        return
    if not known:
        say("Nothing was ever changed: these are the defaults.")
    for one in known:
        signed = f", approved by {one['approved_by']}" if one["approved_by"] else ""
        state = one["state"].replace("_", " ")
        said = f"version {one['version']}  {state}, set {local(one['at'])} by {one['by']}{signed}"
        out().print(f"[bold]{escape(said)}[/]")
        if one["reason"]:
            say(f"  {one['reason']}")
        if one["moved_at"]:
            say(f"  those in flight were told {local(one['moved_at'])}")
        for key, (now, then) in one["changes"].items():
            say(f"  {key}: {_value(now)} → {_value(then)}")


def print_after(after: dict[str, Any], printing: Printing) -> None:
    """How it stands once it was carried out."""
    if printing.json:
        print_json(after)
    elif after["waiting"]:
        waits(after)
    else:
        whom = f"{after['moved']} in flight are told of it" if "moved" in after else ""
        forth = f"Version {after['version']} of {after['name']} is in force for new follow-ups"
        say(f"{forth}; {whom}." if whom else f"{forth}.")


def waits(found: dict[str, Any]) -> None:
    notice(
        f"Not in force yet, version {found['waiting']}: aftercare policy {found['name']} --approve"
    )


def _moment(said: datetime | None) -> str:
    return local(said)


def _meant(policy: str, key: str) -> str:
    """What the key means, and the clause it belongs to."""
    label, clause = meaning(policy, key)
    return escape(f"{label} ({clause})" if clause else label)


def _value(value: Any) -> str:
    if is_empty(value):
        return "–"
    if isinstance(value, dict):  # a row of the matrix says nothing of what fits all
        said = {name: one for name, one in value.items() if not is_empty(one)}
        return ", ".join(f"{name} {_value(one)}" for name, one in said.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
