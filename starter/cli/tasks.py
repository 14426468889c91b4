"""Tasks: what waits for a person."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    Reason,
    desk,
    local,
    moment,
    notice,
    out,
    print_json,
    read_json,
    reports,
    say,
    table,
    who,
)
from starter.cli.lists import PAGING, Paging, print_page
from starter.cli.receipts import print_receipt
from starter.cli.whom import names, office_zone, role_in
from starter.reports import Reports
from starter.reports.objects import CustomerView, TaskView
from workflows.vocabulary import Form

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT")


room = App(name="tasks")
room.command(
    "starter.cli.printing:of_task",
    name="print",
    help="What a task is done with on paper, as PDF: the letter to post, or the sheet for a call.",
)


@room.default
async def list_(
    *,
    role: Annotated[str | None, Parameter(help="Only this role's, as sales or csr")] = None,
    mine: Annotated[bool, Parameter(negative="", help="Only those assigned to you")] = False,
    as_: Annotated[
        str | None, Parameter(name="--as", help="Who you are: your account's e-mail address")
    ] = None,
    overdue: Annotated[bool, Parameter(negative="", help="Only those nobody did in time")] = False,
    all_: Annotated[
        bool, Parameter(name="--all", negative="", help="Also those closed, and snoozed")
    ] = False,
    paging: Paging = PAGING,
    printing: Printing = PRINTING,
) -> None:
    """The open tasks, the most pressing first; those that are snoozed come back by themselves."""
    role = await role_in(printing, role) if role else None
    async with reports(printing) as asked:
        page = await asked.tasks(
            role=role,
            assignee=(as_ or getpass.getuser()) if mine or as_ else None,
            state=None if all_ else "open",
            overdue=overdue,
            awake=not all_,
            cursor=paging.cursor,
        )
        called = await names(asked, [one.customer for one in page.data if one.customer])
        now = asked.clock.now()
    print_page(page, printing, lambda rows: _table(rows, called, now), nothing="No tasks.")


def _table(tasks: Sequence[TaskView], called: Mapping[str, str], now: datetime) -> Table:
    rows = table(
        None, ("task", {"no_wrap": True}), ("due", {"no_wrap": True}), "what, about whom, and whose"
    )
    for one in sorted(tasks, key=lambda one: (one.priority, one.due_at)):
        late = one.state == "open" and one.due_at < now
        about = ", ".join(filter(None, [called.get(one.customer or ""), one.assignee or one.role]))
        rows.add_row(
            one.id,
            f"[bold red]{local(one.due_at)}[/]" if late else local(one.due_at),
            f"{escape(one.title)}{_standing(one, now)}\n[dim]{escape(about)}[/]",
        )
    return rows


def _standing(one: TaskView, now: datetime) -> str:
    """What else is to be known of it."""
    said = [] if one.state == "open" else [one.state]
    if one.state == "open" and one.escalated_to:
        said.append(f"passed up to {one.escalated_to}")
    if one.snoozed_until and one.snoozed_until > now:
        said.append(f"until {local(one.snoozed_until)}")
    return f" [dim]({', '.join(said)})[/]" if said else ""


@room.command
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
    _show(found, customer, asked.clock.now())


@room.command
async def done(
    task: str,
    /,
    *,
    outcome: Annotated[
        Path | None,
        Parameter(
            help="A JSON file, or -: what the task's form asks; `tasks show ID` says what that is",
            allow_leading_hyphen=True,
        ),
    ] = None,
    printing: Printing = PRINTING,
) -> None:
    """Close a task with what came of it; a draft that is not changed goes as it stands."""
    given = read_json(outcome, "the outcome") or {}
    async with desk(printing) as opened:
        receipt = await opened.complete_task(task, given, by=who())
        first = await Reports(opened.store, opened.clock).task(task)
    print_receipt(receipt, as_json=printing.json)
    if first and first.outcome and receipt.effects[0].effect == "already":
        notice(f"What was said then: {_words(first.outcome)}")


@room.command
async def reassign(
    task: str,
    /,
    *,
    to: Annotated[str, Parameter(help="A colleague's e-mail address, or a role, for its queue")],
    reason: Reason,
    printing: Printing = PRINTING,
) -> None:
    """Give a task to somebody else."""
    async with desk(printing) as opened:
        receipt = await opened.reassign(task, to, reason, by=who())
    print_receipt(receipt, as_json=printing.json)


@room.command
async def snooze(
    task: str,
    /,
    *,
    until: Annotated[str, Parameter(help="2026-12-01, or 2026-12-01T14:00, by the office's clock")],
    reason: Reason,
    printing: Printing = PRINTING,
) -> None:
    """Have a task come back later; never after the moment that a customer was promised."""
    async with desk(printing) as opened:
        at = moment(until, await office_zone(opened.store))
        receipt = await opened.snooze(task, at, reason, by=who())
    print_receipt(receipt, as_json=printing.json)


@room.command
async def ask(
    task: str,
    /,
    *,
    text: Annotated[str, Parameter(help="What you want to know", allow_leading_hyphen=True)],
    printing: Printing = PRINTING,
) -> None:
    """Ask the manager about a task: it stays yours, and the answer comes back on it."""
    async with desk(printing) as opened:
        receipt = await opened.ask_manager(task, text, by=who())
    print_receipt(receipt, as_json=printing.json)


def _show(one: TaskView, customer: CustomerView | None, now: datetime) -> None:
    out().print(f"[bold]{escape(one.title)}[/]  [dim]{one.id}, {one.state}[/]", soft_wrap=True)
    facts = {
        "for": one.role + (f", {one.assignee}" if one.assignee else ""),
        "due": local(one.due_at),
        "passed up to": one.escalated_to or "",
        "snoozed until": local(one.snoozed_until),
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
        _ask_for(one, now)


def _ask_for(one: TaskView, now: datetime) -> None:
    """What whoever closes it has to say, and may say; and what that could look like."""
    from starter.desk.examples import example  # noqa: PLC0415 - loads the desk
    from starter.desk.forms import FORMS  # noqa: PLC0415

    form = Form(one.form)
    fields = [
        f"{name} (needed)" if field.is_required() else name
        for name, field in FORMS[form].model_fields.items()
    ]
    notice(f"Done? aftercare tasks done {one.id} --outcome FILE, with: {', '.join(fields)}")
    notice(f"As: {json.dumps(example(form, one.brief, now), ensure_ascii=False)}")


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
    return _moment(str(value))


def _moment(said: str) -> str:
    """An instant as the clock on the wall has it; any other word as it is."""
    try:
        return local(datetime.fromisoformat(said)) if INSTANT.match(said) else said
    except ValueError:
        return said
