"""Links of the house's that were followed from a message of ours: on record, and no more."""

from __future__ import annotations

from sqlalchemy import select

from activities.crm.store import lock_customer
from activities.crm.tables import Message, MessageEvent, new_id
from starter.desk.base import DeskBase

CLICKED, LINK = "clicked", "link"


class Clicks(DeskBase):
    async def clicked(self, message_id: str, link: str) -> None:
        """A link in a message of ours was followed: written down the first time it was."""
        now, key = self.clock.now(), f"{message_id}/{CLICKED}/{link}"
        known = select(MessageEvent.id).where(MessageEvent.key == key)
        async with self.store.reading() as session:  # scanners ask by the hundred: nobody waits
            if (await session.execute(known)).first():
                return
        async with self.store.transaction() as session:
            message = await session.get(Message, message_id)
            if message is None:
                return
            customer = await lock_customer(session, message.customer_id)
            erased = customer is None or customer.erased_at is not None
            if erased or (await session.execute(known)).first():
                return
            session.add(
                MessageEvent(
                    id=new_id("mev"),
                    key=key,
                    message_id=message.id,
                    customer_id=message.customer_id,
                    what=CLICKED,
                    at=now,
                    source=LINK,
                    data={"link": link},
                    recorded_at=now,
                )
            )
