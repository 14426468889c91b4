"""The desk as web and command line open it: the store, the clock, and Temporal when it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client

from activities.clock import SystemClock
from activities.crm.migrate import at_head
from activities.crm.pace import pace_of
from activities.crm.store import Store
from activities.settings import Settings, temporal_connection
from starter.desk import Desk
from workflows.plugin import plugin
from workflows.vocabulary import Pace


class NotReadyError(Exception):
    """The office cannot open; the message says what to do."""


@asynccontextmanager
async def open_desk(
    settings: Settings, *, check: bool = True, target: str | None = None
) -> AsyncIterator[Desk]:
    """A desk for as long as the block lasts; never waits for Temporal, which is the one at the
    target, else the one that the environment names.

    Raises `NotReadyError` when the tables are not those of this release; unchecked, for those who
    want to look at just that, it opens all the same.
    """
    store = Store(settings.database, crm=settings.crm)
    try:
        if check:
            await _ready(store)
        yield Desk(store, settings, SystemClock(await _pace(store)), await temporal(target))
    finally:
        await store.close()


async def _pace(store: Store) -> Pace:
    try:
        async with store.reading() as session:
            return await pace_of(session)
    except (SQLAlchemyError, OSError):  # no tables, or no database: who looks finds out
        return Pace()


async def temporal(target: str | None = None) -> Client:
    """The Temporal that is named, and no other, else the one that the environment names by the
    SDK's own rules; asked when first needed."""
    if target:
        return await Client.connect(target, plugins=[plugin], lazy=True)
    return await Client.connect(**temporal_connection(), plugins=[plugin], lazy=True)


async def _ready(store: Store) -> None:
    try:
        await store.check()
        ready = await at_head(store)
    except (SQLAlchemyError, OSError) as fault:
        raise NotReadyError(
            f"the database does not answer ({type(fault).__name__}): aftercare doctor"
        ) from None
    if not ready:
        raise NotReadyError("the database is not at this release's tables. Run: aftercare migrate")
