"""A process that tells Salesforce, to be killed: `python -m tests.activities.mirroring DB URL`."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from pydantic import SecretStr

from activities.clock import SystemClock
from activities.crm import turns
from activities.crm.store import Store
from activities.mirrors.loop import Mirrors
from activities.mirrors.wiring import targets_for
from activities.settings import Settings

turns.TURN = timedelta(seconds=1)  # who was killed is succeeded soon


async def main(database: str, url: str) -> None:
    settings = Settings(
        _env_file=None, database_url=database, crm="salesforce", salesforce_url=url,
        salesforce_client_id="fake", salesforce_client_secret=SecretStr("fake"),
    )  # fmt: skip
    store, clock = Store(settings.database, crm=settings.crm), SystemClock()
    mirrors = Mirrors(store, clock, targets_for(settings, store, clock))
    mirrors.pause = timedelta(seconds=0.1)
    await mirrors.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
