"""The verbs: what a workflow may ask of the world. How it is done is said in activities/.

`Clerk` and `Insight` run inside the workflow's own task (local activities): short, idempotent, and
their recorded answer is never asked for again, because calendars and scores change with time. So
do, at first, notes and a follow-up's end; if they cannot be written at once they are activities
of their own, as all others are: one for a whole step.
"""

from abc import ABC, abstractmethod
from datetime import timedelta

from pydantic import AwareDatetime
from temporalio import activity
from temporalio.common import RetryPolicy

from workflows.vocabulary import (
    Answer,
    BusinessDays,
    CaseEnd,
    CaseStep,
    Completeness,
    Ending,
    Engagement,
    Established,
    KeepInTouching,
    Ladder,
    Mark,
    Measure,
    Message,
    Milestone,
    Note,
    Opening,
    Potential,
    Remainder,
    Settled,
    SetUp,
    Step,
    Task,
    Withdrawal,
)

QUEUE = "aftercare"  # workflows, tasks, transactional messages
BULK = "aftercare-bulk"  # relationship and marketing messages

ATTEMPT = timedelta(seconds=30)  # how often it is tried depends on how long the step is worth it
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=30))
# What is put off says itself when to come again, and doubles the next wait all the same: a worker
# that dies sending, late in an outage, is to cost minutes.
SENDING = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=2))
AT_ONCE = timedelta(seconds=20)  # a clerk's answer, all attempts together


class Messaging(ABC):
    @activity.defn
    @abstractmethod
    async def send(self, message: Message) -> Answer:
        """Ask the gate and, if it says yes, send: once under its key, however often this runs."""

    @activity.defn
    @abstractmethod
    async def anything_left(self, rest: Remainder) -> bool:
        """Whether the gate would still let any of it through, now or later."""


class Records(ABC):
    @activity.defn
    @abstractmethod
    async def hand_over(self, task: Task) -> Answer:
        """Put a task on a role's list; one that contacts the customer passes the gate first."""

    @activity.defn
    @abstractmethod
    async def withdraw(self, step: Withdrawal) -> Settled:
        """Close the step's key for good and say what became of it: it may have gone after all."""

    @activity.defn
    @abstractmethod
    async def note(self, note: Note) -> None:
        """Write a line in the customer's CRM history."""

    @activity.defn
    @abstractmethod
    async def open_case(self, step: Step) -> None:
        """Write case, hold and inbox event for a complaint that came by signal alone."""

    @activity.defn
    @abstractmethod
    async def settle_case(self, end: CaseEnd) -> None:
        """Close the case, release what it held back, and have every follow-up told."""

    @activity.defn
    @abstractmethod
    async def reopen_case(self, step: CaseStep) -> None:
        """The customer is not satisfied: the case is open again, and holds again."""

    @activity.defn
    @abstractmethod
    async def set_up(self, step: SetUp) -> Established:
        """Have a system of the house's know the customer: once under its key."""

    @activity.defn
    @abstractmethod
    async def open_hold(self, step: Step) -> None:
        """Write the hold for one that came by signal alone."""

    @activity.defn
    @abstractmethod
    async def keep_in_touch(self, who: KeepInTouching) -> None:
        """Ask the desk, through its inbox, for `keep-in-touch.<customer>` with these rhythms."""

    @activity.defn
    @abstractmethod
    async def close(self, ending: Ending) -> None:
        """Write the follow-up's end; what is still open on its checklist is closed with it."""


class Clerk(ABC):
    @activity.defn
    @abstractmethod
    async def plan(self, milestone: Milestone) -> AwareDatetime:
        """Record the clause as `next` and say the moment, in its window, that suits best."""

    @activity.defn
    @abstractmethod
    async def mark(self, mark: Mark) -> None:
        """Record what became of a clause, and why."""

    @activity.defn
    @abstractmethod
    async def business_days(self, days: BusinessDays) -> Opening:
        """From the beginning of one of the office's working days to the end of another."""

    @activity.defn
    @abstractmethod
    async def ladder(self, case: CaseStep) -> Ladder:
        """What the matrix of type, severity and tier has for the case as it stands now."""

    @activity.defn
    @abstractmethod
    async def missing(self, said: Completeness) -> list[str]:
        """Which of a contract's fields nobody has filled in."""

    @activity.defn
    @abstractmethod
    async def current_policy(self, name: str) -> str:
        """An SOP's policy as it stands now, as JSON: for what repeats for years."""


class Insight(ABC):
    @activity.defn
    @abstractmethod
    async def engagement(self, measure: Measure) -> Engagement:
        """How engaged the customer is, from what was recorded until now."""

    @activity.defn
    @abstractmethod
    async def potential(self, step: Step) -> Potential:
        """Which campaign suits the customer, whether Sales should call, and the reasons."""

    @activity.defn
    @abstractmethod
    async def last_touch(self, step: Step) -> AwareDatetime | None:
        """When we were last in touch with the customer, in whatever way; None: never."""
