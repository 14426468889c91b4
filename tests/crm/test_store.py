"""The door to the database."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from activities.crm.store import Store, UnsafeDatabaseError, lock_customer
from activities.crm.tables import Customer
from tests.conftest import Postgres
from tests.factories import a_customer


async def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    """What is written before an error is not written."""
    customer = await a_customer(store)

    async def fail() -> None:
        async with store.transaction() as session:
            row = await lock_customer(session, customer.id)
            assert row is not None
            row.tier = "vip"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with store.reading() as session:
        found = await session.get_one(Customer, customer.id)
    assert found.tier == "standard"


async def test_the_customers_lock_lets_one_in_at_a_time(store: Store) -> None:
    """Two transactions about one customer follow one another."""
    customer = await a_customer(store)
    inside: list[str] = []

    async def visit(name: str) -> None:
        async with store.transaction() as session:
            await lock_customer(session, customer.id)
            inside.append(f"{name} in")
            await asyncio.sleep(0.02)
            inside.append(f"{name} out")

    await asyncio.gather(visit("a"), visit("b"))
    assert [line.split()[1] for line in inside] == ["in", "out", "in", "out"]


async def test_instants_come_back_in_utc(store: Store) -> None:
    """A moment is aware on the way out, whatever the database keeps."""
    customer = await a_customer(store)
    async with store.reading() as session:
        found = await session.get_one(Customer, customer.id)
    assert found.created_at == customer.created_at
    assert str(found.created_at.tzinfo) == "UTC"


async def test_postgresql_that_forgets_is_refused(postgres: Postgres) -> None:
    """With synchronous_commit off an acknowledged send may be forgotten, so nothing starts."""
    name = postgres.create("template0")
    store = Store(postgres.url(name) + "&options=-c%20synchronous_commit%3Doff")
    try:
        with pytest.raises(UnsafeDatabaseError):
            await store.check()
    finally:
        await store.close()
        postgres.drop(name)


async def test_a_safe_database_passes_the_check(store: Store) -> None:
    """SQLite as we open it and PostgreSQL as it comes are safe."""
    await store.check()


async def test_whoever_is_cancelled_leaves_no_lock(store: Store) -> None:
    """Cancelled at any moment, a transaction is whole or undone, and the next one need not wait."""
    customer = await a_customer(store)

    async def write() -> None:
        async with store.transaction() as session:
            row = await lock_customer(session, customer.id)
            assert row is not None
            row.tier = "vip"
            await session.flush()
            await asyncio.sleep(0)
            await session.execute(text("select 1"))

    for steps in range(1, 60):
        task = asyncio.create_task(write())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert result is None or isinstance(result, asyncio.CancelledError)
        async with asyncio.timeout(5), store.transaction() as session:
            await lock_customer(session, customer.id)


async def test_a_time_limit_stays_one(store: Store) -> None:
    """A statement that outlasts its time limit is finished first; then the limit is what it was."""
    customer = await a_customer(store)

    async def for_ever() -> None:
        while True:
            async with store.transaction() as session:
                await lock_customer(session, customer.id)

    for _ in range(20):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(for_ever(), 0.002)


async def test_who_waits_for_another_process_keeps_nobody_waiting(
    store: Store, store_url: str
) -> None:
    """The lock is taken at once where it is free; where it is not, the loop goes on meanwhile."""
    customer, other = await a_customer(store), Store(store_url)

    async def write() -> None:
        async with store.transaction() as session:
            await lock_customer(session, customer.id)

    async with other.transaction() as session:
        await lock_customer(session, customer.id)
        waiting = asyncio.create_task(write())
        await asyncio.sleep(0.05)
        assert not waiting.done()
    await waiting
    await other.close()
