"""What came in, and what came of it: a list, and one with all that is known of it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from activities.crm import inbox
from activities.crm.inbox import DONE, FAILED, HOOKS, PARKED, STORED, WORKFLOW
from activities.crm.tables import Enclosure, Inbox, Task, Telling
from starter.reports import people, words
from starter.reports.objects import Page, Shape
from starter.reports.paging import Cursor, page_of

OPEN = (FAILED, PARKED, STORED)  # what waits, or somebody has to look at
STATES = (*OPEN, DONE)
SHOWN = 4_000  # characters of what was posted
SECRET = re.compile(r"key|token|secret|sign|auth|pass", re.IGNORECASE)  # in an address
DOINGS = {
    "started": "began {}",
    "signalled": "told {}",
    "queued": "is yet to be told to {}",
    "already": "was known already",
    "recorded": "on record",
    "parked": "waits",
    "none": "nothing",
}


class Doing(Shape):
    """One thing that came of it."""

    effect: str
    follow_up: str | None = None
    reason: str | None = None

    @property
    def words(self) -> str:
        said = DOINGS.get(self.effect, self.effect).format(self.follow_up or "Temporal")
        return f"{said}: {words.reason(self.reason)}" if self.reason else said


class Arrival(Shape):
    """Something that came in, on a list."""

    id: str
    source: str
    event: str  # its sender's own id
    type: str
    state: str
    customer: str | None = None
    name: str | None = None
    sender: str | None = None  # whom it says it is from, masked, while nobody knows who that is
    parent: str | None = None
    error: str | None = None
    attempts: int = 0
    next_try_at: datetime | None = None  # real time
    waits_until: datetime | None = None
    occurred_at: datetime
    received_at: datetime
    effects: list[Doing]
    holds: list[str]  # of a delivery, what it told of: types of events

    @property
    def is_delivery(self) -> bool:
        return self.type.startswith(HOOKS)


class Untold(Shape):
    """What Temporal is yet to hear of it."""

    follow_up: str
    name: str
    attempts: int


class Job(Shape):
    id: str
    role: str
    title: str
    state: str


class Attached(Shape):
    id: str
    name: str
    type: str
    size: int


class Arrived(Shape):
    """One that came in: as it was posted, and all that came of it."""

    arrival: Arrival
    headers: dict[str, str]
    query: str
    body: str | None  # as text, as far as that is shown
    size: int  # bytes of what was posted
    digest: str
    whom: dict[str, str]  # whom it names, as it does
    text: str | None = None  # what somebody wrote
    subject: str | None = None
    events: list[Arrival]  # of a delivery
    tasks: list[Job]
    untold: list[Untold]
    files: list[Attached]
    can_be_given: bool


async def arrivals(
    session: AsyncSession,
    *,
    states: Collection[str] = (),
    source: str | None = None,
    cursor: Cursor,
) -> Page[Arrival]:
    """What came in, newest first: each delivery once, with what came of it; of certain states all
    there is, the events in a delivery too."""
    query = select(Inbox)
    if states:
        query = query.where(Inbox.state.in_(states))
    else:
        query = query.where(Inbox.parent_id.is_(None))
        query = query if source else query.where(Inbox.source != WORKFLOW)
    query = query.where(Inbox.source == source) if source else query
    rows, more = await page_of(session, query, (Inbox.received_at, Inbox.id), cursor)
    return Page(data=await _seen(session, rows), has_more=more)


async def sources(session: AsyncSession) -> list[str]:
    """Who sent something, ever."""
    query = select(Inbox.source).distinct().order_by(Inbox.source)
    return list((await session.execute(query)).scalars())


async def arrived(session: AsyncSession, id_: str) -> Arrived | None:
    """One with all that is known of it, by our id."""
    query = select(Inbox).where(Inbox.id == id_).options(undefer(Inbox.body))
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        return None
    children = await _children(session, [row.id])
    (arrival, *events) = await _seen(session, [row, *children[row.id]])
    ids = [row.id, *(one.id for one in events)]
    kept = json.loads(row.raw) if row.body is not None or arrival.is_delivery else {}
    raw = row.body if row.body is not None else b"" if arrival.is_delivery else row.raw.encode()
    said = {} if arrival.is_delivery else json.loads(row.raw)
    data = said.get("data") or {}
    return Arrived(
        arrival=arrival,
        headers=kept.get("headers", {}),
        query=_masked(kept.get("query", "")),
        body=_text(raw if arrival.is_delivery else json.dumps(said, indent=2).encode()),
        size=len(raw),
        digest=row.digest,
        whom=_whom(said),
        text=data.get("text"),
        subject=data.get("subject"),
        events=events,
        tasks=await _tasks(session, ids),
        untold=await _untold(session, ids),
        files=await _files(session, ids),
        can_be_given=inbox.can_be_given(row),
    )


async def called(session: AsyncSession, said: str) -> list[tuple[str, str]]:
    """What has this id, ours or its sender's: our id of it, and who sent it."""
    return await inbox.called(session, said)


async def posted(session: AsyncSession, id_: str) -> bytes | None:
    """The bytes as they came."""
    query = select(Inbox).where(Inbox.id == id_).options(undefer(Inbox.body))
    row = (await session.execute(query)).scalar_one_or_none()
    return None if row is None else row.body if row.body is not None else row.raw.encode()


async def _seen(session: AsyncSession, rows: Sequence[Inbox]) -> list[Arrival]:
    children = await _children(session, [row.id for row in rows if row.type.startswith(HOOKS)])
    everybody = [*rows, *(one for them in children.values() for one in them)]
    names = await people.names(session, {row.customer_id for row in everybody if row.customer_id})
    return [_arrival(row, children[row.id], names) for row in rows]


def _arrival(row: Inbox, children: Sequence[Inbox], names: dict[str, str]) -> Arrival:
    known = [row.customer_id, *(child.customer_id for child in children)]
    customer = next(filter(None, known), None)
    return Arrival(
        id=row.id,
        source=row.source,
        event=row.event_id,
        type=row.type,
        state=row.state,
        customer=customer,
        name=names.get(customer, customer) if customer else None,
        sender=None if customer or row.type.startswith(HOOKS) else _sender(row),
        parent=row.parent_id,
        error=row.error,
        attempts=row.attempts,
        next_try_at=row.turn_at if row.state == STORED else None,
        waits_until=row.expires_at if row.state == PARKED else None,
        occurred_at=row.occurred_at,
        received_at=row.received_at,
        effects=_doings(row, children),
        holds=list(dict.fromkeys(child.type for child in children)),
    )


def _doings(row: Inbox, children: Iterable[Inbox]) -> list[Doing]:
    """Of a delivery, what came of its events."""
    own = [said for said in row.effects if not said.get("event")]
    all_of_them = own + [said for child in children for said in child.effects]
    found = [Doing(effect=e["effect"], follow_up=e.get("follow_up"), reason=e.get("reason"))
             for e in all_of_them]  # fmt: skip
    # An SOP that is off says so of every event; that is news only where nothing else is.
    news = [one for one in found if one.reason != "sop_off"]
    return news or found[:1]


def _whom(said: dict[str, Any]) -> dict[str, str]:
    who = said.get(inbox.GIVEN) or said.get("customer") or {}
    names = ("name", "email", "phone", "id")
    return {name: str(who[name]) for name in names if who.get(name)}


def _sender(row: Inbox) -> str | None:
    who = _whom(json.loads(row.raw))
    return words.masked(who.get("email") or who.get("phone")) or who.get("id")


async def _children(session: AsyncSession, ids: Sequence[str]) -> dict[str, list[Inbox]]:
    found: dict[str, list[Inbox]] = defaultdict(list)
    if ids:
        query = select(Inbox).where(Inbox.parent_id.in_(ids))
        for row in (await session.execute(query.order_by(Inbox.received_at, Inbox.id))).scalars():
            found[row.parent_id or ""].append(row)
    return found


async def _tasks(session: AsyncSession, ids: Sequence[str]) -> list[Job]:
    mine = or_(*(Task.key.startswith(f"{id_}/", autoescape=True) for id_ in ids))
    rows = (await session.execute(select(Task).where(mine).order_by(Task.created_at))).scalars()
    return [Job(id=row.id, role=row.role, title=row.title, state=row.state) for row in rows]


async def _untold(session: AsyncSession, ids: Sequence[str]) -> list[Untold]:
    query = select(Telling).where(Telling.inbox_id.in_(ids), Telling.told_at.is_(None))
    rows = (await session.execute(query.order_by(Telling.seq))).scalars()
    return [Untold(follow_up=r.workflow_id, name=r.name, attempts=r.attempts) for r in rows]


async def _files(session: AsyncSession, ids: Sequence[str]) -> list[Attached]:
    query = select(Enclosure).where(Enclosure.inbox_id.in_(ids)).order_by(Enclosure.id)
    rows = (await session.execute(query)).scalars()
    return [Attached(id=r.id, name=r.name, type=r.type, size=r.size) for r in rows]


def _text(raw: bytes) -> str | None:
    """What was posted, if it can be read by people, as far as that is worth it."""
    said = raw[: 4 * SHOWN].decode(errors="replace")
    odd = sum(not (letter.isprintable() or letter in "\r\n\t") for letter in said)
    if said.count("�") + odd > len(said) // 20 + 1:
        return None
    kept = "".join(one if one.isprintable() or one in "\n\t" else "�" for one in said[:SHOWN]
                   if one != "\r")  # fmt: skip
    return kept + ("…" if len(said) > SHOWN or len(raw) > 4 * SHOWN else "")


def _masked(query: str) -> str:
    """An address's parameters, without what only its sender should know."""
    said = parse_qsl(query, keep_blank_values=True)
    return "&".join(f"{name}={'•••' if SECRET.search(name) else value}" for name, value in said)
