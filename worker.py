"""The composition root: settings, store, clock and channels become two workers, one per queue."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.worker import Worker

from activities.channels import Channel
from activities.channels.wiring import channels_for, missing
from activities.clock import Clock, SystemClock
from activities.crm.migrate import at_head
from activities.crm.pace import pace_of
from activities.crm.store import Store, UnsafeDatabaseError
from activities.discretion import Discretion
from activities.logs import configure
from activities.mirrors.loop import Mirrors
from activities.mirrors.wiring import targets_for
from activities.settings import Settings, load_settings, temporal_connection
from activities.watch import Watch
from activities.wiring import verbs
from workflows.contract import BULK, QUEUE
from workflows.plugin import plugin

GRACE = timedelta(seconds=10)  # for activities under way, when asked to stop
STICKY = timedelta(seconds=1)  # a killed worker's customers are served again after this
ATTEMPT = 10.0  # seconds, for the database or Temporal to answer at the start
TRY_AGAIN = 2.0

log = structlog.get_logger("aftercare.worker")
T = TypeVar("T")


class NotReadyError(Exception):
    """Something must be done first; the message says what."""


@cache
def release() -> str:
    """What runs here, as Temporal's UI shows it."""
    try:
        return f"aftercare {version('aftercare')}"
    except PackageNotFoundError:  # run from a directory, not installed
        return "aftercare"


def build(client: Client, activities: Sequence[Callable[..., Any]], **options: Any) -> list[Worker]:
    """A worker for each queue; workflows run on the first, and come with the client's plugin."""
    bare = Client(
        client.service_client, namespace=client.namespace, data_converter=client.data_converter
    )
    return [
        Worker(
            whose,
            task_queue=queue,
            activities=activities,
            interceptors=[Discretion()],
            sticky_queue_schedule_to_start_timeout=STICKY,
            graceful_shutdown_timeout=GRACE,
            build_id=release(),  # otherwise the SDK reads all modules for one: a second's work
            **options,
        )
        for whose, queue in ((client, QUEUE), (bare, BULK))
    ]


def settle_down() -> None:
    """What is loaded by now stays: it need not be looked through for garbage, again and again."""
    gc.collect()
    gc.freeze()


async def work(
    settings: Settings,
    stopped: asyncio.Event,
    make_channels: Callable[[Store, Clock], Mapping[str, Channel]] | None = None,
) -> None:
    """Serve both queues until told to stop; then what is under way is finished first."""
    store = Store(settings.database, crm=settings.crm)
    try:
        if not await _patiently(stopped, "database", lambda: _ready(store)):
            return
        async with store.reading() as session:
            clock = SystemClock(await pace_of(session))
        if not await _patiently(stopped, "providers", lambda: _fit(settings, clock)):
            return
        client = await _patiently(stopped, "temporal", lambda: _connect(settings))
        if client is None:
            return
        make = make_channels or partial(channels_for, settings)
        ours = make(store, clock)
        async with AsyncExitStack() as running:
            for channel in ours.values():
                running.push_async_callback(channel.close)
            for worker in build(client, verbs(store, clock, settings, ours)):
                await running.enter_async_context(worker)
            beside = (
                Watch(store, clock, settings, ours),
                Mirrors(store, clock, targets_for(settings, store, clock)),
            )
            for one in beside:
                running.push_async_callback(_let_go, asyncio.create_task(one.run()))
            settle_down()
            log.info("working", queues=[QUEUE, BULK], pace=clock.pace.factor)
            await stopped.wait()
            log.info("stopping")
    finally:
        await store.close()
    log.info("stopped")


async def _let_go(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _ready(store: Store) -> bool:
    """Whether the database is safe and at head; raises what is in the way."""
    await store.check()
    if not await at_head(store):
        raise NotReadyError("the database is not of this release: run `aftercare migrate`")
    return True


async def _fit(settings: Settings, clock: Clock) -> bool:
    """Whether real people are written to at the world's own pace only."""
    if clock.pace.factor != 1 and settings.real_providers:
        named = " and ".join(settings.real_providers)
        raise NotReadyError(f"a demonstration's pace and real providers: unset {named}")
    return True


async def _connect(settings: Settings) -> Client:
    config = temporal_connection()
    try:
        return await Client.connect(**config, plugins=[plugin], runtime=_runtime(settings))
    except RuntimeError:  # what the SDK says of a server that is away
        where = config["target_host"]
        raise NotReadyError(
            f"Temporal does not answer at {where}: start it (`aftercare up`)"
        ) from None


@cache
def _runtime(settings: Settings) -> Runtime:
    """The SDK's own log lines come through ours; its metrics and ours on one port, if wanted."""
    lines = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
    )
    metrics = PrometheusConfig(
        bind_address=settings.metrics_bind, counters_total_suffix=True, durations_as_seconds=True
    )
    chosen = metrics if settings.metrics_bind else None
    return Runtime(telemetry=TelemetryConfig(logging=lines, metrics=chosen))


async def _patiently(
    stopped: asyncio.Event, what: str, ask: Callable[[], Awaitable[T]]
) -> T | None:
    """Ask until there is an answer, saying in one line what is missing; none when told to stop."""
    while not stopped.is_set():
        try:
            async with asyncio.timeout(ATTEMPT):
                return await ask()
        except (NotReadyError, UnsafeDatabaseError) as fault:
            log.error("waiting", what=what, why=str(fault))
        except (SQLAlchemyError, OSError) as fault:
            log.error("waiting", what=what, why=f"it does not answer ({type(fault).__name__})")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), TRY_AGAIN)
    return None


async def serve() -> None:
    configure(Settings().log_level)
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if settings := await _patiently(stopped, "settings", _settings):
        await work(settings, stopped)


async def _settings() -> Settings:
    """The settings once they are complete; the directory may be made meanwhile."""
    settings = load_settings()
    if lacks := missing(settings):
        raise NotReadyError("; ".join(lacks))
    if settings.secret_key.get_secret_value():
        return settings
    if settings.database_url:
        raise NotReadyError("AFTERCARE_SECRET_KEY is not set: it signs the links in messages")
    raise NotReadyError(f"there is no directory {settings.data} yet: run `aftercare migrate`")


def main() -> None:
    """The program; it lingers a moment, because the SDK may crash when Python leaves too fast."""
    atexit.register(time.sleep, 0.15)
    activity.logger.activity_info_on_message = False  # it stands in the line's fields
    workflow.logger.workflow_info_on_message = False
    asyncio.run(serve())


if __name__ == "__main__":
    main()
