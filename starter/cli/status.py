"""`aftercare status`: one screen on how the house stands."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape

from starter.cli.common import PRINTING, Printing, local, notice, out, print_json, records, table
from starter.reports.mirrors import Mirrored
from starter.reports.status import Carrier, Status
from starter.reports.status import status as read

GOOD, BAD = "green", "bold red"


async def status(*, printing: Printing = PRINTING) -> None:
    """One screen: what is late, what waits, what is in doubt, and each provider's last answer."""
    async with records(printing) as (store, clock):
        found = await read(store, clock)
    if printing.json:
        print_json(found)
        return
    screen = table(None, "", "", "")
    for what, says, cure, well in _lines(found):
        screen.add_row(what, f"[{GOOD if well else BAD}]{escape(says)}[/]", escape(cure))
    out().print(screen)
    for one in found.stopped:
        says = f"{one.what} is stopped since {local(one.since)} by {one.by}: {one.reason}"
        notice(f"{says}\n  lift it: aftercare go … --reason R")


def _lines(found: Status) -> Iterator[tuple[str, str, str, bool]]:
    held = f", {found.on_hold} of them on hold" if found.on_hold else ""
    yield "follow-ups", f"{found.running} running{held}", "aftercare list", True
    if found.oldest_overdue:
        late = found.oldest_overdue
        why = f" ({late.reason})" if late.reason else ""
        says = f"{found.overdue}; the oldest, {late.clause}, since {local(late.due_at)}{why}"
        yield "overdue", says, f"aftercare show {late.follow_up}", False
    else:
        yield "overdue", "nothing", "", True
    up = f", {found.tasks_escalated} passed up" if found.tasks_escalated else ""
    says = f"{found.tasks_open} open, {found.tasks_overdue} overdue{up}"
    cure = "aftercare tasks --overdue" if found.tasks_overdue else "aftercare tasks"
    yield "tasks", says, cure, not found.tasks_overdue
    backlog = f"{found.events_to_carry_out} events, {found.tellings_to_temporal} for Temporal"
    since = f", since {local(found.oldest_telling_at)}" if found.oldest_telling_at else ""
    yield "backlog", backlog + since, "", not found.tellings_to_temporal
    if found.events_failed:
        yield "failed events", str(found.events_failed), "aftercare inbox --failed", False
    waiting = found.messages_waiting_for_provider
    says = f"{found.messages_in_flight} in flight, {waiting} wait for their provider"
    yield "messages", says, "aftercare messages", not waiting
    if found.messages_in_doubt:
        says = f"{found.messages_in_doubt} may have gone or not: their provider is asked"
        yield "in doubt", says, "aftercare why CUSTOMER", False
    if found.messages_unknown:
        cure = "aftercare messages --state unknown; then settle each"
        yield "unknown", f"{found.messages_unknown} may or may not have arrived", cure, False
    for provider in found.providers:
        yield provider.name, *_provider(provider)
    for one in found.mirrors:
        yield one.system, *_mirror(one)
    for door in found.doors:
        says = f"refuses what is not signed: {door.refused}, the last {local(door.refused_at)}"
        yield f"/hooks/{door.path}", says, "aftercare doctor says which secret to compare", False


def _mirror(one: Mirrored) -> tuple[str, str, bool]:
    """How far a system is behind; what it refuses waits for somebody."""
    cure = f"aftercare systems {one.system}"
    if not one.waiting:
        return f"knows all it is to know: {one.told}", "", True
    since = f", since {local(one.since)}" if one.since else ""
    refused = f"; {one.given_up} of them it refuses" if one.given_up else ""
    fault = f"; it is left in peace: {one.fault}" if one.fault else ""
    says = f"{one.waiting} wait to be told{since}{refused}{fault}"
    return says, cure, not (one.given_up or one.fault)


def _provider(one: Carrier) -> tuple[str, str, bool]:
    sent = f"last took a message {local(one.last_sent_at)}" if one.last_sent_at else "took nothing"
    if one.failing_since is None:
        return sent, "", True
    again = f"; asked again {local(one.asked_again_at)}" if one.asked_again_at else ""
    return f"{sent}; away since {local(one.failing_since)}: {one.fault}{again}", "", False
