"""The inbox: what came in from other systems, what came of it, and how to try one again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from activities.crm.inbox import DONE, FAILED, HOOKS, PARKED
from activities.crm.spans import span_of
from starter.answers import Receipt
from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    Reason,
    UsageError,
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
from starter.cli.whom import meant
from starter.reports import Reports, words
from starter.reports import inbox as arrivals
from starter.reports.inbox import Arrival, Arrived, Doing

FURTHEST = timedelta(days=400)
STYLES = {"done": "green", "failed": "red", "parked": "yellow", "stored": "yellow"}
Id = Annotated[str, Parameter(help="Our id of it (in_…), or its sender's")]


room = App(name="inbox")


@room.default
async def list_(
    *,
    failed: Annotated[bool, Parameter(help="Only what could not be carried out")] = False,
    parked: Annotated[bool, Parameter(help="Only what waits to be known whom it is about")] = False,
    source: Annotated[str | None, Parameter(help="Only of this sender: shopify, api")] = None,
    paging: Paging = PAGING,
    printing: Printing = PRINTING,
) -> None:
    """What came in, newest first."""
    states = [state for state, wanted in ((FAILED, failed), (PARKED, parked)) if wanted]
    async with reports(printing) as asked, asked.store.reading() as session:
        page = await arrivals.arrivals(session, states=states, source=source, cursor=paging.cursor)
    print_page(
        page,
        printing,
        _table,
        nothing="Nothing of this kind." if states or source else "Nothing came in yet.",
        hint="Once its cause is mended: aftercare inbox replay ID --reason R"
        if any(one.state == FAILED for one in page.data)
        else "",
    )


@room.command
async def show(
    event: Id,
    /,
    *,
    raw: Annotated[bool, Parameter(help="Only the bytes, as they came", negative="")] = False,
    printing: Printing = PRINTING,
) -> None:
    """One that came in, as it was posted, and what came of it."""
    async with reports(printing) as asked:
        id_ = await _named(asked, event)
        async with asked.store.reading() as session:
            one = await arrivals.arrived(session, id_)
            content = await arrivals.posted(session, id_) if raw else None
    if one is None:
        raise CliError(_unknown(event))
    if content is not None:
        sys.stdout.buffer.write(content)
    elif printing.json:
        print_json(one)
    else:
        _print_one(one)


@room.command
async def replay(event: Id, /, *, reason: Reason, printing: Printing = PRINTING) -> None:
    """Try one again: what failed is carried out, a delivery is read anew; nothing is done twice."""
    async with desk(printing) as opened:
        receipts = await opened.replay(event, reason=reason, by=who())
    _print_receipts(receipts, printing)


@room.command
async def give(
    event: Id,
    customer: Annotated[str, Parameter(help="Their id or e-mail address")],
    /,
    *,
    reason: Annotated[str, Parameter(help="How you know; it is kept with your name")],
    printing: Printing = PRINTING,
) -> None:
    """Say whom a reply is from that nobody knew: it becomes that customer's."""
    async with desk(printing) as opened:
        whose = await meant(Reports(opened.store, opened.clock), customer)
        receipt = await opened.give(event, whose, reason=reason, by=who())
    _print_receipts([receipt], printing)


@room.command
async def fetch(
    shop: Annotated[Literal["woocommerce"], Parameter(help="Which shop is asked")],
    /,
    *,
    since: Annotated[str, Parameter(help="What was changed so long ago, at most: 12h, 2d")] = "1d",
    printing: Printing = PRINTING,
) -> None:
    """Ask a shop for what its webhooks did not bring, as in an outage; nothing is done twice."""
    span = span_of(since)
    if span is None or not timedelta() < span <= FURTHEST:
        raise UsageError(f"{since!r} is no span of up to {FURTHEST.days} days: write 12h, or 2d")
    async with desk(printing) as opened:
        fetched = await opened.fetch(opened.clock.real() - span)
    if printing.json:
        print_json(fetched)
        return
    changes = f"{fetched.shown} change{'' if fetched.shown == 1 else 's'}"
    say(f"{shop} showed {changes}, {fetched.new} of them new to us.")
    if fetched.new:
        notice("They are read within seconds: aftercare inbox --source woocommerce")


async def _named(asked: Reports, event: str) -> str:
    async with asked.store.reading() as session:
        found = await arrivals.called(session, event)
    if len(found) > 1:
        ids = ", ".join(f"{id_} ({source})" for id_, source in found)
        raise CliError(f"several senders have this id: name it by ours: {ids}")
    if not found:
        raise CliError(_unknown(event))
    return found[0][0]


def _unknown(event: str) -> str:
    return f"nothing came in under {event!r}: `aftercare inbox` lists what did"


# -- on paper --------------------------------------------------------------------------------


def _table(found: Sequence[Arrival]) -> Table:
    rows = table(
        None,
        ("id", {"no_wrap": True}),
        ("when", {"no_wrap": True}),
        ("state", {"no_wrap": True}),
        ("what, about whom, and what came of it", {"ratio": 1}),
    )
    for one in found:
        rows.add_row(
            one.id,
            local(one.received_at),
            f"[{STYLES.get(one.state, 'dim')}]{one.state}[/]",
            f"{escape(_what(one))}\n[dim]{escape(_came(one))}[/]",
        )
    return rows


def _what(one: Arrival) -> str:
    """What it told of, where that is known; else at which door it came in."""
    told = ", ".join(one.holds) or ("" if one.is_delivery else one.type)
    door = one.type.removeprefix(HOOKS) if one.is_delivery else one.source
    about = one.name or one.sender
    return (f"{told} from {door}" if told else door) + (f", {about}" if about else "")


def _came(one: Arrival) -> str:
    if one.error:
        tries = f", tried {one.attempts} times" if one.attempts else ""
        return words.reason(one.error) + tries
    if one.waits_until:
        return f"waits until {local(one.waits_until)} for whom it is about"
    nothing = "nothing new" if one.state == DONE else "nothing yet"
    return "; ".join(doing.words for doing in one.effects) or nothing


def _print_one(one: Arrived) -> None:
    arrival, style = one.arrival, STYLES.get(one.arrival.state, "dim")
    head = f"{arrival.type} from {arrival.source}, {local(arrival.received_at)}"
    out().print(f"[{style}]{arrival.state}[/] {escape(head)}", soft_wrap=True)
    facts = {
        "its id there": arrival.event,
        "happened": local(arrival.occurred_at),
        "about": arrival.name or ", ".join(one.whom.values()) or "nobody we know yet",
        "came in": arrival.parent,
        "headers": ", ".join(f"{name}: {value}" for name, value in one.headers.items()),
        "address": one.query,
        "bytes": f"{one.size:,}, SHA-256 {one.digest[:16]}…",
        "files": ", ".join(f"{file.name} ({file.size:,} bytes)" for file in one.files),
    }
    for name, value in facts.items():
        if value:
            out().print(f"[dim]{name}:[/] {escape(value)}", soft_wrap=True)
    say()
    say(one.body if one.body is not None else "It is no text: aftercare inbox show --raw has it.")
    out().print("\n[bold]What came of it[/]")
    say(f"  {_came(arrival)}")
    for event in one.events:
        say(f"  {event.id} {event.type}: {event.state}, {_came(event)}")
    for task in one.tasks:
        say(f"  {task.id}: {task.title} ({task.state}, {task.role})")
    for telling in one.untold:
        say(f"  Temporal is yet to hear `{telling.name}` of {telling.follow_up}")
    if one.can_be_given:
        notice(f"Whose is it? aftercare inbox give {arrival.id} CUSTOMER --reason R")


def _print_receipts(receipts: Sequence[Receipt], printing: Printing) -> None:
    if printing.json:
        print_json({"data": receipts})
        return
    for receipt in receipts:
        doings = [Doing(effect=e.effect, follow_up=e.follow_up, reason=e.reason)
                  for e in receipt.effects]  # fmt: skip
        say(f"{receipt.event}: {'; '.join(one.words for one in doings) or 'nothing'}")
