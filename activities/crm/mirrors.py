"""What systems outside are yet to be told of our rows: marked here, told in order, once each.

A row waits until it was told as it last stood. It is put off while something passing is in the way,
and given up when the system refuses it: then nobody asks again until the row changes, or a person
says so. `turn_at` is real time. One row is changed here at a time and its transaction ends, so that
nobody who marks a message waits for anybody who tells of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from activities.calendar import office_due
from activities.crm import tasks
from activities.crm.house import house_rules
from activities.crm.marking import ACCOUNT, CONTACT, mark_all
from activities.crm.store import lock_name
from activities.crm.tables import Mirror, Provider, Task, new_id
from workflows import vocabulary as v
from workflows.vocabulary import Role

FIRST, LONGEST = timedelta(seconds=15), timedelta(hours=1)  # doubled from one to the other
DOUBLINGS = 8
AFTER = "after_contact"  # the code of what is told once its customer is known there
FIRST_OF_ALL = {ACCOUNT: 0, CONTACT: 1}  # what others lean on is told before them
DAILY = timedelta(days=1)  # what waits for something else looks again after it, whatever it heard
REMEMBERED, ECHOES = 5, timedelta(minutes=1)  # of what it was asked for, and for how long
UNTOLD = Mirror.told_at.is_(None)
GIVEN_UP = and_(UNTOLD, Mirror.error.is_not(None), Mirror.turn_at.is_(None))


# -- marking -----------------------------------------------------------------------------------


async def mark(
    session: AsyncSession,
    now: datetime,
    system: str,
    kind: str,
    ref: str,
    *,
    customer_id: str | None,
) -> None:
    """The row has changed, and the system is to be told of it."""
    rows = [(kind, ref, customer_id)]
    await session.run_sync(lambda sync: mark_all(sync.connection(), now, system, rows))


# -- telling -----------------------------------------------------------------------------------


async def find(session: AsyncSession, system: str, kind: str, ref: str) -> Mirror | None:
    query = select(Mirror).where(Mirror.system == system, Mirror.kind == kind, Mirror.ref == ref)
    return (await session.execute(query)).scalar_one_or_none()


async def waiting(
    session: AsyncSession, system: str, real: datetime, limit: int = 100
) -> list[Mirror]:
    """What may be told now: what changed first first, and a customer before what is about them."""
    turn = or_(
        and_(Mirror.turn_at.is_(None), Mirror.error.is_(None)),
        Mirror.turn_at <= real,
    )
    query = select(Mirror).where(Mirror.system == system, UNTOLD, turn)
    first = case(FIRST_OF_ALL, value=Mirror.kind, else_=len(FIRST_OF_ALL))
    query = query.order_by(Mirror.changed_at, first, Mirror.id).limit(limit)
    return list((await session.execute(query)).scalars())


async def told(
    session: AsyncSession, id_: str, number: int, now: datetime, external_id: str | None
) -> bool:
    """The system has it as it stood at that number; False if it has changed since, and waits on."""
    if external_id is not None:
        await session.execute(_of(id_).values(external_id=external_id[:255]))
    done = _of(id_, Mirror.number == number).values(
        told_at=now, attempts=0, turn_at=None, error=None
    )
    found = await session.execute(done.returning(Mirror.id))
    return found.first() is not None


async def say(session: AsyncSession, row: Mirror, what: str, real: datetime) -> None:
    """It is just being asked for that, and may tell us of it as if it were news."""
    row.said = [*(row.said or ()), [real.isoformat(), what]][-REMEMBERED:]
    await session.execute(_of(row.id).values(said=row.said))


def is_echo(row: Mirror, what: str, at: datetime, *, only: bool = False) -> bool:
    """Whether what it says happened then is our own doing; or (unless only that counts) was undone
    by what we asked for since."""
    said = [(datetime.fromisoformat(moment), words) for moment, words in row.said or ()]
    if any(words == what and abs(at - moment) < ECHOES for moment, words in said):
        return True
    return not only and any(at < moment for moment, _ in said)


async def put_off(session: AsyncSession, id_: str, number: int, code: str, until: datetime) -> None:
    """Not now, for that reason; it is tried again from then on."""
    again = {"attempts": Mirror.attempts + 1, "error": code[:255], "turn_at": until}
    await session.execute(_of(id_, UNTOLD, Mirror.number == number).values(again))


def later(row: Mirror, real: datetime) -> datetime:
    """When a row is tried again that something passing was in the way of: later and later."""
    doublings: int = 2 ** min(row.attempts, DOUBLINGS)
    return real + min(FIRST * doublings, LONGEST)


async def give_up(session: AsyncSession, row: Mirror, code: str, now: datetime) -> None:
    """The system refuses it as it is: an engineer is told, of each sort of refusal once."""
    what = f"{row.system} refuses a {row.kind} ({code}): `aftercare systems {row.system}` shows "
    what += f"which; mend it, then `aftercare systems retry {row.system}`"
    await call_engineer(session, f"mirror/{row.system}/{code}", what, now)
    given_up = {"attempts": Mirror.attempts + 1, "error": code[:255], "turn_at": None}
    await session.execute(_of(row.id, UNTOLD, Mirror.number == row.number).values(given_up))


async def call_engineer(session: AsyncSession, of: str, what: str, now: datetime) -> None:
    """A task for an engineer about this, unless one is open."""
    await lock_name(session, of)
    like = Task.key.startswith(f"{of}/", autoescape=True)
    query = select(Task.id).where(like, Task.state == tasks.OPEN)
    if (await session.execute(query.limit(1))).first() is not None:
        return
    step = v.Task(key=f"{of}/{new_id('n')}", customer_id="", role=Role.ENGINEER, what=what[:255])
    due = office_due(now, step.within, await house_rules(session))
    await tasks.put(session, now, step, None, due=due, priority=tasks.SOON)


async def let_go(session: AsyncSession, system: str, *which: ColumnElement[bool]) -> int:
    """What was put off may be told now; what others are just changing, they let go themselves."""
    off = (Mirror.system == system, UNTOLD, Mirror.turn_at.is_not(None), *which)
    query = select(Mirror.id).where(*off).with_for_update(skip_locked=True)
    ids = (await session.execute(query)).scalars().all()
    for start in range(0, len(ids), 500):
        some = Mirror.id.in_(ids[start : start + 500])
        await session.execute(update(Mirror).where(some).values(turn_at=None, error=None))
    return len(ids)


async def let_go_after(session: AsyncSession, row: Mirror) -> None:
    """The system knows the customer now, so that it may be told of the rest."""
    mine = (Mirror.customer_id == row.customer_id, Mirror.error == AFTER)
    await let_go(session, row.system, *mine)


async def forget(session: AsyncSession, row: Mirror, now: datetime) -> None:
    """What the system called it is no more: it is told as if it were new, once however many say
    so."""
    again = {"external_id": None, "told_at": None, "turn_at": None, "error": None, "attempts": 0}
    still = Mirror.external_id == row.external_id
    anew = {"number": Mirror.number + 1, "changed_at": now}
    await session.execute(_of(row.id, still).values(again | anew))


def _of(id_: str, *also: ColumnElement[bool]) -> Any:
    off = {"synchronize_session": False}
    return update(Mirror).where(Mirror.id == id_, *also).execution_options(**off)


# -- looking at it -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """How far a system is behind us, and why."""

    system: str
    told: int
    waiting: int  # those given up among them
    since: datetime | None  # the oldest change that it does not know of
    given_up: int
    errors: Mapping[str, int]  # codes, and how many wait because of each
    fault: str | None  # why the system as a whole is left in peace,
    asked_again_at: datetime | None  # and until when


async def systems(session: AsyncSession) -> list[str]:
    """Whoever was ever to be told of something."""
    return sorted((await session.execute(select(Mirror.system).distinct())).scalars())


async def standing(session: AsyncSession, system: str, real: datetime) -> Standing:
    mine = Mirror.system == system
    query = select(func.count(), func.min(Mirror.changed_at)).where(mine, UNTOLD)
    count, since = (await session.execute(query)).one()
    has = select(func.count()).where(mine, Mirror.told_at.is_not(None))
    known = (await session.execute(has)).scalar_one()
    given_up = (await session.execute(select(func.count()).where(mine, GIVEN_UP))).scalar_one()
    codes = select(Mirror.error, func.count()).where(mine, UNTOLD, Mirror.error.is_not(None))
    rows = (await session.execute(codes.group_by(Mirror.error).order_by(Mirror.error))).all()
    state = await session.get(Provider, system)
    closed = state is not None and state.open_until is not None and state.open_until > real
    return Standing(
        system=system,
        told=known,
        waiting=count,
        since=since,
        given_up=given_up,
        errors={str(code): number for code, number in rows},
        fault=state.fault if state else None,
        asked_again_at=state.open_until if state and closed else None,
    )


async def given_up(session: AsyncSession, system: str, limit: int = 100) -> list[Mirror]:
    """What the system refuses, what changed first first."""
    query = select(Mirror).where(Mirror.system == system, GIVEN_UP)
    return list((await session.execute(query.order_by(Mirror.changed_at).limit(limit))).scalars())


async def retry(session: AsyncSession, system: str, *, all_of_it: bool = False) -> int:
    """A person says so: what was given up or put off is told again, or all that ever was."""
    off = (Mirror.system == system, UNTOLD, Mirror.error.is_not(None))
    query = select(Mirror.id).where(*((Mirror.system == system,) if all_of_it else off))
    ids = (await session.execute(query.with_for_update())).scalars().all()
    again: dict[str, Any] = {"turn_at": None, "error": None, "attempts": 0}
    if all_of_it:
        again |= {"told_at": None, "number": Mirror.number + 1}
    for start in range(0, len(ids), 500):
        some = Mirror.id.in_(ids[start : start + 500])
        await session.execute(update(Mirror).where(some).values(again))
    state = await session.get(Provider, system)
    if state is not None:
        state.failures, state.fault, state.failing_since, state.open_until = 0, None, None, None
    return len(ids)
