"""One event while it is carried out: whom it is about, what it says, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import enrolments, inbox, people
from activities.crm.tables import Contract, Customer, Enrolment, Inbox, Order
from starter.answers import Effect
from starter.catalogue import Catalogue
from starter.intake.events import Command, Data, Event
from workflows.sops import SERVICES
from workflows.vocabulary import Heard, Pace

KEEP_IN_TOUCH = "keep-in-touch"
# What a case, or a colleague's letter, is told: what comes of an order is none of their business.
CASES_HEAR = frozenset(
    """responded inquiry inquiry_answered feedback written complaint complaint_updated
    complaint_resolved opted_out interaction end""".split()
)


@dataclass
class Handling:
    session: AsyncSession
    now: datetime
    pace: Pace
    catalogue: Catalogue
    row: Inbox
    event: Event
    data: Data
    customer: Customer
    order: Order | None = None
    contract: Contract | None = None
    is_new: bool = False  # nobody has known the customer until now
    effects: list[Effect] = field(default_factory=list)
    early: list[Heard] = field(default_factory=list)  # for a follow-up that has not begun
    wakes: list[str] = field(default_factory=list)  # what is known now, and was not before
    ran: list[Enrolment] | None = None  # once it was asked

    @property
    def at(self) -> datetime:
        return self.row.occurred_at

    @property
    def meant(self) -> str | None:
        """The one follow-up that a signal was meant for."""
        return self.event.follow_up if isinstance(self.event, Command) else None

    @property
    def is_imported(self) -> bool:
        return self.row.source == inbox.IMPORT

    @property
    def begins(self) -> bool:
        """Whether all of an import is on record, so that this may start what it starts."""
        return isinstance(self.event, Command) and self.event.begins

    def is_old_news(self) -> bool:
        """Whether it is older than the service, or was imported: it is on record, and nobody is
        called. A complaint that the imported file leaves open, somebody still has to see to."""
        if self.is_imported:
            settled = isinstance(self.event, Command) and self.event.settled
            return settled or self.event.type != "complaint.opened"
        return self.is_before_go_live()

    def is_before_go_live(self) -> bool:
        """Whether it is older than the service: then it is recorded, and begins nothing."""
        go_live = self.catalogue.settings.go_live
        return go_live is not None and self.at.date() < go_live

    def note(self, effect: str, follow_up: str | None = None, reason: str | None = None) -> None:
        came = Effect(follow_up, effect, reason)
        if came not in self.effects:  # told two things, it still was told
            self.effects.append(came)

    async def tell(
        self,
        name: str,
        body: dict[str, Any] | None = None,
        *,
        everybody: bool = False,
        also: str = "",
        but: str = "",
    ) -> None:
        """Signal the customer's follow-ups that run; until an SOP's does, it waits for one as well.

        What was meant for one that has ended goes to keep-in-touch, else to a person. `also` hears
        it in any case, `but` in none.
        """
        running = [row for row in await self.running() if row.id != but and minds(row.sop, name)]
        running = [row for row in running if not self._was_before(row, name)]
        if self.meant and not everybody:
            exact = [row for row in running if row.id == self.meant]
            exact = exact or [row for row in running if row.sop == KEEP_IN_TOUCH]
            running = [*exact, *(r for r in running if r.id == also and r not in exact)]
            if not running and not but:
                await self._call_somebody(name)
                return
        for follow_up in running:
            self.signal(follow_up, name, body)
        if not self.meant and not any(row.sop not in SERVICES for row in running):
            inbox.wait_for(self.row, [starting(self.customer.id)], self.now)
            self.early.append(Heard(name=name, event=self._said(body or {})))
        if not self.effects:
            self.note("recorded")

    def _was_before(self, row: Enrolment, name: str) -> bool:
        """Whether an import tells of what would be answered, and was before this one began."""
        if not self.is_imported or name not in ANSWERED:
            return False
        began = row.input.get("purchased_at")
        return self.at < (datetime.fromisoformat(began) if began else row.started_at)

    async def running(self) -> list[Enrolment]:
        """The customer's follow-ups that run, cases and letters of colleagues with them."""
        if self.ran is None:
            known = not self.is_new
            self.ran = await enrolments.open_of(self.session, self.customer.id) if known else []
        begun = [one for one in enrolments.begun(self.session) if one not in self.ran]
        mine = [*self.ran, *(one for one in begun if one.customer_id == self.customer.id)]
        return sorted(mine, key=lambda one: (one.started_at, one.id))

    def signal(self, follow_up: Enrolment, name: str, body: dict[str, Any] | None = None) -> None:
        enrolments.tell(
            self.session,
            self.now,
            follow_up.id,
            name=name,
            body=self._said(body or {}),
            inbox_id=self.row.id,
        )
        self.note("signalled", follow_up.id)

    def _said(self, body: dict[str, Any]) -> dict[str, Any]:
        """Ids and instants only: what somebody wrote stays in the CRM."""
        return {"id": self.row.id, "at": self.at.isoformat(), **body}

    async def _call_somebody(self, name: str) -> None:
        await people.call(
            self.session,
            self.now,
            key=f"{self.row.id}/late",
            title=f"Look into it: `{name}` came after {self.meant} had ended",
            customer_id=self.customer.id,
            follow_up=self.meant,
            brief={"event": self.row.id, "signal": name},
        )
        self.note("recorded", self.meant, "ended_a_person_is_told")


def minds(sop: str, name: str) -> bool:
    """Whether follow-ups of this sort are told of such a thing."""
    return sop == KEEP_IN_TOUCH or sop not in SERVICES or name in CASES_HEAR


def starting(customer_id: str) -> str:
    """What an event waits for that came before the customer's first follow-up."""
    return f"start:{customer_id}"


ANSWERED = ("common_issue", "low_engagement", "feedback")  # by a message, as soon as it is heard
SIGNALS = {  # what follow-ups are told of an event
    "order.confirmed": "order_placed",
    "order.paid": "order_placed",
    "order.shipped": "order_shipped",
    "order.ready_for_pickup": "order_ready",
    "order.picked_up": "order_picked_up",
    "order.delivered": "order_delivered",
    "order.cancelled": "order_cancelled",
    "order.refunded": "order_refunded",
    "order.returned": "order_returned",
    "account.provisioned": "account_provisioned",
    "meeting.scheduled": "meeting_scheduled",
    "meeting.moved": "meeting_moved",
    "meeting.held": "meeting_held",
    "meeting.missed": "meeting_missed",
    "meeting.cancelled": "meeting_cancelled",
    "engagement.low": "low_engagement",
    "issue.detected": "common_issue",
    "reply.received": "responded",
    "inquiry.received": "inquiry",
    "inquiry.answered": "inquiry_answered",
    "complaint.opened": "complaint",
    "complaint.updated": "complaint_updated",
    "complaint.resolved": "complaint_resolved",
    "feedback.received": "feedback",
    "consent.changed": "opted_out",
    "interaction.logged": "interaction",
    "message.sent_elsewhere": "done_elsewhere",
}
