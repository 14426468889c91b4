"""Reconciling the ledger with the provider: what became of an attempt that never said.

An attempt that holds its row past the deadline has died, or lost its answer on the way. After a
quarantine, in which the provider may still take what it was given, its look-up decides; where there
is none, the kind of message does: what the customer must have goes again, anything else may go at
most once, so that a person finds out.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.carriers import Carriers
from activities.channels import Attachment, Channel, Parcel, UnknownOutcomeError
from activities.clock import Clock
from activities.crm import doubts, ledger
from activities.crm.store import Store, lock_customer, lock_name
from activities.crm.tables import Message
from workflows.vocabulary import Kind

log = structlog.get_logger("aftercare.messaging")

BUSY = timedelta(seconds=1)  # real time, after which who found the row taken asks again
FORBIDDEN = ("look_up_401", "look_up_403", "look_up_404")  # no log for us
SILENCE = timedelta(hours=1)  # of a look-up, after which an engineer is called
MUTE = timedelta(minutes=1)  # after which a provider that did not answer a look-up is asked again


async def reconcile(store: Store, clock: Clock, carriers: Carriers, key: str) -> None:
    """Find out what became of the attempt that holds this key, and write it down.

    Raises a retryable `ApplicationError`, with the delay, while it is too early to know.
    """
    async with store.reading() as session:
        row = (
            await session.execute(select(Message).where(Message.key == key))
        ).scalar_one_or_none()
    if row is None or row.state != ledger.SENDING or row.deadline is None:
        return
    channel = carriers.named(row.channel or "", row.via)
    wait_until(row.deadline + (channel.quarantine if channel else MUTE), clock, "in_flight")
    found = await _look_up(store, clock, channel, row) if channel else None
    if found and await confirm(store, clock, row, found):
        return
    if channel and found is not None and not channel.conclusive:
        looked_at = row.looked_at or await _looked(store, row, clock.real())
        wait_until(looked_at + channel.lag, clock, "in_doubt")
    async with store.transaction() as session:
        await lock_customer(session, row.customer_id)
        held = await ledger.find(session, key)
        if held is None or held.state != ledger.SENDING or held.attempts != row.attempts:
            return  # somebody else has found out
        if channel and _may_go_again(Kind(row.kind), channel, looked=found is not None):
            held.state, held.deadline = ledger.RESERVED, None
        else:
            await doubts.doubt(session, held, clock.now())


async def _look_up(
    store: Store, clock: Clock, channel: Channel, row: Message
) -> tuple[str, ...] | None:
    """What the provider says; while it says nothing, nothing is known."""
    try:
        async with asyncio.timeout(channel.deadline.total_seconds() / 2):
            return await channel.look_up(parcel_of(row), row.begun_at or row.created_at)
    except Exception as error:  # noqa: BLE001 - whatever it was, it is no answer
        code = str(error) if isinstance(error, UnknownOutcomeError) else type(error).__name__
        log.warning("look_up_failed", provider=channel.provider, error=code)
        if row.deadline and clock.real() - row.deadline > SILENCE:
            async with store.transaction() as session:
                await doubts.tell(session, channel.provider, code, clock.now())
            if code.startswith(FORBIDDEN):
                return None  # it will never say
        raise later("look_up_failed", min(MUTE, channel.deadline + channel.lag)) from None


async def confirm(store: Store, clock: Clock, row: Message, ids: tuple[str, ...]) -> bool:
    """The provider has it under these ids: one is right, two stop the step and call a person.

    An id that another message is known by is none of ours: two SMS to one number may have the same
    words. False if none is left.
    """
    async with store.transaction() as session:  # first and alone: nothing may come between
        await lock_name(session, f"ids:{row.via}")
        claimed = select(Message.provider_id).where(
            Message.provider_id.in_(ids), Message.key != row.key
        )
        others = set((await session.execute(claimed)).scalars())
        ours = [one for one in ids if one not in others]
        if not ours:
            return False
        at = row.slot_at or clock.now()
        known = await ledger.confirm(session, row.key, ours[0], at)
        if not known or len(ours) > 1:
            await doubts.trip(session, row.key, clock.now())
    return True


def parcel_of(row: Message) -> Parcel:
    """What the channel was given, as the ledger has it."""
    return Parcel(
        key=row.key,
        to=row.address or "",
        subject=row.subject or "",
        text=row.body_text or "",
        html=row.body_html,
        sender=row.sender or "",
        reference=row.id,
        attachments=tuple(Attachment(**one) for one in row.attachments or ()),
    )


def later(code: str, delay: timedelta | None, *, failure: bool = False) -> ApplicationError:
    """What is to be tried again, by Temporal, which keeps no slot and no history for the wait. It
    is how sending works, no failure that anybody must be shown, unless it is called one."""
    return ApplicationError(
        code,
        type=code,
        next_retry_delay=delay,
        category=ApplicationErrorCategory.UNSPECIFIED
        if failure
        else ApplicationErrorCategory.BENIGN,
    )


def wait_until(moment: datetime, clock: Clock, code: str) -> None:
    left = moment - clock.real()
    if left > timedelta():
        raise later(code, left)


async def _looked(store: Store, row: Message, at: datetime) -> datetime:
    """Remember that the provider was asked once, and knew nothing of it."""
    async with store.transaction() as session:
        held = await ledger.find(session, row.key)
        if held is not None and held.state == ledger.SENDING and held.attempts == row.attempts:
            held.looked_at = held.looked_at or at
    return at


def _may_go_again(kind: Kind, channel: Channel, *, looked: bool) -> bool:
    """At least once, or at most once, as the kind says and as far as the look-up can be trusted."""
    if kind is Kind.TRANSACTIONAL or not looked:
        return kind is Kind.TRANSACTIONAL
    return channel.conclusive or kind is Kind.RELATIONSHIP
