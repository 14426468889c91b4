"""Ctrl-C and its like: the first asks, the second insists."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from starter.up.supervisor import Supervisor


@contextmanager
def signals(supervisor: Supervisor) -> Iterator[asyncio.Event]:
    """Set by the first signal; the second one waits for nobody."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop() -> None:
        if stopped.is_set():
            supervisor.kill()
        stopped.set()

    chosen = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in chosen:
        loop.add_signal_handler(number, stop)
    try:
        yield stopped
    finally:
        for number in chosen:
            loop.remove_signal_handler(number)
