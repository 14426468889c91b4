"""Kill -9, again and again: nothing is lost, nothing goes twice. `make chaos` is the large dose."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from tests.chaos.conftest import DOSE, Machine, report, until

SENDS = max(20, 15 * DOSE)


@pytest.mark.timeout(300 + 60 * DOSE)
async def test_the_worker_is_killed_in_the_middle_of_sending(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each life of the worker gets its share of orders, and ends while they are being sent."""
    kills, began = max(2, DOSE), time.monotonic()
    in_doubt = 0
    for life in range(kills):
        await order(machine, SENDS * (life + 1) // kills)
        await machine.start_worker()
        await until(machine.in_doubt, 120, "nothing was being sent")
        await asyncio.sleep(random.uniform(0, 0.4))
        machine.kill_worker()
        in_doubt += await machine.in_doubt()
    await machine.start_worker()
    await machine.settled(SENDS)
    report(
        capsys,
        f"worker: {SENDS} sends, {kills} kills that left sends in doubt {in_doubt} times, "
        f"0 lost, 0 doubled; {time.monotonic() - began:.0f} s",
    )


@pytest.mark.timeout(300 + 30 * DOSE)
async def test_temporal_is_killed_in_the_middle_of_sending(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worker outlives the server, and reports to the next one what it has done."""
    kills, began = max(1, DOSE // 4), time.monotonic()
    await machine.start_worker()
    for life in range(kills):
        await order(machine, SENDS * (life + 1) // kills)
        await asyncio.sleep(random.uniform(0.1, 0.8))
        machine.temporal.kill()
        await machine.temporal.start()
    await machine.settled(SENDS)
    report(
        capsys,
        f"temporal: {SENDS} sends, {kills} kills, 0 lost, 0 doubled; "
        f"{time.monotonic() - began:.0f} s",
    )


async def order(machine: Machine, up_to: int) -> None:
    await asyncio.gather(*(machine.order() for _ in range(up_to - machine.ordered)))
