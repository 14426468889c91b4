"""The console's entrance: who comes in, who does not, and that nobody learns why."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from activities.crm.store import Store
from activities.crm.tables import LoginTry, StaffSession
from starter.answers import Refusal
from starter.console import ROOMS
from starter.staff import IDLE, LINK, LONGEST, Accounts, Sessions
from starter.throttle import ACCOUNT, ADDRESS
from tests.factories import FakeClock
from tests.starter.front import rows
from tests.starter.visitors import (
    ADA,
    HERE,
    PASSWORD,
    QUICK,
    TOKEN,
    an_account,
    browser,
    site_over,
)
from workflows.vocabulary import Role

ANYBODY = {"/", "/setup/{link}", "/console.css", "/mark.svg"}
PAGES = [page for rooms in ROOMS for page in rooms.pages]


class CountingHasher(PasswordHasher):
    """Notes how often a password is looked at."""

    looked = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:  # noqa: A002
        self.looked += 1
        return super().verify(hash, password)


# -- in and out --------------------------------------------------------------------------------


async def test_the_right_password_opens(store: Store, clock: FakeClock) -> None:
    """A login leads to the page asked for, under a cookie that scripts and other sites lack."""
    await an_account(store, clock)
    async with browser(site_over(store, clock)) as ada:
        asked = await ada.get("/follow-ups?state=running")
        assert (asked.status_code, asked.headers["location"]) == (
            303,
            "/?next=%2Ffollow-ups%3Fstate%3Drunning",
        )
        login = asked.headers["location"]
        assert 'name="next" value="/follow-ups?state=running"' in (await ada.get(login)).text
        words = {"email": f" {ADA.upper()} ", "password": PASSWORD}
        inside = await ada.send_form("/", page=login, next="/follow-ups?state=running", **words)
        assert inside.headers["location"] == "/follow-ups?state=running"
        assert inside.status_code == 303
        flags = inside.headers["set-cookie"].lower()
        assert flags.startswith("aftercare=")
        assert "httponly" in flags
        assert "samesite=lax" in flags
        assert (await ada.get("/outbox")).status_code == 200
        assert (await ada.get("/")).headers["location"] == "/tasks"
        out = await ada.send_form("/logout", page="/outbox")
        assert out.headers["location"] == "/"
        assert (await ada.get("/outbox")).status_code == 303


async def test_over_https_the_cookie_is_the_hosts_alone(
    memory_store: Store, clock: FakeClock
) -> None:
    """`__Host-` and `Secure`: no other host can plant it, no plain connection carries it."""
    await an_account(memory_store, clock)
    site = site_over(memory_store, clock, public_url="https://care.example")
    async with browser(site, base="https://care.example") as ada:
        flags = (await ada.log_in()).headers["set-cookie"]
        assert flags.startswith("__Host-aftercare=")
        assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in flags.split(";")}
        assert (await ada.get("/outbox")).status_code == 200


async def test_a_planted_cookie_opens_nothing(memory_store: Store, clock: FakeClock) -> None:
    """A login begins a session of its own, whatever the browser carried before."""
    await an_account(memory_store, clock)
    site = site_over(memory_store, clock)
    async with browser(site, token="planted") as ada, browser(site, token="planted") as thief:
        await ada.log_in()
        assert ada.cookies["aftercare"] != "planted"
        assert (await ada.get("/outbox")).status_code == 200
        assert (await thief.get("/outbox")).status_code == 303


async def test_what_a_cache_may_keep_carries_no_cookie(
    memory_store: Store, clock: FakeClock
) -> None:
    """A proxy would hand one browser's token to all: it comes with pages, which nobody keeps."""
    site = site_over(memory_store, clock)
    for path in ("/console.css", "/mark.svg"):
        async with browser(site) as ada:
            file = await ada.get(path)
            assert file.headers["cache-control"].startswith("public")
            assert "set-cookie" not in file.headers
    async with browser(site) as ada:
        page = await ada.get("/", headers={"Cookie": "aftercare="})
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["set-cookie"].startswith("aftercare=")


async def test_the_session_before_ends_with_a_new_login(
    memory_store: Store, clock: FakeClock
) -> None:
    """Whoever logs in again leaves no old session behind."""
    old = await an_account(memory_store, clock)
    site = site_over(memory_store, clock)
    async with browser(site, token=old) as ada:
        found = TOKEN.search((await ada.get("/outbox")).text)
        assert found
        await ada.post("/", data={"token": found[1], "email": ADA, "password": PASSWORD})
    async with browser(site, token=old) as thief:
        assert (await thief.get("/outbox")).status_code == 303


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/outboxx",
        "javascript:1",
        "/v1",
    ],
)
async def test_a_login_leads_to_no_other_place(
    wanted: str, memory_store: Store, clock: FakeClock
) -> None:
    """Only to rooms of ours."""
    token = await an_account(memory_store, clock)
    async with browser(site_over(memory_store, clock), token=token) as ada:
        answer = await ada.get("/", params={"next": wanted})
        assert answer.headers["location"] == "/tasks"


async def test_sessions_end(memory_store: Store, clock: FakeClock) -> None:
    """When they rest too long, at the end of the working day, and at once with their account."""
    site, accounts = site_over(memory_store, clock), Accounts(memory_store, clock)
    token = await an_account(memory_store, clock)
    async with browser(site, token=token) as ada:
        clock.advance(IDLE - timedelta(minutes=1))
        assert (await ada.get("/outbox")).status_code == 200
        clock.advance(IDLE + timedelta(minutes=1))
        assert (await ada.get("/outbox")).status_code == 303

        await ada.log_in()
        for _ in range(int(LONGEST / timedelta(hours=1)) - 1):
            clock.advance(hours=1)
            assert (await ada.get("/outbox")).status_code == 200
        clock.advance(hours=1)
        assert (await ada.get("/outbox")).status_code == 303

        await ada.log_in()
        async with browser(site) as phone:
            await phone.log_in()
            await accounts.disable(ADA, by="test")
            assert (await ada.get("/outbox")).status_code == 303
            assert (await phone.get("/outbox")).status_code == 303
            assert (await phone.log_in()).status_code == 401
    assert await rows(memory_store, StaffSession) == []


async def test_nothing_secret_is_kept(memory_store: Store, clock: FakeClock) -> None:
    """Whoever reads the database can log in with nothing that stands there."""
    token = await an_account(memory_store, clock)
    (kept,) = await Accounts(memory_store, clock).all()
    assert kept.password is not None
    assert kept.password.startswith("$argon2id$")
    (session,) = await rows(memory_store, StaffSession)
    assert token not in session.hash
    async with browser(site_over(memory_store, clock), token=session.hash) as thief:
        assert (await thief.get("/outbox")).status_code == 303


# -- who does not know the password ------------------------------------------------------------


async def test_nobody_learns_who_has_an_account(memory_store: Store, clock: FakeClock) -> None:
    """Unknown, disabled, not set up yet, or only the wrong password: the same answer and work."""
    accounts = Accounts(memory_store, clock)
    await an_account(memory_store, clock)
    await an_account(memory_store, clock, "gone@ourshop.example")
    await accounts.disable("gone@ourshop.example", by="test")
    await accounts.create("new@ourshop.example", Role.SALES, by="test")
    hasher = CountingHasher(time_cost=1, memory_cost=8, parallelism=1)
    sessions = Sessions(memory_store, clock, hasher)
    said = set()
    who = [ADA, "gone@ourshop.example", "new@ourshop.example", "who@ourshop.example", "no address"]
    for number, email in enumerate(who, start=1):
        with pytest.raises(Refusal) as refused:
            await sessions.log_in(email, "wrong", "203.0.113.7")
        said.add((refused.value.code, refused.value.detail, refused.value.status))
        assert hasher.looked == number
    assert len(said) == 1
    async with browser(site_over(memory_store, clock)) as http:
        one, other = await http.log_in(ADA, "wrong"), await http.log_in("who@b.example", "wrong")
        assert one.status_code == other.status_code == 401
        assert one.text.replace(ADA, "X") == other.text.replace("who@b.example", "X")


@pytest.mark.parametrize("email", [ADA, "nobody@ourshop.example"])
async def test_an_account_is_tried_ten_times_an_hour(
    email: str, memory_store: Store, clock: FakeClock
) -> None:
    """The next try is refused unseen, from anywhere, after a restart too; an hour later it counts
    again. An account that does not exist behaves likewise."""
    await an_account(memory_store, clock)
    for number in range(ACCOUNT):
        async with browser(site_over(memory_store, clock), address=f"203.0.113.{number}") as http:
            assert (await http.log_in(email, "wrong")).status_code == 401
    async with browser(site_over(memory_store, clock), address="203.0.113.99") as http:
        refused = await http.log_in(email, PASSWORD)
        assert refused.status_code == 429
        assert "Try again in 60 minutes" in refused.text
        clock.advance(minutes=30)
        assert "Try again in 30 minutes" in (await http.log_in(email, PASSWORD)).text
        clock.advance(minutes=30)
        assert (await http.log_in(email, PASSWORD)).status_code == (303 if email == ADA else 401)


async def test_an_address_tries_thirty_accounts_an_hour(
    memory_store: Store, clock: FakeClock
) -> None:
    """Stuffing one password after another into account after account ends; others go on."""
    await an_account(memory_store, clock)
    sessions = Sessions(memory_store, clock, QUICK)
    for number in range(ADDRESS):
        network = f"2001:db8::{number:x}"  # one household has all of them
        with pytest.raises(Refusal, match="wrong_login"):
            await sessions.log_in(f"{number}@ourshop.example", "wrong", network)
    with pytest.raises(Refusal, match="too_many_tries"):
        await sessions.log_in(ADA, PASSWORD, "2001:db8::ffff")
    assert await sessions.log_in(ADA, PASSWORD, "2001:db8:0:1::1")


async def test_a_hundred_tries_at_once_come_no_further(store: Store, clock: FakeClock) -> None:
    """Each is counted before it is looked at, whichever process takes it."""
    await an_account(store, clock)
    hasher = CountingHasher(time_cost=1, memory_cost=8, parallelism=1)
    processes = [Sessions(store, clock, hasher) for _ in range(4)]

    async def guess(number: int) -> None:
        with pytest.raises(Refusal):
            await processes[number % 4].log_in(ADA, f"guess {number}", f"198.51.100.{number}")

    await asyncio.gather(*(guess(number) for number in range(100)))
    assert hasher.looked == ACCOUNT
    async with store.reading() as session:
        kept = await session.scalar(select(func.count()).select_from(LoginTry))
    assert kept == 2 * ACCOUNT


async def test_those_who_know_it_are_never_locked_out_by_coming_often(
    memory_store: Store, clock: FakeClock
) -> None:
    """Tries that fit do not count, and what is an hour old is forgotten."""
    await an_account(memory_store, clock)
    sessions = Sessions(memory_store, clock, QUICK)
    for _ in range(2 * ACCOUNT):
        await sessions.log_in(ADA, PASSWORD, "203.0.113.7")
    with pytest.raises(Refusal, match="wrong_login"):
        await sessions.log_in(ADA, "wrong", "203.0.113.7")
    assert len(await rows(memory_store, LoginTry)) == 2
    clock.advance(hours=1)
    await sessions.log_in(ADA, PASSWORD, "203.0.113.7")
    assert await rows(memory_store, LoginTry) == []


# -- the one-time link ---------------------------------------------------------------------------


async def test_a_link_sets_one_password(store: Store, clock: FakeClock) -> None:
    """Looking at it changes nothing; used, it logs in, and is gone."""
    link = f"/setup/{await Accounts(store, clock).create(ADA, Role.CSR, by='test')}"
    async with browser(site_over(store, clock)) as ada:
        for _ in range(3):
            assert ADA in (await ada.get(link)).text
        short = {"password": "too short", "again": "too short"}
        refused = await ada.send_form(link, page=link, **short)
        assert refused.status_code == 422
        assert "at least 12 characters" in refused.text
        other = await ada.send_form(link, page=link, password=PASSWORD, again="something else")
        assert "not the same" in other.text
        done = await ada.send_form(link, page=link, password=PASSWORD, again=PASSWORD)
        assert (done.status_code, done.headers["location"]) == (303, "/tasks")
        assert (await ada.get("/outbox")).status_code == 200
        assert (await ada.get(link)).status_code == 404
    async with browser(site_over(store, clock)) as ada:
        assert (await ada.log_in()).status_code == 303


async def test_a_link_is_good_for_three_days_and_until_the_next(
    memory_store: Store, clock: FakeClock
) -> None:
    """Old links open nothing; a new password ends what was open, and its account's lockout."""
    accounts, sessions = Accounts(memory_store, clock), Sessions(memory_store, clock, QUICK)
    session = await an_account(memory_store, clock)
    for _ in range(ACCOUNT):
        with pytest.raises(Refusal, match="wrong_login"):
            await sessions.log_in(ADA, "wrong", "203.0.113.7")
    first, second = [await accounts.link(ADA, by="test") for _ in range(2)]
    with pytest.raises(Refusal, match="link_gone"):
        await sessions.set_up(first, "another long password")
    assert await sessions.whose(session)
    await sessions.set_up(second, "another long password")
    assert await sessions.whose(session) is None
    assert await sessions.log_in(ADA, "another long password", "203.0.113.7")
    late = await accounts.link(ADA, by="test")
    clock.advance(LINK)
    with pytest.raises(Refusal, match="link_gone"):
        await sessions.set_up(late, "a third long password")


async def test_the_first_link_makes_the_first_account(
    memory_store: Store, clock: FakeClock
) -> None:
    """Whoever starts the house names their own address; then no such link is made any more."""
    accounts = Accounts(memory_store, clock)
    lost, link = [await accounts.first(by="up") for _ in range(2)]
    async with browser(site_over(memory_store, clock)) as ada:
        assert (await ada.get(f"/setup/{lost}")).status_code == 404
        path = f"/setup/{link}"
        words = {"password": PASSWORD, "again": PASSWORD}
        refused = await ada.send_form(path, page=path, email="nonsense", **words)
        assert refused.status_code == 422
        done = await ada.send_form(path, page=path, email="Ada@OurShop.example", **words)
        assert done.status_code == 303
        assert ADA in (await ada.get("/outbox")).text
    assert await accounts.first(by="up") is None


async def test_an_address_has_one_account(memory_store: Store, clock: FakeClock) -> None:
    """A second one is refused; a disabled one opens anew, with a new password."""
    accounts = Accounts(memory_store, clock)
    first = await accounts.first(by="up")
    assert first
    await an_account(memory_store, clock)
    with pytest.raises(Refusal, match="account_exists"):
        await accounts.create(ADA.upper(), Role.SALES, by="test")
    with pytest.raises(Refusal, match="link_gone"):  # it was for whoever came first
        await Sessions(memory_store, clock, QUICK).set_up(first, PASSWORD, ADA)
    await accounts.disable(ADA, by="test")
    with pytest.raises(Refusal, match="not_found"):
        await accounts.link(ADA, by="test")
    link = await accounts.create(ADA, Role.SALES, by="test")
    assert await Sessions(memory_store, clock, QUICK).set_up(link, PASSWORD)


# -- every page ------------------------------------------------------------------------------------


def test_who_may_see_a_page_is_written_down() -> None:
    """A page that anybody may see is named here, too; all others ask for a login."""
    assert {page.path for page in PAGES if page.anybody} == ANYBODY
    assert len(PAGES) >= 14


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.method} {page.path}")
async def test_no_page_opens_without_a_login(
    page: Any, memory_store: Store, clock: FakeClock
) -> None:
    """Not even to say whether what it is about exists."""
    if page.anybody:
        return
    path = page.path
    for name in ("{message}", "{follow_up}", "{template}"):
        path = path.replace(name, "x")
    async with browser(site_over(memory_store, clock)) as http:
        if page.method == "GET":
            answer = await http.get(path)
        else:
            answer = await http.send_form(path)
        assert (answer.status_code, answer.text) == (303, "")
        assert answer.headers["location"].partition("?")[0] == "/"


@pytest.mark.parametrize("path", [page.path for page in PAGES if page.method == "POST"], ids=str)
async def test_no_form_comes_from_elsewhere(
    path: str, memory_store: Store, clock: FakeClock
) -> None:
    """A form needs its page's token, and a browser that says it comes from here."""
    link = await Accounts(memory_store, clock).first(by="up")
    token = await an_account(memory_store, clock, role=Role.MANAGER)  # who may open every room
    path = path.replace("{link}", str(link))
    site = site_over(memory_store, clock)
    async with browser(site, token=token) as ada, browser(site) as thief:
        mine = TOKEN.search((await ada.get("/outbox")).text)
        theirs = TOKEN.search((await thief.get("/")).text)
        assert mine
        assert theirs
        form = {"token": mine[1], "email": "a@b.example", "password": PASSWORD, "again": PASSWORD}
        for wrong in ({**form, "token": theirs[1]}, {**form, "token": ""}, {"who": "x"}):
            assert (await ada.post(path, data=wrong)).status_code == 403
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            assert (await ada.post(path, data=form, headers=headers)).status_code == 403
        del ada.headers["Origin"]
        assert (await ada.post(path, data=form)).status_code == 403
        ours = {"Sec-Fetch-Site": "same-origin", "Origin": HERE}
        assert (await ada.post(path, data=form, headers=ours)).status_code != 403
