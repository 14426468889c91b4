"""The console's inbox: what waits or failed in plain words, tried again, given to somebody."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from activities.crm.store import Store
from activities.crm.tables import Audit, Case, Inbox
from starter.desk import Desk
from starter.web import create_site
from tests.factories import FakeClock, a_customer
from tests.starter.front import FakeTemporal, a_desk, an_event, only, rows
from tests.starter.visitors import ADA, Browser, an_account, browser

HOSTILE = "<script>alert(1)</script>\"'{{7*7}}"
STRANGER = {"email": "somebody@example.org", "name": HOSTILE}


class Room(NamedTuple):
    http: Browser
    desk: Desk

    async def come_in(self, what: str = "reply.received", **said: object) -> str:
        """Something of somebody unknown; its id."""
        usual = {"id": "evt_1", "customer": STRANGER, "data": {"text": f"Yes {HOSTILE}"}}
        await self.desk.receive("api", an_event(what, **usual | said))
        return str((await only(self.desk.store, Inbox)).id)


@pytest.fixture
async def room(store: Store, clock: FakeClock) -> AsyncIterator[Room]:
    """Somebody of ours, logged in; no customer, and nothing came in."""
    token, desk = await an_account(store, clock), a_desk(store, clock, FakeTemporal())
    async with browser(create_site(desk), token=token) as http:
        yield Room(http, desk)


async def test_an_empty_inbox_says_so(room: Room) -> None:
    page = (await room.http.get("/inbox")).text
    assert "Nothing waits, and nothing failed" in page
    assert 'aria-current="page">Inbox<' in page
    assert "Nothing came in yet" in (await room.http.get("/inbox?state=all")).text
    assert "Nothing fits" in (await room.http.get("/inbox?state=failed&source=api")).text


async def test_what_waits_is_on_the_list(room: Room) -> None:
    """The stranger's address is masked there, and their words stay text on its own page."""
    id_ = await room.come_in()
    page = (await room.http.get("/inbox")).text
    assert f'href="/inbox/{id_}">Reply received<' in page
    assert "s•••@e•••.org" in page
    assert "not known yet" in page
    page = (await room.http.get(f"/inbox/{id_}")).text
    assert "We do not know who wrote this" in page
    assert "Yes &lt;script&gt;" in page
    assert "<script>" not in page
    assert "somebody@example.org" in page
    assert (await room.http.get("/inbox/in_nothing")).status_code == 404
    assert (await room.http.get(f"/inbox?after={HOSTILE}")).status_code == 404


async def test_what_is_done_stands_under_all(room: Room) -> None:
    id_ = await room.come_in("customer.signed_up", customer={"email": "bob@example.com"}, data={})
    assert id_ not in (await room.http.get("/inbox")).text
    page = (await room.http.get("/inbox?state=all&source=api")).text
    assert id_ in page
    assert "Began online-customer." in page
    again = await room.http.send_form(f"/inbox/{id_}/replay", page=f"/inbox/{id_}", reason="why")
    assert again.headers["location"] == f"/inbox/{id_}?done=already"
    assert "nothing was done twice" in (await room.http.get(again.headers["location"])).text


@pytest.mark.parametrize("who", ["ada@example.com", "Lovelace", "020 7946 0000", "cus_ada"])
async def test_a_reply_is_given_to_a_customer(room: Room, who: str) -> None:
    """Looked for by what is at hand; then it is their reply, and the audit says who said so."""
    await a_customer(room.desk.store, id="cus_ada", email="ada@example.com")
    id_ = await room.come_in()
    page, how = f"/inbox/{id_}", "she told me so"
    found = await room.http.send_form(f"{page}/whose", page=page, who=who, reason=how)
    assert re.search(r'name="customer" value="cus_ada"', found.text)
    given = await room.http.send_form(f"{page}/give", page=page, customer="cus_ada", reason=how)
    assert given.headers["location"] == f"{page}?done=given"
    assert "It is theirs now" in (await room.http.get(f"{page}?done=given")).text
    assert (await only(room.desk.store, Case)).customer_id == "cus_ada"
    (audit,) = [row for row in await rows(room.desk.store, Audit) if row.what == "inbox.give"]
    assert (audit.who, audit.target, audit.reason) == (ADA, "cus_ada", how)
    again = await room.http.send_form(f"{page}/give", page=page, customer="cus_ada", reason=how)
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"who": " ", "reason": "so"}, "Write a name"),
        ({"who": "Ada", "reason": ""}, "Say how you know"),
        ({"who": HOSTILE, "reason": HOSTILE}, "Nobody is known by that"),
        ({"who": "+" * 254, "reason": "x"}, "Nobody is known by that"),
    ],
)
async def test_who_is_looked_for_in_vain(room: Room, said: dict[str, str], words: str) -> None:
    id_ = await room.come_in()
    page = f"/inbox/{id_}"
    answer = await room.http.send_form(f"{page}/whose", page=page, **said)
    assert words in answer.text
    assert "<script>" not in answer.text
    assert answer.status_code in (200, 422)


@pytest.mark.parametrize("path", ["replay", "whose", "give"])
async def test_no_form_of_ours(room: Room, path: str) -> None:
    """Without the page's token, or from elsewhere, nothing is done; nor without a reason."""
    await a_customer(room.desk.store, id="cus_ada")
    id_ = await room.come_in()
    said = {"customer": "cus_ada", "reason": "x", "who": "cus_ada"}
    for token in ("", "0" * 64):
        answer = await room.http.post(f"/inbox/{id_}/{path}", data=said | {"token": token})
        assert answer.status_code == 403
    blank = said | {"reason": "  "}
    answer = await room.http.send_form(f"/inbox/{id_}/{path}", page=f"/inbox/{id_}", **blank)
    assert answer.status_code == 422
    nowhere = await room.http.send_form(f"/inbox/in_0/{path}", page=f"/inbox/{id_}", **blank)
    assert nowhere.status_code in (404, 422)
    assert (await only(room.desk.store, Inbox)).state == "parked"
    assert not [row for row in await rows(room.desk.store, Audit) if row.what.startswith("inbox")]
