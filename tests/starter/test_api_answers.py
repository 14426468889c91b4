"""Around every answer: its id and headers, one shape of errors, pages, probes, the reference."""

from __future__ import annotations

import html

import pytest

from activities.crm.store import Store
from activities.crm.tables import Enrolment, Task
from starter.api import create_app
from starter.api.problems import CODES
from starter.health import Check
from tests.factories import NOON, FakeClock
from tests.starter.doors import FakeDesk, app_over, client, furnished, is_problem, knocking


@pytest.fixture
async def desk(memory_store: Store, clock: FakeClock) -> FakeDesk:
    return await furnished(memory_store, clock)


async def test_every_answer_has_an_id_and_safe_headers(desk: FakeDesk) -> None:
    """Good or bad, known address or not."""
    async with knocking(desk) as http:
        for path in ("/v1/follow-ups", "/livez", "/nowhere", "/docs", "/openapi.json"):
            headers = (await http.get(path)).headers
            assert headers["request-id"].startswith("req_")
            assert headers["x-content-type-options"] == "nosniff"
            assert "default-src 'self'" in headers["content-security-policy"]


async def test_what_is_not_routed_is_a_problem_too(desk: FakeDesk) -> None:
    """404 and 405 have the shape of all errors."""
    async with knocking(desk) as http:
        is_problem(await http.get("/v1/nothing"), 404, "not_found")
        is_problem(await http.get("/v1/follow-ups/"), 404, "not_found")
        answer = await http.delete("/v1/follow-ups")
        is_problem(answer, 405, "method_not_allowed")
        assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]


async def test_probes(desk: FakeDesk) -> None:
    """Without Temporal events are still kept, so traffic stays; without a database it goes."""
    gone = [Check("database", "broken", "secret host")]
    away = [Check("database", "ok", ""), Check("temporal", "broken", "")]
    for checks, status, word in [
        (None, 200, "ready"),
        (away, 200, "degraded"),
        (gone, 503, "unavailable"),
    ]:
        async with client(app_over(desk, checks)) as http:
            assert (await http.get("/livez")).json() == {"status": "ok"}
            answer = await http.get("/readyz")
            assert (answer.status_code, answer.json()["status"]) == (status, word)
            assert "secret" not in answer.text


async def test_lists_turn_their_pages(desk: FakeDesk) -> None:
    """Newest first, `has_more`, and a cursor that must be one of them."""
    async with desk.store.transaction() as session:
        for number in range(2, 6):
            fields = {"subject": str(number), "customer_id": "cus_1", "sop": "keep-in-touch"}
            session.add(
                Enrolment(
                    id=f"keep-in-touch.{number}",
                    sop_version="1",
                    started_at=NOON,
                    input={},
                    **fields,
                )
            )
    async with knocking(desk) as http:
        query = {"sop": "keep-in-touch", "limit": "3"}
        page = (await http.get("/v1/follow-ups", params=query)).json()
        ids = [one["id"] for one in page["data"]]
        assert (ids, page["has_more"]) == (
            ["keep-in-touch.5", "keep-in-touch.4", "keep-in-touch.3"],
            True,
        )
        rest = (await http.get("/v1/follow-ups", params=query | {"starting_after": ids[-1]})).json()
        assert [one["id"] for one in rest["data"]] == ["keep-in-touch.2"]
        assert rest["has_more"] is False
        for wrong, code in [
            ({"starting_after": "x"}, "unknown_cursor"),
            ({"limit": "0"}, "invalid"),
            ({"limit": "101"}, "invalid"),
            ({"state": "sleeping"}, "invalid"),
            ({"sop": "nope"}, "unknown_sop"),
            ({"colour": "red"}, "unknown_parameter"),
        ]:
            answer = await http.get("/v1/follow-ups", params=wrong)
            is_problem(answer, 422, code, next(iter(wrong)))


@pytest.mark.parametrize(
    ("address", "wrong", "code", "told"),
    [
        ("/v1/follow-ups", "sop=nope", "unknown_sop", "online-customer"),
        ("/v1/messages", "state=nonsense", "invalid", "unknown"),
        ("/v1/tasks", "state=nonsense", "invalid", "withdrawn"),
        ("/v1/tasks", "role=king", "unknown_role", "customer-excellence-officer (csr)"),
    ],
)
async def test_a_filter_that_names_nothing_is_refused(
    desk: FakeDesk, address: str, wrong: str, code: str, told: str
) -> None:
    """A misspelt filter is no empty list; the answer says what there is."""
    async with knocking(desk) as http:
        answer = await http.get(f"{address}?{wrong}")
    is_problem(answer, 422, code, wrong.partition("=")[0])
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("name", ["csr", "CSR", "customer-excellence-officer"])
async def test_a_role_by_any_of_its_names(desk: FakeDesk, name: str) -> None:
    """Asked for by its short name or its long one, it is answered with the long one."""
    async with desk.store.transaction() as session:
        (await session.get_one(Task, "task_1")).role = "customer-excellence-officer"
    async with knocking(desk) as http:
        found = (await http.get("/v1/tasks", params={"role": name})).json()["data"]
    assert [one["role"] for one in found] == ["customer-excellence-officer"]


async def test_the_reference_loads_nothing_from_elsewhere(desk: FakeDesk) -> None:
    """One page and one style sheet, both from here; every operation and code is on it."""
    async with knocking(desk) as http:
        page = (await http.get("/docs")).text
        css = await http.get("/docs/reference.css")
        document = (await http.get("/openapi.json")).json()
    assert css.headers["content-type"].startswith("text/css")
    assert "http" not in css.text
    assert "<script" not in page
    assert "style=" not in page
    examples = page.count("https://meet.example.com")  # in what a body may be: loaded by nobody
    assert page.count("://") == page.count("http://127.0.0.1:8000") + examples
    for path, operations in document["paths"].items():
        assert f"<code>{path}</code>" in page
        for operation in operations.values():
            assert operation["summary"] in html.unescape(page)
    for code in CODES:
        assert f'id="{code}"' in page


async def test_the_document_says_which_key_and_which_errors(desk: FakeDesk) -> None:
    """Each operation under /v1 names its scope and the shape of its problems."""
    document = create_app(desk).openapi()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path.startswith("/v1/"):
                assert operation["security"][0]["key"][0] in {"read", "write", "admin"}
                assert "default" in operation["responses"]
                assert "422" not in operation["responses"]
            else:
                assert "security" not in operation
