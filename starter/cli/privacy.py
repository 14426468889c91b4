"""Requests about data, the proof of consent, and the record of processing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    Reason,
    Target,
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
from starter.cli.whom import customer_named, names
from starter.reports import Reports, privacy
from starter.reports.objects import Page
from starter.reports.paging import MOST, Cursor
from starter.reports.privacy import PrivacyRequestView, RequestKind, RequestState
from starter.reports.processing import Processing, processing

Request = Annotated[str, Parameter(help="A request's id: `aftercare privacy` lists them")]


room = App(name="privacy")


@room.default
@room.command(name="list")
async def list_(
    *,
    state: Annotated[RequestState | None, Parameter(help="Only these [default: open]")] = None,
    all_: Annotated[bool, Parameter(name="--all", negative="", help="Also those closed")] = False,
    paging: Paging = PAGING,
    printing: Printing = PRINTING,
) -> None:
    """The requests about data, and how many days each has left."""
    wanted = state or (None if all_ else "open")
    async with reports(printing) as asked:
        page = await privacy.requests(asked, state=wanted, cursor=paging.cursor)
        found = page or Page(data=[])
        called = await names(asked, [one.customer for one in found.data])
    print_page(found, printing, lambda rows: _table(rows, called), nothing="No requests.")


def _table(requests: Sequence[PrivacyRequestView], called: Mapping[str, str]) -> Table:
    rows = table(None, ("request", {"no_wrap": True}), "kind", "days left", "due", "about whom")
    for one in sorted(requests, key=lambda one: (one.days_left is None, one.due_at)):
        name = escape(called.get(one.customer, one.customer))
        rows.add_row(one.id, one.kind, _left(one), local(one.due_at), name)
    return rows


@room.command(name="open")
async def open_(
    customer: Target,
    /,
    *,
    kind: Annotated[RequestKind, Parameter(help="What they ask")],
    received: Annotated[
        str | None, Parameter(help="The day on which it came: 2026-11-23 [default: today]")
    ] = None,
    channel: Annotated[
        Literal["email", "sms", "phone", "letter", "chat", "form"] | None,
        Parameter(help="How it came"),
    ] = None,
    printing: Printing = PRINTING,
) -> None:
    """Take a request down: a task, due in a month; what protects them is done at once."""
    day = _day(received)
    async with desk(printing) as opened:
        asked = Reports(opened.store, opened.clock)
        found = await customer_named(asked, customer)
        id_, new = await opened.privacy_open(found, kind, received=day, channel=channel, by=who())
        one = await privacy.request(asked, id_)
    _print(one, printing, "" if new else "They asked that already: it is open.")


@room.command
async def done(
    request: Request,
    /,
    *,
    outcome: Literal["granted", "refused"],
    reason: Annotated[
        str | None, Parameter(help="Why, if it is refused: they have to be told")
    ] = None,
    printing: Printing = PRINTING,
) -> None:
    """Close a request, and its task with it."""
    async with desk(printing) as opened:
        await opened.privacy_close(request, outcome, reason=reason, by=who())
        one = await privacy.request(Reports(opened.store, opened.clock), request)
    _print(one, printing)


@room.command
async def extend(request: Request, /, *, reason: Reason, printing: Printing = PRINTING) -> None:
    """Take two months more, once; the customer is to be told within the first."""
    async with desk(printing) as opened:
        await opened.privacy_extend(request, reason, by=who())
        one = await privacy.request(Reports(opened.store, opened.clock), request)
    _print(one, printing, "Tell the customer that it takes longer, and why.")


@room.command
async def proof(customer: Target, /, *, printing: Printing = PRINTING) -> None:
    """What a customer allowed or took back: when, where, and in which words."""
    async with reports(printing) as asked:
        found = await customer_named(asked, customer)
        page = await privacy.proof(asked, found, cursor=Cursor(MOST))
    if page is None or printing.json:
        print_json(page or {"data": []})
        return
    if not page.data:
        say("They never said anything about it: no offers are sent to them.")
        return
    rows = table(None, ("when", {"no_wrap": True}), "", "what", ("where, in which words", {}))
    for one in page.data:
        said = "allowed" if one.given else "refused"
        words = f"{one.source or 'not said'}{': “' + one.wording + '”' if one.wording else ''}"
        stands = "" if one.stands else " [dim](until they said otherwise)[/]"
        rows.add_row(local(one.at), said, escape(one.words) + stands, escape(words))
    out().print(rows)


@room.command
async def record(*, printing: Printing = PRINTING) -> None:
    """The record of processing (GDPR, article 30), made of the settings and policies."""
    async with desk(printing) as opened:
        made = await processing(Reports(opened.store, opened.clock), opened.settings)
    if printing.json:
        print_json(made)
    else:
        _print_record(made)


def _print_record(made: Processing) -> None:
    sections: list[tuple[str, list[str]]] = [
        ("Controller", [f"{made.controller['name']}, {made.controller['postal_address']}"]),
        (
            "Purposes",
            [
                f"{one.title} ({one.sop} {one.version}): {'; '.join(one.lawful_bases)}."
                f" Kept: {one.retention}."
                for one in made.purposes
            ],
        ),
        ("Whose data", made.people),
        ("Which", [f"{name}: {says}" for name, says in made.data.items()]),
        ("To whom", [f"{one.name} ({one.where}): {one.what}" for one in made.recipients]),
        ("How it is kept safe", made.security),
        ("Documents", [f"{name}: {where}" for name, where in made.documents.items()]),
        ("To be added by you", made.to_be_added),
    ]
    say(f"Record of processing, {made.at:%Y-%m-%d %H:%M} UTC")
    for title, lines in sections:
        say(f"\n{title}")
        for line in lines or ["nobody"]:
            say(f"  {line}")


def _print(one: PrivacyRequestView | None, printing: Printing, more: str = "") -> None:
    if one is None:
        raise CliError("there is no request of this id: `aftercare privacy` lists them")
    if printing.json:
        print_json(one)
        return
    say(f"{one.id}  {one.kind}, {one.state}, due {local(one.due_at)} ({_left(one) or 'closed'})")
    for line in filter(None, (one.what_to_do, f"Task: {one.task}" if one.task else "", more)):
        notice(line)


def _left(one: PrivacyRequestView) -> str:
    if one.days_left is None:
        return ""
    late = one.days_left < 0
    return f"{-one.days_left} too late" if late else f"{one.days_left} left"


def _day(said: str | None) -> date | None:
    try:
        return date.fromisoformat(said) if said is not None else None
    except ValueError:
        raise UsageError(f"{said!r} is no day: write 2026-11-23") from None
