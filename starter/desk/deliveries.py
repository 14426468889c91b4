"""What other systems deliver: kept before it is answered, read at once or when its turn comes."""

from __future__ import annotations

from sqlalchemy import select

from activities.crm import inbox
from activities.crm.store import lock_customer
from activities.crm.tables import Message, MessageEvent, new_id
from starter.answers import Receipt
from starter.desk.base import AT_ONCE, DeskBase
from starter.intake import deliveries
from starter.senders import Delivery, Sender


class Deliveries(DeskBase):
    """The webhooks' part of the desk."""

    async def keep(self, sender: Sender, delivery: Delivery) -> str:
        """Keep what was delivered, once under its sender's id of it: the id of its row."""
        row = deliveries.row_for(sender, delivery, self.clock.now())
        return (await inbox.keep(self.store, row)).id

    async def read_delivery(self, row_id: str) -> Receipt:
        """Read it and carry out what it comes to, if that was not done; what came of it."""
        for event in await self.intake.read_delivery(row_id):
            await self.relay.hurry(event, AT_ONCE)
        return await self.became(row_id)

    async def clicked(self, message_id: str, link: str) -> None:
        """A link in a message of ours was followed: written down the first time, and no more."""
        now, key = self.clock.now(), f"{message_id}/clicked/{link}"
        async with self.store.transaction() as session:
            message = await session.get(Message, message_id)
            if message is None:
                return
            customer = await lock_customer(session, message.customer_id)
            known = select(MessageEvent.id).where(MessageEvent.key == key)
            erased = customer is None or customer.erased_at is not None
            if erased or (await session.execute(known)).first():
                return
            session.add(
                MessageEvent(
                    id=new_id("me"),
                    key=key,
                    message_id=message.id,
                    customer_id=message.customer_id,
                    what="clicked",
                    at=now,
                    source="link",
                    data={"link": link},
                    recorded_at=now,
                )
            )
