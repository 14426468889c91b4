"""Whoever says what they think is thanked for it once, whatever is left of their procedures."""

from __future__ import annotations

from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Enrolment
from starter.desk import Desk
from starter.reports import Reports
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept
from tests.starter.front import FakeTemporal, a_desk, an_event, only, rows
from tests.starter.test_feedback_classes import asking

WHO = {"id": "cus_ada"}


@pytest.fixture
async def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    await a_customer(store, id="cus_ada")
    return a_desk(store, clock, temporal)


async def think(desk: Desk, **data: Any) -> Any:
    event = an_event("feedback.received", customer=WHO, data={"score": 80} | data)
    return await desk.receive("form", event)


async def thanks(desk: Desk) -> list[Enrolment]:
    return [row for row in await rows(desk.store, Enrolment) if row.sop == "correspondence"]


async def running(desk: Desk, temporal: FakeTemporal, sop: str, order: str = "1001") -> None:
    name = f"{sop}.{order}"
    await an_enrolment(desk.store, "cus_ada", sop=sop, subject=order, order_id=order)
    temporal.started[name] = None


async def test_nobody_is_left_to_thank(desk: Desk, temporal: FakeTemporal) -> None:
    """S1 and S3 are over: then the thanks go by themselves, by what it is about."""
    await an_enrolment(desk.store, "cus_ada", sop="order-thanks", subject="1001", order_id="1001",
                       state="completed", ended_at=NOON)  # fmt: skip
    await kept(desk.store, asking())
    event = an_event("feedback.received", customer=WHO,
                     data={"score": 80, "message": "msg_1", "category": "billing"})  # fmt: skip
    await desk.receive("form", event)
    await desk.receive("form", event)
    (row,) = await thanks(desk)
    assert row.id.startswith("correspondence.fb_")
    assert (row.input["category"], row.order_id) == ("billing", "1001")
    assert row.input["feedback_id"] == row.subject
    assert row.id in temporal.started


@pytest.mark.parametrize("sop", ["order-thanks", "satisfaction"])
async def test_a_procedure_thanks(desk: Desk, temporal: FakeTemporal, sop: str) -> None:
    """One that runs for the order, or for any where the feedback names none."""
    await running(desk, temporal, sop)
    await think(desk)
    assert not await thanks(desk)
    await kept(desk.store, asking())
    await think(desk, message="msg_1")
    assert not await thanks(desk)


async def test_another_order_s_procedure_does_not(desk: Desk, temporal: FakeTemporal) -> None:
    await running(desk, temporal, "order-thanks", "2002")
    await kept(desk.store, asking())
    await think(desk, message="msg_1")
    assert len(await thanks(desk)) == 1


@pytest.mark.parametrize("sop", ["online-customer", "keep-in-touch"])
async def test_one_that_does_not_thank(desk: Desk, temporal: FakeTemporal, sop: str) -> None:
    """S0 asks how they get on, and has no clause that thanks them; nor have the years after."""
    await running(desk, temporal, sop)
    await think(desk)
    assert len(await thanks(desk)) == 1


async def test_who_complains_is_answered(desk: Desk, temporal: FakeTemporal) -> None:
    """What opened a complaint, or joined one, is no occasion for thanks."""
    await think(desk, score=10)
    await think(desk, score=20)
    await think(desk, urgency="critical")
    assert not await thanks(desk)


async def test_each_is_thanked_for_once(desk: Desk) -> None:
    """Two opinions are two; a reply is answered by a person instead."""
    await think(desk)
    await think(desk, score=60)
    assert len(await thanks(desk)) == 2
    await kept(desk.store, asking())
    data = {"message": "msg_1", "text": "Fine"}
    await desk.receive("helpdesk", an_event("reply.received", customer=WHO, data=data))
    assert len(await thanks(desk)) == 2


async def test_old_news_is_on_record_only(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    desk = a_desk(memory_store, clock, temporal, go_live=NOON.date())
    await a_customer(memory_store, id="cus_ada")
    event = an_event("feedback.received", customer=WHO, data={"score": 90})
    await desk.receive("api", event | {"occurred_at": "2025-11-01T10:00:00Z"})
    assert not await rows(memory_store, Enrolment)


async def test_what_a_colleague_reads(desk: Desk, store: Store) -> None:
    """It is a follow-up of its own, with its clause."""
    await think(desk)
    row = await only(store, Enrolment)
    seen = await Reports(store, desk.clock).follow_up(row.id)
    assert seen is not None
    assert [(line.clause, line.reason) for line in seen.checklist] == [
        ("1", "if_called_for"), ("2", "if_called_for"),
    ]  # fmt: skip
