"""How a vendor tells of what became of things: later, again, in no order, until it is heard."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

HEARD = range(200, 300)
PATIENCE = aiohttp.ClientTimeout(total=15)


@dataclass(frozen=True)
class Manner:
    """How it tells, in seconds: by default promptly, once, and in order."""

    after: float = 0.2  # until the first, and from one to the next
    doubled: int = 1  # how often each is told
    mixed: bool = False  # in no order
    seed: int = 0

    def order(self, posts: Sequence[bytes]) -> list[bytes]:
        told = [one for one in posts for _ in range(self.doubled)]
        if self.mixed:
            random.Random(self.seed).shuffle(told)  # noqa: S311 - no secret: the same each time
        return told


class Telling:
    """Posts to one address, signed anew each time; `waits` between the tries are the vendor's."""

    def __init__(
        self,
        url: str,
        kind: str,
        sign: Callable[[str, bytes], Mapping[str, str]],
        waits: Sequence[float],
        manner: Manner | None = None,
    ) -> None:
        self.url, self.kind, self.sign, self.waits = url, kind, sign, waits
        self.manner = manner or Manner()
        self.heard = self.given_up = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    def tell(self, posts: Sequence[bytes], url: str = "") -> None:
        """Tell these, one after the other; whoever asks for it need not wait."""
        task = asyncio.create_task(self._tell(self.manner.order(posts), url or self.url))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def silence(self) -> None:
        """Until all is told; for what nobody hears, that may be long."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """What is still to be told when it ends is never told."""
        try:
            yield
        finally:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, posts: Sequence[bytes], url: str) -> None:
        async with aiohttp.ClientSession(timeout=PATIENCE) as session:
            for body in posts:
                await asyncio.sleep(self.manner.after)
                await self._post(session, url, body)

    async def _post(self, session: aiohttp.ClientSession, url: str, body: bytes) -> None:
        for wait in (0.0, *self.waits):
            await asyncio.sleep(wait)
            headers = {"Content-Type": self.kind, **self.sign(url.partition("#")[0], body)}
            try:
                async with session.post(url, data=body, headers=headers) as answer:
                    if answer.status in HEARD:
                        self.heard += 1
                        return
            except (aiohttp.ClientError, TimeoutError):
                continue
        self.given_up += 1
