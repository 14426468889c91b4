"""A policy changed for those in flight: real follow-ups on a real server, and the real desk."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from activities.crm import tables as t
from starter.answers import Refusal
from starter.rehearse import ADA, Director
from starter.rehearse.stage import DAY, HOUR, Stage, stage
from tests.rehearsals.life import S0, february
from tests.workflows.lives import replay
from workflows.sops import CATALOGUE

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
CROWD = 200 if DOSE > 1 else 20
LONDON = ZoneInfo("Europe/London")
SOONER = {"check_in": "10d", "low_engagement": "6d12h"}

logging.getLogger("temporalio.activity").setLevel(logging.CRITICAL)


class Crowd:
    """Customers who bought on several days, and what was done for them."""

    def __init__(self, built: Stage) -> None:
        self.stage, self.desk = built, built.desk
        self.director = Director(built, CATALOGUE[S0], february(LONDON, "10:00"))
        self.start = self.director.start or built.clock.now()

    async def come(self, many: int, **more: Any) -> list[str]:
        """So many begin now; their follow-ups."""
        before = len(self.director.cast)
        name = f"customer-{before + 1}00"
        customer = {**ADA, "id": name, "email": f"shopper.{before}@example.com", "phone": None, **more}
        self.director.start = None if before else self.start
        if not before:
            await self.director.set_out(customer)
            await self.stage.sleep_until(self.start)
        self.director.start = self.stage.clock.now()
        await self.director.begin(customer, many, orders=[{"id": f"order-{before + 1}00"}])
        return [f"{S0}.{who.id}" for who in self.director.cast[before:]]

    async def on_day(self, days: float) -> None:
        await self.stage.sleep_until(self.start + days * DAY)

    async def rows(self, table: Any) -> list[Any]:
        async with self.stage.store.reading() as session:
            return list((await session.execute(select(table))).scalars())

    async def asked(self, clause: str, follow_ups: Sequence[str]) -> set[int]:
        """On which days after its start each had the task of the clause; every one has one."""
        began = {row.id: row.started_at for row in await self.rows(t.Enrolment)}
        tasks = [x for x in await self.rows(t.Task) if x.clause == clause]
        mine = [x for x in tasks if x.follow_up in follow_ups]
        assert sorted(x.follow_up for x in mine) == sorted(follow_ups)
        return {(x.created_at - began[x.follow_up] + HOUR) // DAY for x in mine}

    async def twice(self) -> list[str]:
        """What the provider was given twice, by key, or by follow-up and template."""
        keys = Counter(row.key for row in await self.rows(t.Outbox))
        sent = [row for row in await self.rows(t.Message) if row.sent_at]
        templates = Counter(f"{row.follow_up} {row.template}" for row in sent)
        return [what for what, many in (keys + templates).items() if many > 1]

    async def replayed(self) -> None:
        for row in await self.rows(t.Enrolment):
            await replay(self.stage.env.client, row.id)


@pytest.fixture
async def crowd() -> AsyncIterator[Crowd]:
    async with stage(sops=S0) as on:
        yield Crowd(on)


def numbers(found: dict[str, Any]) -> dict[str, int]:
    return {
        name: n for name, n in found.items() if isinstance(n, int) and n and name != "customers"
    }


async def test_a_change_is_previewed_applied_and_undone(crowd: Crowd) -> None:
    """The numbers are exact; everybody's next moment moves and moves back, and what had gone by
    the new policy is not sent again by the old one."""
    desk, half, quarter = crowd.desk, CROWD // 2, CROWD // 4
    old = await crowd.come(half)
    await crowd.on_day(3)
    middle = await crowd.come(quarter)
    await crowd.on_day(8)
    young = await crowd.come(quarter)
    await crowd.on_day(9)
    seen: list[tuple[int, int]] = []
    preview = await desk.policy_preview(S0, SOONER, progress=lambda *n: seen.append(n))
    assert numbers(preview) == {
        "follow_ups": CROWD,
        "sooner": half + quarter,  # the check-in of some, and that others are missed
        "unchanged": quarter,
    }
    assert (preview["customers"], len(preview["most_moved"])) == (CROWD, 10)
    assert {one["clause"] for one in preview["most_moved"]} == {"5.4.1"}
    assert seen[-1] == (CROWD, CROWD)

    found = await desk.policy_set(S0, SOONER, by="a", reason="sooner", approve=True, to="running")
    assert (found["moved"], found["version"]) == (CROWD, 1)
    await crowd.stage.settle()
    decided = [row for row in await crowd.rows(t.Decision) if row.outcome == "policy_moved"]
    assert {(row.facts["from"], row.facts["to"]) for row in decided} == {(0, 1)}
    assert len({row.follow_up for row in decided}) == CROWD
    await crowd.on_day(11)
    assert await crowd.asked("5.4.1", old) == {10}

    undone = await desk.policy_undo(S0, by="a", reason="too soon")
    assert undone["moved"] == CROWD
    await crowd.on_day(23)
    assert await crowd.asked("5.4.1", [*middle, *young]) == {14}
    assert await crowd.asked("5.4.1", old) == {10}
    await crowd.on_day(30)
    assert await crowd.twice() == []
    assert {row.template for row in await crowd.rows(t.Message)} >= {"check-in", "re-engagement"}
    await crowd.replayed()
