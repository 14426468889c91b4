"""A worker that sleeps through its own death: another has done its work when it wakes.

SIGSTOP falls between the gate's yes and the request, and lasts until the other worker has waited
for the deadline and the quarantine, asked the provider, and sent instead. Whoever then wakes must
not send. What of a send was overtaken is counted: a pause that hits none shows nothing.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter

import pytest

from tests.chaos.conftest import DOSE, Machine, report, until
from tests.chaos.fakes import Providers

PAUSES, EACH = max(2, 5 * DOSE // 2), 4
LEASE = {
    "CHAOS_DEADLINE": "3",
    "CHAOS_QUARANTINE": "1",
    "CHAOS_LAG": "0.5",
    "CHAOS_ATTEMPT": "3.5",
    "CHAOS_DISTANCE": "0.5",
}
CARRIED = ["by providers", "by the outbox"][: 1 if DOSE == 1 else 2]


@pytest.mark.timeout(300 + 40 * DOSE)
@pytest.mark.parametrize("carried", CARRIED)
async def test_a_worker_is_paused_in_the_middle_of_sending(
    machine: Machine, capsys: pytest.CaptureFixture[str], carried: str
) -> None:
    """What the sleeper had begun is sent by the other, and by nobody else."""
    began, pauses, caught = time.monotonic(), 0, 0
    async with Providers().serving() as providers:
        machine.settings |= LEASE | (providers.settings if carried == "by providers" else {})
        await machine.start_worker()
        await machine.start_worker()
        while pauses < PAUSES or not await machine.tried_again():
            assert pauses < PAUSES + 5, "no pause fell into a send"
            before = await machine.attempts()
            orders = asyncio.gather(*(order(machine) for _ in range(EACH)))
            await machine.new_attempt(since=before)
            await asyncio.sleep(random.uniform(0, 0.1))
            caught += await pause(machine)
            await orders
            assert not await machine.tripped(), "accepted twice"
            pauses += 1
        sends = pauses * EACH
        await until(lambda: machine.all_sent(sends), 180 + 10 * DOSE, "some welcomes were lost")
        taken = Counter(one.key for one in providers.accepted) + await machine.accepted()
    assert len(taken) == sends
    assert set(taken.values()) == {1}, "accepted twice"
    report(
        capsys,
        f"pauses: {sends} sends {carried}, {pauses} pauses that caught {caught} of them under way, "
        f"{await machine.tried_again()} overtaken by the other worker, 0 lost, 0 doubled; "
        f"{time.monotonic() - began:.0f} s",
    )


async def order(machine: Machine) -> None:
    """Every other one is welcomed by SMS."""
    number = machine.ordered + 1
    who = {"email": f"customer-{number}@example.com"}
    if number % 2:
        who |= {"phone": f"+447700{number:06}", "preferred_channel": "sms"}
    await machine.order(customer=who)


async def pause(machine: Machine) -> int:
    """One of the two sleeps for longer than deadline and quarantine; how many it was sending."""
    sleeper = random.choice(machine.workers)
    sleeper.send_signal(signal.SIGSTOP)
    await asyncio.sleep(1)
    caught = await machine.in_doubt()
    await asyncio.sleep(random.uniform(5.5, 7))
    sleeper.send_signal(signal.SIGCONT)
    return caught
