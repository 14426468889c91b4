"""What an SOP that calls its customers at an appointed hour does about it, and about its mail.

Each arrangement of a call is a line of the checklist, and so is each reminder of it: what is moved,
cancelled or over withdraws them. The calendar's entry is the meeting's row, whose UID never
changes; a call that is arranged anew under the same row is the same entry, and one that the
customer has in their calendar already is sent as moved. Mail of a call is the customer's own
business: it goes whatever they opted out of or complain about, at any hour.

People arrange the call, hold it and say how it went; their tasks are taken back once that is known
from elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

from workflows import errands, events
from workflows import vocabulary as v
from workflows.checklist import Moment
from workflows.diary import STAGES, Call, Changed, Diary, Linked, Stage, is_in_this_age
from workflows.errands import Errands
from workflows.events import TaskDone
from workflows.facts import Because, either, why
from workflows.vocabulary import Enrolment, Form, Role, State


class Policy(errands.Policy):
    length: v.Span = timedelta(hours=1)  # of a call whose end nobody names
    reminder: v.Span = timedelta(hours=24)  # ours: so long before it; none: no reminder
    last_reminder: v.Span = timedelta(hours=1)  # ours: and once more
    schedule_time: v.Span = timedelta(days=1)  # ours: a working day to arrange it
    prepare: v.Span = timedelta(days=1)  # ours: so long before it its holder has the script
    tries: v.Count = 3  # ours: missed or cancelled so often, somebody decides
    decides: Role = Role.MANAGER


CallsT = TypeVar("CallsT", bound=Policy)
LINK = timedelta(minutes=2)  # that an invitation waits for its link, no longer
OUTSIDE = timedelta(seconds=10)  # of the world's time, which a system outside goes by at any pace
PATIENT = "patient"  # lives before it waited two of their own minutes, however short those are
SOON = timedelta(hours=1)  # in which a call that is over is spoken of


def patience(factor: float, left: timedelta) -> timedelta:
    """How long an invitation waits for its link: where days pass in seconds, a while of the
    world's, but never more than half of what is left until the call."""
    return max(LINK, min(OUTSIDE * factor, left / 2))


class Appointments(Errands[CallsT]):
    """Whose customer is called at an appointed hour."""

    calls: ClassVar[str]  # the clause of all mail about them
    mail: ClassVar[str]  # what the templates' names begin with
    caller: ClassVar[Role]  # who arranges and holds them
    agenda: ClassVar[tuple[str, ...]] = ()  # what is to be done in each

    def __init__(self, enrolment: Enrolment[CallsT]) -> None:
        super().__init__(enrolment)
        self.diary = Diary()
        self.invited: dict[str, None] = {}  # the meetings that stand in the customer's calendar
        self.post: dict[str, asyncio.Lock] = {}  # of one meeting, one message after the other
        self.declined = False  # there is to be no call

    async def on_event(self, name: str, event: events.Event) -> None:
        match event:
            case events.Meeting(contract_id=contract):
                if self.is_of_mine(contract):
                    await self.on_meeting(name, event)
            case _:
                await super().on_event(name, event)

    async def on_meeting(self, name: str, said: events.Meeting) -> None:
        arranged = STAGES[name] is Stage.SCHEDULED
        readable = is_in_this_age(said, self.now())
        if not readable or (arranged and not (said.meeting_id and said.starts_at)):
            await self._puzzle("write down when the call is to be", self.caller)
            return
        held, call = self.diary.held_at, self.diary.take(name, said)
        if self.diary.held_at != held:
            self.on_held()
        if call and call.stage is Stage.SCHEDULED:
            self.meanwhile(self.invite(call))
            self.meanwhile(self.remind(call))
        elif call and call.stage is Stage.CANCELLED:
            self.meanwhile(self.call_off(call))

    def on_held(self) -> None:
        """The first call is over."""

    def arranged_by(self) -> Moment | None:
        """Until when one is to be; none: as soon as somebody can."""
        return None

    def ends(self, call: Call) -> datetime:
        return call.ends or call.starts + self.policy.length

    # -- its mail --------------------------------------------------------------------------

    async def invite(self, call: Call) -> None:
        """With the calendar's entry; who has it there already is told what has changed."""
        about = call.meeting_id
        async with self._in_turn(call):
            template = "moved" if about in self.invited else "invitation"
            until = self.ends(call)  # who comes late comes, too
            with self.clause(self.calls, "Invite them to the call", until, about=call.mark):
                await self.link(call)
                sent = await self.send(
                    f"{self.mail}-{template}",
                    meeting_id=about,
                    sender=self.caller,
                    unless=Changed(self.diary, call),
                    unreachable=self.caller,
                )
            if sent:
                self.invited[about] = None

    async def link(self, call: Call) -> None:
        """Where it is joined may come any moment; what comes later is sent after it."""
        changed = either(Linked(self.diary, call), Changed(self.diary, call))
        if not changed():
            long, now = LINK, self.now()
            if OUTSIDE * self.pace.factor > LINK and self.is_new(PATIENT):
                long = patience(self.pace.factor, call.starts - now)
            await self.until(now + long, unless=changed)

    async def call_off(self, call: Call) -> None:
        """Whoever has it in their calendar."""
        async with self._in_turn(call):
            if call.meeting_id not in self.invited:
                return
            about = f"{call.mark}-cancelled"
            with self.clause(self.calls, "Tell them it is off", self.ends(call), about=about):
                told = await self.send(
                    f"{self.mail}-cancelled",
                    meeting_id=call.meeting_id,
                    sender=self.caller,
                    unless=Changed(self.diary, call),
                )
            if told:
                del self.invited[call.meeting_id]

    async def remind(self, call: Call) -> None:
        """Twice; never when less time is left than the reminder was to leave them."""
        sop = self.policy
        next_ = call.starts - min(sop.last_reminder, sop.reminder) / 2  # then the other has gone
        await self._remind(call, "reminder", lambda: self.policy.reminder, next_)
        await self._remind(call, "last-reminder", lambda: self.policy.last_reminder, call.starts)

    async def _remind(
        self, call: Call, which: str, before: Callable[[], timedelta], latest: datetime
    ) -> None:
        changed, about = Changed(self.diary, call), f"{call.mark}-{which}"
        with self.clause(self.calls, "Remind them of the call", latest, about=about):
            if not changed() and not before():
                self.pass_over("off")
            elif not changed() and self.now() >= call.starts - before():
                self.pass_over("short_notice")
            elif await self.until(lambda: call.starts - before(), unless=changed):
                self.pass_over(why(changed))
            else:
                await self.send(
                    f"{self.mail}-reminder",
                    meeting_id=call.meeting_id,
                    sender=self.caller,
                    unless=changed,
                )

    def _in_turn(self, call: Call) -> asyncio.Lock:
        return self.post.setdefault(call.meeting_id, asyncio.Lock())

    # -- its people ------------------------------------------------------------------------

    async def have_one_arranged(self) -> None:
        """By whoever holds it; after so many in vain, somebody decides whether there is to be
        one."""
        in_vain = self.diary.in_vain >= self.policy.tries
        role = self.policy.decides if in_vain else self.caller
        what = "decide whether to arrange another call" if in_vain else "arrange the call"
        arranged = Because(self._is_arranged, "arranged")
        about = self._nth("schedule")
        with self.clause(self.calls, "Arrange the call", due=self.arranged_by(), about=about):
            done = await self.have_done(
                role, what, arranged, form=Form.SCHEDULE, within=self.policy.schedule_time
            )
            if done and not done.declined:
                await self.hears("meeting_scheduled", arranged, self.now() + SOON)
            self._came_of(done, arranged(), "not_arranged")

    async def see_through(self, call: Call) -> None:
        """Its holder has the script in time, and says how it went, if nobody else does."""
        changed = Changed(self.diary, call)
        about, done = self._nth(f"{call.mark}-held"), None
        with self.clause(self.calls, "Hold the call", about=about):
            off = await self.until(lambda: call.starts - self.policy.prepare, unless=changed)
            self.count_from_here(lambda: self.ends(call))
            if not off:
                done = await self.have_done(
                    self.caller,
                    "hold the call, and say how it went",
                    changed,
                    template=f"{self.mail}-call",
                    form=Form.MEETING,
                    due_by=self.ends(call) + SOON,
                    meeting_id=call.meeting_id,
                    checks=self.agenda,
                )
            if done and not done.declined:
                await self.hears("meeting_held", changed, self.now() + SOON)
            held = changed() and changed.reason == Stage.HELD.value
            self._came_of(done, held, why(changed) if changed() else "not_said")

    def _came_of(self, done: TaskDone | None, as_meant: bool, otherwise: str) -> None:
        """Who declines to arrange or to hold it says that there is none."""
        if as_meant:
            self._record(State.DONE)
        elif done and done.declined:
            self.declined = True
            self.pass_over("declined")
        else:
            self.pass_over(self.facts.over(self.calls) or otherwise)

    def _is_arranged(self) -> bool:
        return bool(self.diary.held_at or self.diary.coming())
