"""The whole machine with Salesforce beside it: killed while it tells, Salesforce being ill."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from activities.crm.tables import Customer, Message, Mirror
from activities.fakes.faults import Fault
from activities.fakes.salesforce import FakeSalesforce
from tests.chaos.conftest import DOSE, Machine, a_machine, report, until

SENDS = max(12, 10 * DOSE)
ILL = {Fault.ERROR_AFTER: 0.1, Fault.RESET_BEFORE: 0.1, Fault.RESET_AFTER: 0.1}


async def settled(machine: Machine) -> bool:
    """Whether every welcome has gone, and Salesforce knows all that it is to know."""
    async with machine.desk.store.reading() as session:
        query = select(func.count()).where(Mirror.told_at.is_(None))
        untold = (await session.execute(query)).scalar_one()
    return not untold and await machine.all_sent(SENDS)


@pytest.mark.timeout(300 + 60 * DOSE)
async def test_killed_while_it_tells_salesforce(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each welcome goes once, and each is there once, of each customer."""
    kills, began, fake = max(2, DOSE), time.monotonic(), FakeSalesforce()
    fake.script.odds, fake.script.answering = ILL, 0.05
    async with fake.serving() as url, a_machine(tmp_path, monkeypatch, crm="salesforce") as machine:
        machine.settings = {
            "AFTERCARE_CRM": "salesforce",
            "AFTERCARE_SALESFORCE_URL": url,
            "AFTERCARE_SALESFORCE_CLIENT_ID": "fake",
            "AFTERCARE_SALESFORCE_CLIENT_SECRET": "fake",
        }
        for life in range(kills):
            while machine.ordered < SENDS * (life + 1) // kills:
                await machine.order()
            await machine.start_worker()
            heard = partial(hears, fake, len(fake.accepted) + 3)
            await until(heard, 120, "Salesforce was not told")
            await asyncio.sleep(random.uniform(0, 0.2))
            machine.kill_worker()
        await machine.start_worker()
        await until(lambda: settled(machine), 120, "Salesforce does not know all of it")
        await machine.settled(SENDS)
        async with machine.desk.store.reading() as session:
            sent = select(Message.id).where(Message.sent_at.is_not(None))
            theirs = {*(await session.execute(select(Customer.id))).scalars()}
            theirs |= {*(await session.execute(sent)).scalars()}
        assert theirs <= {ref for _, ref in fake.records}
        assert len(fake.created) == len(set(fake.created))
    report(
        capsys,
        f"salesforce: {len(fake.created)} records of {SENDS} customers, told in {fake.requests} "
        f"requests, {kills} kills, 0 lost, 0 doubled; {time.monotonic() - began:.0f} s",
    )


async def hears(fake: FakeSalesforce, more_than: int) -> bool:
    return len(fake.accepted) > more_than
