"""Feedback: what customers think; write some down, and say what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from activities.crm.house import house_rules
from starter.cli.common import (
    PRINTING,
    Printing,
    UsageError,
    desk,
    local,
    moment,
    reports,
    table,
    who,
)
from starter.cli.lists import PAGING, Paging, print_page
from starter.cli.receipts import print_receipt
from starter.cli.whom import customer_named, names, office_zone
from starter.reports import Reports
from starter.reports.opinions import FeedbackView, Wanted

Customer = Annotated[str, Parameter(help="Their id or e-mail address")]
Type = Annotated[str, Parameter(name="--type", help="By the house's taxonomy: product, delivery…")]
Urgency = Literal["low", "medium", "high", "critical"]
Potential = Literal["none", "possible", "likely"]
Score = Annotated[float | None, Parameter(help="From 0 to 100")]


room = App(name="feedback")


@room.default
@room.command(name="list")
async def list_(
    *,
    unclassified: Annotated[bool, Parameter(negative="", help="Only what nobody has yet")] = False,
    type_: Type | None = None,
    since: Annotated[
        str | None, Parameter(help="A day, or a moment, by the office's clock")
    ] = None,
    customer: Customer | None = None,
    paging: Paging = PAGING,
    printing: Printing = PRINTING,
) -> None:
    """What customers think, the newest first."""
    async with reports(printing) as asked:
        await _known(asked, type_)
        wanted = Wanted(
            unclassified=unclassified,
            type=type_,
            since=await _from(asked, since) if since else None,
            customer=await customer_named(asked, customer) if customer else None,
        )
        page = await asked.feedback(wanted, cursor=paging.cursor)
        called = await names(asked, [one.customer for one in page.data])
    usage = "--type T --urgency low|medium|high|critical --potential none|possible|likely"
    print_page(
        page,
        printing,
        lambda rows: _table(rows, called),
        nothing="No feedback.",
        hint=f"Say what it is: aftercare feedback classify ID {usage}"
        if any(one.classified_at is None for one in page.data)
        else "",
    )


@room.command
async def classify(
    feedback: str,
    /,
    *,
    type_: Type,
    urgency: Urgency,
    potential: Annotated[Potential, Parameter(help="For escalation")],
    actions: Annotated[str | None, Parameter(help="What we shall do with it")] = None,
    printing: Printing = PRINTING,
) -> None:
    """Say what feedback is; what is serious opens a complaint."""
    said = {"type": type_, "urgency": urgency, "potential": potential, "actions": actions}
    async with desk(printing) as opened:
        receipt = await opened.classify_feedback(feedback, _said(said), by=who())
    print_receipt(receipt, as_json=printing.json)


@room.command
async def add(
    customer: Customer,
    /,
    *,
    product: Score = None,
    overall: Score = None,
    text: Annotated[str | None, Parameter(help="What they said, in their words")] = None,
    channel: Annotated[
        Literal["email", "sms", "phone", "letter", "chat", "form"] | None,
        Parameter(help="How they said it"),
    ] = None,
    order: str | None = None,
    at: Annotated[str | None, Parameter(help="When, by the office's clock; else now")] = None,
    type_: Type | None = None,
    urgency: Urgency | None = None,
    potential: Annotated[Potential | None, Parameter(help="For escalation")] = None,
    actions: Annotated[str | None, Parameter(help="What we shall do with it")] = None,
    printing: Printing = PRINTING,
) -> None:
    """Write down what a customer told you they think."""
    said = {
        "product": product, "overall": overall, "text": text, "channel": channel, "order": order,
        "type": type_, "urgency": urgency, "potential": potential, "actions": actions,
    }  # fmt: skip
    async with desk(printing) as opened:
        asked = Reports(opened.store, opened.clock)
        said["at"] = moment(at, await office_zone(opened.store)).isoformat() if at else None
        meant = await customer_named(asked, customer)
        receipt = await opened.add_feedback(meant, _said(said), by=who())
    print_receipt(receipt, as_json=printing.json)


def _said(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


async def _from(asked: Reports, said: str) -> datetime:
    found = moment(said, await office_zone(asked.store))
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise UsageError(f"{said!r} is no date of ours") from None


async def _known(asked: Reports, said: str | None) -> None:
    if said is None:
        return
    async with asked.store.reading() as session:
        types = (await house_rules(session)).taxonomy.types
    if said not in types:
        raise UsageError(f"there is no type {said!r}; there are: {', '.join(types)}")


def _table(feedback: Sequence[FeedbackView], called: Mapping[str, str]) -> Table:
    rows = table(
        None,
        ("feedback", {"no_wrap": True}),
        ("when", {"no_wrap": True}),
        "score",
        "what they think, who, and what it is",
    )
    for one in feedback:
        kind = ", ".join(filter(None, (one.type, one.urgency, _potential(one))))
        stands = escape(kind) if one.classified_at else "[yellow]not classified[/]"
        who_ = escape(called.get(one.customer, one.customer))
        case = f", {one.case_id}" if one.case_id else ""
        rows.add_row(
            one.id,
            local(one.at),
            _scores(one),
            f"{escape(_short(one))}\n[dim]{who_}, by {escape(one.source)}{case}[/]\n{stands}",
        )
    return rows


def _potential(one: FeedbackView) -> str:
    return f"escalation {one.potential}" if one.potential else ""


def _scores(one: FeedbackView) -> str:
    known = {"product": one.product, "overall": one.overall}
    said = [f"{name} {score:g}" for name, score in known.items() if score is not None]
    if one.satisfied is not None:
        said.append("satisfied" if one.satisfied else "not satisfied")
    return "\n".join(said)


def _short(one: FeedbackView) -> str:
    words = " ".join((one.text or "(no words)").split())
    return words if len(words) <= 160 else f"{words[:159]}…"
