"""A channel that fails as it is told to, and keeps what it accepted in the outbox."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from enum import StrEnum

from activities.channels import Accepted, Because, Parcel, Rejected, UnknownOutcomeError
from activities.channels.ours import OwnChannel
from activities.channels.outbox import OutboxChannel
from activities.clock import Clock
from activities.crm.store import Store


class Fault(StrEnum):
    AWAY = "away"  # no connection: surely not taken, try later
    BUSY = "busy"  # too many at once: in five minutes
    REFUSED = "refused"  # surely not taken: nobody is there
    OPTED_OUT = "opted_out"  # surely not taken: the customer told the provider to stop
    ACCOUNT = "account"  # surely not taken: it does not know us
    LOST = "lost"  # not taken, and nobody can say so
    SILENT = "silent"  # taken, and nobody can say so


class FailingChannel(OwnChannel):
    """Meets each request with the next of its faults, and then with `always`; none: it works."""

    def __init__(self, store: Store, clock: Clock, name: str) -> None:
        super().__init__(store, clock, name)
        self.provider = f"failing-{name}"  # what carries one may fail alone
        self._outbox = OutboxChannel(store, clock, name)
        self.faults: deque[Fault] = deque()
        self.always: Fault | None = None
        self.asked: list[str] = []  # the keys, request by request

    async def send(self, parcel: Parcel) -> Accepted | Rejected:
        self.asked.append(parcel.key)
        match self.faults.popleft() if self.faults else self.always:
            case Fault.AWAY:
                return Rejected("no_connection", Because.AWAY)
            case Fault.BUSY:
                return Rejected("rate_limited", Because.BUSY, timedelta(minutes=5))
            case Fault.REFUSED:
                return Rejected("no_such_address", Because.ADDRESS)
            case Fault.OPTED_OUT:
                return Rejected("stopped", Because.OPTED_OUT)
            case Fault.ACCOUNT:
                return Rejected("unauthorised", Because.ACCOUNT)
            case Fault.LOST:
                raise UnknownOutcomeError("time-out")
            case Fault.SILENT:
                await self._outbox.send(parcel)
                raise UnknownOutcomeError("time-out")
        return await self._outbox.send(parcel)

    async def look_up(self, parcel: Parcel, since: datetime) -> tuple[str, ...]:
        return await self._outbox.look_up(parcel, since)
