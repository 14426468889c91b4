"""Asking one's manager, by every door; and examples of what closes a task, each of which does."""

from __future__ import annotations

from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Decision, Meeting, Notice, Task
from starter.answers import Refusal
from starter.desk import Desk
from starter.desk.examples import example
from tests.factories import FakeClock
from tests.starter.doors import is_problem, knocking
from tests.starter.front import FakeTemporal, a_desk, effects, rows
from tests.starter.sales_on_show import TITLES, a_selling_house
from tests.starter.work_on_show import a_task
from workflows.vocabulary import Form


@pytest.fixture
async def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    await a_selling_house(store)
    temporal.started |= {"sales-follow-up.1001": None, "onboarding.c1": None}
    return a_desk(store, clock, temporal, sops="")


async def the_other(store: Store) -> Task:
    (row,) = [one for one in await rows(store, Task) if one.brief.get("question")]
    assert isinstance(row, Task)
    return row


async def test_a_question_and_its_answer(
    desk: Desk, store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """The task stays whose it is, late or not; the answer is on its brief, and its owner hears."""
    receipt = await desk.ask_manager("task_sales_call", "  Ten off?  ", "mo@example.com")
    assert effects(receipt) == [("recorded", None)]
    other = await the_other(store)
    assert (other.role, other.brief["question"], other.brief["asked_by"]) == (
        "sales-manager", "Ten off?", "mo@example.com",
    )  # fmt: skip
    assert clock.now() < other.due_at
    (why,) = [row for row in await rows(store, Decision) if row.reason == "advice_asked"]
    assert (why.outcome, why.facts["to"]) == ("escalated", "sales-manager")
    with pytest.raises(Refusal) as refused:
        await desk.complete_task(other.id, {}, "boss@example.com")
    assert refused.value.param == "note"
    await desk.complete_task(other.id, {"note": "Five"}, "boss@example.com")
    first = next(row for row in await rows(store, Task) if row.id == "task_sales_call")
    assert (first.state, first.escalated_to, first.rung) == ("open", None, 0)
    assert [one["text"] for one in first.brief["advice"]] == ["Five"]
    assert "answered" in {row.what for row in await rows(store, Notice)}
    assert not temporal.signals  # nobody's procedure goes on by that
    await desk.ask_manager("task_sales_call", "And six?", "mo@example.com")
    assert len([row for row in await rows(store, Task) if row.brief.get("question")]) == 2


async def test_others_ask_another_manager(desk: Desk, store: Store) -> None:
    """And what is closed is asked about no more."""
    await desk.ask_manager("task_set_up", "Which account?", "mo")
    assert (await the_other(store)).role == "customer-experience-manager"
    await desk.complete_task("task_set_up", {"done": ["billing", "support"]}, "mo")
    again = await desk.ask_manager("task_set_up", "Which account?", "mo")
    assert effects(again) == [("already", "done")]


async def test_a_button_pressed_twice_asks_once(desk: Desk, store: Store) -> None:
    """While the question waits; once it is answered it may be asked again."""
    await desk.ask_manager("task_sales_call", "Ten off?", "mo")
    again = await desk.ask_manager("task_sales_call", "Ten off? ", "mo")
    assert effects(again) == [("already", None)]
    await desk.complete_task((await the_other(store)).id, {"note": "Five"}, "boss@example.com")
    anew = await desk.ask_manager("task_sales_call", "Ten off?", "mo")
    assert effects(anew) == [("recorded", None)]


async def test_by_the_api(desk: Desk) -> None:
    """Hostile words are refused, and named."""
    async with knocking(desk) as http:
        path = "/v1/tasks/task_sales_call/ask"
        answer = await http.post(path, json={"text": "Ten off?"})
        assert answer.status_code == 200
        assert answer.json()["brief"]["asked"][0]["text"] == "Ten off?"
        is_problem(await http.post(path, json={"text": " "}), 422, "missing", "text")
        is_problem(await http.post(path, json={"text": "x" * 20_001}), 422, "invalid", "text")
        is_problem(await http.post(path, json={"text": 7}), 422, "invalid", "text")
        is_problem(await http.post(path, json={"txt": "x"}), 422, "missing", "text")
        missing = await http.post("/v1/tasks/task_9/ask", json={"text": "x"})
        is_problem(missing, 404, "not_found")
        said = {"done": ["billing"]}
        answer = await http.post("/v1/tasks/task_set_up/complete", json=said)
        is_problem(answer, 422, "incomplete", "done.support")


@pytest.mark.parametrize("form", list(Form))
async def test_every_example_closes_its_task(
    form: Form, memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """What the terminal proposes is what the desk takes."""
    await a_selling_house(memory_store)
    task_id = f"task_{form.value}"
    if form not in TITLES:
        await a_task(memory_store, "cus_ada", id=task_id, form=form.value, template="check-in")
    desk = a_desk(memory_store, clock, temporal, sops="")
    row = next(one for one in await rows(memory_store, Task) if one.id == task_id)
    said: dict[str, Any] = example(form, row.brief, clock.now())
    if form is Form.TRANSFER:
        row.brief["checks"] = list(said)
    if form is Form.MEETING:  # nobody was met before it began
        (meeting,) = await rows(memory_store, Meeting)
        clock.set(meeting.starts_at)
    await desk.complete_task(task_id, said, "mo")
    after = next(one for one in await rows(memory_store, Task) if one.id == task_id)
    assert after.state == "done"
