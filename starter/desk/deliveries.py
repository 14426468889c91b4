"""What other systems deliver: kept before it is answered, read at once or when its turn comes."""

from __future__ import annotations

from activities.crm import inbox
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
