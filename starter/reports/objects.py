"""What readers get to see: the objects of the interface, the same in API, console and terminal."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from workflows.vocabulary import State

T = TypeVar("T")
FollowUpState = Literal["running", "on_hold", "completed", "ended", "opted_out"]
MessageState = Literal[
    "reserved", "sending", "sent", "delivered", "bounced", "refused", "covered", "unknown"
]
TaskState = Literal["open", "done", "declined", "released", "withdrawn"]


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Shape, Generic[T]):
    """A list, newest first; `starting_after` the last id gives the next one."""

    data: list[T]
    has_more: bool = False


class ChecklistLine(Shape):
    """Where one clause of the SOP stands for this customer."""

    clause: str
    title: str
    state: State
    due_at: datetime | None = None
    done_at: datetime | None = None
    late_by_seconds: int = 0
    reason: str | None = None
    messages: list[str] = []
    tasks: list[str] = []


class FollowUp(Shape):
    """One customer's way through one SOP."""

    id: str
    sop: str
    sop_version: str
    customer: str
    subject: str
    state: FollowUpState
    started_at: datetime
    checklist: list[ChecklistLine] = []


class ConsentState(Shape):
    """The latest word on one scope."""

    given: bool
    at: datetime
    source: str | None = None
    wording: str | None = None


class HoldView(Shape):
    """What keeps messages back."""

    id: str
    kind: str
    follow_up: str | None = None
    reason: str | None = None
    by: str | None = None
    at: datetime


class CaseSummary(Shape):
    """A complaint or an inquiry, and how far it has come."""

    id: str
    kind: str
    type: str | None = Field(None, description="What it is about")
    severity: str | None = None
    order: str | None = None
    state: str
    opened_at: datetime
    answered_at: datetime | None = Field(None, description="By a person, for the first time")
    resolved_at: datetime | None = Field(None, description="Put right, as we think")
    closed_at: datetime | None = None
    reopened: int = Field(0, description="How often the customer was not satisfied")
    outcome: str | None = None


class CustomerView(Shape):
    """A customer as we know them."""

    id: str
    aliases: list[str] = []
    email: str | None = None
    phone: str | None = None
    name: str | None = None
    preferred_name: str | None = None
    company: str | None = None
    country: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    preferred_channel: str | None = None
    address: dict[str, Any] | None = None
    owner: str | None = None
    tier: str = "standard"
    sensitive: bool = False
    since: datetime | None = None
    created_at: datetime
    consent: dict[str, ConsentState] = {}
    holds: list[HoldView] = []
    follow_ups: list[str] = []
    orders: list[str] = []
    cases: list[CaseSummary] = []


class Tried(Shape):
    """A channel that a message was refused on before."""

    channel: str
    to: str | None = None
    reason: str


class AttachmentView(Shape):
    """What goes with a message, as it stands at `/attachments/{name}`."""

    name: str
    type: str
    size: int = Field(description="In bytes")


class MessageView(Shape):
    """A message: to whom, what it said, and what became of it."""

    id: str
    customer: str
    follow_up: str
    sop: str
    clause: str | None = None
    template: str
    kind: str
    channel: str | None = None
    state: str
    to: str | None = Field(None, description="Masked: enough to recognise, too little to use")
    subject: str | None = None
    body_text: str | None = None
    body_html: str | None = None
    created_at: datetime
    sent_at: datetime | None = None
    provider_id: str | None = None
    reason: str | None = None
    via: str | None = Field(None, description="The provider that had it last")
    attempts: int = Field(0, description="How often a provider was asked to take it")
    tried: list[Tried] = Field([], description="The channels that refused it before")
    attachments: list[AttachmentView] = []


class DraftView(Shape):
    id: str
    subject: str
    body: str
    edited: bool = False


class TaskView(Shape):
    """A human step."""

    id: str
    customer: str | None = None
    follow_up: str | None = None
    clause: str | None = None
    role: str
    assignee: str | None = None
    priority: int
    title: str
    due_at: datetime
    state: str
    brief: dict[str, Any] = {}
    draft: DraftView | None = None
    outcome: dict[str, Any] | None = None
    escalated_to: str | None = None
    form: str = Field("free", description="What is asked of whoever closes it")
    case_id: str | None = None
    urgent: bool = False
    snoozed_until: datetime | None = Field(None, description="Nobody need look at it before")
    contract: str | None = None
    meeting: str | None = None
    feedback: str | None = None


class DecisionView(Shape):
    """Why something was done, or was not."""

    id: str
    at: datetime
    follow_up: str | None = None
    clause: str | None = None
    outcome: str
    reason: str | None = None
    facts: dict[str, Any] = {}
    words: str = Field(description="The same in a sentence")


class EnclosureView(Shape):
    """A file that came with what a customer wrote; staff fetch it in the console."""

    id: str
    name: str
    type: str = Field(description="As its sender says, which proves nothing")
    size: int = Field(description="In bytes")


class TimelineEntry(Shape):
    """One thing that happened between a customer and us."""

    id: str
    at: datetime
    type: Literal[
        "message", "note", "task", "hold", "order", "case", "consent", "follow_up", "feedback"
    ]
    follow_up: str | None = None
    clause: str | None = None
    state: str | None = None
    text: str
    enclosures: list[EnclosureView] = []
