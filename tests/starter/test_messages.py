"""What a colleague writes of their own accord: to a case, beside it, or by itself; once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from activities.crm.cases import follow_up_of
from activities.crm.store import Store
from activities.crm.tables import Case, Draft, Enrolment, Task
from starter.answers import Refusal
from starter.desk import Desk
from tests.factories import NOON, FakeClock, a_customer
from tests.starter.doors import is_problem, knocking
from tests.starter.front import FakeTemporal, a_desk, an_event, effects, only, rows

WHO = {"id": "cus_ada"}
TEXT = "Dear Ada, canary words."


@pytest.fixture
async def desk(memory_store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    await a_customer(memory_store, id="cus_ada")
    return a_desk(memory_store, clock, temporal)


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[httpx2.AsyncClient]:
    async with knocking(desk) as client:
        yield client


async def asks(desk: Desk, what: str = "reply.received", **data: Any) -> Case:
    known = {row.id for row in await rows(desk.store, Case)}
    await desk.receive("api", an_event(what, customer=WHO, data={"text": "Hm?"} | data))
    found: list[Case] = [row for row in await rows(desk.store, Case) if row.id not in known]
    return found[0]


async def test_a_letter_of_its_own(desk: Desk, memory_store: Store, temporal: FakeTemporal) -> None:
    """Nothing is open: a follow-up of one message sends it, and knows its id alone."""
    sent = await desk.write("cus_ada", {"text": TEXT}, "jo")
    draft = await only(memory_store, Draft)
    assert (draft.body, draft.template, draft.by) == (TEXT, "personal-message", "jo")
    assert draft.subject
    assert [effect.follow_up for effect in sent.effects] == [f"correspondence.{draft.id}"]
    began = temporal.started[f"correspondence.{draft.id}"]
    assert (began.draft_id, began.customer_id) == (draft.id, "cus_ada")
    assert "anary" not in began.model_dump_json()


async def test_the_first_answer(desk: Desk, memory_store: Store, temporal: FakeTemporal) -> None:
    """It completes the task that asks for it, as if it had been written there."""
    case = await asks(desk)
    await desk.write("cus_ada", {"subject": "So", "text": TEXT}, "jo")
    task = await only(memory_store, Task)
    assert (task.state, task.outcome["by"]) == ("done", "jo")
    draft = await only(memory_store, Draft)
    assert (draft.task_id, draft.subject, draft.body) == (task.id, "So", TEXT)
    ((id_, name, body),) = temporal.signals
    assert (id_, name, body["draft_id"]) == (follow_up_of(case.id), "task_done", draft.id)
    assert (await only(memory_store, Case)).answered_by == "jo"


async def test_once_more(desk: Desk, memory_store: Store, temporal: FakeTemporal) -> None:
    """A complaint that was answered is open: what is written then goes beside the task."""
    case = await asks(desk, "complaint.opened")
    await desk.write("cus_ada", {"text": TEXT}, "jo")
    more = await desk.write("cus_ada", {"text": "And one thing more."}, "kim")
    assert effects(more) == [("signalled", None)]
    _, name, body = temporal.signals[-1]
    (draft,) = [row for row in await rows(memory_store, Draft) if row.task_id is None]
    assert (name, body["draft_id"], draft.template) == ("written", draft.id, "case-message")
    assert (await only(memory_store, Case)).answered_by == "jo"
    assert temporal.heard(follow_up_of(case.id)) == ["task_done", "written"]


async def test_which_case(desk: Desk, memory_store: Store, temporal: FakeTemporal) -> None:
    """Of several open ones it must be said; a closed one, or another customer's, is refused."""
    first, second = await asks(desk), await asks(desk, "complaint.opened")
    with pytest.raises(Refusal) as refused:
        await desk.write("cus_ada", {"text": TEXT}, "jo")
    assert (refused.value.code, refused.value.status) == ("which_case", 409)
    assert first.id in refused.value.detail
    await desk.write("cus_ada", {"text": TEXT, "case": f"case.{second.id}"}, "jo")
    assert temporal.heard(follow_up_of(second.id)) == ["task_done"]
    async with memory_store.transaction() as session:
        (await session.get_one(Case, first.id)).closed_at = NOON
    await a_customer(memory_store, id="cus_bob")
    for who, code in (("cus_ada", "case_closed"), ("cus_bob", "not_found")):
        with pytest.raises(Refusal) as refused:
            await desk.write(who, {"text": TEXT, "case": first.id}, "jo")
        assert (refused.value.code, refused.value.param) == (code, "case")


async def test_closed_before_it_was_heard(
    desk: Desk, memory_store: Store, temporal: FakeTemporal
) -> None:
    """The case's workflow ended meanwhile: what was written goes as a letter of its own."""
    case = await asks(desk, "complaint.opened")
    await desk.write("cus_ada", {"text": TEXT}, "jo")
    temporal.up = False
    queued = await desk.write("cus_ada", {"text": "And thanks."}, "jo")
    assert effects(queued) == [("queued", None)]
    async with memory_store.transaction() as session:
        (await session.get_one(Enrolment, follow_up_of(case.id))).ended_at = NOON
    temporal.up = True
    temporal.ended.add(follow_up_of(case.id))
    while await desk.relay.tell():
        pass
    (letter,) = [name for name in temporal.started if name.startswith("correspondence.")]
    draft = temporal.started[letter].draft_id
    (row,) = [row for row in await rows(memory_store, Draft) if row.id == draft]
    assert row.body == "And thanks."


async def test_to_nobody(desk: Desk, memory_store: Store) -> None:
    """Who was erased is written to by nobody."""
    await desk.receive("api", an_event("customer.erased", customer=WHO))
    with pytest.raises(Refusal) as refused:
        await desk.write("cus_ada", {"text": TEXT}, "jo")
    assert refused.value.code == "erased"
    assert not await rows(memory_store, Draft)


# -- over the API --------------------------------------------------------------------------------

URL = "/v1/customers/cus_ada/messages"


async def test_over_the_api(http: httpx2.AsyncClient, memory_store: Store) -> None:
    """A receipt, once per key, whichever way the message goes."""
    for number in range(2):
        for _ in range(2):
            answer = await http.post(URL, json={"text": TEXT}, headers={"Idempotency-Key": "k1"})
            assert answer.status_code == 200
        assert len(await rows(memory_store, Draft)) == 1, number
    (effect,) = answer.json()["effects"]
    assert effect["effect"] == "started"
    assert answer.json()["customer"] == "cus_ada"


async def test_once_even_after_a_crash(
    desk: Desk, memory_store: Store, temporal: FakeTemporal
) -> None:
    """The same request again, its first answer lost: nothing is written twice."""
    for _ in range(2):
        await desk.write("cus_ada", {"text": TEXT}, "jo", request="idem_1")
    assert len(temporal.started) == len(await rows(memory_store, Draft)) == 1
    case = await asks(desk, "complaint.opened")
    for _ in range(2):
        await desk.write("cus_ada", {"text": "So."}, "jo", request="idem_2")
    assert temporal.heard(follow_up_of(case.id)) == ["task_done"]


async def test_while_temporal_is_away(http: httpx2.AsyncClient, temporal: FakeTemporal) -> None:
    """It is kept, and said so."""
    temporal.up = False
    answer = await http.post(URL, json={"text": TEXT})
    assert answer.status_code == 202
    assert answer.json()["effects"][0]["effect"] == "queued"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing", "text"),
        ({"text": ""}, "invalid", "text"),
        ({"text": "   "}, "invalid", "text"),
        ({"text": "x" * 20_001}, "invalid", "text"),
        ({"text": "a\x00b"}, "invalid_text", None),
        ({"text": ["no"]}, "invalid", "text"),
        ({"text": TEXT, "subject": "two\nlines"}, "unprintable_text", "subject"),
        ({"text": TEXT, "subject": "x" * 201}, "invalid", "subject"),
        ({"text": TEXT, "case": "../../x"}, "invalid", "case"),
        ({"text": TEXT, "case": "case_1"}, "not_found", "case"),
        ({"text": TEXT, "to": "eve@example.com"}, "unknown_field", "to"),
    ],
)
async def test_hostile(
    http: httpx2.AsyncClient, memory_store: Store, body: Any, code: str, param: str | None
) -> None:
    """Refused by code and field, nothing is kept, and nothing is repeated."""
    answer = await http.post(URL, json=body)
    said = answer.json()
    assert said["code"] == code, said
    if param:
        is_problem(answer, 404 if code == "not_found" else 422, code, param)
    assert "anary" not in answer.text
    assert not await rows(memory_store, Draft)


async def test_to_a_stranger(http: httpx2.AsyncClient) -> None:
    is_problem(
        await http.post("/v1/customers/nobody/messages", json={"text": "x"}), 404, "not_found"
    )


async def test_once_even_if_its_case_is_closed_by_then(
    desk: Desk, memory_store: Store, temporal: FakeTemporal
) -> None:
    """The first press answered the case, which was over with it; the second sends no letter, nor
    is it refused. The same words under another name are meant."""
    case = await asks(desk)
    await desk.write("cus_ada", {"text": TEXT}, "jo", request="once_1")
    async with memory_store.transaction() as session:
        (await session.get_one(Case, case.id)).closed_at = NOON
        (await session.get_one(Enrolment, follow_up_of(case.id))).ended_at = NOON
    for letter in ({"text": TEXT}, {"text": TEXT, "case": case.id}):
        again = await desk.write("cus_ada", letter, "jo", request="once_1")
        assert effects(again) == [("already", None)]
    assert len(await rows(memory_store, Draft)) == 1
    assert effects(await desk.write("cus_ada", {"text": TEXT}, "jo", request="once_2")) == [
        ("started", None)
    ]
