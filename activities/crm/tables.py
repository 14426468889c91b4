"""The CRM's tables: SQLite and PostgreSQL alike, migrated together (`migrations/`).

Instants are UTC. What is personal stands only here, never in a Temporal history. Ids are ours and
opaque (`cus_…`), except a follow-up's, which is its workflow's: `<sop>.<subject>`.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, aware on the way in and on the way out, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(10)}"


def message_id(key: str) -> str:
    """A message's id, which is known before its row is there: links and answers name it."""
    return f"msg_{hashlib.sha256(key.encode()).hexdigest()[:20]}"


class Base(AsyncAttrs, DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own name
        datetime: Instant,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        str: String(255),
    }


# -- people and what they bought ----------------------------------------------------


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(index=True)  # normalised
    phone: Mapped[str | None] = mapped_column(index=True)  # E.164
    name: Mapped[str | None]
    preferred_name: Mapped[str | None]
    company: Mapped[str | None]
    country: Mapped[str | None]
    locale: Mapped[str | None]
    time_zone: Mapped[str | None]
    preferred_channel: Mapped[str | None]
    address: Mapped[dict[str, Any] | None]
    owner: Mapped[str | None]
    tier: Mapped[str] = mapped_column(default="standard")
    sensitive: Mapped[bool] = mapped_column(default=False)
    since: Mapped[datetime | None]
    told_at: Mapped[dict[str, Any]] = mapped_column(default=dict)  # per field, when it was said
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class Alias(Base):
    """An id that a system outside uses for one of our customers."""

    __tablename__ = "alias"
    alias: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)


class Consent(Base):
    """What a customer allowed or took back, as it was said; the latest word per scope counts.

    Scopes: `email_marketing`, `sms_marketing`, `relationship`; a channel as a whole: `email`
    (one-click unsubscribe), `sms` (STOP); `topic:<name>`; `all`.
    """

    __tablename__ = "consent"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    scope: Mapped[str]
    given: Mapped[bool]
    at: Mapped[datetime]
    source: Mapped[str | None]
    wording: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime]


class Suppression(Base):
    """An address that must not be written to, whoever has it."""

    __tablename__ = "suppression"
    address: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    at: Mapped[datetime]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str | None] = mapped_column(index=True)  # as the shop calls it, if other
    number: Mapped[str | None] = mapped_column(index=True)  # as the customer knows it, if other
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    confirmed_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    shipped_at: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]  # for pick-up
    delivered_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    refunded_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    first: Mapped[bool | None]
    total: Mapped[str | None]  # a decimal, as it was said
    currency: Mapped[str | None]
    product_line: Mapped[str | None]
    sold_by: Mapped[str | None]
    fulfilment: Mapped[str | None]
    items: Mapped[list[Any]] = mapped_column(default=list)
    shipments: Mapped[list[Any]] = mapped_column(default=list)
    told_at: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]


class Contract(Base):
    """What a customer signed, and what Sales knows that others need (S4 step 1)."""

    __tablename__ = "contract"
    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str | None] = mapped_column(index=True)  # as others call it, if other
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    signed_at: Mapped[datetime | None]
    account_manager: Mapped[str | None]  # an e-mail address of ours, or a name
    office: Mapped[str | None]
    contacts: Mapped[list[Any]] = mapped_column(default=list)
    needs: Mapped[str | None] = mapped_column(Text)
    told_at: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]


class Meeting(Base):
    """An appointment with a customer; one calendar entry for all that becomes of it."""

    __tablename__ = "meeting"
    id: Mapped[str] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)  # the calendar's: never another (RFC 5545)
    reference: Mapped[str | None] = mapped_column(index=True)  # as the meetings' system calls it
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_id: Mapped[str | None] = mapped_column(index=True)
    follow_up: Mapped[str | None] = mapped_column(index=True)
    state: Mapped[str]  # scheduled, held, missed, cancelled
    starts_at: Mapped[datetime]
    minutes: Mapped[int] = mapped_column(default=60)
    sequence: Mapped[int] = mapped_column(default=0)  # how often it was changed (RFC 5545)
    url: Mapped[str | None] = mapped_column(Text)  # where it is joined
    title: Mapped[str | None]
    organiser: Mapped[str | None]  # the e-mail address of the colleague who holds it
    told_at: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Establishment(Base):
    """A customer set up in one of the house's systems, once under its key (S4 step 2)."""

    __tablename__ = "establishment"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_id: Mapped[str | None] = mapped_column(index=True)
    follow_up: Mapped[str | None]
    system: Mapped[str]
    state: Mapped[str]  # asked, done, by_person
    reason: Mapped[str | None]
    reference: Mapped[str | None]  # what the system calls them
    by: Mapped[str | None]  # who, if it was a person
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    deadline: Mapped[datetime | None]  # real time: until when an attempt may be asking


class PrivacyRequest(Base):
    """What a customer asks about their data, with its month's clock (GDPR, articles 12 to 22)."""

    __tablename__ = "privacy_request"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    kind: Mapped[str]  # access, erase, rectify, object, restrict
    state: Mapped[str] = mapped_column(default="open", index=True)  # open, granted, refused…
    received_at: Mapped[datetime]
    due_at: Mapped[datetime]
    extended_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    channel: Mapped[str | None]
    by: Mapped[str | None]


class Engagement(Base):
    __tablename__ = "engagement"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    kind: Mapped[str]  # login, feature_used, content_viewed
    at: Mapped[datetime] = mapped_column(index=True)
    source: Mapped[str | None]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)


# -- follow-ups -----------------------------------------------------------------------


class Enrolment(Base):
    """One customer's way through one SOP; the row decides whether it starts."""

    __tablename__ = "enrolment"
    __table_args__ = (
        UniqueConstraint("sop", "subject"),
        Index("ix_enrolment_newest", "started_at", "id"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)  # the workflow's: <sop>.<subject>
    sop: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str]
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    order_id: Mapped[str | None] = mapped_column(index=True)
    contract_id: Mapped[str | None] = mapped_column(index=True)
    sop_version: Mapped[str]
    state: Mapped[str] = mapped_column(default="running", index=True)
    input: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the workflow's, as started
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str | None]


class Milestone(Base):
    """A clause of a follow-up's checklist: when it is due, what became of it, how late."""

    __tablename__ = "milestone"
    follow_up: Mapped[str] = mapped_column(ForeignKey("enrolment.id"), primary_key=True)
    clause: Mapped[str] = mapped_column(primary_key=True)
    about: Mapped[str] = mapped_column(primary_key=True, default="")
    state: Mapped[str]
    reason: Mapped[str | None]
    due_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    late_by_seconds: Mapped[int] = mapped_column(default=0)
    message_key: Mapped[str | None]
    task_id: Mapped[str | None]
    updated_at: Mapped[datetime]


class Decision(Base):
    """Why something was done or not, with the facts it was decided by. Never changed."""

    __tablename__ = "decision"
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    customer_id: Mapped[str] = mapped_column(index=True)
    follow_up: Mapped[str | None] = mapped_column(index=True)
    clause: Mapped[str | None]
    key: Mapped[str | None] = mapped_column(index=True)
    outcome: Mapped[str]
    reason: Mapped[str | None]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Hold(Base):
    """What keeps messages back: of a customer, or of one follow-up, until it is released."""

    __tablename__ = "hold"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    follow_up: Mapped[str | None]  # none: all of the customer's
    kind: Mapped[str]  # complaint, manual
    reason: Mapped[str | None] = mapped_column(Text)
    by: Mapped[str | None]
    at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    released_by: Mapped[str | None]


class Stop(Base):
    """The stop button: nothing that matches goes out until it is lifted; none given: nothing."""

    __tablename__ = "stop"
    id: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str | None]
    sop: Mapped[str | None]
    template: Mapped[str | None]
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str | None]
    at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None]


# -- what was said, by whom -------------------------------------------------------------


class Message(Base):
    """The ledger: one row a key, so that a message goes once. It is the CRM's note of it, too.

    reserved → sending → sent → delivered | bounced; or refused, unknown, covered. While `sending`,
    the attempt that holds the row may send until its deadline, which is real time.
    """

    __tablename__ = "message"
    __table_args__ = (Index("ix_message_newest", "created_at", "id"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    follow_up: Mapped[str] = mapped_column(index=True)
    sop: Mapped[str]
    clause: Mapped[str | None]
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    order_id: Mapped[str | None]
    template: Mapped[str]
    kind: Mapped[str]
    topic: Mapped[str | None]
    channel: Mapped[str | None]
    address: Mapped[str | None] = mapped_column(index=True)
    via: Mapped[str | None]  # the provider that the attempt was made with
    tried: Mapped[list[Any]] = mapped_column(default=list)  # channels it was refused on, and why
    state: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str | None]
    locale: Mapped[str | None]
    subject: Mapped[str | None] = mapped_column(Text)
    body_text: Mapped[str | None] = mapped_column(Text)
    body_html: Mapped[str | None] = mapped_column(Text)
    sender: Mapped[str | None]
    draft_id: Mapped[str | None]  # what a person wrote; none: it went by itself
    asks: Mapped[str | None]
    covered_by: Mapped[str | None]
    created_at: Mapped[datetime]
    slot_at: Mapped[datetime | None]  # the moment promised to this key while it is deferred
    deferrals: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    turn_at: Mapped[datetime | None]  # real time: when the provider's rate lets it go
    begun_at: Mapped[datetime | None]  # real time: since when this provider may have it
    deadline: Mapped[datetime | None]  # real time
    looked_at: Mapped[datetime | None]  # real time: the provider was asked, and knew nothing of it
    sent_at: Mapped[datetime | None]
    provider_id: Mapped[str | None] = mapped_column(index=True)
    meeting_id: Mapped[str | None]
    attachments: Mapped[list[Any]] = mapped_column(default=list)  # {name, type, text}


class Provider(Base):
    """How a provider has been of late: its rate, and whether it is left in peace. Real time."""

    __tablename__ = "provider"
    name: Mapped[str] = mapped_column(primary_key=True)
    turn_at: Mapped[datetime | None]  # the next turn that its rate has free,
    urgent_at: Mapped[datetime | None]  # and the next for what customers are waiting for
    failures: Mapped[int] = mapped_column(default=0)  # since it last answered
    fault: Mapped[str | None]  # a code: the last failure
    failing_since: Mapped[datetime | None]
    open_until: Mapped[datetime | None]  # nobody asks it before


class Outbox(Base):
    """What the outbox channel accepted, as a provider would: readable, sent to nobody."""

    __tablename__ = "outbox"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(index=True)  # not unique, on purpose: a double must show
    channel: Mapped[str]
    address: Mapped[str]
    subject: Mapped[str | None] = mapped_column(Text)
    body_text: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str | None] = mapped_column(Text)
    attachments: Mapped[list[Any]] = mapped_column(default=list)
    accepted_at: Mapped[datetime]


class MessageEvent(Base):
    """What a provider, or a link in it, tells of a message of ours after it went. Never changed.

    Only some of it proves anything: machines open mail and follow links, too.
    """

    __tablename__ = "message_event"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # the teller's own id of it
    message_id: Mapped[str] = mapped_column(index=True)
    customer_id: Mapped[str] = mapped_column(index=True)
    what: Mapped[str]  # delivered, deferred, bounced, dropped, complained, opened, clicked…
    at: Mapped[datetime] = mapped_column(index=True)
    source: Mapped[str]
    reason: Mapped[str | None]  # a code
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    recorded_at: Mapped[datetime]


class Mirror(Base):
    """A row of ours that a system outside is to have, too: told in order, until it has it.

    The transaction that changes the row marks it here, so that no outage over there delays
    anything here, and nothing is forgotten.
    """

    __tablename__ = "mirror"
    __table_args__ = (
        UniqueConstraint("system", "kind", "ref"),
        Index("ix_mirror_untold", "system", "told_at", "changed_at"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    system: Mapped[str]  # salesforce, zoom
    kind: Mapped[str]  # contact, message, note, task, meeting
    ref: Mapped[str]  # the row's id
    customer_id: Mapped[str | None] = mapped_column(index=True)
    changed_at: Mapped[datetime]
    number: Mapped[int] = mapped_column(default=0)  # counts the changes, so that none is missed
    told_at: Mapped[datetime | None]
    external_id: Mapped[str | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    turn_at: Mapped[datetime | None]  # real time: it is not tried again before
    error: Mapped[str | None]  # a code
    said: Mapped[list[Any] | None]  # what it was asked for last, and when, in real time


class Note(Base):
    """A line of the customer's history that is not a message of ours: a reply, a call, a remark."""

    __tablename__ = "note"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    follow_up: Mapped[str | None]
    clause: Mapped[str | None]
    at: Mapped[datetime]
    direction: Mapped[str]  # in, out, internal
    method: Mapped[str]  # email, sms, phone, letter, chat, form, system
    summary: Mapped[str] = mapped_column(Text)
    feedback: Mapped[str | None] = mapped_column(Text)
    actions: Mapped[str | None] = mapped_column(Text)
    message_key: Mapped[str | None]  # the message it answers
    by: Mapped[str | None]


class Case(Base):
    """A complaint or an inquiry, with its clock."""

    __tablename__ = "cases"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    order_id: Mapped[str | None]
    kind: Mapped[str]  # complaint, inquiry
    type: Mapped[str | None]  # what it is about: delivery, product, billing…
    severity: Mapped[str | None]
    follow_up: Mapped[str | None]  # whose message it answers
    state: Mapped[str] = mapped_column(default="open", index=True)  # open, resolved, closed
    opened_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]  # by a person, for the first time
    answered_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]  # put right, as we think; none while it is open
    resolution: Mapped[str | None] = mapped_column(Text)
    root_cause: Mapped[str | None]
    reopened: Mapped[int] = mapped_column(default=0)  # how often the customer was not satisfied
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]  # yes, no_answer, decided, answered, not_needed


class Feedback(Base):
    """What a customer said they think, in numbers; the words stand in the note."""

    __tablename__ = "feedback"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    order_id: Mapped[str | None] = mapped_column(index=True)
    follow_up: Mapped[str | None]
    clause: Mapped[str | None]
    message_key: Mapped[str | None]  # the message that asked
    case_id: Mapped[str | None]  # the case it is about, or that it opened
    at: Mapped[datetime] = mapped_column(index=True)
    source: Mapped[str]  # form, reply, call, staff, or a system's name
    product: Mapped[float | None]  # 0 to 100, as all scores are
    overall: Mapped[float | None]
    satisfied: Mapped[bool | None]
    category: Mapped[str | None]
    note_id: Mapped[str | None]
    actions: Mapped[str | None] = mapped_column(Text)
    by: Mapped[str | None]
    type: Mapped[str | None]  # by the house's taxonomy: product, service, experience…
    urgency: Mapped[str | None]
    potential: Mapped[str | None]  # for escalation: none, possible, likely
    classified_at: Mapped[datetime | None]
    classified_by: Mapped[str | None]


class Task(Base):
    __tablename__ = "task"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    customer_id: Mapped[str | None] = mapped_column(index=True)
    follow_up: Mapped[str | None] = mapped_column(index=True)
    clause: Mapped[str | None]
    about: Mapped[str] = mapped_column(default="")
    role: Mapped[str] = mapped_column(index=True)
    copy_to: Mapped[str | None]
    assignee: Mapped[str | None]
    priority: Mapped[int] = mapped_column(default=3)  # 1 first
    title: Mapped[str]
    template: Mapped[str | None]
    mode: Mapped[str] = mapped_column(default="each")
    state: Mapped[str] = mapped_column(index=True)  # open, done, declined, released, withdrawn
    reason: Mapped[str | None]
    due_at: Mapped[datetime]
    brief: Mapped[dict[str, Any]] = mapped_column(default=dict)
    outcome: Mapped[dict[str, Any] | None]
    worth: Mapped[float] = mapped_column(default=0)  # whom capacity serves first
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    escalated_to: Mapped[str | None]
    form: Mapped[str] = mapped_column(default="free")
    case_id: Mapped[str | None] = mapped_column(index=True)
    order_id: Mapped[str | None]
    asks: Mapped[str | None]  # what the customer is asked in it
    urgent: Mapped[bool] = mapped_column(default=False)
    snoozed_until: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    rung: Mapped[int] = mapped_column(default=0)  # how far up it has gone
    contract_id: Mapped[str | None]
    meeting_id: Mapped[str | None]
    feedback_id: Mapped[str | None] = mapped_column(index=True)


class Notice(Base):
    """What a colleague is yet to be told of a task, or was; an hour's together in one e-mail."""

    __tablename__ = "notice"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    task_id: Mapped[str] = mapped_column(ForeignKey("task.id"), index=True)
    what: Mapped[str]  # new, reminder, overdue, escalated, reassigned
    address: Mapped[str] = mapped_column(index=True)
    urgent: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime]
    sent_at: Mapped[datetime | None] = mapped_column(index=True)


class Draft(Base):
    """A message as a person means to send it, in Markdown under its subject."""

    __tablename__ = "draft"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    task_id: Mapped[str | None] = mapped_column(index=True)
    template: Mapped[str | None]
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    edited: Mapped[bool] = mapped_column(default=False)
    by: Mapped[str | None]
    created_at: Mapped[datetime]


# -- what comes in, and what Temporal is yet to be told ------------------------------------


class Inbox(Base):
    """An event as it came, under its sender's own id; it is carried out from here."""

    __tablename__ = "inbox"
    __table_args__ = (UniqueConstraint("source", "event_id"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    event_id: Mapped[str]
    type: Mapped[str]
    raw: Mapped[str] = mapped_column(Text)
    digest: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)  # stored, parked, done, failed
    customer_id: Mapped[str | None] = mapped_column(index=True)  # once it is known who is meant
    waits_for: Mapped[str | None] = mapped_column(index=True)  # the unknown it is parked for
    effects: Mapped[list[Any]] = mapped_column(default=list)
    error: Mapped[str | None]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime | None]
    body: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)  # of a delivery, as sent
    parent_id: Mapped[str | None] = mapped_column(index=True)  # the delivery that it came in
    attempts: Mapped[int] = mapped_column(default=0)  # at reading a delivery
    turn_at: Mapped[datetime | None]  # real time: it is not tried again before


class Enclosure(Base):
    """A file that came with what a customer wrote; staff may fetch it, nothing opens it."""

    __tablename__ = "enclosure"
    id: Mapped[str] = mapped_column(primary_key=True)
    inbox_id: Mapped[str] = mapped_column(index=True)  # the event it came with
    note_id: Mapped[str | None] = mapped_column(index=True)  # once it is known who wrote
    customer_id: Mapped[str | None] = mapped_column(index=True)
    name: Mapped[str]
    type: Mapped[str]  # as the sender says, which proves nothing
    size: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    received_at: Mapped[datetime]


class Telling(Base):
    """What Temporal is to be told, told in order per workflow until it has heard."""

    __tablename__ = "telling"
    __table_args__ = (Index("ix_telling_untold", "told_at", "seq"),)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    workflow_id: Mapped[str] = mapped_column(index=True)
    verb: Mapped[str]  # start, signal
    name: Mapped[str]  # the workflow's type, or the signal's
    body: Mapped[dict[str, Any]] = mapped_column(default=dict)
    inbox_id: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]  # real time: who tells it now
    attempts: Mapped[int] = mapped_column(default=0)
    result: Mapped[str | None]


# -- how the house is run --------------------------------------------------------------------


class PolicyVersion(Base):
    """A version of an SOP's policy or of the house rules; the newest approved one is in force."""

    __tablename__ = "policy"
    __table_args__ = (UniqueConstraint("name", "version"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]
    body: Mapped[dict[str, Any]]  # only what differs from the default
    by: Mapped[str | None]
    reason: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]
    approved_by: Mapped[str | None]
    moved_at: Mapped[datetime | None]  # when those in flight were told to follow it, too


class Setting(Base):
    """What this data directory remembers: its pace, which SOPs are on."""

    __tablename__ = "setting"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]


class ApiKey(Base):
    __tablename__ = "api_key"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class Idempotency(Base):
    """The first answer to an `Idempotency-Key`, given again for 24 hours."""

    __tablename__ = "idempotency"
    api_key_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    status: Mapped[int | None]
    body: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]


class Audit(Base):
    """Who did what to whom, and why. Never changed."""

    __tablename__ = "audit"
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    who: Mapped[str]
    what: Mapped[str]
    target: Mapped[str | None] = mapped_column(index=True)
    reason: Mapped[str | None] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)


# -- who may look in -----------------------------------------------------------------------------
# All of it in real time, whatever the pace.


class Staff(Base):
    """Somebody of ours with an account on the console."""

    __tablename__ = "staff"
    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(unique=True)  # normalised; none: the first is to say
    role: Mapped[str]
    name: Mapped[str | None]  # as customers read it, and hear it on the telephone
    deputy: Mapped[str | None]  # the e-mail address of whoever stands in
    away_until: Mapped[datetime | None]
    capacity: Mapped[int | None]  # tasks that contact a customer, in a day; none: no limit
    password: Mapped[str | None] = mapped_column(Text)  # argon2id; none until it was set
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]  # when they last logged in
    disabled_at: Mapped[datetime | None]


class StaffLink(Base):
    """A set-up link, good for one password; it is gone once used."""

    __tablename__ = "staff_link"
    hash: Mapped[str] = mapped_column(primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)
    expires_at: Mapped[datetime]


class StaffSession(Base):
    """A browser that is logged in; it is gone once that ends."""

    __tablename__ = "staff_session"
    hash: Mapped[str] = mapped_column(primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)
    begun_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class LoginTry(Base):
    """A password that was tried and did not fit, by a hash of the account and of the address."""

    __tablename__ = "login_try"
    __table_args__ = (Index("ix_login_try_of", "of", "at"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    of: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
