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
from activities.dispatch import AT_ONCE
from activities.fakes.faults import Fault
from tests.chaos.conftest import DOSE, Machine, report, until
from tests.chaos.fakes import Providers

KILLS = 3 * DOSE if DOSE > 1 else 2
CUSTOMERS = 25 * DOSE if DOSE > 1 else 10
SENDS = 2 * CUSTOMERS  # a welcome and a tip for each, by e-mail or SMS
KINDS = [f"{k} by {p}" for k in ("transactional", "relationship") for p in ("sendgrid", "twilio")]
LAG = 6.0 if DOSE > 1 else 2.0  # seconds at most until a look-up finds what was taken
TIMES = {"CHAOS_DEADLINE": "4", "CHAOS_QUARANTINE": f"{LAG + 1}", "CHAOS_LAG": "2"}


@pytest.mark.timeout(300 + 60 * DOSE)
async def test_the_worker_is_killed_while_providers_fail(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what was accepted by the time of a death, and of what was not, the look-up tells."""
    began = time.monotonic()
    async with Providers().serving() as providers:
        providers.misbehave(seed=2026)
        machine.settings |= TIMES | providers.settings
        for life in range(KILLS):
            providers.lag(random.uniform(1, LAG))
            await buy(machine, CUSTOMERS * (life + 1) // KILLS)
            await a_short_life(machine)
        await machine.start_worker()
        await until(lambda: machine.all_sent(SENDS), 180 + 10 * DOSE, "some messages were lost")
        taken = Counter(one.key for one in providers.accepted)
    assert set(taken.values()) == {1}, "a provider accepted a message twice"
    assert len(taken) == SENDS
    rows = await messages(machine)
    kinds = Counter(f"{row.kind} by {row.via}" for row in rows)
    assert min(kinds[kind] for kind in KINDS) >= CUSTOMERS // 3, kinds
    looked_up = sum(row.sent_at == row.slot_at for row in rows)
    again = sum(row.sent_at != row.slot_at and row.attempts > 1 for row in rows)
    report(
        capsys,
        f"providers: {SENDS} sends, {KILLS} kills, {providers.requests} requests; "
        f"{providers.drawn}; {looked_up} settled by look-up, {again} sent at a later attempt; "
        f"0 lost, 0 doubled, 0 unknown; {time.monotonic() - began:.0f} s",
    )


@pytest.mark.timeout(300 + 30 * DOSE)
async def test_the_worker_is_killed_while_a_mail_server_fails(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody can look anything up there. What customers must have goes until it is taken, as the
    same message to every mailbox that compares; anything else goes once, or a person finds out."""
    began, kills = time.monotonic(), KILLS // 3 + 1
    async with Providers().serving(email="smtp") as providers:
        providers.misbehave(seed=2026)
        machine.settings |= TIMES | providers.settings
        for life in range(kills):
            await buy(machine, CUSTOMERS * (life + 1) // kills, sms=False)
            await a_short_life(machine)
        await machine.start_worker()
        await until(lambda: nothing_open(machine), 180 + 10 * DOSE, "some were never settled")
        taken = Counter(one.key for one in providers.smtp.accepted)
    rows = await messages(machine)
    assert set(taken) <= {row.id for row in rows}
    assert {row.state for row in rows if row.kind == "transactional"} == {"sent"}
    for row in rows:
        if row.kind == "transactional":
            assert taken[row.id] >= 1
        else:
            assert taken[row.id] == 1 if row.state == "sent" else taken[row.id] <= 1
    doubtful = [row for row in rows if row.state == "unknown"]
    assert len(await machine.open_tasks("Find out whether")) == len(doubtful)
    again = sum(count > 1 for count in taken.values())
    report(
        capsys,
        f"smtp: {SENDS} sends, {kills} kills, {providers.requests} requests; {providers.drawn}; "
        f"{again} of {CUSTOMERS} welcomes taken more than once, with one id; "
        f"{len(doubtful)} of {CUSTOMERS} tips for a person to find out about, none taken twice; "
        f"{time.monotonic() - began:.0f} s",
    )


async def test_a_provider_that_hangs_keeps_no_other_channel(machine: Machine) -> None:
    """So many requests to it at a time, and no more: there is room for an SMS."""
    async with Providers().serving() as providers:
        providers.sendgrid.script.always = Fault.HANG_BEFORE
        patient = {"CHAOS_DEADLINE": "60", "CHAOS_ATTEMPT": "90", "CHAOS_SLOTS": f"{AT_ONCE + 2}"}
        machine.settings |= patient | providers.settings
        await asyncio.gather(*(machine.order(customer=customer(2 * n)) for n in range(1, 26)))
        await machine.start_worker()

        async def full() -> bool:
            return providers.sendgrid.requests == AT_ONCE

        await until(full, 120, "e-mail does not fill its share")
        await machine.order(customer=customer(51))
        await until(machine.sent, 120, "the SMS has no room")
        assert len(providers.twilio.accepted) == 1
        assert providers.sendgrid.requests == AT_ONCE == await machine.in_doubt()


async def a_short_life(machine: Machine) -> None:
    """A worker comes, begins to send, and dies."""
    before = await machine.attempts()
    await machine.start_worker()
    await machine.new_attempt(since=before)
    await asyncio.sleep(random.uniform(0, 1))
    machine.kill_worker()


async def nothing_open(machine: Machine) -> bool:
    rows = await messages(machine)
    return len(rows) == SENDS and {row.state for row in rows} <= {"sent", "unknown"}


async def buy(machine: Machine, up_to: int, *, sms: bool = True) -> None:
    """New customers, who are welcomed, and have a question at once."""
    new = range(machine.ordered + 1, up_to + 1)
    await asyncio.gather(*(welcome_and_help(machine, n if sms else 2 * n) for n in new))


async def welcome_and_help(machine: Machine, number: int) -> None:
    receipt = await machine.order(customer=customer(number))
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


async def messages(machine: Machine) -> list[Message]:
    async with machine.desk.store.reading() as session:
        return list((await session.execute(select(Message))).scalars())
