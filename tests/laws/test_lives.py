"""The laws that hold whatever happens, in whatever order: real workflows, gate, desk and CRM."""

from __future__ import annotations

import logging
import os
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from temporalio.worker import Replayer

from activities.crm import tables as t
from starter.rehearse.stage import stage
from tests.laws.town import Citizen, Town
from workflows.plugin import plugin
from workflows.sops import CATALOGUE
from workflows.sops.online_customer import OnlineCustomer
from workflows.vocabulary import PAST, State

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
STEPS = 50
DAY = timedelta(days=1)
TOPICS = {"topic:tips": "tips"}
logging.getLogger("temporalio.activity").setLevel(logging.CRITICAL)  # the faults here are meant


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", sorted({*range(DOSE), 3}))  # 3: its worker stays away
async def test_random_lives(seed: int) -> None:
    """Six customers at a time, for a month; in every fourth town the worker stays away at times."""
    async with stage(cold=seed % 4 == 3) as built:
        town = Town(built, seed)
        await town.settle_down()
        for _ in range(STEPS):
            await town.pass_time()
        await town.calm()
        for citizen in town.citizens:
            await citizen.life.end(within=90)
        await nothing_is_left_over(town)
        for citizen in town.citizens:
            await nothing_went_that_must_not(citizen)
            await nothing_is_forgotten(citizen)
            history = await citizen.life.history()
            assert len(history.events) < 2000
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
    for one, next_ in pairwise(unsolicited):
        assert next_.accepted_at - one.accepted_at >= DAY, (one.key, next_.key)
    for row in unsolicited:
        message, local = messages[row.key], row.accepted_at.astimezone(zone)
        assert 9 <= local.hour < 20, (row.key, local)
        assert message.draft_id or not row.key.startswith("online-customer.C-4/")  # a VIP
        for now, then in pairwise(citizen.glimpses):
            if now.at < row.accepted_at < then.at:
                assert not (now.held and then.held), row.key
                refused = now.refused & then.refused
                assert "all" not in refused, row.key
                assert not (message.kind == "marketing" and "email_marketing" in refused), row.key
                assert message.topic not in {TOPICS.get(scope) for scope in refused} - {None}


async def nothing_is_forgotten(citizen: Citizen) -> None:
    """Every clause ends done, covered, skipped with a reason, or waits for somebody."""
    enrolment, lines = await citizen.life.enrolment(), await citizen.life.lines()
    for name, line in lines.items():
        assert State(line.state) in (*PAST, State.WAITING), (name, line.state)
        assert line.reason or State(line.state) is not State.SKIPPED, name
    if enrolment.state == "completed":
        steps = set(CATALOGUE["online-customer"].steps) - set(OnlineCustomer.standing)
        assert steps <= {line.clause for line in lines.values()}
    handle = citizen.life.stage.env.client.get_workflow_handle(citizen.life.follow_up)
    told = {
        line.clause + line.about: line.state
        for line in await handle.query(OnlineCustomer.checklist)
    }
    kept = {line.clause + line.about: State(line.state) for line in lines.values()}
    assert kept == told, "the tables and the workflow tell different stories"


async def nothing_is_left_over(town: Town) -> None:
    """What came in was carried out, and Temporal was told of it."""
    async with town.stage.store.reading() as session:
        inbox = Counter((await session.execute(select(t.Inbox.state))).scalars())
        untold = select(t.Telling.name).where(t.Telling.told_at.is_(None))
        assert not list((await session.execute(untold)).scalars())
        doubtful = select(t.Message.key).where(t.Message.state.in_(["sending", "unknown"]))
        assert not list((await session.execute(doubtful)).scalars())
    assert inbox["stored"] == 0
