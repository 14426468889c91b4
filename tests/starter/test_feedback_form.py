"""`/f/{token}`: what a message asks is asked again on its page, and each answer counts once."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from sqlalchemy.exc import OperationalError

from activities.crm.store import Store
from activities.crm.tables import Case, Feedback, Hold, Inbox, Message, PolicyVersion
from activities.rendering import tokens
from starter.desk import Desk
from starter.inbound.feedback import MOST
from starter.inbound.questions import FACES, LONGEST
from starter.web import create_site
from tests.factories import NOON, FakeClock, a_customer, kept
from tests.starter.doors import client
from tests.starter.front import FakeTemporal, a_desk, rows
from tests.starter.lives_on_show import a_message

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
SECRET = "s" * 32
FORM = "application/x-www-form-urlencoded"
HOSTILE = "<script>alert(1)</script>\"'{{7*7}}{x}\u202e\u2028"


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(store, clock, temporal, secret_key=SECRET, public_url="https://shop.test")


@pytest.fixture
def quick(memory_store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """A desk for what is not about the database."""
    return a_desk(memory_store, clock, temporal, secret_key=SECRET)


def knock(desk: Desk) -> httpx2.AsyncClient:
    return client(create_site(desk))


def link(message: Message) -> str:
    return f"/f/{tokens.make_short(SECRET, 'feedback', message.id)}"


async def asked(desk: Desk, template: str = "check-in", case: str = "", **who: Any) -> str:
    """The link in a message that went to a customer."""
    await a_customer(desk.store, id="cus_1", **who)
    about = {"follow_up": f"case.{case}", "sop": "case"} if case else {}
    message = await a_message(
        desk.store, "cus_1", key=f"{case}{template}", template=template, locale=None, **about
    )
    return link(message)


async def said(desk: Desk) -> list[dict[str, Any]]:
    """What came in, as events."""
    return [json.loads(row.raw) for row in await rows(desk.store, Inbox)]


def is_safe(answer: httpx2.Response) -> None:
    """No cookie, no index, no referrer, no cache, nothing inline, and no other host."""
    head = answer.headers
    assert head["cache-control"] == "no-store"
    assert head["referrer-policy"] == "no-referrer"
    assert "noindex" in head["x-robots-tag"]
    assert head["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert "set-cookie" not in head
    assert head["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script|<style|style=|onclick|(?:src|action)=.https?:", answer.text)


# -- what is asked -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "case", "fields", "title"),
    [
        ("check-in", "", {"product", "overall", "category", "text"}, "What do you think?"),
        ("order-experience", "", {"overall", "category", "text"}, "How was ordering from us?"),
        ("onboarding-survey", "", {"product", "overall", "category", "text"}, "getting started"),
        ("complaint-resolved", "case_1", {"satisfied", "text"}, "Did we put it right?"),
        ("complaint-resolved-reminder", "case_1", {"satisfied", "text"}, "Did we put it right?"),
        ("case-progress", "case_1", {"overall", "text"}, "How are we doing?"),
    ],
)
async def test_a_page_asks_what_its_message_asked(
    quick: Desk, template: str, case: str, fields: set[str], title: str
) -> None:
    """An order that may not have come is asked nothing of the product, a case only its own."""
    path = await asked(quick, template, case)
    async with knock(quick) as http:
        answer = await http.get(path)
    is_safe(answer)
    assert answer.status_code == 200
    assert title in answer.text
    assert set(re.findall(r' name="(\w+)"', answer.text)) - {"viewport", "robots"} == fields
    if template == "order-experience":
        assert 'value="product"' not in answer.text


async def test_what_it_may_be_about_the_house_decides(quick: Desk) -> None:
    """In our words where we have some, in their language; a type of the house's own by its name."""
    path = await asked(quick, locale="de")
    async with knock(quick) as http:
        assert "wie alles ablief" in (await http.get(path)).text
        body = {"taxonomy": {"types": ["delivery", "set-up"]}}
        house = PolicyVersion(id="pol_1", name="house", version=1, body=body, by="bea",
                              reason="r", at=NOON, approved_by="cyd")  # fmt: skip
        await kept(quick.store, house)
        page = (await http.get(path)).text
        assert re.findall(r'<option value="([\w-]+)"[^>]*>([^<]+)<', page) == [
            ("delivery", "die Lieferung"), ("set-up", "Set up"),
        ]  # fmt: skip
        gone = await http.post(path, data={"text": "Ja", "category": "product"})
        assert gone.status_code == 400
        await http.post(path, data={"text": "Ja", "category": "set-up"})
    (row,) = await rows(quick.store, Feedback)
    assert (row.type, row.category, row.classified_at) == ("set-up", "set-up", None)


async def test_opening_the_link_changes_nothing(quick: Desk) -> None:
    """However often a scanner follows it, with whatever is in the address; HEAD as well."""
    path = await asked(quick)
    async with knock(quick) as http:
        for _ in range(200):
            assert (await http.get(f"{path}?overall=0&text=bad")).status_code == 200
        assert (await http.head(path)).status_code == 200
    assert await rows(quick.store, Inbox) == []


@pytest.mark.parametrize(
    ("locale", "accepted", "spoken"), [("de-AT", "en", "de"), ("fr", "de;q=0.9, en;q=0.1", "de")]
)
async def test_it_speaks_their_language(
    quick: Desk, locale: str, accepted: str, spoken: str
) -> None:
    """The customer's own, else the browser's; the form and its thanks alike."""
    path = await asked(quick, locale=locale)
    async with knock(quick) as http:
        answer = await http.get(path, headers={"Accept-Language": accepted})
        thanks = await http.post(
            path, data={"overall": "50"}, headers={"Accept-Language": accepted}
        )
    assert answer.headers["content-language"] == thanks.headers["content-language"] == spoken
    assert "Was meinen Sie?" in answer.text
    assert "Danke, dass Sie es uns sagen" in thanks.text


async def test_it_goes_on_in_the_language_of_its_message(quick: Desk) -> None:
    """Whatever their record says by now."""
    await a_customer(quick.store, id="cus_1", locale="en")
    message = await a_message(quick.store, "cus_1", template="check-in", locale="de")
    async with knock(quick) as http:
        assert "Was meinen Sie?" in (await http.get(link(message))).text


# -- what is answered --------------------------------------------------------------------


@pytest.mark.plays("online-customer", "records.8")
async def test_an_answer_is_an_event_and_is_thanked_for(desk: Desk) -> None:
    """Scores of a hundred, words as they were written, and which message it answers."""
    path = await asked(desk)
    form = {"product": "25", "overall": "100", "category": "delivery", "text": "Late,\r\nbut good"}
    async with knock(desk) as http:
        answer = await http.post(path, data=form)
    is_safe(answer)
    assert answer.status_code == 200
    assert "decide what to improve first" in answer.text
    assert "mailto:support@example.com" in answer.text
    assert 'href="https://example.com/support"' in answer.text
    assert f'href="{path}"' in answer.text
    (event,) = await said(desk)
    (message,) = await rows(desk.store, Message)
    assert event["type"] == "feedback.received"
    assert event["customer"] == {"id": "cus_1"}
    assert event["data"] == {
        "channel": "form",
        "source": "form",
        "message": message.id,
        "product": 25,
        "overall": 100,
        "category": "delivery",
        "text": "Late,\nbut good",
    }
    assert "Late" not in event["id"]
    (row,) = await rows(desk.store, Inbox)
    assert (row.source, row.state, row.customer_id) == ("form", "done", "cus_1")


@pytest.mark.parametrize(
    ("choice", "word", "thanks"),
    [("yes", True, "closed"), ("no", False, "a person looks at it again")],
)
async def test_a_case_is_told_whether_they_are_satisfied(
    quick: Desk, choice: str, word: bool, thanks: str
) -> None:
    """Their word, with the case that it is about."""
    path = await asked(quick, "complaint-resolved", "case_1")
    async with knock(quick) as http:
        answer = await http.post(path, data={"satisfied": choice, "text": ""})
    assert thanks in answer.text
    (event,) = await said(quick)
    assert event["data"]["satisfied"] is word
    assert event["data"]["case_id"] == "case_1"
    assert "text" not in event["data"]


async def test_what_was_not_asked_is_not_answered(quick: Desk) -> None:
    """A page of the order's takes no score for the product, whoever writes one into it."""
    path = await asked(quick, "order-experience")
    async with knock(quick) as http:
        sent = {"product": "0", "overall": "75", "satisfied": "no", "case_id": "case_9"}
        assert (await http.post(path, data=sent)).status_code == 200
    (event,) = await said(quick)
    assert {"product", "satisfied", "case_id"} & set(event["data"]) == set()


async def test_the_same_answer_is_once_and_another_one_is_another(
    desk: Desk, clock: FakeClock
) -> None:
    """Sent twice it counts once; changed, and changed back, it counts each time."""
    path = await asked(desk)
    async with knock(desk) as http:
        for score in ("100", "100", "0", "0", "100", "100"):
            assert (await http.post(path, data={"overall": score})).status_code == 200
            clock.advance(minutes=1)
    assert [event["data"]["overall"] for event in await said(desk)] == [100, 0, 100]


async def test_many_clicks_at_the_same_moment_are_one(desk: Desk) -> None:
    """Each is thanked, and one is kept."""
    path = await asked(desk)
    async with knock(desk) as http:
        clicks = [http.post(path, data={"overall": "75", "text": "ok"}) for _ in range(8)]
        assert {answer.status_code for answer in await asyncio.gather(*clicks)} == {200}
    assert len(await said(desk)) == 1


async def test_no_script_fills_the_house(quick: Desk) -> None:
    """After so many different answers to one message the link takes no more."""
    path = await asked(quick)
    async with knock(quick) as http:
        for number in range(MOST):
            assert (await http.post(path, data={"text": f"{number}"})).status_code == 200
        answer = await http.post(path, data={"text": "more"})
        assert (await http.post(path, data={"text": f"{MOST - 1}"})).status_code == 200
    is_safe(answer)
    assert (answer.status_code, "We have your answers" in answer.text) == (429, True)
    assert len(await said(quick)) == MOST


# -- what is refused loses nothing ---------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "form", "fault"),
    [
        ("", {"text": "  "}, "Choose a face"),
        ("", {"category": "billing"}, "Choose a face"),
        ("", {"overall": "0", "text": "x" * (LONGEST + 1)}, f"longer than {LONGEST} characters"),
        ("case_1", {"text": "It broke again"}, "Tell us yes or no"),
    ],
)
async def test_an_answer_that_lacks_something_is_asked_for_it(
    quick: Desk, case: str, form: dict[str, str], fault: str
) -> None:
    """Beside the field; what was filled in stays."""
    path = await asked(quick, "complaint-resolved" if case else "check-in", case)
    async with knock(quick) as http:
        answer = await http.post(path, data=form)
    is_safe(answer)
    assert answer.status_code == 422
    assert fault in answer.text
    assert 'role="alert"' in answer.text
    assert f"\n{form.get('text', '').strip()}</textarea>" in answer.text
    if "overall" in form:
        assert 'name="overall" value="0" checked' in answer.text
    if "category" in form:
        assert '<option value="billing" selected>' in answer.text
    assert await said(quick) == []


async def test_what_cannot_be_kept_is_not_thanked_for(
    quick: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the database away: their words are still on the page."""
    path = await asked(quick)

    async def away(*_: Any) -> None:
        raise OperationalError("away", {}, Exception())

    monkeypatch.setattr(quick, "receive", away)
    async with knock(quick) as http:
        answer = await http.post(path, data={"overall": "75", "text": "Long words"})
    is_safe(answer)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "It is still here" in answer.text
    assert "\nLong words</textarea>" in answer.text
    assert 'value="75" checked' in answer.text


async def test_with_temporal_away_it_is_kept_all_the_same(
    desk: Desk, temporal: FakeTemporal
) -> None:
    """Thanked for, and told when it is back."""
    path = await asked(desk)
    temporal.up = False
    async with knock(desk) as http:
        assert (await http.post(path, data={"overall": "75"})).status_code == 200
    assert len(await said(desk)) == 1


# -- links that are not ours, or no longer ---------------------------------------------------


@pytest.mark.parametrize("row", [True, False])
async def test_somebody_erased_is_asked_nothing(quick: Desk, row: bool) -> None:
    """With or without the rows that are left."""
    if row:
        path = await asked(quick, erased_at=NOON)
    else:
        path = f"/f/{tokens.make_short(SECRET, 'feedback', 'msg_' + '0' * 20)}"
    async with knock(quick) as http:
        for answer in (await http.get(path), await http.post(path, data={"overall": "0"})):
            is_safe(answer)
            assert (answer.status_code, "This question is closed" in answer.text) == (410, True)
            assert "support@example.com" in answer.text
    assert await said(quick) == []


@pytest.mark.parametrize("mangled", ["{}.", "{})", " {} ", "{}%0D%0A", "{}>"])
async def test_what_programs_add_to_a_link_does_no_harm(quick: Desk, mangled: str) -> None:
    """A full stop after it, a line break, other capitals: it is still the link."""
    path = await asked(quick)
    token = path.removeprefix("/f/")
    async with knock(quick) as http:
        for address in (mangled.format(token), mangled.format(token.upper())):
            assert (await http.get(f"/f/{quote(address, safe='%')}")).status_code == 200, address


def forgeries(ours: str) -> Iterator[str]:
    """Tokens cut short, changed in a letter, for another purpose, of another house, and made up."""
    chance, letters = random.Random(7), "abcdefghijklmnopqrstuvwxyz234567-_.=%/ "
    number = f"msg_{ours[:20]}"
    yield from (ours[:end] for end in range(len(ours)))
    yield from (
        tokens.make_short(SECRET, "reply", number),
        tokens.make_short("x", "feedback", number),
    )
    yield tokens.make(SECRET, "unsubscribe", "cus_1")
    while True:
        place = chance.randrange(len(ours))
        yield ours[:place] + chance.choice(letters) + ours[place + 1 :]
        yield ours[:20] + "".join(chance.choices(letters[:32], k=16))
        yield "".join(chance.choices(letters, k=chance.randrange(60)))


async def test_no_forged_token_is_accepted(quick: Desk) -> None:
    """3,000 of them (more in the large dose), every fiftieth knocked with."""
    ours = (await asked(quick)).removeprefix("/f/")
    made = forgeries(ours)
    async with knock(quick) as http:
        for number in range(3_000 * DOSE):
            forged = next(made)
            if forged.lower() == ours:
                continue
            assert tokens.read_short(SECRET, "feedback", forged) is None
            if number % 50 == 0 or number < len(ours):
                answer = await http.post(f"/f/{quote(forged, safe='%')}", data={"overall": "0"})
                assert answer.status_code == 404, forged
                assert "does not work any more" in answer.text
    assert await said(quick) == []


@pytest.mark.parametrize(
    "address",
    ["/f", "/f/", "/f/a/b/c", "/f/%00", "/f/a%0D%0A.b", "/f/%ff%fe.x", "/f/..%2f..", "/f/é.ü"],
)
async def test_whatever_the_address_there_is_a_page(quick: Desk, address: str) -> None:
    """404, where to write to, and nothing of what was asked for."""
    async with knock(quick) as http:
        answer = await http.get(address, headers={"Accept-Language": "de-CH"})
    is_safe(answer)
    assert answer.status_code == 404
    assert "Dieser Link funktioniert nicht mehr" in answer.text


# -- hostile input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": {"overall": "50.5"}}, 400),
        ({"data": {"overall": "101"}}, 400),
        ({"data": {"overall": "nan"}}, 400),
        ({"data": {"overall": ["0", "100"]}}, 400),
        ({"data": {"category": "<b>"}}, 400),
        ({"content": b""}, 422),
        ({"content": b"\xff\xfe\x00"}, 400),
        ({"content": b'{"overall": 0}', "headers": {"Content-Type": "application/json"}}, 422),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ({"files": {"text": ("all.txt", b"all")}}, 400),
        ({"content": b"a=b&" * 1000, "headers": {"Content-Type": FORM}}, 400),
        ({"content": b"text=" + b"x" * 10_000_000}, 413),
        ({"content": b"overall=0", "headers": {"Content-Length": "9" * 30}}, 413),
    ],
)
async def test_what_cannot_be_read_is_not_kept(
    quick: Desk, sent: dict[str, Any], status: int
) -> None:
    """A page that says so, and never an error of ours."""
    path = await asked(quick)
    async with knock(quick) as http:
        answer = await http.post(path, **sent)
    is_safe(answer)
    assert answer.status_code == status
    assert await said(quick) == []


async def test_what_they_wrote_stays_text(quick: Desk) -> None:
    """Markup is words; what no keyboard types is left out; so is the house's own markup."""
    body = {"company": {"name": "<script>{x}{{7*7}}", "support_email": '"><b>@example.com'}}
    await kept(
        quick.store,
        PolicyVersion(id="pol", name="house", version=1, body=body, at=NOON, approved_by="me"),
    )
    path = await asked(quick, "complaint-resolved", "case_1", name=HOSTILE)
    async with knock(quick) as http:
        refused = await http.post(path, data={"text": HOSTILE + "\0\x1b[31m"})
        kept_ = await http.post(path, data={"text": HOSTILE + "\0\x1b[31m", "satisfied": "no"})
    for answer in (refused, kept_):
        is_safe(answer)
        assert "<b>" not in answer.text
    assert "&lt;script&gt;alert(1)" in refused.text
    assert kept_.status_code == 200
    (event,) = await said(quick)
    assert event["data"]["text"] == HOSTILE + "[31m"


@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=b", "text/plain", ""])
async def test_random_bodies_meet_a_page(quick: Desk, kind: str) -> None:
    """Bytes at random, and what looks like a form: never an error of ours."""
    path = await asked(quick)
    chance = random.Random(316)
    parts = [b"overall", b"=", b"&", b"0", b"text", b"--b", b"\r\n", b"\0", b"\xff", b"%", b"no"]
    parts += [b'Content-Disposition: form-data; name="text"', b"\r\n\r\n", b"--b--", b"category"]
    async with knock(quick) as http:
        for _ in range(40 * DOSE):
            body = b"".join(chance.choices(parts, k=chance.randrange(30)))
            answer = await http.post(path, content=body, headers={"Content-Type": kind})
            assert answer.status_code in (200, 400, 422, 429), body
            is_safe(answer)


def test_the_faces_are_what_is_kept() -> None:
    """From nothing to a hundred, evenly."""
    assert FACES == ("0", "25", "50", "75", "100")


# -- what comes of it ------------------------------------------------------------------------


async def test_what_is_bad_becomes_a_complaint_and_what_is_good_none(desk: Desk) -> None:
    """Whoever chose the saddest face is looked after: a case, and nothing is sold to them."""
    path = await asked(desk)
    async with knock(desk) as http:
        await http.post(path, data={"overall": "100"})
        assert await rows(desk.store, Case) == []
        await http.post(path, data={"overall": "0", "text": "It broke", "category": "product"})
    (case,) = await rows(desk.store, Case)
    assert (case.kind, case.type, case.customer_id) == ("complaint", "dissatisfaction", "cus_1")
    assert [hold.id for hold in await rows(desk.store, Hold)] == [case.id]
    answers = sorted(await rows(desk.store, Feedback), key=lambda row: row.overall or 0)
    assert [(row.overall, row.source, row.category) for row in answers] == [
        (0, "form", "product"),
        (100, "form", None),
    ]
