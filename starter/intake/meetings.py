"""Appointments at the door: scheduled, moved, held, missed, cancelled; by us, or by the system that
keeps them. Late, doubled or out of order, the row says the same in the end."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import select

from activities.crm import meetings, mirrors
from activities.crm.customers import take_in
from activities.crm.tables import Contract, Meeting, Mirror
from starter.intake import agreements
from starter.intake import events as said
from starter.intake.handling import Handling
from starter.intake.said import write_down

NOWHERE = "aftercare"  # where a calendar's entry comes from, if we have no public address
USUAL = timedelta(hours=1)
ZOOM, MEETING = "zoom", "meeting"
PLANS = (*meetings.PLANNING, meetings.CANCELLED)  # what a system that holds it has to hear


async def met(h: Handling) -> None:
    """News of a meeting; its contract's follow-up hears what it comes to."""
    word = h.data if isinstance(h.data, said.Meeting) else said.Meeting()
    what = h.event.type.partition(".")[2]
    contract = await agreements.of(h)
    row = await _meant(h, word, what, contract)
    await write_down(h, direction="in" if word.text else "internal")
    if row is None and word.meeting_id:
        h.note("none", None, "meeting_unknown")
        return
    if row is None:
        row = _begun(h, word, what, contract)
        h.session.add(row)
        h.wakes += [f"meeting:{name}" for name in (row.id, row.reference) if name]
    row.contract_id = row.contract_id or (contract.id if contract else None)
    if row.contract_id and (contract is None or contract.id != row.contract_id):
        contract = await h.session.get(Contract, row.contract_id)  # whose it was from the first
    row.follow_up = row.follow_up or await _follow_up(h, contract)
    heard = meetings.happened(row, what, word.said(), at=h.at, now=h.now)
    await h.session.flush()
    if heard is None:
        h.note("already", row.follow_up, f"meeting_{row.state}")
        return
    body = meetings.news(row)
    if await _zoom_hears_of_it(h, row, heard) and row.state == meetings.SCHEDULED:
        body["awaits_link"] = row.url is None
    await agreements.tell(h, contract, f"meeting_{heard}", body)


async def linked(h: Handling) -> None:
    """Where it is joined is known now: who was invited without that is told, and whoever is not
    invited yet will be with it."""
    word = h.data if isinstance(h.data, said.Meeting) else said.Meeting()
    row = await meetings.find(h.session, word.meeting_id or "", h.customer.id)
    if row is None:
        h.note("none", None, "meeting_unknown")
        return
    before, row.reference = row.url, word.reference or row.reference
    take_in(row, {"url": word.url} if word.url else {}, at=h.at)
    h.wakes += [f"meeting:{row.reference}"] if row.reference else []
    if row.url == before or row.state != meetings.SCHEDULED:
        h.note("already", row.follow_up, f"meeting_{row.state}")
        return
    if await meetings.is_written_of(h.session, row):
        row.sequence += 1  # their calendar has it without
    row.updated_at = h.now
    contract = await h.session.get(Contract, row.contract_id) if row.contract_id else None
    await h.session.flush()
    await agreements.tell(h, contract, "meeting_moved", meetings.news(row))


async def nobody_comes(h: Handling) -> None:
    """Who is erased has no appointments: a system that holds one is to hear that, too."""
    mine = (Mirror.system == ZOOM, Mirror.kind == MEETING, Mirror.customer_id == h.customer.id)
    for ref in (await h.session.execute(select(Mirror.ref).where(*mine))).scalars().all():
        await mirrors.mark(h.session, h.now, ZOOM, MEETING, ref, customer_id=h.customer.id)


async def _zoom_hears_of_it(h: Handling, row: Meeting, heard: str) -> bool:
    """Of what is ours: nobody has named another place for it, and Zoom itself did not say so."""
    if h.catalogue.settings.meetings != ZOOM or heard not in PLANS:
        return False
    if await mirrors.find(h.session, ZOOM, MEETING, row.id) is None:
        elsewhere = row.url or row.reference or heard == meetings.CANCELLED
        if elsewhere or meetings.ends_at(row) <= h.now:
            return False
    elif heard == meetings.CANCELLED:
        row.url = None  # nobody is there any more
    if h.row.source == ZOOM:
        return False
    await mirrors.mark(h.session, h.now, ZOOM, MEETING, row.id, customer_id=row.customer_id)
    return True


async def _meant(
    h: Handling, word: said.Meeting, what: str, contract: Contract | None
) -> Meeting | None:
    if word.meeting_id:
        return await meetings.find(h.session, word.meeting_id, h.customer.id)
    return await meetings.meant(
        h.session,
        h.customer.id,
        contract,
        what,
        h.at,
        reference=word.reference,
        starts_at=word.starts_at,
    )


def _begun(h: Handling, word: said.Meeting, what: str, contract: Contract | None) -> Meeting:
    length = timedelta(minutes=word.minutes) if word.minutes else USUAL
    was: datetime = h.at - length if what == meetings.HELD else h.at
    row = meetings.begin(
        h.customer.id,
        contract,
        host=urlsplit(h.catalogue.settings.public_url).hostname or NOWHERE,
        reference=word.reference,
        starts_at=word.starts_at or was,
        now=h.now,
    )
    row.minutes = word.minutes or row.minutes
    return row


async def _follow_up(h: Handling, contract: Contract | None) -> str | None:
    """Who follows it up: the one that is meant, else its contract's."""
    theirs = [r.id for r in await h.running() if contract and r.contract_id == contract.id]
    return h.meant or next(iter(theirs), None)
