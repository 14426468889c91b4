"""Deliveries of other systems: kept as they came, read from there, as often as that takes.

What one comes to are events of its sender's, each kept under the sender's own id, and carried out
like any other. One that cannot be read waits as it came: nothing of it is lost.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from activities.clock import Clock
from activities.crm import inbox, people
from activities.crm.inbox import HOOKS
from activities.crm.store import Store, is_passing
from activities.crm.tables import Enclosure, Inbox, new_id
from activities.settings import Settings
from starter.answers import Refusal
from starter.intake.events import Command, read_event
from starter.intake.moments import in_policy_time
from starter.senders import (
    Delivery,
    File,
    NotYetError,
    Reader,
    Reading,
    Readings,
    Sender,
    UnreadableError,
)
from starter.senders.registry import SENDERS
from workflows.vocabulary import Role

POISON = timedelta(minutes=10)  # the longest wait between two tries
ENOUGH = 8  # tries in vain, about four minutes, after which an engineer hears of it

log = logging.getLogger(__name__)


def row_for(sender: Sender, delivery: Delivery, now: datetime) -> Inbox:
    """A delivery as a row of the inbox, under its sender's own id of it."""
    kept = {name: delivery.headers[name] for name in sender.headers if name in delivery.headers}
    return Inbox(
        id=new_id("in"),
        source=sender.name,
        event_id=delivery.called(sender.key(delivery)),
        type=HOOKS + sender.path,
        raw=json.dumps({"headers": kept, "query": delivery.query}),
        body=delivery.body,
        digest=delivery.digest,
        state=inbox.STORED,
        effects=[],
        occurred_at=now,
        received_at=now,
    )


class Deliveries:
    """Reads what was kept."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self.store, self.clock, self.settings = store, clock, settings

    async def read(self, row_id: str) -> list[str]:
        """Read one, unless that was done: the ids of the events that are to be carried out."""
        async with self.store.reading() as session:
            query = select(Inbox).where(Inbox.id == row_id).options(undefer(Inbox.body))
            row = (await session.execute(query)).scalar_one()
        if row.state != inbox.STORED or row.body is None:
            return []
        try:
            return await self._keep(row_id, await self._understood(row, row.body))
        except NotYetError as fault:
            await self._put_off(row_id, fault.code)
        except Exception as fault:
            if is_passing(fault):
                raise
            # What its events are kept in does not take them: nothing else waits behind it.
            log.error("a delivery of %s cannot be kept: %s", row.source, _where(fault))
            await self._put_off(row_id, type(fault).__name__)
        return []

    async def _understood(self, row: Inbox, body: bytes) -> Readings:
        """What it comes to; what nobody can read comes to an engineer."""
        sender = SENDERS.get(row.type.removeprefix(HOOKS))
        if sender is None:  # kept by another release, which had a door for it
            raise NotYetError("unknown_sender")
        reader = Reader(self.store, self.settings, now=self.clock.now(), real=self.clock.real())
        try:
            return await sender.read(Delivery(body, **json.loads(row.raw)), reader)
        except NotYetError:
            raise
        except UnreadableError as fault:
            return Readings(failed=[fault.code])
        except Exception as fault:
            if is_passing(fault):
                raise
            log.error("a delivery of %s cannot be read: %s", sender.name, _where(fault))
            return Readings(failed=[type(fault).__name__])

    async def _keep(self, row_id: str, readings: Readings) -> list[str]:
        """Its events, each once under its id; the delivery itself is done, or for an engineer."""
        now = self.clock.now()
        async with self.store.transaction() as session:
            row = await inbox.take(session, row_id)
            if row.state != inbox.STORED:
                return []
            kept = await self._events(session, row, readings.found, now)
            effects: list[dict[str, Any]] = [
                {"follow_up": None, "effect": "recorded", "event": one.id} for one in kept
            ]
            reasons = (*readings.left_out, *readings.failed)
            effects += [{"follow_up": None, "effect": "none", "reason": one} for one in reasons]
            row.state, row.effects, row.error = inbox.DONE, effects, None
            if readings.failed:
                row.state, row.error = inbox.FAILED, readings.failed[0][:255]
                await self._call(session, row, f"{row_id}/failed", readings.failed[0])
        return [one.id for one in kept]

    async def _events(
        self, session: AsyncSession, row: Inbox, found: Sequence[Reading], now: datetime
    ) -> list[Inbox]:
        """A row for each, or the one that was there; they are written together, because all else
        waits meanwhile."""
        said = [in_policy_time(self.clock, one.event) for one in found]
        known = await inbox.all_known(session, row.source, [one["id"] for one in said])
        enclosed: list[Enclosure] = []
        for event, reading in zip(said, found, strict=True):
            if (before := known.get(event["id"])) is not None:
                _take_anew(before, event, now)
                continue
            child = known[event["id"]] = _as_read(row, event, now)
            child.parent_id = row.id
            session.add(child)
            enclosed += [_enclosed(child, one, now) for one in reading.enclosures]
        await session.flush()
        session.add_all(enclosed)
        return [known[event["id"]] for event in said]

    async def _put_off(self, row_id: str, code: str) -> None:
        async with self.store.transaction() as session:
            row = await inbox.take(session, row_id)
            row.attempts, row.error = row.attempts + 1, code
            wait = min(timedelta(seconds=2.0 ** min(row.attempts, 20)), POISON)
            row.turn_at = self.clock.real() + wait
            about = f"inbox/{row.source}/{code}/"
            if row.attempts == ENOUGH and not await people.is_called(session, about):
                await self._call(session, row, about + row_id, code)

    async def _call(self, session: AsyncSession, row: Inbox, key: str, code: str) -> None:
        await people.call(
            session,
            self.clock.now(),
            key=key,
            title=f"Look into what {row.source} sent, and could not be read: {code}"[:255],
            customer_id=None,
            role=Role.ENGINEER,
            brief={"event": row.id, "type": row.type},
        )


def _where(fault: Exception) -> str:
    """What went wrong, and where; never in the fault's own words, which may be somebody's."""
    frames = traceback.extract_tb(fault.__traceback__)[-3:]
    where = ", ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return f"{type(fault).__name__} at {where}"


def _as_read(row: Inbox, said: dict[str, Any], now: datetime) -> Inbox:
    try:
        at = read_event(said, Command).occurred_at
    except Refusal:  # it fails when it is carried out, and somebody is told
        at = None
    return inbox.row_for(row.source, said, occurred_at=min(at or row.occurred_at, now), now=now)


def _take_anew(known: Inbox, said: dict[str, Any], now: datetime) -> None:
    """What failed, or waits under another reading, is carried out as it is read now; what was
    done stays done, and whose a colleague said it is stays theirs."""
    read = _as_read(known, said, now)
    given = inbox.GIVEN in json.loads(known.raw)
    if known.state == inbox.FAILED or (
        known.state == inbox.PARKED and not given and known.digest != read.digest
    ):
        inbox.again(known)
        if not given:
            for name in ("type", "raw", "digest", "occurred_at"):
                setattr(known, name, getattr(read, name))


def _enclosed(row: Inbox, file: File, now: datetime) -> Enclosure:
    return Enclosure(
        id=new_id("enc"),
        inbox_id=row.id,
        name=file.name[:255],
        type=file.type[:255],
        size=len(file.content),
        content=file.content,
        received_at=now,
    )
