"""Requests about data: taken down, done at once where that protects them, answered in time."""

from __future__ import annotations

import asyncio
import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from activities.clock import Clock
from activities.crm.house import HouseRules
from activities.crm.rounds import make_rounds
from activities.crm.store import Store
from activities.crm.tables import Audit, Consent, Hold, Note, Notice, PrivacyRequest, Task
from activities.settings import Settings
from starter.answers import Refusal
from starter.api.problems import CODES
from starter.desk import Desk
from starter.reports import Reports, privacy
from starter.reports.processing import processing
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept
from tests.starter.doors import is_problem, knocking
from tests.starter.front import FakeTemporal, a_desk, only, rows
from tests.starter.test_cli import ADA, Aftercare, aftercare, opened
from tests.starter.visitors import an_account, browser, site_over
from workflows.vocabulary import Role

__all__ = ["aftercare", "opened"]  # pytest finds them here

DUE = datetime.fromisoformat("2026-12-23T23:59:59+00:00")
LATER = datetime.fromisoformat("2027-02-23T23:59:59+00:00")
DAY = timedelta(days=1)
DAYS = ("2026-13-01", "yesterday", 0, "2999-01-01", "2026-11-23T12:00:00Z", "\u0662026-11-23")


@pytest.fixture
def temporal() -> FakeTemporal:
    return FakeTemporal()


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(store, clock, temporal)


async def asked(desk: Desk, kind: str = "access", **said: Any) -> str:
    fields: dict[str, Any] = {"received": None, "channel": "email", "by": "jo"} | said
    return (await desk.privacy_open("cus_1", kind, **fields))[0]


async def running(store: Store, temporal: FakeTemporal) -> None:
    await a_customer(store, id="cus_1")
    await an_enrolment(store, "cus_1")
    temporal.started["online-customer.cus_1"] = {}


# -- taken down --------------------------------------------------------------------------------


async def test_a_request_is_a_task_with_a_month(desk: Desk, store: Store) -> None:
    """The privacy officer's, nobody else's; it tells what to do, and no name."""
    await a_customer(store, id="cus_1", name="Secret Person", owner="jo@example.com")
    id_ = await asked(desk)
    row, task = await only(store, PrivacyRequest), await only(store, Task)
    assert (row.id, row.state, row.received_at, row.due_at) == (id_, "open", NOON, DUE)
    assert (task.role, task.assignee, task.form, task.due_at) == (
        Role.PRIVACY.value, None, "privacy", DUE,
    )  # fmt: skip
    assert "Secret" not in f"{task.brief} {task.title}"
    (note,) = await rows(store, Note)
    assert (note.direction, note.method) == ("in", "email")
    (audit,) = await rows(store, Audit)
    assert (audit.what, audit.who, audit.target) == ("privacy.opened", "jo", id_)


async def test_one_of_a_kind_is_open_at_a_time(desk: Desk, store: Store) -> None:
    """However many take it down at once; once it is closed, they may ask again."""
    await a_customer(store, id="cus_1")
    ids = await asyncio.gather(*(asked(desk, "erase") for _ in range(4)))
    assert len(set(ids)) == 1
    await desk.privacy_close(ids[0], "granted", reason=None, by="jo")
    assert await asked(desk, "erase") != ids[0]
    assert len(await rows(store, Task)) == 2


@pytest.mark.parametrize(
    ("received", "due"),
    [(date(2026, 11, 23), DUE), (date(2026, 10, 31), "2026-11-30T23:59:59+00:00"), (None, DUE)],
)
async def test_the_month_begins_when_it_came(
    desk: Desk, store: Store, received: date | None, due: Any
) -> None:
    """By the calendar of the customer's office."""
    await a_customer(store, id="cus_1")
    await asked(desk, received=received)
    wanted = datetime.fromisoformat(due) if isinstance(due, str) else due
    assert (await only(store, PrivacyRequest)).due_at == wanted


@pytest.mark.parametrize(
    ("target", "said", "code"),
    [
        ("cus_1", {"received": date(2026, 11, 24)}, "invalid"),
        ("cus_1", {"received": date(1989, 12, 31)}, "invalid"),
        ("cus_1", {"received": date.min}, "invalid"),
        ("cus_1", {"received": date.max}, "invalid"),
        ("cus_1", {"kind": "forget"}, "invalid"),
        ("cus_1", {"channel": "pigeon"}, "unknown_channel"),
        ("cus_2", {}, "not_found"),
    ],
)
async def test_what_is_no_request(
    desk: Desk, store: Store, target: str, said: dict[str, Any], code: str
) -> None:
    """Refused by its code; nothing is written."""
    await a_customer(store, id="cus_1")
    fields = {"kind": "access", "received": None, "channel": None, "by": "jo"} | said
    with pytest.raises(Refusal) as refused:
        await desk.privacy_open(target, fields.pop("kind"), **fields)
    assert refused.value.code == code
    assert not await rows(store, Task)


# -- what is done at once ------------------------------------------------------------------------


async def test_an_objection_is_an_opt_out_at_once(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Whatever was allowed before; what runs hears of it."""
    await running(store, temporal)
    id_ = await asked(desk, "object")
    words = await rows(store, Consent)
    assert {one.scope: one.given for one in words} == {
        "relationship": False, "email_marketing": False, "sms_marketing": False,
    }  # fmt: skip
    assert {one.source for one in words} == {"objection"}
    assert temporal.heard("online-customer.cus_1") == ["opted_out"]
    assert (await only(store, PrivacyRequest)).state == "open"
    assert await asked(desk, "object") == id_
    assert len(await rows(store, Consent)) == 3


async def test_a_restriction_is_a_hold_at_once(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Refused, it holds nothing back any more; granted, it stays until somebody releases it."""
    await running(store, temporal)
    id_ = await asked(desk, "restrict")
    held = await only(store, Hold)
    assert (held.id, held.kind, held.follow_up, held.released_at) == (id_, "manual", None, None)
    await desk.privacy_close(id_, "refused", reason="they are not the customer", by="jo")
    await desk.relay.tell()
    assert (await only(store, Hold)).released_at == NOON
    assert temporal.heard("online-customer.cus_1") == ["hold", "resume"]
    again = await asked(desk, "restrict")
    await desk.privacy_close(again, "granted", reason=None, by="jo")
    assert [one.id for one in await rows(store, Hold) if one.released_at is None] == [again]


async def test_no_colleague_lifts_a_restriction_that_is_not_answered(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Who lets another hold go lets only that go; what was granted may be lifted by a person."""
    await running(store, temporal)
    id_ = await asked(desk, "restrict")
    said: dict[str, str] = {"reason": "back from holiday", "by": "jo"}
    for _ in range(2):
        await desk.control("hold", "cus_1", **said)
        await desk.control("resume", "cus_1", **said)
    assert [one.id for one in await rows(store, Hold) if one.released_at is None] == [id_]
    still = await desk.control("resume", "cus_1", **said)
    assert [(one.effect, one.reason) for one in still.effects] == [("none", "held_by_request")]
    await desk.privacy_close(id_, "granted", reason=None, by="jo")
    await desk.control("resume", "cus_1", **said)
    assert not [one for one in await rows(store, Hold) if one.released_at is None]


async def test_what_was_asked_outlives_an_erasure(desk: Desk, store: Store) -> None:
    """Whoever was erased is still owed an answer."""
    await a_customer(store, id="cus_1")
    await asked(desk, "erase")
    await kept(store, Task(id="task_x", key="x", customer_id="cus_1", role="marketing", title="x",
                           state="open", due_at=NOON, created_at=NOON))  # fmt: skip
    event = {"id": "e1", "type": "customer.erased", "customer": {"id": "cus_1"}}
    await desk.receive("shop", event)
    assert {one.form: one.state for one in await rows(store, Task)} == {
        "privacy": "open", "free": "withdrawn",
    }  # fmt: skip


# -- answered ------------------------------------------------------------------------------------


async def test_request_and_task_are_closed_together(desk: Desk, store: Store) -> None:
    """By its own door, or by the task's; what was said first stays."""
    await a_customer(store, id="cus_1")
    first, second = await asked(desk, "access"), await asked(desk, "rectify")
    await desk.privacy_close(first, "granted", reason="sent by post", by="jo")
    tasks = {one.brief["request"]: one for one in await rows(store, Task)}
    assert tasks[first].state == "done"
    said = {"outcome": "refused", "reason": "it is right as it stands"}
    await desk.complete_task(tasks[second].id, said, "kim")
    found = {one.id: one for one in await rows(store, PrivacyRequest)}
    assert (found[first].state, found[first].outcome) == ("granted", "sent by post")
    assert (found[second].state, found[second].done_at) == ("refused", NOON)
    await desk.privacy_close(second, "granted", reason=None, by="jo")
    assert (await privacy.request(Reports(store, desk.clock), second)) is not None
    found = {one.id: one for one in await rows(store, PrivacyRequest)}
    assert found[second].state == "refused"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"outcome": "refused"}, "missing"),
        ({"outcome": "refused", "reason": " "}, "invalid"),
        ({"outcome": "forgotten"}, "invalid"),
        ({"declined": True}, "not_resolved"),
        ({}, "missing"),
        ({"outcome": "granted", "reason": "a\x00b"}, "unwritable_text"),
        ({"outcome": "granted", "text": "Dear Ada"}, "unknown_field"),
    ],
)
async def test_what_answers_nothing(
    desk: Desk, store: Store, said: dict[str, Any], code: str
) -> None:
    """Nobody declines a right; who is refused is told why."""
    await a_customer(store, id="cus_1")
    await asked(desk)
    with pytest.raises(Refusal) as refused:
        await desk.complete_task((await only(store, Task)).id, said, "jo")
    assert refused.value.code == code
    assert (await only(store, PrivacyRequest)).state == "open"


async def test_it_may_take_two_months_more_once(desk: Desk, store: Store, clock: FakeClock) -> None:
    """With a reason, and only while they can still be told in time."""
    await a_customer(store, id="cus_1")
    id_ = await asked(desk)
    with pytest.raises(Refusal, match="missing"):
        await desk.privacy_extend(id_, " ", "jo")
    await desk.privacy_extend(id_, "four systems to ask", "jo")
    row, task = await only(store, PrivacyRequest), await only(store, Task)
    assert (row.extended_at, row.due_at, task.due_at) == (NOON, LATER, LATER)
    late = await asked(desk, "rectify")
    clock.set(DUE + DAY)
    for request in (id_, late):
        with pytest.raises(Refusal) as refused:
            await desk.privacy_extend(request, "more", "jo")
        assert refused.value.status == 409
    with pytest.raises(Refusal, match="not_found"):
        await desk.privacy_extend("prv_none", "more", "jo")


async def test_its_people_are_reminded_a_week_before(
    desk: Desk, store: Store, clock: FakeClock
) -> None:
    """Once; two hours are not enough for what has a month. Nobody puts it off beyond its day."""
    await a_customer(store, id="cus_1")
    await asked(desk)
    task = (await only(store, Task)).id
    for moment, count in ((DUE - 8 * DAY, 0), (DUE - 6 * DAY, 1), (DUE - DAY, 1)):
        clock.set(moment)
        async with store.transaction() as session:
            await make_rounds(session, moment, HouseRules())
        said = [one.what for one in await rows(store, Notice)]
        assert said.count("reminder") == count
    with pytest.raises(Refusal) as refused:
        await desk.snooze(task, DUE + DAY, "later", "jo")
    assert refused.value.code == "promised"


# -- read ----------------------------------------------------------------------------------------


async def test_the_register_says_how_many_days_are_left(
    desk: Desk, store: Store, clock: FakeClock
) -> None:
    """By the office's calendar; none once it is closed."""
    await a_customer(store, id="cus_1")
    id_, reports = await asked(desk), Reports(store, clock)
    for moment, left in ((NOON, 30), (DUE, 0), (DUE + DAY, -1)):
        clock.set(moment)
        page = await privacy.requests(reports, customer="cus_1", state="open")
        assert page is not None
        assert [one.days_left for one in page.data] == [left]
    await desk.privacy_close(id_, "granted", reason=None, by="jo")
    one = await privacy.request(reports, id_)
    assert one is not None
    assert (one.days_left, one.state, one.what_to_do) == (None, "granted", "")
    assert await privacy.requests(reports, customer="cus_2") is None


async def test_the_proof_has_every_word(desk: Desk, store: Store) -> None:
    """What, when, where, in which words; which of them stands."""
    await a_customer(store, id="cus_1")
    for number, given in enumerate((True, False)):
        await kept(store, Consent(
            id=f"con_{number}", customer_id="cus_1", scope="email_marketing", given=given,
            at=NOON + number * DAY, source="checkout", wording="Send me news", recorded_at=NOON,
        ))  # fmt: skip
    page = await privacy.proof(Reports(store, desk.clock), "cus_1")
    assert page is not None
    assert [(one.given, one.stands, one.wording) for one in page.data] == [
        (False, True, "Send me news"), (True, False, "Send me news"),
    ]  # fmt: skip


async def test_the_record_is_made_of_what_there_is(memory_store: Store, clock: Clock) -> None:
    """Purposes with their basis; the providers and systems that are set, none of their secrets."""
    chosen: dict[str, Any] = {
        "email": "smtp", "smtp_url": "smtp://us:hush@mail.shop.example:587", "sms": "twilio",
        "systems": "crm=https://crm.shop.example/hooks/s3cret", "crm": "salesforce",
        "salesforce_url": "https://shop.my.salesforce.com", "salesforce_client_secret": "hush",
    }  # fmt: skip
    settings = Settings(_env_file=None, **chosen)
    await an_enrolment(memory_store, (await a_customer(memory_store)).id)
    made = await processing(Reports(memory_store, clock), settings)
    purposes = {one.sop: one for one in made.purposes}
    first = purposes["online-customer"]
    assert [basis.replace(",", ":").partition(":")[0] for basis in first.lawful_bases] == [
        "contract", "legitimate interest", "consent",
    ]  # fmt: skip
    assert (first.running, "use of the product" in first.data) == (1, True)
    assert [(one.name, one.where) for one in made.recipients] == [
        ("mail server", "mail.shop.example"), ("Twilio", "api.twilio.com"),
        ("crm", "crm.shop.example"), ("Salesforce", "shop.my.salesforce.com"),
    ]  # fmt: skip
    words = made.model_dump_json()
    assert not [secret for secret in ("hush", "s3cret", "Ada") if secret in words]
    nobody = await processing(Reports(memory_store, clock), Settings(_env_file=None))
    assert nobody.recipients == []


# -- the console and the terminal ----------------------------------------------------------------


async def test_the_console_shows_how_much_time_is_left(
    memory_store: Store, clock: FakeClock
) -> None:
    """Each with its task; what customers are called stays text; a lost filter finds nothing."""
    desk = a_desk(memory_store, clock, FakeTemporal())
    token = await an_account(memory_store, clock)
    async with browser(site_over(memory_store, clock), token=token) as http:
        assert "Nobody has asked" in (await http.get("/privacy")).text
        await a_customer(memory_store, id="cus_1", name="<script>alert(1)</script>")
        await asked(desk)
        page = (await http.get("/privacy?state=open&customer=cus_1")).text
        task = (await only(memory_store, Task)).id
        assert f'href="/tasks/{task}">Access</a>' in page
        assert "<td>30</td>" in page
        assert "<script>" not in page
        assert "No request fits" in (await http.get("/privacy?state=refused")).text
        assert "No request fits" in (await http.get("/privacy?customer=nobody")).text
        for lost in ("?state=lost", "?after=prv_none"):
            assert (await http.get(f"/privacy{lost}")).status_code == 404
        form = (await http.get(f"/tasks/{task}")).text
        assert 'value="granted"' in form
        assert "Decline" not in form


def test_it_goes_by_the_terminal(opened: Aftercare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken down, listed, extended, closed, proved; the record; each as JSON, too."""
    opened("start", "online-customer", "--customer", "-", stdin=json.dumps(ADA))
    said = ("privacy", "open", "ada@example.com", "--kind", "access")
    made = opened(*said, "--json").json
    assert (made["state"], made["days_left"] in range(28, 32)) == ("open", True)
    assert "already" in opened(*said).err
    assert made["id"] in opened("privacy").out
    longer = opened("privacy", "extend", made["id"], "--reason", "four systems")
    assert "Tell the customer" in longer.err
    refused = opened("privacy", "done", made["id"], "--outcome", "refused")
    assert (refused.code, "[missing]" in refused.err) == (1, True)
    done = opened("privacy", "done", made["id"], "--outcome", "granted", "--json").json
    assert (done["state"], done["days_left"]) == ("granted", None)
    assert opened("privacy").out == "No requests.\n"
    assert opened("privacy", "--all", "--json").json["data"][0]["id"] == made["id"]
    opened("privacy", "open", "C-1", "--kind", "object")
    proof = opened("privacy", "proof", "C-1")
    assert "objection" in proof.out
    assert len(opened("privacy", "proof", "C-1", "--json").json["data"]) == 3
    assert "article 6(1)(b)" in opened("privacy", "record").out
    assert opened("privacy", "record", "--json").json["controller"]["name"] == "Our Shop"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("open ada@example.com --kind forget", 2),
        ("open ada@example.com --kind access --received tomorrow", 2),
        ("open nobody@example.com --kind access", 1),
        ("open", 2),
        ("done prv_none --outcome granted", 1),
        ("done prv_none --outcome done", 2),
        ("extend prv_none --reason why", 1),
        ("proof nobody@example.com", 1),
    ],
)
def test_what_the_terminal_refuses(opened: Aftercare, words: str, code: int) -> None:
    """In words, without a trace."""
    said = opened("privacy", *words.split())
    assert said.code == code
    assert "aftercare" in said.err
    assert "Traceback" not in said.err


def test_systems_and_their_secrets(opened: Aftercare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each its own, by name alone for a script; never the address, in which a token may stand."""
    assert "AFTERCARE_SYSTEMS" in opened("systems").out
    where = "billing=https://b.example/t0ken,crm=https://c.example:8443/"
    monkeypatch.setenv("AFTERCARE_SYSTEMS", where)
    found = opened("systems", "--json").json["data"]
    assert [(one["name"], one["host"]) for one in found] == [
        ("billing", "b.example"), ("crm", "c.example:8443"),
    ]  # fmt: skip
    assert len({one["secret"] for one in found}) == 2
    assert opened("systems", "crm").out.strip() == found[1]["secret"]
    table = opened("systems").out
    assert found[0]["secret"] in table
    assert "t0ken" not in table
    assert opened("systems", "wiki").code == 2
    monkeypatch.setenv("AFTERCARE_SYSTEMS", "crm=http://c.example")
    broken = opened("systems")
    assert (broken.code, "AFTERCARE_SYSTEMS: Value error, crm: https://" in broken.err) == (1, True)


# -- the API -------------------------------------------------------------------------------------


async def test_it_goes_by_the_api(desk: Desk, store: Store) -> None:
    """Taken down once, read, extended, closed; each answer as the description has it."""
    await a_customer(store, id="cus_1")
    async with knocking(desk) as http:
        there = "/v1/customers/cus_1/privacy-requests"
        said = {"kind": "access", "received": "2026-11-20", "channel": "letter"}
        made = await http.post(there, json=said)
        again = await http.post(there, json=said)
        assert (made.status_code, again.status_code) == (201, 200)
        assert made.json() == again.json()
        one = f"/v1/privacy-requests/{made.json()['id']}"
        longer = await http.post(f"{one}/extend", json={"reason": "four systems"})
        assert longer.json()["due_at"].startswith("2027-02-20")
        closed = await http.post(f"{one}/close", json={"outcome": "granted"})
        assert (closed.status_code, closed.json()["state"]) == (200, "granted")
        for path, count in (
            (there, 1), (f"{there}?state=open", 0), ("/v1/privacy-requests?state=granted", 1),
            ("/v1/customers/cus_1/consents", 0),
        ):  # fmt: skip
            assert len((await http.get(path)).json()["data"]) == count
        assert (await http.get("/v1/privacy/record")).json()["controller"]["name"] == "Our Shop"


@pytest.mark.parametrize(
    "asked",
    [
        ("POST", "/v1/customers/cus_2/privacy-requests", {"kind": "access"}, 404),
        ("GET", "/v1/customers/cus_2/privacy-requests", None, 404),
        ("GET", "/v1/customers/cus_2/consents", None, 404),
        ("POST", "/v1/customers/cus_1/privacy-requests", {"kind": "forget"}, 422),
        ("POST", "/v1/customers/cus_1/privacy-requests", {"kind": ["access"]}, 422),
        ("POST", "/v1/customers/cus_1/privacy-requests", {}, 422),
        ("POST", "/v1/customers/cus_1/privacy-requests", {"kind": "access", "x": 1}, 422),
        *(
            ("POST", "/v1/customers/cus_1/privacy-requests", {"kind": "access", "received": day},
             422)
            for day in DAYS
        ),
        ("GET", "/v1/privacy-requests?state=lost", None, 422),
        ("GET", "/v1/privacy-requests?starting_after=x", None, 422),
        ("POST", "/v1/privacy-requests/x/close", {"outcome": "granted"}, 404),
        ("POST", "/v1/privacy-requests/x/close", {"outcome": "done"}, 422),
        ("POST", "/v1/privacy-requests/x/extend", {"reason": "why"}, 404),
        ("POST", "/v1/privacy-requests/x/extend", {}, 422),
    ],
)  # fmt: skip
async def test_nonsense_at_the_door(
    memory_store: Store, clock: FakeClock, asked: tuple[str, str, Any, int]
) -> None:
    """A problem by its code, and nothing is written."""
    method, path, body, status = asked
    await a_customer(memory_store, id="cus_1")
    async with knocking(a_desk(memory_store, clock, FakeTemporal())) as http:
        answer = await http.request(method, path, json=body)
    is_problem(answer, status, answer.json()["code"], answer.json().get("param"))
    assert answer.json()["code"] in CODES
    assert not await rows(memory_store, PrivacyRequest)
