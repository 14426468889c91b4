"""SQLite connections whose statements run to their end, even when who asked is cancelled.

An activity is cancelled, a call times out, in the middle of `begin immediate`: the statement goes
on in its thread and, abandoned, would leave a lock that nobody releases. So the cancellation
waits: it is delivered where the task next waits for something else.

Only what may have to wait goes to the thread: for the disk (`commit`), for long reads, for the
lock (`begin`) if another process has it. Whoever has the lock waits for nothing more, so what it
reads and writes is done where it stands: a statement takes some ten microseconds, the way to a
thread and back a hundred.
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
    patience = 0.0  # seconds that it waits for the lock

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._is_at_hand(fn):
            return fn(*args, **kwargs)
        self._writing = args[:1] == (BEGIN,) and self._is_free(partial(fn, *args))
        if self._writing:
            return None
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

    def _is_free(self, begin: Callable[[], Any]) -> bool:
        """Whether the lock could be had at once; then we have it."""
        self._conn.execute("pragma busy_timeout=0")
        try:
            begin()
        except sqlite3.OperationalError:
            return False
        finally:
            self._conn.execute(f"pragma busy_timeout={self.patience * 1000:.0f}")
        return True


def _again(task: asyncio.Task[Any]) -> None:
    """Deliver a cancellation that was put off, once the statement's result was taken."""
    task.get_loop().call_soon(task.cancel)


def connect(path: str, **options: Any) -> PatientConnection:
    options |= {"check_same_thread": False}  # two use it, never at once
    connection = PatientConnection(partial(sqlite3.connect, path, **options), 64)
    connection.patience = options["timeout"]
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does: it must not keep us here
    return connection
