"""Where follow-ups stand, and why: the list, a checklist, the decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape
from rich.table import Table

from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    Target,
    local,
    notice,
    out,
    print_json,
    reports,
    say,
    table,
)
from starter.cli.lists import PAGING, Paging, print_page
from starter.cli.whom import customer_id, customer_named, meant, names, sop_named, unknown
from starter.reports import Reports
from starter.reports.case import is_of
from starter.reports.dossier import ordered
from starter.reports.objects import FollowUp, FollowUpState, HoldView
from starter.reports.paging import MOST, Cursor
from starter.reports.remarks import OPEN, Today, pressing, remark, today
from starter.reports.steering import steered
from workflows.vocabulary import State

Limit = Annotated[int, Parameter(help="How many at most, the newest")]

LOOKS = {
    State.DONE: ("✓", "green"),
    State.COVERED: ("✓", "cyan"),
    State.ELSEWHERE: ("✓", "cyan"),
    State.SKIPPED: ("–", "dim"),
    State.NEXT: ("▶", "bold yellow"),
    State.WAITING: ("…", "bold cyan"),
    State.HELD: ("‖", "magenta"),
    State.BLOCKED: ("✗", "bold red"),
    State.LATE: ("!", "bold red"),
    State.LATER: ("·", "dim"),
}
FOLLOW_UP_LOOKS = {
    "running": "green",
    "on_hold": "magenta",
    "completed": "dim",
    "ended": "dim",
    "opted_out": "dim",
}
DONE = (State.DONE, State.COVERED, State.ELSEWHERE)  # by whomever; skipped is not done
CASE = "case"
REMARK = 26  # columns


async def list_(
    *,
    customer: Annotated[str | None, Parameter(help="Their id or e-mail address")] = None,
    sop: Annotated[str | None, Parameter(help="As in `aftercare sops`")] = None,
    state: FollowUpState | None = None,
    paging: Paging = PAGING,
    printing: Printing = PRINTING,
) -> None:
    """Follow-ups, newest first, with what comes next."""
    sop = sop_named(sop) if sop else None
    async with reports(printing) as asked:
        if customer is not None:
            customer = await customer_named(asked, customer)
        page = await asked.follow_ups(customer=customer, sop=sop, state=state, cursor=paging.cursor)
        called = await names(asked, [one.customer for one in page.data])
        day = today(asked.clock)
    print_page(
        page,
        printing,
        lambda rows: _table(rows, called, day),
        nothing="No follow-ups." if state or customer or sop else "No follow-ups yet.",
    )


def _table(found: Sequence[FollowUp], called: Mapping[str, str], day: Today) -> Table:
    rows = table(
        None,
        ("follow-up", {"no_wrap": True, "overflow": "fold"}),
        "customer",
        "state",
        ("done", {"justify": "right"}),
        ("next", {"ratio": 1}),
    )
    for one in found:
        look = FOLLOW_UP_LOOKS[one.state]
        rows.add_row(
            one.id,
            escape(called.get(one.customer, "")),
            f"[{look}]{one.state.replace('_', ' ')}[/]",
            f"{sum(line.state in DONE for line in one.checklist)}/{len(one.checklist)}",
            _next(one, day),
        )
    return rows


async def show(
    target: Target,
    /,
    *,
    full: Annotated[bool, Parameter(negative="", help="The clauses' whole words")] = False,
    printing: Printing = PRINTING,
) -> None:
    """The checklist by clause: done, next and when, skipped and why, on hold since when."""
    async with reports(printing) as asked:
        found = await _found(asked, target)
        holds = {one.id: await _holds(asked, one) for one in found}
        logs = {one.id: await _log(asked, one) for one in found}
        called = await names(asked, [one.customer for one in found])
        day = today(asked.clock)
    if printing.json:
        print_json(found[0] if len(found) == 1 and found[0].id == target else {"data": found})
        return
    for number, one in enumerate(found):
        if number:
            say()
        _show(one, called.get(one.customer, ""), holds[one.id], day, full=full)
        for at, words in logs[one.id]:
            say(f"{local(at)}  {words}")
    if not full and any(
        _short(line.title) != line.title for one in found for line in one.checklist
    ):
        notice("The clauses' whole words: --full.")


async def why(
    target: Target,
    clause: Annotated[str | None, Parameter(help="Only this clause")] = None,
    /,
    *,
    limit: Limit = 50,
    printing: Printing = PRINTING,
) -> None:
    """Why each message was sent, or was not: every decision, in plain words."""
    async with reports(printing) as asked:
        target = await meant(asked, target)
        page = await asked.why(target, clause, cursor=Cursor(limit))
        about = await customer_id(asked, target) or target
        async with asked.store.reading() as session:
            orders = await steered(session, about, clause, limit=limit)
        if page is None:
            raise await unknown(asked, target)
    if printing.json:
        print_json(page)
        return
    if not page.data and not orders:
        say("Nothing has been decided about that yet.")
        return
    told = [(one.at, one.follow_up or "", one.clause, one.words) for one in reversed(page.data)]
    told += [(one.at, one.about, one.clause, ordered(one)) for one in orders]
    rows = table(None, ("when", {"no_wrap": True}), "of", "clause", ("what, and why", {"ratio": 1}))
    for at, of, about_clause, said in sorted(told, key=lambda one: one[0]):
        rows.add_row(local(at), _of(of, about), about_clause or "", escape(said))
    out().print(rows)
    if page.has_more:
        notice("Earlier decisions: --limit.")


# -- in words ------------------------------------------------------------


def _show(one: FollowUp, name: str, holds: Sequence[HoldView], day: Today, *, full: bool) -> None:
    look = FOLLOW_UP_LOOKS[one.state]
    out().print(
        f"[bold]{escape(one.id)}[/]  {escape(name)}  [{look}]{one.state.replace('_', ' ')}[/]"
        f"  [dim]SOP {escape(one.sop)} {one.sop_version}, since {local(one.started_at)}[/]",
        soft_wrap=True,
    )
    for held in holds:
        because = f": {held.reason}" if held.reason else ""
        by = f" by {held.by}" if held.by else ""
        say(f"‖ on hold ({held.kind}) since {local(held.at)}{by}{because}")
    rows = table(
        None,
        "",
        ("clause", {"no_wrap": True}),
        ("", {"ratio": 1}),
        ("", {"no_wrap": True}),
        ("when", {"no_wrap": True}),
        ("", {"min_width": REMARK, "max_width": REMARK}),
    )
    for line in one.checklist:
        symbol, style = LOOKS[line.state]
        title = escape(line.title if full else _short(line.title))
        rows.add_row(
            f"[{style}]{symbol}[/]",
            line.clause,
            f"[dim]{title}[/]" if style == "dim" else title,
            f"[{style}]{line.state}[/]",
            local(line.done_at or line.due_at),
            f"[dim]{escape(remark(line, day))}[/]",
        )
    out().print(rows)


def _of(follow_up: str, customer: str) -> str:
    """Which procedure, and for which order or contract."""
    sop, _, subject = follow_up.partition(".")
    return "" if follow_up == customer else sop if subject in ("", customer) else f"{sop} {subject}"


def _short(title: str) -> str:
    """What fits on a line: whoever wants the whole words asks with --full."""
    room = max(24, out().width - REMARK - 46)
    return title if len(title) <= room else title[: room - 1].rstrip() + "…"


def _next(one: FollowUp, day: Today) -> str:
    line = pressing(one)
    if line is None:
        return ""
    style = LOOKS[line.state][1]
    when = f" {local(line.due_at)}" if line.due_at else ""
    said = f" [dim]{escape(remark(line, day))}[/]" if line.state is not State.HELD else ""
    return f"{line.clause} [{style}]{line.state}[/]{when}{said}"


async def _found(asked: Reports, target: str) -> list[FollowUp]:
    if one := await asked.follow_up(target):
        return [one]
    if customer := await customer_id(asked, target):
        if found := (await asked.follow_ups(customer=customer, cursor=Cursor(MOST))).data:
            return found
        raise CliError(f"{target} has no follow-up: see `aftercare why {target}`")
    raise await unknown(asked, target)


async def _log(asked: Reports, one: FollowUp) -> list[tuple[datetime, str]]:
    """What became of a case, as its log has it; of any other follow-up, nothing."""
    page = (
        await asked.why(one.id, only="follow_up", cursor=Cursor(MOST)) if one.sop == CASE else None
    )
    return [
        (line.at, line.words) for line in reversed(page.data if page else []) if is_of(line.outcome)
    ]


async def _holds(asked: Reports, one: FollowUp) -> list[HoldView]:
    customer = await asked.customer(one.customer) if one.state in OPEN else None
    holds = customer.holds if customer else []
    return [held for held in holds if held.follow_up in (None, one.id)]
