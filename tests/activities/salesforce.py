"""A Salesforce on this machine, and whoever tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from activities.crm import mirrors
from activities.crm.mirrors import Standing
from activities.crm.store import Store
from activities.crm.tables import Note, Task, new_id
from activities.fakes.salesforce import FakeSalesforce
from activities.mirrors import salesforce
from activities.mirrors.loop import Mirrors
from activities.mirrors.salesforce import Salesforce
from activities.settings import Settings
from tests.factories import NOON, FakeClock, kept

SYSTEM = salesforce.SYSTEM


class There:
    """The fake, and one worker's part in telling it."""

    def __init__(self, fake: FakeSalesforce, url: str, store: Store, clock: FakeClock) -> None:
        self.fake, self.url, self.store, self.clock = fake, url, store, clock
        self.told = self.another()

    def another(self, **fields: Any) -> Mirrors:
        """A worker that has just been started."""
        said = {
            "crm": SYSTEM, "salesforce_url": self.url, "salesforce_client_id": "fake",
            "salesforce_client_secret": "fake",
        }  # fmt: skip
        settings = Settings(**{"_env_file": None} | said | fields)
        return Mirrors(self.store, self.clock, [Salesforce(self.store, self.clock, settings)])

    async def tell(self, **passed: float) -> None:
        """What waits is told, once so much time has passed."""
        if passed:
            self.clock.advance(timedelta(**passed))
        await self.told.once(self.told.targets[0])

    async def standing(self) -> Standing:
        async with self.store.reading() as session:
            return await mirrors.standing(session, SYSTEM, self.clock.real())

    def contact(self, ref: str) -> dict[str, Any]:
        return self.fake.records["Contact", ref]

    def task(self, ref: str) -> dict[str, Any]:
        return self.fake.records["Task", ref]


@asynccontextmanager
async def there(store: Store, clock: FakeClock) -> AsyncIterator[There]:
    """A store beside which Salesforce is the CRM, and Salesforce."""
    store.mirrored = SYSTEM
    fake = FakeSalesforce()
    async with fake.serving() as url:
        yield There(fake, url, store, clock)


async def a_note(store: Store, customer_id: str, **fields: Any) -> Note:
    said: dict[str, Any] = {
        "id": new_id("note"), "key": new_id("key"), "customer_id": customer_id, "at": NOON,
        "direction": "in", "method": "phone", "summary": "They cannot log in",
    }  # fmt: skip
    return await kept(store, Note(**said | fields))


async def a_task(store: Store, customer_id: str | None, **fields: Any) -> Task:
    said: dict[str, Any] = {
        "id": new_id("task"), "key": new_id("key"), "customer_id": customer_id, "role": "csr",
        "title": "Call them", "state": "open", "due_at": due(NOON), "created_at": NOON,
        "brief": {}, "worth": 0.0,
    }  # fmt: skip
    return await kept(store, Task(**said | fields))


def due(now: datetime) -> datetime:
    return now.replace(hour=17)
