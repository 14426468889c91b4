"""A tiny world with a real gate: ledger, holds, consent, contact hours and a cap, in dicts."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from temporalio import activity
from temporalio.exceptions import ApplicationError

from workflows.contract import Clerk, Insight, Messaging, Records
from workflows.vocabulary import (
    CALLS,
    Answer,
    BusinessDays,
    CaseEnd,
    CaseStep,
    Completeness,
    Deferred,
    Ending,
    Engagement,
    Established,
    Handed,
    Held,
    KeepInTouching,
    Kind,
    Ladder,
    Mark,
    Measure,
    Message,
    Milestone,
    Note,
    Opening,
    Pace,
    Potential,
    Refused,
    Remainder,
    Sent,
    Settled,
    SetUp,
    State,
    Step,
    Task,
    Withdrawal,
)

DAY = timedelta(days=1)
OPEN, CLOSED = 9, 20  # contact hours
OFFICE_CLOSED = 17
BY_HAND = (Refused(reason="vip"), Refused(reason="impersonal"))
SATURDAY = 5

KINDS = {
    "welcome": Kind.TRANSACTIONAL,
    "access": Kind.TRANSACTIONAL,
    "upgrade-your-plan": Kind.MARKETING,
    "discover-add-ons": Kind.MARKETING,
    "sales-outreach": Kind.MARKETING,
    "loyalty-offer": Kind.MARKETING,
}
TOPICS = {
    "upgrade-your-plan": "offers",
    "discover-add-ons": "offers",
    "sales-outreach": "offers",
    "loyalty-offer": "offers",
    "targeted-tips": "tips",
    "review-request": "reviews",
}


class Entry(NamedTuple):
    at: datetime
    customer: str
    clause: str
    what: str


class World(Messaging, Records, Clerk, Insight):
    """Everything that a workflow may ask for, honest about what it was asked."""

    def __init__(self) -> None:
        self.pace = Pace()
        self.log: list[Entry] = []
        self.messages: dict[str, Message] = {}
        self.tasks: dict[str, Task] = {}
        self.planned: dict[str, list[Milestone]] = defaultdict(list)  # by customer
        self.endings: dict[str, Ending] = {}
        self.touching: dict[str, KeepInTouching] = {}
        self.policies: dict[str, str] = {}
        self.asked: dict[str, int] = defaultdict(int)  # how often the gate was asked for a key
        self.queues: dict[str, list[str]] = defaultdict(list)  # and on which
        self.ledger: dict[str, Answer] = {}
        self.slots: dict[str, dict[str, datetime]] = defaultdict(dict)  # promised, by customer, key
        self.holds: dict[str, dict[str, None]] = defaultdict(dict)
        self.opted_out: dict[str, set[str]] = defaultdict(set)
        self.engaged: dict[str, Engagement] = defaultdict(lambda: Engagement.LOW)
        self.suits: dict[str, Potential] = {}
        self.important: set[str] = set()
        self.impersonal: set[str] = set()  # customers whose name or product is not known
        self.no_phone: set[str] = set()
        self.marks: list[Mark] = []
        self.slow: set[State] = set()  # words that take longer to be written down than the next
        self.unreachable: dict[str, str] = {}  # why, by customer
        self.bounced: set[str] = set()
        self.covers: dict[str, Answer] = {}  # what covers an ask, by customer
        self.ladders: dict[str, Ladder] = {}  # by case, where it is not the usual one
        self.capacity = 1000
        self.systems: set[str] = set()  # that set customers up by themselves
        self.unknown: set[str] = set()  # what Sales has not said of a contract
        self.touched: dict[str, datetime] = {}  # when we were last in touch, by customer
        self.down = False  # the provider is away
        self.killed = 0  # so many times the process dies after sending, before it could say so
        self.broken: dict[str, None] = {}  # templates that can't be rendered
        self.always_open = False
        self.clueless = False  # nothing that is asked at once is answered
        self.unknown_cases = False  # no table has the cases that are begun
        self.no_calendar = False  # no retry cures what the calendar is asked
        # What happens while the gate's next answer is on its way.
        self.overtaken: Callable[[], Awaitable[None]] | None = None

    def verbs(self) -> list[Callable[..., object]]:
        mine = [*vars(Messaging), *vars(Records), *vars(Clerk), *vars(Insight)]
        return [getattr(self, name) for name in mine if not name.startswith("_")]

    # -- what happens outside: rows first, signals after -----------------------

    def complain(self, customer: str, case: str, at: datetime) -> None:
        self.holds[customer][case] = None
        self.log.append(Entry(at, customer, "", f"hold {case}"))

    def release(self, customer: str, case: str, at: datetime) -> None:
        del self.holds[customer][case]
        self.log.append(Entry(at, customer, "", f"release {case}"))

    def opt_out(self, customer: str, topic: str, at: datetime) -> None:
        self.opted_out[customer].add(topic)
        self.log.append(Entry(at, customer, "", f"opt-out {topic}"))

    # -- messages ----------------------------------------------------------------

    @activity.defn
    async def send(self, message: Message) -> Answer:
        self.asked[message.key] += 1
        self.queues[message.key].append(activity.info().task_queue)
        known = self.ledger.get(message.key)
        if known and not (known in BY_HAND and message.draft_id):
            return known
        if self.down:
            raise ApplicationError("provider away", type="unavailable")
        if message.template in self.broken:
            raise ApplicationError("variable missing", type="template", non_retryable=True)
        answer = self._gate(message)
        if self.overtaken:
            overtaken, self.overtaken = self.overtaken, None
            await overtaken()
        if not isinstance(answer, Held | Deferred):
            self.ledger[message.key] = answer
        if isinstance(answer, Sent):
            self.messages[message.key] = message
            about = message.variant or message.about
            self._say(message, f"send {message.template} {about}".strip())
            if self.killed:
                self.killed -= 1
                raise ApplicationError("killed after sending", type="killed")
        return answer

    @activity.defn
    async def anything_left(self, rest: Remainder) -> bool:
        return any(not self._opted_out(rest.customer_id, each) for each in rest.templates)

    # -- records -----------------------------------------------------------------

    @activity.defn
    async def hand_over(self, task: Task) -> Answer:
        if task.key in self.ledger:
            return self.ledger[task.key]
        if task.template and (refused := self._turned_down(task)):
            return refused
        due = max(task.due_by, self.now()) if task.due_by else self.now() + task.within
        answer = Handed(task_id=task.key, due=due)
        self.ledger[task.key], self.tasks[task.key] = answer, task
        job = f" to {task.what}" if not task.template else ""
        self._say(task, f"ask {task.role}{job}")
        return answer

    def _turned_down(self, task: Task) -> Answer | None:
        customer, answer = task.customer_id, None
        if self._opted_out(customer, task.template):
            answer = Refused(reason="opted out")
        elif (holds := self.holds[customer]) and task.kind is not Kind.TRANSACTIONAL:
            return Held(holds=tuple(holds))
        elif task.asks and customer in self.covers:
            return self.covers[customer]
        elif task.form in CALLS and customer in self.no_phone:
            answer = Refused(reason="no_address")
        elif self.capacity <= 0:
            answer = Refused(reason="capacity")
        return answer

    @activity.defn
    async def withdraw(self, step: Withdrawal) -> Settled:
        settled = self.ledger.setdefault(step.key, Refused(reason=step.reason))
        assert not isinstance(settled, Held | Deferred)
        if isinstance(settled, Refused):
            self.slots[step.customer_id].pop(step.key, None)
            self._say(step, f"skip {step.reason}")
        elif isinstance(settled, Handed):
            self.log.append(Entry(self.now(), step.customer_id, "", f"back {step.reason}"))
        return settled

    @activity.defn
    async def note(self, note: Note) -> None:
        if note.key not in self.ledger:
            self.ledger[note.key] = Sent(key=note.key, at=self.now(note))
            self._say(note, f"note {note.text}")

    @activity.defn
    async def open_case(self, step: Step) -> None:
        await self.open_hold(step)

    @activity.defn
    async def settle_case(self, end: CaseEnd) -> None:
        self.holds[end.customer_id].pop(end.case_id, None)
        self._say(end, f"settle {end.outcome}")

    @activity.defn
    async def reopen_case(self, step: CaseStep) -> None:
        self.holds[step.customer_id][step.case_id] = None
        self._say(step, f"reopen {step.reopened}")

    @activity.defn
    async def set_up(self, step: SetUp) -> Established:
        if step.key not in self.ledger and step.system in self.systems:
            self.ledger[step.key] = Sent(key=step.key, at=self.now())
            self._say(step, f"set up {step.system}")
        return Established(done=step.system in self.systems, reason="no_system")

    @activity.defn
    async def open_hold(self, step: Step) -> None:
        if step.key not in self.holds[step.customer_id]:
            self.complain(step.customer_id, step.key, self.now())

    @activity.defn
    async def keep_in_touch(self, who: KeepInTouching) -> None:
        self.touching[who.customer_id] = who
        self.log.append(Entry(self.now(), who.customer_id, "5.6.1", "start keep-in-touch"))

    @activity.defn
    async def close(self, ending: Ending) -> None:
        self.endings[ending.follow_up] = ending
        self._say(ending, f"close {ending.outcome}")

    # -- what is asked at once ------------------------------------------------------

    @activity.defn
    async def plan(self, milestone: Milestone) -> datetime:
        self._answerable()
        assert milestone.due
        self.planned[milestone.customer_id].append(milestone)
        if not milestone.before:
            return milestone.due
        bounced = milestone.counted_from in self.bounced
        return self.open_at(
            milestone.otherwise if bounced and milestone.otherwise else milestone.due
        )

    @activity.defn
    async def mark(self, mark: Mark) -> None:
        self._answerable()
        if mark.state in self.slow:
            await asyncio.sleep(0.1)
        self.marks.append(mark)
        if mark.state in (State.SKIPPED, State.ELSEWHERE, State.BLOCKED):
            verb = "skip" if mark.state is State.SKIPPED else mark.state
            assert mark.now  # what runs inside the workflow's task has no clock of its own
            entry = Entry(mark.now, mark.customer_id, mark.clause, f"{verb} {mark.reason}".strip())
            self.log.append(entry)

    @activity.defn
    async def business_days(self, days: BusinessDays) -> Opening:
        self._answerable()
        if self.no_calendar:
            raise ApplicationError("no such year", type="calendar", non_retryable=True)
        return Opening(
            opens=working_day(days.since, days.after).replace(hour=OPEN),
            closes=working_day(days.since, days.before).replace(hour=OFFICE_CLOSED),
        )

    @activity.defn
    async def ladder(self, case: CaseStep) -> Ladder:
        self._answerable()
        if self.unknown_cases:
            raise ApplicationError("case_unknown", type="case", non_retryable=True)
        assert case.since
        answer_by = case.since + DAY
        return self.ladders.get(case.case_id) or Ladder(
            answer_by=answer_by, resolve_by=case.since + 3 * DAY
        )

    @activity.defn
    async def missing(self, said: Completeness) -> list[str]:
        self._answerable()
        return [name for name in said.fields if name in self.unknown]

    @activity.defn
    async def current_policy(self, name: str) -> str:
        self._answerable()
        return self.policies.get(name, "{}")

    @activity.defn
    async def engagement(self, measure: Measure) -> Engagement:
        self._answerable()
        return self.engaged[measure.customer_id]

    @activity.defn
    async def potential(self, step: Step) -> Potential:
        self._answerable()
        usual = Potential(campaign="upgrade-your-plan", high=True, reasons=("active",))
        return self.suits.get(step.customer_id, usual)

    @activity.defn
    async def last_touch(self, step: Step) -> datetime | None:
        self._answerable()
        return self.touched.get(step.customer_id)

    def _answerable(self) -> None:
        if self.clueless:
            local = activity.info().is_local  # which is not asked for long
            raise ApplicationError("nobody there", type="away", non_retryable=local)

    # -- the gate --------------------------------------------------------------------

    def _gate(self, message: Message) -> Answer:
        now, customer = self.now(), message.customer_id
        kind = KINDS.get(message.template, Kind.RELATIONSHIP)
        answer: Answer | None = None
        if message.latest and now >= message.latest:
            answer = Refused(reason="stale")
        elif customer in self.unreachable:
            answer = Refused(reason=self.unreachable[customer])
        elif kind is Kind.TRANSACTIONAL:
            said = self.covers.get(customer) if message.asks else None
            answer = said or Sent(key=message.key, at=now)
        elif self._opted_out(customer, message.template):
            answer = Refused(reason="opted out")
        elif customer in self.important and not message.draft_id:
            answer = BY_HAND[0]
        elif customer in self.impersonal and not (message.impersonal or message.draft_id):
            answer = BY_HAND[1]
        elif holds := self.holds[customer]:
            answer = Held(holds=tuple(holds))
        elif message.asks and customer in self.covers:
            answer = self.covers[customer]
        return answer or self._in_time(message, now)

    def _in_time(self, message: Message, now: datetime) -> Answer:
        slot = self._slot(message, now)
        if message.latest and slot >= message.latest:
            return Refused(reason="no slot in time")
        self.slots[message.customer_id][message.key] = slot
        return Deferred(until=slot) if slot > now else Sent(key=message.key, at=now)

    def _opted_out(self, customer: str, template: str) -> bool:
        transactional = KINDS.get(template) is Kind.TRANSACTIONAL
        out = self.opted_out[customer]
        return not transactional and bool(out & {"all", TOPICS.get(template, "")})

    def _slot(self, step: Message, now: datetime) -> datetime:
        """The first moment within hours that is a day from what was sent or promised earlier."""
        slots = self.slots[step.customer_id]
        mine = slots.get(step.key)  # who was promised a later moment gives way
        slot = self.open_at(now)
        for key, other in sorted(slots.items(), key=lambda promise: promise[1]):
            first = key in self.ledger or mine is None or other < mine
            if key != step.key and first and abs(slot - other) < DAY:
                slot = self.open_at(other + DAY)
        return slot

    def open_at(self, moment: datetime) -> datetime:
        return moment if self.always_open else open_at(moment)

    def now(self, step: Step | None = None) -> datetime:
        if step and step.now and activity.info().is_local:
            return step.now  # the SDK gives local ones the machine's time
        at = activity.info().current_attempt_scheduled_time
        return self.pace.now(at.astimezone(UTC))

    def _say(self, step: Step, what: str) -> None:
        self.log.append(Entry(self.now(step), step.customer_id, step.clause, what))


def open_at(moment: datetime) -> datetime:
    """The moment, or when the doors next open."""
    if OPEN <= moment.hour < CLOSED:
        return moment
    morning = moment.replace(hour=OPEN, minute=0, second=0, microsecond=0)
    return morning if moment.hour < OPEN else morning + DAY


def working_day(since: datetime, count: int) -> datetime:
    """So many days on which the office works after that day, which is day 0."""
    day = since.replace(minute=0, second=0, microsecond=0)
    while count:
        day += DAY
        count -= day.weekday() < SATURDAY
    return day
