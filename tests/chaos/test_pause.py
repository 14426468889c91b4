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

import pytest

from tests.chaos.conftest import DOSE, Machine, report, until

PAUSES, EACH = max(2, 5 * DOSE // 2), 4
LEASE = {"CHAOS_DEADLINE": "3", "CHAOS_QUARANTINE": "1", "CHAOS_ATTEMPT": "3.5"}


@pytest.mark.timeout(120 + 40 * DOSE)
async def test_a_worker_is_paused_in_the_middle_of_sending(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the sleeper had begun is sent by the other, and by nobody else."""
    machine.settings |= LEASE
    began, pauses, caught = time.monotonic(), 0, 0
    await machine.start_worker()
    await machine.start_worker()
    while pauses < PAUSES or not await machine.tried_again():
        assert pauses < PAUSES + 5, "no pause fell into a send"
        orders = asyncio.gather(*(machine.order() for _ in range(EACH)))
        await until(machine.in_doubt, 60, "nothing was being sent")
        await asyncio.sleep(random.uniform(0, 0.1))
        caught += await pause(machine)
        await orders
        pauses += 1
    await machine.settled(pauses * EACH)
    report(
        capsys,
        f"pauses: {pauses * EACH} sends, {pauses} pauses that caught {caught} of them under way, "
        f"{await machine.tried_again()} overtaken by the other worker, 0 lost, 0 doubled; "
        f"{time.monotonic() - began:.0f} s",
    )


async def pause(machine: Machine) -> int:
    """One of the two sleeps for longer than deadline and quarantine; how many it was sending."""
    sleeper = random.choice(machine.workers)
    sleeper.send_signal(signal.SIGSTOP)
    await asyncio.sleep(1)
    caught = await machine.in_doubt()
    await asyncio.sleep(random.uniform(4.5, 6))
    sleeper.send_signal(signal.SIGCONT)
    return caught
