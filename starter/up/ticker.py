"""What happens, line by line, as the tables learn of it: for those who watch a demonstration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from activities.crm import tables as t
from activities.crm.store import Store
from starter.intake.events import TYPES
from starter.reports import words
from workflows.vocabulary import State

Show = Callable[[str, str], None]  # a line, and its style
CALM, GOOD, BACK, ATTENTION = "", "green", "dim", "yellow"
TOLD = (
    t.Enrolment, t.Order, t.Consent, t.Message, t.Note, t.Case, t.Feedback, t.Task, t.Hold,
    t.Milestone,
)  # fmt: skip
MARKS = {
    State.DONE: ("done", CALM),
    State.COVERED: ("another message says it already", BACK),
    State.SKIPPED: ("skipped", BACK),
    State.BLOCKED: ("blocked: an engineer must mend it", "bold red"),
    State.HELD: ("waits: on hold", ATTENTION),
}
Line = tuple[datetime, str, str, str, str]  # when, whose, which clause, what, style


class Ticker:
    """Remembers what it has shown, so that each thing is shown once."""

    def __init__(self, store: Store, origin: datetime, zone: ZoneInfo, show: Show) -> None:
        self._store, self._origin, self._zone, self._show = store, origin, zone, show
        self._seen: set[tuple[Any, ...]] = set()
        self._names: dict[str, str] = {}

    async def tick(self, *, silently: bool = False) -> None:
        """Show what is new, in the order in which it happened."""
        lines: list[Line] = []
        async with self._store.reading() as session:
            for customer in (await session.execute(select(t.Customer))).scalars():
                self._names[customer.id] = customer.name or customer.id
            owners = dict(
                (await session.execute(select(t.Enrolment.id, t.Enrolment.customer_id))).all()
            )
            for table in TOLD:
                for row in (await session.execute(select(table))).scalars():
                    owner = getattr(row, "customer_id", None) or owners.get(
                        getattr(row, "follow_up", "")
                    )
                    lines += [
                        (at, self._names.get(owner or "", ""), clause, what, style)
                        for mark, at, clause, what, style in TELL[table](row)
                        if self._new((table.__name__, *mark))
                    ]
        if not silently:
            for at, name, clause, what, style in sorted(lines):
                self._show(f"{self._when(at)}  {name:<17.17} {clause:<6} {what}", style)

    def _new(self, mark: tuple[Any, ...]) -> bool:
        fresh = mark not in self._seen
        self._seen.add(mark)
        return fresh

    def _when(self, at: datetime) -> str:
        here, begun = at.astimezone(self._zone), self._origin.astimezone(self._zone)
        return f"day {(here.date() - begun.date()).days:>3} {here:%H:%M}"


Told = Iterator[tuple[tuple[Any, ...], datetime, str, str, str]]


def _enrolment(row: t.Enrolment) -> Told:
    yield (row.id,), row.started_at, "", f"{row.sop} begins", CALM
    if row.ended_at:
        yield (
            (row.id, row.state),
            row.ended_at,
            "",
            f"{row.sop} {row.state.replace('_', ' ')}",
            GOOD,
        )


def _order(row: t.Order) -> Told:
    for step in ("paid", "shipped", "ready", "delivered", "cancelled", "refunded", "returned"):
        if at := getattr(row, f"{step}_at"):
            said = "ready for pick-up" if step == "ready" else step
            yield (row.id, step), at, "", f"← order {row.id} {said}", CALM


def _consent(row: t.Consent) -> Told:
    if not row.given:
        yield (row.id,), row.at, "", f"← opts out of {row.scope.replace('_', ' ')}", ATTENTION


def _message(row: t.Message) -> Told:
    if row.sent_at:
        yield (
            (row.id,),
            row.sent_at,
            row.clause or "",
            f"{row.template}: “{row.subject}” sent",
            GOOD,
        )
    elif row.state == "unknown":
        yield (
            (row.id, "?"),
            row.created_at,
            row.clause or "",
            f"{row.template}: in doubt",
            ATTENTION,
        )


def _note(row: t.Note) -> Told:
    if row.direction == "in":
        via = "" if row.method == "system" else f"{row.method}: "
        said = row.summary.replace(".", " ") if row.summary in TYPES else f"“{row.summary}”"
        yield (row.id,), row.at, "", f"← {via}{said}", ATTENTION


def _case(row: t.Case) -> Told:
    """Its clock: opened, answered by a person, put right, closed; each time it is."""
    again = "" if not row.reopened else " again"
    grave = f", {row.severity}" if row.severity else ""
    a = "an" if row.kind == "inquiry" else "a"
    yield (row.id, "opened"), row.opened_at, "", f"{a} {row.kind} is opened{grave}", ATTENTION
    if row.answered_at:
        yield (row.id, "answered"), row.answered_at, "", f"the {row.kind} is answered", CALM
    if row.resolved_at and row.kind == "complaint":
        mark = (row.id, "resolved", row.reopened)
        yield mark, row.resolved_at, "", f"the complaint is put right{again}", CALM
    if row.closed_at:
        why = words.reason(row.outcome)
        mark = (row.id, "closed", row.reopened)
        yield mark, row.closed_at, "", f"the {row.kind} is closed: {why}", GOOD


def _feedback(row: t.Feedback) -> Told:
    scores = {"product": row.product, "overall": row.overall}
    said = [f"{name} {score:g}" for name, score in scores.items() if score is not None]
    if row.satisfied is not None:
        said.append("satisfied" if row.satisfied else "not satisfied")
    if said:
        yield (row.id,), row.at, row.clause or "", f"← feedback: {', '.join(said)}", ATTENTION


def _task(row: t.Task) -> Told:
    yield (
        (row.id,),
        row.created_at,
        row.clause or "",
        f"task for {row.role}: {row.title}",
        ATTENTION,
    )
    if row.done_at:
        by = f" by {row.assignee or row.role}" if row.state == "done" else ""
        yield (row.id, row.state), row.done_at, row.clause or "", f"task {row.state}{by}", CALM


def _hold(row: t.Hold) -> Told:
    because = f"“{row.reason}”" if row.reason else words.reason(row.kind)
    yield (row.id, row.at), row.at, "", f"on hold: {because}", ATTENTION
    if row.released_at:
        yield (row.id, row.at, "over"), row.released_at, "", "the hold is released", CALM


def _milestone(row: t.Milestone) -> Told:
    state = State(row.state)
    if state not in MARKS or (state is State.DONE and (row.message_key or row.task_id)):
        return
    what, style = MARKS[state]
    because = f": {words.reason(row.reason)}" if row.reason else ""
    mark = (row.follow_up, row.clause, row.about, row.state)
    yield mark, row.done_at or row.updated_at, row.clause, f"{what}{because}", style


TELL: dict[Any, Callable[[Any], Told]] = {
    t.Enrolment: _enrolment,
    t.Order: _order,
    t.Consent: _consent,
    t.Message: _message,
    t.Note: _note,
    t.Case: _case,
    t.Feedback: _feedback,
    t.Task: _task,
    t.Hold: _hold,
    t.Milestone: _milestone,
}
