"""All that happened between a customer and us, newest first."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import tables as t
from starter.reports import views, words
from starter.reports.case import REASONS as CLOSED
from starter.reports.objects import TimelineEntry
from starter.reports.sops import procedures
from starter.reports.views import of_customer

EVENT = re.compile(r"[a-z_]+\.[a-z_]+")


async def timeline(session: AsyncSession, customer_id: str) -> list[TimelineEntry]:
    """Everything, newest first; what came in the same moment keeps one order."""
    entries: list[TimelineEntry] = []
    enclosed = await views.enclosed(session, customer_id)
    for table, tell in TOLD.items():
        for row in await of_customer(session, table, customer_id):
            entries.extend(tell(row))
    entries = [
        entry.model_copy(update={"enclosures": enclosed[note]})
        if (note := entry.id.removeprefix("note:")) in enclosed
        else entry
        for entry in entries
    ]
    return sorted(entries, key=lambda entry: (entry.at, entry.id), reverse=True)


def _message(row: t.Message) -> list[TimelineEntry]:
    text = row.subject or _plain(row.template)
    if row.reason and row.sent_at is None:
        text += f": {words.reason(row.reason)}"
    return [_entry("message", row, row.sent_at or row.created_at, text, row.state)]


def _note(row: t.Note) -> list[TimelineEntry]:
    """In whose mouth it was; that a follow-up ended, its own line says."""
    sop = (row.follow_up or "").partition(".")[0]
    if row.direction == "internal" and row.summary == f"{sop}: completed":
        return []
    if EVENT.fullmatch(row.summary):  # something was told of without a word
        return [_entry("note", row, row.at, _plain(row.summary))]
    by = "" if row.method == "system" else f" by {row.method}"
    who = {"in": f"The customer{by}: ", "out": f"We{by}: "}.get(row.direction, "")
    return [_entry("note", row, row.at, f"{who}{row.summary}")]


def _handed(row: t.Task) -> list[TimelineEntry]:
    return [_entry("task", row, row.created_at, f"{_plain(row.role)}: {row.title}", row.state)]


def _case(row: t.Case) -> list[TimelineEntry]:
    about = ", ".join(part for part in (row.type, row.severity) if part)
    opened = f"{row.kind} opened: {about}" if about else f"{row.kind} opened"
    cause = f" ({row.root_cause})" if row.root_cause else ""
    outcome = f": {CLOSED.get(row.outcome, row.outcome)}" if row.outcome else ""
    steps = [
        ("open", row.opened_at, opened),
        ("answered", row.answered_at, f"{row.kind} answered"),
        ("resolved", row.resolved_at, f"{row.kind} put right{cause}"),
        ("closed", row.closed_at, f"{row.kind} closed{outcome}"),
    ]
    return [_entry("case", row, at, text, step) for step, at, text in steps if at]


def _feedback(row: t.Feedback) -> list[TimelineEntry]:
    said = [f"{name} {score:g}" for name, score in _scores(row) if score is not None]
    if row.satisfied is not None:
        said.append("satisfied" if row.satisfied else "not satisfied")
    said += [f"about {row.type}"] if row.type else []
    said += [f"urgency {row.urgency}"] if row.urgency else []
    said += [f"escalation {row.potential}"] if row.potential else []
    words = f"feedback by {row.source}"
    return [_entry("feedback", row, row.at, ": ".join(filter(None, (words, ", ".join(said)))))]


def _scores(row: t.Feedback) -> list[tuple[str, float | None]]:
    return [("product", row.product), ("overall", row.overall)]


def _consent(row: t.Consent) -> list[TimelineEntry]:
    return [_entry("consent", row, row.at, words.consent(row.scope, row.source, given=row.given))]


def _hold(row: t.Hold) -> list[TimelineEntry]:
    reason = f"{row.kind}: {row.reason}" if row.reason else row.kind
    entries = [_entry("hold", row, row.at, f"put on hold, {reason}", "held")]
    if row.released_at:
        entries.append(_entry("hold", row, row.released_at, f"released, {row.kind}", "released"))
    return entries


def _order(row: t.Order) -> list[TimelineEntry]:
    steps = "confirmed paid shipped ready delivered cancelled refunded returned".split()
    moments = [(step, getattr(row, f"{step}_at")) for step in steps]
    return [_entry("order", row, at, f"order {row.id} {step}", step) for step, at in moments if at]


def _enrolment(row: t.Enrolment) -> list[TimelineEntry]:
    sop = procedures().get(row.sop)
    name = sop.title if sop else row.sop
    name += f", order {row.order_id}" if row.order_id else ""
    entries = [_entry("follow_up", row, row.started_at, f"{name}: begun", "running")]
    if row.ended_at:
        said = row.state.replace("_", " ")
        entries.append(_entry("follow_up", row, row.ended_at, f"{name}: {said}", row.state))
    return entries


TOLD: dict[Any, Callable[[Any], list[TimelineEntry]]] = {
    t.Message: _message,
    t.Note: _note,
    t.Task: _handed,
    t.Case: _case,
    t.Consent: _consent,
    t.Hold: _hold,
    t.Order: _order,
    t.Enrolment: _enrolment,
    t.Feedback: _feedback,
}


def _plain(code: str) -> str:
    """A code as people say it."""
    said = code.translate(str.maketrans("-_.", "   "))
    return said[:1].upper() + said[1:]


def _entry(kind: str, row: Any, at: datetime, text: str, state: str | None = None) -> TimelineEntry:
    several = f":{state}" if kind in ("hold", "order", "follow_up", "case") else ""
    return TimelineEntry.model_validate(
        {
            "id": f"{kind}:{row.id}{several}",
            "at": at,
            "type": kind,
            "follow_up": row.id if kind == "follow_up" else getattr(row, "follow_up", None),
            "clause": getattr(row, "clause", None),
            "state": state,
            "text": text,
        }
    )
