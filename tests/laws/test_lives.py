"""The laws that hold whatever happens, in whatever order: real workflows, gate, desk and CRM."""

from __future__ import annotations

import logging
import os
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from temporalio.client import WorkflowHandle
from temporalio.worker import Replayer

from activities.crm import tables as t
from starter.rehearse.stage import stage
from tests.laws.town import SERVICES, Citizen, Town
from workflows.plugin import plugin
from workflows.sops import CATALOGUE, PROCEDURES
from workflows.vocabulary import PAST, State

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
STEPS = 25
DAY, SOON = timedelta(days=1), timedelta(minutes=20)
TOPICS = {"topic:tips": "tips"}
PROMISED = (
    "thank-you",
    "satisfaction-check",
    "satisfaction-survey",
    "order-experience",
    "sales-follow-up",
    "sales-experience",
    "onboarding-survey",
)
logging.getLogger("temporalio.activity").setLevel(logging.CRITICAL)  # the faults here are meant


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", sorted({*range(DOSE), 3}))  # 3: its worker stays away
async def test_random_lives(seed: int) -> None:
    """Six customers at a time, for ten wild days, and on until all that was begun has ended; in
    every fourth town the worker stays away at times."""
    async with stage(cold=seed % 4 == 3) as built:
        town = Town(built, seed)
        await town.settle_down()
        for _ in range(STEPS):
            await town.pass_time()
        await town.calm()
        await town.evening(within=90 * DAY)
        await nothing_is_left_over(town)
        lived = {row.sop for citizen in town.citizens for row in await citizen.follow_ups()}
        assert lived >= set(CATALOGUE)
        for citizen in town.citizens:
            await nothing_went_that_must_not(citizen)
            await every_complaint_is_heard(citizen)
            for row in await citizen.follow_ups():
                handle = built.env.client.get_workflow_handle(row.id)
                await nothing_is_forgotten(citizen, row, handle)
                history = await handle.fetch_history()
                assert len(history.events) < 2000, row.id
                await Replayer(workflows=[], plugins=[plugin]).replay_workflow(history)


async def nothing_went_that_must_not(citizen: Citizen) -> None:
    """By what the provider accepted, and what was permitted when."""
    zone = ZoneInfo(citizen.life.director.cast[0].zone.key)
    messages = {message.key: message for message in await citizen.life.rows(t.Message)}
    accepted = [row for row in await citizen.life.everybody(t.Outbox) if row.key in messages]
    twice = [key for key, count in Counter(row.key for row in accepted).items() if count > 1]
    assert twice == []
    unsolicited = [row for row in accepted if messages[row.key].kind != "transactional"]
    unsolicited.sort(key=lambda row: row.accepted_at)
    lines = [line for line in await citizen.milestones() if line.due_at]
    due = {line.message_key: line.due_at for line in lines if _is_its_own(line)}
    for one, next_ in pairwise(unsolicited):
        apart = next_.accepted_at - one.accepted_at
        deadline = due.get(next_.key) if messages[next_.key].template in PROMISED else None
        promised = deadline is not None and deadline < next_.accepted_at + DAY  # no other slot
        assert apart >= DAY or promised, (one.key, next_.key, apart)
    for row in unsolicited:
        message, local = messages[row.key], row.accepted_at.astimezone(zone)
        if not 9 <= local.hour < 20:  # only what was promised for before the morning
            morning = local.replace(hour=9, minute=0) + (local.hour >= 20) * DAY
            assert message.template in PROMISED, (row.key, local)
            assert row.accepted_at <= due[row.key] < morning + SOON, (row.key, local, due[row.key])
        assert message.draft_id or citizen.life.id != "C-4", row.key  # a VIP
        for now, then in pairwise(citizen.glimpses):
            if now.at < row.accepted_at < then.at:
                assert not {"", message.follow_up} & now.held & then.held, row.key
                refused = now.refused & then.refused
                assert "all" not in refused, row.key
                assert not (message.kind == "marketing" and "email_marketing" in refused), row.key
                assert not (message.kind == "relationship" and "relationship" in refused), row.key
                assert message.topic not in {TOPICS.get(scope) for scope in refused} - {None}


def _is_its_own(line: t.Milestone) -> bool:
    """Not the message of another clause, that covers this one."""
    return (line.message_key or "").startswith(f"{line.follow_up}/")


async def every_complaint_is_heard(citizen: Citizen) -> None:
    """Acknowledged at once, or by a person; held until it is closed; closed, or with somebody."""
    messages = {message.key: message for message in await citizen.life.rows(t.Message)}
    tasks = await citizen.life.rows(t.Task)
    for case in await citizen.life.rows(t.Case):
        about = [task for task in tasks if task.case_id == case.id]
        if case.kind == "complaint":
            received = messages.get(f"case.{case.id}/complaint-received")
            written = received is not None and (received.sent_at or received.reason)
            assert written or any(task.clause == "1" for task in about), case.id
        waits = [task for task in about if task.state == "open"]
        assert case.closed_at or waits, (case.id, case.kind, case.state)
    holds = {hold.id: hold for hold in await citizen.life.rows(t.Hold)}
    for case in await citizen.life.rows(t.Case):
        if case.closed_at and case.id in holds:
            assert holds[case.id].released_at, case.id
    for now, then in pairwise(citizen.glimpses):
        assert not now.unheld & then.unheld, (now.at, now.unheld & then.unheld)


async def nothing_is_forgotten(
    citizen: Citizen, row: t.Enrolment, handle: WorkflowHandle[Any, Any]
) -> None:
    """Every clause ends done, covered, skipped with a reason, or waits for somebody."""
    lines = await citizen.life.of(row.sop, row.subject).lines()
    if row.sop != "keep-in-touch":  # it goes on for years
        assert row.ended_at or row.sop == "case", (row.id, _unfinished(lines))
        for name, line in lines.items():
            assert State(line.state) in (*PAST, State.WAITING) or not row.ended_at, (row.id, name)
            assert line.reason or State(line.state) is not State.SKIPPED, (row.id, name)
    if row.state == "completed" and row.sop not in SERVICES:
        sop = PROCEDURES[row.sop]
        steps = set(sop.steps) - set(sop.workflow.standing)
        assert steps <= {line.clause for line in lines.values()}, row.id
    checklist = await handle.query("checklist")
    told = {line["clause"] + line.get("about", ""): line["state"] for line in checklist}
    kept = {line.clause + line.about: line.state for line in lines.values()}
    differ = {name: (kept.get(name), told.get(name)) for name in {*kept, *told}}
    differ = {name: both for name, both in differ.items() if both[0] != both[1]}
    if row.ended_at:  # a task that outlives it is done, or taken back, without it
        differ = {name: both for name, both in differ.items() if both[1] != State.WAITING}
    assert differ == {}, f"{row.id}: the tables and the workflow tell different stories: {differ}"


def _unfinished(lines: dict[str, t.Milestone]) -> dict[str, str]:
    return {name: line.state for name, line in lines.items() if State(line.state) not in PAST}


async def nothing_is_left_over(town: Town) -> None:
    """What came in was carried out, and Temporal was told of it."""
    async with town.stage.store.reading() as session:
        inbox = Counter((await session.execute(select(t.Inbox.state))).scalars())
        failed = select(t.Inbox.type, t.Inbox.error).where(t.Inbox.state == "failed")
        assert list((await session.execute(failed)).all()) == []
        untold = select(t.Telling.name).where(t.Telling.told_at.is_(None))
        assert not list((await session.execute(untold)).scalars())
        doubtful = select(t.Message.key).where(t.Message.state.in_(["sending", "unknown"]))
        assert not list((await session.execute(doubtful)).scalars())
    assert inbox["stored"] == 0
