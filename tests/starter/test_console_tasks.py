"""The console's tasks: lists by whose they are and when due, and the forms that close them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import event

from activities.crm.store import Store
from activities.crm.tables import Audit, Case, Draft, Feedback, StaffSession, Task
from starter.staff import Accounts
from tests.factories import NOON, FakeClock
from tests.starter.front import rows
from tests.starter.lives_on_show import a_life
from tests.starter.visitors import ADA, TOKEN, Browser, an_account, browser, site_over
from tests.starter.work_on_show import a_task, a_working_house
from workflows.vocabulary import Role

HOSTILE = "<script>alert(1)</script><img src=//evil.example/x>\"'{{7*7}}{%x%}\u202e"
BOB = "bob@ourshop.example"


@pytest.fixture
async def ada(memory_store: Store, clock: FakeClock) -> AsyncIterator[Browser]:
    """Somebody of ours, logged in, in a house with work in it."""
    token = await an_account(memory_store, clock)
    await a_working_house(memory_store)
    async with browser(site_over(memory_store, clock), token=token) as http:
        yield http


def listed(page: str) -> list[str]:
    return re.findall(r'href="/tasks/(task_\w+)"', page)


async def the(store: Store, id_: str) -> Task:
    async with store.reading() as session:
        return await session.get_one(Task, id_)


# -- the list ----------------------------------------------------------------------------------


async def test_lists_say_whose_and_when_complaints_first(ada: Browser) -> None:
    """Mine, my role's, what is late, all; each with its count; never by colour alone."""
    page = (await ada.get("/tasks?view=all")).text
    assert listed(page) == [
        "task_case_1", "task_arrival", "task_case_2", "task_check_in", "task_look", "task_call",
    ]  # fmt: skip
    for words in ("2 h over", "in 60 min", "complaint", "inquiry", "nobody yet", ADA):
        assert words in re.sub(r"in 1 h", "in 60 min", page)
    assert listed((await ada.get("/tasks")).text) == ["task_check_in"]
    assert "task_look" not in (await ada.get("/tasks?view=queue")).text
    assert listed((await ada.get("/tasks?view=overdue")).text) == ["task_arrival"]
    counts = re.findall(r'<span class="count[^>]*>(\d+)<', page)
    assert counts == ["1", "5", "1", "6"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("role=engineer", ["task_look"]),
        ("form=call", ["task_call"]),
        ("customer=cus_alan", ["task_arrival", "task_case_2"]),
        ("assignee=nobody&form=free", ["task_look"]),
        ("form=review", []),
        ("assignee=sta_nobody", []),
    ],
)
async def test_lists_are_filtered(ada: Browser, query: str, found: list[str]) -> None:
    """By role, form, customer, and who has it."""
    answer = await ada.get(f"/tasks?view=all&{query}")
    assert answer.status_code == 200
    assert listed(answer.text) == found
    assert ("No task fits" in answer.text) is (not found)


async def test_long_lists_are_paged_with_few_queries(ada: Browser, memory_store: Store) -> None:
    """Every task on one page, none on two; as many queries for fifty as for six."""
    asked: list[str] = []
    engine = memory_store.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    await ada.get("/tasks?view=all")
    few = len(asked)
    for number in range(120):
        await a_task(memory_store, "cus_ada", due_at=NOON + timedelta(hours=number % 7))
    asked.clear()
    seen, path = [], "/tasks?view=all"
    while path:
        page = (await ada.get(path)).text
        seen += listed(page)
        more = re.search(r'href="([^"]+)" rel="next"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert (len(seen), len(set(seen))) == (126, 126)
    assert len(asked) == 3 * few
    for wrong in ("0", "-1", "x", "99999999999"):
        assert (await ada.get(f"/tasks?page={wrong}")).status_code == 404


async def test_empty_lists_say_what_to_do(memory_store: Store, clock: FakeClock) -> None:
    """Whoever comes first is told how it begins."""
    token = await an_account(memory_store, clock)
    async with browser(site_over(memory_store, clock), token=token) as http:
        assert "aftercare up --demo" in (await http.get("/tasks")).text
        for view in ("mine", "queue", "overdue", "done"):
            assert 'class="card note"' in (await http.get(f"/tasks?view={view}")).text


# -- closing one -----------------------------------------------------------------------------


async def test_an_answer_is_closed_by_who_is_logged_in(ada: Browser, memory_store: Store) -> None:
    """What the customer wrote stands above; the answer is kept as a draft that is to go."""
    page = (await ada.get("/tasks/task_case_1")).text
    assert "The kettle came with a broken lid" in page
    answer = await ada.send_form(
        "/tasks/task_case_1/complete", page="/tasks/task_case_1", way="done", subject="The lid",
        text="Dear Grace,\r\n\r\na new one is on its way.",
    )  # fmt: skip
    assert answer.headers["location"] == "/tasks/task_case_1?done=closed"
    task = await the(memory_store, "task_case_1")
    assert (task.state, (task.outcome or {})["by"]) == ("done", ADA)
    (draft,) = [row for row in await rows(memory_store, Draft) if row.task_id == task.id]
    assert (draft.subject, draft.body) == ("The lid", "Dear Grace,\n\na new one is on its way.")
    closed = (await ada.get("/tasks/task_case_1?done=closed")).text
    assert "Closed, and its follow-up goes on" in closed
    assert "What came of it" in closed
    assert listed((await ada.get("/tasks?view=done")).text) == ["task_case_1"]
    (case,) = [row for row in await rows(memory_store, Case) if row.id == "case_1"]
    assert case.answered_by == ADA


@pytest.mark.parametrize(
    ("task", "form", "said"),
    [
        ("case_1", {"note": "x" * 50}, ("text", "Write the answer as text")),
        ("case_1", {"text": "A", "answered": "phone"}, ("answered", "not both")),
        (
            "case_1",
            {"text": "A" * 9, "subject": "The lid", "resolved": "on"},
            ("root_cause", "has its root cause"),
        ),
        ("case_1", {"text": "An answer"}, ("subject", "Give it a subject")),
        ("check_in", {"way": "otherwise", "text": "kept words"}, ("result", "Say how it went")),
        ("check_in", {"way": "send", "text": " "}, ("text", "Write what is to go")),
        ("check_in", {"way": "send", "text": "A", "result": "called"}, ("result", "not both")),
        ("arrival", {"note": "asked the carrier"}, ("arrived", "This is needed")),
        ("arrival", {"arrived": "yes", "at": "not a moment"}, ("at", "time")),
        ("call", {"comment": "They said much"}, ("reached", "This is needed")),
        ("call", {"reached": "yes", "product": "900"}, ("product", "0 to 100")),
        ("call", {"reached": "maybe"}, ("reached", "yes")),
    ],
)
async def test_what_is_missing_is_said_beside_its_field_and_nothing_is_lost(
    ada: Browser, memory_store: Store, task: str, form: dict[str, str], said: tuple[str, str]
) -> None:
    """The form comes back as it was filled in; the task stays."""
    path, (param, fault) = f"/tasks/task_{task}", said
    answer = await ada.send_form(f"{path}/complete", page=path, **form)
    assert 400 <= answer.status_code < 500
    beside = re.search(rf'id="f-{param}-fault" role="alert">.*?</svg>(.*?)</p>', answer.text, re.S)
    assert beside, answer.text
    assert fault.lower() in beside[1].lower()
    for name, value in form.items():
        if len(value.strip()) > 5 and name != "way":
            assert value in answer.text, name
    assert (await the(memory_store, f"task_{task}")).state == "open"


async def test_each_form_is_read_as_it_means(ada: Browser, memory_store: Store) -> None:
    """Scores of a hundred, yes and no, moments by the office's clock, blanks left out."""
    called = {"reached": "yes", "product": "80", "overall": "n/a", "comment": "Fine", "way": "done"}
    page = "/tasks/task_call"
    assert (await ada.send_form(f"{page}/complete", page=page, **called)).status_code == 303
    (row,) = await rows(memory_store, Feedback)
    assert (row.product, row.overall, row.by) == (80.0, None, ADA)
    page = "/tasks/task_arrival"
    arrived = {"arrived": "yes", "at": "2026-11-20T10:00"}
    assert (await ada.send_form(f"{page}/complete", page=page, **arrived)).status_code == 303
    outcome = (await the(memory_store, "task_arrival")).outcome or {}
    assert (outcome["arrived"], outcome["at"][:19]) == (True, "2026-11-20T10:00:00")
    page = "/tasks/task_check_in"
    declined = {"way": "decline", "text": "left as it was", "subject": "x", "note": "Not now"}
    assert (await ada.send_form(f"{page}/complete", page=page, **declined)).status_code == 303
    task = await the(memory_store, "task_check_in")
    assert (task.state, "text" in (task.outcome or {})) == ("declined", False)


async def test_what_somebody_else_closed_is_not_closed_again(
    ada: Browser, memory_store: Store
) -> None:
    """Whoever is later keeps their words, and is told."""
    page = (await ada.get("/tasks/task_case_2")).text
    token = TOKEN.search(page)
    assert token
    first = {"token": token[1], "subject": "Filters", "text": "The small one fits."}
    assert (await ada.post("/tasks/task_case_2/complete", data=first)).status_code == 303
    second = first | {"text": "No, the large one fits."}
    late = await ada.post("/tasks/task_case_2/complete", data=second)
    assert late.status_code == 409
    assert "Somebody else has closed this task" in late.text
    assert "No, the large one fits." in late.text


# -- handing it on ---------------------------------------------------------------------------


async def test_a_task_changes_hands_and_waits(
    ada: Browser, memory_store: Store, clock: FakeClock
) -> None:
    """To oneself, to a colleague, to a queue, and until tomorrow; why is kept, by whom."""
    await Accounts(memory_store, clock).create(BOB, Role.MANAGER, by="test")
    page = "/tasks/task_call"
    take = {"to": ADA, "reason": "took it"}
    done = await ada.send_form(f"{page}/reassign", page=page, **take)
    assert done.headers["location"] == f"{page}?done=reassigned"
    assert (await the(memory_store, "task_call")).assignee == ADA
    give = {"to": BOB, "reason": "knows them"}
    assert (await ada.send_form(f"{page}/reassign", page=page, **give)).status_code == 303
    assert (await the(memory_store, "task_call")).assignee == BOB
    queue = {"to": "customer-experience-manager", "reason": "higher"}
    await ada.send_form(f"{page}/reassign", page=page, **queue)
    task = await the(memory_store, "task_call")
    assert (task.assignee, task.role) == (None, "customer-experience-manager")
    later = {"until": "tomorrow", "reason": "they are away"}
    assert (await ada.send_form(f"{page}/snooze", page=page, **later)).status_code == 303
    assert (await the(memory_store, "task_call")).snoozed_until == NOON + timedelta(hours=21)
    assert listed((await ada.get("/tasks?view=all")).text)[-1] == "task_call"
    text = (await ada.get(page)).text
    assert "they are away" in text
    assert "knows them" in text
    who = [row.who for row in await rows(memory_store, Audit) if row.target == "task_call"]
    assert who == [ADA] * 4


@pytest.mark.parametrize(
    ("what", "form", "field", "fault"),
    [
        ("reassign", {"to": "", "reason": "a long enough reason"}, "to", "Choose who"),
        ("reassign", {"to": "who@ourshop.example", "reason": "r"}, "to", "nobody has an account"),
        ("reassign", {"to": ADA, "reason": ""}, "reason", "say why"),
        ("snooze", {"until": "never", "reason": "a long enough reason"}, "until", "Choose until"),
        ("snooze", {"until": "week", "reason": "r"}, "until", "promised"),
    ],
)
async def test_what_cannot_be_handed_on_stays(
    ada: Browser, what: str, form: dict[str, str], field: str, fault: str
) -> None:
    """Beside the field; a moment promised to a customer is not put off."""
    page = "/tasks/task_case_1"
    answer = await ada.send_form(f"{page}/{what}", page=page, **form)
    assert 400 <= answer.status_code < 500
    found = re.search(rf'id="{what}-{field}-fault" role="alert">.*?</svg>(.*?)</p>', answer.text)
    assert found
    assert fault.lower() in found[1].lower()
    assert form["reason"] in answer.text


# -- who may, and what gets lost ---------------------------------------------------------------


async def test_only_our_own_pages_forms_are_taken(
    ada: Browser, memory_store: Store, clock: FakeClock
) -> None:
    """Without a login, without the page's token, or from another site nothing happens."""
    path, form = "/tasks/task_case_1/complete", {"text": "A long answer to the customer."}
    assert (await ada.post(path, data=form)).status_code == 403
    evil = {"Origin": "https://evil.example"}
    assert (await ada.post(path, data=form, headers=evil)).status_code == 403
    async with browser(site_over(memory_store, clock)) as stranger:
        assert (await stranger.get("/tasks/task_case_1")).headers["location"].startswith("/?next=")
        assert (await stranger.send_form(path, page="/", **form)).status_code == 403
    assert (await the(memory_store, "task_case_1")).state == "open"


async def test_what_was_written_outlives_the_session(ada: Browser, memory_store: Store) -> None:
    """Logged out while writing: the words are shown, to be taken along; nothing was done."""
    token = TOKEN.search((await ada.get("/tasks/task_case_1")).text)
    assert token
    async with memory_store.transaction() as session:
        for row in await rows(memory_store, StaffSession):
            await session.delete(await session.merge(row))
    form = {"token": token[1], "text": "Two hours of careful words."}
    answer = await ada.post("/tasks/task_case_1/complete", data=form)
    assert "You were logged out meanwhile" in answer.text
    assert "Two hours of careful words." in answer.text
    assert (await the(memory_store, "task_case_1")).state == "open"


async def test_long_letters_fit_and_whole_books_do_not(ada: Browser, memory_store: Store) -> None:
    """Twenty thousand characters of any script; then it is said beside the field."""
    page = "/tasks/task_case_1"
    answer = await ada.send_form(f"{page}/complete", page=page, subject="L", text="Ж" * 20_001)
    assert answer.status_code == 422
    assert "20000" in answer.text
    assert (
        await ada.send_form(f"{page}/complete", page=page, text="x" * 300_000)
    ).status_code == 413
    fits = await ada.send_form(f"{page}/complete", page=page, subject="L", text="Ж" * 20_000)
    assert fits.status_code == 303


async def test_what_anybody_wrote_stays_text(ada: Browser, memory_store: Store) -> None:
    """In titles, briefs, drafts, scripts, notes and forms that come back."""
    brief = {
        "wrote": [{"at": NOON.isoformat(), "method": "email", "text": HOSTILE}],
        "feedback": [],
    }
    await a_life(memory_store, "cus_9", name=HOSTILE)
    await a_task(memory_store, "cus_9", id="task_evil", title=HOSTILE, brief=brief)
    page = "/tasks/task_evil"
    answers = [
        await ada.get("/tasks?view=all"),
        await ada.get(page),
        await ada.send_form(f"{page}/reassign", page=page, to="", reason=HOSTILE),
        await ada.get("/customers/cus_9"),
    ]
    for answer in answers:
        assert "&lt;script&gt;alert(1)" in answer.text
        for active in ("<script", "<img src=//", " style=", "onerror="):
            assert active not in answer.text


async def test_nothing_is_shown_of_what_is_not_there(ada: Browser) -> None:
    """A page that says so; for a form that lands nowhere as well."""
    assert (await ada.get("/tasks/task_nothing")).status_code == 404
    gone = await ada.send_form(
        "/tasks/task_nothing/complete", page="/tasks", text="Long words here"
    )
    assert (gone.status_code, "Long words here" in gone.text) == (404, True)
    reload = await ada.get("/tasks/task_case_1/complete", headers={"Accept": "text/html"})
    assert (reload.status_code, "There is nothing here" in reload.text) == (404, True)
