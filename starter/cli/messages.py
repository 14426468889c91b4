"""Messages: what was sent, to whom, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    desk,
    local,
    notice,
    out,
    print_json,
    reports,
    say,
    table,
    who,
)
from starter.cli.lists import PAGING, Paging, print_page
from starter.cli.whom import customer_named, names
from starter.reports import words
from starter.reports.objects import MessageState, MessageView

GOOD, BAD = ("sent", "delivered"), ("unknown", "bounced", "refused")


room = App(name="messages")
room.command(
    "starter.cli.printing:letter",
    name="print",
    help="A letter as PDF, to print, for the envelope's window.",
)
room.command(
    "starter.cli.printing:attachment",
    help="What went with a message, by the name that `messages show` has.",
)


@room.default
async def list_(
    *,
    customer: Annotated[str | None, Parameter(help="Their id or e-mail address")] = None,
    state: MessageState | None = None,
    paging: Paging = PAGING,
    printing: Printing = PRINTING,
) -> None:
    """Messages, newest first."""
    async with reports(printing) as asked:
        meant = await customer_named(asked, customer) if customer else None
        page = await asked.messages(customer=meant, state=state, cursor=paging.cursor)
        called = await names(asked, [one.customer for one in page.data])
    print_page(
        page,
        printing,
        lambda rows: _table(rows, called),
        nothing="No messages.",
        hint="Settle what is unknown: aftercare messages settle ID sent|not_sent --reason R"
        if any(one.state == "unknown" for one in page.data)
        else "",
    )


def _table(messages: Sequence[MessageView], called: Mapping[str, str]) -> Table:
    rows = table(
        None,
        ("message", {"no_wrap": True}),
        ("when", {"no_wrap": True}),
        ("which, to whom, and what became of it", {"ratio": 1}),
    )
    for one in messages:
        style = "green" if one.state in GOOD else "red" if one.state in BAD else "yellow"
        because = f" [dim]{escape(words.reason(one.reason))}[/]" if one.reason else ""
        rows.add_row(
            one.id,
            local(one.sent_at or one.created_at),
            f"{' '.join(filter(None, (one.clause, one.template)))}, "
            f"{escape(called.get(one.customer, one.customer))}\n[{style}]{one.state}[/]{because}",
        )
    return rows


@room.command
async def show(message: str, /, *, printing: Printing = PRINTING) -> None:
    """A message as the customer reads it."""
    async with reports(printing) as asked:
        one = await asked.message(message)
    if one is None:
        raise CliError(f"there is no message {message!r}: `aftercare messages` lists them")
    if printing.json:
        print_json(one)
        return
    because = f" ({words.reason(one.reason)})" if one.reason else ""
    out().print(
        f"[dim]{one.state}{escape(because)} {local(one.sent_at or one.created_at)}, "
        f"{one.channel or 'no channel'} "
        f"to {escape(one.to or 'nobody')}, clause {one.clause or '–'}, {one.template}[/]",
        soft_wrap=True,
    )
    for before in one.tried:
        said = f"before: {before.channel} to {before.to or 'nobody'}, {words.reason(before.reason)}"
        out().print(f"[dim]{escape(said)}[/]", soft_wrap=True)
    if one.attempts > 1:
        out().print(f"[dim]{one.attempts} attempts, the last by {one.via}[/]", soft_wrap=True)
    out().print(f"[bold]{escape(one.subject or '')}[/]\n", soft_wrap=True)
    say(one.body_text or "")
    for file in one.attachments:
        notice(
            f"With it: {file.name}, {file.size:,} bytes: aftercare messages attachment "
            f"{one.id} {file.name}"
        )


@room.command
async def settle(
    message: str,
    outcome: Literal["sent", "not_sent"],
    /,
    *,
    reason: Annotated[str, Parameter(help="How you know; it is kept with your name")],
    printing: Printing = PRINTING,
) -> None:
    """Say what became of a message whose sending nobody knows the end of."""
    async with desk(printing) as opened:
        await opened.settle(message, outcome, reason=reason, by=who())
    if printing.json:
        print_json({"id": message, "outcome": outcome})
    else:
        say(f"{message}: {outcome.replace('_', ' ')}")
