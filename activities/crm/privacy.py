"""What customers ask about their data (GDPR, articles 15 to 21): a register, each with its month.

A request and its task are closed together, whichever of the two is closed.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import holds, people, tasks
from activities.crm.enrolments import open_of, tell
from activities.crm.store import lock_name
from activities.crm.tables import Customer, Hold, PrivacyRequest, Task, new_id
from workflows import vocabulary as v
from workflows.vocabulary import Form, Role

ACCESS, ERASE, RECTIFY, OBJECT, RESTRICT = "access", "erase", "rectify", "object", "restrict"
KINDS = (ACCESS, ERASE, RECTIFY, OBJECT, RESTRICT)
OPEN, GRANTED, REFUSED = "open", "granted", "refused"
MONTHS, EXTENDED = 1, 3  # article 12(3): one, and two more where that is necessary
TITLES = {
    ACCESS: "Send them a copy of their data",
    ERASE: "Erase their data",
    RECTIFY: "Correct their data",
    OBJECT: "Answer their objection",
    RESTRICT: "Restrict the use of their data",
}
GUIDANCE = {
    ACCESS: "What is kept of them: their page in the console, GET /v1/customers/{id} with /timeline"
    " and /consents, and `aftercare privacy proof`. Make sure first that it is they who ask.",
    ERASE: "Now: an event customer.erased ends all that runs, and nobody writes to them again."
    " Their rows are not deleted by this release: say so, keep what law demands, and leave this"
    " open until they are.",
    RECTIFY: "Send what is right by an event customer.updated, tell the systems that have the old,"
    " and answer them.",
    OBJECT: "Done already: nothing but what concerns their orders is sent. Tell them so.",
    RESTRICT: "Done already: a hold keeps everything back, and no new system gets their data. It"
    " stays if you grant this; it is released if you refuse.",
}
EARLIEST = date(1990, 1, 1)


def due(received: datetime, months: int, zone: str) -> datetime:
    """The end of the same day so many months later, by the office's calendar; of the month's last
    day, where there is no such day."""
    there = ZoneInfo(zone)
    day = received.astimezone(there).date()
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    until = date(year, month + 1, min(day.day, last))
    return datetime.combine(until, time(23, 59, 59), there).astimezone(UTC)


def key_of(request_id: str) -> str:
    """The key of a request's task."""
    return f"privacy/{request_id}"


async def find(session: AsyncSession, request_id: str) -> PrivacyRequest | None:
    """The request, locked; its customer's lock comes first."""
    query = select(PrivacyRequest).where(PrivacyRequest.id == request_id).with_for_update()
    fresh = {"populate_existing": True}
    return (await session.execute(query, execution_options=fresh)).scalar_one_or_none()


async def begin(
    session: AsyncSession,
    now: datetime,
    customer: Customer,
    kind: str,
    *,
    received_at: datetime,
    zone: str,
    channel: str | None,
    by: str,
) -> tuple[PrivacyRequest, bool]:
    """The request with its task, and whether it is new: one of a kind is open at a time."""
    await lock_name(session, f"privacy:{customer.id}")
    query = select(PrivacyRequest).where(
        PrivacyRequest.customer_id == customer.id,
        PrivacyRequest.kind == kind,
        PrivacyRequest.state == OPEN,
    )
    if known := (await session.execute(query.limit(1))).scalar_one_or_none():
        return known, False
    row = PrivacyRequest(
        id=new_id("prv"),
        customer_id=customer.id,
        kind=kind,
        state=OPEN,
        received_at=received_at,
        due_at=due(received_at, MONTHS, zone),
        channel=channel,
        by=by,
    )
    session.add(row)
    await session.flush()
    await _hand_over(session, now, customer, row)
    await note(session, now, row, f"Request about their data: {kind}", by=by, direction="in")
    return row, True


async def _hand_over(
    session: AsyncSession, now: datetime, customer: Customer, row: PrivacyRequest
) -> None:
    task = v.Task(
        key=key_of(row.id),
        customer_id=customer.id,
        role=Role.PRIVACY,
        what=TITLES[row.kind],
        form=Form.PRIVACY,
        about=row.id,
    )
    brief = {
        "request": row.id,
        "kind": row.kind,
        "received_at": row.received_at.isoformat(),
        "what_to_do": GUIDANCE[row.kind],
    }
    # The queue's, whoever looks after the customer: it may be about them.
    await tasks.put(session, now, task, customer, due=row.due_at, brief=brief, assignee=None)


async def extend(
    session: AsyncSession, now: datetime, row: PrivacyRequest, *, zone: str, reason: str, by: str
) -> None:
    """Two months more, once; the customer is to be told within the first, and why."""
    row.extended_at, row.due_at = now, due(row.received_at, EXTENDED, zone)
    task = await tasks.find(session, key_of(row.id))
    if task is not None and task.state == tasks.OPEN:
        task.due_at, task.reminded_at = row.due_at, None
        task.brief = task.brief | {"extended": {"at": now.isoformat(), "reason": reason}}
    await note(session, now, row, f"Their request ({row.kind}) takes longer: {reason}", by=by)


async def close(
    session: AsyncSession, now: datetime, task: Task, outcome: str, reason: str | None
) -> None:
    """The task's request is granted or refused; a restriction that is refused holds nothing back
    any more."""
    row = await find(session, task.key.removeprefix(key_of("")))
    if row is None or row.state != OPEN:
        return
    row.state, row.outcome, row.done_at = outcome, reason, now
    held = await session.get(Hold, row.id)
    if outcome == REFUSED and held is not None and held.released_at is None:
        await holds.release(session, now, [row.id])
        await tell_all(session, now, row, "resume", {"holds": [row.id]})


async def restrict(session: AsyncSession, now: datetime, row: PrivacyRequest, by: str) -> None:
    """Keep everything back that is not yet sent, from this moment on."""
    reason = "they asked to have the use of their data restricted"
    await holds.hold(
        session, now, customer_id=row.customer_id, kind="manual", hold_id=row.id,
        reason=reason, by=by,
    )  # fmt: skip
    await tell_all(session, now, row, "hold", {"hold_id": row.id})


async def restrictions(session: AsyncSession, held: list[str]) -> set[str]:
    """Which of these holds were asked for by a request that nobody has answered yet."""
    query = select(PrivacyRequest.id).where(
        PrivacyRequest.id.in_(held), PrivacyRequest.state == OPEN
    )
    return set((await session.execute(query)).scalars())


async def tell_all(
    session: AsyncSession, now: datetime, row: PrivacyRequest, name: str, said: dict[str, object]
) -> None:
    """Have every follow-up of theirs hear of it."""
    body = {"id": f"{row.id}-{name}", "at": now.isoformat(), **said}
    for follow_up in await open_of(session, row.customer_id):
        tell(session, now, follow_up.id, name=name, body=body, inbox_id=row.id)


async def note(
    session: AsyncSession,
    now: datetime,
    row: PrivacyRequest,
    words: str,
    *,
    by: str,
    direction: str = "internal",
) -> None:
    """A line of the customer's history."""
    key = f"{row.id}/{direction}" if direction == "in" else f"{row.id}/{now.isoformat()}"
    method = row.channel if direction == "in" else None
    await people.write_down(
        session, key=key, customer_id=row.customer_id, at=now, summary=words,
        direction=direction, method=method, by=by,
    )  # fmt: skip
