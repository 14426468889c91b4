"""The migrations: what they make is what the code expects, on both databases."""

from __future__ import annotations

import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select, text

from activities.crm import mirrors
from activities.crm.migrate import _config, at_head, upgrade, upgrade_store
from activities.crm.store import Store
from activities.crm.tables import Base, Customer, Mirror
from tests.factories import NOON, a_customer

TOLD = """insert into mirror
    (id, system, kind, ref, changed_at, told_at, number, attempts, external_id) values
    (:id, :system, :kind, 'r', '2026-01-05 12:00:00', '2026-01-05 12:01:00', 1, 0, 'x')"""
TOLD_BEFORE = [
    {"id": "0", "system": "salesforce", "kind": "contact"},
    {"id": "1", "system": "salesforce", "kind": "note"},
    {"id": "2", "system": "zoom", "kind": "meeting"},
]


async def test_the_migrations_make_the_tables(empty_url: str) -> None:
    """After an upgrade the database has exactly what the tables say."""
    await upgrade(empty_url)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    store = Store(empty_url)
    async with store.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    assert await at_head(store)
    await store.close()


async def test_an_upgrade_of_what_is_new_already_changes_nothing(empty_url: str) -> None:
    """The second upgrade keeps tables and rows as they are."""
    await upgrade(empty_url)
    store = Store(empty_url)
    customer = await a_customer(store)
    await upgrade(empty_url)
    async with store.reading() as session:
        assert await session.get(Customer, customer.id)
    await store.close()


async def test_several_upgrades_at_once(empty_url: str) -> None:
    """Worker and web start together, and both bring the database up to date."""
    await asyncio.gather(*(upgrade(empty_url) for _ in range(4)))
    store = Store(empty_url)
    assert await at_head(store)
    await store.close()


async def test_an_empty_database_is_not_at_head(empty_url: str) -> None:
    """Who starts without migrating is told."""
    store = Store(empty_url)
    assert not await at_head(store)
    await store.close()


async def test_a_failed_upgrade_leaves_nothing(empty_url: str) -> None:
    """A table that is in the way stops the upgrade as a whole, not half-way."""
    store = Store(empty_url)
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql("create table task (id integer)")
    failed = await asyncio.gather(upgrade(empty_url), return_exceptions=True)
    assert isinstance(failed[0], Exception)
    async with store.engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert tables == ["task"]
    await store.close()


async def test_the_references_hold_after_an_upgrade_in_memory() -> None:
    """Foreign keys are minded again once the migration is over."""
    store = Store("sqlite+aiosqlite://")
    await upgrade_store(store)
    async with store.engine.connect() as connection:
        assert (await connection.exec_driver_sql("pragma foreign_keys")).scalar_one() == 1
    assert await at_head(store)
    await store.close()


async def test_contacts_are_told_anew_of_what_they_allow(empty_url: str) -> None:
    """Whom Salesforce has had from before consents were told waits for its turn, with the id that
    it has there; what was said to them, and Zoom's meetings, are not told twice."""
    store = Store(empty_url)
    async with store.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), "v0006"))
        await connection.execute(text(TOLD), TOLD_BEFORE)
    await upgrade(empty_url)
    async with store.reading() as session:
        waiting = await mirrors.waiting(session, "salesforce", NOON)
        untold = await session.execute(select(Mirror).where(Mirror.told_at.is_(None)))
        assert [row.id for row in untold.scalars()] == ["0"]
    assert [(row.kind, row.number, row.external_id) for row in waiting] == [("contact", 2, "x")]
    await store.close()
