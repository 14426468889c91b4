"""The forms of Sales and of account managers: what each has to say, and what comes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import (
    Case,
    Contract,
    Establishment,
    Feedback,
    Inbox,
    Meeting,
    Note,
    Task,
)
from starter.answers import Refusal
from starter.desk import Desk
from starter.desk.forms import FORMS
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, an_order, kept
from tests.starter.front import FakeTemporal, a_desk, only, rows
from workflows.vocabulary import Form

SOLD, BOARD = "sales-follow-up.ord_1", "onboarding.c1"
HOUR = timedelta(hours=1)
RECORD: dict[str, Any] = {
    "reached": "yes",
    "comment": "Happy with the kettle",
    "method": "phone",
    "type": "product",
    "urgency": "low",
    "potential": "none",
    "actions": "none",
    "opportunity": False,
    "referral": "not_asked",
}
CLASS = {"type": "product", "urgency": "low", "potential": "none"}


@pytest.fixture
async def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """Ada has bought something, and signed a contract."""
    await a_customer(store, id="cus_ada")
    await an_order(store, "cus_ada", id="ord_1")
    row = Contract(id="c1", customer_id="cus_ada", contacts=[], told_at={}, created_at=NOON)
    await kept(store, row)
    await an_enrolment(store, "cus_ada", sop="sales-follow-up", subject="ord_1", order_id="ord_1")
    await an_enrolment(store, "cus_ada", sop="onboarding", subject="c1", contract_id="c1")
    temporal.started |= dict.fromkeys((SOLD, BOARD))
    return a_desk(store, clock, temporal, sops="")


async def a_task(store: Store, form: str, **fields: Any) -> str:
    of_order = form in ("sales_call", "classify")
    about = {"follow_up": SOLD, "order_id": "ord_1"}
    about = about if of_order else {"follow_up": BOARD, "contract_id": "c1"}
    row = Task(
        **{
            "id": "task_1",
            "key": "key/1",
            "customer_id": "cus_ada",
            "clause": "5.2",
            "role": "sales-representative",
            "title": "do it",
            "state": "open",
            "form": form,
            "brief": {},
            "due_at": NOON + timedelta(days=1),
            "created_at": NOON,
        }
        | about
        | fields
    )
    await kept(store, row)
    return "task_1"


def heard(temporal: FakeTemporal, follow_up: str, name: str) -> list[dict[str, Any]]:
    return [body for id_, said, body in temporal.signals if (id_, said) == (follow_up, name)]


def refusals() -> list[tuple[str, dict[str, Any], str, str]]:
    """A form, what is said in it, the code it gets, and the field at fault."""
    call = [
        ("sales_call", {n: v for n, v in RECORD.items() if n != name}, "missing", name)
        for name in RECORD
    ]
    return [
        *call,
        ("sales_call", RECORD | {"opportunity": True}, "missing", "wanted"),
        ("sales_call", RECORD | {"type": "weather"}, "unknown_type", "type"),
        ("sales_call", RECORD | {"referral": "maybe"}, "invalid", "referral"),
        ("sales_call", RECORD | {"opportunity": "yes"}, "invalid", "opportunity"),
        ("sales_call", RECORD | {"comment": ""}, "missing", "comment"),
        ("classify", {}, "missing", "type"),
        ("classify", CLASS | {"type": "weather"}, "unknown_type", "type"),
        ("classify", CLASS | {"urgency": "soon"}, "invalid", "urgency"),
        ("classify", CLASS | {"potential": True}, "invalid", "potential"),
        ("transfer", {}, "incomplete", "contacts"),
        ("transfer", {"contacts": [{"name": "Bo"}]}, "incomplete", "needs"),
        ("transfer", {"contacts": "Bo"}, "invalid", "contacts"),
        ("transfer", {"contacts": [["Bo"]]}, "invalid", "contacts.0"),
        ("transfer", {"needs": 7}, "invalid", "needs"),
        ("transfer", {"colour": "red"}, "unknown_field", "colour"),
        ("transfer", {"declined": True}, "not_resolved", "declined"),
        ("set_up", {}, "incomplete", "done.billing"),
        ("set_up", {"done": ["billing"]}, "incomplete", "done.support"),
        ("set_up", {"done": ["billing", "support", "coffee"]}, "invalid", "done"),
        ("set_up", {"done": "billing"}, "invalid", "done"),
        ("set_up", {"done": ["../x"]}, "invalid", "done.0"),
        ("set_up", {"declined": True}, "not_resolved", "declined"),
        ("schedule", {}, "missing", "starts_at"),
        ("schedule", {"starts_at": NOON.isoformat()}, "invalid", "starts_at"),
        ("schedule", {"starts_at": "2026-11-24T10:00"}, "invalid_time", "starts_at"),
        ("schedule", {"starts_at": "2026-11-24T10:00Z", "minutes": 0}, "invalid", "minutes"),
        ("schedule", {"starts_at": "2026-11-24T10:00Z", "url": "x:y"}, "invalid", "url"),
        ("meeting", {}, "missing", "outcome"),
        ("meeting", {"outcome": "held"}, "missing", "note"),
        ("meeting", {"outcome": "moved"}, "missing", "starts_at"),
        ("meeting", {"outcome": "moved", "starts_at": "2020-01-01T10:00Z"}, "invalid", "starts_at"),
        (
            "meeting",
            {"outcome": "missed", "starts_at": "2026-11-24T10:00Z"},
            "invalid",
            "starts_at",
        ),
        ("meeting", {"outcome": "dreamt"}, "invalid", "outcome"),
        ("meeting", {"declined": True}, "not_resolved", "declined"),
    ]


@pytest.mark.parametrize(("form", "said", "code", "param"), refusals())
async def test_what_does_not_fit(
    form: str, said: dict[str, Any], code: str, param: str, memory_store: Store
) -> None:
    """Refused by the name of the field; the task stays, and nothing is written down."""
    await a_customer(memory_store, id="cus_ada")
    row = Contract(id="c1", customer_id="cus_ada", contacts=[], told_at={}, created_at=NOON)
    await kept(memory_store, row)
    desk = a_desk(memory_store, FakeClock(), FakeTemporal(), sops="")
    checks = {"transfer": ["contacts", "needs"], "set_up": ["billing", "support"]}.get(form, [])
    await a_task(memory_store, form, follow_up=None, brief={"checks": checks}, order_id=None)
    with pytest.raises(Refusal) as refused:
        await desk.complete_task("task_1", said, "mo")
    assert (refused.value.code, refused.value.param) == (code, param)
    assert (await only(memory_store, Task)).state == "open"
    assert not await rows(memory_store, Note)
    assert not await rows(memory_store, Inbox)


async def test_a_call_by_sales(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """One record in the CRM, one piece of feedback with its class, and the follow-up's answer."""
    said = RECORD | {"product": 90, "opportunity": True, "wanted": "A toaster", "referral": "given"}
    await desk.complete_task(await a_task(store, "sales_call"), said, "mo@example.com")
    note: Note = await only(store, Note)
    assert (note.at, note.method, note.by, note.clause) == (NOON, "phone", "mo@example.com", "5.2")
    assert (note.feedback, note.actions) == (
        "product 90, type product, urgency low, potential none", "none",
    )  # fmt: skip
    for word in ("Happy with the kettle", "A toaster", "Named somebody else"):
        assert word in note.summary
    row: Feedback = await only(store, Feedback)
    assert (row.product, row.type, row.urgency, row.potential) == (90, *CLASS.values())
    assert (row.classified_by, row.order_id) == ("mo@example.com", "ord_1")
    (done,) = heard(temporal, SOLD, "task_done")
    assert (done["reached"], done["opportunity"], done["referral"]) == (True, True, True)
    assert "toaster" not in str(temporal.signals)
    assert len(heard(temporal, SOLD, "feedback")) == 1
    assert not await rows(store, Case)


@pytest.mark.parametrize(
    "said",
    [
        {"urgency": "high"},
        {"potential": "likely"},
        {"escalate": True},
        {"escalate": True, "urgency": "critical", "potential": "likely", "overall": 10},
    ],
)
async def test_a_call_with_bad_news(desk: Desk, store: Store, said: dict[str, Any]) -> None:
    """It opens a complaint, and only one."""
    await desk.complete_task(await a_task(store, "sales_call"), RECORD | said, "mo")
    assert [case.kind for case in await rows(store, Case)] == ["complaint"]
    assert {row.state for row in await rows(store, Inbox)} == {"done"}


async def test_nobody_there(desk: Desk, store: Store) -> None:
    """Then there is nothing to record but that, and somebody tries again."""
    await desk.complete_task(await a_task(store, "sales_call"), {"reached": "no"}, "mo")
    assert (await only(store, Task)).state == "open"
    assert not await rows(store, Feedback)


async def test_feedback_gets_its_class(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """What is serious is seen to, as if it had come so."""
    await kept(store, Feedback(id="fb_1", key="k", customer_id="cus_ada", at=NOON, source="reply"))
    await a_task(store, "classify", feedback_id="fb_1")
    said = CLASS | {"urgency": "critical", "actions": "Call them"}
    await desk.complete_task("task_1", said, "mo")
    row: Feedback = await only(store, Feedback)
    assert (row.type, row.urgency, row.classified_by, row.actions) == (
        "product", "critical", "mo", "Call them",
    )  # fmt: skip
    assert (await only(store, Case)).severity == "critical"
    assert len(heard(temporal, SOLD, "task_done")) == 1


async def test_a_contract_is_handed_over(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """What is filled in stands in the contract; only with all of it the task is done."""
    checks = ["contacts", "needs", "account_manager", "office"]
    await a_task(store, "transfer", brief={"checks": checks})
    with pytest.raises(Refusal) as refused:
        await desk.complete_task("task_1", {"needs": "Ten seats"}, "mo")
    assert refused.value.detail == "still missing: contacts, account_manager, office"
    assert (await only(store, Contract)).needs is None
    said = {"needs": "Ten seats", "contacts": [{"name": "Bo"}], "office": "berlin"}
    await desk.complete_task("task_1", said | {"account_manager": "mo@example.com"}, "mo")
    row: Contract = await only(store, Contract)
    assert (row.needs, row.office, row.account_manager, row.contacts) == (
        "Ten seats", "berlin", "mo@example.com", [{"name": "Bo"}],
    )  # fmt: skip
    assert len(heard(temporal, BOARD, "task_done")) == 1


async def test_the_systems_are_set_up(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """What a system has said itself need not be ticked; by whom the rest was done is on record."""
    await a_task(store, "set_up", brief={"checks": ["billing", "support"]})
    said = {"id": "e1", "type": "account.provisioned", "customer": {"id": "cus_ada"},
            "contract": {"id": "c1"}, "data": {"system": "billing"}}  # fmt: skip
    await desk.receive("api", said)
    await desk.complete_task("task_1", {"done": ["support"]}, "mo@example.com")
    done = {(r.system, r.state, r.by) for r in await rows(store, Establishment)}
    assert done == {("billing", "done", None), ("support", "done", "mo@example.com")}
    assert len(heard(temporal, BOARD, "task_done")) == 1


async def test_a_meeting_from_beginning_to_end(
    desk: Desk, store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """Arranged, moved, missed, arranged anew, held: one entry in the calendar all the while."""
    at = NOON + 24 * HOUR
    await a_task(store, "schedule")
    link = {"starts_at": at.isoformat(), "minutes": 45, "url": "https://meet.example.com/1"}
    await desk.complete_task("task_1", link, "mo@example.com")
    row: Meeting = await only(store, Meeting)
    assert (row.starts_at, row.minutes, row.organiser) == (at, 45, "mo@example.com")
    steps: list[tuple[str, dict[str, Any]]] = [
        ("meeting", {"outcome": "moved", "starts_at": (at + HOUR).isoformat()}),
        ("meeting", {"outcome": "missed"}),
        ("schedule", {"starts_at": (at + 24 * HOUR).isoformat()}),
        ("meeting", {"outcome": "held", "note": "Showed them the reports"}),
    ]
    for number, (form, said) in enumerate(steps, 2):
        clock.advance(HOUR)
        more = {"id": f"task_{number}", "key": f"key/{number}", "meeting_id": row.id}
        await a_task(store, form, **more)
        if said.get("outcome") in ("missed", "held"):
            with pytest.raises(Refusal, match="not_yet"):  # it is hours until then
                await desk.complete_task(f"task_{number}", said, "mo@example.com")
            clock.set((await only(store, Meeting)).starts_at)
        await desk.complete_task(f"task_{number}", said, "mo@example.com")
    row = await only(store, Meeting)
    assert (row.state, row.starts_at, row.sequence) == ("held", at + 24 * HOUR, 2)
    told = [name for id_, name, _ in temporal.signals if id_ == BOARD and name != "task_done"]
    assert told == [
        f"meeting_{what}" for what in ("scheduled", "moved", "missed", "scheduled", "held")
    ]
    assert len(heard(temporal, BOARD, "task_done")) == 5
    held = [note for note in await rows(store, Note) if "reports" in note.summary]
    assert [(note.by, note.clause) for note in held] == [("mo@example.com", "5.2")]
    assert "reports" not in str(temporal.signals)


async def test_they_want_no_meeting(desk: Desk, store: Store) -> None:
    """Nobody need arrange what the customer does not want."""
    await a_task(store, "schedule")
    with pytest.raises(Refusal, match="missing"):  # a click too many ends the onboarding
        await desk.complete_task("task_1", {"declined": True}, "mo")
    await desk.complete_task("task_1", {"declined": True, "result": "no time"}, "mo")
    assert (await only(store, Task)).state == "declined"
    assert not await rows(store, Meeting)


def test_every_form_can_be_filled_in() -> None:
    """No task has a form that nobody can close."""
    assert set(FORMS) == set(Form)
