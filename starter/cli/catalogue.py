"""The catalogue and its policies: what the SOPs are, and what they leave in brackets."""

from __future__ import annotations

from datetime import date
from typing import Any

from cyclopts import App
from rich.markup import escape

from starter.catalogue import Catalogue
from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    desk,
    out,
    print_json,
    say,
    table,
    who,
)
from starter.cli.previewing import LOOK, Look, show
from starter.desk import Desk
from starter.reports.keys import named
from starter.reports.sops import carriers, clauses, procedures
from workflows.sops import KEEP_IN_TOUCH, PROCEDURES, Sop

UNSAID = "not stated"  # by the document


room = App(name="sops")


# -- the catalogue ---------------------------------------------------------------------------


@room.default
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
            escape(one["approved_by"] or UNSAID),
            _due(one, today),
            escape(one["title"]),
        )
    out().print(rows)


async def _entry(opened: Desk, sop: Sop) -> dict[str, Any]:
    policy = await opened.policy_show(sop.name)
    said = policy["values"].get("starts_on")
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
        "targets_missing": sop.unset(policy["values"]),
        "prepared_by": sop.prepared_by,
        "approved_by": sop.approved_by,
        "reviewed": sop.reviewed,
        "next_review": sop.next_review,
        "starts_on": list(sop.starts_on if said is None else said),
        "workflow": sop.workflow.__name__,
        "clauses": steps,
    }


def _excused(sop: Sop, clause: str) -> str | None:
    """Why no message is sent under it, if that is said of the clause or of a part of it."""
    of_part = (says for says in sop.excused.values() if says.startswith(f"{clause}: "))
    return sop.excused.get(clause) or next((says.partition(": ")[2] for says in of_part), None)


def _show_sop(one: dict[str, Any], today: date) -> None:
    out().print(f"[bold]{escape(one['name'])}[/]  {escape(one['title'])}, {one['version']}")
    prepared, approved = one["prepared_by"] or UNSAID, one["approved_by"] or UNSAID
    say(f"prepared by: {prepared}, approved by: {approved}")
    reviewed = one["reviewed"] or UNSAID
    out().print(f"reviewed: {reviewed}, next review: {_due(one, today)}, on: {_on(one)}")
    say(f"starts on: {', '.join(one['starts_on']) or 'being asked for'}")
    if one["blanks"]:
        for says in named(one["name"], one["blanks"]):
            out().print(f"[red]{escape(says)} (blank)[/]")
        out().print(f"[dim]to fill them: aftercare policy {one['name']}[/]")
    if one["targets_missing"]:
        say(f"no target yet, which stops nothing: {', '.join(one['targets_missing'])}")
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
    years = step["clause"] in PROCEDURES[sop].years
    return f"[dim]{KEEP_IN_TOUCH.name if years else 'the workflow itself'}[/]"


def _on(one: dict[str, Any]) -> str:
    return "[green]on[/]" if one["on"] else "[dim]off[/]"


def _due(one: dict[str, Any], today: date) -> str:
    due = one["next_review"]
    return f"[bold red]{due} OVERDUE[/]" if due and due < today else str(due or UNSAID)


@room.command(name="on")
async def switch_on(sop: str, /, *, printing: Printing = PRINTING) -> None:
    """Let an SOP start new follow-ups; refused while its policy has blanks."""
    await _switch(sop, printing, on=True)


@room.command(name="off")
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
