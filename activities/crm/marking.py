"""What a CRM beside ours is to have is marked by whatever changes it, in the same transaction.

This stands in one place, between the session and the database: nobody who changes a customer, a
note, a message or a task has to think of it. What is changed past the session, row by row in SQL,
is not seen here; nothing is. What has never been marked is found by `unmarked`, once a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    and_,
    case,
    event,
    exists,
    inspect,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, UOWTransaction

from activities.clock import SystemClock
from activities.crm.tables import (
    Base,
    Consent,
    Customer,
    Message,
    Mirror,
    Note,
    Suppression,
    Task,
    new_id,
)

ACCOUNT, CONTACT = "account", "contact"
SYSTEM = "mirrored"  # in a session's info: the CRM beside ours
AT_ONCE = 500  # rows in a statement
Ref = tuple[str, str, str | None]  # the row's kind, its id, and its customer's
WATCHED: dict[str, tuple[type[Base], frozenset[str]]] = {  # and what of it the CRM is told
    ACCOUNT: (Customer, frozenset({"company"})),
    CONTACT: (
        Customer,
        frozenset("email phone name company country address sensitive erased_at".split()),
    ),
    "note": (Note, frozenset("at direction method summary feedback actions by".split())),
    "message": (
        Message,
        frozenset("state reason channel subject sent_at via template clause".split()),
    ),
    "task": (
        Task,
        frozenset("title role assignee priority urgent state reason due_at done_at".split()),
    ),
}
ADDRESSES = ("email", "phone")  # that several may share: what one says there counts for all


class Marked(Session):
    """A session that marks what it changes, if there is a CRM beside ours."""


@event.listens_for(Marked, "after_flush")
def _mark(session: Session, _flush: UOWTransaction) -> None:
    system = session.info.get(SYSTEM)
    if not system:
        return
    changed, connection = {*session.new, *session.dirty}, session.connection()
    rows = set(_refs(changed, new=set(session.new)))
    rows |= _concerned(connection, changed)
    mark_all(connection, SystemClock().real(), system, rows)


def _refs(changed: Iterable[Any], *, new: set[Any]) -> Iterator[Ref]:
    """What each row is to the CRM, if anything has changed of it that the CRM is told."""
    for row in changed:
        for kind, (table, fields) in WATCHED.items():
            if type(row) is table and (row in new or _has_changed(row, fields)):
                ref = _ref(kind, row)
                yield from (ref,) if ref else ()


def _has_changed(row: Any, fields: Iterable[str]) -> bool:
    state = inspect(row)
    return any(state.attrs[name].history.has_changes() for name in fields)


def _ref(kind: str, row: Any) -> Ref | None:
    """What it is marked as; nothing, if it is none of what the CRM has: what concerns no customer,
    a customer without a company as an account, and a message that never went."""
    match row:
        case Customer():
            return (kind, row.id, row.id) if kind == CONTACT or row.company else None
        case Message() if row.sent_at is None:
            return None
        case Note() | Message() | Task() if row.customer_id:
            return kind, row.id, row.customer_id
    return None


def _concerned(connection: Connection, changed: Iterable[Any]) -> set[Ref]:
    """The contacts for whom what was said counts: who said it, and all who share an address of
    theirs; or did, or do now that they have another."""
    whose, addresses = set[str](), set[str]()
    for row in changed:
        match row:
            case Consent():
                whose.add(row.customer_id)
            case Suppression():
                addresses.add(row.address)
            case Customer():
                addresses |= _moved(row)
    if whose:
        own = select(Customer.email, Customer.phone).where(Customer.id.in_(whose))
        addresses |= {one for row in connection.execute(own) for one in row if one}
    if addresses:
        theirs = or_(Customer.email.in_(addresses), Customer.phone.in_(addresses))
        sharing = select(Customer.id).where(theirs, Customer.erased_at.is_(None))
        whose |= set(connection.execute(sharing).scalars())
    return {(CONTACT, id_, id_) for id_ in whose}


def _moved(row: Customer) -> set[str]:
    """Where they were, and are now; who is new has said nothing yet."""
    histories = [inspect(row).attrs[name].history for name in ADDRESSES]
    return {one for of in histories if of.deleted for one in (*of.deleted, *of.added) if one}


def mark_all(connection: Connection, now: datetime, system: str, rows: Iterable[Ref]) -> None:
    """Several of them, each named once, in the same order whoever marks them."""
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
    session: AsyncSession, system: str, kind: str, after: str, limit: int = AT_ONCE
) -> list[Ref]:
    """What never was marked of a kind, by their ids, from that one on; reading takes no lock."""
    table, _ = WATCHED[kind]
    of = Customer.id if table is Customer else table.__table__.c.customer_id
    mine = table.__table__.c.id
    marks = exists().where(Mirror.system == system, Mirror.kind == kind, Mirror.ref == mine)
    query = select(mine, of).where(mine > after, ~marks, *_worth(kind)).order_by(mine).limit(limit)
    return [(kind, ref, whose) for ref, whose in (await session.execute(query)).all()]


async def mark_first(session: AsyncSession, now: datetime, system: str, rows: list[Ref]) -> None:
    """Marks for these; what somebody has marked meanwhile keeps its own."""
    insert, values = _insert(session.get_bind().dialect.name), _values(now, system, rows)
    await session.execute(insert.values(values).on_conflict_do_nothing())


def _worth(kind: str) -> tuple[ColumnElement[bool], ...]:
    """What of a kind the CRM is to have at all."""
    alive = Customer.erased_at.is_(None)
    if kind in (ACCOUNT, CONTACT):
        return (alive, Customer.company.is_not(None)) if kind == ACCOUNT else (alive,)
    of = WATCHED[kind][0].__table__.c.customer_id
    theirs = exists().where(Customer.id == of, alive)
    return (and_(theirs, Message.sent_at.is_not(None)) if kind == "message" else theirs,)
