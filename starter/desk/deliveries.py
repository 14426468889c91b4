"""What other systems deliver: kept before it is answered, read at once or when its turn comes; and
what came in, tried again, or given to whom it is from."""

from __future__ import annotations

import json

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import customers, inbox, people
from activities.crm.tables import Inbox
from starter.answers import Effect, Receipt, Refusal
from starter.desk.base import DeskBase, audit, needs_reason
from starter.intake import TOGETHER, deliveries
from starter.senders import Delivery, Sender
from starter.senders.registry import SENDERS


class Deliveries(DeskBase):
    """The webhooks' part of the desk, and the inbox as colleagues see to it."""

    async def keep(self, sender: Sender, delivery: Delivery) -> str:
        """Keep what was delivered, once under its sender's id of it: the id of its row."""
        row = deliveries.row_for(sender, delivery, self.clock.now())
        return (await inbox.keep(self.store, row)).id

    async def read_delivery(self, row_id: str) -> Receipt:
        """Read it and carry out what it comes to, if that was not done; what came of it."""
        events = await self.intake.deliveries.read(row_id)
        for start in range(0, len(events), TOGETHER):
            some = events[start : start + TOGETHER]
            taken = await self.intake.carry_out_together(some, self.relay.claim())
            await self.relay.hurry(*taken.others, written=taken.written)
        return await self.became(row_id)

    async def replay(self, event: str, *, reason: str, by: str) -> list[Receipt]:
        """Try one again: what came of it, and of each event in it.

        What failed is carried out as if it had come just now. A delivery is read anew, and its
        events keep their ids: what was done before is not done twice.
        """
        needs_reason(reason)
        async with self.store.transaction() as session:
            row = await _named(session, event)
            was, readable = row.state, await _readable(session, row)
            again = readable or row.state != inbox.DONE
            query = select(Inbox.id).where(Inbox.parent_id == row.id, Inbox.state == inbox.DONE)
            done = set((await session.execute(query)).scalars())
            if again:
                if row.type.startswith(inbox.HOOKS) and not readable:
                    words = "what was delivered is not kept any more, or has no door of ours"
                    raise Refusal("unreadable", words, status=409)
                inbox.again(row)
            now = self.clock.now()
            audit(session, now, by=by, what="inbox.replay", target=row.id, reason=reason, was=was)
        if not again:
            return [Receipt(row.event_id, [Effect(None, "already")], customer=row.customer_id)]
        if not readable:
            await self._carry_out_again(row.id)
            return [await self.became(row.id)]
        await self.read_delivery(row.id)
        return await self._came_of(row.id, done)

    async def give(self, event: str, customer: str, *, reason: str, by: str) -> Receipt:
        """Say whom something is from, that nobody knew: from now on it is this customer's."""
        needs_reason(reason)
        async with self.store.transaction() as session:
            row = await _named(session, event)
            if not inbox.can_be_given(row):
                words = "only what waits to be known by its sender can be given to somebody"
                raise Refusal("not_to_be_given", words, status=409)
            found = await customers.find(session, customer)
            if found is None or found.erased_at is not None:
                raise Refusal(
                    "not_found", "there is no such customer", param="customer", status=404
                )
            said = json.loads(row.raw)
            meant = {"customer": {"id": found.id}, inbox.GIVEN: said.get("customer")}
            row.raw = json.dumps(said | meant, sort_keys=True)
            inbox.again(row)
            now, target = self.clock.now(), found.id
            audit(
                session, now, by=by, what="inbox.give", target=target, reason=reason, event=row.id
            )
        await self._carry_out_again(row.id)
        return await self.became(row.id)

    # -- inside --------------------------------------------------------------------------

    async def _carry_out_again(self, row_id: str) -> None:
        await self.intake.carry_out_safely(row_id)
        await self.relay.hurry(row_id)
        await self._nobody_need_look([row_id])

    async def _came_of(self, row_id: str, done: set[str]) -> list[Receipt]:
        """Of a delivery that was read anew: of itself, and of its events, whichever time it was."""
        async with self.store.reading() as session:
            row = await session.get_one(Inbox, row_id)
        events = [said["event"] for said in row.effects if said.get("event")]
        if events:
            await self.relay.hurry(*events)
        await self._nobody_need_look([row_id, *events])
        own = await self.became(row_id)
        already = [Effect(None, "already")]
        receipts = [
            Receipt(came.event, already, customer=came.customer) if one in done else came
            for one in events
            for came in [await self.became(one)]
        ]
        rest = [effect for effect in own.effects if effect.effect != "recorded"]
        return receipts + ([Receipt(own.event, rest)] if rest or not receipts else [])

    async def _nobody_need_look(self, ids: list[str]) -> None:
        """Nobody need look into what went well in the end."""
        async with self.store.transaction() as session:
            query = select(Inbox.id).where(Inbox.id.in_(ids), Inbox.state == inbox.DONE)
            for id_ in (await session.execute(query)).scalars():
                for what in ("failed", "waits"):
                    await people.settle(session, self.clock.now(), f"{id_}/{what}", "replayed")


async def _named(session: AsyncSession, event: str) -> Inbox:
    """The one that is meant, locked."""
    found = await inbox.called(session, event)
    if not found:
        raise Refusal("not_found", "nothing came in under this id", param="id", status=404)
    if len(found) > 1:
        ids = ", ".join(f"{id_} ({source})" for id_, source in found)
        words = f"several senders have this id: name it by ours: {ids}"
        raise Refusal("ambiguous", words, param="id", status=409)
    return await inbox.take(session, found[0][0])


async def _readable(session: AsyncSession, row: Inbox) -> bool:
    """Whether it is a delivery whose body is kept, and which a door of ours can read."""
    query = select(Inbox.id).where(Inbox.id == row.id, Inbox.body.is_not(None))
    kept = (await session.execute(query)).first() is not None
    return kept and row.type.removeprefix(inbox.HOOKS) in SENDERS
