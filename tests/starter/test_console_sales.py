"""The forms of Sales and of account managers at the console: filled in, refused by the field."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from activities.crm.store import Store
from activities.crm.tables import Case, Contract, Establishment, Feedback, Meeting, Note, Task
from starter.console.people import as_contacts, as_lines
from tests.factories import NOON, FakeClock, kept
from tests.starter.front import only, rows
from tests.starter.sales_on_show import HOUR, a_selling_house
from tests.starter.visitors import ADA, Browser, an_account, browser, site_over

CALLED = {
    "reached": "yes",
    "comment": "Happy",
    "type": "product",
    "urgency": "low",
    "potential": "none",
    "opportunity": "yes",
    "wanted": "A toaster",
    "referral": "given",
    "actions": "none",
    "method": "phone",
    "overall": "90",
}


@pytest.fixture
async def ada(memory_store: Store, clock: FakeClock) -> AsyncIterator[Browser]:
    await a_selling_house(memory_store)
    token = await an_account(memory_store, clock)
    async with browser(site_over(memory_store, clock, sops=""), token=token) as http:
        yield http


async def fill_in(ada: Browser, form: str, **said: str) -> tuple[int, str]:
    """The form on a task's page, sent: the status, and the page that comes then."""
    page = f"/tasks/task_{form}"
    answer = await ada.send_form(f"{page}/complete", page=page, **said)
    return answer.status_code, answer.text


async def the(store: Store, form: str) -> Task:
    (task,) = [row for row in await rows(store, Task) if row.id == f"task_{form}"]
    assert isinstance(task, Task)
    return task


@pytest.mark.parametrize(
    ("form", "said", "param", "words"),
    [
        ("sales_call", {"reached": "yes"}, "comment", "once they were reached"),
        ("sales_call", CALLED | {"wanted": ""}, "wanted", "what they may want"),
        ("sales_call", CALLED | {"opportunity": ""}, "opportunity", "once they were reached"),
        ("classify", {"type": "product", "urgency": "low"}, "potential", "This is needed"),
        (
            "transfer",
            {"account_manager": "mo@ourshop.example"},
            "needs",
            "Still missing: what they need",
        ),
        ("set_up", {"done.billing": "on"}, "done.support", "Not set up yet: support"),
        ("schedule", {}, "starts_at", "This is needed"),
        ("schedule", {"starts_at": "2020-01-01T10:00"}, "starts_at", "in the future"),
        ("schedule", {"starts_at": "2026-12-01T10:00", "minutes": "x"}, "minutes", "whole number"),
        ("schedule", {"starts_at": "2026-12-01T10:00", "url": "zoom"}, "url", "https://"),
        ("meeting", {"outcome": "held"}, "note", "write a note"),
        ("meeting", {"outcome": "moved"}, "starts_at", "To when was it moved"),
    ],
)
async def test_what_is_missing_stands_beside_its_field(  # noqa: PLR0917
    ada: Browser, memory_store: Store, form: str, said: dict[str, str], param: str, words: str
) -> None:
    """And what was filled in stands there still."""
    status, page = await fill_in(ada, form, **said)
    assert 400 <= status < 500
    fault = page.split(f'id="f-{param}-fault"')[1].split("</p>")[0]
    assert words in fault
    assert (await the(memory_store, form)).state == "open"
    for value in said.values():
        assert value in page


async def test_a_call_by_sales(ada: Browser, memory_store: Store) -> None:
    """The script above, the brief below, one record of it in the end."""
    page = (await ada.get("/tasks/task_sales_call")).text
    for words in ("Good day, Ada", "Kettle", "The lid is loose", "a call by Sales"):
        assert words in page or words in (await ada.get("/tasks?view=all")).text
    assert (await fill_in(ada, "sales_call", **CALLED))[0] == 303
    (note,) = [row for row in await rows(memory_store, Note) if row.by == ADA]
    assert "A toaster" in note.summary
    assert (await the(memory_store, "sales_call")).state == "done"


async def test_a_class(ada: Browser, memory_store: Store) -> None:
    """What the customer said stands above it."""
    assert "What the customer said" in (await ada.get("/tasks/task_classify")).text
    said = {"type": "product", "urgency": "high", "potential": "possible"}
    assert (await fill_in(ada, "classify", **said))[0] == 303
    row: Feedback = await only(memory_store, Feedback)
    assert (row.type, row.urgency, row.classified_by) == ("product", "high", ADA)
    assert [case.kind for case in await rows(memory_store, Case)] == ["complaint"]


async def test_a_contract(ada: Browser, memory_store: Store) -> None:
    """What is known is filled in, and unchanged says nothing new."""
    page = (await ada.get("/tasks/task_transfer")).text
    for words in ("Bo Li, bo@example.com", "mo@ourshop.example", "Document #123"):
        assert words in page
    kept_as = {"contacts": "Bo Li, bo@example.com", "account_manager": "mo@ourshop.example"}
    said = {"needs": "Ten seats\r\nby May", "signed_at": "2026-11-22T16:00"}
    assert (await fill_in(ada, "transfer", **kept_as, **said))[0] == 303
    row: Contract = await only(memory_store, Contract)
    assert (row.needs, list(row.told_at)) == ("Ten seats\nby May", ["needs"])


async def test_systems(ada: Browser, memory_store: Store) -> None:
    """Each has its box."""
    assert (await fill_in(ada, "set_up", **{"done.billing": "on", "done.support": "on"}))[0] == 303
    done = {(row.system, row.by) for row in await rows(memory_store, Establishment)}
    assert done == {("billing", ADA), ("support", ADA)}


async def test_a_meeting(ada: Browser, memory_store: Store) -> None:
    """By the office's clock; the brief has the next one."""
    assert "Getting started" in (await ada.get("/tasks/task_sales_call")).text
    said = {"outcome": "moved", "starts_at": "2026-11-26T15:30", "minutes": "30"}
    assert (await fill_in(ada, "meeting", **said))[0] == 303
    row: Meeting = await only(memory_store, Meeting)
    assert (row.starts_at.isoformat(), row.minutes, row.sequence) == (
        "2026-11-26T15:30:00+00:00", 30, 1,
    )  # fmt: skip
    said = {"starts_at": "2026-12-01T10:00", "minutes": "60", "title": "Second"}
    assert (await fill_in(ada, "schedule", **said))[0] == 303


async def test_new_alerts_are_seen(ada: Browser, memory_store: Store, clock: FakeClock) -> None:
    """What came up since the task was given stands on its page, and in the list."""
    assert "A complaint is open" not in (await ada.get("/tasks/task_meeting")).text
    case = Case(id="case_9", key="k", customer_id="cus_ada", kind="complaint", opened_at=NOON)
    await kept(memory_store, case)
    assert "A complaint is open" in (await ada.get("/tasks/task_meeting")).text
    assert "A complaint is open" in (await ada.get("/tasks?view=all")).text


async def test_the_manager_is_asked(ada: Browser, memory_store: Store, clock: FakeClock) -> None:
    """The question goes to a task of theirs, and the answer comes back to the first."""
    page = "/tasks/task_sales_call"
    refused = await ada.send_form(f"{page}/ask", page=page, text=" ")
    assert "What do you want to ask?" in refused.text
    answer = await ada.send_form(f"{page}/ask", page=page, text="May I give them ten off?")
    assert answer.headers["location"] == f"{page}?done=asked"
    (other,) = [row for row in await rows(memory_store, Task) if row.brief.get("question")]
    assert (other.role, other.state) == ("sales-manager", "open")
    assert "May I give them ten off?" in (await ada.get(f"/tasks/{other.id}")).text
    empty = await ada.send_form(
        f"/tasks/{other.id}/complete", page=f"/tasks/{other.id}", way="done"
    )
    assert "write your answer as note" in empty.text
    clock.advance(HOUR)
    said = {"way": "done", "note": "Five, not ten"}
    await ada.send_form(f"/tasks/{other.id}/complete", page=f"/tasks/{other.id}", **said)
    first = (await ada.get(page)).text
    assert "Five, not ten" in first
    assert (await the(memory_store, "sales_call")).state == "open"


def test_whom_to_speak_to() -> None:
    """One a line, by what each part looks like, there and back."""
    lines = "Bo Li, Head of Design, bo@example.com, +44 20 7946 0000\n\n, Cy,cy@example.com"
    known = as_contacts(lines)
    assert known == [
        {"name": "Bo Li", "role": "Head of Design", "email": "bo@example.com",
         "phone": "+44 20 7946 0000"},
        {"name": "Cy", "email": "cy@example.com"},
    ]  # fmt: skip
    assert as_contacts(as_lines(known)) == known
