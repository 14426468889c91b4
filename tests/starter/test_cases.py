"""Complaints and inquiries at the door: what they begin, what joins them, what ends them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from activities.crm import inbox
from activities.crm.cases import follow_up_of
from activities.crm.store import Store
from activities.crm.tables import (
    Case,
    Customer,
    Decision,
    Enrolment,
    Hold,
    Message,
    Note,
    Task,
)
from starter.answers import Refusal
from starter.desk import Desk
from starter.reports import Reports, words
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept
from tests.starter.front import FakeTemporal, a_desk, an_event, effects, only, rows

ADA = "online-customer.cus_ada"
WHO = {"id": "cus_ada"}


@pytest.fixture
async def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """Ada is followed up already."""
    await a_customer(store, id="cus_ada")
    await an_enrolment(store, "cus_ada")
    temporal.started[ADA] = None
    return a_desk(store, clock, temporal)


async def tell(desk: Desk, what: str, source: str = "api", **data: Any) -> list[Any]:
    at = data.pop("occurred_at", None)
    event = an_event(what, customer=WHO, data=data, occurred_at=at)
    return effects(await desk.receive(source, event))


async def by_workflow(desk: Desk, what: str, case_id: str, key: str) -> None:
    """As an activity leaves it in the inbox."""
    event = {"id": key, "type": what, "customer": WHO, "data": {"case_id": case_id}}
    row = inbox.row_for(inbox.WORKFLOW, event, occurred_at=NOON, now=NOON)
    await kept(desk.store, row)
    await desk.intake.carry_out_stored(NOON)
    await desk.relay.tell()


async def mail_of(store: Store, follow_up: str, **fields: Any) -> str:
    row = Message(
        **{
            "id": "msg_1", "key": f"{follow_up}/mail", "follow_up": follow_up, "clause": "1",
            "sop": follow_up.partition(".")[0], "customer_id": "cus_ada", "template": "welcome",
            "kind": "transactional", "state": "sent", "created_at": NOON, "sent_at": NOON,
        }
        | fields
    )  # fmt: skip
    await kept(store, row)
    return str(row.id)


async def test_a_complaint_is_all_of_it_at_once(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Case, hold, first task, log, and a workflow of its own that knows what it begins with."""
    said = {"text": "Canary leaks", "severity": "high", "category": "Delivery", "reference": "t-5"}
    assert await tell(desk, "complaint.opened", **said) == [("started", None), ("signalled", None)]
    case, hold, task = await only(store, Case), await only(store, Hold), await only(store, Task)
    assert (case.kind, case.type, case.severity, case.state) == (
        "complaint", "delivery", "high", "open",
    )  # fmt: skip
    assert hold.id == case.id
    assert (task.form, task.case_id, task.role) == ("answer", case.id, "customer-service")
    began = temporal.started[follow_up_of(case.id)]
    assert (began.case_id, began.complaint, began.opened_at) == (case.id, True, NOON)
    assert began.customer_id == "cus_ada"
    assert temporal.heard(ADA) == ["complaint"]
    assert temporal.heard(follow_up_of(case.id)) == []
    assert "anary" not in began.model_dump_json() + str(temporal.signals)
    (line,) = [row for row in await rows(store, Decision) if row.outcome == "case_opened"]
    assert words.sentence(line.outcome, line.reason, line.facts) == (
        "The case was opened: a complaint (severity high; about delivery)."
    )


async def test_the_first_word_of_a_stranger_waits(store: Store, clock: FakeClock) -> None:
    """A complaint of somebody whose follow-up has yet to start: the case begins at once, and the
    follow-up hears of it when it starts."""
    temporal = FakeTemporal()
    desk = a_desk(store, clock, temporal)
    await a_customer(store, id="cus_ada")
    assert await tell(desk, "complaint.opened", text="No") == [("started", None)]
    case = await only(store, Case)
    begun = an_event("customer.signed_up", customer=WHO)
    await desk.receive("api", begun)
    assert [heard.name for heard in temporal.started[ADA].early] == ["complaint"]
    assert temporal.started[ADA].early[0].event["case_id"] == case.id


async def test_a_second_complaint_is_a_case_of_its_own(desk: Desk, store: Store) -> None:
    """The same reference is the same complaint; another, or none, is another."""
    await tell(desk, "complaint.opened", reference="t-1")
    assert await tell(desk, "complaint.opened", reference="t-1") == [("already", "complaint_open")]
    await tell(desk, "complaint.opened", reference="t-2")
    await tell(desk, "complaint.opened", text="And the lid")
    assert len(await rows(store, Case)) == len(await rows(store, Hold)) == 3


async def test_a_reference_means_the_newest(desk: Desk, store: Store) -> None:
    """A ticket opened again after its case was closed is a new case, which has the name now."""
    await tell(desk, "complaint.opened", reference="t-1")
    first = await only(store, Case)
    async with store.transaction() as session:
        old = await session.get_one(Case, first.id)
        old.closed_at, old.state = NOON, "closed"
    assert (await tell(desk, "complaint.opened", reference="t-1"))[0] == ("started", None)
    await tell(desk, "complaint.resolved", reference="t-1")
    states = {row.id: row.state for row in await rows(store, Case)}
    assert states.pop(first.id) == "closed"
    assert set(states.values()) == {"resolved"}


async def test_said_again_after_it_was_put_right(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Then it was not put right: it holds again, and its workflow hears that they say no."""
    await tell(desk, "complaint.opened", reference="t-1")
    await tell(desk, "complaint.resolved", reference="t-1")
    assert (await only(store, Hold)).released_at is not None
    assert await tell(desk, "complaint.opened", reference="t-1") == [("signalled", None)]
    assert (await only(store, Hold)).released_at is None
    ((_, name, body),) = temporal.signals[-1:]
    assert (name, body["satisfied"]) == ("feedback", False)


async def test_worse_than_was_thought(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """News may raise the severity, and then there is less time; it never lowers it."""
    await tell(desk, "complaint.opened", reference="t-1", severity="medium")
    before = (await only(store, Task)).due_at
    await tell(desk, "complaint.updated", reference="t-1", severity="critical", text="It burns")
    case, task = await only(store, Case), await only(store, Task)
    assert case.severity == "critical"
    assert task.due_at == NOON + timedelta(hours=4) < before
    await tell(desk, "complaint.updated", severity="low")  # the only one that is open
    assert (await only(store, Case)).severity == "critical"
    assert temporal.heard(follow_up_of(case.id)) == ["complaint_updated"] * 2
    await tell(desk, "complaint.opened")
    assert await tell(desk, "complaint.updated", text="Still") == [
        ("recorded", "case_not_named_a_person_is_told")
    ]


async def test_resolved_outside_is_a_decision(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """What was held back goes on at once; the case is closed by its workflow, which still asks."""
    await tell(desk, "complaint.opened", reference="t-1")
    told = await tell(desk, "complaint.resolved", "helpdesk", reference="t-1")
    assert told == [("signalled", None)] * 2  # the follow-up, and the case itself
    case = await only(store, Case)
    assert (case.state, case.resolved_at, case.closed_at) == ("resolved", NOON, None)
    assert (await only(store, Hold)).released_by == "helpdesk"
    assert temporal.heard(ADA) == ["complaint", "complaint_resolved"]


async def test_closed_by_its_workflow(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Released already: everybody is told, and said once more from outside it is over."""
    await tell(desk, "complaint.opened", reference="t-1")
    case = await only(store, Case)
    async with store.transaction() as session:
        row = await session.get_one(Case, case.id)
        row.closed_at, row.state, row.outcome = NOON, "closed", "yes"
        (await session.get_one(Enrolment, follow_up_of(case.id))).ended_at = NOON
    await by_workflow(desk, "complaint.resolved", case.id, f"{follow_up_of(case.id)}/close")
    assert temporal.heard(ADA) == ["complaint", "complaint_resolved"]
    assert await tell(desk, "complaint.resolved", reference="t-1") == [("already", "case_closed")]


async def test_opened_again_by_its_workflow(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Everybody hears that it holds again; nothing begins a second time."""
    await tell(desk, "complaint.opened")
    case = await only(store, Case)
    async with store.transaction() as session:
        (await session.get_one(Case, case.id)).reopened = 1
    await by_workflow(desk, "complaint.opened", case.id, f"{follow_up_of(case.id)}/reopen/2")
    assert temporal.heard(ADA) == ["complaint", "complaint"]
    assert len(await rows(store, Case)) == 1


async def test_by_a_raw_signal(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """What an activity wrote for a complaint signalled by hand gets its workflow by the inbox."""
    case = Case(id="case_1", key=f"{ADA}/complaint/x", customer_id="cus_ada", kind="complaint",
                state="open", opened_at=NOON)  # fmt: skip
    await kept(store, case)
    await by_workflow(desk, "complaint.opened", "case_1", f"{ADA}/complaint/x")
    assert temporal.started["case.case_1"].complaint
    assert temporal.heard(ADA) == ["complaint"]


# -- replies -----------------------------------------------------------------------------------


async def test_a_reply_joins_what_is_open(
    desk: Desk, store: Store, temporal: FakeTemporal, clock: FakeClock
) -> None:
    """The open inquiry first, then the complaint that was open when it was written."""
    await tell(desk, "complaint.opened", reference="t-1")
    complaint = await only(store, Case)
    clock.advance(hours=1)
    assert await tell(desk, "reply.received", text="Well?") == [("signalled", None)] * 2
    assert temporal.heard(follow_up_of(complaint.id)) == ["responded"]
    before = (NOON - timedelta(days=30)).isoformat()
    await tell(desk, "reply.received", text="Of old", occurred_at=before)  # no word of it
    (inquiry,) = [row for row in await rows(store, Case) if row.kind == "inquiry"]
    await tell(desk, "reply.received", text="And?")
    assert temporal.heard(follow_up_of(inquiry.id)) == ["responded"]
    assert temporal.signals[-1][2]["case_id"] == inquiry.id
    assert len(await rows(store, Case)) == 2


async def test_a_reply_to_a_cases_mail(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """It goes on with that case, whatever else is open; to one that is over, it is a question."""
    await tell(desk, "complaint.opened", reference="t-1")
    complaint = await only(store, Case)
    await tell(desk, "inquiry.received", text="And the manual?")
    mail = await mail_of(store, follow_up_of(complaint.id))
    await tell(desk, "reply.received", text="No!", message=mail)
    _, _, body = temporal.signals[-1]
    assert (body["case_id"], body["to"]) == (complaint.id, f"{follow_up_of(complaint.id)}/mail")
    async with store.transaction() as session:
        for row in await rows(store, Case):
            (await session.get_one(Case, row.id)).closed_at = NOON
    assert (await tell(desk, "reply.received", text="Still no", message=mail))[0] == (
        "started", None,
    )  # fmt: skip
    newest = next(row for row in await rows(store, Case) if row.closed_at is None)
    assert (newest.kind, newest.follow_up) == ("inquiry", follow_up_of(complaint.id))


async def test_a_reply_to_last_months_message(desk: Desk, store: Store) -> None:
    """Late or not, it is a question that somebody answers within 24 hours of its being written."""
    mail = await mail_of(store, ADA, sent_at=NOON - timedelta(days=31), order_id="1001")
    await tell(desk, "reply.received", text="How?", message=mail, category="Billing")
    case, task = await only(store, Case), await only(store, Task)
    assert (case.follow_up, case.order_id, case.type) == (ADA, "1001", "billing")
    assert (task.role, task.due_at) == ("finance-officer", NOON + timedelta(days=1))


async def test_an_inquiry_that_was_answered_takes_no_more(desk: Desk, store: Store) -> None:
    """It is about to close: what comes now would never be answered, so it is a new one."""
    await tell(desk, "reply.received", text="How?")
    await tell(desk, "inquiry.answered", text="So.")
    await tell(desk, "reply.received", text="And how now?")
    assert sorted(row.answered_at is None for row in await rows(store, Case)) == [False, True]


async def test_replies_in_any_order_are_one_inquiry(desk: Desk, store: Store) -> None:
    """The clock runs from the first that was written, whichever is heard first."""
    hour = [(NOON - timedelta(hours=n)).isoformat() for n in (2, 3)]
    await tell(desk, "reply.received", text="Second", occurred_at=hour[0])
    await tell(desk, "reply.received", text="First", occurred_at=hour[1])
    assert (await only(store, Case)).opened_at == NOON - timedelta(hours=3)


async def test_tickets_of_a_helpdesk(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Each has a case of its own; answered is the one that is named, even before it was opened."""
    await tell(desk, "inquiry.received", reference="q-1", text="How?")
    assert await tell(desk, "inquiry.answered", reference="q-2") == [("parked", None)]
    await tell(desk, "inquiry.received", reference="q-2", text="Why?")
    answered = {row.key.partition(":")[2]: row.answered_at for row in await rows(store, Case)}
    assert answered == {"q-1": None, "q-2": NOON}
    assert await tell(desk, "inquiry.answered", reference="q-2") == [("already", "no_open_inquiry")]
    assert temporal.heard(ADA).count("inquiry_answered") == 1


async def test_a_ticket_that_becomes_a_complaint(desk: Desk, store: Store) -> None:
    """One answer in the helpdesk answers both; resolved is the complaint."""
    await tell(desk, "inquiry.received", reference="t-9", text="Where is it?")
    await tell(desk, "complaint.opened", reference="t-9", text="It is lost!")
    await tell(desk, "inquiry.answered", reference="t-9")
    assert all(row.answered_at for row in await rows(store, Case))
    await tell(desk, "complaint.resolved", reference="t-9")
    assert {row.kind: row.state for row in await rows(store, Case)} == {
        "inquiry": "open", "complaint": "resolved",
    }  # fmt: skip


async def test_automatic_and_ancient_replies_open_nothing(
    store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """An out-of-office is no question, nor is what was written before the service went live."""
    await a_customer(store, id="cus_ada")
    desk = a_desk(store, clock, temporal, go_live=date(2026, 11, 20))
    assert await tell(desk, "reply.received", text="Away", automatic=True) == [
        ("recorded", "automatic_reply")
    ]
    old = {"text": "Hi", "occurred_at": "2026-11-01T10:00:00Z"}
    assert await tell(desk, "reply.received", **old) == [("recorded", "before_go_live")]
    assert not await rows(store, Case)
    assert len(await rows(store, Note)) == 2


async def test_complaints_of_old_are_history(
    store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """Whoever imports them is not acknowledged to, nor is anybody asked which was meant, and
    nothing is parked for a case that will never be."""
    await a_customer(store, id="cus_ada")
    desk = a_desk(store, clock, temporal, go_live=date(2026, 11, 20))
    for what in ("complaint.opened", "complaint.updated", "complaint.resolved"):
        for named in ({"reference": "t-1"}, {}):
            old = {"text": "Hm", "occurred_at": "2026-11-01T10:00:00Z"} | named
            assert await tell(desk, what, **old) == [("recorded", "before_go_live")], what
    assert not await rows(store, Case)
    assert not await rows(store, Hold)
    assert not await rows(store, Task)
    assert len(await rows(store, Note)) == 6


async def test_nothing_is_left_to_do_for_who_was_erased(desk: Desk, store: Store) -> None:
    """Neither for a case, nor for what is over by then, nor by hand."""
    await tell(desk, "reply.received", text="Where is it?")
    await an_enrolment(store, "cus_ada", sop="order-thanks", subject="1", ended_at=NOON)
    common = {"role": "x", "title": "x", "state": "open", "due_at": NOON, "created_at": NOON}
    for name, more in (("a", {"follow_up": "order-thanks.1", "template": "thank-you"}), ("b", {})):
        await kept(store, Task(id=name, key=name, customer_id="cus_ada", **common, **more))
    await tell(desk, "customer.erased")
    assert {(row.state, row.reason) for row in await rows(store, Task)} <= {
        ("withdrawn", "erased"), ("withdrawn", "case_closed"),
    }  # fmt: skip
    late = await desk.complete_task("a", {"subject": "Hi", "text": "Hello"}, "jo")
    assert effects(late) == [("already", "withdrawn")]
    assert not [one for one in await rows(store, Enrolment) if one.sop == "correspondence"]


async def test_answered_when_nothing_was_asked(desk: Desk, store: Store) -> None:
    assert await tell(desk, "inquiry.answered", text="Hi") == [("recorded", "no_open_inquiry")]


# -- of old, by hand, and the end ------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "what"), [("complaint", "complaint.resolved"), ("inquiry", "inquiry.answered")]
)
async def test_a_case_from_before_cases_had_workflows(
    desk: Desk, store: Store, kind: str, what: str
) -> None:
    """It is answered as it always was, and closed then and there, with its task."""
    case = Case(id="case_old", key="cus_ada:t-1", customer_id="cus_ada", kind=kind, state="open",
                opened_at=NOON - timedelta(days=2))  # fmt: skip
    await kept(store, case)
    if kind == "complaint":
        await kept(store, Hold(id="case_old", customer_id="cus_ada", kind=kind, at=NOON))
    task = Task(id="task_old", key="case_old/answer", customer_id="cus_ada", role="marketing",
                title="Answer", state="open", due_at=NOON, created_at=NOON)  # fmt: skip
    await kept(store, task)
    await tell(desk, what, reference="t-1")
    row = await only(store, Case)
    assert (row.state, row.closed_at) == ("closed", NOON)
    assert (await only(store, Task)).state == "done"
    assert all(hold.released_at for hold in await rows(store, Hold))


async def test_a_case_is_not_ended_by_hand(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """It ends with its answer. All else that staff may order does it no harm; whose follow-up is
    meant, where none is named, is never a case."""
    await tell(desk, "complaint.opened", text="No")
    case = follow_up_of((await only(store, Case)).id)
    with pytest.raises(Refusal) as refused:
        await desk.control("end", case, reason="enough", by="jo")
    assert (refused.value.code, refused.value.status) == ("case_open", 409)
    held = await desk.control("hold", case, reason="on holiday", by="jo")
    assert effects(held) == [("signalled", None)]
    await desk.control("resume", case, reason="back", by="jo")
    assert temporal.heard(case) == ["hold", "resume"]
    ended = await desk.control("end", "cus_ada", reason="left", by="jo")
    assert [effect.follow_up for effect in ended.effects] == [ADA]


async def test_erased_with_a_case_open(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Everything ends, the case with it."""
    await tell(desk, "complaint.opened", text="No")
    await desk.receive("api", an_event("customer.erased", customer=WHO))
    case = await only(store, Case)
    assert (case.state, case.outcome) == ("closed", "erased")
    assert temporal.heard(follow_up_of(case.id)) == ["end"]
    assert (await only(store, Customer)).erased_at == NOON


async def test_signalled_to_a_case(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """By a colleague, to its own workflow: it means that case, and no other hears it."""
    await tell(desk, "inquiry.received", reference="q-1")
    await tell(desk, "inquiry.received", reference="q-2")
    second = next(row for row in await rows(store, Case) if row.key.endswith("q-2"))
    await desk.signal(follow_up_of(second.id), "inquiry_answered", {"text": "So."}, "cli")
    answered = [row.id for row in await rows(store, Case) if row.answered_at]
    assert answered == [second.id]
    assert [id_ for id_, name, _ in temporal.signals if name == "inquiry_answered"] == [
        follow_up_of(second.id)
    ]


# -- how it reads ----------------------------------------------------------------------------

CODES = """case_closed case_not_named_a_person_is_told complaint_open no_open_inquiry before_go_live
    automatic_reply existing_customer not_first_order order_missing order_cancelled order_refunded
    ended_a_person_is_told sop_off""".split()


@pytest.mark.parametrize("code", CODES)
def test_every_reason_is_said_in_words(code: str) -> None:
    """What the door answers with, a person can read out."""
    assert words.reason(code) != code.replace("_", " ")


async def test_a_case_on_view(desk: Desk, store: Store, clock: FakeClock) -> None:
    """In the customer's view, on the timeline, as a checklist of its own, and in its log."""
    await tell(desk, "inquiry.received", text="How?", category="ease")
    clock.advance(hours=3)
    answer = an_event("inquiry.answered", customer=WHO, data={"text": "So.", "source": "jo"})
    await desk.receive("helpdesk", answer)
    case, reports = await only(store, Case), Reports(store, clock)
    seen = await reports.customer("cus_ada")
    assert seen
    assert [(one.id, one.type, one.state) for one in seen.cases] == [(case.id, "ease", "open")]
    timeline = await reports.timeline("cus_ada")
    assert timeline
    said = [line.text for line in timeline.data if line.type == "case"]
    assert said == ["inquiry answered", "inquiry opened: ease"]
    one = await reports.follow_up(follow_up_of(case.id))
    assert one
    lines = {line.clause: line.reason for line in one.checklist}
    assert list(lines) == list("1234567")
    assert {clause for clause, why in lines.items() if why == "if_called_for"} == set("3456")
    log = await reports.why(follow_up_of(case.id))
    assert log
    assert [line.words for line in log.data] == [
        "The case was answered: outside, by a person (by jo; after 3 h).",
        "The case was opened: an inquiry (about ease).",
    ]
