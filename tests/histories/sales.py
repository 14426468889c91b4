"""The lives of sales whose histories are kept."""

from __future__ import annotations

from typing import Any

from starter.rehearse.stage import Stage
from tests.histories.lives import kept
from tests.histories.orders import LIVES
from tests.rehearsals.life import Life, begin
from tests.rehearsals.test_sales_follow_up import FILLED, PHONE, S2, SPOKE

__all__ = ["LIVES"]

ASKED = FILLED | {"starts_on": "order.paid"}
S3 = "satisfaction"


@kept
async def sale_by_telephone(stage: Stage) -> Life:
    """Beside all others: called once it is there, not reached, called again; more business."""
    ada = await begin(stage, sop="", policies={S2: ASKED}, **PHONE)
    ada = ada.of(S2)
    await ada.day(3, "13:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.stage.sleep_until(ada.moment(6, "15:00"))
    for task in await ada.tasks():
        if task.form in ("call", "sales_call"):
            said = (
                SPOKE
                if task.form == "sales_call"
                else {"reached": "yes", "product": 90, "overall": 80}
            )
            await ada.stage.desk.complete_task(task.id, said, by="test")
            await ada.stage.settle()
    return ada


@kept
async def sale_alone(stage: Stage) -> Life:
    """Sales alone, which calls, comes upon more, and is in touch regularly."""
    await stage.desk.sop_switch(S3, on=False, by="test")
    ada = await begin(stage, sop=S2, policy=FILLED, **PHONE)
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.day(1, "15:00")
    more: dict[str, Any] = {"opportunity": True, "wanted": "More of it", "referral": "declined"}
    await ada.complete("5.2", **SPOKE | more)
    await ada.end()
    await ada.day(220, "12:00")
    return ada


@kept
async def sale_in_writing(stage: Stage) -> Life:
    """A colleague's words, feedback to classify, a complaint that is put right, an opt-out."""
    await stage.desk.sop_switch(S3, on=False, by="test")
    ada = await begin(stage, sop=S2, policy=FILLED)
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.day(2, "10:00")
    await ada.complete("5.2", subject="Hello", text="Is it what you hoped for?")
    await ada.day(4, "12:00")
    await ada.event("feedback.received", order={"id": ada.order}, data={"overall": 90})
    await ada.day(5, "12:00")
    await ada.complete("5.3", type="product", urgency="low", potential="none")
    await ada.event("complaint.opened", order={"id": ada.order}, data={"reference": "K-1"})
    await ada.day(7, "12:00")
    await ada.event("complaint.resolved", data={"reference": "K-1"})
    await ada.day(20, "12:00")
    await ada.event("consent.changed", data={"all": False})
    return ada


@kept
async def sale_of_a_vip(stage: Stage) -> Life:
    """The manager comes late; a colleague has spoken with them meanwhile."""
    await stage.desk.sop_switch(S3, on=False, by="test")
    ada = await begin(stage, sop=S2, policy=FILLED, tier="vip")
    await ada.day(1, "12:00")
    await ada.event("order.delivered", order={"id": ada.order})
    await ada.day(4, "12:00")
    talked = {"channel": "phone", "direction": "out", "text": "All well"}
    await ada.event("interaction.logged", order={"id": ada.order}, data=talked)
    return ada
