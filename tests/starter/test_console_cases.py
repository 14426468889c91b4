"""The console's cases and customers, and the pages that it shows when something is amiss."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from activities.crm.store import Store
from activities.crm.tables import Case, Draft, Feedback, Telling
from starter.console import tasks
from starter.reports import worklist
from tests.factories import NOON, FakeClock, a_customer
from tests.starter.front import rows
from tests.starter.visitors import ADA, Browser, an_account, browser, site_over
from tests.starter.work_on_show import a_case, a_working_house
from workflows.vocabulary import Role


@pytest.fixture
async def ada(memory_store: Store, clock: FakeClock) -> AsyncIterator[Browser]:
    """Somebody of ours, logged in, in a house with work in it."""
    token = await an_account(memory_store, clock)
    await a_working_house(memory_store)
    async with browser(site_over(memory_store, clock), token=token) as http:
        yield http


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


async def the_case(store: Store, id_: str = "case_1") -> Case:
    async with store.reading() as session:
        return await session.get_one(Case, id_)


# -- the cases ---------------------------------------------------------------------------------


async def test_open_cases_with_age_due_owner_hold_and_rung(ada: Browser) -> None:
    """Complaints first; what holds messages back says so."""
    page = (await ada.get("/cases")).text
    assert re.findall(r'href="/cases/(case_\w+)"', page) == ["case_1", "case_2"]
    text = plain(page)
    for words in ("1 complaint", "1 inquiry", "holds messages", "1 step up, next", "in 60 min"):
        assert words in text.replace("in 1 h", "in 60 min")
    assert "3 h since Mon 23 Nov, 09:00" in text
    assert re.findall(r'href="/cases/(case_\w+)"', (await ada.get("/cases?kind=inquiry")).text) == [
        "case_2"
    ]
    assert "No case fits" in (await ada.get("/cases?state=closed")).text


async def test_closed_cases_are_found_with_what_they_came_to(
    ada: Browser, memory_store: Store
) -> None:
    """As long as they are kept."""
    await a_customer(memory_store, id="cus_8")
    over: dict[str, Any] = {
        "state": "closed",
        "closed_at": NOON,
        "resolved_at": NOON,
        "outcome": "no_answer",
    }
    await a_case(memory_store, "cus_8", id="case_8", **over)
    page = (await ada.get("/cases?state=closed")).text
    assert re.findall(r'href="/cases/(case_\w+)"', page) == ["case_8"]
    assert "the customer did not say whether they are satisfied" in page
    assert "did not say whether" in (await ada.get("/cases/case_8")).text


async def test_a_case_with_all_that_is_known_of_it(ada: Browser) -> None:
    """Its checklist, its log, what was said, its messages and tasks."""
    page = (await ada.get("/cases/case_1")).text
    text = plain(page)
    for words in (
        "The kettle came with a broken lid",
        "Acknowledge at once what the customer wrote",
        "1 of 7 clauses are past",
        "We have your message",
        "Answer a complaint",
        "Nothing is sold to them",
        "1 step up the ladder",
        "severity high",
    ):
        assert words in text, words
    assert 'href="/tasks/task_case_1"' in page
    assert (await ada.get("/cases/case_none")).status_code == 404


async def test_who_writes_to_the_customer_answers_the_case(
    ada: Browser, memory_store: Store
) -> None:
    """The first letter is its answer, by whoever is logged in; sent twice it goes once."""
    page = "/cases/case_1"
    blank = await ada.send_form(f"{page}/write", page=page, subject="The lid", text=" ")
    assert blank.status_code == 422
    assert 'id="write-text-fault"' in blank.text
    assert 'value="The lid"' in blank.text
    letter = {"subject": "The lid", "text": "It is on its way.", "once": "once_1"}
    for _ in range(2):
        done = await ada.send_form(f"{page}/write", page=page, **letter)
        assert done.headers["location"] == f"{page}?done=written"
    assert (await the_case(memory_store)).answered_by == ADA
    assert [row.body for row in await rows(memory_store, Draft) if "way" in row.body] == [
        "It is on its way."
    ]
    assert "It goes out now" in (await ada.get(f"{page}?done=written")).text


@pytest.mark.parametrize("word", ["yes", "no"])
async def test_what_they_say_on_the_telephone_counts_as_theirs(
    ada: Browser, memory_store: Store, word: str
) -> None:
    """Once, with their words; the case's workflow hears of it."""
    page = "/cases/case_1"
    nothing = await ada.send_form(f"{page}/satisfied", page=page, text="They were friendly")
    assert nothing.status_code == 422
    assert 'id="satisfied-satisfied-fault"' in nothing.text
    assert "They were friendly" in nothing.text
    said = {"satisfied": word, "text": "The lid fits", "once": "once_2"}
    for _ in range(2):
        done = await ada.send_form(f"{page}/satisfied", page=page, **said)
        assert done.headers["location"] == f"{page}?done=said"
    (row,) = await rows(memory_store, Feedback)
    assert (row.satisfied, row.case_id) == (word == "yes", "case_1")
    heard = [t for t in await rows(memory_store, Telling) if t.name == "feedback"]
    assert "case.case_1" in {t.workflow_id for t in heard}
    assert "The lid fits" in (await ada.get(page)).text


# -- the customers -----------------------------------------------------------------------------


async def test_customers_are_found_by_a_part_of_their_name(ada: Browser) -> None:
    """One is gone to; of several, each with their follow-ups, cases and tasks."""
    one = await ada.send_form("/find", page="/tasks", who="hopp grace")
    assert one.headers["location"] == "/customers/cus_grace"
    company = await ada.send_form("/find", page="/tasks", who="flow-matic")
    assert company.headers["location"] == "/customers/cus_grace"
    several = await ada.send_form("/find", page="/tasks", who="a")
    assert several.status_code == 200
    for link in ("/customers/cus_ada", "/cases/case_2", "/follow-ups/online-customer.cus_alan"):
        assert f'href="{link}"' in several.text
    assert "3 customers" in several.text
    for nobody in ("%", "_", "Zz", "  .  ", "a' or 1=1"):
        assert (await ada.send_form("/find", page="/tasks", who=nobody)).status_code == 404
    assert (await ada.send_form("/find", page="/cases", who="cus_grace", room="cases")).headers[
        "location"
    ] == "/cases?customer=cus_grace"


async def test_a_customer_is_one_thread(ada: Browser) -> None:
    """Cases, tasks, follow-ups, and everything that happened, newest first, in pages."""
    page = (await ada.get("/customers/cus_grace")).text
    for words in ("Grace Hopper", "vip", "a complaint is open", "Answer a complaint", "Flow-Matic"):
        assert words in page
    assert 'href="/cases/case_1"' in page
    assert 'href="/follow-ups/online-customer.cus_grace"' in page
    assert re.search(r'href="/outbox/msg_\w+"', page)
    assert (await ada.get("/customers/cus_nobody")).status_code == 404
    assert (await ada.get("/customers/cus_grace?after=nothing")).status_code == 404


async def test_everybody_of_ours_may_see_all_of_it(memory_store: Store, clock: FakeClock) -> None:
    """Engineers, too."""
    await a_working_house(memory_store)
    from starter.staff import Accounts, Sessions  # noqa: PLC0415

    link = await Accounts(memory_store, clock).create("e@ourshop.example", Role.ENGINEER, by="t")
    token = await Sessions(memory_store, clock).set_up(link, "nine kettles on a shelf")
    async with browser(site_over(memory_store, clock), token=token) as http:
        for path in (
            "/tasks",
            "/tasks/task_case_1",
            "/cases",
            "/cases/case_1",
            "/customers/cus_ada",
        ):
            assert (await http.get(path)).status_code == 200


# -- when something is amiss -----------------------------------------------------------------------


async def test_a_fault_of_ours_is_a_page_that_keeps_what_was_written(
    ada: Browser, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its number in the log, and not a word of what it was about."""

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("Grace Hopper's secret")

    monkeypatch.setattr(worklist, "job", broken)
    page = await ada.get("/tasks/task_case_1")
    form = {"text": "Long careful words"}
    sent = await ada.send_form("/tasks/task_case_1/complete", page="/cases", **form)
    for answer in (page, sent):
        assert answer.status_code == 500
        assert answer.headers["content-type"].startswith("text/html")
        assert "Something went wrong here" in answer.text
        assert answer.headers["request-id"] in answer.text
        assert "secret" not in answer.text
    assert "Long careful words" in sent.text
    assert "secret" not in capsys.readouterr().out


async def test_without_its_database_the_console_says_so(
    ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page, and when to try again; for addresses that lead nowhere as well."""

    def away(*_: Any) -> None:
        raise OperationalError("away", {}, Exception())

    monkeypatch.setattr(Store, "reading", away)
    for path in ("/tasks", "/cases", "/nowhere"):
        answer = await ada.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert "The database cannot be reached" in answer.text


def test_every_form_has_its_sheet() -> None:
    """What the desk can ask, the console can draw."""
    assert {value for value, _ in tasks.VIEWS} == set(worklist.VIEWS)


async def test_the_rooms_are_the_same_on_either_database(store: Store, clock: FakeClock) -> None:
    """Lists, counts, searches and pages."""
    token = await an_account(store, clock)
    await a_working_house(store)
    async with browser(site_over(store, clock), token=token) as http:
        page = (await http.get("/tasks?view=all")).text
        assert re.findall(r'<span class="count[^>]*>(\d+)<', page) == ["1", "5", "1", "6"]
        for path in ("/tasks?view=done", "/tasks?view=overdue&form=arrival", "/cases?state=closed"):
            assert (await http.get(path)).status_code == 200
        for path in ("/cases", "/cases/case_1", "/customers/cus_grace", "/tasks/task_case_1"):
            assert "Grace Hopper" in (await http.get(path)).text
        found = await http.send_form("/find", page="/cases", who="HOPPER", room="cases")
        assert found.headers["location"] == "/customers/cus_grace"
        mine = (await http.get("/customers/cus_alan")).text
        letter = {"subject": "A word", "text": "Thank you for asking.", "once": "once_9"}
        done = await http.send_form("/customers/cus_ada/write", page="/cases", **letter)
        assert done.headers["location"] == "/customers/cus_ada?done=written"
    assert "Write to them" in mine
    drafts = [row for row in await rows(store, Draft) if row.customer_id == "cus_ada"]
    assert ("A word", ADA) in {(row.subject, row.by) for row in drafts}
