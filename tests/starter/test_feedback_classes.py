"""What feedback is: its type, urgency and potential for escalation, said with it or by a colleague;
what is serious opens a complaint, once (S2 5.3)."""

from __future__ import annotations

from typing import Any

import pytest

from activities.crm import feedback
from activities.crm.store import Store
from activities.crm.tables import Case, Decision, Feedback, Hold, Message, Note, PolicyVersion, Task
from starter.answers import Refusal
from starter.desk import Desk
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept
from tests.starter.front import FakeTemporal, a_desk, an_event, only, rows

WHO = {"id": "cus_ada"}
SURVEY = "satisfaction.1001"


@pytest.fixture
async def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    await a_customer(store, id="cus_ada")
    await an_enrolment(store, "cus_ada", sop="satisfaction", subject="1001", order_id="1001")
    temporal.started[SURVEY] = None
    return a_desk(store, clock, temporal)


async def think(desk: Desk, **data: Any) -> Feedback:
    await desk.receive("form", an_event("feedback.received", customer=WHO, data=data))
    row: Feedback = (await rows(desk.store, Feedback))[-1]
    return row


async def classify(desk: Desk, row: Feedback, *said: str, by: str = "bea@example.com") -> None:
    """As the desk's doors do it: the class, and the event that may come of it, in one go."""
    type_, urgency, potential = said
    async with desk.store.transaction() as session:
        found = await session.get_one(Feedback, row.id)
        event = await feedback.classify(
            session,
            desk.clock.now(),
            found,
            type_=type_,
            urgency=urgency,
            potential=potential,
            by=by,
        )
    if event is not None:
        await desk.intake.carry_out_safely(event.id)
        await desk.relay.hurry(event.id)


async def test_classified_as_it_came(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """With all three it is classified; the follow-up hears that it was."""
    row = await think(desk, product=75, type="delivery", urgency="low", potential="none", by="Bea")
    assert (row.type, row.urgency, row.potential) == ("delivery", "low", "none")
    assert (row.classified_by, row.by, row.classified_at) == ("Bea", "Bea", NOON)
    assert temporal.signals[-1][2]["classified"] is True
    assert temporal.signals[-1][2]["category"] == "delivery"
    assert not await rows(store, Case)


async def test_what_it_is_about_may_be_its_type(desk: Desk) -> None:
    """A customer's choice is no classification: how urgent it is they do not say."""
    row = await think(desk, product=75, category="delivery")
    assert (row.type, row.category, row.classified_at) == ("delivery", "delivery", None)
    other = await think(desk, product=80, category="ease-of-use")
    assert (other.type, other.category) == (None, "ease-of-use")


async def test_a_type_that_the_house_does_not_have(desk: Desk, store: Store) -> None:
    """Refused at the door, with those that there are; the house may have others."""
    with pytest.raises(Refusal) as refused:
        await think(desk, score=80, type="colour")
    assert (refused.value.code, refused.value.param) == ("unknown_type", "data.type")
    assert "product, service, experience" in refused.value.detail
    assert not await rows(store, Feedback)
    body = {"taxonomy": {"types": ["colour"]}}
    house = PolicyVersion(id="pol_1", name="house", version=1, body=body, by="bea",
                          reason="r", at=NOON, approved_by="cyd")  # fmt: skip
    await kept(store, house)
    assert (await think(desk, score=80, type="colour")).type == "colour"


@pytest.mark.parametrize(
    ("field", "value"),
    [("urgency", "very"), ("potential", "maybe"), ("type", "no such thing"), ("type", 5)],
)
async def test_no_class_of_ours(desk: Desk, field: str, value: object) -> None:
    with pytest.raises(Refusal) as refused:
        await think(desk, score=80, **{field: value})
    assert refused.value.param == f"data.{field}"


@pytest.mark.parametrize(
    ("said", "severity"),
    [({"urgency": "critical"}, "critical"), ({"potential": "likely", "urgency": "low"}, "low"),
     ({"potential": "likely"}, "medium")],
)  # fmt: skip
async def test_what_is_serious_is_a_complaint(
    desk: Desk, store: Store, temporal: FakeTemporal, said: dict[str, str], severity: str
) -> None:
    """However well it scores: with its hold and somebody's first task, and everybody is told."""
    await think(desk, score=90, **said)
    case = await only(store, Case)
    assert (case.kind, case.severity) == ("complaint", severity)
    assert (await only(store, Hold)).id == (await only(store, Task)).case_id == case.id
    assert temporal.heard(SURVEY) == ["complaint", "feedback"]
    assert temporal.signals[-1][2]["opened_case"] is True


@pytest.mark.plays("sales-follow-up", "appendices.2")
async def test_a_colleague_classifies_it(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """The first word has the stamp; another is a change on record, with what it was before."""
    row = await think(desk, score=70)
    await classify(desk, row, "service", "low", "none")
    await classify(desk, row, "service", "medium", "none", by="cyd@example.com")
    await classify(desk, row, "service", "medium", "none", by="cyd@example.com")
    now = await only(store, Feedback)
    assert (now.type, now.urgency, now.potential) == ("service", "medium", "none")
    assert (now.classified_by, now.classified_at) == ("bea@example.com", NOON)
    said = [one for one in await rows(store, Decision) if one.outcome == feedback.CLASSIFIED]
    assert sorted((one.reason or "first", one.facts["urgency"]) for one in said) == [
        ("changed", "low → medium"), ("first", "unsaid → low"),
    ]  # fmt: skip
    assert not await rows(store, Case)


async def test_found_to_be_serious(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """A complaint of that type and urgency, about its order; said again, it is still one."""
    await kept(store, asking())
    row = await think(desk, score=70, message="msg_1")
    await classify(desk, row, "service", "high", "possible")
    case, now = await only(store, Case), await only(store, Feedback)
    assert (case.type, case.severity, case.order_id) == ("service", "high", "1001")
    assert (now.case_id, case.follow_up) == (case.id, SURVEY)
    assert (await only(store, Hold)).id == (await only(store, Task)).case_id == case.id
    assert temporal.heard(SURVEY) == ["feedback", "complaint"]
    await classify(desk, row, "service", "critical", "likely")
    assert (await only(store, Case)).severity == "critical"
    assert temporal.heard(SURVEY) == ["feedback", "complaint", "complaint_updated"]
    await classify(desk, row, "service", "high", "possible")
    assert (await only(store, Case)).severity == "critical"


async def test_somebody_is_at_it_already(desk: Desk, store: Store) -> None:
    """It joins the complaint that is open; closed by then, it was seen to."""
    await desk.receive("api", an_event("complaint.opened", customer=WHO, data={"reference": "t"}))
    row = await think(desk, score=70)
    await classify(desk, row, "product", "high", "likely")
    case = await only(store, Case)
    assert ((await only(store, Feedback)).case_id, case.severity) == (case.id, "high")
    async with store.transaction() as session:
        (await session.get_one(Case, case.id)).closed_at = NOON
    await classify(desk, row, "product", "critical", "likely")
    assert len(await rows(store, Case)) == 1


async def test_thought_better_of_it(desk: Desk, store: Store) -> None:
    """What is not serious any more when it is carried out opens nothing."""
    row = await think(desk, score=70)
    async with store.transaction() as session:
        found = await session.get_one(Feedback, row.id)
        event = await feedback.classify(
            session, NOON, found, type_="product", urgency="high", potential="none", by="b"
        )
        assert event is not None
        found.urgency = "low"
    await desk.intake.carry_out_safely(event.id)
    assert not await rows(store, Case)


async def test_a_reply_to_what_asked(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Nothing of it is lost: a person answers it, and it is feedback that waits for its class."""
    await kept(store, asking())
    data = {"message": "msg_1", "text": "Canary: fine, but late", "channel": "email"}
    await desk.receive("helpdesk", an_event("reply.received", customer=WHO, data=data))
    row, case = await only(store, Feedback), await only(store, Case)
    assert (row.source, row.case_id, case.kind) == ("reply", case.id, "inquiry")
    assert (row.product, row.overall, row.classified_at) == (None, None, None)
    assert (row.order_id, row.follow_up, row.clause) == ("1001", SURVEY, "4.1")
    assert row.note_id == next(n.id for n in await rows(store, Note) if "Canary" in n.summary)
    ((_, name, body),) = temporal.signals
    assert (name, body["feedback_id"]) == ("responded", row.id)
    await classify(desk, row, "delivery", "high", "none")  # it is more than a question
    kinds = sorted((one.kind, one.severity) for one in await rows(store, Case) if one.severity)
    assert kinds == [("complaint", "high")]


@pytest.mark.parametrize(
    ("change", "data"),
    [({"template": "thank-you"}, {}), ({}, {"automatic": True}),
     ({"sop": "case", "follow_up": "case.case_1", "template": "complaint-resolved"}, {})],
)  # fmt: skip
async def test_a_reply_to_what_did_not_ask(
    desk: Desk, store: Store, change: dict[str, str], data: dict[str, bool]
) -> None:
    """Thanks, an out-of-office, mail of a case: no feedback."""
    message = asking()
    for name, value in change.items():
        setattr(message, name, value)
    await kept(store, message)
    said = {"message": "msg_1", "text": "Hello"} | data
    await desk.receive("helpdesk", an_event("reply.received", customer=WHO, data=said))
    assert not await rows(store, Feedback)


def asking() -> Message:
    return Message(
        id="msg_1", key=f"{SURVEY}/asked", follow_up=SURVEY, clause="4.1", sop="satisfaction",
        customer_id="cus_ada", order_id="1001", kind="relationship",
        template="satisfaction-survey", state="sent", created_at=NOON, sent_at=NOON,
    )  # fmt: skip
