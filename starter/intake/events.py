"""An event as the door reads it: every type known, every field typed and of bounded size.

Histories are read leniently, doors strictly: what is misspelt here would be lost in silence.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from starter.answers import Refusal
from starter.intake import inside
from starter.intake.patches import (
    ContractPatch,
    CustomerPatch,
    Email,
    Line,
    Link,
    Moment,
    Name,
    OrderPatch,
    StrictModel,
    Words,
    printable,
)
from starter.intake.refusing import refusal_of
from workflows.vocabulary import Rhythm

Data = inside.Data


class Said(Data):
    """What somebody said: kept in the CRM, never passed on."""

    text: Words | None = None
    subject: Line | None = None
    channel: Literal["email", "sms", "phone", "letter", "chat", "form"] | None = None
    message: Line | None = None  # the message of ours it answers: its id, key or provider's id
    case_id: Name | None = None
    automatic: StrictBool = False  # an out-of-office is no answer


class Question(Said):
    category: Name | None = None  # what it is about; the matrix minds it


def _of_a_hundred(score: object) -> object:
    if isinstance(score, bool) or (isinstance(score, float) and not 0 <= score <= 100):
        raise PydanticCustomError("score_out_of_range", "A score is a number from 0 to 100")
    return score


Score = Annotated[float, BeforeValidator(_of_a_hundred), AfterValidator(_of_a_hundred)]


class Opinion(Said):
    """All scores go from 0 to 100; `score` alone is of all of it."""

    score: Score | None = None
    product: Score | None = None
    overall: Score | None = None
    satisfied: StrictBool | None = None  # with what was done about a complaint
    category: Name | None = None
    type: Name | None = None  # by the house's taxonomy,
    urgency: Literal["low", "medium", "high", "critical"] | None = None
    potential: Literal["none", "possible", "likely"] | None = None  # for escalation
    actions: Words | None = None  # what we shall do with it
    by: Line | None = None  # the colleague who wrote it down


class Grievance(Said):
    severity: Literal["low", "medium", "high", "critical"] | None = None
    category: Name | None = None


class Trouble(Data):
    topic: Name | None = None
    text: Words | None = None


class Activity(Data):
    name: Line | None = None  # the feature, the content
    url: Link | None = None


class Progress(Data):
    partial: StrictBool = False  # some of its items only: nothing ends with them
    items: list[Line] = Field([], max_length=500)  # which: by their article's number, or name


class Meeting(Said):
    """An appointment; `reference` is what the system that keeps it calls it."""

    meeting_id: Name | None = None  # ours
    starts_at: Moment | None = None
    minutes: Annotated[StrictInt, Field(ge=1, le=1440)] | None = None
    url: Link | None = None  # where it is joined
    title: Line | None = None
    organiser: Email | None = None  # the colleague who holds it


class Access(Data):
    """Of which of the house's systems; none: of what was bought."""

    system: Name | None = None


class Permission(Data):
    """What is allowed or taken back; `all` and the channels as wholes, or by topic."""

    email_marketing: StrictBool | None = None
    sms_marketing: StrictBool | None = None
    relationship: StrictBool | None = None
    email: StrictBool | None = None
    sms: StrictBool | None = None
    all: StrictBool | None = None
    topics: dict[Name, StrictBool] = Field({}, max_length=50)
    wording: Words | None = None
    at: Moment | None = None


class Contact(Said):
    direction: Literal["in", "out"] = "in"
    by: Line | None = None


class Evidence(Data):
    clause: Name | None = None
    template: Name | None = None
    channel: Line | None = None


class Wish(Data):
    sop: Line
    policy: dict[Name, Any] = Field({}, max_length=100)
    text: Words | None = None


class Serious(Data):
    """Feedback that somebody has to see to, as a colleague has found; only the desk says it."""

    feedback_id: Line


class Years(Data):
    """What a finished SOP wants done for years; only workflows say it."""

    follow_up: Line = "keep-in-touch"
    rhythms: tuple[Rhythm, ...] = Field((), max_length=50)


class AboutData(Data):
    """What a customer asked about their data, of a system that passes it on to us."""

    kind: Literal["access", "erase"]


ORDER = [
    f"order.{what}"
    for what in "confirmed paid shipped ready_for_pickup picked_up delivered"
    " cancelled refunded returned".split()
]
INTERNAL: dict[str, type[Data]] = {
    "keep_in_touch.wanted": Years,
    "feedback.serious": Serious,
    "message.reported": inside.Report,
    "meeting.linked": Meeting,  # where one of ours is held, by the system that holds it
    "privacy.requested": AboutData,
}
PLANNING = ("meeting.scheduled", "meeting.moved")
TYPES: dict[str, type[Data]] = {
    "customer.signed_up": Data,
    **dict.fromkeys(ORDER, Progress),
    "sale.closed": Data,
    "contract.signed": Data,
    "follow_up.requested": Wish,
    "account.provisioned": Access,
    **{f"meeting.{what}": Meeting for what in "scheduled moved held missed cancelled".split()},
    **{f"engagement.{what}": Activity for what in "login feature_used content_viewed low".split()},
    "issue.detected": Trouble,
    "reply.received": Question,
    "inquiry.received": Question,
    "inquiry.answered": Said,
    "complaint.opened": Grievance,
    "complaint.updated": Grievance,
    "complaint.resolved": Said,
    "feedback.received": Opinion,
    "consent.changed": Permission,
    "interaction.logged": Contact,
    "message.sent_elsewhere": Evidence,
    "customer.updated": Data,
    "customer.erased": Data,
}


class Event(StrictModel):
    """What happened, to whom, when."""

    id: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(printable)]
    type: Annotated[str, Field(min_length=1, max_length=64)]
    occurred_at: Moment | None = None  # none: now
    customer: CustomerPatch | None = None
    order: OrderPatch | None = None
    contract: ContractPatch | None = None
    data: dict[str, Any] = Field({}, max_length=100)

    def details(self) -> Data:
        """What it says besides, read by its type."""
        return (TYPES | INTERNAL)[self.type].model_validate(self.data)


class Command(Event):
    """An event as the desk itself writes it: it may be meant for one follow-up."""

    follow_up: Line | None = None
    settled: StrictBool = False  # imported: what became of the complaint is in the same file
    begins: StrictBool = False  # imported: all that was before is on record, and now it may start
    written_as: CustomerPatch | None = None  # whom it named, before a colleague said who that is


def read_event(said: object, shape: type[Event] = Event) -> Event:
    """The event, or a `Refusal` that names the field at fault and repeats nothing personal."""
    try:
        event = shape.model_validate(said)
    except ValidationError as fault:
        raise refusal_of(fault) from None
    known = TYPES if shape is Event else TYPES | INTERNAL
    if event.type not in known:
        begun = sorted(name for name in known if event.type and name.startswith(event.type))
        near = begun[:3] or difflib.get_close_matches(event.type, known, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise Refusal("unknown_event_type", f"there is no event of this type{hint}", param="type")
    try:
        event.details()
    except ValidationError as fault:
        refusal = refusal_of(fault, "data")
        if refusal.code == "unknown_field":
            refusal.detail += f"; `data` of `{event.type}` may have: {_fields(event.type)}"
        raise refusal from None
    _complete(event)
    return event


def _fields(what: str) -> str:
    return ", ".join(sorted((TYPES | INTERNAL)[what].model_fields)) or "nothing"


def _complete(event: Event) -> None:
    """Whether what this type is about is in it."""
    if event.type.startswith("order.") and event.order is None:
        raise Refusal("missing", "an order event needs its order", param="order")
    if event.type == "contract.signed" and event.contract is None:
        raise Refusal("missing", "this event needs the contract", param="contract")
    _plan(event)
    known = event.order or event.contract or named_meeting(event)
    if event.customer is None and known is None and event.type != "keep_in_touch.wanted":
        raise Refusal("missing", "say whom it is about", param="customer")
    who = event.customer
    if who and known is None and not (who.id or who.email or who.phone):
        raise Refusal(
            "customer_not_named", "name the customer by id, email or phone", param="customer"
        )


def _plan(event: Event) -> None:
    """Which meeting is meant, and when it is to be, where that is the news."""
    if not event.type.startswith("meeting."):
        return
    if event.contract is None and named_meeting(event) is None and _follow_up(event) is None:
        words = "name the meeting by its contract, its `reference`, or our `meeting_id`"
        raise Refusal("missing", words, param="data.reference")
    if event.type in PLANNING and event.data.get("starts_at") is None:
        words = "when is it to be? write starts_at with its zone: 2026-11-24T10:00:00Z"
        raise Refusal("missing", words, param="data.starts_at")


def named_meeting(event: Event) -> str | None:
    """What a meeting is called that an event is about: by us, else by the system that keeps it."""
    said = event.details() if event.type.startswith("meeting.") else None
    return said.meeting_id or said.reference if isinstance(said, Meeting) else None


def _follow_up(event: Event) -> str | None:
    return event.follow_up if isinstance(event, Command) else None
