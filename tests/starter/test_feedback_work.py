"""Feedback as colleagues have to do with it: through the API and in a terminal."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from activities.crm.store import Store
from activities.crm.tables import Audit, Case, Feedback, Inbox, Note, Task
from starter.desk import Desk
from starter.reports import opinions
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept
from tests.starter.doors import is_problem, knocking
from tests.starter.front import FakeTemporal, a_desk, an_event, only, rows
from tests.starter.test_cli import Aftercare, aftercare, opened

__all__ = ["aftercare", "opened"]

SURVEY = "satisfaction.1001"
CLASS = {"type": "delivery", "urgency": "low", "potential": "none"}
TOLD = {"product": 80, "overall": 60, "text": "Canary: late", "channel": "phone"}


@pytest.fixture
async def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    await a_customer(store, id="cus_ada", email="ada@example.com")
    await an_enrolment(store, "cus_ada", sop="satisfaction", subject="1001", order_id="1001")
    temporal.started[SURVEY] = None
    return a_desk(store, clock, temporal)


async def thought(desk: Desk, **data: Any) -> str:
    """Feedback that came by itself; its id."""
    event = an_event("feedback.received", customer={"id": "cus_ada"}, data=data)
    await desk.receive("survey", event)
    known = {row.key: row.id for row in await rows(desk.store, Feedback)}
    (row,) = [row for row in await rows(desk.store, Inbox) if row.event_id == event["id"]]
    found: str = known[row.id]
    return found


def asking(feedback_id: str) -> Task:
    return Task(
        id="task_1", key="k", customer_id="cus_ada", follow_up=SURVEY, clause="4.2",
        role="customer-service", title="classify", state="open", due_at=NOON, created_at=NOON,
        form="classify", feedback_id=feedback_id, brief={}, priority=3,
    )  # fmt: skip


async def test_what_a_colleague_was_told(desk: Desk, temporal: FakeTemporal) -> None:
    """Feedback like any other: who wrote it down is kept; the same request is one."""
    async with knocking(desk) as http:
        once = {"Idempotency-Key": "k-1"}
        path = "/v1/customers/cus_ada/feedback"
        first = await http.post(path, json=TOLD | CLASS, headers=once)
        again = await http.post(path, json=TOLD | CLASS, headers=once)
        assert (first.status_code, again.json()) == (200, first.json())
        (one,) = (await http.get("/v1/feedback")).json()["data"]
        assert (await http.get(f"/v1/feedback/{one['id']}")).json() == one
    assert (one["product"], one["overall"], one["text"]) == (80, 60, "Canary: late")
    assert (one["source"], one["type"], one["urgency"]) == ("staff", "delivery", "low")
    assert one["by"].startswith("api:")
    assert one["classified_by"] == one["by"]
    assert temporal.heard(SURVEY) == ["feedback"]
    assert "anary" not in str(temporal.signals)


@pytest.mark.parametrize(
    ("said", "code", "param"),
    [
        ({}, "missing", "text"),
        ({"text": "   "}, "missing", "text"),
        ({"product": 101}, "score_out_of_range", "product"),
        ({"overall": True}, "score_out_of_range", "overall"),
        ({"text": "x", "type": "colour"}, "unknown_type", "data.type"),
        ({"text": "x", "urgency": "very"}, "invalid", "urgency"),
        ({"text": "x", "by": "somebody else"}, "unknown_field", "by"),
        ({"text": "x", "at": "2126-01-01T00:00:00Z"}, "occurred_in_the_future", "occurred_at"),
        ({"text": "\x00"}, "invalid_text", "text"),
    ],
)
async def test_what_nobody_can_be_told(
    desk: Desk, said: dict[str, Any], code: str, param: str
) -> None:
    async with knocking(desk) as http:
        is_problem(await http.post("/v1/customers/cus_ada/feedback", json=said), 422, code, param)
    assert not await rows(desk.store, Feedback)


async def test_somebody_nobody_knows(desk: Desk) -> None:
    async with knocking(desk) as http:
        is_problem(await http.post("/v1/customers/x/feedback", json=TOLD), 404, "not_found")
        is_problem(await http.post("/v1/feedback/fb_x/classify", json=CLASS), 404, "not_found")
        is_problem(await http.get("/v1/feedback/fb_x"), 404, "not_found")


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"type": "colour"}, "unknown_type", "type"),
        ({"urgency": "very"}, "invalid", "urgency"),
        ({"potential": None}, "invalid", "potential"),
        ({"type": ["delivery"]}, "invalid", "type"),
        ({"severity": "low"}, "unknown_field", "severity"),
        ({"actions": "x" * 20_001}, "invalid", "actions"),
    ],
)
async def test_no_class(desk: Desk, change: dict[str, Any], code: str, param: str) -> None:
    """Refused by its field; nothing is classified."""
    one = await thought(desk, score=70)
    async with knocking(desk) as http:
        answer = await http.post(f"/v1/feedback/{one}/classify", json=CLASS | change)
    is_problem(answer, 422, code, param)
    assert (await only(desk.store, Feedback)).classified_at is None


async def test_a_class_settles_the_task_that_asked_for_it(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Its follow-up hears that it is done; what is to be done is in the history; once."""
    one = await thought(desk, score=70, text="Hm")
    await kept(store, asking(one))
    async with knocking(desk) as http:
        said = CLASS | {"actions": "Ask the carrier"}
        answer = await http.post(f"/v1/feedback/{one}/classify", json=said)
        assert answer.json()["classified_by"].startswith("api:")
        await http.post(f"/v1/feedback/{one}/classify", json=said)
    task, row = await only(store, Task), await only(store, Feedback)
    assert (task.state, task.outcome["type"], row.actions) == ("done", "delivery", said["actions"])
    assert next(n.actions for n in await rows(store, Note) if n.id == row.note_id) == row.actions
    assert temporal.heard(SURVEY) == ["feedback", "task_done"]
    assert temporal.signals[-1][2]["task_id"] == "task_1"
    what = sorted(one.what for one in await rows(store, Audit) if "feedback" in one.what or
                  "task" in one.what)  # fmt: skip
    assert what == ["feedback.classified", "task.done"]
    assert not await rows(store, Case)


async def test_what_is_serious_is_seen_to(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """As a low score is: a complaint, at once."""
    one = await thought(desk, score=70)
    async with knocking(desk) as http:
        said = CLASS | {"urgency": "critical"}
        seen = (await http.post(f"/v1/feedback/{one}/classify", json=said)).json()
    case = await only(store, Case)
    assert (seen["case_id"], case.severity, case.type) == (case.id, "critical", "delivery")
    assert temporal.heard(SURVEY) == ["feedback", "complaint"]


async def test_the_list_and_its_filters(desk: Desk, clock: FakeClock) -> None:
    """The newest first, paged as all lists; what is misspelt is refused."""
    first = await thought(desk, score=70, category="delivery")
    since = quote(clock.advance(days=2).isoformat())
    second = await thought(desk, score=80, **CLASS | {"type": "service"})
    async with knocking(desk) as http:

        async def listed(query: str = "") -> list[str]:
            return [one["id"] for one in (await http.get(f"/v1/feedback?{query}")).json()["data"]]

        assert await listed() == [second, first]
        assert await listed("unclassified=true") == [first]
        assert await listed("type=service") == [second]
        assert await listed(f"since={since}&customer=cus_ada") == [second]
        assert await listed("customer=cus_nobody") == []
        page = (await http.get("/v1/feedback?limit=1")).json()
        assert ([one["id"] for one in page["data"]], page["has_more"]) == ([second], True)
        assert await listed(f"limit=1&starting_after={second}") == [first]
        is_problem(await http.get("/v1/feedback?type=colour"), 422, "unknown_type", "type")
        for wrong in ("since=yesterday", "since=0001-01-01T00:00:00%2B14:00", "unclassified=so"):
            assert (await http.get(f"/v1/feedback?{wrong}")).status_code == 422, wrong


async def test_how_far_it_has_come(desk: Desk, clock: FakeClock) -> None:
    """What waits, the worst of it first; what was classified, and came, in a week."""
    one = await thought(desk, score=80)
    worse = await thought(desk, product=45)
    clock.advance(days=9)
    done = await thought(desk, score=90, **CLASS)
    async with desk.store.reading() as session:
        counted = await opinions.counts(session, clock.now())
        page = await opinions.to_classify(session, opinions.Wanted(), limit=2)
        rest = await opinions.to_classify(session, opinions.Wanted(), limit=2, page=2)
    assert (counted.waiting, counted.lately, counted.came) == (2, 1, 1)
    assert [found.id for found in page.data] == [worse, one]
    assert ([found.id for found in rest.data], page.has_more) == ([done], True)
    assert clock.now() == NOON + timedelta(days=9)


def test_in_a_terminal(opened: Aftercare) -> None:
    """Written down, listed, classified; each error says what there is."""
    customer = {"id": "C-1", "email": "ada@example.com", "name": "Ada Byron", "country": "GB"}
    opened("start", "online-customer", "--customer", "-", stdin=json.dumps(customer))
    assert "No feedback" in opened("feedback").out
    told = opened("feedback", "add", "ada@example.com", "--product", "70", "--text", "Fine [b]",
                  "--channel", "phone")  # fmt: skip
    assert told.code == 0, told.err
    (one,) = opened("feedback", "list", "--unclassified", "--json").json["data"]
    assert (one["product"], one["text"], one["source"]) == (70, "Fine [b]", "staff")
    shown = opened("feedback")
    assert "Fine [b]" in shown.out
    assert "not classified" in shown.out
    assert "aftercare feedback classify" in shown.err
    wrong = opened("feedback", "classify", one["id"], "--type", "colour", "--urgency", "low",
                   "--potential", "none")  # fmt: skip
    assert wrong.code == 1
    assert "product, service, experience" in wrong.err
    done = opened("feedback", "classify", one["id"], "--type", "product", "--urgency", "low",
                  "--potential", "none", "--actions", "Tell the makers")  # fmt: skip
    assert done.code == 0, done.err
    assert "No feedback" in opened("feedback", "--unclassified").out
    assert "product, low, escalation none" in opened("feedback", "--type", "product").out
    assert opened("feedback", "--type", "colour").code == 2
    assert opened("feedback", "--since", "0001-01-01T00:00+14:00").code == 2
    assert opened("feedback", "add", "nobody@example.com", "--text", "x").code == 1
    assert opened("feedback", "add", "ada@example.com").code == 1
