"""What is printed at every door: letters, call sheets, and what went with a message."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.crm.keys import Scope
from activities.crm.migrate import upgrade
from activities.crm.store import Store
from activities.crm.tables import Customer, Message, Task
from activities.rendering import Drafted
from starter import printing
from starter.answers import Refusal
from starter.cli import run
from starter.reports import Reports
from tests.factories import NOON, FakeClock, a_customer, an_order
from tests.starter.doors import FakeDesk, furnished, is_problem, knocking
from tests.starter.lives_on_show import a_message
from tests.starter.visitors import Browser, an_account, browser, site_over
from tests.starter.work_on_show import a_case, a_draft, a_note, a_task
from workflows.vocabulary import Form

ICS = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
INVITE = {"name": "invite.ics", "type": "text/calendar; method=REQUEST", "text": ICS}
ADDRESS = {"line1": "Hauptstraße 1", "city": "Wien", "postal_code": "1010", "country": "AT"}
PAGE = (
    '<html><head><title>t</title><style>p{}</style></head><body><p class="brand">Our Shop</p>'
    "<h1>Thank you</h1><p>Dear <strong>Ada</strong>,<br>good day.</p><ul><li>one</li></ul>"
    '<div class="foot"><p>Our Shop, 1 High Street, London, United Kingdom</p><p>Why.</p></div>'
    "</body></html>"
)


@pytest.fixture
def reports(memory_store: Store, clock: FakeClock) -> Reports:
    return Reports(memory_store, clock)


async def a_letter(store: Store, customer: Customer, **fields: Any) -> Message:
    known = {"channel": "letter", "body_html": PAGE, "body_text": "Dear Ada", "locale": "en"}
    known |= {"subject": "Thank you", "address": "Hauptstraße 1, Wien, 1010, AT"}
    return await a_message(store, customer.id, **known | fields)


async def whom(store: Store, **fields: Any) -> Customer:
    return await a_customer(store, **{"name": "Ada Lovelace", "address": ADDRESS} | fields)


# -- letters -----------------------------------------------------------------------------------


async def test_a_letter_is_printed_as_it_was_written(reports: Reports) -> None:
    """The same bytes whenever it is asked for."""
    row = await a_letter(reports.store, await whom(reports.store))
    first = await printing.letter_of_message(reports, row.id)
    assert first is not None
    assert first.startswith(b"%PDF-")
    assert first == await printing.letter_of_message(reports, row.id)
    assert await printing.letter_of_message(reports, "msg_none") is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"channel": "email"}, "not_a_letter"),
        ({"body_html": None}, "not_written"),
        ({"body_html": PAGE.replace("Ada", "山田太郎")}, "unprintable"),
    ],
)
async def test_what_cannot_be_printed_says_why(
    reports: Reports, fields: dict[str, Any], code: str
) -> None:
    """Never boxes in silence."""
    row = await a_letter(reports.store, await whom(reports.store), **fields)
    with pytest.raises(Refusal) as caught:
        await printing.letter_of_message(reports, row.id)
    assert (caught.value.code, caught.value.status) == (code, 409)
    if code == "unprintable":
        assert "山 田 太 郎" in caught.value.detail
        assert "browser" in caught.value.detail


async def test_an_address_that_no_window_shows_is_not_cut(reports: Reports) -> None:
    """Half an address reaches nobody."""
    long = ADDRESS | {"line1": "x " * 100, "line2": "y" * 200}
    row = await a_letter(reports.store, await whom(reports.store, address=long), address=None)
    with pytest.raises(Refusal) as caught:
        await printing.letter_of_message(reports, row.id)
    assert caught.value.code == "unprintable"
    assert "window" in caught.value.detail


async def a_letter_task(store: Store, customer: Customer, **fields: Any) -> Task:
    known: dict[str, Any] = {"template": "thank-you-note", "brief": {"channel": "letter"}}
    task = await a_task(store, customer.id, **known | fields)
    await a_draft(store, task, "Thank you, Ada", "Dear Ada,\n\nfirst words\n\n---\n\nEve")
    return task


async def test_a_tasks_letter_is_its_draft_until_it_is_posted(reports: Reports) -> None:
    """Then it is what was posted; or, for who is just writing it, what they write."""
    customer = await whom(reports.store)
    draft = await a_letter_task(reports.store, customer)
    posted = {"text": "Dear Ada,\n\nother words", "address_checked": True}
    done = await a_letter_task(reports.store, customer, state="done", outcome=posted, done_at=NOON)
    given = Drafted("Thank you, Ada", "Dear Ada,\n\nother words")
    papers = [
        await printing.letter_of_task(reports, draft.id),
        await printing.letter_of_task(reports, done.id),
        await printing.letter_of_task(reports, draft.id, given),
    ]
    assert papers[0] != papers[1] == papers[2]
    assert await printing.letter_of_task(reports, "task_none") is None


async def test_no_letter_is_as_long_as_a_book(reports: Reports) -> None:
    """Setting one would keep the machine busy for everybody else."""
    ada = await whom(reports.store)
    post = await a_task(reports.store, ada.id, brief={"channel": "letter"})
    with pytest.raises(Refusal) as refused:
        await printing.letter_of_task(reports, post.id, Drafted("Thanks", "- a\n" * 5_001))
    assert (refused.value.code, refused.value.param, refused.value.status) == (
        "invalid", "text", 422,
    )  # fmt: skip


async def test_a_task_of_the_letter_channel_prints_its_message(reports: Reports) -> None:
    """Whose words it carries."""
    customer = await whom(reports.store)
    row = await a_letter(reports.store, customer)
    brief = {"channel": "letter", "message": row.key, "to": row.address}
    task = await a_task(reports.store, customer.id, brief=brief)
    assert await printing.letter_of_task(reports, task.id) == await printing.letter_of_message(
        reports, row.id
    )
    other = await a_task(reports.store, customer.id)
    with pytest.raises(Refusal, match="not_a_letter"):
        await printing.letter_of_task(reports, other.id)


async def test_it_goes_where_it_was_addressed_to(reports: Reports) -> None:
    """A customer who moved since does not change the letter of before."""
    customer = await whom(reports.store)
    row = await a_letter(reports.store, customer)
    before = await printing.letter_of_message(reports, row.id)
    async with reports.store.transaction() as session:
        (await session.get_one(Customer, customer.id)).address = {"line1": "Elsewhere 2"}
    after = await printing.letter_of_message(reports, row.id)
    assert after != before
    assert after is not None


# -- sheets ------------------------------------------------------------------------------------

BRIEF = {
    "purchases": [{"order": "1042", "items": ["Kettle", None], "total": "49.00 GBP"}],
    "feedback": [{"at": NOON.isoformat(), "method": "email", "text": "It drips. " * 90}],
    "alerts": [{"kind": "complaint", "since": NOON.isoformat(), "severity": "high"}],
}


@pytest.mark.parametrize("form", [Form.CALL, Form.ARRIVAL, Form.FREE])
async def test_a_sheet_has_what_a_call_needs(reports: Reports, form: Form) -> None:
    """Whatever is asked in it, and however little is known."""
    customer = await whom(reports.store, phone="+436601234567", time_zone="Asia/Tokyo")
    task = await a_task(reports.store, customer.id, form=form.value, brief=BRIEF)
    await a_draft(reports.store, task, "Call", "Hello,\n\n- how **is** it?")
    bare = await a_task(reports.store, None, form=form.value)
    for one in (task, bare):
        content = await printing.sheet_of_task(reports, one.id)
        assert content is not None
        assert content.startswith(b"%PDF-")
    assert await printing.sheet_of_task(reports, "task_none") is None


async def test_the_words_of_a_sheet(reports: Reports) -> None:
    """Whom, their number, their hours by both clocks, and every question of the form."""
    customer = await whom(reports.store, phone="+436601234567", time_zone="America/New_York")
    await a_case(reports.store, customer.id)
    await an_order(reports.store, customer.id, items=[{"name": "Kettle"}], reference="1042")
    await a_note(reports.store, customer.id, "It drips. " * 90, at=NOON + timedelta(hours=1))
    task = await a_task(reports.store, customer.id, form=Form.CALL.value)
    made = await printing.callsheet.of_task(reports, task.id)
    assert made is not None
    facts = dict(made.facts)
    assert facts["Whom"] == "Ada Lovelace, called Ada"
    assert facts["Number"] == "+43 660 1234567"
    assert facts["When"] == "09:00 to 20:00 their time, 14:00 to 01:00 ours"
    assert re.fullmatch(r".*omplaint.*, high, since \d\d Nov", made.alerts[0])
    assert made.bought[0][0] == "Kettle"
    assert made.told[0][1].endswith("…")
    asked = [one.label for one in made.questions]
    assert asked[0] == "Reached?"
    assert asked[-1] == "Note"
    assert made.questions[0].ticks == ("yes", "no", "voicemail")


async def test_a_sheet_says_which_letters_it_lacks(reports: Reports) -> None:
    """Whoever calls has the screen beside; the page does not pretend."""
    customer = await whom(reports.store, name="山田太郎 (Yamada)")
    task = await a_task(reports.store, customer.id, form=Form.CALL.value)
    assert await printing.sheet_of_task(reports, task.id) is not None


# -- the doors ---------------------------------------------------------------------------------


@pytest.fixture
async def desk(memory_store: Store, clock: FakeClock) -> FakeDesk:
    return await furnished(memory_store, clock)


async def test_the_api_hands_out_what_may_be_read(desk: FakeDesk) -> None:
    """As PDF that nobody keeps, under a name that says nothing of anybody."""
    customer = await whom(desk.store)
    letter = await a_letter(desk.store, customer, attachments=[INVITE])
    task = await a_letter_task(desk.store, customer)
    paths = [
        f"/v1/messages/{letter.id}/letter.pdf",
        f"/v1/tasks/{task.id}/letter.pdf",
        f"/v1/tasks/{task.id}/sheet.pdf",
    ]
    async with knocking(desk, Scope.READ) as http:
        for path in paths:
            answer = await http.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/pdf"
            assert answer.headers["cache-control"] == "no-store"
            named = answer.headers["content-disposition"]
            assert re.fullmatch(r'inline; filename="(letter|sheet)-(msg|task)_\w+\.pdf"', named)
            assert answer.content.startswith(b"%PDF-")
        seen = (await http.get(f"/v1/messages/{letter.id}")).json()
        file = {"name": "invite.ics", "type": INVITE["type"], "size": len(ICS)}
        assert seen["attachments"] == [file]
        answer = await http.get(f"/v1/messages/{letter.id}/attachments/invite.ics")
        assert answer.content == ICS.encode()
        assert answer.headers["content-type"].startswith("text/calendar; method=REQUEST")
        assert answer.headers["content-disposition"] == 'attachment; filename="invite.ics"'
        for path in (
            "/v1/messages/msg_none/letter.pdf",
            "/v1/tasks/task_none/sheet.pdf",
            "/v1/tasks/task_none/letter.pdf",
            f"/v1/messages/{letter.id}/attachments/other.ics",
            f"/v1/messages/{letter.id}/attachments/..%2f..%2fetc%2fpasswd",
        ):
            is_problem(await http.get(path), 404, "not_found")
        mail = await a_letter(desk.store, customer, channel="email", id="msg_mail", key="mail")
        is_problem(await http.get(f"/v1/messages/{mail.id}/letter.pdf"), 409, "not_a_letter")
    async with knocking(desk, Scope.WRITE) as http:
        for path in paths:
            is_problem(await http.get(path), 403, "forbidden")


@pytest.mark.parametrize("name", ['x"\r\nX-Evil: 1', "../../etc/passwd", "ä.ics", ""])
def test_a_name_stays_within_its_header(name: str) -> None:
    """What is no plain name is called by what it is."""
    headers = printing.headers(printing.File(name, "text/calendar", b""))
    assert headers["Content-Disposition"] == 'attachment; filename="attachment"'


# -- the terminal ------------------------------------------------------------------------------


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A directory with a letter in it, an e-mail with an invitation, and a call to make."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'data' / 'aftercare.db'}"
    monkeypatch.setenv("AFTERCARE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()

    async def fill() -> dict[str, str]:
        await upgrade(url)
        store = Store(url)
        customer = await whom(store)
        letter = await a_letter(store, customer)
        mail = await a_message(store, customer.id, attachments=[INVITE])
        call = await a_task(store, customer.id, form=Form.CALL.value)
        post = await a_letter_task(store, customer)
        await store.close()
        return {"letter": letter.id, "mail": mail.id, "call": call.id, "post": post.id}

    return asyncio.run(fill())


def test_files_are_written_for_the_terminal(
    there: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under names that say nothing of anybody, or where it is told."""
    assert run(["messages", "print", there["letter"]]) == 0
    assert (tmp_path / f"letter-{there['letter']}.pdf").read_bytes().startswith(b"%PDF-")
    assert run(["tasks", "print", there["post"], "--out", "post.pdf"]) == 0
    assert (tmp_path / "post.pdf").read_bytes().startswith(b"%PDF-")
    assert run(["tasks", "print", there["call"]]) == 0
    assert (tmp_path / f"sheet-{there['call']}.pdf").exists()
    capsys.readouterr()
    assert run(["messages", "show", there["mail"]]) == 0
    assert f"messages attachment {there['mail']} invite.ics" in capsys.readouterr().err
    assert run(["messages", "attachment", there["mail"], "invite.ics"]) == 0
    assert (tmp_path / "invite.ics").read_bytes() == ICS.encode()


def test_what_is_not_there_is_said(
    there: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And what to look at instead."""
    for words, said in (
        (["messages", "print", "msg_none"], "there is no message"),
        (["messages", "print", there["mail"]], "goes by post"),
        (["messages", "attachment", there["mail"], "x"], "nothing of this name"),
        (["tasks", "print", "task_none"], "there is no task"),
        (["messages", "print", there["letter"], "--out", "no/where.pdf"], "cannot write"),
    ):
        assert run(words) == 1
        assert said in capsys.readouterr().err


# -- the console -------------------------------------------------------------------------------


@pytest.fixture
async def ada(memory_store: Store, clock: FakeClock) -> AsyncIterator[Browser]:
    """Somebody of ours, logged in."""
    token = await an_account(memory_store, clock)
    async with browser(site_over(memory_store, clock), token=token) as http:
        yield http


async def test_the_console_prints(ada: Browser, memory_store: Store) -> None:
    """A letter as it stands in the form, before anything of it is kept; a sheet for a call."""
    customer = await whom(memory_store)
    post = await a_letter_task(memory_store, customer)
    call = await a_task(memory_store, customer.id, form=Form.CALL.value)
    page = (await ada.get(f"/tasks/{post.id}")).text
    assert f'formaction="/tasks/{post.id}/letter.pdf"' in page
    assert f'href="/tasks/{call.id}/sheet.pdf"' in (await ada.get(f"/tasks/{call.id}")).text
    kept = await ada.get(f"/tasks/{post.id}/letter.pdf")
    here = f"/tasks/{post.id}"
    written = await ada.send_form(
        f"{here}/letter.pdf", page=here, subject="Thanks", text="Other words", address_checked=""
    )
    sheet = await ada.get(f"/tasks/{call.id}/sheet.pdf")
    for answer in (kept, written, sheet):
        assert answer.status_code == 200
        assert answer.content.startswith(b"%PDF-")
        assert answer.headers["cache-control"] == "no-store"
    assert kept.content != written.content
    draft = (await ada.get(f"/tasks/{post.id}/letter.pdf")).content
    assert draft == kept.content


async def test_the_console_shows_what_went_along(ada: Browser, memory_store: Store) -> None:
    """To be opened, byte for byte; and a button where there is a letter."""
    customer = await whom(memory_store)
    mail = await a_message(memory_store, customer.id, attachments=[INVITE])
    page = (await ada.get(f"/outbox/{mail.id}")).text
    assert f'href="/outbox/{mail.id}/attachments/invite.ics"' in page
    assert "letter.pdf" not in page
    assert (await ada.get(f"/outbox/{mail.id}/attachments/invite.ics")).content == ICS.encode()
    letter = await a_letter(memory_store, customer)
    assert f"/outbox/{letter.id}/letter.pdf" in (await ada.get(f"/outbox/{letter.id}")).text
    assert (await ada.get(f"/outbox/{letter.id}/letter.pdf")).content.startswith(b"%PDF-")
    assert (await ada.get("/outbox/msg_none/letter.pdf")).status_code == 404


async def test_nobody_prints_without_a_login(memory_store: Store, clock: FakeClock) -> None:
    """Neither a letter, nor a sheet, nor what went along."""
    customer = await whom(memory_store)
    letter = await a_letter(memory_store, customer, attachments=[INVITE])
    task = await a_letter_task(memory_store, customer)
    async with browser(site_over(memory_store, clock)) as http:
        for path in (
            f"/outbox/{letter.id}/letter.pdf",
            f"/outbox/{letter.id}/attachments/invite.ics",
            f"/tasks/{task.id}/letter.pdf",
            f"/tasks/{task.id}/sheet.pdf",
        ):
            answer = await http.get(path, follow_redirects=False)
            assert answer.status_code == 303
            assert b"%PDF" not in answer.content
