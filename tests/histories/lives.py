"""The lives whose histories are kept: one of each shape. Add one here, then `make history`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from activities.crm import tables as t
from starter.rehearse.stage import Stage
from tests.rehearsals.bounces import PHONE, comes_back
from tests.rehearsals.life import Life, begin

Play = Callable[[Stage], Awaitable[Life]]
LIVES: dict[str, Play] = {}


def kept(play: Play) -> Play:
    LIVES[play.__name__.replace("_", "-")] = play
    return play


@kept
async def silent(stage: Stage) -> Life:
    """Nobody says a word."""
    return await begin(stage)


@kept
async def no_engagement_data(stage: Stage) -> Life:
    """Silence that means nothing."""
    return await begin(stage, neighbour=False)


@kept
async def replied(stage: Stage) -> Life:
    """An answer to the check-in."""
    ada = await begin(stage)
    await ada.day(15, "12:00")
    await ada.event("reply.received", data={"text": "All well"})
    return ada


@kept
async def replied_too_late(stage: Stage) -> Life:
    """An answer that crossed with its reminder."""
    ada = await begin(stage)
    await ada.day(18, "09:00")
    before = ada.stage.clock.now().isoformat()
    await ada.day(18, "10:01")
    await ada.event("reply.received", occurred_at=before, data={"text": "All well"})
    return ada


@kept
async def complained(stage: Stage) -> Life:
    """A complaint that is settled, one that is not, and one by hand."""
    ada = await begin(stage)
    await ada.day(0, "12:00")
    await ada.event("complaint.opened", data={"reference": "K-1"})
    await ada.day(3, "12:00")
    await ada.event("complaint.resolved", data={"reference": "K-1"})
    await ada.day(8, "12:00")
    handle = stage.env.client.get_workflow_handle(ada.follow_up)
    await handle.signal("complaint")
    await stage.settle()
    await ada.event("complaint.resolved")
    await ada.day(20, "12:00")
    for case in await ada.rows(t.Case):
        await ada.event("complaint.resolved", data={"case_id": case.id})
    return ada


@kept
async def opted_out(stage: Stage) -> Life:
    """Of marketing first, then of everything."""
    ada = await begin(stage)
    await ada.day(3, "12:00")
    await ada.event("consent.changed", data={"email_marketing": False})
    await ada.day(9, "12:00")
    await ada.event("consent.changed", data={"all": False})
    return ada


@kept
async def engaged(stage: Stage) -> Life:
    """Uses the product, so that there is something to offer; Sales may call."""
    ada = await begin(stage, policy={"sales_outreach": True}, order={"total": "900.00"})
    for day in (1, 2, 4, 6, 8, 10, 12, 13, 15, 17):
        await ada.day(day, "13:00")
        await ada.event("engagement.login")
    return ada


@kept
async def bought_again(stage: Stage) -> Life:
    """A second order while the follow-up runs."""
    ada = await begin(stage)
    await ada.day(5, "12:00")
    await ada.event("order.paid", order={"id": "order-2", "first": False, "total": "10.00"})
    await ada.day(6, "12:00")
    await ada.event("order.delivered", order={"id": "order-2"})
    await ada.event("order.returned", order={"id": "order-2"})
    return ada


@kept
async def signed_up_then_bought(stage: Stage) -> Life:
    ada = await begin(stage, starts_with="customer.signed_up")
    await ada.day(2, "12:00")
    await ada.event("order.paid", order={"id": "order-1", "first": True, "total": "49.00"})
    return ada


@kept
async def vip(stage: Stage) -> Life:
    """Everything by people: one writes, one declines, one never comes."""
    ada = await begin(stage, tier="vip")
    await ada.day(1, "12:00")
    await ada.complete("5.2.1", subject="Hello", text="Shall I show you round?")
    await ada.day(7, "12:00")
    await ada.complete("5.3.2", declined=True)
    return ada


@kept
async def access_late(stage: Stage) -> Life:
    ada = await begin(stage, order={"fulfilment": "digital"})
    await ada.day(1, "12:00")
    await ada.event("account.provisioned", order={"id": "order-1"})
    return ada


@kept
async def written_by_a_person(stage: Stage) -> Life:
    ada = await begin(stage)
    await ada.day(14, "15:30")
    await ada.complete("5.4.1", subject="How is it?", text="How is the loom?")
    return ada


@kept
async def blocked_and_mended(stage: Stage) -> Life:
    ada = await begin(stage)
    await ada.house({"links.getting_started": ""})
    await ada.day(1, "12:00")
    await ada.control("retry")
    await ada.house({"links.getting_started": None})
    await ada.control("retry")
    return ada


@kept
async def troubled(stage: Stage) -> Life:
    """Issues, lulls reported from outside, and every control of staff."""
    ada = await begin(stage)
    await ada.day(0, "12:00")
    await ada.event("issue.detected", data={"topic": "set-up"})
    await ada.event("issue.detected", data={"topic": "payment"})
    await ada.day(1, "12:00")
    await ada.control("hold")
    await ada.day(2, "12:00")
    await ada.control("resume")
    await ada.control("skip", "5.3.2")
    await ada.day(9, "12:00")
    await ada.event("engagement.low")
    await ada.control("run-now", "5.4.1")
    await ada.day(12, "12:00")
    await ada.control("end")
    return ada


@kept
async def hard_of_hearing(stage: Stage) -> Life:
    """Nonsense by signal: with no body, of the wrong sort, of no known name."""
    ada = await begin(stage)
    handle = stage.env.client.get_workflow_handle(ada.follow_up)
    bodies: list[list[Any]] = [[], ["hello"], [7], [{"at": "yesterday"}], [{}, {}]]
    for name in ("responded", "task_done", "opted_out", "resume", "nobody_knows_this"):
        for body in bodies:
            await handle.signal(name, args=body)
    await stage.settle()
    return ada


@kept
async def a_colleague_writes(stage: Stage) -> Life:
    """Out of the blue: what is written by hand has a workflow of its own."""
    ada = await begin(stage)
    await ada.day(2, "12:00")
    await stage.desk.write(ada.id, {"subject": "Hello", "text": "Shall I call?"}, by="test")
    await stage.settle()
    return ada


@kept
async def worker_away(stage: Stage) -> Life:
    """Three days in which timers fire and nobody answers."""
    ada = await begin(stage)
    await ada.day(6, "10:00")
    await stage.end_work()
    await stage.away(timedelta(days=3))
    await stage.begin_work()
    return ada


@kept
async def came_back(stage: Stage) -> Life:
    """A welcome that came back, and went by SMS; and no way is left for what comes later."""
    ada = await begin(stage, phone=PHONE)
    await ada.day(0, "10:30")
    await comes_back(ada, "welcome")
    return ada


@kept
async def came_back_for_good(stage: Stage) -> Life:
    """A welcome that came back from who has no other address: a person sees to it."""
    ada = await begin(stage)
    await ada.day(0, "10:30")
    await comes_back(ada, "welcome")
    await ada.complete("5.1.1", note="they have a new address")
    return ada
