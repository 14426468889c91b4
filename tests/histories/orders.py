"""The lives of orders and cases whose histories are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from activities.crm import tables as t
from starter.rehearse.stage import Stage
from tests.histories.lives import LIVES, kept
from tests.rehearsals.life import Life, begin

__all__ = ["LIVES"]

S1 = "order-thanks"
TWO = [
    {"id": "P-1", "carrier": "Post", "tracking_number": "AB123"},
    {"id": "P-2", "carrier": "Post"},
]
ANSWER = {"subject": "We are sorry", "text": "A new one is on its way."}
RIGHT = {"root_cause": "delivery", "resolution": "A new one was sent."}


async def happens(ada: Life, what: str, day: int, **order: Any) -> None:
    await ada.day(day, "13:00")
    await ada.event(f"order.{what}", order={"id": ada.order} | order)


@kept
async def order_in_parcels(stage: Stage) -> Life:
    """All three procedures: two parcels, one without a number, delivered, all well."""
    ada = await begin(stage, sop="")
    await happens(ada, "shipped", 1, shipments=TWO)
    await happens(ada, "delivered", 2, shipments=TWO[:1])
    await happens(ada, "delivered", 3, shipments=TWO[1:])
    await ada.day(8, "12:00")
    scores = {"product": 90, "overall": 80, "category": "product"}
    await ada.event("feedback.received", order={"id": ada.order}, data=scores)
    return ada.of(S1)


@kept
async def order_of_premium(stage: Stage) -> Life:
    """A note by post; delivered before it was shipped; a question; called; the years after."""
    ada = await begin(
        stage, sop="", tier="premium", phone="+447700900123", preferred_channel="phone"
    )
    await happens(ada, "delivered", 1)
    await happens(ada, "shipped", 2)
    await ada.day(2, "15:00")
    (call,) = [task for task in await ada.tasks() if task.form == "call"]
    done = {"reached": "yes", "product": 90, "overall": 90}
    await ada.stage.desk.complete_task(call.id, done, by="test")
    await ada.stage.settle()
    await ada.day(3, "12:00")
    await ada.event("inquiry.received", order={"id": ada.order}, data={"text": "All well, but"})
    (case,) = await ada.rows(t.Case)
    await ada.day(3, "16:00")
    await ada.of("case", case.id).complete("2", **ANSWER)
    await ada.of(S1).end()
    await ada.day(370, "12:00")
    return ada.of(S1)


@kept
async def order_that_never_comes(stage: Stage) -> Life:
    """Nobody says that it arrived, and who looks for it does not find it."""
    ada = await begin(stage, sop="")
    await happens(ada, "shipped", 1, shipments=TWO[:1])
    await ada.day(16, "12:00")
    await ada.of(S1).complete("3", arrived=False)
    await ada.stage.sleep(timedelta(days=20))
    return ada.of(S1)


@kept
async def order_undone(stage: Stage) -> Life:
    """Of a guest: returned in part, then refunded."""
    ada = await begin(stage, sop="")
    await happens(ada, "delivered", 1)
    await ada.day(2, "12:00")
    await ada.event("order.returned", order={"id": ada.order}, data={"partial": True})
    await ada.day(3, "12:00")
    await ada.event("order.refunded", order={"id": ada.order})
    return ada.of(S1)


@kept
async def order_by_download(stage: Stage) -> Life:
    """Access to it is its delivery; written to by people only."""
    ada = await begin(stage, sop="", tier="vip", order={"fulfilment": "digital"})
    await ada.day(1, "12:00")
    await ada.event("account.provisioned", order={"id": ada.order})
    await ada.day(5, "16:00")
    asked = next(x for x in await ada.tasks(S1) if x.clause == "3")
    said = {"subject": "How is it?", "text": "How do you like it?"}
    await ada.stage.desk.complete_task(asked.id, said, by="test")
    await ada.stage.settle()
    return ada.of(S1)


@kept
async def order_complained_of(stage: Stage) -> Life:
    """Up the ladder, answered, put right, not so, put right again; all three wait meanwhile."""
    ada = await begin(stage, sop="")
    await happens(ada, "delivered", 1)
    await ada.day(2, "10:00")
    said = {"text": "It came torn", "reference": "K-1", "severity": "high"}
    await ada.event("complaint.opened", order={"id": ada.order}, data=said)
    (case,) = await ada.rows(t.Case)
    of = ada.of("case", case.id)
    await ada.day(6, "12:00")
    await of.complete("2", **ANSWER)
    await of.complete("5", **RIGHT)
    await ada.day(7, "12:00")
    await ada.event("feedback.received", data={"reference": "K-1", "satisfied": False})
    await ada.day(8, "12:00")
    await of.complete("5", **RIGHT)
    await ada.day(9, "12:00")
    await ada.event("feedback.received", data={"reference": "K-1", "satisfied": True})
    return ada.of(S1)
