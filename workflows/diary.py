"""The calls with a customer, as far as a follow-up has heard of them. Plain data that never waits,
so it can be tested without Temporal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from workflows.events import Meeting
from workflows.vocabulary import LONGEST


class Stage(StrEnum):
    SCHEDULED = "scheduled"
    HELD = "held"
    MISSED = "missed"
    CANCELLED = "cancelled"


STAGES = {
    "meeting_scheduled": Stage.SCHEDULED,
    "meeting_moved": Stage.SCHEDULED,
    "meeting_held": Stage.HELD,
    "meeting_missed": Stage.MISSED,
    "meeting_cancelled": Stage.CANCELLED,
}
CAME_TO_NOTHING = (Stage.MISSED, Stage.CANCELLED)


@dataclass(frozen=True)
class Call:
    """One appointment, as its last word has it."""

    meeting_id: str
    name: str  # among the customer's calls; the first is `call-1`
    starts: datetime
    ends: datetime | None  # none: as long as such calls are
    number: int = 0  # how often it was changed, as its row counts
    times: int = 1  # how often it was arranged, as was heard here
    stage: Stage = Stage.SCHEDULED
    awaits_link: bool = field(default=False, compare=False)  # no other arrangement without it

    @property
    def mark(self) -> str:
        """Which arrangement of which call."""
        return self.name if self.times == 1 else f"{self.name}-{self.times}"


@dataclass
class Diary:
    calls: dict[str, Call] = field(default_factory=dict)
    held_at: datetime | None = None  # when the first that was held was over
    in_vain: int = 0  # how often one was missed or cancelled

    def coming(self) -> Call | None:
        """The next that is arranged and has not come to anything yet, though it may be past."""
        waiting = [call for call in self.calls.values() if call.stage is Stage.SCHEDULED]
        return min(waiting, key=lambda call: call.starts, default=None)

    def take(self, name: str, said: Meeting) -> Call | None:
        """The call as it stands now, if that is news; what is older than the last word is none."""
        stage, known = STAGES[name], self._meant(said)
        if stage is Stage.HELD:
            self._hold(said, known)
        if known is None:
            if stage is not Stage.SCHEDULED or said.starts_at is None:
                return None
            call = self._new(said, said.starts_at)
        else:
            call = _changed(known, stage, said)
        if call == known:
            awaits = call.awaits_link and said.awaits_link
            self.calls[call.meeting_id] = replace(call, awaits_link=awaits)
            return None
        self.calls[call.meeting_id] = call
        self.in_vain += call.stage in CAME_TO_NOTHING
        return call

    def _meant(self, said: Meeting) -> Call | None:
        """By its id; a word of a person's that names none is of the one that is to come."""
        return self.calls.get(said.meeting_id) if said.meeting_id else self.coming()

    def _new(self, said: Meeting, starts: datetime) -> Call:
        name = f"call-{len(self.calls) + 1}"
        ends, linked = _end(said, starts), said.awaits_link
        return Call(said.meeting_id, name, starts, ends, said.number, awaits_link=linked)

    def _hold(self, said: Meeting, known: Call | None) -> None:
        """It was over at its end, or sooner, if it was reported sooner; the first one counts."""
        ends = said.ends_at or (known.ends if known else None)
        over = [moment for moment in (ends, said.at) if moment]
        if self.held_at is None and over:
            self.held_at = min(over)


def _end(said: Meeting, starts: datetime) -> datetime | None:
    return said.ends_at if said.ends_at and said.ends_at > starts else None


def _changed(known: Call, stage: Stage, said: Meeting) -> Call:
    """The same as before, where the word is old, or says nothing new."""
    if known.stage is Stage.HELD or (said.number < known.number and stage is not Stage.HELD):
        return known
    if stage is not Stage.SCHEDULED:
        return (
            known
            if known.stage in CAME_TO_NOTHING and stage in CAME_TO_NOTHING
            else replace(known, stage=stage, number=max(known.number, said.number))
        )
    starts = said.starts_at or known.starts
    ends = _end(said, starts) if said.starts_at else known.ends
    if (starts, ends, said.number) == (known.starts, known.ends, known.number):
        return known  # what was called off is not arranged by a word from before that
    return replace(
        known,
        starts=starts,
        ends=ends,
        number=said.number,
        times=known.times + 1,
        stage=Stage.SCHEDULED,
        awaits_link=said.awaits_link,
    )


def is_in_this_age(said: Meeting, now: datetime) -> bool:
    """Whether a calendar of ours reaches all of its moments."""
    moments = (said.starts_at, said.ends_at, said.at)
    return all(abs(moment - now) < LONGEST for moment in moments if moment)


@dataclass(frozen=True)
class Linked:
    """Whether nobody asks any more where that call is joined: it is known, or is not to be."""

    diary: Diary
    call: Call
    reason: ClassVar[str] = "linked"

    def __call__(self) -> bool:
        return not self.diary.calls.get(self.call.meeting_id, self.call).awaits_link


@dataclass(frozen=True)
class Changed:
    """Whether that arrangement of a call is no longer what stands."""

    diary: Diary
    call: Call

    def __call__(self) -> bool:
        return self._now() != self.call

    @property
    def reason(self) -> str:
        stage = self._now().stage
        return "moved" if stage is Stage.SCHEDULED else stage.value

    def _now(self) -> Call:
        return self.diary.calls.get(self.call.meeting_id, self.call)
