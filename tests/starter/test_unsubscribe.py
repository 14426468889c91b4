"""`/u/{token}`: one click, choices, links that are not ours; what is said holds at once."""

from __future__ import annotations

import asyncio
import html
import os
import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from sqlalchemy.exc import OperationalError

from activities.crm.house import HouseRules
from activities.crm.store import Store
from activities.crm.tables import Alias, Consent, Customer, Inbox, PolicyVersion
from activities.permission import Way, standing_of, way_for
from activities.rendering import registry, tokens
from starter.desk import Desk
from starter.reports import Reports
from starter.reports.words import SOURCES
from starter.web import create_site
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept
from tests.starter.doors import client
from tests.starter.front import FakeTemporal, a_desk, an_event, rows

DOSE = int(os.environ.get("AFTERCARE_DOSE", "1"))
SECRET = "s" * 32
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
FORM = "application/x-www-form-urlencoded"
SHOWN = ["topic:check-ins", "topic:reviews", "topic:tips", "topic:offers", "email", "sms"]


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(store, clock, temporal, secret_key=SECRET, public_url="https://shop.test")


@pytest.fixture
def quick(memory_store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """A desk for what is not about the database."""
    return a_desk(memory_store, clock, temporal, secret_key=SECRET)


def knock(desk: Desk) -> httpx2.AsyncClient:
    return client(create_site(desk))


def link(customer_id: str) -> str:
    return f"/u/{tokens.make(SECRET, 'unsubscribe', customer_id)}"


def form(*on: str, choice: str = "save") -> dict[str, Any]:
    return {"shown": SHOWN, "on": list(on), "choice": choice}


async def goes(desk: Desk, customer_id: str, template: str) -> str:
    """By which channel the gate lets a template go, or why it does not."""
    async with desk.store.reading() as session:
        customer = await session.get_one(Customer, customer_id)
        standing = await standing_of(session, customer)
    way = way_for(registry()[template], standing, HouseRules())
    return way.channel if isinstance(way, Way) else way


async def agreed(desk: Desk, customer_id: str, clock: FakeClock, **said: Any) -> None:
    event = an_event("consent.changed", customer={"id": customer_id}, data=said)
    await desk.receive("test", event)
    clock.advance(hours=1)


def is_safe(answer: httpx2.Response) -> None:
    """No cookie, no index, no referrer, no cache, nothing inline, and no other host."""
    said = answer.headers
    assert said["cache-control"] == "no-store"
    assert said["referrer-policy"] == "no-referrer"
    assert "noindex" in said["x-robots-tag"]
    assert said["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in said["content-security-policy"]
    assert "set-cookie" not in said
    assert said["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script|<style|style=|onclick|(?:src|href|action)=.https?:", answer.text)


# -- one click -------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["form", "multipart", "mislabelled"])
async def test_one_click_takes_them_off_at_once(desk: Desk, how: str) -> None:
    """Without a cookie, a key or a redirect; what concerns orders still goes."""
    await a_customer(desk.store, id="cus_1", phone=None)
    assert await goes(desk, "cus_1", "check-in") == "email"
    bodies: dict[str, dict[str, Any]] = {
        "form": {"data": ONE_CLICK},
        "multipart": {"files": {"List-Unsubscribe": (None, "One-Click")}},
        "mislabelled": {"content": b"List-Unsubscribe=One-Click"},
    }
    async with knock(desk) as http:
        answer = await http.post(link("cus_1"), **bodies[how])
    is_safe(answer)
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    assert await goes(desk, "cus_1", "check-in") == "unsubscribed"
    assert await goes(desk, "cus_1", "upgrade-your-plan") == "unsubscribed"
    assert await goes(desk, "cus_1", "welcome") == "email"
    (word,) = await rows(desk.store, Consent)
    assert (word.scope, word.given, word.source) == ("email", False, "one-click")
    assert word.wording == "List-Unsubscribe=One-Click"


async def test_the_same_click_is_once_and_a_later_one_is_another(
    desk: Desk, clock: FakeClock
) -> None:
    """Mail programs repeat themselves; but who subscribed anew can leave anew, with any link."""
    await a_customer(desk.store, id="cus_1")
    async with knock(desk) as http:
        for _ in range(3):
            assert (await http.post(link("cus_1"), data=ONE_CLICK)).status_code == 200
            clock.advance(minutes=1)
        assert len(await rows(desk.store, Consent)) == 1
        await agreed(desk, "cus_1", clock, email=True)
        assert await goes(desk, "cus_1", "product-tips") == "email"
        assert (await http.post(link("cus_1"), data=ONE_CLICK)).status_code == 200
    assert await goes(desk, "cus_1", "re-engagement") == "unsubscribed"
    assert [row.source for row in await rows(desk.store, Inbox)].count("unsubscribe") == 2


async def test_many_clicks_at_the_same_moment_are_one(desk: Desk) -> None:
    """Each is answered, and one is written down."""
    await a_customer(desk.store, id="cus_1")
    async with knock(desk) as http:
        clicks = [http.post(link("cus_1"), data=ONE_CLICK) for _ in range(8)]
        assert {answer.status_code for answer in await asyncio.gather(*clicks)} == {200}
    assert len(await rows(desk.store, Consent)) == 1


async def test_it_holds_for_whoever_shares_the_address(desk: Desk) -> None:
    """The mailbox is left alone, whichever of its customers clicked."""
    await a_customer(desk.store, id="cus_1", email="us@example.com", phone=None)
    await a_customer(desk.store, id="cus_2", email="us@example.com", phone=None)
    async with knock(desk) as http:
        await http.post(link("cus_1"), data=ONE_CLICK)
        page = (await http.get(link("cus_2"))).text
    assert await goes(desk, "cus_2", "check-in") == "unsubscribed"
    assert "at an address that you share" in page


async def test_with_temporal_away_it_holds_all_the_same(desk: Desk, temporal: FakeTemporal) -> None:
    """Stored, answered with 200, and told to the follow-ups when it is back."""
    await a_customer(desk.store, id="cus_1")
    await an_enrolment(desk.store, "cus_1")
    temporal.started["online-customer.cus_1"] = None
    temporal.up = False
    async with knock(desk) as http:
        assert (await http.post(link("cus_1"), data=ONE_CLICK)).status_code == 200
    assert await goes(desk, "cus_1", "re-engagement") == "unsubscribed"
    assert temporal.signals == []
    temporal.up = True
    await desk.relay.tell()
    assert temporal.heard("online-customer.cus_1") == ["opted_out"]


async def test_what_cannot_be_kept_is_not_claimed(
    quick: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the database away: 503, so that it is tried again, and no word of having done it."""
    await a_customer(quick.store, id="cus_1")

    async def away(*_: Any) -> None:
        raise OperationalError("away", {}, Exception())

    monkeypatch.setattr(quick, "receive", away)
    async with knock(quick) as http:
        answer = await http.post(link("cus_1"), data=ONE_CLICK)
    is_safe(answer)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "Nothing was changed" in answer.text


# -- reading ---------------------------------------------------------------------------


async def test_opening_the_link_changes_nothing(quick: Desk) -> None:
    """However often a scanner follows it; HEAD as well."""
    await a_customer(quick.store, id="cus_1")
    async with knock(quick) as http:
        for _ in range(1_000):
            assert (await http.get(link("cus_1"))).status_code == 200
        assert (await http.head(link("cus_1"), params=ONE_CLICK)).status_code == 200
        assert (await http.get(f"{link('cus_1')}?choice=all")).status_code == 200
    assert await rows(quick.store, Inbox) == []
    assert await rows(quick.store, Consent) == []
    assert await goes(quick, "cus_1", "check-in") == "email"


async def test_the_page_shows_what_holds_and_no_address(quick: Desk) -> None:
    """In their language, the company's name and colour on it; the address only hinted at."""
    body = {"company": {"name": "Kessel & Co", "colour": "#aa2244"}}
    await kept(
        quick.store,
        PolicyVersion(id="pol", name="house", version=1, body=body, at=NOON, approved_by="me"),
    )
    await a_customer(quick.store, id="cus_1", email="ada@example.com", locale="de-AT")
    async with knock(quick) as http:
        answer = await http.get(link("cus_1"), headers={"Accept-Language": "en"})
        style = await http.get("/u/style.css")
    is_safe(answer)
    assert answer.headers["content-language"] == "de"
    assert "Was möchten Sie von uns hören?" in answer.text
    assert "Kessel &amp; Co" in answer.text
    for secret in ("ada@example.com", "+442079460000", "Ada", "Lovelace"):
        assert secret not in answer.text
    assert "a•••@e•••.com" in answer.text
    ticked = re.findall(r'name="on" value="([^"]+)" checked', answer.text)
    asked = [f"topic:{name}" for name in ("check-ins", "reviews", "thanks", "tips")]
    assert ticked == [*asked, "email", "sms"]
    assert style.headers["content-type"].startswith("text/css")
    assert "--day: #aa2244" in style.text
    assert "url(" not in style.text


@pytest.mark.parametrize(
    ("locale", "accepted", "spoken"),
    [
        ("de", "en", "de"),
        ("en-GB", "de", "en"),
        (None, "fr, de;q=0.8, en;q=0.7", "de"),
        ("fr", "nl, en-US;q=0.9", "en"),
        ("fr", "", "en"),
        (None, "de;q=0, *;q=x, \xff", "en"),
    ],
)
async def test_the_page_speaks_their_language(
    quick: Desk, locale: str | None, accepted: str, spoken: str
) -> None:
    """The customer's own, else the browser's, else English."""
    await a_customer(quick.store, id="cus_1", locale=locale)
    headers = {b"Accept-Language": accepted.encode("latin-1")}
    async with knock(quick) as http:
        answer = await http.get(link("cus_1"), headers=headers)
    assert answer.headers["content-language"] == spoken


# -- choosing --------------------------------------------------------------------------


async def test_topics_are_taken_back_and_allowed_again(desk: Desk, clock: FakeClock) -> None:
    """One by one; what was not touched is not written down."""
    await a_customer(desk.store, id="cus_1")
    async with knock(desk) as http:
        answer = await http.post(
            link("cus_1"), data=form("topic:check-ins", "topic:reviews", "email", "sms")
        )
        is_safe(answer)
        assert "Saved" in answer.text
        assert await goes(desk, "cus_1", "product-tips") == "opted_out"
        assert await goes(desk, "cus_1", "check-in") == "email"
        (word,) = await rows(desk.store, Consent)
        assert (word.scope, word.given, word.source) == ("topic:tips", False, "preferences")
        assert "Tips: off" in word.wording
        clock.advance(minutes=1)
        on = ["topic:check-ins", "topic:reviews", "topic:tips", "topic:offers", "email", "sms"]
        await http.post(link("cus_1"), data=form(*on))
    assert await goes(desk, "cus_1", "product-tips") == "email"
    assert await goes(desk, "cus_1", "upgrade-your-plan") == "email"


async def test_all_of_it_and_one_thing_back(desk: Desk, clock: FakeClock) -> None:
    """Unsubscribed from all, they choose one topic again: that comes, and nothing else with it."""
    await a_customer(desk.store, id="cus_1", phone=None)
    await agreed(desk, "cus_1", clock, email_marketing=True)
    async with knock(desk) as http:
        answer = await http.post(link("cus_1"), data={"choice": "all"})
        assert "only messages about your orders" in answer.text
        assert 'value="all"' not in answer.text
        for template in ("check-in", "product-tips", "upgrade-your-plan", "review-request"):
            assert await goes(desk, "cus_1", template) == "opted_out"
        assert await goes(desk, "cus_1", "welcome") == "email"
        clock.advance(days=400)
        await http.post(link("cus_1"), data=form("topic:tips", "email"))
    assert await goes(desk, "cus_1", "product-tips") == "email"
    for template in ("check-in", "upgrade-your-plan", "review-request"):
        assert await goes(desk, "cus_1", template) == "opted_out"


async def test_an_order_lifts_nothing(desk: Desk, clock: FakeClock) -> None:
    """Only their own word does."""
    await a_customer(desk.store, id="cus_1", phone=None)
    async with knock(desk) as http:
        await http.post(link("cus_1"), data=ONE_CLICK)
    clock.advance(days=1)
    consent = {"email_marketing": True, "relationship": True}
    who = {"id": "cus_1", "consent": consent, "topics": {"tips": True}}
    await desk.receive("shop", an_event("order.confirmed", customer=who, order={"id": "1"}))
    assert await goes(desk, "cus_1", "product-tips") == "unsubscribed"


async def test_text_messages_can_be_turned_off_and_on(desk: Desk, clock: FakeClock) -> None:
    """As a whole: then not even an order's comes that way, and the page says so."""
    await a_customer(desk.store, id="cus_1", email=None)
    async with knock(desk) as http:
        assert "not even about an order" in (await http.get(link("cus_1"))).text
        topics = ["topic:check-ins", "topic:reviews", "topic:tips"]
        page = await http.post(link("cus_1"), data=form(*topics))
        assert await goes(desk, "cus_1", "welcome") == "stopped"
        assert "answer START" in page.text
        clock.advance(minutes=1)
        await http.post(link("cus_1"), data=form(*topics, "sms"))
    assert await goes(desk, "cus_1", "welcome") == "sms"


# -- links that are not ours, or no longer ---------------------------------------------


async def test_a_customer_known_by_another_name_is_found(desk: Desk) -> None:
    """Rows that were put together: the old link speaks for the one that stayed."""
    await a_customer(desk.store, id="cus_1", phone=None)
    await kept(desk.store, Alias(alias="cus_old", customer_id="cus_1"))
    async with knock(desk) as http:
        assert (await http.post(link("cus_old"), data=ONE_CLICK)).status_code == 200
    assert await goes(desk, "cus_1", "check-in") == "unsubscribed"


@pytest.mark.parametrize("row", [True, False])
async def test_somebody_erased_is_told_that_nothing_is_sent(quick: Desk, row: bool) -> None:
    """With or without a row that is left; one click is answered as done, because it is."""
    if row:
        await a_customer(quick.store, id="cus_1", erased_at=NOON)
    async with knock(quick) as http:
        for answer in (
            await http.get(link("cus_1"), headers={"Accept-Language": "de"}),
            await http.post(link("cus_1"), data=ONE_CLICK, headers={"Accept-Language": "de"}),
        ):
            is_safe(answer)
            assert answer.status_code == 200
            assert "Sie erhalten nichts mehr von uns" in answer.text
            assert "support@example.com" in answer.text
    assert await rows(quick.store, Inbox) == []


def forgeries() -> Iterator[str]:
    """Tokens cut short, changed in a letter, for another purpose, of another house, and made up."""
    chance = random.Random(8058)
    ours = tokens.make(SECRET, "unsubscribe", "cus_1")
    letters = "ABCDEFabcdef0123456789-_.=%/ "
    yield from (ours[:end] for end in range(len(ours)))
    yield from (tokens.make(SECRET, "feedback", "cus_1"), tokens.make("x", "unsubscribe", "cus_1"))
    while True:
        place = chance.randrange(len(ours))
        yield ours[:place] + chance.choice(letters) + ours[place + 1 :]
        yield ours.partition(".")[0] + "." + "".join(chance.choices(letters[:24], k=24))
        yield "".join(chance.choices(letters, k=chance.randrange(60)))


async def test_no_forged_token_is_accepted(quick: Desk) -> None:
    """5,000 of them (100,000 in the large dose), every fiftieth knocked with."""
    await a_customer(quick.store, id="cus_1")
    ours = tokens.make(SECRET, "unsubscribe", "cus_1")
    made = forgeries()
    async with knock(quick) as http:
        for number in range(5_000 * DOSE):
            forged = next(made)
            if forged == ours:
                continue
            assert tokens.read(SECRET, "unsubscribe", forged) is None
            if number % 50 == 0 or number < len(ours):
                answer = await http.post(f"/u/{quote(forged, safe='%')}", data=ONE_CLICK)
                assert answer.status_code == 404, forged
                assert "does not work any more" in answer.text
    assert await rows(quick.store, Inbox) == []


@pytest.mark.parametrize(
    "address",
    ["/u", "/u/", "/u/a/b/c", "/u/%00", "/u/a%0D%0A.b", "/u/%ff%fe.x", "/u/..%2f..", "/u/é.ü"],
)
async def test_whatever_the_address_there_is_a_page(quick: Desk, address: str) -> None:
    """404, where to write to, and nothing of what was asked for."""
    async with knock(quick) as http:
        answer = await http.get(address, headers={"Accept-Language": "de-CH"})
    is_safe(answer)
    assert answer.status_code == 404
    assert "Dieser Link funktioniert nicht mehr" in answer.text
    assert "mailto:support@example.com" in answer.text


# -- hostile input ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": {"choice": "save", "on": "topic:nonsense"}}, 400),
        ({"data": {"choice": "save", "shown": "all"}}, 400),
        ({"data": {"choice": "everything"}}, 400),
        ({"data": {"choice": ["all", "save"]}}, 400),
        ({"data": {"List-Unsubscribe": "Two-Clicks"}}, 400),
        ({"content": b""}, 400),
        ({"content": b"\xff\xfe\x00"}, 400),
        ({"content": b'{"choice": "all"}', "headers": {"Content-Type": "application/json"}}, 400),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}, 400),
        ({"files": {"choice": ("all.txt", b"all")}}, 400),
        ({"content": b"a=b&" * 1000, "headers": {"Content-Type": FORM}}, 400),
        ({"content": b"choice=all&x=" + b"x" * 10_000_000}, 413),
        ({"content": b"choice=all", "headers": {"Content-Length": "9" * 30}}, 413),
        ({"content": b"choice=all", "headers": {"Content-Length": "-1"}}, 413),
    ],
)
async def test_what_cannot_be_read_changes_nothing(
    quick: Desk, sent: dict[str, Any], status: int
) -> None:
    """A page that says so, and never an error of ours."""
    await a_customer(quick.store, id="cus_1")
    async with knock(quick) as http:
        answer = await http.post(link("cus_1"), **sent)
    is_safe(answer)
    assert answer.status_code == status
    assert "Nothing was changed" in answer.text
    assert await rows(quick.store, Inbox) == []


async def test_a_body_without_a_length_is_read_no_further_than_it_need(quick: Desk) -> None:
    """Ten megabytes in pieces: the answer comes long before the end."""
    await a_customer(quick.store, id="cus_1")
    read = 0

    async def pieces() -> Any:
        nonlocal read
        for _ in range(10_000):
            read += 1
            yield b"x" * 1000

    async with knock(quick) as http:
        answer = await http.post(link("cus_1"), content=pieces())
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"
    assert read < 100


@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=b", "text/plain", ""])
async def test_random_bodies_meet_a_page(quick: Desk, kind: str) -> None:
    """Bytes at random, and what looks like a form: 200 or 400, never an error of ours."""
    await a_customer(quick.store, id="cus_1")
    chance = random.Random(316)
    parts = [b"choice", b"=", b"&", b"all", b"save", b"on", b"--b", b"\r\n", b"\0", b"\xff", b"%"]
    parts += [b'Content-Disposition: form-data; name="choice"', b"\r\n\r\n", b"--b--", b"tips"]
    async with knock(quick) as http:
        for _ in range(40 * DOSE):
            body = b"".join(chance.choices(parts, k=chance.randrange(30)))
            answer = await http.post(link("cus_1"), content=body, headers={"Content-Type": kind})
            assert answer.status_code in (200, 400), body
            is_safe(answer)


async def test_a_strange_name_of_the_house_stays_text(quick: Desk) -> None:
    """What managers write in the house rules is never markup."""
    body = {"company": {"name": "<script>{x}{{7*7}}", "support_email": '"><b>@example.com'}}
    await kept(
        quick.store,
        PolicyVersion(id="pol", name="house", version=1, body=body, at=NOON, approved_by="me"),
    )
    await a_customer(quick.store, id="cus_1", email='"<b>"@example.com')
    async with knock(quick) as http:
        for answer in (await http.get(link("cus_1")), await http.get("/u/x")):
            assert "<script" not in answer.text
            assert "<b>" not in answer.text
            assert html.escape("<script>{x}{{7*7}}") in answer.text


# -- afterwards ------------------------------------------------------------------------


async def test_the_timeline_says_what_they_did(desk: Desk, clock: FakeClock) -> None:
    """In words, with where they said it."""
    await a_customer(desk.store, id="cus_1")
    async with knock(desk) as http:
        await http.post(link("cus_1"), data=ONE_CLICK)
        clock.advance(minutes=1)
        await http.post(link("cus_1"), data={"choice": "all"})
    timeline = await Reports(desk.store, clock).timeline("cus_1")
    assert timeline is not None
    assert [entry.text for entry in timeline.data] == [
        f"everything but what concerns orders: taken back {SOURCES['preferences']}",
        f"e-mail as a whole: taken back {SOURCES['one-click']}",
    ]
