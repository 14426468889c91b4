"""What the SOPs that follow up one purchase share besides its cases and feedback: its arrival.

They are told of their own order only. An order has arrived when the last of its parcels has, or it
was collected; what is digital, or a service, when access to it was given.
"""

from __future__ import annotations

from datetime import datetime

from workflows import events
from workflows.facts import WentBack
from workflows.listening import Listening
from workflows.vocabulary import Enrolment, Fulfilment, PolicyT

AT_ONCE = (Fulfilment.DIGITAL, Fulfilment.SERVICE)  # nothing is on its way to the customer


class Purchase(Listening[PolicyT]):
    """One purchase's follow-up."""

    def __init__(self, enrolment: Enrolment[PolicyT]) -> None:
        super().__init__(enrolment)
        self.confirmed: datetime = enrolment.confirmed_at or enrolment.purchased_at
        self.seen: datetime | None = None  # when a colleague found out that it had arrived
        self.beside: dict[str, None] = {}  # the SOPs that began after this one

    # -- its arrival -----------------------------------------------------------------------

    @property
    def at_once(self) -> bool:
        return self.enrolment.fulfilment in AT_ONCE

    def arrived_at(self) -> datetime | None:
        """When it had reached them, as far as anybody knows."""
        heard = self.facts.delivered_at(self.order_id) or self.enrolment.delivered_at or self.seen
        access = self.facts.provisioned_at(self.order_id) if self.at_once else None
        return heard or access

    def has_arrived(self) -> bool:
        return self.arrived_at() is not None

    @property
    def went_back(self) -> WentBack:
        return WentBack(self.facts, self.order_id)

    def runs_beside(self, sop: str) -> bool:
        """Whether it follows up the same purchase: a sale may be closed before its order is
        placed."""
        return sop in self.enrolment.others or sop in self.beside

    async def count_from(self, moment: datetime) -> None:
        """Whatever was heard first: the order was confirmed when it was."""
        if moment < self.confirmed:
            self.confirmed = moment
            self.enrolment = self.enrolment.model_copy(update={"purchased_at": moment})
            self.moved += 1

    async def on_event(self, name: str, event: events.Event) -> None:
        match event:
            case events.Order(order_id=order) if self.is_mine(order):
                self.beside |= dict.fromkeys(event.others)
                await self.on_order(name, event)
            case _:
                await super().on_event(name, event)

    async def on_order(self, name: str, order: events.Order) -> None: ...
