"""The composition root: settings, store, clock and channels become two workers, one per queue."""

from __future__ import annotations

import asyncio
import atexit
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.runtime import LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Worker

from activities.channels import Channel
from activities.channels.outbox import OutboxChannel
from activities.clock import Clock, SystemClock
from activities.crm.migrate import at_head
from activities.crm.pace import pace_of
from activities.crm.store import Store, UnsafeDatabaseError
from activities.logs import configure
from activities.settings import Settings
from activities.staffing import verbs
from workflows.contract import BULK, QUEUE
from workflows.plugin import plugin

GRACE = timedelta(seconds=10)  # for activities under way, when asked to stop
STICKY = timedelta(seconds=1)  # a killed worker's customers are served again after this
TRY_AGAIN = 2.0

log = structlog.get_logger("aftercare.worker")


def channels(store: Store, clock: Clock) -> dict[str, Channel]:
    """How each channel sends. In this release all go to the outbox, to be read and sent by nobody."""
    return {name: OutboxChannel(store, clock, name) for name in ("email", "sms", "letter")}


def build(client: Client, activities: Sequence[Callable[..., Any]], **options: Any) -> list[Worker]:
    """The workers of both queues; the client carries the plugin, which brings the workflows."""
    return [
        Worker(
            client,
            task_queue=queue,
            activities=activities,
            sticky_queue_schedule_to_start_timeout=STICKY,
            graceful_shutdown_timeout=GRACE,
            **options,
        )
        for queue in (QUEUE, BULK)
    ]
