"""Kill -9 while SendGrid and Twilio refuse, throttle, hang, lie and die: each message goes once."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from activities.crm.tables import Message
from tests.chaos.conftest import DOSE, Machine, report, until
from tests.chaos.fakes import Providers

KILLS = 3 * DOSE if DOSE > 1 else 2
CUSTOMERS = 25 * DOSE if DOSE > 1 else 10
SENDS = 2 * CUSTOMERS  # a welcome and a tip for each, by e-mail or SMS
KINDS = [f"{k} by {p}" for k in ("transactional", "relationship") for p in ("sendgrid", "twilio")]
LAG = 6.0 if DOSE > 1 else 2.0  # seconds at most until a look-up finds what was taken
TIMES = {"CHAOS_DEADLINE": "4", "CHAOS_QUARANTINE": f"{LAG + 1}", "CHAOS_LAG": "2"}


@pytest.mark.timeout(180 + 60 * DOSE)
async def test_the_worker_is_killed_while_providers_fail(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what was accepted by the time of a death, and of what was not, the look-up tells."""
    began, in_doubt = time.monotonic(), 0
    async with Providers().serving() as providers:
        providers.misbehave(seed=2026)
        machine.settings |= TIMES | providers.settings
        for life in range(KILLS):
            providers.lag(random.uniform(1, LAG))
            await buy(machine, CUSTOMERS * (life + 1) // KILLS)
            await machine.start_worker()
            await until(machine.in_doubt, 60, "nothing was being sent")
            await asyncio.sleep(random.uniform(0, 1))
            machine.kill_worker()
            in_doubt += await machine.in_doubt()
        await machine.start_worker()
        await until(lambda: all_sent(machine), 120 + 10 * DOSE, "some messages were lost")
        taken = Counter(one.key for one in providers.accepted)
    assert set(taken.values()) == {1}, "a provider accepted a message twice"
    assert len(taken) == SENDS
    rows = await messages(machine)
    kinds = Counter(f"{row.kind} by {row.via}" for row in rows)
    assert min(kinds[kind] for kind in KINDS) >= CUSTOMERS // 3, kinds
    looked_up = sum(row.sent_at == row.slot_at for row in rows)
    report(
        capsys,
        f"providers: {SENDS} sends, {KILLS} kills that left sends in doubt {in_doubt} times, "
        f"{providers.requests} requests; {providers.drawn}; {looked_up} settled by look-up; "
        f"0 lost, 0 doubled, 0 unknown; {time.monotonic() - began:.0f} s",
    )


async def buy(machine: Machine, up_to: int) -> None:
    """New customers, who are welcomed, and have a question at once."""
    await asyncio.gather(*(welcome_and_help(machine) for _ in range(up_to - machine.ordered)))


async def welcome_and_help(machine: Machine) -> None:
    number = machine.ordered + 1
    who = customer(number)
    receipt = await machine.order(customer=who)
    event = {
        "id": f"evt-{number}-issue",
        "type": "issue.detected",
        "customer": {"id": receipt.customer},
        "data": {"topic": "set-up"},
    }
    assert (await machine.desk.receive("chaos", event)).error is None


def customer(number: int) -> dict[str, Any]:
    """Every other one by SMS; wherever they live, it is noon there."""
    who = {
        "email": f"customer-{number}@example.com",
        "name": f"Customer {number}",
        "time_zone": f"Etc/GMT{datetime.now(UTC).hour - 12:+d}",
    }
    if number % 2:
        who |= {"phone": f"+447700{number:06}", "preferred_channel": "sms"}
    return who


async def all_sent(machine: Machine) -> bool:
    return await machine.sent() == SENDS


async def messages(machine: Machine) -> list[Message]:
    async with machine.desk.store.reading() as session:
        return list((await session.execute(select(Message))).scalars())
