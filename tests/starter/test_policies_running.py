"""A policy changed for those in flight: real follow-ups on a real server, and the real desk."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from activities.crm import tables as t
from starter import shifting
from starter.answers import Refusal
from starter.rehearse import ADA, Director
from starter.rehearse.stage import DAY, HOUR, Stage, stage
from tests.rehearsals.life import S0, february
from tests.workflows.lives import replay
from workflows.sops import CATALOGUE

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
CROWD = 200 if DOSE > 1 else 20
AT_ONCE = 10
LONDON = ZoneInfo("Europe/London")
SOONER = {"check_in": "10d", "low_engagement": "6d12h"}

logging.getLogger("temporalio.activity").setLevel(logging.CRITICAL)


class Crowd:
    """Customers who bought on several days, and what was done for them."""

    def __init__(self, built: Stage) -> None:
        self.stage, self.desk = built, built.desk
        self.director = Director(built, CATALOGUE[S0], february(LONDON, "10:00"))
        self.start = self.director.start or built.clock.now()

    async def come(self, many: int) -> list[str]:
        """So many begin from now on, hour by hour: at once, the server would keep them waiting."""
        come = await self._come(min(AT_ONCE, many))
        while len(come) < many:
            await self.stage.sleep(HOUR)
            come += await self._come(min(AT_ONCE, many - len(come)))
        return come

    async def _come(self, many: int) -> list[str]:
        before = len(self.director.cast)
        name = f"customer-{before + 1}00"
        customer = {**ADA, "id": name, "email": f"shopper.{before}@example.com", "phone": None}
        if not before:
            self.director.start = self.start
            await self.director.set_out(customer)
            await self.director.meet_neighbour()
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


@pytest.mark.timeout(900)
@pytest.mark.plays("sales-follow-up", "review-and-update.2", "review-and-update.3", "4.2.3")
async def test_a_change_is_previewed_applied_and_undone(crowd: Crowd) -> None:
    """The numbers are exact; everybody's next moment moves and moves back, and what had gone by
    the new policy is not sent again by the old one."""
    desk, half, quarter = crowd.desk, CROWD // 2, CROWD // 4
    everybody = {"check_in_cap": "none"}  # so that each of them is somebody's task
    await desk.policy_set(S0, everybody, by="a", reason="for this test", approve=True)
    old = await crowd.come(half)
    await crowd.on_day(3)
    middle = await crowd.come(quarter)
    await crowd.on_day(8.3)
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
    assert (found["moved"], found["version"]) == (CROWD, 2)
    await crowd.stage.settle()
    decided = [row for row in await crowd.rows(t.Decision) if row.outcome == "policy_moved"]
    assert {(row.facts["version_before"], row.facts["version"]) for row in decided} == {(1, 2)}
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


async def test_nobody_is_flooded_unasked(crowd: Crowd) -> None:
    """What would be due already goes at once, through the gate, if somebody agrees to the number;
    what is due no more stays undone."""
    desk = crowd.desk
    old = await crowd.come(3)
    await crowd.on_day(9)
    change = {"check_in": "8d"}
    preview = await desk.policy_preview(S0, change)
    assert (preview["at_once"], preview["confirm"], preview["sooner"]) == (3, 3, 0)
    more: Any = {"by": "a", "reason": "now", "approve": True, "to": "running"}
    for confirm in (None, 2):
        with pytest.raises(Refusal) as fault:
            await desk.policy_set(S0, change, confirm=confirm, **more)
        assert (fault.value.code, fault.value.status) == ("confirm_needed", 409)
    assert await crowd.rows(t.PolicyVersion) == []
    await desk.policy_set(S0, change, confirm=3, **more)
    await crowd.on_day(9.2)
    assert await crowd.asked("5.4.1", old) == {9}
    found = await desk.policy_undo(S0, by="a", reason="a mistake", to="running")
    assert (found["version"], found["moved"]) == (2, 3)
    await crowd.on_day(30)
    assert await crowd.asked("5.4.1", old) == {9}
    assert await crowd.twice() == []
    await crowd.replayed()


async def test_what_was_said_for_one_alone_stays_so(crowd: Crowd) -> None:
    """On top of whatever the policy becomes; where the two do not fit, it keeps what it has."""
    desk = crowd.desk
    (plain,) = await crowd.come(1)
    receipt = await crowd.director.receive(
        "follow_up.requested",
        customer={"email": "own@example.com", "country": "GB"},
        data={"sop": S0, "policy": {"check_in": "20d"}},
    )
    own = receipt.effects[0].follow_up
    await crowd.stage.settle()
    await desk.policy_set(
        S0, {"check_in": "10d", "low_engagement": "5d"}, by="a", reason="r", approve=True,
        to="running",
    )  # fmt: skip
    await crowd.stage.settle()
    for follow_up, moment in ((plain, 10), (own, 20)):
        handle = crowd.stage.env.client.get_workflow_handle(follow_up)
        await crowd.on_day(6)
        shifts = await handle.query("shifts", {})
        assert [(one["clause"], one["now"][:10]) for one in shifts] == [
            ("5.4.1", str((crowd.start + moment * DAY).date()))
        ]
    reasons = {r.follow_up: r.reason for r in await crowd.rows(t.Decision) if "moved" in r.outcome}
    assert reasons == {plain: None, own: "own_policy"}


async def test_those_that_begin_meanwhile_have_it_anyway(crowd: Crowd) -> None:
    """Who begins after it was approved follows it, and a lower version moves nobody."""
    desk = crowd.desk
    await crowd.come(1)
    for many in ("10d", "11d"):
        await desk.policy_set(
            S0, {"check_in": many}, by="a", reason="r", approve=True, to="running"
        )
    (young,) = await crowd.come(1)
    handle = crowd.stage.env.client.get_workflow_handle(young)
    await handle.signal("policy", {"version": 1, "policy": {"check_in": 86400}})
    await crowd.stage.settle()
    await crowd.on_day(8)
    (shift,) = await handle.query("shifts", {})
    assert (shift["clause"], shift["now"][:10]) == ("5.4.1", str((crowd.start + 11 * DAY).date()))
    await desk.policy_move(S0, by="a", reason="once more")
    await desk.policy_move(S0, by="a", reason="and again")
    await crowd.on_day(14)
    assert await crowd.asked("5.4.1", [young]) == {11}
    await crowd.replayed()


async def test_the_tellings_survive_whoever_tells_them(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two tellings: what was approved stands with all of them, and the next process
    tells the rest; whoever hears it twice hears it once."""
    desk, follow_ups = crowd.desk, await crowd.come(4)
    signal, heard = desk.relay._signal, list[str]()

    async def dies(row: Any) -> str:
        if heard:
            raise RuntimeError("the machine is gone")
        heard.append(row.workflow_id)
        return await signal(row)

    monkeypatch.setattr(desk.relay, "_signal", dies)
    await desk.policy_set(S0, {"check_in": "10d"}, by="a", reason="r", approve=True, to="running")
    assert len([x for x in await crowd.rows(t.Telling) if x.name == "policy"]) == 4
    assert len([x for x in await crowd.rows(t.Telling) if not x.told_at]) == 3
    monkeypatch.undo()
    async with desk.store.transaction() as session:  # their leases are over
        for row in (await session.execute(select(t.Telling))).scalars():
            row.claimed_until = None
    await desk.policy_move(S0, by="a", reason="to be sure")
    await crowd.on_day(12)
    assert await crowd.asked("5.4.1", follow_ups) == {10}
    await crowd.replayed()


async def test_nothing_is_changed_while_nobody_answers(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a worker there is no preview, and so nobody is moved."""
    monkeypatch.setattr(shifting, "PATIENCE", timedelta(seconds=1))
    await crowd.come(2)
    await crowd.stage.end_work()
    with pytest.raises(Refusal) as fault:
        await crowd.desk.policy_set(
            S0, {"check_in": "10d"}, by="a", reason="r", approve=True, to="running"
        )
    assert (fault.value.code, fault.value.status) == ("nobody_answers", 503)
    assert await crowd.rows(t.PolicyVersion) == []
    await crowd.stage.begin_work()


async def test_house_rules_hold_at_once(crowd: Crowd) -> None:
    """Nobody has to be moved: the preview says how many they are for."""
    await crowd.come(2)
    preview = await crowd.desk.policy_preview("house", {"contact_opens": "08:00"})
    assert numbers(preview) == {"follow_ups": 2, "in_force_at_once": 2}
    found = await crowd.desk.policy_set(
        "house", {"contact_opens": "08:00"}, by="a", reason="r", approve=True, to="running"
    )
    assert found["moved"] == 0
