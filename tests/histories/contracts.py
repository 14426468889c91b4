"""The lives of contracts whose histories are kept."""

from __future__ import annotations

from typing import Any

from starter.rehearse.stage import Stage
from tests.histories.lives import kept
from tests.histories.sales import LIVES
from tests.rehearsals.life import Life, begin

__all__ = ["LIVES"]

S4 = "onboarding"
WHOLE = {"account_manager": "am@example.com", "contacts": [{"name": "Ada"}], "needs": "A loom"}
SYSTEMS = ["billing", "crm", "support"]


async def signs(stage: Stage, contract: dict[str, Any] | None = None, **customer: Any) -> Life:
    """A sign-up, and then a contract."""
    ada = await begin(stage, sop="", starts_with="customer.signed_up", **customer)
    await ada.event("contract.signed", contract={"id": "V-1", **(contract or {})})
    return Life(ada.director, S4, "V-1")


async def does(ada: Life, form: str, **outcome: Any) -> None:
    task = [task for task in await ada.tasks(S4) if task.form == form][-1]
    await ada.stage.desk.complete_task(task.id, outcome, by="am@example.com")
    await ada.stage.settle()


@kept
async def contract_smooth(stage: Stage) -> Life:
    """Handed over with the signature, set up by people, called, asked, answered."""
    ada = await signs(stage, WHOLE)
    await does(ada, "set_up", done=SYSTEMS)
    await does(ada, "schedule", starts_at=ada.moment(2, "14:00"))
    await ada.day(2, "15:05")
    await does(ada, "meeting", outcome="held", note="Weaving.")
    await ada.day(4, "12:00")
    await ada.event("feedback.received", data={"overall": 90, "category": "service"})
    return ada


@kept
async def contract_troubled(stage: Stage) -> Life:
    """Late, set up bit by bit, missed, moved, cancelled, held at last, and not liked."""
    ada = await signs(stage)
    await ada.day(1, "12:00")
    await does(ada, "transfer", **WHOLE)
    for system in SYSTEMS:
        told = {"contract": {"id": "V-1"}, "data": {"system": system}}
        await ada.event("account.provisioned", **told)
    await does(ada, "schedule", starts_at=ada.moment(2, "14:00"))
    await ada.day(2, "14:20")
    await does(ada, "meeting", outcome="missed")
    await does(ada, "schedule", starts_at=ada.moment(4, "14:00"))
    await ada.day(4, "12:00")
    await does(ada, "meeting", outcome="moved", starts_at=ada.moment(5, "14:00"))
    await ada.event("meeting.cancelled", contract={"id": "V-1"})
    await does(ada, "schedule", starts_at=ada.moment(7, "09:00"))
    await ada.day(7, "10:30")
    await does(ada, "meeting", outcome="held", note="Weaving.")
    await ada.day(8, "16:00")
    await ada.event("feedback.received", data={"overall": 10, "text": "It sticks"})
    await ada.day(9, "12:00")
    said = {"root_cause": "product", "resolution": "Shown once more.", "satisfied": True}
    case = next(task for task in await ada.tasks("case"))
    outcome = {"answered": "phone", "resolved": True} | said
    await ada.stage.desk.complete_task(case.id, outcome, by="test")
    await ada.stage.settle()
    return ada


@kept
async def contract_never_handed_over(stage: Stage) -> Life:
    """Held before anybody was set up; a new policy under way; ended by hand; a VIP."""
    ada = await signs(stage, tier="vip")
    data = {"starts_at": ada.moment(0, "09:00").isoformat(), "reference": "Z-1"}
    await ada.event("meeting.held", contract={"id": "V-1"}, data=data)
    handle = stage.env.client.get_workflow_handle(ada.follow_up)
    await handle.signal("policy", {"policy": {"hand_over": "PT48H"}, "version": 2})
    await ada.day(3, "12:00")
    await ada.stage.desk.control("end", ada.follow_up, reason="test", by="test")
    await ada.stage.settle()
    return ada
