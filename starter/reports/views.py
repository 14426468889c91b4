"""From rows to what readers see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import enclosures
from activities.crm import tables as t
from activities.crm.consents import by_scope
from activities.crm.holds import open_holds
from starter.reports import briefing, words
from starter.reports.objects import (
    AttachmentView,
    CaseSummary,
    ChecklistLine,
    ConsentState,
    CustomerView,
    DecisionView,
    DraftView,
    EnclosureView,
    FollowUp,
    HoldView,
    MessageView,
    TaskView,
    Tried,
)

PLAIN = (  # what a customer's row and its view call the same
    "id email phone name preferred_name company country locale time_zone preferred_channel "
    "address owner tier sensitive since created_at"
).split()

if TYPE_CHECKING:
    from activities.rendering import Template


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
        aliases=[a.alias for a in await of_customer(session, t.Alias, row.id, t.Alias.alias)],
        consent={
            scope: ConsentState(given=c.given, at=c.at, source=c.source, wording=c.wording)
            for scope, c in (await by_scope(session, row.id)).items()
        },
        holds=[
            HoldView(id=h.id, kind=h.kind, follow_up=h.follow_up, reason=h.reason, by=h.by, at=h.at)
            for h in holds
        ],
        follow_ups=[
            e.id
            for e in await of_customer(session, t.Enrolment, row.id, t.Enrolment.started_at.desc())
        ],
        orders=[
            o.id for o in await of_customer(session, t.Order, row.id, t.Order.created_at.desc())
        ],
        cases=[
            case(c) for c in await of_customer(session, t.Case, row.id, t.Case.opened_at.desc())
        ],
    )


def case(row: t.Case) -> CaseSummary:
    return CaseSummary(
        **{name: getattr(row, name) for name in CaseSummary.model_fields if name != "order"},
        order=row.order_id,
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
        attachments=[
            AttachmentView(
                name=one["name"], type=one["type"], size=len(one["text"].encode("utf-8"))
            )
            for one in row.attachments or ()
        ],
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


async def tasks(
    session: AsyncSession, rows: Sequence[t.Task], now: datetime | None = None
) -> list[TaskView]:
    """With a moment, each with the whole of its brief as it stands then; else with its alerts."""
    ids = [row.id for row in rows]
    query = select(t.Draft).where(t.Draft.task_id.in_(ids)).order_by(t.Draft.created_at)
    drafts = {d.task_id: d for d in (await session.execute(query)).scalars()}  # the newest wins
    cases = {row.id: row.case_id or str(row.brief.get("case")) for row in rows}
    wrote = await _wrote(session, set(cases.values()))
    known = await briefing.alerted(session, rows)
    known |= {row.id: await briefing.fresh(session, row, now) for row in rows if now}
    return [
        _task(row, known[row.id], drafts.get(row.id), wrote.get(cases[row.id], [])) for row in rows
    ]


async def enclosed(session: AsyncSession, customer_id: str) -> dict[str, list[EnclosureView]]:
    """The files that came with what a customer wrote, by their notes."""
    found: dict[str, list[EnclosureView]] = {}
    for row in await enclosures.of_customer(session, customer_id):
        one = EnclosureView(id=row.id, name=row.name, type=row.type, size=row.size)
        found.setdefault(row.note_id or "", []).append(one)
    return found


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


def _task(
    row: t.Task, brief: dict[str, Any], draft: t.Draft | None, wrote: list[dict[str, Any]]
) -> TaskView:
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
        brief=brief | ({"wrote": wrote} if wrote else {}),
        draft=draft
        and DraftView(id=draft.id, subject=draft.subject, body=draft.body, edited=draft.edited),
        outcome=row.outcome,
        escalated_to=row.escalated_to,
        form=row.form,
        case_id=row.case_id,
        urgent=row.urgent,
        snoozed_until=row.snoozed_until,
        contract=row.contract_id,
        meeting=row.meeting_id,
        feedback=row.feedback_id,
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
    from activities.rendering import TemplateFault, registry  # noqa: PLC0415 - seldom needed

    try:
        return registry()
    except TemplateFault:  # what was decided can be told without it
        return {}


async def of_customer(
    session: AsyncSession, table: Any, customer_id: str, *order: Any
) -> list[Any]:
    query = select(table).where(table.customer_id == customer_id).order_by(*order)
    return list((await session.execute(query)).scalars())
