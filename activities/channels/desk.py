"""Letters and phone calls: a person carries them, so that handing one in makes a task."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.calendar import office_due
from activities.channels import Accepted, Parcel
from activities.channels.ours import OwnChannel
from activities.clock import Clock
from activities.crm import tasks
from activities.crm.house import house_rules
from activities.crm.store import Store
from activities.crm.tables import Customer, Message, Task
from workflows import vocabulary as v
from workflows.vocabulary import Form, Role

WHO = {
    "letter": (Role.COMMUNICATIONS, "Print, sign and post the letter in the brief", Form.FREE),
    "call": (Role.CSR, "Call the customer and say what stands in the brief", Form.CALL),
}


class DeskChannel(OwnChannel):
    """Serves letters and calls, by name."""

    provider = "desk"

    def __init__(self, store: Store, clock: Clock, name: str) -> None:
        super().__init__(store, clock, name)
        self._role, self._title, self._form = WHO[name]

    async def send(self, parcel: Parcel) -> Accepted:
        async with self._store.transaction() as session:
            known = await tasks.find(session, self._key(parcel))
            row = known or await self._put(session, parcel)
        return Accepted(row.id)

    async def look_up(self, parcel: Parcel, since: datetime) -> tuple[str, ...]:
        async with self._store.transaction() as session:
            row = await tasks.find(session, self._key(parcel))
        return (row.id,) if row else ()

    async def _put(self, session: AsyncSession, parcel: Parcel) -> Task:
        """The task, with the words that are to be said; about nobody if it is a trial."""
        query = select(Message).where(Message.key == parcel.key)
        message = (await session.execute(query)).scalar_one_or_none()
        customer = await session.get(Customer, message.customer_id) if message else None
        step = v.Task(
            key=self._key(parcel),
            customer_id=customer.id if customer else "",
            role=self._role,
            what=self._title,
            form=self._form,
            **_whose(message),
        )
        now, rules = self._clock.now(), await house_rules(session)
        office = rules.office(customer.country if customer else None)
        due = office_due(now, step.within, office)
        row = await tasks.put(session, now, step, customer, due=due)
        said = {"to": parcel.to, "subject": parcel.subject, "text": parcel.text}
        whence = {"message": message.key, "template": message.template} if message else {}
        row.brief = row.brief | said | whence | {"channel": self.name}
        return row

    def _key(self, parcel: Parcel) -> str:
        return f"{parcel.key}/{self.name}"


def _whose(message: Message | None) -> dict[str, Any]:
    """The step whose message it carries, so that it hears how that went."""
    if message is None:
        return {}
    return {
        "follow_up": message.follow_up,
        "clause": message.clause or "",
        "order_id": message.order_id or "",
        "asks": message.asks or "",
    }
