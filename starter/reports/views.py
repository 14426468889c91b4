"""From rows to what readers see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import tables as t
from activities.crm.consents import by_scope
from activities.crm.holds import open_holds
from activities.rendering import Template, TemplateFault, registry
from starter.reports import words
from starter.reports.objects import (
    ChecklistLine,
    ConsentState,
    CustomerView,
    DecisionView,
    DraftView,
    FollowUp,
    HoldView,
    MessageView,
    TaskView,
    TimelineEntry,
    Tried,
)

PLAIN = (  # what a customer's row and its view call the same
    "id email phone name preferred_name company country locale time_zone preferred_channel "
    "address owner tier sensitive since created_at"
).split()


def follow_up(row: t.Enrolment, lines: list[ChecklistLine], *, on_hold: bool) -> FollowUp:
    return FollowUp.model_validate(
        {
            "id": row.id,
            "sop": row.sop,
            "sop_version": row.sop_version,
            "customer": row.customer_id,
            "subject": row.subject,
            "state": "on_hold" if on_hold else row.state,
            "started_at": row.started_at,
            "checklist": lines,
        }
    )


async def customer(session: AsyncSession, row: t.Customer) -> CustomerView:
    holds = await open_holds(session, row.id)
    return CustomerView(
        **{name: getattr(row, name) for name in PLAIN},
        aliases=[a.alias for a in await _of(session, t.Alias, row.id, t.Alias.alias)],
        consent={
            scope: ConsentState(given=c.given, at=c.at, source=c.source, wording=c.wording)
            for scope, c in (await by_scope(session, row.id)).items()
        },
        holds=[
            HoldView(id=h.id, kind=h.kind, follow_up=h.follow_up, reason=h.reason, by=h.by, at=h.at)
            for h in holds
        ],
        follow_ups=[
            e.id for e in await _of(session, t.Enrolment, row.id, t.Enrolment.started_at.desc())
        ],
        orders=[o.id for o in await _of(session, t.Order, row.id, t.Order.created_at.desc())],
    )


def message(row: t.Message) -> MessageView:
    return MessageView(
        id=row.id,
        customer=row.customer_id,
        follow_up=row.follow_up,
        sop=row.sop,
        clause=row.clause,
        template=row.template,
        kind=row.kind,
        channel=row.channel,
        state=row.state,
        to=words.masked(row.address),
        subject=row.subject,
        body_text=row.body_text,
        body_html=row.body_html,
        created_at=row.created_at,
        sent_at=row.sent_at,
        provider_id=row.provider_id,
        reason=row.reason,
        via=row.via,
        attempts=row.attempts,
        tried=tried(row),
    )


def tried(row: t.Message) -> list[Tried]:
    """The channels that refused it before, addresses masked."""
    return [
        Tried(
            channel=one.get("channel", ""),
            to=words.masked(one.get("address")),
            reason=one.get("reason", ""),
        )
        for one in row.tried
    ]


async def tasks(session: AsyncSession, rows: Sequence[t.Task]) -> list[TaskView]:
    ids = [row.id for row in rows]
    query = select(t.Draft).where(t.Draft.task_id.in_(ids)).order_by(t.Draft.created_at)
    drafts = {d.task_id: d for d in (await session.execute(query)).scalars()}  # the newest wins
    cases = {row.id: str(row.brief.get("case")) for row in rows}
    wrote = await _wrote(session, set(cases.values()))
    return [_task(row, drafts.get(row.id), wrote.get(cases[row.id], [])) for row in rows]


async def _wrote(session: AsyncSession, cases: set[str]) -> dict[str, list[dict[str, Any]]]:
    """What the customer said since each case was opened, oldest first."""
    query = (
        select(t.Case.id, t.Note)
        .join(t.Note, t.Note.customer_id == t.Case.customer_id)
        .where(t.Case.id.in_(cases), t.Note.direction == "in", t.Note.at >= t.Case.opened_at)
        .order_by(t.Note.at, t.Note.id)
    )
    wrote: dict[str, list[dict[str, Any]]] = {}
    for case, note in await session.execute(query):
        line = {"at": note.at.isoformat(), "method": note.method, "text": note.summary}
        wrote.setdefault(case, []).append(line)
    return wrote


def _task(row: t.Task, draft: t.Draft | None, wrote: list[dict[str, Any]]) -> TaskView:
    return TaskView(
        id=row.id,
        customer=row.customer_id,
        follow_up=row.follow_up,
        clause=row.clause,
        role=row.role,
        assignee=row.assignee,
        priority=row.priority,
        title=row.title,
        due_at=row.due_at,
        state=row.state,
        brief=row.brief | ({"wrote": wrote} if wrote else {}),
        draft=draft
        and DraftView(id=draft.id, subject=draft.subject, body=draft.body, edited=draft.edited),
        outcome=row.outcome,
        escalated_to=row.escalated_to,
    )


def decision(row: t.Decision) -> DecisionView:
    step = (row.key or "").split("/")[1:2]  # <follow-up>/<step>[/<about>]
    template = step[0] if step and step[0] in _templates() else None
    return DecisionView(
        id=row.id,
        at=row.at,
        follow_up=row.follow_up,
        clause=row.clause,
        outcome=row.outcome,
        reason=row.reason,
        facts=row.facts,
        words=words.sentence(row.outcome, row.reason, row.facts, template),
    )


def _templates() -> Mapping[str, Template]:
    try:
        return registry()
    except TemplateFault:  # what was decided can be told without it
        return {}


# -- the timeline -----------------------------------------------------------------


async def timeline(session: AsyncSession, customer_id: str) -> list[TimelineEntry]:
    """Everything, newest first; what came in the same moment keeps one order."""
    entries: list[TimelineEntry] = []
    for table, tell in TOLD.items():
        for row in await _of(session, table, customer_id):
            entries.extend(tell(row))
    return sorted(entries, key=lambda entry: (entry.at, entry.id), reverse=True)


def _message(row: t.Message) -> list[TimelineEntry]:
    text = f"{row.template}: {row.subject}" if row.subject else row.template
    return [_entry("message", row, row.sent_at or row.created_at, text, row.state)]


def _note(row: t.Note) -> list[TimelineEntry]:
    return [_entry("note", row, row.at, f"{row.direction} {row.method}: {row.summary}")]


def _handed(row: t.Task) -> list[TimelineEntry]:
    return [_entry("task", row, row.created_at, f"{row.role}: {row.title}", row.state)]


def _case(row: t.Case) -> list[TimelineEntry]:
    return [_entry("case", row, row.opened_at, row.kind, row.state)]


def _consent(row: t.Consent) -> list[TimelineEntry]:
    return [_entry("consent", row, row.at, words.consent(row.scope, row.source, given=row.given))]


def _hold(row: t.Hold) -> list[TimelineEntry]:
    reason = f"{row.kind}: {row.reason}" if row.reason else row.kind
    entries = [_entry("hold", row, row.at, f"put on hold, {reason}", "held")]
    if row.released_at:
        entries.append(_entry("hold", row, row.released_at, f"released, {row.kind}", "released"))
    return entries


def _order(row: t.Order) -> list[TimelineEntry]:
    steps = ("confirmed", "paid", "shipped", "delivered", "cancelled", "refunded", "returned")
    moments = [(step, getattr(row, f"{step}_at")) for step in steps]
    return [_entry("order", row, at, f"order {row.id} {step}", step) for step, at in moments if at]


def _enrolment(row: t.Enrolment) -> list[TimelineEntry]:
    entries = [_entry("follow_up", row, row.started_at, f"{row.sop} began", "running")]
    if row.ended_at:
        entries.append(_entry("follow_up", row, row.ended_at, f"{row.sop} {row.state}", row.state))
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
}


def _entry(kind: str, row: Any, at: datetime, text: str, state: str | None = None) -> TimelineEntry:
    several = f":{state}" if kind in ("hold", "order", "follow_up") else ""
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


async def _of(session: AsyncSession, table: Any, customer_id: str, *order: Any) -> list[Any]:
    query = select(table).where(table.customer_id == customer_id).order_by(*order)
    return list((await session.execute(query)).scalars())
