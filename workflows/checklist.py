"""Where each clause stands: in the workflow, in the tables, in the Temporal UI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import FailureError

from workflows import attributes
from workflows import vocabulary as v
from workflows.contract import AT_ONCE
from workflows.facts import Facts
from workflows.vocabulary import State

T = TypeVar("T")
U = TypeVar("U")

OPEN = (State.NEXT, State.WAITING, State.HELD, State.BLOCKED)
BEFORE_IMPORT = "before_import"

Moment = datetime | Callable[[], datetime]  # or as the policy has it, which may change meanwhile


def as_it_stands(moment: Moment | None) -> datetime | None:
    return moment() if callable(moment) else moment


@dataclass(frozen=True)
class Clause:
    number: str = ""
    says: str = ""
    of_use: Moment | None = None
    by: Moment | None = None
    about: str = ""  # which occurrence, where there are several

    @property
    def latest(self) -> datetime | None:
        """Its latest useful moment."""
        return as_it_stands(self.of_use)

    @property
    def due(self) -> datetime | None:
        """After which it is late."""
        return as_it_stands(self.by)

    @property
    def name(self) -> str:
        return f"{self.number} {self.about}".strip()


# Read it before a wait, never in a condition: Temporal evaluates conditions in no task's context.
HERE: ContextVar[Clause] = ContextVar("clause", default=Clause())  # noqa: B039 - frozen
# How far a track has come that looks back at what was before an import; none: it is where we are.
REACHED: ContextVar[datetime | None] = ContextVar("reached", default=None)


class Checklist:
    """The state that all tracks share, and how it is shown."""

    def __init__(self, customer_id: str, pace: v.Pace, facts: Facts) -> None:
        self.customer_id = customer_id
        self.pace = pace
        self.facts = facts
        self.lines: dict[str, v.Line] = {}
        self.tracks: dict[asyncio.Task[None], None] = {}  # what runs beside the timeline
        self.turns: dict[str, asyncio.Lock] = {}  # whose word the clerk hears now, by line
        self.shown: dict[str, Any] = {}  # the search attributes, as they were last set
        self.imported_at: datetime | None = None

    def now(self) -> datetime:
        return self.pace.now(workflow.now())

    def is_new(self, patch: str) -> bool:
        """Whether this life began with the code as it is now."""
        return workflow.patched(patch)

    # -- what was before an import -----------------------------------------------------

    def set_out_from(self, moment: datetime | None) -> None:
        """This track begins at that moment, if an import brought it in only later."""
        if self.imported_at is not None and moment is not None and moment < self.imported_at:
            REACHED.set(moment)

    def come_to(self, moment: datetime) -> None:
        """How far a track has come that looks back."""
        if before := REACHED.get():
            REACHED.set(max(before, min(moment, self.now())))

    def moment(self) -> datetime:
        """Now; or how far this track has come that still looks back."""
        reached, imported = REACHED.get(), self.imported_at
        return reached if reached and imported and reached < imported else self.now()

    def is_past(self) -> bool:
        """Whether it was due before the import: it is marked so, and nothing is done about it.

        What has no moment of its own belongs to the moment that came before it.
        """
        if self.imported_at is None:
            return False
        moment = HERE.get().due or REACHED.get()
        return moment is not None and moment < self.imported_at

    @contextmanager
    def _under(self, clause: Clause) -> Iterator[None]:
        token = HERE.set(clause)
        try:
            yield
        finally:
            with suppress(ValueError):  # put away by the worker, from outside of its context
                HERE.reset(token)

    def _aside(self, track: Coroutine[Any, Any, None]) -> None:
        raise NotImplementedError

    async def _at_once(
        self, verb: Callable[[Any, Any], Awaitable[T]], noun: Any, gist: str, otherwise: U
    ) -> T | U:
        """Ask within this workflow task; what cannot be told at once never stops a follow-up."""
        try:
            return await workflow.start_local_activity_method(
                verb,
                noun,
                schedule_to_close_timeout=AT_ONCE,
                summary=f"{HERE.get().name} {gist}".strip(),
            )
        except FailureError:  # bare, where the activity is a local one
            workflow.logger.warning("no answer at once: %s", gist)
            return otherwise

    def _step(self, *key: str) -> dict[str, Any]:
        """What every step carries: its key, whose it is, under which clause, and until when."""
        here, follow_up = HERE.get(), workflow.info().workflow_id
        return {
            "key": "/".join([follow_up, *filter(None, key)]),
            "customer_id": self.customer_id,
            "follow_up": follow_up,
            "clause": here.number,
            "about": here.about,
            "now": self.now(),
            "due": here.due,
            "latest": here.latest,
        }

    def _tick(self, settled: v.Settled) -> v.Settled:
        """Show what the step came to; the tables know it from whoever settled it."""
        match settled:
            case v.Sent():
                self._write(State.DONE)
            case v.Covered(key=by):
                self._write(State.COVERED, by)
            case v.Handed(due=due):
                self._write(State.WAITING, due=due)
            case v.Refused(reason="elsewhere"):
                self.pass_over("elsewhere")
            case v.Refused(reason=reason):
                self._write(State.SKIPPED, reason)
        return settled

    def pass_over(self, reason: str) -> None:
        """Record a clause that comes to nothing here, and why."""
        if reason == "elsewhere":
            self._record(State.ELSEWHERE, self.facts.elsewhere[HERE.get().number])
        else:
            self._record(State.SKIPPED, BEFORE_IMPORT if self.is_past() else reason)

    def _record(self, state: State, reason: str = "") -> None:
        """Show it, and have the tables know: for what neither message nor task will tell them."""
        self._write(state, reason)
        if HERE.get().number:
            mark = v.Mark(**self._step("mark"), state=state, reason=reason)
            self._aside(self._tell_clerk(mark))

    async def _tell_clerk(self, mark: v.Mark) -> None:
        raise NotImplementedError

    def _write(self, state: State, reason: str = "", due: datetime | None = None) -> None:
        here = HERE.get()
        if not here.number:
            return
        self.lines[here.name] = v.Line(
            clause=here.number,
            says=here.says,
            state=state,
            reason=reason,
            due=due,
            about=here.about,
        )
        self._show()

    def _show(self) -> None:
        workflow.set_current_details("\n".join(str(line) for line in self.lines.values()))
        self._flag()

    def _flag(self) -> None:
        """Let holds and complaints be found; an event of history each, so only on change."""
        held = any(line.state is State.HELD for line in self.lines.values())
        on_hold, complaints = bool(self.facts.holds) or held, len(self.facts.cases)
        news: list[SearchAttributeUpdate[Any]] = []
        if on_hold is not self.shown.get("on_hold", False):
            news.append(attributes.ON_HOLD.value_set(on_hold))
        if complaints != self.shown.get("complaints", 0):
            news.append(attributes.OPEN_COMPLAINTS.value_set(complaints))
        if news:
            self.shown |= {"on_hold": on_hold, "complaints": complaints}
            workflow.upsert_search_attributes(news)

    def _expect(self, moment: datetime) -> None:
        """Let what is awaited be found: the clause and its moment."""
        expected = (HERE.get().number, moment)
        if expected != self.shown.get("expected") and moment - self.now() > timedelta():
            self.shown["expected"] = expected
            workflow.upsert_search_attributes(
                [
                    attributes.CLAUSE.value_set(expected[0]),
                    attributes.NEXT_DUE.value_set(moment),
                ]
            )

    def _strike_out(self, why: str, *, owed: bool) -> None:
        """Close, with the reason, what the end left open; but what people still owe may stay."""
        closed = {"state": State.SKIPPED, "reason": why, "due": None}
        for name, line in self.lines.items():
            theirs = owed and line.state is State.WAITING and not line.reason
            if line.state in OPEN and not theirs:
                self.lines[name] = line.model_copy(update=closed)
        self._show()
