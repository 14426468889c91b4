"""A draft that leaves a line to whoever sends it."""

from __future__ import annotations

import pytest

from activities.crm.store import Store
from activities.crm.tables import Draft, Task
from starter.answers import Refusal
from tests.factories import NOON, FakeClock, a_customer
from tests.starter.front import FakeTemporal, a_desk, only
from tests.starter.test_tasks_forms import a_task


@pytest.mark.parametrize("text", ["Dear Ada,\r\n\r\n … \r\n\r\nKind regards", None])
async def test_what_a_draft_leaves_to_a_person_is_written_by_one(
    store: Store, clock: FakeClock, temporal: FakeTemporal, text: str | None
) -> None:
    """Sent on as it stands, the customer would read dots in place of an answer."""
    await a_customer(store, id="cus_ada")
    desk = a_desk(store, clock, temporal, sops="")
    body = "Dear Ada,\n\n…\n\nKind regards"
    task = await a_task(store, "free" if text is None else "answer", template="case-answer")
    drafted = {"customer_id": "cus_ada", "task_id": task, "template": "case-answer"}
    async with store.transaction() as session:
        session.add(Draft(id="d", subject="Yours", body=body, created_at=NOON, **drafted))
    with pytest.raises(Refusal) as refused:
        await desk.complete_task(task, {"text": text} if text else {}, "jo")
    assert (refused.value.code, refused.value.param) == ("missing", "text")
    assert "in place of …" in refused.value.detail
    assert (await only(store, Task)).state == "open"
    assert (await only(store, Draft)).body == body
