"""Follow-ups: start one, tell it something, see where it stands and why, steer it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Group, Parameter
from rich.markup import escape

from starter import words
from starter.answers import Effect, Receipt
from starter.cli.common import (
    DEFAULT,
    PRINTING,
    CliError,
    Common,
    Printing,
    customer_id,
    desk,
    local,
    names,
    notice,
    out,
    parse_object,
    print_json,
    read_json,
    reports,
    say,
    table,
    who,
)
from starter.objects import ChecklistLine, FollowUp, HoldView
from starter.reports import Reports
from workflows.vocabulary import PAST, State

File = Annotated[Path | None, Parameter(help="A JSON file, or - for standard input")]
Target = Annotated[str, Parameter(help="A follow-up's id, or a customer's id or e-mail address")]
Reason = Annotated[str, Parameter(help="Why; it is kept with your name")]
Clause = Annotated[str | None, Parameter(help="The clause meant, as 5.2.1")]
States = Literal["running", "on_hold", "completed", "ended", "opted_out"]
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
EFFECTS = {
    "started": "started",
    "signalled": "told",
    "already": "was so already",
    "recorded": "recorded",
    "parked": "kept until that is known which it is about",
    "queued": "kept; carried out as soon as Temporal answers",
    "none": "nothing was begun",
}


def register(app: App, group: Group) -> None:
    app.command(start, group=group)
    app.command(signal, group=group)
    app.command(list_, name="list", group=group)
    app.command(show, group=group)
    app.command(why, group=group)
    for control in (hold, resume, skip, run_now, retry, end):
        app.command(control, name=control.__name__.replace("_", "-"), group=group)
    app.command(opt_out, name="opt-out", group=group)


# -- beginning and telling -----------------------------------------------------------------------


async def start(
    sop: Annotated[str, Parameter(help="As in `aftercare sops`")],
    /,
    *,
    customer: Annotated[Path, Parameter(help="A JSON file, or - for standard input")],
    order: File = None,
    contract: File = None,
    policy: File = None,
    printing: Printing = PRINTING,
) -> None:
    """Start a follow-up. A customer: {"email": "ada@example.com", "name": "Ada Byron"}."""
    if [str(one) for one in (customer, order, contract, policy)].count("-") > 1:
        raise CliError("only one of them can be read from standard input")
    given = read_json(customer, "the customer") or {}
    rest = (
        read_json(order, "the order"),
        read_json(contract, "the contract"),
        read_json(policy, "the policy"),
    )
    async with desk(printing) as opened:
        follow_up, created, effect = await opened.start(sop, given, *rest, by=who())
    if printing.json:
        print_json({"id": follow_up, "created": created, "effect": effect})
        return
    say(f"{follow_up}: {EFFECTS.get(effect, effect)}" + ("" if created else " (it existed)"))
    notice(f"Its checklist: aftercare show {follow_up}")


async def signal(
    target: Target,
    name: Annotated[str, Parameter(help="A signal or an event, as responded or reply.received")],
    /,
    *,
    text: Annotated[str | None, Parameter(help="What was said; it goes to the CRM only")] = None,
    json: Annotated[str | None, Parameter(help="The signal's body, as JSON")] = None,
    common: Common = DEFAULT,
) -> None:
    """Tell a follow-up, or all of a customer's, that something happened."""
    body: dict[str, Any] = parse_object(json, "--json") if json else {}
    if text is not None:
        body["text"] = text
    async with desk(common) as opened:
        meant = await _meant(Reports(opened.store, opened.clock), target)
        print_receipt(await opened.signal(meant, name, body, by=who()))


async def opt_out(
    customer: Annotated[str, Parameter(help="Their id or e-mail address")],
    /,
    *,
    topic: Annotated[str, Parameter(help="all, or a topic as in the templates")] = "all",
    channel: Annotated[Literal["email", "sms"] | None, Parameter(help="Only this one")] = None,
    reason: Annotated[str | None, Parameter(help="How they said so")] = None,
    printing: Printing = PRINTING,
) -> None:
    """Take back a customer's consent: for all that is not about their order, or for a topic."""
    async with desk(printing) as opened:
        meant = await _meant(Reports(opened.store, opened.clock), customer)
        receipt = await opened.opt_out(meant, topic=topic, channel=channel, reason=reason, by=who())
    print_receipt(receipt, as_json=printing.json)


# -- reading -----------------------------------------------------------------------------------


async def list_(
    *,
    customer: Annotated[str | None, Parameter(help="Their id or e-mail address")] = None,
    sop: str | None = None,
    state: States | None = None,
    limit: Limit = 20,
    printing: Printing = PRINTING,
) -> None:
    """Follow-ups, newest first, with what comes next."""
    async with reports(printing) as asked:
        if customer is not None:
            customer = await _customer(asked, customer)
        page = await asked.follow_ups(customer=customer, sop=sop, state=state, limit=limit)
        called = await names(asked, [one.customer for one in page.data])
        now = asked.clock.now()
    if printing.json:
        print_json(page)
        return
    if not page.data:
        say("No follow-ups." if state or customer or sop else "No follow-ups yet.")
        return
    rows = table(
        None,
        ("follow-up", {"no_wrap": True, "overflow": "fold"}),
        "customer",
        "state",
        ("done", {"justify": "right"}),
        ("next", {"ratio": 1}),
    )
    for one in page.data:
        look = FOLLOW_UP_LOOKS[one.state]
        past = sum(line.state in PAST for line in one.checklist)
        rows.add_row(
            one.id,
            escape(called.get(one.customer, "")),
            f"[{look}]{one.state.replace('_', ' ')}[/]",
            f"{past}/{len(one.checklist)}",
            _next(one, now),
        )
    out().print(rows)
    if page.has_more:
        notice("There are more: --limit, or narrow the list.")


async def show(target: Target, /, *, printing: Printing = PRINTING) -> None:
    """The checklist by clause: done, next and when, skipped and why, on hold since when."""
    async with reports(printing) as asked:
        found = await _found(asked, target)
        holds = {one.customer: await _holds(asked, one) for one in found}
        called = await names(asked, [one.customer for one in found])
        now = asked.clock.now()
    if printing.json:
        print_json(found[0] if len(found) == 1 and found[0].id == target else {"data": found})
        return
    for number, one in enumerate(found):
        if number:
            say()
        _show(one, called.get(one.customer, ""), holds[one.customer], now)


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
        meant = await _meant(asked, target)
        page = await asked.why(meant, clause, limit=limit)
    if page is None:
        raise CliError(_unknown(target))
    if printing.json:
        print_json(page)
        return
    if not page.data:
        say("Nothing has been decided about that yet.")
        return
    rows = table(None, ("when", {"no_wrap": True}), "clause", ("what, and why", {"ratio": 1}))
    for one in reversed(page.data):
        rows.add_row(local(one.at), one.clause or "", escape(one.words))
    out().print(rows)
    if page.has_more:
        notice("Earlier decisions: --limit.")


# -- steering ------------------------------------------------------------------------------------


async def hold(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """Keep back all but what the customer must have, until `resume`."""
    await _control("hold", target, clause, reason, printing)


async def resume(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """Release a hold."""
    await _control("resume", target, clause, reason, printing)


async def skip(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """Leave a clause out; without one, the first that is blocked."""
    await _control("skip", target, clause, reason, printing)


async def run_now(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """Do a clause now instead of when it is due; the gate is asked all the same."""
    await _control("run-now", target, clause, reason, printing)


async def retry(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """Try a blocked clause again; without one, the first that is blocked."""
    await _control("retry", target, clause, reason, printing)


async def end(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """End a follow-up for good."""
    await _control("end", target, clause, reason, printing)


async def _control(
    verb: Literal["hold", "resume", "skip", "run-now", "retry", "end"],
    target: str,
    clause: str | None,
    reason: str,
    printing: Printing,
) -> None:
    async with desk(printing) as opened:
        meant = await _meant(Reports(opened.store, opened.clock), target)
        receipt = await opened.control(verb, meant, clause=clause, reason=reason, by=who())
    print_receipt(receipt, as_json=printing.json)


# -- in words --------------------------------------------------------------------------------------


def print_receipt(receipt: Receipt, *, as_json: bool = False) -> None:
    """What came of it, follow-up by follow-up."""
    if as_json:
        print_json(receipt)
        return
    if receipt.error is not None:
        raise CliError(f"{receipt.error.detail} [{receipt.error.code}]")
    for effect in receipt.effects:
        say(_effect(effect))
    if not receipt.effects:
        say("Recorded.")


def _effect(effect: Effect) -> str:
    said = EFFECTS.get(effect.effect, effect.effect)
    because = f": {words.reason(effect.reason)}" if effect.reason else ""
    return f"{effect.follow_up}: {said}{because}" if effect.follow_up else f"{said}{because}"


def _show(one: FollowUp, name: str, holds: Sequence[HoldView], now: datetime) -> None:
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
        ("", {"ratio": 3}),
        ("", {"no_wrap": True}),
        ("when", {"no_wrap": True}),
        ("", {"ratio": 2}),
    )
    for line in one.checklist:
        symbol, style = LOOKS[line.state]
        rows.add_row(
            f"[{style}]{symbol}[/]",
            line.clause,
            f"[dim]{escape(line.title)}[/]" if style == "dim" else escape(line.title),
            f"[{style}]{line.state}[/]",
            local(_moment(line)),
            f"[dim]{escape(_remark(line, now))}[/]",
        )
    out().print(rows)


def _moment(line: ChecklistLine) -> datetime | None:
    return line.done_at or line.due_at


def _remark(line: ChecklistLine, now: datetime) -> str:
    parts = [words.reason(line.reason)] if line.reason else []
    if line.late_by_seconds >= 60:
        parts.append(f"{_span(timedelta(seconds=line.late_by_seconds))} late")
    if line.state in (State.NEXT, State.WAITING) and line.due_at and line.due_at > now:
        parts.append(f"in {_span(line.due_at - now)}")
    return ", ".join(parts)


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{span.days} days"


def _next(one: FollowUp, now: datetime) -> str:
    wanted = (State.BLOCKED, State.LATE, State.HELD, State.WAITING, State.NEXT)
    open_lines = [line for line in one.checklist if line.state in wanted]
    if not open_lines or one.state not in ("running", "on_hold"):
        return ""
    line = min(open_lines, key=lambda line: wanted.index(line.state))
    style = LOOKS[line.state][1]
    when = f" {local(line.due_at)}" if line.due_at else ""
    remark = f" [dim]{escape(_remark(line, now))}[/]" if line.state is not State.HELD else ""
    return f"{line.clause} [{style}]{line.state}[/]{when}{remark}"


# -- whom is meant ---------------------------------------------------------------------------------


async def _found(asked: Reports, target: str) -> list[FollowUp]:
    if one := await asked.follow_up(target):
        return [one]
    if customer := await customer_id(asked, target):
        if found := (await asked.follow_ups(customer=customer, limit=100)).data:
            return found
        raise CliError(f"{target} has no follow-up: see `aftercare why {target}`")
    raise CliError(_unknown(target))


async def _meant(asked: Reports, target: str) -> str:
    """An e-mail address is what people have at hand; the desk knows ids."""
    return (await customer_id(asked, target) or target) if "@" in target else target


async def _customer(asked: Reports, target: str) -> str:
    if found := await customer_id(asked, target):
        return found
    raise CliError(_unknown(target))


async def _holds(asked: Reports, one: FollowUp) -> list[HoldView]:
    customer = await asked.customer(one.customer)
    holds = customer.holds if customer else []
    return [held for held in holds if held.follow_up in (None, one.id)]


def _unknown(target: str) -> str:
    return f"nobody knows {target!r}: `aftercare list` shows the follow-ups and their ids"
