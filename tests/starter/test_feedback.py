"""What customers think, at the door: numbers kept, cases told, and bad news seen to."""

from __future__ import annotations

from typing import Any

import pytest

from activities.crm.cases import follow_up_of
from activities.crm.store import Store
from activities.crm.tables import Case, Feedback, Hold, Message, Note
from starter.answers import Refusal
from starter.desk import Desk
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept
from tests.starter.front import FakeTemporal, a_desk, an_event, effects, only, rows

ADA = "satisfaction.1001"
WHO = {"id": "cus_ada"}


@pytest.fixture
async def desk(memory_store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    await a_customer(memory_store, id="cus_ada")
    await an_enrolment(memory_store, "cus_ada", sop="satisfaction", subject="1001", order_id="1001")
    temporal.started[ADA] = None
    await asked(memory_store, ADA)
    return a_desk(memory_store, clock, temporal)


async def asked(store: Store, follow_up: str) -> None:
    message = Message(
        id=f"msg_{follow_up}", key=f"{follow_up}/asked", follow_up=follow_up, clause="4.1",
        sop=follow_up.partition(".")[0], customer_id="cus_ada", order_id="1001",
        kind="relationship", template="satisfaction-survey", state="sent",
        created_at=NOON, sent_at=NOON,
    )  # fmt: skip
    await kept(store, message)


async def think(desk: Desk, **data: Any) -> list[Any]:
    event = an_event("feedback.received", customer=WHO, data=data)
    return effects(await desk.receive("form", event))


@pytest.mark.plays("order-thanks", "documentation-tracking.2")
@pytest.mark.plays("satisfaction", "4.5", "4.5.1")
async def test_two_scores(desk: Desk, memory_store: Store, temporal: FakeTemporal) -> None:
    """By the message that asked: order, clause, follow-up; the words are the note's."""
    said = {"product": 90, "overall": 70.5, "text": "Canary: fine", "category": "ease"}
    await think(desk, message=f"msg_{ADA}", channel="form", actions="Tell the makers", **said)
    row, note = await only(memory_store, Feedback), await only(memory_store, Note)
    assert (row.product, row.overall, row.source, row.category) == (90, 70.5, "form", "ease")
    assert (row.order_id, row.follow_up, row.clause) == ("1001", ADA, "4.1")
    assert (row.note_id, note.feedback, note.actions) == (note.id, "70.5", "Tell the makers")
    ((_, name, body),) = temporal.signals
    assert (name, body["to"], body["feedback_id"]) == ("feedback", f"{ADA}/asked", row.id)
    assert "opened_case" not in body
    assert "anary" not in str(temporal.signals)


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ({"channel": "sms"}, "reply"),
        ({"channel": "phone"}, "call"),
        ({"source": "surveymonkey", "channel": "form"}, "surveymonkey"),
        ({}, "form"),
    ],
)
async def test_where_it_came_from(
    desk: Desk, memory_store: Store, said: dict[str, str], source: str
) -> None:
    """One score alone is of all of it."""
    await think(desk, score=41, **said)
    row = await only(memory_store, Feedback)
    assert (row.source, row.overall, row.product) == (source, 41, None)
    assert not await rows(memory_store, Case)


@pytest.mark.parametrize("said", [{"score": 40}, {"product": 0, "overall": 100}])
async def test_bad_news_is_a_complaint(
    desk: Desk, memory_store: Store, temporal: FakeTemporal, said: dict[str, float]
) -> None:
    """Case, hold and workflow in the same transaction; the follow-up knows that one was opened."""
    assert await think(desk, message=f"msg_{ADA}", **said) == [
        ("started", None),
        ("signalled", None),
    ]
    case = await only(memory_store, Case)
    assert (case.kind, case.type, case.severity) == ("complaint", "dissatisfaction", "medium")
    assert (case.order_id, case.follow_up) == ("1001", ADA)
    assert (await only(memory_store, Hold)).id == case.id
    assert (await only(memory_store, Feedback)).case_id == case.id
    assert temporal.heard(ADA) == ["complaint", "feedback"]
    assert temporal.signals[-1][2]["opened_case"] is True
    assert temporal.heard(follow_up_of(case.id)) == []
    await think(desk, score=10)  # somebody is at it already
    assert len(await rows(memory_store, Case)) == 1
    assert temporal.heard(follow_up_of(case.id)) == ["feedback"]


async def test_whether_they_are_satisfied(
    desk: Desk, memory_store: Store, temporal: FakeTemporal
) -> None:
    """Told to the case whose mail asked; without a name, to the one that was put right last."""
    await desk.receive("api", an_event("complaint.opened", customer=WHO, data={"reference": "t"}))
    case = await only(memory_store, Case)
    await desk.receive("api", an_event("complaint.resolved", customer=WHO, data={"reference": "t"}))
    await asked(memory_store, follow_up_of(case.id))
    await think(desk, satisfied=True, message=f"msg_{follow_up_of(case.id)}")
    await think(desk, satisfied=False)
    told = [body for id_, name, body in temporal.signals
            if (id_, name) == (follow_up_of(case.id), "feedback")]  # fmt: skip
    assert [(body["case_id"], body["satisfied"]) for body in told] == [
        (case.id, True), (case.id, False),
    ]  # fmt: skip
    assert len(await rows(memory_store, Case)) == 1


async def test_not_satisfied_after_all(desk: Desk, memory_store: Store) -> None:
    """The case is closed and its workflow over: another begins."""
    closed = Case(id="case_1", key="k", customer_id="cus_ada", kind="complaint", state="closed",
                  opened_at=NOON, closed_at=NOON)  # fmt: skip
    await kept(memory_store, closed)
    await asked(memory_store, "case.case_1")
    await think(desk, satisfied=False, message="msg_case.case_1")
    (new,) = [row for row in await rows(memory_store, Case) if row.id != "case_1"]
    assert (new.kind, new.follow_up) == ("complaint", "case.case_1")


async def test_the_same_answer_twice(desk: Desk, memory_store: Store) -> None:
    event = an_event("feedback.received", customer=WHO, data={"score": 5})
    first = await desk.receive("form", event)
    assert await desk.receive("form", event) == first
    assert len(await rows(memory_store, Case)) == len(await rows(memory_store, Feedback)) == 1


async def test_what_they_thought_before_we_began(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """Imported for the record: nobody is called for what is long past."""
    desk = a_desk(memory_store, clock, temporal, go_live=NOON.date())
    await a_customer(memory_store, id="cus_ada")
    event = an_event("feedback.received", customer=WHO, data={"score": 5, "satisfied": False})
    event["occurred_at"] = "2025-11-01T10:00:00Z"
    assert effects(await desk.receive("api", event)) == [("recorded", None)]
    assert (await only(memory_store, Feedback)).overall == 5
    assert not await rows(memory_store, Case)


async def test_yes_is_no_score(desk: Desk) -> None:
    """Read as a one it would open a complaint."""
    with pytest.raises(Refusal) as refused:
        await think(desk, score=True)
    assert (refused.value.code, refused.value.param) == ("score_out_of_range", "data.score")
