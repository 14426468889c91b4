"""What an activity stumbles over is told by its name and line: a database's own words name people,
and Temporal keeps the words of a failure for ever."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import Any

import structlog
from temporalio.exceptions import FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.reconcile import later

log = structlog.get_logger("aftercare.activities")

FAULT = "fault"


class Discretion(Interceptor):
    """Lets nothing out of an activity but answers and our own codes."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's own name
        return _Discreet(next)


class _Discreet(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - as above
        try:
            return await super().execute_activity(input)
        except (FailureError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it is tried again
            log.error("activity failed", activity=input.fn.__name__, error=where(error))
            raise later(FAULT, None, failure=True) from None


def where(error: Exception) -> str:
    """What was raised, and on which line; its text may name somebody."""
    frames = traceback.extract_tb(error.__traceback__)
    line = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {line}"
