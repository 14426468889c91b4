"""The desk: everything that comes in from outside, and every command of staff, goes through here.

Rows first, Temporal afterwards: what was acknowledged stands in the database, and is told to
Temporal again and again until it has heard (`relay.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from activities.crm import enrolments, inbox, people
from activities.crm.tables import Inbox, new_id
from starter.answers import Effect, Problem, Receipt, Refusal
from starter.catalogue import checked
from starter.desk import signals as signalling
from starter.desk.asking import Asking
from starter.desk.base import audit, came_of, needs_reason, whom
from starter.desk.clicks import Clicks
from starter.desk.commands import Commands, Verb
from starter.desk.deliveries import Deliveries
from starter.desk.doors import Doors
from starter.desk.messages import Messages
from starter.desk.mirrors import Mirroring
from starter.desk.opinions import Opinions, as_told
from starter.desk.policies import Policies
from starter.desk.privacy import Privacy
from starter.intake import TOGETHER, New
from starter.intake.events import Command, Event, read_event
from starter.intake.handling import minds
from starter.relay import AwayError

__all__ = ["Desk", "Effect", "Problem", "Receipt", "Refusal", "Verb", "needs_reason"]

STAFF = "staff"  # the inbox's source for what is said through the desk itself
LOOK = 0.5  # real seconds between two looks at the tables
EAGER = timedelta(hours=2)  # policy time that may pass between two looks, in a demonstration
SETTLING = timedelta(seconds=5)  # real time that another process may take to carry out its own
HOUSEKEEPING = 600.0  # real seconds
TURN = 1.0  # real seconds that reading may take before Temporal is told of what was read


class Desk(
    Commands, Asking, Messages, Opinions, Policies, Privacy, Deliveries, Clicks, Doors, Mirroring
):
    """What is accepted is kept; each method raises `Refusal` for what cannot be done as asked."""

    # -- what comes in ------------------------------------------------------------------

    async def receive(self, source: str, event: dict[str, Any]) -> Receipt:
        """Check an event strictly, store it, carry it out, and tell Temporal; once per id.

        The same id from the same source again gets the first answer, even with another body: a
        sender that repeats itself wants to hear that it was heard.
        """
        if (first := await self._first(source, event)) is not None:
            return await self._carried_out(first)
        return await self._receive(source, event, read_event(event))

    async def receive_all(
        self, source: str, events: Sequence[dict[str, Any]]
    ) -> list[Receipt | Refusal]:
        """Several, one after the other, some of them in one transaction, and told together."""
        names = [_id_of(event) or "" for event in events]
        async with self.store.reading() as session:
            known = await inbox.all_known(session, source, list(filter(None, names)))
        new: dict[str, New] = {}
        refused: dict[int, Refusal] = {}
        for number, event in enumerate(events):
            try:
                if (id_ := names[number]) not in known and id_ not in new:
                    new[id_] = await self._new(source, event, read_event(event))
            except Refusal as refusal:
                refused[number] = refusal
        came = {id_: await self._carried_out(row) for id_, row in known.items()}
        waiting = list(new.values())
        while waiting:
            receipts = await self._take_in(waiting[:TOGETHER])
            waiting = waiting[len(receipts) :]
            came |= {receipt.event: receipt for receipt in receipts}
        return [refused.get(number) or came[id_] for number, id_ in enumerate(names)]

    async def receipt(self, event_id: str) -> Receipt | None:
        """What came of an event until now."""
        async with self.store.reading() as session:
            row = await inbox.find(session, event_id)
        return await self.became(row.id) if row else None

    async def start(  # noqa: PLR0917 - the shape of the request, as the doors know it
        self,
        sop: str,
        customer: dict[str, Any],
        order: dict[str, Any] | None,
        contract: dict[str, Any] | None,
        policy: dict[str, Any] | None,
        by: str,
    ) -> tuple[str, bool, str]:
        """Start a follow-up by hand: its id, whether it is new, and the effect."""
        checked(self.catalogue.named(sop), {}, policy or {})  # by the names of this door
        said = {"customer": customer, "order": order, "contract": contract}
        event = {
            "id": new_id("req"),
            "type": "follow_up.requested",
            "data": {"sop": sop, "policy": policy or {}},
            **{name: value for name, value in said.items() if value is not None},
        }
        receipt = await self._receive(STAFF, event, read_event(event), by=by)
        effect = receipt.effects[0]
        if effect.follow_up is None:
            reason = effect.reason or effect.effect
            raise Refusal(reason, f"`{sop}` was not started: {reason}", status=409)
        return effect.follow_up, effect.effect in ("started", "queued"), effect.effect

    async def signal(self, target: str, name: str, body: dict[str, Any], by: str) -> Receipt:
        """Signal a follow-up or all of a customer's, by signal or event name.

        What a person wrote (`text`) goes to the CRM; only ids go on. To a finished follow-up it
        goes to `keep-in-touch`, else to a person.
        """
        name = signalling.canonical(name)
        if verb := signalling.CONTROLS.get(name):
            reason = body.get("reason") or body.get("text") or "signalled by hand"
            return await self.control(
                verb, target, clause=body.get("clause"), reason=str(reason), by=by
            )
        async with self.store.transaction() as session:
            customer, follow_up = await whom(session, target)
        if name == "task_done":
            return await self._task_done(follow_up.id if follow_up else customer.id, body, by)
        if name in signalling.ORDERS and not body.get("order_id"):
            return await self._tell_of_no_order(name, target, by)
        event = signalling.as_event(name, body, customer, follow_up)
        if (first := await self._first(STAFF, event)) is not None:
            return await self._carried_out(first)
        return await self._receive(STAFF, event, read_event(event, Command), by=by)

    async def add_feedback(
        self, customer: str, said: dict[str, Any], by: str, *, request: str | None = None
    ) -> Receipt:
        """What a customer told a colleague they think: feedback like any other."""
        async with self.store.transaction() as session:
            found, _ = await whom(session, customer)
        event = as_told(said, found, by, request)
        if (first := await self._first(STAFF, event)) is not None:
            return await self._carried_out(first)
        return await self._receive(STAFF, event, read_event(event), by=by)

    async def opt_out(
        self,
        customer: str,
        *,
        topic: str = "all",
        channel: str | None = None,
        reason: str | None = None,
        by: str,
    ) -> Receipt:
        """Take back a customer's consent: for all, a topic, or a channel."""
        if channel is None:
            signalling.known_topic(topic)
        body = signalling.withdrawn(topic, channel) | {"source": by[:200]}
        if reason:
            body["wording"] = reason
        return await self.signal(customer, "consent.changed", body, by)

    # -- what runs by itself --------------------------------------------------------------

    async def run(self) -> None:
        """The relay's loop, for the web process: tells, carries out, expires; until cancelled."""
        tidied = 0.0
        pause = min(LOOK, self.clock.pace.real(EAGER).total_seconds() + 0.05)
        loop = asyncio.get_running_loop()
        while True:
            settled = self.clock.now() - SETTLING * self.clock.pace.factor
            try:
                await self.intake.carry_out_stored(settled, TURN)
                if loop.time() - tidied > HOUSEKEEPING or not tidied:
                    await self.intake.expire()
                    tidied = loop.time()
                await self.relay.tell()
                await asyncio.sleep(pause)
            except AwayError:
                await asyncio.sleep(self.relay.pause())

    # -- inside --------------------------------------------------------------------------

    async def _receive(
        self, source: str, said: dict[str, Any], event: Event, *, by: str | None = None
    ) -> Receipt:
        new = await self._new(source, said, event)
        if not by:
            return (await self._take_in([new]))[0]
        now = self.clock.now()
        row = await inbox.keep(self.store, new.row(now))
        about = said.get("follow_up") or (said.get("customer") or {}).get("id")
        async with self.store.transaction() as session:
            audit(session, now, by=by, what=row.type, target=about, reason=None, event=row.id)
        return await self._carried_out(row)

    async def _new(self, source: str, said: dict[str, Any], event: Event) -> New:
        return New(source, said, event, await self.intake.check(event))

    async def _take_in(self, news: Sequence[New]) -> list[Receipt]:
        """What came of them, or of the first of them; only what the tables alone know is read."""
        taken = await self.intake.take_in(news, self.relay.claim())
        await self.relay.hurry(*taken.others, written=taken.written)
        if taken.others or taken.written is None:
            return [await self.became(row.id) for row in taken.rows]
        return [came_of(row, taken.written.untold(row.id)) for row in taken.rows]

    async def _first(self, source: str, event: object) -> Inbox | None:
        """The event that came under this id before: its answer stands, whatever comes now."""
        if (named := _id_of(event)) is None:
            return None
        async with self.store.reading() as session:
            return await inbox.known(session, source, named)

    async def _carried_out(self, row: Inbox) -> Receipt:
        if row.state == inbox.STORED:
            await self.intake.carry_out_safely(row.id)
        await self.relay.hurry(row.id)
        return await self.became(row.id)

    async def _task_done(self, target: str, body: dict[str, Any], by: str) -> Receipt:
        """`task_done`: the task that is named, else the oldest that is open."""
        outcome = {name: said for name, said in body.items() if name not in ("id", "at", "task_id")}
        async with self.store.reading() as session:
            task_id = body.get("task_id") or await people.oldest_task(session, target)
        if task_id is None:
            return Receipt(new_id("cmd"), [Effect(None, "none", "no_open_task")])
        return await self.complete_task(str(task_id), outcome, by)

    async def _tell_of_no_order(self, name: str, target: str, by: str) -> Receipt:
        """An order's signal that names no order: the follow-ups hear it, no order's row changes."""
        now, token = self.clock.now(), new_id("cmd")
        async with self.store.transaction() as session:
            customer, follow_up = await whom(session, target)
            running = await enrolments.open_of(session, customer.id)
            mine = [row for row in running if follow_up is None or row.id == follow_up.id]
            told = [row for row in mine if minds(row.sop, name)]
            body = {"id": token, "at": now.isoformat()}
            for row in told:
                enrolments.tell(session, now, row.id, name=name, body=body, inbox_id=token)
            audit(session, now, by=by, what=f"signal.{name}", target=target, reason=None)
        effects = [Effect(row.id, "signalled") for row in told]
        ended = [Effect(follow_up.id if follow_up else None, "none", "ended")]
        return await self.answer(token, token, effects or ended, customer.id)


def _id_of(event: object) -> str | None:
    """What its sender calls it, if that can have been kept."""
    named = event.get("id") if isinstance(event, dict) else None
    fits = isinstance(named, str) and 0 < len(named) <= 255 and "\x00" not in named
    return named if fits else None
