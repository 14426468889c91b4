"""Simulated time: the time-skipping server's, in every room alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from workflows.vocabulary import Pace


class RehearsalClock:
    """The moment that the time-skipping server last told; nothing here moves by itself."""

    def __init__(self, moment: datetime, ask: Callable[[], Awaitable[datetime]]) -> None:
        self.pace = Pace()
        self.stirred = True  # whether anything was done since somebody last looked
        self._moment = moment.astimezone(UTC)
        self._ask = ask

    def now(self) -> datetime:
        return self.pace.now(self._moment)

    def real(self) -> datetime:
        return self._moment

    async def read(self) -> datetime:
        """Ask the server what time it is, and remember the answer."""
        self._moment = max(self._moment, (await self._ask()).astimezone(UTC))
        return self.now()


class Ticking(Interceptor):
    """Has the clock read before every activity: the SDK gives local ones the machine's time."""

    def __init__(self, clock: RehearsalClock) -> None:
        self._clock = clock

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's own name
        return _ReadFirst(next, self._clock)


class _ReadFirst(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, clock: RehearsalClock) -> None:
        super().__init__(following)
        self._clock = clock

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - as above
        await self._clock.read()
        self._clock.stirred = True
        return await super().execute_activity(input)
