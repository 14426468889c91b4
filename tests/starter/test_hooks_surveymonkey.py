"""Answers of SurveyMonkey's: told by ids, fetched once, and an opinion like any other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from activities.crm.store import Store
from activities.crm.tables import Case, Feedback, Inbox, Message, Note, PolicyVersion, Task
from activities.fakes.faults import Fault
from activities.fakes.surveymonkey import (
    FakeSurveyMonkey,
    chosen,
    out_of_ten,
    stars,
    written,
)
from activities.rendering import tokens
from starter.desk import Desk
from starter.senders.surveymonkey import MOST
from tests.factories import NOON, FakeClock, a_customer, kept
from tests.starter.front import FakeTemporal, a_desk, only, rows
from tests.starter.hooks import surveymonkey, visiting
from tests.starter.lives_on_show import a_message

KEY = "s" * 32
PATH = "/hooks/surveymonkey"
PRODUCT, OVERALL = "What do you think of our <b>Product</b>?", "Overall, are you content?"


@pytest.fixture
async def fake() -> AsyncIterator[FakeSurveyMonkey]:
    """Where it answers is its `webhook` turned round: whatever asks it is told the address."""
    one = FakeSurveyMonkey()
    async with one.serving() as base:
        one.webhook = base
        yield one


@pytest.fixture
def desk(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal, fake: FakeSurveyMonkey
) -> Desk:
    """For what is not about the database."""
    return a_house(memory_store, clock, temporal, fake)


def a_house(
    store: Store, clock: FakeClock, temporal: FakeTemporal, fake: FakeSurveyMonkey, **more: Any
) -> Desk:
    known = {
        "secret_key": KEY,
        "surveymonkey_secret": fake.secret,
        "surveymonkey_token": fake.access_token,
        "surveymonkey_api_base": fake.webhook,
    }
    return a_desk(store, clock, temporal, **known | more)


async def asked(desk: Desk, template: str = "onboarding-survey") -> tuple[Message, dict[str, str]]:
    """A message that went, and what its link brings along."""
    await a_customer(desk.store, id="cus_1")
    message = await a_message(desk.store, "cus_1", template=template)
    return message, {"r": tokens.make_short(KEY, "feedback", message.id)}


async def post(desk: Desk, body: bytes, **headers: str) -> httpx2.Response:
    async with visiting(desk) as client:
        return await client.post(PATH, content=body, headers=surveymonkey(body) | headers)


async def told(desk: Desk) -> Inbox:
    row: Inbox
    (row,) = [row for row in await rows(desk.store, Inbox) if row.type == PATH.strip("/")]
    return row


async def again(desk: Desk, clock: FakeClock, **span: float) -> None:
    """So much later, whoever looks after the inbox comes by."""
    clock.advance(timedelta(**span))
    await desk.intake.carry_out_stored(desk.clock.now())


def reasons(row: Inbox) -> list[str]:
    return [effect["reason"] for effect in row.effects if "reason" in effect]


# -- what becomes of an answer -------------------------------------------------------------------


async def test_an_answer_becomes_feedback(
    store: Store, clock: FakeClock, temporal: FakeTemporal, fake: FakeSurveyMonkey
) -> None:
    """In numbers from 0 to 100 and in words, of the customer and to the message of the link."""
    desk = a_house(store, clock, temporal, fake)
    message, link = await asked(desk)
    said = stars(PRODUCT, 4), stars(OVERALL, 5), written("Anything else?", "Mo was <kind>.")
    answer = await post(desk, fake.event(fake.respond(link, *said), id_="77"))
    assert (answer.status_code, fake.looked_up) == (200, 1)
    row: Feedback = await only(desk.store, Feedback)
    assert (row.product, row.overall, row.source) == (75, 100, "surveymonkey")
    assert (row.customer_id, row.message_key) == ("cus_1", message.key)
    note: Note = await only(desk.store, Note)
    assert (note.method, note.summary or note.feedback) == ("form", "Mo was <kind>.")
    delivery = await told(desk)
    assert (delivery.event_id, delivery.source, delivery.state) == ("77", "surveymonkey", "done")


async def test_a_low_score_opens_a_complaint(desk: Desk, fake: FakeSurveyMonkey) -> None:
    """Like one of our own form's: somebody sees to it."""
    _, link = await asked(desk)
    await post(desk, fake.event(fake.respond(link, stars(OVERALL, 1))))
    case: Case = await only(desk.store, Case)
    assert (case.kind, case.customer_id) == ("complaint", "cus_1")


async def test_the_same_is_fetched_once(desk: Desk, fake: FakeSurveyMonkey) -> None:
    """However often it is told; and a second webhook's word of the same answer is the same."""
    _, link = await asked(desk)
    response = fake.respond(link, stars(OVERALL, 5))
    body = fake.event(response, id_="1")
    for _ in range(5):
        assert (await post(desk, body)).is_success
    assert fake.looked_up == 1
    await post(desk, fake.event(response, id_="2"))
    assert len(await rows(desk.store, Feedback)) == 1


async def test_what_was_changed_counts_anew(desk: Desk, fake: FakeSurveyMonkey) -> None:
    """A respondent may come back to their answers."""
    _, link = await asked(desk)
    response = fake.respond(link, stars(OVERALL, 5))
    await post(desk, fake.event(response))
    row = fake.book.all.pop()
    changed = json.loads(row.raw) | {"date_modified": "2026-11-23T12:30:00+00:00"}
    changed["pages"][0]["questions"] = [stars(OVERALL, 4)]
    fake.book.take(type(row)(**vars(row) | {"raw": json.dumps(changed).encode()}))
    await post(desk, fake.event(response, "response_updated"))
    assert {row.overall for row in await rows(desk.store, Feedback)} == {100, 75}


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("response_created", "response"),
        ("response_deleted", "response"),
        ("survey_updated", "survey"),
        ("response_completed", "collector"),
    ],
)
async def test_other_news_costs_no_call(
    desk: Desk, fake: FakeSurveyMonkey, what: str, kind: str
) -> None:
    """Of five hundred a day none is spent on what says nothing of what anybody thinks."""
    said = json.loads(fake.event("1", what)) | {"object_type": kind}
    await post(desk, json.dumps(said).encode())
    assert (fake.looked_up, reasons(await told(desk))) == (0, ["nothing_new"])


# -- how the questions are read ------------------------------------------------------------------


async def test_questions_go_by_their_headings(desk: Desk, fake: FakeSurveyMonkey) -> None:
    """As the house calls them; a recommendation counts by its number, an answer by its words."""
    rules = {"surveys": {"product": ["machine"], "points": 7, "answers": {"Went well": 80}}}
    policy = PolicyVersion(
        id="pol_1", name="house", version=1, body=rules, at=NOON, approved_by="mo"
    )
    await kept(desk.store, policy)
    _, link = await asked(desk)
    said = (
        stars("How is the machine?", 4),
        out_of_ten("Would you recommend us to a friend?", 9),
        chosen("And the call, overall?", "went  well"),
        stars("The weather?", 1),
    )
    await post(desk, fake.event(fake.respond(link, *said)))
    row: Feedback = await only(desk.store, Feedback)
    assert (row.product, row.overall) == (50, 85)


@pytest.mark.parametrize(("number", "overall"), [(10, 100), (9, 90), (7, 70), (6, 60), (0, 0)])
async def test_a_net_promoter_score_in_whatever_words(
    desk: Desk, fake: FakeSurveyMonkey, number: int, overall: int
) -> None:
    """It is known by its kind: by weights that stars never have, of numbers that they stand for."""
    _, link = await asked(desk)
    said = (out_of_ten("Wie gern kommen Sie wieder?", number), stars("The weather?", 3))
    await post(desk, fake.event(fake.respond(link, *said)))
    row: Feedback = await only(desk.store, Feedback)
    assert (row.product, row.overall) == (None, overall)


async def test_what_no_word_names_stands_for_all_of_it(desk: Desk, fake: FakeSurveyMonkey) -> None:
    """A survey of one question needs no rules; whom it asks for is nobody's opinion."""
    _, link = await asked(desk)
    person = written("Your name", "Ada Lovelace") | {"family": "demographic"}
    await post(desk, fake.event(fake.respond(link, stars("How was it?", 4), person)))
    row: Feedback = await only(desk.store, Feedback)
    assert (row.product, row.overall) == (None, 75)
    assert all("Lovelace" not in (note.feedback or "") for note in await rows(desk.store, Note))


async def test_a_better_answer_than_there_is(desk: Desk, fake: FakeSurveyMonkey) -> None:
    """The rules are wrong: an engineer looks, and it waits as it came."""
    _, link = await asked(desk)
    await post(desk, fake.event(fake.respond(link, stars(OVERALL, 7))))
    assert ((await told(desk)).state, (await told(desk)).error) == ("failed", "survey_points")
    assert (await only(desk.store, Task)).role == "engineer"
    assert await rows(desk.store, Feedback) == []


# -- whose it is ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"r": ""},
        {"r": "msg_1"},
        {"r": tokens.make_short("another key", "feedback", "msg_" + "a" * 20)},
        {"r": tokens.make_short(KEY, "reply", "msg_" + "a" * 20)},
        {"r": tokens.make_short(KEY, "feedback", "msg_" + "a" * 20)},  # ours, of nothing we know
        {"r": "\u0661" * 36},
        {"q": "x"},
    ],
)
async def test_a_foreign_or_forged_token_is_nobodys(
    desk: Desk, fake: FakeSurveyMonkey, variables: dict[str, str]
) -> None:
    await asked(desk)
    await post(desk, fake.event(fake.respond(variables, stars(OVERALL, 1))))
    assert reasons(await told(desk)) == ["not_ours"]
    assert await rows(desk.store, Feedback) == []


async def test_a_script_is_not_heard_for_ever(desk: Desk, fake: FakeSurveyMonkey) -> None:
    _, link = await asked(desk)
    for _ in range(MOST + 2):
        await post(desk, fake.event(fake.respond(link, stars(OVERALL, 5))))
    assert len(await rows(desk.store, Feedback)) == MOST


async def test_what_is_not_signed_is_refused(desk: Desk, fake: FakeSurveyMonkey) -> None:
    """None, another's, one for other bytes; and nobody asks SurveyMonkey anything."""
    _, link = await asked(desk)
    body = fake.event(fake.respond(link, stars(OVERALL, 5)))
    bad = ["", "x", surveymonkey(body, "client&other")["sm-signature"], "\u00e9"]
    bad.append(surveymonkey(body + b" ")["sm-signature"])
    async with visiting(desk) as client:
        for one in bad:
            headers = [(b"sm-signature", one.encode())]
            assert (await client.post(PATH, content=body, headers=headers)).status_code == 401
        assert (await client.post(PATH, content=body)).status_code == 401
        assert (await client.head(PATH)).status_code == 200
    assert (fake.looked_up, await rows(desk.store, Inbox)) == (0, [])


@pytest.mark.parametrize(
    "change",
    [
        {"object_id": "../../users/me"},
        {"object_id": 7},
        {"object_id": "\u0661"},
        {"resources": {"survey_id": "1/2"}},
        {"resources": []},
        {"resources": {}},
    ],
)
async def test_an_id_that_is_none_is_not_asked_for(
    desk: Desk, fake: FakeSurveyMonkey, change: dict[str, Any]
) -> None:
    said = json.loads(fake.event("1")) | change
    await post(desk, json.dumps(said).encode())
    assert ((await told(desk)).state, fake.looked_up) == ("failed", 0)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b"[" * 5000, b'{"event_id": 7}'])
async def test_any_body_is_taken_and_nothing_comes_of_it(
    desk: Desk, fake: FakeSurveyMonkey, body: bytes
) -> None:
    assert (await post(desk, body)).status_code == 200
    assert (await told(desk)).event_id == (await told(desk)).digest
    assert fake.looked_up == 0


@pytest.mark.parametrize(
    "pages",
    [
        None,
        "x",
        [None, {"questions": [7, {"answers": [None, {"text": ["x"]}]}]}],
        [{"questions": [{"heading": 7, "answers": [{"choice_id": "1", "choice_metadata": 3}]}]}],
        [{"questions": [{"heading": "overall", "answers": [{"text": "\ud800\x00\x07"}]}]}],
    ],
)
async def test_an_answer_of_another_shape_says_nothing(
    desk: Desk, fake: FakeSurveyMonkey, pages: Any
) -> None:
    _, link = await asked(desk)
    response = fake.respond(link)
    row = fake.book.all.pop()
    raw = json.dumps(json.loads(row.raw) | {"pages": pages}).encode()
    fake.book.take(type(row)(**vars(row) | {"raw": raw}))
    await post(desk, fake.event(response))
    assert reasons(await told(desk)) == ["nothing_said"]


# -- when it does not answer ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.UNAVAILABLE, "no_answer"),
        (Fault.ERROR_BEFORE, "no_answer"),
        (Fault.RESET_BEFORE, "no_answer"),
        (Fault.RATE_LIMITED, "rate_limited"),
        (Fault.HTML, "bad_answer"),
        (Fault.EMPTY, "bad_answer"),
        (Fault.HALF_JSON, "bad_answer"),
        (Fault.WRONG_TYPE, "bad_answer"),
        (Fault.HUGE, "bad_answer"),
        (Fault.REDIRECT, "bad_answer"),
        (Fault.UNAUTHORISED, "unauthorised"),
    ],
)
async def test_it_is_read_later(
    desk: Desk, clock: FakeClock, fake: FakeSurveyMonkey, fault: Fault, code: str
) -> None:
    """Whatever is in the way; meanwhile it is left in peace, and then nothing is lost."""
    _, link = await asked(desk)
    fake.look_ups.next.append(fault)
    await post(desk, fake.event(fake.respond(link, stars(OVERALL, 5))))
    waiting = await told(desk)
    assert (waiting.state, waiting.error, waiting.attempts) == ("stored", code, 1)
    await again(desk, clock, seconds=10)
    assert fake.looked_up == 1  # its turn, but not yet a good moment
    await again(desk, clock, minutes=16)
    assert (await only(desk.store, Feedback)).overall == 100
    assert fake.looked_up == 2


async def test_a_day_has_so_many_calls(
    desk: Desk, clock: FakeClock, fake: FakeSurveyMonkey
) -> None:
    """What is over it waits for the next day, as it is asked to, and no call is spent before."""
    _, link = await asked(desk)
    fake.daily = 1
    for _ in range(3):
        await post(desk, fake.event(fake.respond(link, stars(OVERALL, 5))))
    assert fake.looked_up == 2
    for _ in range(5):
        await again(desk, clock, minutes=11)
    assert fake.looked_up == 2
    fake.daily = 100
    await again(desk, clock, minutes=11)
    assert len(await rows(desk.store, Feedback)) == 3


async def test_nobody_there(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal, fake: FakeSurveyMonkey
) -> None:
    """A closed port, and a token that nobody has set yet: later."""
    for more, code in (
        ({"surveymonkey_api_base": "http://127.0.0.1:9"}, "no_answer"),
        ({"surveymonkey_token": "", "surveymonkey_api_base": "http://127.0.0.1:8"},
         "surveymonkey_token_missing"),
    ):  # fmt: skip
        desk = a_house(memory_store, clock, temporal, fake, **more)
        body = fake.event("1", id_=code)
        await post(desk, body)
        waiting = next(row for row in await rows(memory_store, Inbox) if row.event_id == code)
        assert (waiting.state, waiting.error) == ("stored", code)


async def test_an_answer_that_is_gone_is_for_an_engineer(
    desk: Desk, fake: FakeSurveyMonkey
) -> None:
    """Once: it is not asked for again, and the delivery stays as it came."""
    await post(desk, fake.event("404"))
    row = await told(desk)
    assert (row.state, row.error) == ("failed", "survey_response_not_found")
    assert (await only(desk.store, Task)).role == "engineer"


async def test_an_engineer_hears_once_that_the_token_is_wrong(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal, fake: FakeSurveyMonkey
) -> None:
    """However many answers wait; once it is mended, all of them are read."""
    desk = a_house(memory_store, clock, temporal, fake, surveymonkey_token="old")
    _, link = await asked(desk)
    for _ in range(3):
        await post(desk, fake.event(fake.respond(link, stars(OVERALL, 5))))
    for _ in range(12):
        await again(desk, clock, minutes=11)
    assert [task.role for task in await rows(memory_store, Task)] == ["engineer"]
    assert fake.looked_up <= 12
    mended = a_house(memory_store, clock, temporal, fake)
    await again(mended, clock, hours=1)
    assert len(await rows(memory_store, Feedback)) == 3


async def test_a_survey_on_the_fakes_own_page(desk: Desk, fake: FakeSurveyMonkey) -> None:
    """What a customer does with the link: its variable comes along by itself."""
    _, link = await asked(desk)
    base, fake.webhook = fake.webhook, ""
    async with httpx2.AsyncClient(base_url=base) as visitor:
        assert "A survey" in (await visitor.get("/r/ABC", params=link)).text
        form = {"q0": "5", "q1": "4", "ten": "10", "text": "All fine"}
        await visitor.post("/r/ABC", params=link, data=form)
    await post(desk, fake.event(fake.accepted[-1].id))
    row: Feedback = await only(desk.store, Feedback)
    assert (row.product, row.overall) == (100, 87.5)


async def test_hanging_is_away(
    desk: Desk, fake: FakeSurveyMonkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a hard time-out, whatever trickles in."""
    monkeypatch.setattr("starter.senders.asking.SECONDS", 0.2)
    for fault in (Fault.HANG_BEFORE, Fault.DRIP):
        fake.look_ups.next.append(fault)
        await post(desk, fake.event("1", id_=fault.value))
        desk.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    assert [row.error for row in await rows(desk.store, Inbox)] == ["no_answer", "no_answer"]
