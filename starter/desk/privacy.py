"""What customers ask about their data: taken down, put on the privacy officer's list, answered.

What protects them is done at once, and needs nobody: an objection is an opt-out, a restriction a
hold. All else is for a person, within the month that the law gives (GDPR, article 12(3)).
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import inbox, privacy, tasks
from activities.crm.house import house_rules
from activities.crm.store import lock_customer
from activities.crm.tables import Customer, PrivacyRequest
from starter.answers import Refusal
from starter.desk.base import audit, needs_reason, whom
from starter.desk.tasks import Tasks

STAFF = "staff"  # the inbox's source for what is said through the desk
CHANNELS = ("email", "sms", "phone", "letter", "chat", "form")
OBJECTED = {"relationship": False, "email_marketing": False, "sms_marketing": False}


class Privacy(Tasks):
    async def privacy_open(
        self, target: str, kind: str, *, received: date | None, channel: str | None, by: str
    ) -> tuple[str, bool]:
        """Take a request down: its id, and whether it is new. Its month begins on that day."""
        _known("kind", kind, privacy.KINDS)
        _known("channel", channel, (None, *CHANNELS))
        now, wanted = self.clock.now(), ""
        async with self.store.transaction() as session:
            customer, _ = await whom(session, target)
            zone = await _zone(session, customer)
            row, new = await privacy.begin(
                session, now, customer, kind,
                received_at=_moment(received, now, zone), zone=zone, channel=channel, by=by,
            )  # fmt: skip
            if new:
                audit(session, now, by=by, what="privacy.opened", target=row.id, reason=None,
                      kind=kind, customer=customer.id)  # fmt: skip
                wanted = await _at_once(session, now, row, by)
        if wanted:
            await self.intake.carry_out_safely(wanted)
        await self.relay.hurry(wanted or row.id)
        return row.id, new

    async def privacy_extend(self, request: str, reason: str, by: str) -> None:
        """Two months more, once, and only while the first is not over."""
        needs_reason(reason)
        now = self.clock.now()
        async with self.store.transaction() as session:
            customer, row = await _locked(session, request)
            if row.state != privacy.OPEN:
                raise Refusal("conflict", f"it was {row.state} already", param="id", status=409)
            if row.extended_at is not None:
                words = "it was extended once: there is no third month to be had"
                raise Refusal("conflict", words, param="id", status=409)
            if now > row.due_at:
                words = "its month is over: they had to be told of a delay by then"
                raise Refusal("conflict", words, param="id", status=409)
            zone = await _zone(session, customer)
            await privacy.extend(session, now, row, zone=zone, reason=reason, by=by)
            audit(session, now, by=by, what="privacy.extended", target=row.id, reason=reason)

    async def privacy_close(
        self, request: str, outcome: str, *, reason: str | None, by: str
    ) -> None:
        """Granted or refused, with its task; closed before, nothing changes."""
        said: dict[str, Any] = {"outcome": outcome}
        said |= {"reason": reason} if reason is not None else {}
        async with self.store.reading() as session:
            row = await session.get(PrivacyRequest, request)
            task = await tasks.find(session, privacy.key_of(request)) if row else None
        if row is None or task is None:
            raise _unknown()
        await self.complete_task(task.id, said, by)


async def _at_once(session: AsyncSession, now: datetime, row: PrivacyRequest, by: str) -> str:
    """What needs nobody: the id of the event that is to be carried out, if there is one."""
    if row.kind == privacy.RESTRICT:
        await privacy.restrict(session, now, row, by)
    if row.kind != privacy.OBJECT:
        return ""
    event = {
        "id": f"objected-{row.id}",
        "type": "consent.changed",
        "customer": {"id": row.customer_id},
        "data": {**OBJECTED, "source": "objection", "reference": row.id},
    }
    kept = inbox.row_for(STAFF, event, occurred_at=now, now=now)
    session.add(kept)
    await session.flush()
    return kept.id


async def _locked(session: AsyncSession, request: str) -> tuple[Customer, PrivacyRequest]:
    known = await session.get(PrivacyRequest, request)
    customer = await lock_customer(session, known.customer_id) if known else None
    row = await privacy.find(session, request)
    if customer is None or row is None:
        raise _unknown()
    return customer, row


async def _zone(session: AsyncSession, customer: Customer) -> str:
    return (await house_rules(session)).office(customer.country).time_zone


def _moment(received: date | None, now: datetime, zone: str) -> datetime:
    """When it came; of another day than today only the day is known."""
    today = now.astimezone(ZoneInfo(zone)).date()
    if received is None or received == today:
        return now
    if not privacy.EARLIEST <= received <= today:
        raise Refusal("invalid", "when was it received? not on that day", param="received")
    return datetime.combine(received, time(), ZoneInfo(zone))


def _known(name: str, said: str | None, known: tuple[str | None, ...]) -> None:
    if said not in known:
        there = ", ".join(one for one in known if one)
        code = "unknown_channel" if name == "channel" else "invalid"
        raise Refusal(code, f"one of {there}", param=name)


def _unknown() -> Refusal:
    return Refusal("not_found", "there is no request of this id", param="id", status=404)
