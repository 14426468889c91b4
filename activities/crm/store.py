"""The door to the database: one engine, two kinds of transaction.

A writing transaction takes the lock first (SQLite `begin immediate`, PostgreSQL by locking the
customer's row), so that whoever gives permission and whoever takes it away never cross.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import ARRAY, Connection, Text, bindparam, cast, event, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    create_async_engine,
)

from activities.crm.marking import SYSTEM, Marked
from activities.crm.sqlite import connect
from activities.crm.tables import Base, Customer

OURS = "builtin"  # the CRM that we are ourselves
BUSY = 15.0  # seconds a writer waits for another
CONNECTIONS = 15  # of one process with PostgreSQL


_THEIRS = select(Customer).where(Customer.id == bindparam("id")).with_for_update()
# What was read before the lock may be of yesterday.
_FRESH = _THEIRS.execution_options(populate_existing=True)
_ROW = _THEIRS.with_only_columns(Customer.id)

UNFIT = (DataError, IntegrityError)  # what no other time will cure


class UnsafeDatabaseError(Exception):
    """The database is set up so that an acknowledged send may be forgotten."""


class Store:
    """Sessions on the CRM's database; without a path (`sqlite+aiosqlite://`), one for now only.
    With another CRM beside ours, what is changed is marked for it (`marking`).

    Raises `UnsafeDatabaseError` from `check` when PostgreSQL runs with `synchronous_commit` off:
    after a crash it forgets sends that it had confirmed.
    """

    def __init__(self, url: str, *, crm: str = OURS) -> None:
        self.url = url
        self.mirrored = "" if crm == OURS else crm  # who is to have what changes here, too
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        self._passing: TemporaryDirectory[str] | None = None
        if self.sqlite and make_url(url).database in {None, "", ":memory:"}:
            # A cancelled query takes its connection along, and a database in memory would go too.
            self._passing = TemporaryDirectory(prefix="aftercare-", ignore_cleanup_errors=True)
            url = f"sqlite+aiosqlite:///{self._passing.name}/aftercare.db"
        self._turn = asyncio.Lock()
        self.engine = _engine(url, durable=self._passing is None)
        self._writing = self.engine.execution_options(aftercare_begin="IMMEDIATE")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A writing transaction: committed at the end, rolled back on any error."""
        async with (
            self._turns(),
            AsyncSession(
                self._writing,
                sync_session_class=Marked,
                info={SYSTEM: self.mirrored},
                expire_on_commit=False,
            ) as session,
            session.begin(),
        ):
            yield session

    def _turns(self) -> AbstractAsyncContextManager[None]:
        """On SQLite writers take turns: those of one process in their order, not by trying."""
        return self._turn if self.sqlite else nullcontext()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    async def check(self) -> None:
        if self.sqlite:
            return
        async with self.engine.connect() as connection:
            mode = (await connection.execute(text("show synchronous_commit"))).scalar_one()
            if mode in ("off", "local"):
                raise UnsafeDatabaseError(
                    f"synchronous_commit is {mode}: set it to on, or sends may be doubled"
                )

    async def create_all(self) -> None:
        """The tables without their migrations, for tests and rehearsals in memory."""
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    async def close(self) -> None:
        await self.engine.dispose()
        if self._passing is not None:
            self._passing.cleanup()


def is_passing(fault: Exception) -> bool:
    """Whether the database is away, or busy: at another time the same will do."""
    passes = isinstance(fault, DBAPIError | PoolTimeoutError)
    return passes and not isinstance(fault, UNFIT)


async def lock_customer(session: AsyncSession, customer_id: str) -> Customer | None:
    """The customer's row, locked until the end of the transaction: whoever gives or withdraws
    permission to write to the customer does so under this lock."""
    return (await session.execute(_FRESH, {"id": customer_id})).scalar_one_or_none()


async def take_turns(session: AsyncSession, customer_id: str) -> None:
    """The same lock, for whoever asks nothing of the row. On SQLite writers take turns anyway."""
    if _is_postgresql(session):
        await session.execute(_ROW, {"id": customer_id})


async def lock_addresses(session: AsyncSession, customer: Customer) -> None:
    """Take turns at what is said to the customer's addresses, which others may share."""
    addresses = sorted(filter(None, (customer.email, customer.phone)))
    await lock_name(session, *(f"address:{address}" for address in addresses))


async def lock_name(
    where: AsyncSession | AsyncConnection, *names: str, shared: bool = False
) -> None:
    """Take turns, until the end of the transaction, at what no row stands for; at several, in that
    order. Whoever also needs a customer's lock takes that first. Those who share it wait only for
    one who does not. On SQLite writers take turns anyway."""
    if names and _is_postgresql(where):
        lock = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        each = func.unnest(cast(list(names), ARRAY(Text))).column_valued("name")
        await where.execute(select(lock(func.hashtextextended(each, 0))))


def _is_postgresql(where: AsyncSession | AsyncConnection) -> bool:
    bind = where.get_bind() if isinstance(where, AsyncSession) else where
    return bind.dialect.name == "postgresql"


def _engine(url: str, *, durable: bool) -> AsyncEngine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        # All that are opened stay open: to make one costs more than what it is wanted for.
        pool = {"pool_size": CONNECTIONS, "max_overflow": 0, "pool_pre_ping": True}
        return create_async_engine(parsed, **pool, hide_parameters=True)
    parsed = parsed.set(drivername="sqlite+aiosqlite")
    # Parameters are hidden: what is personal must not stand in an error's text.
    waiting = {"timeout": BUSY, "async_creator_fn": connect}
    engine = create_async_engine(parsed, connect_args=waiting, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's `begin` below is the only one
        cursor = connection.cursor()
        cursor.execute("pragma foreign_keys=on")
        cursor.execute("pragma secure_delete=on")
        cursor.execute("pragma journal_mode=wal")
        cursor.execute(f"pragma synchronous={'full' if durable else 'off'}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("aftercare_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine
