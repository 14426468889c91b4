"""The catalogue and its policies: what the SOPs are, and what they leave in brackets."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Group, Parameter
from rich.markup import escape

from starter.catalogue import Catalogue
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
from starter.cli.previewing import LOOK, Look, show
from starter.desk import Desk
from starter.reports.sops import carriers, clauses, procedures
from workflows.sops import KEEP_IN_TOUCH, Sop

SPAN = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
ISO = re.compile(r"P(?=.)(?:\d+[WD])*(?:T(?:[\d.]+[HMS])*)?")
PART = re.compile(r"([\d.]+)([WDHMS])")


def register(app: App, group: Group) -> None:
    sops = App(
        name="sops",
        group=group,
        help="The catalogue: versions, approval, review, clauses; on and off; its templates.",
    )
    sops.default(show_sops)
    sops.command(switch_on, name="on")
    sops.command(switch_off, name="off")
    app.command(sops)
    app.command(policy, group=group)


# -- the catalogue ---------------------------------------------------------------------------


async def show_sops(
    sop: str | None = None, /, *, look: Look = LOOK, printing: Printing = PRINTING
) -> None:
    """The SOPs, or one of them with its clauses and what carries each out; or a template of it."""
    if look != LOOK:
        await show(sop, look, printing)
        return
    async with desk(printing) as opened:
        known = procedures()
        if sop is not None and sop not in known:
            raise CliError(f"there is no SOP {sop!r}; there are: {', '.join(known)}")
        today = opened.clock.now().date()
        seen = [await _entry(opened, known[name]) for name in known if sop in (None, name)]
    if printing.json:
        print_json(seen[0] if sop else {"data": seen})
        return
    if sop:
        _show_sop(seen[0], today)
        return
    rows = table(None, "SOP", "version", "on", "approved by", "review due", ("title", {"ratio": 1}))
    for one in seen:
        rows.add_row(
            one["name"],
            one["version"],
            _on(one),
            escape(one["approved_by"]),
            _due(one, today),
            escape(one["title"]),
        )
    out().print(rows)


async def _entry(opened: Desk, sop: Sop) -> dict[str, Any]:
    policy = await opened.policy_show(sop.name)
    async with opened.store.reading() as session:
        off = await Catalogue(opened.settings).off(session, sop)
    steps = [
        {
            "clause": text.clause,
            "title": text.says,
            "templates": list(sop.steps.get(text.clause, ())),
            "excused": _excused(sop, text.clause),
            "within": list(carriers(text.clause, sop.name)),
        }
        for text in clauses(sop.name)
    ]
    return {
        "name": sop.name,
        "title": sop.title,
        "version": sop.version,
        "on": off is None,
        "off_because": off,
        "blanks": policy.get("blanks", []),
        "prepared_by": sop.prepared_by,
        "approved_by": sop.approved_by,
        "reviewed": sop.reviewed,
        "next_review": sop.next_review,
        "starts_on": list(sop.starts_on),
        "workflow": sop.workflow.__name__,
        "clauses": steps,
    }


def _excused(sop: Sop, clause: str) -> str | None:
    """Why no message is sent under it, if that is said of the clause or of a part of it."""
    of_part = (says for says in sop.excused.values() if says.startswith(f"{clause}: "))
    return sop.excused.get(clause) or next((says.partition(": ")[2] for says in of_part), None)


def _show_sop(one: dict[str, Any], today: date) -> None:
    out().print(f"[bold]{escape(one['name'])}[/]  {escape(one['title'])}, {one['version']}")
    say(f"prepared by {one['prepared_by']}, approved by {one['approved_by']}")
    out().print(f"reviewed {one['reviewed']}, next review {_due(one, today)}, on: {_on(one)}")
    say(f"starts on: {', '.join(one['starts_on']) or 'being asked for'}")
    if one["blanks"]:
        blanks = ", ".join(one["blanks"])
        out().print(f"[red]blank:[/] {escape(blanks)} [dim](aftercare policy {one['name']})[/]")
    rows = table(None, "clause", ("", {"ratio": 2}), ("carried out by", {"ratio": 1}))
    for step in one["clauses"]:
        rows.add_row(step["clause"], escape(step["title"]), _carried_out(one["name"], step))
    out().print(rows)


def _carried_out(sop: str, step: dict[str, Any]) -> str:
    """By which templates; else where, so that no clause looks forgotten."""
    if step["templates"]:
        return escape(", ".join(step["templates"]))
    if step["excused"]:
        return f"[dim]{escape(step['excused'])}[/]"
    if step["within"]:
        return f"[dim]in what {', '.join(step['within'])} says[/]"
    years = sop != KEEP_IN_TOUCH.name and step["clause"] in KEEP_IN_TOUCH.steps
    return f"[dim]{KEEP_IN_TOUCH.name if years else 'the workflow itself'}[/]"


def _on(one: dict[str, Any]) -> str:
    return "[green]on[/]" if one["on"] else "[dim]off[/]"


def _due(one: dict[str, Any], today: date) -> str:
    due = one["next_review"]
    return f"[bold red]{due} OVERDUE[/]" if due and due < today else str(due or "")


async def switch_on(sop: str, /, *, printing: Printing = PRINTING) -> None:
    """Let an SOP start new follow-ups; refused while its policy has blanks."""
    await _switch(sop, printing, on=True)


async def switch_off(sop: str, /, *, printing: Printing = PRINTING) -> None:
    """Let an SOP start no new follow-ups; those that run go on."""
    await _switch(sop, printing, on=False)


async def _switch(sop: str, printing: Printing, *, on: bool) -> None:
    async with desk(printing) as opened:
        await opened.sop_switch(sop, on=on, by=who())
    if printing.json:
        print_json({"sop": sop, "on": on})
    else:
        say(f"{sop} is {'on' if on else 'off: nothing new starts, what runs goes on'}.")


# -- policies ----------------------------------------------------------------------------------


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
    """`check_in=10d`: the value is a span of time, or JSON, or the word itself."""
    name, equals, value = words.partition("=")
    if not equals or not name:
        raise CliError(f"write --set NAME=VALUE, not {words!r}")
    if value and (span := SPAN.fullmatch(value)):
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in span.groups())
        return name.strip(), f"P{7 * weeks + days}DT{hours}H{minutes}M{seconds}S"
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
    return "" if value is None else _span(str(value))


def _span(value: str) -> str:
    """A span of time as one writes it: `P10DT2H` is `10d 2h`."""
    if not ISO.fullmatch(value):
        return value
    parts = (f"{part.group(1)}{part.group(2).lower()}" for part in PART.finditer(value))
    return " ".join(parts) or "0s"
