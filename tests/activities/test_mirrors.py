"""What systems outside are told of our rows: in order, once each, and never twice at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from activities.crm import mirrors
from activities.crm.mirrors import Standing
from activities.crm.store import Store
from activities.crm.tables import Mirror, Task
from activities.mirrors import AfterError, LaterError, Outcome, RefusedError, UnfitError
from activities.mirrors.loop import Mirrors
from tests.factories import FakeClock

SYSTEM = "elsewhere"


class Elsewhere:
    """A system that has what it is told, unless something is done to it first."""

    def __init__(self, system: str = SYSTEM, at_once: int = 1) -> None:
        self.system, self.at_once = system, at_once
        self.told: list[str] = []
        self.asked: list[int] = []  # how many rows each telling was of
        self.first: dict[str, Callable[[Mirror], Any]] = {}

    async def tell(self, rows: Sequence[Mirror]) -> Sequence[Outcome]:
        self.asked.append(len(rows))
        return [await self.one(row) for row in rows]

    async def one(self, row: Mirror) -> Outcome:
        for one in (row.ref, "*"):
            if one in self.first:
                await asyncio.sleep(0)
                self.first[one](row)
        self.told.append(row.ref)
        return f"their-{row.ref}"


def raising(fault: Exception) -> Callable[[Mirror], Any]:
    def fail(_: Mirror) -> None:
        raise fault

    return fail


async def mark(store: Store, clock: FakeClock, *refs: str, **fields: Any) -> None:
    for ref in refs:
        said = {"system": SYSTEM, "kind": "note", "customer_id": "cus_1"} | fields
        async with store.transaction() as session:
            await mirrors.mark(session, clock.now(), ref=ref, **said)
        clock.advance(seconds=1)


async def standing(store: Store, clock: FakeClock) -> Standing:
    async with store.reading() as session:
        return await mirrors.standing(session, SYSTEM, clock.real())


async def tasks(store: Store) -> list[Task]:
    async with store.reading() as session:
        return list((await session.execute(select(Task))).scalars())


async def test_told_in_order_once(store: Store, clock: FakeClock) -> None:
    """What changed ten times is told once, at the place of its first change."""
    there = Elsewhere()
    await mark(store, clock, "a", *["b"] * 10, "a", "c")
    await Mirrors(store, clock, [there]).once(there)
    assert there.told == ["a", "b", "c"]
    await Mirrors(store, clock, [there]).once(there)
    clock.advance(minutes=4)  # the turn of the first is over
    await Mirrors(store, clock, [there]).once(there)
    assert there.told == ["a", "b", "c"]
    assert (await standing(store, clock)).told == 3


async def test_what_changes_while_it_is_told(store: Store, clock: FakeClock) -> None:
    """It is told again: nobody knows which of the two the system has."""
    there = Elsewhere()
    await mark(store, clock, "a")
    changes = [asyncio.create_task(asyncio.sleep(0))]

    def meanwhile(_: Mirror) -> None:
        del there.first["a"]
        changes.append(asyncio.create_task(mark(store, clock, "a")))

    there.first["a"] = meanwhile
    loop = Mirrors(store, clock, [there])
    original = there.one

    async def slowly(row: Mirror) -> Outcome:
        said = await original(row)
        await asyncio.gather(*changes)
        return said

    there.one = slowly  # type: ignore[method-assign]
    await loop.once(there)
    assert there.told == ["a", "a"]


async def test_a_refusal_stops_nothing_else(store: Store, clock: FakeClock) -> None:
    """An engineer is told once of each sort; the row waits for its next change, or for a word."""
    there = Elsewhere()
    for ref in "bd":
        there.first[ref] = raising(RefusedError("validation"))
    await mark(store, clock, *"abcd")
    loop = Mirrors(store, clock, [there])
    await loop.once(there)
    assert there.told == ["a", "c"]
    found = await standing(store, clock)
    assert (found.waiting, found.given_up, dict(found.errors)) == (2, 2, {"validation": 2})
    (task,) = await tasks(store)
    assert task.title.startswith("elsewhere refuses a note (validation): `aftercare systems else")
    there.first.clear()
    clock.advance(days=3)
    await loop.once(there)
    assert there.told == ["a", "c"]
    await mark(store, clock, "b")
    await loop.once(there)
    assert there.told == ["a", "c", "b"]
    async with store.transaction() as session:
        assert await mirrors.retry(session, SYSTEM) == 1
    await loop.once(there)
    assert there.told == ["a", "c", "b", "d"]


async def test_a_row_that_always_fails(store: Store, clock: FakeClock) -> None:
    """It is tried later and later; all others get through."""
    there = Elsewhere()
    tried = 0

    def fail(_: Mirror) -> None:
        nonlocal tried
        tried += 1
        raise ZeroDivisionError

    there.first["a"] = fail
    await mark(store, clock, *"abc")
    loop = Mirrors(store, clock, [there])
    for _ in range(24 * 6):
        await loop.once(there)
        clock.advance(minutes=10)
    assert there.told == ["b", "c"]
    assert 20 < tried < 40
    assert dict((await standing(store, clock)).errors) == {"ZeroDivisionError": 1}


async def test_a_system_that_is_away(store: Store, clock: FakeClock) -> None:
    """It is left in peace, longer and longer; when it is back, all comes in order, at once."""
    there = Elsewhere()
    tried = 0

    def fail(_: Mirror) -> None:
        nonlocal tried
        tried += 1
        raise LaterError("no_connection")

    there.first["*"] = fail
    refs = [f"{number:03}" for number in range(40)]
    await mark(store, clock, *refs)
    loop = Mirrors(store, clock, [there])
    for _ in range(3 * 24 * 6):
        await loop.once(there)
        clock.advance(minutes=10)
    assert there.told == []
    assert 3 * 24 * 5 < tried < 3 * 24 * 6 + 20  # every ten minutes, as it were
    assert (await standing(store, clock)).fault == "no_connection"
    there.first.clear()
    clock.advance(minutes=10)
    await loop.once(there)
    assert sorted(there.told) == refs
    assert there.told[1:] == [ref for ref in refs if ref != there.told[0]]
    assert (await standing(store, clock)).fault is None


async def test_a_system_that_asks_for_peace(store: Store, clock: FakeClock) -> None:
    """Its wait is heeded by everything for it, and by nothing for another."""
    there, other = Elsewhere(), Elsewhere("another")
    there.first["*"] = raising(LaterError("rate_limited", timedelta(minutes=5)))
    await mark(store, clock, "a", "b")
    await mark(store, clock, "x", system="another")
    loop = Mirrors(store, clock, [there, other])
    await loop.once(there)
    await loop.once(other)
    assert other.told == ["x"]
    there.first.clear()
    await loop.once(there)
    assert there.told == []
    clock.advance(minutes=5)
    await loop.once(there)
    assert there.told == ["a", "b"]


async def test_a_system_that_is_not_set_up(store: Store, clock: FakeClock) -> None:
    """An engineer is told what to do, once; no row is given up, and it goes on by itself."""
    there = Elsewhere()
    there.first["*"] = raising(UnfitError("no_such_field", "create the field F"))
    await mark(store, clock, "a", "b")
    loop = Mirrors(store, clock, [there])
    for _ in range(8):
        await loop.once(there)
        clock.advance(minutes=15)
    assert [one.title for one in await tasks(store)] == [
        "elsewhere takes nothing of ours (no_such_field): create the field F"
    ]
    assert (await standing(store, clock)).given_up == 0
    there.first.clear()
    await loop.once(there)
    assert there.told == ["a", "b"]


async def test_what_is_about_a_customer_comes_after(store: Store, clock: FakeClock) -> None:
    """Whatever is in the way of the customer, what is about them follows by itself."""
    there = Elsewhere()
    there.first["note"] = raising(AfterError(mirrors.AFTER))
    there.first["cus_1"] = raising(RefusedError("duplicate"))
    await mark(store, clock, "note", "x")
    await mark(store, clock, "cus_1", kind="contact")
    loop = Mirrors(store, clock, [there])
    await loop.once(there)
    assert there.told == ["x"]
    assert len(await tasks(store)) == 1  # of the customer alone
    there.first.clear()
    await mark(store, clock, "cus_1", kind="contact")
    await loop.once(there)
    assert there.told == ["x", "cus_1", "note"]


async def test_one_worker_at_a_time(store: Store, clock: FakeClock) -> None:
    """The second tells nothing while the first lives, and all when it has died."""
    there = Elsewhere()
    first, second = (Mirrors(store, clock, [there]) for _ in range(2))
    await mark(store, clock, "a")
    await first.once(there)
    await mark(store, clock, "b")
    await second.once(there)
    assert there.told == ["a"]
    clock.advance(minutes=4)
    await second.once(there)
    await first.once(there)
    assert there.told == ["a", "b"]


async def test_a_database_that_is_away(store: Store, clock: FakeClock) -> None:
    """The task lives on, and tells when it is back."""
    there = Elsewhere()
    loop = Mirrors(store, clock, [there])
    loop.pause = timedelta(0)
    faults = 3
    once = loop.once

    async def fail(target: Any) -> None:
        nonlocal faults
        faults -= 1
        if faults >= 0:
            raise OSError
        await once(target)

    loop.once = fail  # type: ignore[method-assign]
    await mark(store, clock, "a")
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(30):
        while not there.told:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_nobody_is_to_be_told(store: Store, clock: FakeClock) -> None:
    """Without a system there is nothing to do."""
    await Mirrors(store, clock, []).run()


async def test_all_of_it_again(store: Store, clock: FakeClock) -> None:
    """By command everything is told anew, as for a system that was emptied."""
    there = Elsewhere()
    await mark(store, clock, "a", "b")
    loop = Mirrors(store, clock, [there])
    await loop.once(there)
    async with store.transaction() as session:
        assert await mirrors.retry(session, SYSTEM, all_of_it=True) == 2
    await loop.once(there)
    assert sorted(there.told) == ["a", "a", "b", "b"]
