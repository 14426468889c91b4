"""Events of four days, duplicated up to 46 times and shuffled, some of them three days late, while
Temporal is killed: the same end state as once and in order. `make chaos` tells ten thousand."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.crm import keys
from activities.crm.keys import Scope
from tests.chaos.conftest import DOSE, Machine, a_machine, report
from tests.chaos.state import State, differences, settled, state_of
from tests.chaos.town import News, lives, muddled, tell
from tests.starter.hooks import SECRET, SHOP_SECRET, visiting

EVENTS = 200 if DOSE == 1 else 500 * DOSE
KILLS = 1 if DOSE == 1 else 2
AT_ONCE = 8
PATIENCE = 120 + 60 * DOSE
SETTINGS = {
    "sops": "online-customer,order-thanks,satisfaction",
    "generic_secret": SECRET,
    "shopify_secret": SHOP_SECRET,
}


@pytest.mark.timeout(300 + 300 * DOSE)
async def test_whatever_order_it_comes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables and workflows say the same of every customer."""
    now, luck, began = datetime.now(UTC), random.Random(6), time.monotonic()
    told = lives(EVENTS, now)
    muddle = muddled(told, luck)
    async with a_machine(tmp_path / "in-order", monkeypatch, **SETTINGS) as machine:
        in_order = await after(machine, told)
    async with a_machine(tmp_path / "shuffled", monkeypatch, **SETTINGS) as machine:
        shuffled = await after(machine, muddle, KILLS, AT_ONCE)
    found = differences(in_order, shuffled)
    assert not found, "\n".join(found[:40])
    customers = len(in_order)
    workflows = sum(len(its.get("workflow", ())) for its in in_order.values())
    report(
        capsys,
        f"shuffled: {len(told)} events of {customers} customers, posted {len(muddle)} times in any "
        f"order, {KILLS} kills of Temporal: {workflows} workflows and all tables as once and in "
        f"order; {time.monotonic() - began:.0f} s",
    )


async def after(machine: Machine, told: Sequence[News], kills: int = 0, at_once: int = 1) -> State:
    """The state that these leave behind. Nobody works meanwhile: what a customer gets depends on
    what was known by then, and that is not the same when news is late."""
    desk = machine.desk
    async with desk.store.transaction() as session:
        _, key = await keys.create(session, desk.clock.real(), "town", [Scope.WRITE], by="test")
    parts = 2 * kills + 1
    size = -(-len(told) // parts)
    async with visiting(desk) as client:
        for part in range(parts):
            here = told[part * size : (part + 1) * size]
            away = part % 2 == 1
            if away:  # in the middle of it, and for a while
                telling = asyncio.create_task(tell(client, here, key, at_once))
                await asyncio.sleep(0.3)
                machine.temporal.kill()
                await telling
                await machine.temporal.start()
            else:
                await tell(client, here, key, at_once)
    await machine.start_worker()
    await settled(desk.store, machine.temporal.address, PATIENCE)
    return await state_of(desk.store, machine.temporal.address)
