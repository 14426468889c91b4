"""Tasks: what waits for a person."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Group, Parameter
from rich.markup import escape

from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    desk,
    local,
    names,
    notice,
    out,
    print_json,
    read_json,
    reports,
    role_named,
    say,
    table,
    who,
)
from starter.cli.follow_ups import print_receipt
from starter.reports.objects import CustomerView, TaskView
from starter.reports.paging import Cursor


def register(app: App, group: Group) -> None:
    tasks = App(
        name="tasks", group=group, help="What waits for a person: the list; show one; close one."
    )
    tasks.default(list_)
    tasks.command(show)
    tasks.command(done)
    app.command(tasks)


async def list_(
    *,
    role: Annotated[str | None, Parameter(help="Only this role's, as sales or csr")] = None,
    mine: Annotated[bool, Parameter(negative="", help="Only those assigned to you")] = False,
    all_: Annotated[bool, Parameter(name="--all", negative="", help="Also those closed")] = False,
    limit: int = 50,
    printing: Printing = PRINTING,
) -> None:
    """The open tasks, the most pressing first."""
    role = role_named(role) if role else None
    async with reports(printing) as asked:
        page = await asked.tasks(
            role=role,
            assignee=getpass.getuser() if mine else None,
            state=None if all_ else "open",
            cursor=Cursor(limit),
        )
        called = await names(asked, [one.customer for one in page.data if one.customer])
        now = asked.clock.now()
    if printing.json:
        print_json(page)
        return
    if not page.data:
        say("No tasks.")
        return
    _print_list(page.data, called, now)
    if page.has_more:
        notice("There are more: --limit, or --role.")


def _print_list(tasks: Sequence[TaskView], called: Mapping[str, str], now: datetime) -> None:
    rows = table(
        None,
        ("task", {"no_wrap": True}),
        "clause",
        ("customer", {"no_wrap": True, "max_width": 18}),
        ("role", {"no_wrap": True}),
        ("due", {"no_wrap": True}),
        ("what", {"min_width": 28, "ratio": 1}),
    )
    for one in sorted(tasks, key=lambda one: (one.priority, one.due_at)):
        late = one.state == "open" and one.due_at < now
        rows.add_row(
            one.id,
            one.clause or "",
            escape(called.get(one.customer or "", "")),
            escape(one.role),
            f"[bold red]{local(one.due_at)}[/]" if late else local(one.due_at),
            escape(one.title) + ("" if one.state == "open" else f" [dim]({one.state})[/]"),
        )
    out().print(rows)


async def show(task: str, /, *, printing: Printing = PRINTING) -> None:
    """A task: its brief, its draft, and what came of it."""
    async with reports(printing) as asked:
        found = await asked.task(task)
        customer = await asked.customer(found.customer) if found and found.customer else None
    if found is None:
        raise CliError(f"there is no task {task!r}: `aftercare tasks` lists them")
    if printing.json:
        print_json(found)
        return
    _show(found, customer)


async def done(
    task: str,
    /,
    *,
    outcome: Annotated[
        Path | None,
        Parameter(
            help='A JSON file, or -: {"subject", "text", "declined", "note", "result"}',
            allow_leading_hyphen=True,
        ),
    ] = None,
    printing: Printing = PRINTING,
) -> None:
    """Close a task with what came of it; a draft that is not changed goes as it stands."""
    given = read_json(outcome, "the outcome") or {}
    async with desk(printing) as opened:
        receipt = await opened.complete_task(task, given, by=who())
    print_receipt(receipt, as_json=printing.json)


def _show(one: TaskView, customer: CustomerView | None) -> None:
    out().print(f"[bold]{escape(one.title)}[/]  [dim]{one.id}, {one.state}[/]", soft_wrap=True)
    facts = {
        "for": one.role + (f", {one.assignee}" if one.assignee else ""),
        "due": local(one.due_at),
        "customer": _named(customer) if customer else "",
        "follow-up": " ".join(filter(None, [one.follow_up, one.clause])),
    }
    for name, value in {**facts, **{k.replace("_", " "): v for k, v in one.brief.items()}}.items():
        if value not in ("", None, [], {}):
            out().print(f"[dim]{escape(name)}:[/] {escape(_words(value))}", soft_wrap=True)
    if one.draft:
        say()
        out().print(f"[dim]draft:[/] [bold]{escape(one.draft.subject)}[/]", soft_wrap=True)
        say(one.draft.body)
    if one.outcome:
        say()
        out().print(f"[dim]outcome:[/] {escape(_words(one.outcome))}", soft_wrap=True)
    elif one.state == "open":
        say()
        notice(f"Done? aftercare tasks done {one.id} [--outcome FILE]")


def _named(who: CustomerView) -> str:
    return ", ".join(filter(None, (who.name, who.email, who.phone, who.id)))


def _words(value: object) -> str:
    if isinstance(value, dict) and {"at", "method", "text"} <= value.keys():
        at = datetime.fromisoformat(value["at"])
        return f"{local(at)} by {value['method']}: {value['text']}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(one)}" for name, one in value.items() if one)
    if isinstance(value, list):
        return "; ".join(_words(one) for one in value)
    return str(value)
