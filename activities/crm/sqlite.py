"""SQLite connections whose statements run to their end, even when who asked is cancelled.

An activity is cancelled, a call times out, in the middle of `begin immediate`: the statement goes
on in its thread and, abandoned, would leave a lock that nobody releases. So the cancellation
waits: it is delivered where the task next waits for something else.

Only what may have to wait goes to the thread: for the lock (`begin`), for the disk (`commit`), for
long reads. Whoever has the lock waits for nothing more, so what it reads and writes is done where
it stands: a statement takes some ten microseconds, the way to a thread and back a hundred.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import aiosqlite

BEGIN = "BEGIN IMMEDIATE"


class PatientConnection(aiosqlite.Connection):
    _writing = False  # it has the lock

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._is_at_hand(fn):
            return fn(*args, **kwargs)
        self._writing = False
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
        result = statement.result()
        self._writing = args[:1] == (BEGIN,)
        return result

    def _is_at_hand(self, fn: Callable[..., Any]) -> bool:
        """Whether it can be done at once, with nothing to wait for."""
        owner = getattr(fn, "__self__", None)
        if isinstance(owner, sqlite3.Cursor):
            return self._writing or fn == owner.close
        return self._connection is not None and fn == self._connection.cursor


def _again(task: asyncio.Task[Any]) -> None:
    """Deliver a cancellation that was put off, once the statement's result was taken."""
    task.get_loop().call_soon(task.cancel)


def connect(path: str, **options: Any) -> PatientConnection:
    options |= {"check_same_thread": False}  # two use it, never at once
    connection = PatientConnection(partial(sqlite3.connect, path, **options), 64)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does: it must not keep us here
    return connection
