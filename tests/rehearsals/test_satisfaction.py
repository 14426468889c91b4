"""S3 by itself, row by row: contacted two to five business days after the purchase."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from activities.crm import tables as t
from starter.rehearse.stage import Stage, stage
from tests.clauses.proof import prove
from tests.rehearsals.life import Life, begin
from workflows.vocabulary import State

S3 = "satisfaction"
Begin = Callable[..., Any]


@pytest.fixture
async def alone(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with stage(cold=True, sops=S3) as on:
        yield on
        await prove(request.node, on.store)


@pytest.fixture
def buys(alone: Stage) -> Begin:
    """Somebody buys something, where S3 alone is on."""
    return partial(begin, alone, sop=S3)


async def test_delivered_in_the_window(buys: Begin) -> None:
    """Asked about the product and all of it, once it is there and the second business day come."""
    ada: Life = await buys()  # a Tuesday
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    assert await ada.end() == "completed"
    assert await ada.sent() == ["2 09:27 4.1 satisfaction-survey"]  # spread over half an hour
    (asked,) = await ada.rows(t.Message)
    assert "Loom" in asked.body_text


async def test_delivered_later_in_the_window(buys: Begin) -> None:
    """It waits for the delivery while the window lasts."""
    ada: Life = await buys()
    await ada.day(6, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.day(8, "12:00")
    (sent,) = await ada.sent()
    assert sent.endswith("4.1 satisfaction-survey")
    assert int(sent.split()[0]) in (6, 7)


async def test_not_delivered_by_then(buys: Begin) -> None:
    """The window closes: about the order only, never the product; and not late."""
    ada: Life = await buys()
    assert await ada.end() == "completed"
    (sent,) = await ada.sent()
    assert sent.endswith("4.1 order-experience")
    assert int(sent.split()[0]) == 7  # the fifth business day after a Tuesday
    assert (await ada.lines())["4.1"].late_by_seconds == 0


async def test_business_days_are_the_offices(buys: Begin) -> None:
    """The Friday before a bank holiday: Monday does not count."""
    ada: Life = await buys(on=date(2027, 5, 28), clock="16:30")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.day(4, "20:00")
    assert await ada.sent() == []
    await ada.day(6, "12:00")
    assert (await ada.sent())[0].startswith("5 ")  # Wednesday: the second business day


async def test_where_the_office_works_by_night(buys: Begin) -> None:
    """Its last day is their night: they are asked before it, by day, and in time."""
    ada: Life = await buys(time_zone="America/Los_Angeles", country="US")
    assert await ada.end() == "completed"
    ((day, clock, *_),) = [line.split() for line in await ada.sent()]
    assert "09:00" <= clock < "20:00"
    assert day in ("6", "7")
    assert (await ada.lines())["4.1"].late_by_seconds == 0


async def test_by_text_message(buys: Begin) -> None:
    """By the way they prefer."""
    ada: Life = await buys(
        phone="+447700900123",
        preferred_channel="sms",
        consent={"sms_marketing": True, "email_marketing": True},
    )
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.end()
    (asked,) = await ada.rows(t.Message)
    assert asked.channel == "sms"


@pytest.mark.plays("satisfaction", "4.1.1", "7.1")
async def test_by_telephone(buys: Begin) -> None:
    """A colleague calls, with the script; what they said is feedback."""
    ada: Life = await buys(phone="+447700900123", preferred_channel="phone")
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.day(2, "12:00")
    (task,) = await ada.tasks()
    assert (task.clause, task.form) == ("4.1", "call")
    await ada.complete("4.1", reached="yes", product=90, overall=80)
    assert await ada.end() == "completed"
    (said,) = await ada.rows(t.Feedback)
    assert (said.product, said.overall, said.source) == (90, 80, "call")
    assert (await ada.line("4.1"))[0] is State.DONE


async def test_who_is_not_reached_is_written_to(buys: Begin) -> None:
    """By e-mail, however much they would rather be called: nobody is at the telephone."""
    ada: Life = await buys(phone="+447700900123", preferred_channel="phone")
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    for day in (2, 3, 6, 7):
        await ada.day(day, "12:00")
        if await ada.tasks():
            await ada.complete("4.1", reached="no")
    await ada.end()
    written = [m for m in await ada.rows(t.Message) if m.sent_at]
    assert [(m.channel, m.template) for m in written] == [("email", "satisfaction-survey")]


async def test_a_call_that_nobody_makes(buys: Begin) -> None:
    """The window closes: it is late, and goes up to the manager; nothing is written instead
    without anybody's knowing."""
    ada: Life = await buys(phone="+447700900123", preferred_channel="phone")
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.day(12, "12:00")
    assert await ada.line("4.1") == (State.WAITING, None)
    (task,) = await ada.tasks()
    assert (task.form, task.escalated_to) == ("call", "customer-experience-manager")
    assert await ada.rows(t.Message) == []


async def test_bad_feedback_is_a_complaint(buys: Begin) -> None:
    """By the matrix; and when it is put right they are asked whether it is."""
    ada: Life = await buys()
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.day(3, "12:00")
    await ada.event("feedback.received", order={"id": ada.order}, data={"overall": 20})
    (case,) = await ada.rows(t.Case)
    assert case.kind == "complaint"
    assert case.order_id == ada.order
    of = ada.of("case", case.id)
    await of.complete("2", subject="Sorry", text="What went wrong?")
    await of.complete("5", root_cause="product", resolution="A new one.")
    await ada.event("feedback.received", data={"case_id": case.id, "satisfied": True})
    assert await of.end() == "completed"


@pytest.mark.plays("satisfaction", "4.4.2")
async def test_good_feedback_is_thanked_for(buys: Begin) -> None:
    """4.4: thank the customer for their feedback."""
    ada: Life = await buys()
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.day(3, "12:00")
    await ada.event("feedback.received", order={"id": ada.order}, data={"product": 90})
    await ada.day(3, "13:00")
    assert (await ada.sent())[-1] == "3 12:00 4.4 feedback-thanks"


@pytest.mark.plays("satisfaction", "3")
async def test_quality_assurance_looks_at_some(buys: Begin) -> None:
    """All of them, if the sample is a hundred in a hundred."""
    ada: Life = await buys(policy={"sample": 100})
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.day(10, "12:00")
    assert [task.role for task in await ada.rows(t.Task) if task.form == "review"] == [
        "quality-assurance"
    ]


async def test_refunded(buys: Begin) -> None:
    """It ends with its order, and says why."""
    ada: Life = await buys()
    await ada.day(1, "12:00")
    await ada.event("order.refunded", order={"id": ada.order})
    assert await ada.end() == "ended"
    assert await ada.sent() == []


async def test_returned_at_once(buys: Begin) -> None:
    """Nobody asks about the product; about the order, in the days that are for it, not before."""
    ada: Life = await buys()
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.event("order.returned", order={"id": ada.order})
    assert await ada.end() == "completed"
    assert await ada.sent() == ["2 09:27 4.1 order-experience"]


async def test_the_worker_was_away_over_the_window(buys: Begin) -> None:
    """What ought to have been by the fifth business day is late by so much, on record."""
    ada: Life = await buys()
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.stage.end_work()
    await ada.stage.away(timedelta(days=8))
    await ada.stage.begin_work()
    await ada.stage.settle()
    await ada.end()
    line = (await ada.lines())["4.1"]
    assert line.late_by_seconds > 0 or State(line.state) is State.SKIPPED
