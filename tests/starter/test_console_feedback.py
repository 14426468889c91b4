"""The console's room for feedback: what nobody has classified first, classified in place."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Case, Feedback, Note, Task
from tests.factories import NOON, FakeClock, a_customer, kept
from tests.starter.front import only, rows
from tests.starter.visitors import ADA, Browser, an_account, browser, site_over

HOSTILE = "<script>alert(1)</script>\"'{{7*7}}"


@pytest.fixture
async def ada(store: Store, clock: FakeClock) -> AsyncIterator[Browser]:
    """Somebody of ours, logged in."""
    token = await an_account(store, clock)
    await a_customer(store, id="cus_1", name=f"Ada {HOSTILE}", email="ada@example.com")
    async with browser(site_over(store, clock), token=token) as http:
        yield http


async def thought(store: Store, id_: str, text: str = "", **fields: Any) -> None:
    if text:
        note = Note(id=f"note_{id_}", key=id_, customer_id="cus_1", at=NOON, direction="in",
                    method="form", summary=text)  # fmt: skip
        await kept(store, note)
    usual = {"customer_id": "cus_1", "at": NOON, "source": "form", "key": id_}
    usual |= {"note_id": f"note_{id_}"} if text else {}
    await kept(store, Feedback(**usual | {"id": id_} | fields))


CLASS: dict[str, Any] = {
    "type": "delivery",
    "urgency": "low",
    "potential": "none",
    "classified_at": NOON,
    "classified_by": "bea@example.com",
}


def ids(page: str) -> list[str]:
    return re.findall(r'<li id="(fb_\w+)"', page)


async def test_an_empty_room_says_where_it_comes_from(ada: Browser) -> None:
    page = (await ada.get("/feedback")).text
    assert "Nobody has said what they think yet" in page
    assert 'aria-current="page">Feedback<' in page
    assert "No feedback fits" in (await ada.get("/feedback?type=delivery")).text


async def test_what_hurts_comes_first(ada: Browser, store: Store) -> None:
    """What waits before what does not, the worst before the rest; their words stay text."""
    await thought(store, "fb_done", **CLASS, overall=10)
    await thought(store, "fb_fine", overall=90, text="Fine")
    await thought(store, "fb_bad", product=45, text=f"Hm {HOSTILE}", category="ease")
    page = (await ada.get("/feedback")).text
    assert ids(page) == ["fb_bad", "fb_fine", "fb_done"]
    assert "<strong>2</strong> to classify" in page
    assert "<script>" not in page
    assert "Hm &lt;script&gt;" in page
    assert ids((await ada.get("/feedback?state=unclassified")).text) == ["fb_bad", "fb_fine"]
    assert ids((await ada.get("/feedback?type=delivery&since=week")).text) == ["fb_done"]
    assert ids((await ada.get("/feedback?customer=ada@example.com&since=never")).text) != []
    assert ids((await ada.get("/feedback?customer=cus_nobody")).text) == []
    assert ids((await ada.get("/feedback/fb_done")).text) == ["fb_done"]
    assert (await ada.get("/feedback/fb_nothing")).status_code == 404
    assert (await ada.get("/feedback?page=x")).status_code == 404


async def test_one_click_classifies(ada: Browser, store: Store) -> None:
    """And leads to the next one of the same list; the task that asked for it is settled."""
    await thought(store, "fb_1", overall=60)
    await kept(
        store,
        Task(
            id="task_1", key="k", customer_id="cus_1", role="customer-service", title="classify",
            state="open", due_at=NOON, created_at=NOON, form="classify", feedback_id="fb_1",
            brief={}, priority=3,
        ),
    )  # fmt: skip
    said = {"type": "service", "urgency": "medium", "potential": "none", "actions": "Practise it",
            "was_state": "unclassified"}  # fmt: skip
    done = await ada.send_form("/feedback/fb_1/classify", page="/feedback", **said)
    assert (done.status_code, done.headers["location"]) == (
        303, "/feedback?state=unclassified&done=fb_1",
    )  # fmt: skip
    row = await only(store, Feedback)
    assert (row.type, row.urgency, row.classified_by) == ("service", "medium", ADA)
    assert (await only(store, Task)).state == "done"
    page = (await ada.get(done.headers["location"])).text
    assert "Classified: service, urgency medium" in page
    assert not await rows(store, Case)


async def test_what_is_urgent_leads_to_its_case(ada: Browser, store: Store) -> None:
    await thought(store, "fb_1", overall=60)
    said = {"type": "service", "urgency": "critical", "potential": "none"}
    await ada.send_form("/feedback/fb_1/classify", page="/feedback", **said)
    case = await only(store, Case)
    assert (
        f'href="/cases/{case.id}">the case that sees to it'
        in (await ada.get("/feedback?done=fb_1")).text
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [({"type": ""}, 422), ({"type": "colour"}, 422), ({"urgency": "very"}, 422),
     ({"urgency": ""}, 422), ({"potential": HOSTILE}, 422), ({"token": "0" * 64}, 403)],
)  # fmt: skip
async def test_no_form_of_ours(
    ada: Browser, store: Store, change: dict[str, str], status: int
) -> None:
    """Refused in a page; what somebody wrote is shown to them, and nothing is classified."""
    await thought(store, "fb_1", overall=60)
    said = {
        "type": "service",
        "urgency": "low",
        "potential": "none",
        "actions": "Canary words of ours",
    }
    answer = await ada.send_form("/feedback/fb_1/classify", page="/feedback", **said | change)
    assert answer.status_code == status
    assert "Canary words of ours" in answer.text
    assert HOSTILE not in answer.text
    assert (await only(store, Feedback)).classified_at is None


async def test_nothing_without_a_login(ada: Browser, store: Store, clock: FakeClock) -> None:
    await thought(store, "fb_1", overall=60, text="Canary words of ours")
    async with browser(site_over(store, clock)) as stranger:
        for path in ("/feedback", "/feedback/fb_1", "/customers/cus_1/feedback"):
            answer = await stranger.get(path)
            assert answer.status_code == 303, path
            assert "Canary" not in answer.text


async def test_what_a_customer_told_a_colleague(ada: Browser, store: Store) -> None:
    """Written down on their page, once; out of ten, and kept out of a hundred."""
    path = "/customers/cus_1/feedback"
    assert path in (await ada.get("/customers/cus_1")).text
    said = {"overall": "70", "text": "Fine", "channel": "phone", "type": "service", "once": "o1"}
    for _ in range(2):
        done = await ada.send_form(path, page=path, **said)
        assert done.headers["location"] == "/feedback?customer=cus_1&done=told"
    row = await only(store, Feedback)
    assert (row.overall, row.source, row.by, row.type) == (70, "staff", ADA, "service")
    wrong = await ada.send_form(path, page=path, actions="Canary", once="o2")
    assert wrong.status_code == 422
    assert "Say what they think" in wrong.text
    assert "Canary" in wrong.text
    assert (await ada.get("/customers/cus_nobody/feedback")).status_code == 404
