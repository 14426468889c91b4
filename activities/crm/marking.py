"""What a CRM beside ours is to have is marked by whatever changes it, in the same transaction.

This stands in one place, between the session and the database: nobody who changes a customer, a
note, a message or a task has to think of it. What is changed past the session, row by row in SQL,
is not seen here; nothing is. What has never been marked is found by `unmarked`, once a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, and_, case, event, exists, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, UOWTransaction

from activities.clock import SystemClock
from activities.crm.tables import Base, Customer, Message, Mirror, Note, Task, new_id

CONTACT = "contact"
SYSTEM = "mirrored"  # in a session's info: the CRM beside ours
AT_ONCE = 500  # rows in a statement
Ref = tuple[str, str, str | None]  # the row's kind, its id, and its customer's
WATCHED: dict[type[Base], tuple[str, frozenset[str]]] = {  # and what of it the CRM is told
    Customer: (
        CONTACT,
        frozenset("email phone name company country address erased_at".split()),
    ),
    Note: ("note", frozenset("at direction method summary feedback actions by".split())),
    Message: (
        "message",
        frozenset("state reason channel subject sent_at via template clause".split()),
    ),
    Task: (
        "task",
        frozenset("title role assignee priority urgent state reason due_at done_at".split()),
    ),
}


class Marked(Session):
    """A session that marks what it changes, if there is a CRM beside ours."""


@event.listens_for(Marked, "after_flush")
def _mark(session: Session, _flush: UOWTransaction) -> None:
    system = session.info.get(SYSTEM)
    if not system:
        return
    rows = set(filter(None, map(_ref, {*session.new, *_changed(session.dirty)})))
    mark_all(session.connection(), SystemClock().real(), system, rows)


def _changed(dirty: Iterable[Any]) -> Iterator[Any]:
    """Those of which anything has changed that the CRM is told."""
    for row in dirty:
        _, fields = WATCHED.get(type(row), ("", ()))
        state = inspect(row)
        if any(state.attrs[name].history.has_changes() for name in fields):
            yield row


def _ref(row: Any) -> Ref | None:
    """What it is marked as; nothing, if it is none of what the CRM has: what concerns no customer,
    and a message that never went."""
    match row:
        case Customer():
            return CONTACT, row.id, row.id
        case Message() if row.sent_at is None:
            return None
        case Note() | Message() | Task() if row.customer_id:
            return WATCHED[type(row)][0], row.id, row.customer_id
    return None


def mark_all(connection: Connection, now: datetime, system: str, rows: Iterable[Ref]) -> None:
    """Several of them, each named once. Whoever marks a row has changed it before, so that two
    never wait for each other here."""
    values = _values(now, system, rows)
    for start in range(0, len(values), AT_ONCE):
        connection.execute(_marking(connection.dialect.name, values[start : start + AT_ONCE]))


def _values(now: datetime, system: str, rows: Iterable[Ref]) -> list[dict[str, Any]]:
    said = {"system": system, "changed_at": now, "number": 1, "attempts": 0}
    return [
        {"id": new_id("mir"), "kind": kind, "ref": ref, "customer_id": customer_id, **said}
        for kind, ref, customer_id in sorted(rows, key=lambda row: row[:2])
    ]


def _insert(dialect: str) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(Mirror)


def _marking(dialect: str, values: Sequence[Mapping[str, Any]]) -> Insert:
    """What waits already keeps its place, however often it changes meanwhile."""
    query = _insert(dialect).values(values)
    waits = case((Mirror.told_at.is_(None), Mirror.changed_at), else_=query.excluded.changed_at)
    again = {"number": Mirror.number + 1, "changed_at": waits, "attempts": 0}
    again |= dict.fromkeys(("told_at", "turn_at", "error"))
    key = [Mirror.system, Mirror.kind, Mirror.ref]
    marking: Insert = query.on_conflict_do_update(index_elements=key, set_=again)
    return marking


# -- what was there before -----------------------------------------------------------------------


async def unmarked(
    session: AsyncSession, system: str, table: type[Base], after: str, limit: int = AT_ONCE
) -> list[Ref]:
    """What never was marked of a table, by their ids, from that one on; reading takes no lock."""
    kind, _ = WATCHED[table]
    of = Customer.id if table is Customer else table.__table__.c.customer_id
    mine = table.__table__.c.id
    marks = exists().where(Mirror.system == system, Mirror.kind == kind, Mirror.ref == mine)
    query = select(mine, of).where(mine > after, ~marks, *_worth(table)).order_by(mine).limit(limit)
    return [(kind, ref, whose) for ref, whose in (await session.execute(query)).all()]


async def mark_first(session: AsyncSession, now: datetime, system: str, rows: list[Ref]) -> None:
    """Marks for these; what somebody has marked meanwhile keeps its own."""
    insert, values = _insert(session.get_bind().dialect.name), _values(now, system, rows)
    await session.execute(insert.values(values).on_conflict_do_nothing())


def _worth(table: type[Base]) -> tuple[ColumnElement[bool], ...]:
    """What of a table the CRM is to have at all."""
    alive = Customer.erased_at.is_(None)
    if table is Customer:
        return (alive,)
    of = table.__table__.c.customer_id
    theirs = exists().where(Customer.id == of, alive)
    return (and_(theirs, Message.sent_at.is_not(None)) if table is Message else theirs,)
