"""What is asked of whoever closes a task, and what comes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import (
    Case,
    Decision,
    Draft,
    Enrolment,
    Feedback,
    Hold,
    Inbox,
    Note,
    Order,
    Task,
    new_id,
)
from starter.answers import Refusal
from starter.desk import Desk
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, an_order
from tests.starter.front import FakeTemporal, a_desk, effects, only, rows

ADA, PURCHASE = "online-customer.cus_ada", "order-thanks.ord_1"


@pytest.fixture
async def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """A desk, and Ada, who has bought something."""
    await a_customer(store, id="cus_ada")
    await an_order(store, "cus_ada", id="ord_1")
    for sop, subject in (("online-customer", "cus_ada"), ("order-thanks", "ord_1")):
        await an_enrolment(store, "cus_ada", sop=sop, subject=subject, order_id="ord_1")
        temporal.started[f"{sop}.{subject}"] = None
    return a_desk(store, clock, temporal, sops="")


async def a_task(store: Store, form: str, **fields: Any) -> str:
    row = Task(
        **{
            "id": "task_1",
            "key": f"{PURCHASE}/task/3",
            "customer_id": "cus_ada",
            "follow_up": PURCHASE,
            "clause": "3",
            "role": "customer-excellence-officer",
            "title": "do it",
            "state": "open",
            "form": form,
            "due_at": NOON + timedelta(days=1),
            "order_id": "ord_1",
            "created_at": NOON,
        }
        | fields
    )
    async with store.transaction() as session:
        session.add(row)
    return "task_1"


async def a_case(desk: Desk, store: Store, kind: str = "complaint") -> Task:
    """A case with its first task, as the door makes them."""
    what = "complaint.opened" if kind == "complaint" else "inquiry.received"
    said = {"id": new_id("evt"), "type": what, "customer": {"id": "cus_ada"},
            "data": {"text": "It leaks"}}  # fmt: skip
    await desk.receive("api", said)
    task: Task = await only(store, Task)
    return task


def told(temporal: FakeTemporal, follow_up: str) -> dict[str, Any]:
    """What a follow-up was last told of a task."""
    return [
        body for id_, name, body in temporal.signals if (id_, name) == (follow_up, "task_done")
    ][-1]


@pytest.mark.parametrize(
    ("form", "said", "code", "param"),
    [
        ("answer", {}, "missing", "text"),
        ("answer", {"text": "a", "answered": "phone"}, "invalid", "answered"),
        ("answer", {"answered": "by owl"}, "invalid", "answered"),
        ("answer", {"answered": "phone", "resolved": True}, "missing", "root_cause"),
        ("answer", {"answered": "phone", "satisfied": True}, "invalid", "satisfied"),
        ("answer", {"declined": True}, "not_resolved", "declined"),
        ("resolve", {}, "missing", "root_cause"),
        ("resolve", {"root_cause": "product"}, "missing", "resolution"),
        ("resolve", {"root_cause": "product", "resolution": ""}, "invalid", "resolution"),
        ("resolve", {"declined": True}, "not_resolved", "declined"),
        ("confirm", {}, "missing", "satisfied"),
        ("confirm", {"satisfied": "yes"}, "invalid", "satisfied"),
        ("call", {}, "missing", "reached"),
        ("call", {"reached": "maybe"}, "invalid", "reached"),
        ("call", {"reached": "yes", "product": 80}, "missing", "overall"),
        ("call", {"reached": "yes", "product": 101}, "score_out_of_range", "product"),
        ("call", {"reached": "yes", "product": True}, "score_out_of_range", "product"),
        ("arrival", {}, "missing", "arrived"),
        ("review", {}, "missing", "score"),
        ("review", {"score": -1}, "score_out_of_range", "score"),
        ("free", {"text": "Hello"}, "nothing_to_send", "text"),
        ("free", {"subject": "Hello"}, "missing", "text"),
        ("arrival", {"arrived": True, "scroe": 1}, "unknown_field", "scroe"),
    ],
)
async def test_what_a_form_must_say(  # noqa: PLR0917
    desk: Desk, store: Store, form: str, said: dict[str, Any], code: str, param: str
) -> None:
    """What is missing is named; nothing is done, and nothing of it repeated."""
    task = await a_task(store, form, asks="satisfaction")
    with pytest.raises(Refusal) as refused:
        await desk.complete_task(task, said, "jo")
    assert (refused.value.code, refused.value.param) == (code, param)
    assert (await only(store, Task)).state == "open"


async def test_an_answer_written_here(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """It becomes the draft that the case sends; the clock of the first answer stops."""
    task = await a_case(desk, store)
    said = {"subject": "Your kettle", "text": "Dear Ada, a new one is on its way."}
    await desk.complete_task(task.id, said, "jo")
    case, draft = await only(store, Case), await only(store, Draft)
    assert (case.answered_at, case.answered_by, case.state) == (NOON, "jo", "open")
    body = told(temporal, f"case.{case.id}")
    assert (body["draft_id"], body["task_id"]) == (draft.id, task.id)
    assert (draft.subject, draft.edited, draft.by) == ("Your kettle", True, "jo")


async def test_an_answer_on_the_telephone_that_puts_it_right(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Case, note and feedback are one transaction; the hold stays until the case is closed."""
    task = await a_case(desk, store)
    said = {"answered": "phone", "resolved": True, "root_cause": "product", "satisfied": True,
            "resolution": "Sent a new one", "note": "She laughed",
            "actions": "check the lid"}  # fmt: skip
    assert effects(await desk.complete_task(task.id, said, "jo")) == [("signalled", None)]
    case = await only(store, Case)
    assert (case.state, case.root_cause, case.resolution) == (
        "resolved", "product", "Sent a new one",
    )  # fmt: skip
    assert (await only(store, Hold)).released_at is None
    body = told(temporal, f"case.{case.id}")
    assert (body["answered"], body["resolved"], body["satisfied"]) == ("phone", True, True)
    note = next(row for row in await rows(store, Note) if row.method == "phone")
    assert (note.summary, note.actions, note.direction, note.by) == (
        "Answered on the telephone: She laughed", "check the lid", "out", "jo",
    )  # fmt: skip
    opinion = await only(store, Feedback)
    assert (opinion.satisfied, opinion.case_id, opinion.source) == (True, case.id, "staff")
    again = await desk.complete_task(task.id, {"answered": "not_needed"}, "kim")
    assert effects(again) == [("already", "done")]
    assert (await only(store, Task)).outcome == said | {"by": "jo"}


async def test_a_complaint_put_right(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """The house knows its root causes; what is no root cause is refused, and nothing is written."""
    case_id = (await a_case(desk, store)).case_id
    task = await a_task(store, "resolve", case_id=case_id, follow_up=f"case.{case_id}", clause="5")
    said = {"root_cause": "bad luck", "resolution": "A new one"}
    with pytest.raises(Refusal) as refused:
        await desk.complete_task(task, said, "jo")
    assert (refused.value.code, refused.value.param) == ("unknown_root_cause", "root_cause")
    await desk.complete_task(task, said | {"root_cause": "delivery"}, "jo")
    case = await only(store, Case)
    assert (case.state, case.resolved_at, case.closed_at) == ("resolved", NOON, None)
    assert (await only(store, Hold)).released_at is None
    assert told(temporal, f"case.{case_id}")["resolved"] is True


async def test_whether_they_are_satisfied(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """A colleague has read it, or heard it: a row of feedback, and the case hears it."""
    case_id = (await a_case(desk, store)).case_id
    task = await a_task(store, "confirm", case_id=case_id, follow_up=f"case.{case_id}")
    await desk.complete_task(task, {"satisfied": False, "note": "Still leaks"}, "jo")
    assert told(temporal, f"case.{case_id}")["satisfied"] is False
    assert (await only(store, Feedback)).satisfied is False


async def test_a_call_with_scores(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """They are feedback like any other, with the call's clause; the note says how it was had."""
    task = await a_task(store, "call", asks="satisfaction")
    said = {"reached": "yes", "product": 90, "overall": "n/a", "comment": "Lovely",
            "actions": "send the recipe"}  # fmt: skip
    await desk.complete_task(task, said, "jo")
    opinion = await only(store, Feedback)
    assert (opinion.product, opinion.overall, opinion.source, opinion.by) == (
        90,
        None,
        "call",
        "jo",
    )
    assert (opinion.follow_up, opinion.clause, opinion.order_id) == (PURCHASE, "3", "ord_1")
    note = await only(store, Note)
    assert (note.id, note.method, note.direction, note.summary, note.actions) == (
        opinion.note_id, "phone", "in", "Lovely", "send the recipe",
    )  # fmt: skip
    assert temporal.heard(PURCHASE) == ["task_done", "feedback"]
    assert told(temporal, PURCHASE)["reached"] is True
    assert not await rows(store, Case)


@pytest.mark.parametrize("escalate", [True, False])
async def test_a_call_that_went_badly_opens_a_case(
    desk: Desk, store: Store, temporal: FakeTemporal, escalate: bool
) -> None:
    """By the same door as all feedback; asked for by the colleague, it has their severity; once."""
    task = await a_task(store, "call")
    said = {"reached": "yes", "overall": 20, "comment": "Never again", "urgency": "high",
            "category": "delivery", "escalate": escalate}  # fmt: skip
    await desk.complete_task(task, said, "jo")
    case = await only(store, Case)
    assert (case.kind, case.severity, case.type) == (
        "complaint",
        *(("high", "delivery") if escalate else ("medium", "dissatisfaction")),
    )
    assert (await only(store, Feedback)).case_id == case.id
    assert await rows(store, Hold)
    assert "complaint" in temporal.heard(ADA)


async def test_nobody_was_there(desk: Desk, store: Store, clock: FakeClock) -> None:
    """It comes back when the office next opens, three times in all; then it is done as it is."""
    clock.set(datetime(2026, 11, 27, 15, tzinfo=UTC))  # a Friday afternoon
    task = await a_task(store, "call", asks="satisfaction")
    tried = await desk.complete_task(task, {"reached": "voicemail"}, "jo")
    assert effects(tried) == [("recorded", "tried_again_later")]
    row = await only(store, Task)
    monday = datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert (row.state, row.snoozed_until, row.outcome) == ("open", monday, None)
    twice = await desk.complete_task(task, {"reached": "no"}, "jo")  # a second click
    assert effects(twice) == [("already", "open")]
    for day in (0, 1):
        clock.set(monday + timedelta(days=day, hours=1))
        await desk.complete_task(task, {"reached": "no"}, "jo")
    row = await only(store, Task)
    assert (row.state, row.outcome["reached"], len(row.brief["tried"])) == ("done", False, 3)
    why = [row for row in await rows(store, Decision) if row.outcome == "not_reached"]
    assert sorted((one.facts["attempt"], one.reason) for one in why) == [
        (1, "voicemail"), (2, "nobody_there"), (3, "nobody_there"),
    ]  # fmt: skip
    notes = await rows(store, Note)
    assert {(note.method, note.direction) for note in notes} == {("phone", "out")}
    assert not await rows(store, Feedback)


async def test_a_call_may_be_declined(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Then nothing else is asked."""
    task = await a_task(store, "call", asks="satisfaction")
    await desk.complete_task(task, {"declined": True, "note": "They moved abroad"}, "jo")
    assert told(temporal, PURCHASE)["declined"] is True
    assert (await only(store, Task)).state == "declined"


@pytest.mark.parametrize("arrived", [True, False])
async def test_whether_it_arrived(
    desk: Desk, store: Store, temporal: FakeTemporal, arrived: bool
) -> None:
    """If it did, that is its delivery, for everybody."""
    task = await a_task(store, "arrival")
    await desk.complete_task(task, {"arrived": arrived}, "jo")
    assert told(temporal, PURCHASE)["arrived"] is arrived
    assert ("order_delivered" in temporal.heard(ADA)) is arrived
    assert ((await only(store, Order)).delivered_at == NOON) is arrived
    assert [row.type for row in await rows(store, Inbox)] == ["order.delivered"] * arrived


async def test_quality_scores_a_follow_up(desk: Desk, store: Store) -> None:
    """The score stands in the outcome, and on the customer's history."""
    task = await a_task(store, "review")
    await desk.complete_task(task, {"score": 85, "note": "Friendly"}, "jo")
    note = await only(store, Note)
    assert (note.summary, note.feedback, note.direction) == ("Reviewed: Friendly", "85", "internal")


async def test_a_letter_goes_to_an_address_that_was_checked(desk: Desk, store: Store) -> None:
    """Whoever posts it says so."""
    task = await a_task(store, "free", brief={"channel": "letter", "to": "1 High Street"})
    with pytest.raises(Refusal) as refused:
        await desk.complete_task(task, {}, "jo")
    assert refused.value.param == "address_checked"
    await desk.complete_task(task, {"address_checked": True, "result": "posted"}, "jo")
    note = await only(store, Note)
    assert (note.method, note.direction, note.summary) == ("letter", "out", "posted")


async def test_nothing_is_said_to_nobody(desk: Desk, store: Store) -> None:
    """A case that is over sends nothing any more: its answer must not look sent."""
    task = await a_case(desk, store)
    async with store.transaction() as session:
        (await session.get_one(Enrolment, f"case.{task.case_id}")).ended_at = NOON
    with pytest.raises(Refusal) as refused:
        await desk.complete_task(task.id, {"text": "Dear Ada"}, "jo")
    assert (refused.value.code, refused.value.param) == ("ended", "answered")
    assert (await only(store, Case)).answered_at is None
