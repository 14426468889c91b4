"""Messages: what was sent, to whom, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from cyclopts import App, Group, Parameter
from rich.markup import escape

from starter.cli import printing as paper
from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    customer_id,
    desk,
    local,
    names,
    notice,
    out,
    print_json,
    reports,
    say,
    table,
    who,
)
from starter.reports import words
from starter.reports.objects import MessageState, MessageView
from starter.reports.paging import Cursor

GOOD, BAD = ("sent", "delivered"), ("unknown", "bounced", "refused")


def register(app: App, group: Group) -> None:
    messages = App(
        name="messages",
        group=group,
        help="What was sent: the list; read or print one; settle an unknown.",
    )
    messages.default(list_)
    messages.command(show)
    messages.command(settle)
    messages.command(paper.letter, name="print")
    messages.command(paper.attachment)
    app.command(messages)


async def list_(
    *,
    customer: Annotated[str | None, Parameter(help="Their id or e-mail address")] = None,
    state: MessageState | None = None,
    limit: int = 50,
    printing: Printing = PRINTING,
) -> None:
    """Messages, newest first."""
    async with reports(printing) as asked:
        meant = await customer_id(asked, customer) if customer else None
        if customer and meant is None:
            raise CliError(f"nobody knows {customer!r}: `aftercare list` shows the customers")
        page = await asked.messages(customer=meant, state=state, cursor=Cursor(limit))
        called = await names(asked, [one.customer for one in page.data])
    if printing.json:
        print_json(page)
        return
    if not page.data:
        say("No messages.")
        return
    _print_list(page.data, called)
    if page.has_more:
        notice("There are more: --limit, --customer or --state.")
    if any(one.state == "unknown" for one in page.data):
        notice("Settle what is unknown: aftercare messages settle ID sent|not_sent --reason R")


def _print_list(messages: Sequence[MessageView], called: Mapping[str, str]) -> None:
    rows = table(
        None,
        ("message", {"no_wrap": True}),
        ("when", {"no_wrap": True}),
        ("customer", {"no_wrap": True, "max_width": 18}),
        "clause",
        ("template", {"no_wrap": True, "max_width": 20}),
        ("state", {"min_width": 20, "ratio": 1}),
    )
    for one in messages:
        style = "green" if one.state in GOOD else "red" if one.state in BAD else "yellow"
        because = f" [dim]{escape(words.reason(one.reason))}[/]" if one.reason else ""
        rows.add_row(
            one.id,
            local(one.sent_at or one.created_at),
            escape(called.get(one.customer, "")),
            one.clause or "",
            one.template,
            f"[{style}]{one.state}[/]{because}",
        )
    out().print(rows)


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
