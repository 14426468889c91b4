"""Is everything there? Asked by `/readyz`, by `aftercare up` and by `aftercare doctor`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client
from temporalio.service import RPCError

from activities.crm.migrate import at_head
from activities.crm.store import Store, UnsafeDatabaseError
from activities.settings import temporal_connection
from workflows import attributes
from workflows.contract import BULK, QUEUE

SEARCH_ATTRIBUTES = {
    key.name: key.indexed_value_type.name.title().replace("_", "") for key in attributes.ALL
}
PATIENCE = timedelta(seconds=3)
POLLED_WITHIN = timedelta(seconds=90)  # a poll lasts a minute


@dataclass(frozen=True)
class Check:
    """One thing looked at, and its cure."""

    name: str
    state: Literal["ok", "warning", "broken"]
    says: str
    cure: str = ""


async def readiness(store: Store) -> list[Check]:
    """What must be true before traffic is welcome: database, migrations, Temporal, a worker."""
    return [await database(store), *await engine()]


async def engine() -> list[Check]:
    """Temporal, what it must know of us, and a worker."""
    async with _temporal() as found:
        if isinstance(found, Check):
            return [found]
        return [_reachable(found), await search_attributes(found), await worker(found)]


async def database(store: Store) -> Check:
    """Reachable, safe to acknowledge with, and at the newest migration."""
    name, where = "database", masked(store.url)
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()), store.reading() as session:
            await session.execute(text("select 1"))
        await store.check()
        if not await at_head(store):
            return Check(name, "broken", f"{where} is behind this release", "aftercare migrate")
    except UnsafeDatabaseError as fault:
        return Check(name, "broken", str(fault), "alter system set synchronous_commit = on")
    except (SQLAlchemyError, OSError) as fault:
        says = f"{where} does not answer ({type(fault).__name__})"
        return Check(name, "broken", says, "start it, or correct AFTERCARE_DATABASE_URL")
    return Check(name, "ok", f"{where}, at the newest migration")


@asynccontextmanager
async def _temporal() -> AsyncIterator[Client | Check]:
    """The Temporal that the environment names, or the check that failed."""
    try:
        config = temporal_connection()
    except (RuntimeError, OSError, ValueError):
        cure = "correct the TEMPORAL_ variables, or the profile they name"
        yield Check("temporal", "broken", "its settings cannot be read", cure)
        return
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            client = await Client.connect(**config)
    except (RuntimeError, OSError, ValueError):
        cure = "start it (`aftercare up`), or correct TEMPORAL_ADDRESS"
        yield Check("temporal", "broken", f"{config['target_host']} does not answer", cure)
        return
    yield client


def _reachable(client: Client) -> Check:
    where = f"{client.service_client.config.target_host}, namespace {client.namespace}"
    return Check("temporal", "ok", where)


async def search_attributes(client: Client) -> Check:
    """Whether the namespace knows the search attributes that follow-ups carry."""
    name = "search attributes"
    try:
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as fault:
        return Check(name, "warning", f"cannot be listed ({fault.status.name})")
    missing = [one for one in SEARCH_ATTRIBUTES if one not in known.custom_attributes]
    if not missing:
        return Check(name, "ok", f"all {len(SEARCH_ATTRIBUTES)} registered")
    words = " ".join(f"--name {one} --type {SEARCH_ATTRIBUTES[one]}" for one in missing)
    cure = f"temporal operator search-attribute create {words}"
    return Check(name, "broken", f"not registered: {', '.join(missing)}", cure)


async def worker(client: Client, host: str = "") -> Check:
    """Whether somebody polls both of our queues, from that machine if one is named."""
    idle = [queue for queue in (QUEUE, BULK) if not await _polled(client, queue, host)]
    where = f" from {host}" if host else ""
    if idle:
        says = f"No worker is polling {' and '.join(f'`{queue}`' for queue in idle)}{where}"
        return Check("worker", "broken", says, "start one: aftercare worker")
    return Check("worker", "ok", f"polls `{QUEUE}` and `{BULK}`{where}")


async def works_here(host: str) -> Check:
    """Whether the worker of this machine polls; for a container, which is a machine of its own."""
    async with _temporal() as found:
        return found if isinstance(found, Check) else await worker(found, host)


async def _polled(client: Client, queue: str, host: str) -> bool:
    now = datetime.now(UTC)
    with contextlib.suppress(RPCError):
        found = await _pollers(client, queue, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
        theirs = (one for one in found.pollers if not host or one.identity.endswith(f"@{host}"))
        last = (one.last_access_time.ToDatetime(tzinfo=UTC) for one in theirs)
        return any(now - access < POLLED_WITHIN for access in last)
    return False


async def _pollers(
    client: Client, queue: str, kind: TaskQueueType.ValueType
) -> DescribeTaskQueueResponse:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    return await client.workflow_service.describe_task_queue(request, timeout=PATIENCE)


# -- for the supervisor, which asks one part at a time ---------------------------------------------


async def answers(target: str) -> bool:
    """Whether Temporal answers there, its default namespace being ready."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            client = await Client.connect(target)
            await _pollers(client, QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
    except (RuntimeError, RPCError, OSError):
        return False
    return True


async def polls(target: str, pid: int) -> bool:
    """Whether the worker of that process polls for workflows."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            client = await Client.connect(target)
            found = await _pollers(client, QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
    except (RuntimeError, RPCError, OSError):
        return False
    return any(one.identity.startswith(f"{pid}@") for one in found.pollers)


async def lives(host: str, port: int) -> bool:
    """Whether the web application answers `/livez`."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET /livez HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            status = await reader.readline()
            writer.close()
    except OSError:
        return False
    return b" 200 " in status


def masked(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return f"{head.rpartition(':')[0]}:•••@{tail}" if at and head.count(":") > 1 else url
