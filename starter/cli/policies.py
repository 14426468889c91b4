"""Policies: what an SOP's document leaves in brackets, shown, changed, approved, dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Group, Parameter
from rich.markup import escape

from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    Reason,
    UsageError,
    desk,
    notice,
    out,
    parse,
    print_json,
    read_json,
    say,
    table,
    who,
)


def register(app: App, group: Group) -> None:
    app.command(policy, group=group)


async def policy(
    name: Annotated[str, Parameter(help="An SOP, or `house` for the rules that always apply")],
    /,
    *,
    set_: Annotated[
        list[str] | None, Parameter(name="--set", negative="", help="As check_in=10d; repeatable")
    ] = None,
    file: Annotated[
        Path | None, Parameter(help="Changes as JSON, or -", allow_leading_hyphen=True)
    ] = None,
    diff: Annotated[bool, Parameter(negative="", help="Only show what would change")] = False,
    approve: Annotated[bool, Parameter(negative="", help="Put it in force")] = False,
    discard: Annotated[
        bool, Parameter(negative="", help="Drop what waits for approval; needs --reason")
    ] = False,
    to: Annotated[
        Literal["new"], Parameter(help="Whom it is for: follow-ups yet to begin")
    ] = "new",
    reason: Reason = "",
    printing: Printing = PRINTING,
) -> None:
    """An SOP's policy, what its document leaves in brackets: show it, change it, approve it."""
    del to  # whoever has begun keeps the procedure they began with
    changes = {**(read_json(file, "the changes") or {}), **dict(map(_change, set_ or []))}
    if discard:
        if changes or approve or diff:
            raise UsageError("--discard goes with --reason alone")
        await _discard(name, reason, printing)
        return
    async with desk(printing) as opened:
        difference = await opened.policy_diff(name, changes)
        if diff:
            _print_diff(difference, printing)
            return
        if not changes and not approve:
            _print_policy(await opened.policy_show(name), difference, printing)
            return
        if changes:
            after = await opened.policy_set(name, changes, by=who(), reason=reason, approve=approve)
        else:
            after = await opened.policy_approve(name, by=who())
        if after["waiting"]:  # on top of what waited already
            difference = await opened.policy_diff(name, {})
    if printing.json:
        print_json(after)
        return
    _print_diff(difference, printing)
    if after["waiting"]:
        _waits(after)
    else:
        say(f"Version {after['version']} of {name} is in force for new follow-ups.")


async def _discard(name: str, reason: str, printing: Printing) -> None:
    async with desk(printing) as opened:
        dropped = await opened.policy_diff(name, {})
        after = await opened.policy_discard(name, by=who(), reason=reason)
    if printing.json:
        print_json(after)
        return
    kept = f"version {after['version']}, as it was before,"
    say(f"Dropped: {', '.join(dropped) or 'nothing that differed'}. In force: {kept} of {name}.")


def _change(words: str) -> tuple[str, Any]:
    """`check_in=10d`: the value is JSON, or the word itself, as a span of time is."""
    name, equals, value = words.partition("=")
    if not equals or not name:
        raise CliError(f"write --set NAME=VALUE, not {words!r}")
    try:
        return name.strip(), parse(value, name)
    except CliError:
        return name.strip(), value


def _waits(found: dict[str, Any]) -> None:
    notice(
        f"Not in force yet, version {found['waiting']}: aftercare policy {found['name']} --approve"
    )


def _print_policy(found: dict[str, Any], waiting: dict[str, list[Any]], printing: Printing) -> None:
    if printing.json:
        print_json(found)
        return
    by = f", approved by {found['approved_by']}" if found.get("approved_by") else ""
    version = f"version {found['version']}{by}" if found.get("version") else "the defaults"
    out().print(f"[bold]{escape(str(found['name']))}[/]  [dim]{escape(version)}[/]")
    rows = table(None, "", ("", {"ratio": 1}))
    for key, value in found["values"].items():
        blank = key in found.get("blanks", [])
        rows.add_row(key, "[red]blank[/]" if blank else escape(_value(value)))
    out().print(rows)
    if found["waiting"]:
        say()
        _print_diff(waiting, printing)
        _waits(found)


def _print_diff(difference: dict[str, list[Any]], printing: Printing) -> None:
    if printing.json:
        print_json(difference)
        return
    if not difference:
        say("That changes nothing.")
    for key, (now, then) in difference.items():
        out().print(
            f"{escape(key)}: [red]{escape(_value(now))}[/] → [green]{escape(_value(then))}[/]"
        )


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
