"""Tasks change hands, wait, and are listed: at the desk, the API and the terminal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Audit, Decision, Notice, PolicyVersion, Staff, Task
from starter.answers import Refusal
from starter.colleagues import Change, set_out
from starter.desk import Desk
from starter.reports import Reports
from starter.reports.status import status
from starter.roles import known_roles, role_named
from tests.factories import NOON, FakeClock, a_colleague, a_customer, kept
from tests.starter.doors import furnished, is_problem, knocking
from tests.starter.front import effects, only, rows
from workflows.vocabulary import Role

JO, KIM = "jo@example.com", "kim@example.com"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def a_task(store: Store, name: str = "task_1", **fields: Any) -> str:
    row = Task(
        **{
            "id": name,
            "key": f"online-customer.cus_1/{name}",
            "role": Role.CSR.value,
            "title": "do it",
            "state": "open",
            "due_at": NOON + DAY,
            "created_at": NOON,
        }
        | fields
    )
    await kept(store, row)
    return name


async def test_a_task_is_given_to_a_colleague(desk: Desk, store: Store) -> None:
    """By address or id; who decided so and why is on record, and the colleague hears of it."""
    await a_colleague(store, JO)
    await a_colleague(store, KIM, id="sta_kim")
    task = await a_task(store, assignee=JO, snoozed_until=NOON + HOUR)
    assert effects(await desk.reassign(task, KIM, "knows them", "jo")) == [("recorded", None)]
    row = await only(store, Task)
    assert (row.assignee, row.role, row.snoozed_until) == (KIM, Role.CSR.value, None)
    assert effects(await desk.reassign(task, "sta_kim", "again", "jo")) == [("already", None)]
    why, audit, notice = [await only(store, table) for table in (Decision, Audit, Notice)]
    assert (why.outcome, why.facts["was"], why.facts["to"]) == ("reassigned", JO, KIM)
    assert (audit.what, audit.reason, audit.who) == ("task.reassigned", "knows them", "jo")
    assert notice.what == "reassigned"


async def test_a_task_goes_to_a_roles_queue(desk: Desk, store: Store) -> None:
    """By whatever the house calls the role; an engineer's stays an engineer's."""
    house = {"aliases": {"Front Desk": "customer-service"}}
    await kept(store, PolicyVersion(id="p", name="house", version=1, body=house, at=NOON,
                                    approved_by="jo"))  # fmt: skip
    task = await a_task(store, assignee=JO)
    await desk.reassign(task, "front_desk", "theirs", "jo")
    row = await only(store, Task)
    assert (row.role, row.assignee) == ("customer-service", None)
    with pytest.raises(Refusal) as refused:
        await desk.reassign(task, "engineer", "broken", "jo")
    assert refused.value.code == "invalid"


@pytest.mark.parametrize(
    ("to", "reason", "code"),
    [
        ("nobody@example.com", "why", "unknown_colleague"),
        ("gone@example.com", "why", "unknown_colleague"),
        ("away@example.com", "why", "away"),
        ("fron desk", "why", "unknown_role"),
        (JO, " ", "missing"),
    ],
)
async def test_whom_a_task_cannot_go_to(
    desk: Desk, store: Store, to: str, reason: str, code: str
) -> None:
    """Named, and nothing changes."""
    await a_colleague(store, JO)
    await a_colleague(store, "gone@example.com", disabled_at=NOON)
    await a_colleague(store, "away@example.com", away_until=NOON + DAY, deputy=JO)
    task = await a_task(store)
    with pytest.raises(Refusal) as refused:
        await desk.reassign(task, to, reason, "jo")
    assert refused.value.code == code
    assert JO in refused.value.detail or code != "away"
    assert not await rows(store, Audit)


async def test_a_task_waits_until_then(desk: Desk, store: Store, clock: FakeClock) -> None:
    """It is off the lists meanwhile; when it is due does not move."""
    task = await a_task(store)
    until = NOON + 2 * DAY
    assert effects(await desk.snooze(task, until, "on holiday", "jo")) == [("recorded", None)]
    row = await only(store, Task)
    assert (row.snoozed_until, row.due_at) == (until, NOON + DAY)
    reports = Reports(store, clock)
    assert not (await reports.tasks(state="open", awake=True)).data
    clock.set(until)
    (seen,) = (await reports.tasks(overdue=True, awake=True)).data
    assert (seen.id, seen.snoozed_until) == (task, until)


@pytest.mark.parametrize(
    ("fields", "until", "code"),
    [
        ({"case_id": "case_1"}, NOON + DAY + HOUR, "promised"),
        ({"urgent": True}, NOON + DAY + HOUR, "promised"),
        ({}, NOON, "invalid"),
        ({}, NOON + 32 * DAY, "invalid"),
    ],
)
async def test_what_was_promised_is_not_put_off(
    desk: Desk, store: Store, fields: Any, until: Any, code: str
) -> None:
    """Nor is anything put off for ever."""
    task = await a_task(store, **fields)
    with pytest.raises(Refusal) as refused:
        await desk.snooze(task, until, "later", "jo")
    assert (refused.value.code, refused.value.param) == (code, "until")
    await desk.snooze(task, NOON + HOUR, "after lunch", "jo")


async def test_what_is_closed_stays(desk: Desk, store: Store) -> None:
    """It says what it came to."""
    await a_colleague(store, JO)
    task = await a_task(store, state="done")
    assert effects(await desk.reassign(task, JO, "why", "jo")) == [("already", "done")]
    assert effects(await desk.snooze(task, NOON + HOUR, "why", "jo")) == [("already", "done")]


async def test_the_api_has_the_same(store: Store, clock: FakeClock) -> None:
    """Reassign and snooze, and lists by form, colleague, and what is overdue."""
    fake = await furnished(store, clock)
    await a_colleague(store, JO)
    await a_task(store, "task_2", form="call", assignee=JO, due_at=NOON - HOUR)
    async with knocking(fake) as http:
        said = {"to": JO, "reason": "knows them"}
        moved = await http.post("/v1/tasks/task_1/reassign", json=said)
        assert (moved.status_code, moved.json()["assignee"]) == (200, JO)
        later = {"until": "2026-11-23T15:00:00Z", "reason": "after lunch"}
        put_off = await http.post("/v1/tasks/task_1/snooze", json=later)
        assert put_off.json()["snoozed_until"] == "2026-11-23T15:00:00Z"
        is_problem(
            await http.post("/v1/tasks/task_1/snooze", json={"reason": "x"}),
            422,
            "missing",
            "until",
        )
        is_problem(await http.post("/v1/tasks/task_9/reassign", json=said), 404, "not_found")

        async def listed(query: str) -> list[str]:
            return [one["id"] for one in (await http.get(f"/v1/tasks?{query}")).json()["data"]]

        assert await listed("form=call") == ["task_2"]
        assert await listed("overdue=true") == ["task_2"]
        assert await listed("awake=true") == ["task_2"]
        assert await listed(f"assignee={JO}") == ["task_2", "task_1"]
        assert await listed("role=csr") == ["task_2"]
        is_problem(await http.get("/v1/tasks?role=nobody"), 422, "unknown_role", "role")


async def test_a_role_has_what_is_passed_up_to_it(store: Store, clock: FakeClock) -> None:
    """On its list, and on the status."""
    await a_task(store, escalated_to=Role.MANAGER.value, due_at=NOON - HOUR)
    (seen,) = (await Reports(store, clock).tasks(role=Role.MANAGER.value)).data
    assert seen.escalated_to == Role.MANAGER.value
    found = await status(store, clock)
    assert (found.tasks_overdue, found.tasks_escalated) == (1, 1)


async def test_what_is_known_of_a_colleague(store: Store, clock: FakeClock) -> None:
    """What is not named stays; each change is on record."""
    await a_colleague(store, JO)
    await a_colleague(store, KIM)
    said = Change.of(name="Jo Smith", deputy=KIM, away_until=NOON + DAY, capacity=20)
    await set_out(store, clock, JO, said, by="cli:ada")
    await set_out(store, clock, JO.upper(), Change.of(away_until=None, capacity=...), by="cli:ada")
    jo = next(row for row in await rows(store, Staff) if row.email == JO)
    assert (jo.name, jo.deputy, jo.away_until, jo.capacity) == ("Jo Smith", KIM, None, 20)
    assert [row.what for row in await rows(store, Audit)] == ["staff.set", "staff.set"]


@pytest.mark.parametrize(
    ("email", "said", "code", "param"),
    [
        (JO, {}, "missing", None),
        ("x@example.com", {"name": "X"}, "not_found", "email"),
        ("jo", {"name": "X"}, "invalid_email", "email"),
        (JO, {"deputy": JO}, "invalid", "deputy"),
        (JO, {"deputy": "x@example.com"}, "not_found", "deputy"),
        (JO, {"capacity": -1}, "invalid", "capacity"),
        (JO, {"name": "a\nb"}, "invalid", "name"),
        (JO, {"away_until": NOON - DAY}, "invalid", "away_until"),
    ],
)
async def test_what_a_colleague_cannot_be(  # noqa: PLR0917
    store: Store, clock: FakeClock, email: str, said: Any, code: str, param: str | None
) -> None:
    """Refused by the name of the field."""
    await a_colleague(store, JO)
    with pytest.raises(Refusal) as refused:
        await set_out(store, clock, email, Change.of(**said), by="ada")
    assert (refused.value.code, refused.value.param) == (code, param)


def test_roles_go_by_their_names() -> None:
    """Long, short, and spelt as people spell."""
    for said in ("CSR", "customer excellence officer", "customer-excellence-officer"):
        assert role_named(said) is Role.CSR
    assert [role_named(said) for said in ("service", "manager", "Quality")] == [
        Role.SERVICE, Role.MANAGER, Role.QUALITY,
    ]  # fmt: skip
    assert role_named("boss") is None
    assert "quality-assurance (quality)" in known_roles()


async def test_the_customer_is_locked_before_the_task(desk: Desk, store: Store) -> None:
    """A task that is about somebody is moved like any other."""
    customer = await a_customer(store)
    task = await a_task(store, customer_id=customer.id)
    await desk.reassign(task, "sales", "theirs", "jo")
    assert (await only(store, Decision)).customer_id == customer.id


async def test_who_has_heard_from_us_is_left_in_peace(desk: Desk, store: Store) -> None:
    """However often the call changes hands, and whoever would rather make it at once."""
    await a_colleague(store, KIM)
    then = NOON + 20 * HOUR
    call: dict[str, Any] = {
        "form": "call",
        "snoozed_until": then,
        "brief": {"free_from": then.isoformat()},
    }
    task = await a_task(store, **call)
    await desk.reassign(task, KIM, "knows them", "jo")
    assert (await only(store, Task)).snoozed_until == then
    with pytest.raises(Refusal) as refused:
        await desk.snooze(task, then - HOUR, "now", "kim")
    assert (refused.value.code, refused.value.param) == ("too_soon", "until")
    await desk.snooze(task, then + HOUR, "later", "kim")
    await desk.reassign(task, "sales", "theirs", "kim")
    assert (await only(store, Task)).snoozed_until == then  # what Kim had put off for herself
