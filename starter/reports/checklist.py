"""The checklist: the SOP's own words in order, overlaid by what the tables know."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from activities.crm import tables
from starter.reports import sops
from starter.reports.objects import ChecklistLine
from workflows.sops import Sop
from workflows.vocabulary import PAST, State

BREATH = timedelta(seconds=15)  # of real time: a step that is being taken just now is not late

COMPLAINTS_ONLY = ("5", "6")  # of `case.txt`: an inquiry is over with its answer

# Where a clause has several steps, the one that most wants attention speaks for it.
URGENCY = (
    State.BLOCKED,
    State.HELD,
    State.LATE,
    State.WAITING,
    State.NEXT,
    State.LATER,
    State.DONE,
    State.COVERED,
    State.ELSEWHERE,
    State.SKIPPED,
)


@dataclass(frozen=True)
class Known:
    """What the tables hold about one follow-up."""

    enrolment: tables.Enrolment
    milestones: list[tables.Milestone] = field(default_factory=list)
    messages: list[tables.Message] = field(default_factory=list)
    tasks: list[tables.Task] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.enrolment.ended_at is None

    def rows(self, clause: str) -> list[tables.Milestone]:
        return [row for row in self.milestones if row.clause == clause]


@dataclass(frozen=True)
class Checklist:
    """One follow-up's checklist as of a moment; `later` is the customer's `keep-in-touch`."""

    known: Known
    later: Known | None
    now: datetime
    pace: float = 1.0

    def lines(self) -> list[ChecklistLine]:
        return [self.line(text) for text in self.texts]

    @cached_property
    def sop(self) -> Sop | None:
        return sops.procedures().get(self.known.enrolment.sop)

    @cached_property
    def texts(self) -> tuple[sops.ClauseText, ...]:
        """The document's clauses; for a procedure gone from the catalogue, the numbers alone."""
        if self.sop is not None:
            return sops.clauses(self.sop.name)
        numbers = sorted({row.clause for row in self.known.milestones}, key=_numeric)
        return tuple(sops.ClauseText(number, number) for number in numbers)

    def line(self, text: sops.ClauseText) -> ChecklistLine:
        for source in (self.known, self.later if self._for_years(text.clause) else None):
            if source and source.rows(text.clause):
                return self._overlaid(source, text)
        blank = ChecklistLine(clause=text.clause, title=text.says, state=State.LATER)
        if self.sop is None:
            return blank
        if text.clause in self.sop.excused:
            return _with(blank, state=State.ELSEWHERE, reason=self.sop.excused[text.clause])
        carriers = sops.carriers(text.clause, self.sop.name)
        if carriers:
            return self._mirrored(blank, self.sop.name, carriers)
        return self._untouched(blank)

    def _overlaid(self, source: Known, text: sops.ClauseText) -> ChecklistLine:
        """As the milestone table has it; a moment that passed without the step makes it late."""
        rows = source.rows(text.clause)
        row = min(rows, key=self._speaks)
        state = self._state(row)
        late = int((self.now - row.due_at).total_seconds()) if row.due_at else 0
        keys = {row.message_key for row in rows} - {None}
        ids = {row.task_id for row in rows} - {None}
        mine = [m for m in source.messages if m.clause == text.clause or m.key in keys]
        return ChecklistLine(
            clause=text.clause,
            title=text.says,
            state=state,
            due_at=row.due_at,
            done_at=row.done_at,
            late_by_seconds=late if state is State.LATE else row.late_by_seconds,
            reason=row.reason or None,
            messages=[m.id for m in mine],
            tasks=[t.id for t in source.tasks if t.clause == text.clause or t.id in ids],
        )

    def _speaks(self, row: tables.Milestone) -> tuple[int, float]:
        """Which of a clause's occurrences speaks for it: of what is past, the last."""
        state, at = self._state(row), row.updated_at.timestamp()
        return URGENCY.index(state), -at if state in PAST else at

    def _state(self, row: tables.Milestone) -> State:
        state = State(row.state)
        if state is State.NEXT and row.due_at and self.now > row.due_at + BREATH * self.pace:
            return State.LATE
        return state

    def _mirrored(self, blank: ChecklistLine, sop: str, carriers: tuple[str, ...]) -> ChecklistLine:
        """A clause that a message's words honour stands where that message's clause stands."""
        texts = (text for text in self.texts if text.clause in carriers)
        lines = sorted((self.line(text) for text in texts), key=lambda x: URGENCY.index(x.state))
        if not lines:
            return blank
        source = lines[0]
        templates = sops.honouring(blank.clause, sop)
        mine = [m.id for m in self.known.messages if m.template in templates]
        return _with(
            blank,
            state=source.state,
            due_at=source.due_at,
            done_at=source.done_at,
            late_by_seconds=source.late_by_seconds,
            reason=source.reason,
            messages=[m for m in source.messages if m in mine],
        )

    def _untouched(self, blank: ChecklistLine) -> ChecklistLine:
        """A clause nothing is recorded about: still to come, or never called for."""
        source, completed = self.known, self.known.enrolment.state == "completed"
        if self._for_years(blank.clause):
            if completed and self.later is None:
                return blank  # `keep-in-touch` is asked for and about to begin
            source = self.later or self.known
        if source.open:
            standing = getattr(self.sop.workflow, "standing", ()) if self.sop else ()
            if source.enrolment.input.get("complaint") is False:  # nothing to be put right
                standing = (*standing, *COMPLAINTS_ONLY)
            return _with(blank, reason="if_called_for") if blank.clause in standing else blank
        over = source.enrolment
        reason = "not_called_for" if over.state == "completed" else over.reason or over.state
        return _with(blank, state=State.SKIPPED, reason=reason)

    def _for_years(self, clause: str) -> bool:
        """Whether `keep-in-touch` carries the clause out."""
        return self.sop is not None and clause in self.sop.years


def _with(line: ChecklistLine, **changes: object) -> ChecklistLine:
    return line.model_copy(update=changes)


def _numeric(clause: str) -> tuple[int, ...]:
    return tuple(int(part) for part in clause.split(".") if part.isdigit())
