"""SQLite connections whose statements run to their end, even when who asked is cancelled.

An activity is cancelled, a call times out, in the middle of `begin immediate`: the statement goes
on in its thread and, abandoned, would leave a lock that nobody releases. So the cancellation
waits: it is delivered where the task next waits for something else.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import aiosqlite


class PatientConnection(aiosqlite.Connection):
    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        execute: Any = super()._execute
        statement = asyncio.ensure_future(execute(fn, *args, **kwargs))
        task = asyncio.current_task()
        while not statement.done():
            try:
                await asyncio.wait([statement])
            except asyncio.CancelledError:
                if task is None or not task.cancelling():
                    raise
                task.uncancel()
                statement.add_done_callback(lambda _: _again(task))
        return statement.result()


def _again(task: asyncio.Task[Any]) -> None:
    """Deliver a cancellation that was put off, once the statement's result was taken."""
    task.get_loop().call_soon(task.cancel)


def connect(path: str, **options: Any) -> PatientConnection:
    connection = PatientConnection(partial(sqlite3.connect, path, **options), 64)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does: it must not keep us here
    return connection
