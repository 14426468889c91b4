"""What staff do at the console of their own accord: find somebody, take down what they said, steer
a follow-up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from activities.crm.store import Store
from activities.crm.tables import Audit, Case, Hold, Note, Telling
from starter.reports import people
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, an_order
from tests.starter.front import rows
from tests.starter.lives_on_show import a_life
from tests.starter.visitors import ADA, Browser, an_account, browser, site_over

CUSTOMER = "/customers/cus_1"
FOLLOW_UP = "/follow-ups/online-customer.cus_1"


@pytest.fixture
async def ada(memory_store: Store, clock: FakeClock) -> AsyncIterator[Browser]:
    """Somebody of ours, logged in, in a house with a life in it."""
    token = await an_account(memory_store, clock)
    await a_life(memory_store, "cus_1", name="Grace Hopper")
    async with browser(site_over(memory_store, clock), token=token) as http:
        yield http


# -- finding somebody --------------------------------------------------------------------------


async def test_a_customer_is_found_by_an_order(store: Store) -> None:
    """As we, the shop or the customer call it, with its sign or without; nobody else's is."""
    for number in (1, 2):
        await a_customer(store, id=f"cus_{number}")
    await an_order(store, "cus_1", id="ord_1", reference="gid-77", number="#1001")
    await an_order(store, "cus_2", id="1002")
    async with store.reading() as session:
        for said in ("ord_1", "gid-77", "#1001", " 1001 "):
            assert await people.sought(session, said, limit=5) == ["cus_1"], said
        assert await people.sought(session, "#1002", limit=5) == ["cus_2"]
        for nobody in ("1003", "#", "", "100", "%"):
            assert await people.sought(session, nobody, limit=5) == [], nobody


async def test_an_order_or_a_telephone_number_leads_to_the_customer(
    ada: Browser, memory_store: Store
) -> None:
    """Typed into the field that stands on every page."""
    await a_customer(memory_store, id="cus_2", phone="+442079460123")
    await an_order(memory_store, "cus_2", id="1002")
    for said in ("1002", "+44 20 7946 0123", "020 7946 0123"):
        found = await ada.send_form("/find", page="/tasks", who=said)
        assert found.headers["location"] == "/customers/cus_2", said


# -- what they said ----------------------------------------------------------------------------


@pytest.mark.parametrize(("what", "kind"), [("complaint", "complaint"), ("question", "inquiry")])
async def test_what_a_customer_says_opens_a_case_once(
    what: str, kind: str, ada: Browser, memory_store: Store
) -> None:
    """In their own words, however often the button is pressed; a complaint holds what is sold."""
    said = {"what": what, "text": "The lid leaks", "severity": "high", "once": "once_1"}
    for _ in range(2):
        done = await ada.send_form(f"{CUSTOMER}/told", page=CUSTOMER, channel="phone", **said)
        assert done.headers["location"] == f"{CUSTOMER}?done=told"
    (case,) = await rows(memory_store, Case)
    assert (case.kind, case.customer_id) == (kind, "cus_1")
    assert [one.kind for one in await rows(memory_store, Hold)] == ["complaint"] * (
        kind == "complaint"
    )
    page = (await ada.get(f"{CUSTOMER}?done=told")).text
    for words in ("Taken down", "The customer by phone: The lid leaks", f"/cases/{case.id}"):
        assert words in page


async def test_what_is_only_to_be_known_opens_no_case(ada: Browser, memory_store: Store) -> None:
    """It stands in the thread."""
    said = {"what": "note", "text": "Moves house in May", "severity": "", "channel": ""}
    await ada.send_form(f"{CUSTOMER}/told", page=CUSTOMER, **said)
    assert await rows(memory_store, Case) == []
    assert "Moves house in May" in {note.summary for note in await rows(memory_store, Note)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "It leaks"},
        {"what": "complaint", "text": "  "},
        {"what": "erase", "text": "It leaks"},
        {"what": "complaint", "text": "It leaks", "channel": "x\r\nBcc: y"},
        {"what": "complaint", "text": "It leaks", "severity": "<script>"},
        {"what": "complaint", "text": "It leaks", "order": "no such order; --"},
    ],
)
async def test_what_is_not_said_right_comes_back_as_it_was_written(
    wrong: dict[str, str], ada: Browser, memory_store: Store
) -> None:
    """Nothing is kept, nothing is lost, and it says what is missing."""
    answer = await ada.send_form(f"{CUSTOMER}/told", page=CUSTOMER, **wrong)
    assert 400 <= answer.status_code < 500
    assert 'role="alert"' in answer.text
    assert "<script>" not in answer.text
    assert wrong["text"].strip() in answer.text
    assert await rows(memory_store, Case) == []


async def test_of_nobody_nothing_is_taken_down(ada: Browser) -> None:
    """There is no such page."""
    said = {"what": "note", "text": "Hello"}
    answer = await ada.send_form("/customers/cus_9/told", page=CUSTOMER, **said)
    assert answer.status_code == 404


# -- steering ----------------------------------------------------------------------------------


async def test_a_follow_up_is_held_and_goes_on(ada: Browser, memory_store: Store) -> None:
    """Each with its reason and by whom; what is so already is not offered."""
    assert "Let it go on" not in (await ada.get(FOLLOW_UP)).text
    for verb, words in (("hold", "Held, until"), ("resume", "It goes on.")):
        asked = {"verb": verb, "reason": "Is on a journey", "clause": "5.4.1"}
        done = await ada.send_form(f"{FOLLOW_UP}/steer", page=FOLLOW_UP, **asked)
        assert done.headers["location"] == f"{FOLLOW_UP}?done={verb}"
        assert words in (await ada.get(done.headers["location"])).text
    async with memory_store.reading() as session:
        found = select(Audit).where(Audit.what.startswith("follow_up.")).order_by(Audit.at)
        audited = (await session.execute(found)).scalars().all()
    assert [(one.who, one.what, one.reason) for one in audited] == [
        (ADA, "follow_up.hold", "Is on a journey"),
        (ADA, "follow_up.resume", "Is on a journey"),
    ]


async def test_a_clause_is_left_out(ada: Browser, memory_store: Store) -> None:
    """Its follow-up is told which."""
    asked = {"verb": "skip", "reason": "They asked for it", "clause": "5.4.1"}
    await ada.send_form(f"{FOLLOW_UP}/steer", page=FOLLOW_UP, **asked)
    told = [one for one in await rows(memory_store, Telling) if one.name == "skip"]
    assert [(one.workflow_id, one.body["clause"]) for one in told] == [
        ("online-customer.cus_1", "5.4.1")
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "Why not"},
        {"verb": "erase", "reason": "Why not"},
        {"verb": "hold", "reason": " "},
        {"verb": "skip", "clause": "9.9", "reason": "Why not"},
        {"verb": "retry", "reason": "Nothing is blocked"},
    ],
)
async def test_what_cannot_be_ordered_is_said_beside_the_form(
    wrong: dict[str, Any], ada: Browser, memory_store: Store
) -> None:
    """And no follow-up hears of it."""
    answer = await ada.send_form(f"{FOLLOW_UP}/steer", page=FOLLOW_UP, **wrong)
    assert 400 <= answer.status_code < 500
    assert 'role="alert"' in answer.text
    assert await rows(memory_store, Telling) == []


async def test_a_follow_up_that_is_over_is_not_steered(ada: Browser, memory_store: Store) -> None:
    """There is nothing to choose."""
    await a_customer(memory_store, id="cus_3")
    await an_enrolment(memory_store, "cus_3", state="completed", ended_at=NOON)
    page = (await ada.get("/follow-ups/online-customer.cus_3")).text
    assert 'name="verb"' not in page
