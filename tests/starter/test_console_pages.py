"""The console's rooms: what staff read there, and that what customers wrote stays text."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from activities.crm.store import Store
from activities.crm.tables import Feedback, MessageEvent, Note, PrivacyRequest
from tests.factories import NOON, FakeClock, a_customer, kept
from tests.starter.lives_on_show import a_decision, a_hold, a_life, a_message
from tests.starter.visitors import Browser, an_account, browser, site_over

HOSTILE = "<script>alert(1)</script><img src=//evil.example/x>\"'{{7*7}}{%x%}\u202e"
ROOMS = (
    "/tasks",
    "/cases",
    "/inbox",
    "/outbox",
    "/follow-ups",
    "/templates",
    "/privacy",
    "/feedback",
)
OWN_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@pytest.fixture
async def ada(memory_store: Store, clock: FakeClock) -> AsyncIterator[Browser]:
    """Somebody of ours, logged in."""
    token = await an_account(memory_store, clock)
    async with browser(site_over(memory_store, clock), token=token) as http:
        yield http


# -- the outbox --------------------------------------------------------------------------------


async def test_a_message_is_on_the_list_and_open_to_read(ada: Browser, memory_store: Store) -> None:
    """Its state as a word, its address masked; and on its page everything known of it."""
    await a_life(memory_store, "cus_1", name="Ada Byron")
    page = (await ada.get("/outbox")).text
    assert "Welcome to Our Shop" in page
    assert "a•••@e•••.com" in page
    assert "ada@example.com" not in page
    found = re.search(r'href="(/outbox/msg_\w+)"', page)
    assert found
    one = (await ada.get(found[1])).text
    for words in ("Ada Byron", "sg-1", "sendgrid", "online-customer.cus_1/welcome", "may go"):
        assert words in one
    assert 'title="2026-11-23 12:15:00 UTC">Mon 23 Nov, 12:15<' in one
    assert "Europe/London" in one
    assert "All the best" in one


async def test_the_frame_shows_the_message_and_lets_it_do_nothing(
    ada: Browser, memory_store: Store
) -> None:
    """By day or in the dark, without scripts, links that lead away, or anything from elsewhere."""
    await a_customer(memory_store, id="cus_1")
    message = await a_message(memory_store, "cus_1")
    page = (await ada.get(f"/outbox/{message.id}?look=dark")).text
    assert re.search(r'<iframe sandbox src="/outbox/msg_\w+/html\?look=dark"', page)
    frame = await ada.get(f"/outbox/{message.id}/html?look=dark")
    assert frame.headers["content-security-policy"] == (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    assert frame.headers["x-frame-options"] == "SAMEORIGIN"
    assert "@media all {body" in frame.text
    assert "@media not all {body" in (await ada.get(f"/outbox/{message.id}/html?look=wide")).text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"state": "refused", "reason": "no_consent"}, ("not sent", "the customer never agreed")),
        ({"state": "unknown"}, ("unknown", "aftercare messages settle")),
        ({"state": "reserved", "slot_at": NOON + timedelta(days=1)}, ("waiting", "Tue 24 Nov")),
        ({"state": "later_state"}, ("later state",)),
        ({"channel": "letter"}, ("Letter",)),
        ({"channel": None, "address": None, "provider_id": None, "via": None}, ("none",)),
        (
            {"tried": [{"channel": "email", "address": "b@example.com", "reason": "no_address"}]},
            ("Tried before", "b•••@e•••.com", "there is no address"),
        ),
    ],
)
async def test_what_became_of_a_message_is_said_in_words(
    fields: dict[str, object], says: tuple[str, ...], ada: Browser, memory_store: Store
) -> None:
    """Waiting, not sent, unknown, tried before: never a code, never a colour alone."""
    await a_customer(memory_store, id="cus_1")
    message = await a_message(memory_store, "cus_1", **fields)
    assert (await ada.get("/outbox")).status_code == 200
    page = (await ada.get(f"/outbox/{message.id}")).text
    for words in says:
        assert words in page


async def test_a_message_says_what_is_told_of_it(ada: Browser, memory_store: Store) -> None:
    """Each report with whose it is; and that opening proves nothing, beside those that do not."""
    await a_life(memory_store, "cus_1", name="Ada Byron")
    found = re.search(r'href="/outbox/(msg_\w+)"', (await ada.get("/outbox")).text)
    assert found
    for number, what in enumerate(("delivered", "opened")):
        row = MessageEvent(
            id=f"mev_{number}",
            key=what,
            message_id=found[1],
            customer_id="cus_1",
            what=what,
            at=NOON + timedelta(minutes=number),
            source="sendgrid",
            data={},
            recorded_at=NOON,
        )
        await kept(memory_store, row)
        page = (await ada.get(f"/outbox/{found[1]}")).text
        assert f"{what.capitalize()} <span" in page
        assert ("proves nothing" in page) is (what == "opened")


async def test_an_sms_is_a_bubble_with_its_segments(ada: Browser, memory_store: Store) -> None:
    """As the telephone shows it, and what it costs."""
    await a_customer(memory_store, id="cus_1")
    sms = {"channel": "sms", "body_html": None, "body_text": "Привет " * 20, "subject": None}
    message = await a_message(memory_store, "cus_1", **sms)
    page = (await ada.get(f"/outbox/{message.id}")).text
    assert re.search(r'<p class="bubble" lang="\w+">Привет', page)
    assert "140 characters, 3 segments" in page
    assert "<iframe" not in page
    assert (await ada.get(f"/outbox/{message.id}/html")).status_code == 404


async def test_the_outbox_is_filtered_and_paged(
    ada: Browser, memory_store: Store, clock: FakeClock
) -> None:
    """By state, channel, procedure and customer; every message on one page, none on two."""
    await a_customer(memory_store, id="cus_1", email="one@example.com")
    await a_customer(memory_store, id="cus_2", email="two@example.com")
    mine = [
        await a_message(memory_store, "cus_1", created_at=NOON + timedelta(minutes=n // 3))
        for n in range(120)
    ]
    other = await a_message(memory_store, "cus_2", channel="sms", state="bounced", sop="x")
    for query in ("state=bounced", "channel=sms", "sop=x", "customer=cus_2"):
        page = (await ada.get(f"/outbox?{query}")).text
        assert re.findall(r'href="/outbox/(msg_\w+)"', page) == [other.id]
    seen: list[str] = []
    path: str | None = "/outbox?customer=cus_1&state=sent"
    while path:
        page = (await ada.get(path)).text
        seen += re.findall(r'href="/outbox/(msg_\w+)"', page)
        older = re.search(r'href="([^"]+)" rel="next"', page)
        path = older[1].replace("&amp;", "&") if older else None
    assert sorted(seen) == sorted(one.id for one in mine)
    assert (await ada.get("/outbox?after=nothing")).status_code == 404


@pytest.mark.parametrize("room", ["outbox", "follow-ups"])
async def test_a_customer_is_found_by_an_address_that_stays_out_of_links(
    room: str, ada: Browser, memory_store: Store
) -> None:
    """An e-mail address is sent in a form; the page that it leads to names an id."""
    await a_customer(memory_store, id="cus_1", email="one@example.com")
    for who in ("one@example.com", " One@Example.com ", "cus_1"):
        found = await ada.send_form("/find", page=f"/{room}", who=who, room=room)
        assert found.headers["location"] == f"/{room}?customer=cus_1"
    nobody = await ada.send_form("/find", page=f"/{room}", who="who@example.com", room=room)
    assert (nobody.status_code, "Nobody is known" in nobody.text) == (404, True)
    await a_customer(memory_store, id="cus_2", email="one@example.com", name="Twin")
    both = await ada.send_form("/find", page=f"/{room}", who="one@example.com", room=room)
    assert "2 customers" in both.text
    assert "/customers/cus_2" in both.text
    away = await ada.send_form("/find", page="/outbox", who="", room="//evil.example")
    assert away.headers["location"] == "/tasks"


# -- the follow-ups ----------------------------------------------------------------------------


async def test_a_checklist_with_its_reasons(ada: Browser, memory_store: Store) -> None:
    """Each clause in the document's words: where it stands, why, its messages and tasks."""
    follow_up = await a_life(memory_store, "cus_1", name="Ada Byron")
    await a_decision(memory_store, follow_up, None, "completed")
    await a_hold(memory_store, "cus_1")
    await a_message(memory_store, "cus_1", clause="5.3.3", subject="Other")
    lists = (await ada.get("/follow-ups")).text
    assert "Ada Byron" in lists
    assert "on hold" in lists
    page = (await ada.get(f"/follow-ups/{follow_up}")).text
    text = re.sub(r"\s+([,:)]?)", r" \1", re.sub(r"<[^>]+>", " ", page)).replace(" ,", ",")
    assert "Immediately upon successful purchase/sign-up" in text
    assert "the customer uses the product" in text
    assert "welcome may go" in text
    assert "Why: 1 decision" in text
    assert "Marketing: Make the check-in personal (open, due Tue 24 Nov, 12:00" in text
    assert "On hold since Mon 23 Nov, 12:00 : a complaint is open. “It &lt;b&gt;broke" in text
    assert "About the whole" in text
    assert page.count('<li id="c5.') == 18
    assert re.search(r'href="/outbox/msg_\w+"', page)
    filtered = (await ada.get("/follow-ups?state=completed")).text
    assert "No follow-up fits" in filtered
    assert "Ada Byron" in (await ada.get("/follow-ups?state=on_hold&sop=online-customer")).text


# -- the templates -----------------------------------------------------------------------------


async def test_templates_are_looked_at_as_customers_get_them(ada: Browser) -> None:
    """Each in its languages and channels; the frame is as harmless as a message's."""
    assert "/templates/welcome?channel=sms" in (await ada.get("/templates")).text
    page = (await ada.get("/templates/welcome?language=en&channel=email")).text
    assert "Subject" in page
    assert "<iframe sandbox" in page
    frame = await ada.get("/templates/welcome/html?language=en&channel=email&look=narrow")
    assert frame.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "segment" in (await ada.get("/templates/welcome?channel=sms")).text
    for path in ("/templates/nothing", "/templates/nothing/html", "/templates/welcome?channel=fax"):
        assert 400 <= (await ada.get(path)).status_code < 500


# -- everywhere ----------------------------------------------------------------------------------


async def test_what_customers_wrote_stays_text(ada: Browser, memory_store: Store) -> None:
    """Names, subjects and bodies with markup in them show as they are, and act as nothing."""
    follow_up = await a_life(memory_store, "cus_1", name=HOSTILE, company=HOSTILE)
    message = await a_message(
        memory_store, "cus_1", subject=HOSTILE, body_text=HOSTILE, body_html=None, address=HOSTILE
    )
    await a_decision(memory_store, follow_up, "5.1.1", "held", facts={"topic": HOSTILE})
    for path in ("/outbox", f"/outbox/{message.id}", "/follow-ups", f"/follow-ups/{follow_up}"):
        page = (await ada.get(path)).text
        assert "&lt;script&gt;alert(1)" in page, path
        for active in ("<script", "<img src=//", "49", " style=", "onerror="):
            assert active not in re.sub(r"&#?\w+;|[0-9a-f]{20,}", "", page), (path, active)
    found = await ada.send_form("/find", page="/outbox", who=HOSTILE)
    assert "<script" not in found.text


async def test_every_page_is_sent_with_safe_headers(ada: Browser, memory_store: Store) -> None:
    """No script, nothing from elsewhere, not within another page, kept by no cache."""
    await a_life(memory_store)
    for path in ("/docs/nothing", "/outbox/nothing", *ROOMS):
        answer = await ada.get(path, headers={"Accept": "text/html,*/*"})
        assert answer.headers["content-security-policy"] == OWN_CSP, path
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert '<html lang="en">' in answer.text
        assert 'class="skip" href="#main"' in answer.text


async def test_where_nothing_is_people_get_a_page_and_programs_a_problem(ada: Browser) -> None:
    """The same address, by who asks."""
    person = await ada.get("/nowhere", headers={"Accept": "text/html"})
    assert (person.status_code, "There is nothing here" in person.text) == (404, True)
    program = await ada.get("/v1/nowhere", headers={"Accept": "application/json"})
    assert program.json()["code"] == "not_found"
    for path in ("/outbox/x%00", "/outbox/%F0%9F%92%A9%0A", f"/follow-ups/{'x' * 2000}"):
        assert (await ada.get(path)).status_code == 404


async def test_empty_rooms_say_what_to_do(ada: Browser) -> None:
    """Whoever comes first is told how it begins."""
    assert "aftercare up --demo" in (await ada.get("/outbox")).text
    assert "aftercare up --demo" in (await ada.get("/follow-ups")).text
    assert "Choose less" in (await ada.get("/outbox?state=sent")).text


async def an_opinion(store: Store, customer_id: str) -> None:
    """What a customer thinks, in their words, and what they ask about their data."""
    who: dict[str, Any] = {"key": customer_id, "customer_id": customer_id, "at": NOON}
    note = {"id": f"note_{customer_id}", "direction": "in", "method": "form", "summary": "Lovely"}
    await kept(store, Note(**who | note))
    opinion = {"id": f"fb_{customer_id}", "source": "form", "note_id": note["id"], "overall": 60}
    await kept(store, Feedback(**who | opinion))
    asked = {"kind": "access", "state": "open", "received_at": NOON, "due_at": NOON}
    await kept(store, PrivacyRequest(id=f"prv_{customer_id}", customer_id=customer_id, **asked))


async def test_long_lists_take_no_more_queries(ada: Browser, memory_store: Store) -> None:
    """As many for fifty rows as for one: lists stay quick whatever they hold."""
    asked: list[str] = []
    engine = memory_store.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *said: asked.append(said[2]))

    async def queries(path: str) -> int:
        asked.clear()
        assert (await ada.get(path)).status_code == 200
        return len(asked)

    await a_life(memory_store, "cus_0")
    await an_opinion(memory_store, "cus_0")
    few = {path: await queries(path) for path in ROOMS}
    for number in range(1, 30):
        await a_life(memory_store, f"cus_{number}")
        await a_message(memory_store, f"cus_{number}")
        await an_opinion(memory_store, f"cus_{number}")
    assert {path: await queries(path) for path in ROOMS} == few
    await queries("/outbox")
    assert not [query for query in asked if "body_html" in query]
