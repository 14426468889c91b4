"""The nouns every room shares. Pure data: no I/O, no clock, no randomness.

Payloads outlive releases: a new field has a default that keeps the old behaviour, none is renamed
or retyped. Nothing personal stands in any of them: ids, enums, numbers, instants, names in code.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator


class Noun(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


LONGEST = timedelta(days=3653)  # ten years: what is further off no calendar of ours reaches
Span = Annotated[timedelta, Field(ge=timedelta(), le=LONGEST)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]  # becomes part of a step's key


class Policy(Noun):
    """What an SOP leaves in [brackets]; it travels with the customer who began under it."""

    # What counts in an office's working days, from which to which: who plans has to ask for them.
    working_days: ClassVar[tuple[str, str] | None] = None

    grace: Span = timedelta(days=7)  # how late a step that nothing follows is still welcome
    elsewhere: tuple[str, ...] = ()  # the clauses that another system carries out
    starts_on: tuple[str, ...] | None = None  # events; none: those that the catalogue has

    def reach(self) -> timedelta | None:
        """How long after a purchase the last of its steps can be due; none: nobody can say."""
        return None


PolicyT = TypeVar("PolicyT", bound=Policy)


class Role(StrEnum):
    CSR = "customer-excellence-officer"
    COMMUNICATIONS = "communications-officer"
    FINANCE = "finance-officer"
    MARKETING = "marketing"
    SALES = "sales-representative"
    SALES_MANAGER = "sales-manager"
    ACCOUNT_MANAGER = "account-manager"
    SERVICE = "customer-service"  # S1's and S2's staff for what must be put right; specialists
    MANAGER = "customer-experience-manager"
    QUALITY = "quality-assurance"
    PRIVACY = "data-protection-officer"
    ENGINEER = "engineer"


class Kind(StrEnum):
    """What a message is, and so what the gate asks of it."""

    TRANSACTIONAL = "transactional"  # order, access, acknowledgement
    RELATIONSHIP = "relationship"  # check-in, satisfaction, feedback
    MARKETING = "marketing"  # anything with an offer in it


class Outcome(StrEnum):
    COMPLETED = "completed"
    OPTED_OUT = "opted_out"
    ENDED = "ended"


class Engagement(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    UNKNOWN = "unknown"


class State(StrEnum):
    """Where a clause stands; `later` and `late` are for readers only, derived from the moment."""

    NEXT = "next"
    LATER = "later"
    WAITING = "waiting"
    HELD = "held"
    BLOCKED = "blocked"
    LATE = "late"
    DONE = "done"
    COVERED = "covered"
    ELSEWHERE = "elsewhere"
    SKIPPED = "skipped"


PAST = (State.DONE, State.COVERED, State.ELSEWHERE, State.SKIPPED)


class Mode(StrEnum):
    """How a person takes part in a message: one by one, many on a page, or not at all."""

    EACH = "each"
    BATCH = "batch"
    AUTO = "auto"


class Preset(StrEnum):
    """How little somebody must do to count as hardly engaged."""

    LENIENT = "lenient"
    STANDARD = "standard"
    STRICT = "strict"


class Form(StrEnum):
    """What is asked of whoever closes a task; which fields it must have, the desk knows."""

    FREE = "free"  # a note, a result, or a draft that is to go
    ANSWER = "answer"  # a case's first answer: written here, given elsewhere, or none needed
    RESOLVE = "resolve"  # a complaint put right: the root cause, and what was done
    CONFIRM = "confirm"  # whether the customer is satisfied with that
    CALL = "call"  # a call: whether they were reached, their scores, what they said
    ARRIVAL = "arrival"  # whether an order has arrived
    REVIEW = "review"  # quality assurance's score of a follow-up
    SALES_CALL = "sales_call"  # Sales calls: what was said, its class, what comes of it (S2 5.5)
    CLASSIFY = "classify"  # what feedback is about, how urgent, whether it may escalate (S2 5.3)
    TRANSFER = "transfer"  # what Sales knows of a contract's customer (S4 step 1)
    SET_UP = "set_up"  # the systems a customer was set up in (S4 step 2)
    SCHEDULE = "schedule"  # when a meeting is to be (S4 step 3)
    MEETING = "meeting"  # how it went: held, missed, moved
    PRIVACY = "privacy"  # what became of a customer's request about their data


CALLS = (Form.CALL, Form.SALES_CALL)  # in these a colleague speaks with the customer


class Fulfilment(StrEnum):
    """How an order reaches the customer, and so what its delivery is."""

    SHIP = "ship"
    PICKUP = "pickup"
    DIGITAL = "digital"
    SERVICE = "service"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Potency(StrEnum):
    """Whether feedback may come to more than itself: its potential for escalation (S2 5.3)."""

    NONE = "none"
    POSSIBLE = "possible"
    LIKELY = "likely"


class Window(Noun):
    after: Span
    before: Span

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.after > self.before:
            raise ValueError("a window opens before it closes")
        return self

    def opens_after(self, span: timedelta) -> Window:
        """The same, but it opens no sooner than that, unless half of it were over by then."""
        later = max(self.after, min(span, self.before / 2))
        return self.model_copy(update={"after": later})


class Pace(Noun):
    """How fast policy time runs: as the world does, or a day in a second for a demonstration."""

    factor: float = 1.0
    since: AwareDatetime = datetime(2000, 1, 1, tzinfo=UTC)  # where both agree; one for all
    ahead: timedelta = timedelta()  # a rehearsal begins on whatever day it likes

    def now(self, real: datetime) -> datetime:
        return self.since + (real - self.since) * self.factor + self.ahead

    def real(self, span: timedelta) -> timedelta:
        return max(span / self.factor, timedelta(milliseconds=1))  # a timer of nothing would spin


class Heard(Noun):
    """A signal that came before its follow-up began, handed over with the start."""

    name: str
    event: dict[str, Any] = {}


class Enrolment(Noun, Generic[PolicyT]):
    """How a follow-up begins."""

    customer_id: str
    purchased_at: AwareDatetime  # the purchase or the sign-up, whichever began it
    policy: PolicyT
    sop_version: str = "1.0"
    pace: Pace = Pace()
    kinds: dict[str, Kind] = {}  # each template's kind as it stood at the start
    needs_access: bool = False  # access is still to be provisioned for what was bought
    access_given: bool = False
    order_id: str = ""
    early: tuple[Heard, ...] = ()
    delivered_at: AwareDatetime | None = None
    confirmed_at: AwareDatetime | None = None  # the order's; `purchased_at` where it is not known
    fulfilment: Fulfilment = Fulfilment.SHIP
    expected_at: AwareDatetime | None = None  # the latest estimate of the order's delivery
    tier: str = "standard"  # as it stood at the start; the gate knows how it stands now
    by_phone: bool = False  # the customer would rather be called, as it stood at the start
    others: tuple[str, ...] = ()  # the SOPs that run, or begin, for the same order
    first_bought_at: AwareDatetime | None = None  # the first purchase of all, where it is known
    contract_id: str = ""
    requested_at: AwareDatetime | None = None  # by hand, maybe long after the purchase
    policy_version: Count = 0
    own: dict[str, Any] = {}  # what was said of the policy for this one alone
    imported_at: AwareDatetime | None = None  # what was due before is past: it came by an import
    welcomed: str = ""  # the welcome that went since, by one that has ended,
    welcomed_at: AwareDatetime | None = None  # and when


class CaseFile(Enrolment[PolicyT]):
    """How a case begins: its row, its hold and its first task stand in the tables already."""

    case_id: str = ""
    complaint: bool = False  # else an inquiry
    opened_at: AwareDatetime | None = None


class Draught(Enrolment[PolicyT]):
    """How one message of a colleague's own begins; or the thanks for feedback that no procedure
    of the customer's thanks for."""

    draft_id: str = ""
    template: str = ""  # what it was drafted from; none: a message of its own
    feedback_id: str = ""  # set: it is thanks,
    category: str = ""  # for this sort of feedback


class Rhythm(Noun):
    """One thing that `keep-in-touch` does for a customer, asked for by an SOP."""

    name: str  # the step: never renamed
    sop: str
    clause: str
    since: AwareDatetime  # what it counts from: first purchase, delivery…
    order_id: str = ""
    waits: bool = False  # for the order's delivery, which nobody has heard of
    every: Span | None = None  # how often, as its SOP's policy had it when it was asked for
    imported_at: AwareDatetime | None = None  # what came round before is past


class Relationship(Noun, Generic[PolicyT]):
    """How `keep-in-touch` begins, and what it takes along when it continues as new."""

    customer_id: str
    policy: PolicyT
    pace: Pace = Pace()
    kinds: dict[str, Kind] = {}
    rhythms: tuple[Rhythm, ...] = ()
    occurrences: dict[str, int] = {}  # how often each rhythm came round, by its key
    seen: tuple[str, ...] = ()  # the last events heard, by name and id
    early: tuple[Heard, ...] = ()
    lines: tuple[Line, ...] = ()  # the checklist so far
    holds: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()  # by clause: what a person said of an occurrence to come
    handed: dict[str, str] = {}  # the tasks still on somebody's list, with their checklist's line
    policy_version: Count = 0


class KeepInTouching(Noun):
    customer_id: str
    follow_up: str = ""
    rhythms: tuple[Rhythm, ...] = ()


class Remainder(Noun):
    """The templates that a follow-up might still send."""

    customer_id: str
    follow_up: str
    templates: tuple[str, ...]


class Line(Noun):
    """One line of the checklist."""

    clause: str
    says: str
    state: State
    reason: str = ""
    due: datetime | None = None
    about: str = ""

    def __str__(self) -> str:
        name = f"{self.clause} {self.about}".rstrip()
        why = f" ({self.reason})" if self.reason else ""
        return f"- **{name}** {self.says}: {self.state}{why}"


class Shift(Noun):
    """When a clause that is slept for is due now, and when it would be by another policy."""

    clause: str
    about: str
    now: AwareDatetime
    then: AwareDatetime | None = None  # none: left out, as too late, as off, or as not ours


class Potential(Noun):
    """Whom clause 5.5 finds, and why."""

    campaign: str = ""
    high: bool = False
    reasons: tuple[str, ...] = ()


# -- what a workflow wants done; the key makes it happen once -------------------


class Step(Noun):
    key: str  # <follow-up>/<step>[/<occurrence>]
    customer_id: str
    follow_up: str = ""  # the workflow's id: <sop>.<subject>
    clause: str = ""
    about: str = ""  # which occurrence, where a clause has several
    now: AwareDatetime | None = None  # the workflow's policy time, for what runs inside its task
    due: AwareDatetime | None = None  # when it ought to be done, for lateness
    latest: AwareDatetime | None = None  # its latest useful moment


class Milestone(Step):
    """A clause that is being awaited: planned, recorded as `next`, slept for."""

    before: AwareDatetime | None = None  # the window's end; `due` is its beginning
    counted_from: str = ""  # the key of the message the clock runs from
    otherwise: AwareDatetime | None = None  # the beginning, should that message have bounced


class BusinessDays(Step):
    """A window of the office's working days after a day, which is day 0."""

    since: AwareDatetime
    after: Count
    before: Count


class Opening(Noun):
    """From when until when."""

    opens: AwareDatetime
    closes: AwareDatetime


class Rung(Noun):
    """One step of a case's ladder: who hears of it when, unless it has come to that by then."""

    at: AwareDatetime
    role: Role
    until: Literal["answered", "resolved"] = "resolved"


class Ladder(Noun):
    """What the matrix has for a case, counted from a moment; recorded, never recomputed."""

    role: Role = Role.CSR  # who answers, if nobody is the customer's own
    answer_by: AwareDatetime
    resolve_by: AwareDatetime
    update_every: Span = timedelta(days=2)
    rungs: tuple[Rung, ...] = ()


class CaseStep(Step):
    """A question about a case, or what became of it."""

    case_id: str = ""
    since: AwareDatetime | None = None  # when it was opened, or opened again
    reopened: Count = 0


class CaseEnd(CaseStep):
    """A case is settled: `yes`, `no_answer`, `decided`, `answered`, `not_needed`…"""

    outcome: Code = "answered"


class Completeness(Step):
    """Which of these is not known yet of the contract?"""

    contract_id: str
    fields: tuple[str, ...]


class SetUp(Step):
    """The customer is to be known to this system of the house's: billing, CRM, support."""

    system: Code
    contract_id: str = ""


class Established(Noun):
    """Whether the system has them now; else a person sets them up, and why it is for a person."""

    done: bool
    reason: str = ""


class Measure(Step):
    """A question about what was recorded of the customer until now."""

    preset: Preset = Preset.STANDARD


class Mark(Step):
    """What became of a clause without a message or a task."""

    state: State
    reason: str = ""


class Message(Step):
    template: str
    kind: Kind = Kind.RELATIONSHIP  # as it stood at the start; the gate knows how it stands now
    sender: Role = Role.COMMUNICATIONS
    draft_id: str = ""
    order_id: str = ""
    asks: str = ""  # one open question of a sort per order
    reminds: str = ""  # the key of the message this reminds of: not sent once that is answered
    promise: AwareDatetime | None = None  # a moment promised to the customer; it beats comfort
    since: AwareDatetime | None = None  # an earlier contact than this does not stand for it
    impersonal: bool = True  # may go without the name and the product its template calls for
    case_id: str = ""  # the complaint or inquiry that it is mail of
    meeting_id: str = ""  # the meeting that it invites to, or speaks of
    variant: str = ""  # which of its template's texts; else by what it is about
    without: tuple[str, ...] = ()  # channels on which they were not reached just now
    again: bool = False  # should it have come back, it goes another way


class Task(Step):
    role: Role
    what: str
    within: timedelta = timedelta(days=1)  # office hours count, nights and weekends do not
    template: str = ""  # set when the task is to contact the customer: then the gate is asked first
    kind: Kind = Kind.RELATIONSHIP
    mode: Mode = Mode.EACH
    cap: int | None = None  # how many of these a role gets in a day
    copy_to: Role | None = None
    asks: str = ""  # what the message asks that it prepares
    order_id: str = ""
    since: AwareDatetime | None = None  # as of a message
    form: Form = Form.FREE
    due_by: AwareDatetime | None = None  # promised for that moment; else `within` office hours
    urgent: bool = False  # its people hear of it at once
    case_id: str = ""
    escalates: str = ""  # the id of the task that was not done
    contract_id: str = ""
    meeting_id: str = ""
    feedback_id: str = ""
    checks: tuple[str, ...] = ()  # what has to be ticked off: systems, fields, a checklist's lines
    documents: tuple[str, ...] = ()  # what the house has to read for it, by their names there


class Withdrawal(Step):
    reason: str


class Note(Step):
    text: str


class Ending(Step):
    outcome: Outcome


# -- what the gate answers -------------------------------------------------------


class Sent(Noun):
    answer: Literal["sent"] = "sent"
    key: str
    at: AwareDatetime


class Covered(Noun):
    """Another message has said it, or will: its key, so that its replies count for both."""

    answer: Literal["covered"] = "covered"
    key: str
    at: AwareDatetime


class Handed(Noun):
    answer: Literal["handed"] = "handed"
    task_id: str
    due: AwareDatetime


class Refused(Noun):
    answer: Literal["refused"] = "refused"
    reason: str


class Held(Noun):
    answer: Literal["held"] = "held"
    holds: tuple[str, ...]


class Deferred(Noun):
    answer: Literal["deferred"] = "deferred"
    until: AwareDatetime


Contact = Sent | Covered
Settled = Sent | Covered | Handed | Refused
Answer = Settled | Held | Deferred
