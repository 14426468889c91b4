"""What a follow-up would come to if nobody said a word: its own procedure, played at once.

No Temporal, no tables: the few verbs that every SOP is written with are answered here, by the
customer who is silent and the gate that says yes. So it is the procedure itself that says what is
due when, and nothing is counted twice or by another rule.
"""

from __future__ import annotations

from collections.abc import Coroutine, Hashable, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from activities.calendar import business_window
from activities.crm.house import Office
from workflows.checklist import BEFORE_IMPORT, HERE
from workflows.facts import Condition, never, why
from workflows.follow_up import FollowUp
from workflows.keep_in_touch import KeepInTouch
from workflows.sops import KEEP_IN_TOUCH, Sop
from workflows.steps import Ended
from workflows.vocabulary import (
    BusinessDays,
    Engagement,
    Enrolment,
    Handed,
    KeepInTouching,
    Message,
    Milestone,
    Opening,
    Potential,
    Refused,
    Relationship,
    Rhythm,
    Sent,
    Settled,
    State,
    Step,
    Task,
)

FAR = timedelta(days=3700)
MOST = 10_000  # turns, after which something goes round in a circle


@dataclass(frozen=True)
class Due:
    """A message, or a task for a person, and when it would be."""

    at: datetime
    sop: str
    clause: str
    template: str = ""
    role: str = ""


class Silence(FollowUp[Any]):
    """A follow-up as it would go with nobody saying a word; mixed in before an SOP's own class."""

    played_now: datetime
    office_played: Office
    sop_played: str

    def prepare(self) -> None:
        self.foreseen: list[Due] = []
        self.rhythms_wanted: list[Rhythm] = []
        self.tracks_beside: list[tuple[Context, datetime, Coroutine[Any, Any, None]]] = []
        self.waits_played = 0

    def play(self) -> None:
        """From its beginning to its end, and then each track beside it."""
        self._run(copy_context(), self.follow_alone())
        while self.tracks_beside:
            context, self.played_now, track = self.tracks_beside.pop(0)
            self._run(context, track)

    def round(self) -> list[Due]:
        """Of one that repeats, when each thing comes round first."""
        names = {name: moment for name, (moment, _) in self._moments().items()}
        return [
            Due(moment, self.sop_played, clause := name.partition(" ")[0], template=clause)
            for name, moment in names.items()
        ]

    async def follow_alone(self) -> None:
        self._answer_early()
        self.set_out_from(self.began)
        with suppress(Ended):
            await self.procedure()

    def _run(self, context: Context, track: Coroutine[Any, Any, None]) -> None:
        try:
            context.run(track.send, None)
        except (StopIteration, Ended):
            return
        track.close()  # it waits for somebody: that is not foreseen

    # -- time ------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.played_now

    async def _wait(
        self, fact: Condition, until: datetime | None = None, *, what: str = ""
    ) -> None:
        self.waits_played += 1
        if fact() or self.facts.over(HERE.get().number):
            return
        if until is None or until > self.played_now + FAR or self.waits_played > MOST:
            raise Ended  # it waits for what nobody can foresee
        self.played_now = max(self.played_now, until)
        self.come_to(until)

    # -- what is done ----------------------------------------------------------------------

    async def _settle(self, verb: Any, step: Step, gist: str, unless: Condition = never) -> Settled:
        here = HERE.get()
        late = here.latest is not None and self.played_now >= here.latest
        off = self.facts.over(here.number) or (why(unless) if unless() else "")
        if self.is_past():
            self.pass_over(BEFORE_IMPORT)
            return Refused(reason=BEFORE_IMPORT)
        if off or late:
            return self._tick(Refused(reason=off or "stale"))
        if isinstance(step, Message):
            self._foresee(template=step.template)
            return self._tick(Sent(key=step.key, at=self.played_now))
        if isinstance(step, Task):
            self._foresee(role=step.role.value)
            due = step.due_by or self.played_now + step.within
            return self._tick(Handed(task_id=step.key, due=max(due, self.played_now)))
        return self._tick(Refused(reason="not_called_for"))

    def _foresee(self, **what: str) -> None:
        self.foreseen.append(Due(self.played_now, self.sop_played, HERE.get().number, **what))

    async def _do(self, verb: Any, noun: Any, *_: Any, **__: Any) -> Any:
        if isinstance(noun, KeepInTouching):
            self.rhythms_wanted += noun.rhythms
        return None

    async def _at_once(self, verb: Any, noun: Any, gist: str, otherwise: Any) -> Any:
        return noun.due if isinstance(noun, Milestone) else otherwise

    async def _learn(self, verb: Any, noun: Step, gist: str, latest: datetime | None) -> Any:
        return None

    async def must_learn(self, verb: Any, step: Step, gist: str) -> Any:
        if isinstance(step, BusinessDays):
            opens, closes = business_window(step.since, step.after, step.before, self.office_played)
            return Opening(opens=opens, closes=closes)
        return []

    async def engagement(self, preset: Any) -> Engagement:
        """Of whom nothing is heard, the most is assumed that they could be written."""
        return Engagement.UNKNOWN if self.is_past() else Engagement.LOW

    async def potential(self, unless: Condition = never) -> Potential:
        return Potential()

    # -- what only a running workflow has -----------------------------------------------------

    def is_new(self, patch: str) -> bool:
        return True

    def _aside(self, track: Coroutine[Any, Any, None]) -> None:
        self.tracks_beside.append((copy_context(), self.played_now, track))

    def _record(self, state: State, reason: str = "") -> None:
        self._write(state, reason)

    def _show(self) -> None: ...

    def _flag(self) -> None: ...

    def _expect(self, moment: datetime) -> None: ...

    async def _note(self, clause: str, text: str) -> None: ...

    async def _puzzle(self, what: str, role: Any = None) -> None: ...

    def _step(self, *key: str) -> dict[str, Any]:
        here = HERE.get()
        return {
            "key": "/".join(["foreseen", *filter(None, key)]),
            "customer_id": self.customer_id,
            "clause": here.number,
            "about": here.about,
            "due": here.due,
            "latest": here.latest,
        }

    async def keep_in_touch(self, *rhythms: Rhythm) -> None:
        known = {"imported_at": self.imported_at}
        self.rhythms_wanted += [rhythm.model_copy(update=known) for rhythm in rhythms]
        self._record(State.DONE)


@cache
def _silent(workflow: Hashable) -> Any:
    """The SOP's own class, with nobody in it to say a word."""
    bases: Any = (Silence, workflow)
    return type("Silent", bases, {})


def _begin(workflow: Any, begun: Any, sop: str, now: datetime, office: Office | None) -> Any:
    shape = _silent(workflow)
    follow_up = shape.__new__(shape)
    follow_up.played_now, follow_up.office_played, follow_up.sop_played = now, office, sop
    follow_up.prepare()
    follow_up.__init__(begun)
    return follow_up


def foresee(
    sop: Sop, enrolment: Enrolment[Any], now: datetime, office: Office
) -> tuple[list[Due], list[Rhythm]]:
    """What would be due, if it began now; and what is asked for in the years after."""
    follow_up = _begin(sop.workflow, enrolment, sop.name, now, office)
    follow_up.play()
    return follow_up.foreseen, follow_up.rhythms_wanted


def foresee_years(
    rhythms: Sequence[Rhythm], policy: Any, now: datetime, until: datetime
) -> list[Due]:
    """Which of the rhythms come round until then, and when first."""
    begun = Relationship[Any](customer_id="foreseen", policy=policy, rhythms=tuple(rhythms))
    years = _begin(KeepInTouch, begun, KEEP_IN_TOUCH.name, now, None)
    years.catch_up()
    return [due for due in years.round() if due.at <= until]
