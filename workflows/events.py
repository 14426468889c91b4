"""What a follow-up may hear, by the signal's name: pure data, as in `vocabulary`.

Every field is optional, so that a person can signal by hand. What a new field means for signals
that lack it, its default says; none is renamed or retyped.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from workflows.vocabulary import Code, Count, Noun, Rhythm

# A column's value one day: no longer, and nothing that no column takes.
Id = Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Event(Noun):
    id: Annotated[Id, Field(max_length=150)] = ""  # the same id again is the same event
    at: AwareDatetime | None = None  # when it happened, which may be long before it is heard


class Reply(Event):
    to: str = ""  # the key of the message it answers, when known
    case_id: Id = ""  # the inquiry it opened, or the case it joined
    order_id: Id = ""  # the order it is about, where that is known
    feedback_id: Id = ""  # the feedback that it is, if it answers what asked for some


class Inquiry(Reply):
    """A question; it counts as an answer to whatever was asked before."""


class Answer(Event):
    """A person has answered an inquiry, or said that it needs none."""

    case_id: Id = ""


class Feedback(Reply):
    satisfied: bool | None = None  # with a case's resolution, if that was asked
    category: Code | Literal[""] = ""
    opened_case: bool = False  # it was bad enough for one
    classified: bool = False  # its type, urgency and potential came with it


class Written(Event):
    """A colleague has written to the customer, beside any task."""

    draft_id: Id = ""


class Complaint(Event):
    case_id: Id = ""  # set by the desk, which has written case and hold already
    order_id: Id = ""


class ComplaintResolved(Event):
    case_id: Id = ""


class Issue(Event):
    topic: Code = "general"


class Lull(Event):
    source: str = ""


class OptOut(Event):
    topic: str = "all"


class TaskDone(Event):
    task_id: Id = ""
    declined: bool = False
    draft_id: Id = ""
    released: str = ""  # why the task was taken back undone: `capacity`
    resolved: bool = False  # a complaint is put right
    satisfied: bool | None = None  # what the customer said of that, if they were asked
    answered: Code = ""  # how, if not by the draft: `phone`, `elsewhere`, `not_needed`
    arrived: bool | None = None
    reached: bool | None = None  # on the telephone
    opportunity: bool | None = None  # they may buy more: somebody is to follow that up
    referral: bool | None = None  # whether they would recommend us was talked about, and settled


class Retry(Event):
    clause: Id = ""


class Skip(Event):
    clause: Id = ""


class RunNow(Event):
    clause: Id = ""


class Hold(Event):
    hold_id: Id = ""  # set by the desk, which has written the hold already


class Resume(Event):
    holds: tuple[Id, ...] = ()


class End(Event): ...


class Order(Event):
    order_id: Id = ""
    partial: bool = False  # some of its items only: nothing ends with them
    shipments: tuple[Id, ...] = ()  # which of its parcels; none: the order as a whole
    untracked: tuple[Id, ...] = ()  # those of them that nobody can follow yet
    expected: AwareDatetime | None = None  # the latest estimate of its delivery
    complete: bool = True  # with this, all of it has been shipped, or delivered
    others: tuple[Code, ...] = ()  # the SOPs that follow it up, as it is placed


class Began(Event):
    """What began here with what was heard first counts from this moment: it came before that."""


class Provided(Order):
    """Access was given, or the customer set up in one of the house's systems."""

    system: Code | Literal[""] = ""
    contract_id: Id = ""


class Meeting(Event):
    """An appointment with the customer, as its row stands now."""

    meeting_id: Id = ""
    contract_id: Id = ""
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    number: Count = 0  # how often it was changed
    awaits_link: bool = False  # where it is joined is still being asked for


class Interaction(Event):
    """A call or a chat that happened elsewhere."""

    ours: bool = False  # we called them
    order_id: Id = ""


class Bounce(Event):
    """A message of ours came back; which, its key says."""

    message: Id = ""
    step: Id = ""  # its key without the follow-up, for the one that sent it
    owed: bool = False  # the customer must have it
    lasting: bool = False  # nobody is reached at that address any more


class PolicyChanged(Event):
    """Whoever is in flight is to follow the policy as it is now: the whole of it."""

    policy: dict[str, Any] = Field(default_factory=dict)
    version: Count = 0


class DoneElsewhere(Event):
    """Another system has done what the clause asks; this is the evidence."""

    clause: Id = ""


class Rhythms(Event):
    """Another SOP led to `keep-in-touch`, which runs already."""

    rhythms: tuple[Rhythm, ...] = ()


HEARD: dict[str, type[Event]] = {
    "responded": Reply,
    "feedback": Feedback,
    "complaint": Complaint,
    "complaint_resolved": ComplaintResolved,
    "low_engagement": Lull,
    "common_issue": Issue,
    "opted_out": OptOut,
    "task_done": TaskDone,
    "retry": Retry,
    "skip": Skip,
    "run_now": RunNow,
    "hold": Hold,
    "resume": Resume,
    "end": End,
    "order_placed": Order,
    "rhythms": Rhythms,
    "written": Written,
    "inquiry": Inquiry,
    "inquiry_answered": Answer,
    "done_elsewhere": DoneElsewhere,
    # Heard by every follow-up; only the SOPs that care about them answer (`on_event`).
    **dict.fromkeys(
        """order_shipped order_ready order_picked_up order_delivered order_cancelled
        order_refunded order_returned""".split(),
        Order,
    ),
    "account_provisioned": Provided,
    **dict.fromkeys(
        """meeting_scheduled meeting_moved meeting_held meeting_missed
        meeting_cancelled""".split(),
        Meeting,
    ),
    "interaction": Interaction,
    "complaint_updated": Event,
    "policy": PolicyChanged,
    "began_earlier": Began,
    "message_bounced": Bounce,
}
