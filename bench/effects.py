"""An effect is one datagram to whoever measures: it costs everybody the same."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Collection
from typing import Any

from temporalio import activity
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

FIRST, SECOND = frozenset({"send", "welcome"}), frozenset({"note"})


class Telling(Interceptor):
    """Tells of each activity that came to its end, after it did."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))

    def tell(self, subject: str, what: str) -> None:
        self._socket.send(f"{subject} {what}".encode())

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Inbound(next, self)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, telling: Telling) -> None:
        super().__init__(inner)
        self._telling = telling

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        answer = await super().execute_activity(input)
        info = activity.info()
        self._telling.tell(info.workflow_id or "", info.activity_type)
        return answer


class Effects(asyncio.DatagramProtocol):
    """What was heard: when each effect first came, and how often."""

    def __init__(self) -> None:
        self.port = 0
        self.at: dict[tuple[str, bool], float] = {}  # by subject, and whether it is the second
        self.times: Counter[tuple[str, bool]] = Counter()
        self.lives: dict[str, float] = {}  # what a worker said of its own start
        self._news = asyncio.Event()

    async def listen(self) -> None:
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        ear.bind(("127.0.0.1", 0))
        ear.setblocking(False)
        self.port = ear.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=ear)

    def close(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        subject, _, what = data.decode().partition(" ")
        now = time.monotonic()
        if subject == "worker":
            self.lives[what] = now
        elif what in FIRST | SECOND:
            effect = (subject, what in SECOND)
            self.at.setdefault(effect, now)
            self.times[effect] += 1
        self._news.set()

    async def all_of(self, subjects: Collection[str], *, second: bool, within: float) -> float:
        """Wait until each had its effect; the moment of the last. Raises `TimeoutError`."""
        missing = {(subject, second) for subject in subjects}
        async with asyncio.timeout(within):
            while missing := missing - self.at.keys():
                await self._hear()
        return max(self.at[subject, second] for subject in subjects)

    async def life(self, what: str, within: float = 180) -> float:
        """Wait until the worker has said so, and when that was."""
        async with asyncio.timeout(within):
            while what not in self.lives:
                await self._hear()
        return self.lives[what]

    async def _hear(self) -> None:
        self._news.clear()
        await self._news.wait()
