"""The tables' migrations: one set for SQLite and PostgreSQL, each upgrade whole or not at all.

For developers: `python -m activities.crm.migrate revision "words"` writes the next migration from
what `tables.py` has and the migrations have not.
"""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from functools import partial
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from activities.crm.store import Store, lock_name

MIGRATIONS = Path(__file__).with_name("migrations")


async def upgrade(url: str) -> None:
    """Bring the database to the newest migration; several processes may ask at once."""
    if make_url(url).get_backend_name() == "sqlite":
        await asyncio.to_thread(_make_room, url)
    store = Store(url)
    try:
        await upgrade_store(store)
    finally:
        await store.close()


async def upgrade_store(store: Store) -> None:
    """The same for a store that is open already, as one in memory must be."""
    async with store.engine.connect() as connection:
        await connection.execution_options(aftercare_begin="IMMEDIATE")
        if store.sqlite:  # writing a table anew must not look like deleting what refers to it
            await connection.run_sync(partial(_foreign_keys, on=False))
        try:
            async with connection.begin():
                await lock_name(connection, "migrations")
                await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))
        finally:
            if store.sqlite:
                await connection.run_sync(partial(_foreign_keys, on=True))


async def at_head(store: Store) -> bool:
    """Whether the database has every migration of this release."""
    async with store.engine.connect() as connection:
        heads = await connection.run_sync(_heads)
    return heads == ScriptDirectory.from_config(_config()).get_heads()


def _foreign_keys(connection: Connection, *, on: bool) -> None:
    cursor = connection.connection.cursor()  # a pragma does nothing inside a transaction
    cursor.execute(f"pragma foreign_keys={'on' if on else 'off'}")
    cursor.close()


def _heads(connection: Connection) -> list[str]:
    return list(MigrationContext.configure(connection).get_current_heads())


def _config(connection: Connection | None = None) -> Config:
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _make_room(url: str) -> None:
    database = make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)


async def revision(words: str) -> Path:
    """Write the next migration, from the difference between the tables and the migrations."""
    store = Store("sqlite+aiosqlite://")
    await upgrade_store(store)
    number = len(list((MIGRATIONS / "versions").glob("v*.py"))) + 1

    def write(connection: Connection) -> None:
        command.revision(
            _config(connection), message=words, autogenerate=True, rev_id=f"v{number:04}"
        )

    async with store.engine.connect() as connection, connection.begin():
        await connection.run_sync(write)
    await store.close()
    (path,) = (MIGRATIONS / "versions").glob(f"v{number:04}_*.py")
    ruff = str(Path(sys.executable).with_name("ruff"))
    for tidy in (["format", "--quiet"], ["check", "--fix", "--quiet"]):
        subprocess.run([ruff, *tidy, str(path)], check=True)  # noqa: ASYNC221, S603 - no one waits
    return path


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "revision":
        sys.exit('usage: python -m activities.crm.migrate revision "words"')
    sys.stdout.write(f"{asyncio.run(revision(sys.argv[2]))}\n")
