"""Tasks of a contract: whose they are, by whose hours, and what stands in their brief."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from activities.crm.consents import state
from activities.crm.house import house_rules
from activities.crm.rounds import make_rounds
from activities.crm.store import Store
from activities.crm.tables import Contract, Meeting, PolicyVersion, Suppression, Task
from starter.reports import Reports
from tests.activities.desk_work import check_in, enrolled, records, rows, step
from tests.factories import NOON, FakeClock, a_colleague, an_order, kept
from workflows.vocabulary import Form, Handed, Refused, Role
from workflows.vocabulary import Task as TaskNoun

TOKYO = {"country": "JP", "time_zone": "Asia/Tokyo"}


async def a_contract(store: Store, customer: str, **fields: Any) -> Contract:
    usual = {"id": "c1", "contacts": [], "told_at": {}, "created_at": NOON}
    return await kept(store, Contract(customer_id=customer, **(usual | fields)))


def set_up(customer: str, role: Role = Role.ACCOUNT_MANAGER, **fields: Any) -> TaskNoun:
    about = {"contract_id": "c1", "form": Form.SET_UP, "within": timedelta(hours=2)} | fields
    return TaskNoun(**step(customer, f"task/{role}"), role=role, what="set them up", **about)


async def test_its_account_manager_has_it(store: Store, clock: FakeClock) -> None:
    """If that is a colleague; what is not an account manager's is their owner's as ever."""
    for name in ("mo", "jo"):
        await a_colleague(store, f"{name}@example.com")
    customer = await enrolled(store, owner="jo@example.com")
    await a_contract(store, customer, account_manager="Mo@example.com")
    for role in (Role.ACCOUNT_MANAGER, Role.SALES, Role.SALES_MANAGER):
        await records(store, clock).hand_over(set_up(customer, role))
    whose = {task.role: task.assignee for task in await rows(store, Task)}
    assert whose == {
        "account-manager": "mo@example.com",
        "sales-representative": "jo@example.com",
        "sales-manager": None,
    }


async def test_a_name_is_no_colleague(store: Store, clock: FakeClock) -> None:
    """Whoever looks after the customer has it then; nobody, if nobody does."""
    customer = await enrolled(store)
    await a_contract(store, customer, account_manager="Somebody Else")
    await records(store, clock).hand_over(set_up(customer))
    assert [task.assignee for task in await rows(store, Task)] == [None]


async def test_by_the_hours_of_its_office(store: Store, clock: FakeClock) -> None:
    """Noon in London is evening in Tokyo: there it is for tomorrow morning."""
    house = {"offices": {"tokyo": TOKYO}}
    await kept(
        store,
        PolicyVersion(
            id="p", name="house", version=1, body=house, at=NOON, approved_by="mo",
        ),
    )  # fmt: skip
    customer = await enrolled(store)
    await a_contract(store, customer, office="tokyo")
    answer = await records(store, clock).hand_over(set_up(customer))
    assert isinstance(answer, Handed)
    assert answer.due == datetime(2026, 11, 24, 2, tzinfo=UTC)


async def test_its_brief_is_what_is_known_when_it_is_read(store: Store, clock: FakeClock) -> None:
    """The contract, the next meeting, what is left of the checks, what there is to read."""
    customer = await enrolled(store)
    await a_contract(store, customer, needs="Ten seats")
    noun = set_up(
        customer, form=Form.TRANSFER, checks=("needs", "contacts"), documents=("crm-manual", "x"),
        meeting_id="meet_1", feedback_id="fb_1",
    )  # fmt: skip
    answer = await records(store, clock).hand_over(noun)
    assert isinstance(answer, Handed)
    (row,) = await rows(store, Task)
    assert (row.contract_id, row.meeting_id, row.feedback_id) == ("c1", "meet_1", "fb_1")
    seen = await Reports(store, clock).task(row.id)
    assert seen is not None
    assert seen.brief["contract"]["needs"] == "Ten seats"
    assert (seen.brief["checks"], seen.brief["left"]) == (["needs", "contacts"], ["contacts"])
    assert [one["title"] for one in seen.brief["documents"]] == ["CRM User Manual (Document #456)"]
    assert "meeting" not in seen.brief
    meeting = Meeting(
        id="meet_1", uid="u", customer_id=customer, state="scheduled", sequence=0, minutes=60,
        starts_at=NOON + timedelta(days=1), told_at={}, created_at=NOON, updated_at=NOON,
    )  # fmt: skip
    await kept(store, meeting)
    async with store.transaction() as session:
        (await session.get_one(Contract, "c1")).contacts = [{"name": "Bo"}]
    seen = await Reports(store, clock).task(row.id)
    assert seen is not None
    assert (seen.brief["meeting"]["id"], seen.brief["left"]) == ("meet_1", [])
    clock.advance(days=2)
    seen = await Reports(store, clock).task(row.id)
    assert seen is not None
    assert "meeting" not in seen.brief


async def test_no_capacity_turns_a_meeting_down(store: Store, clock: FakeClock) -> None:
    """The customer comes to it, and no machine holds it; it takes its place, and keeps it."""
    house = {"care": {"daily": {"account-manager": 1}}}
    await kept(
        store,
        PolicyVersion(id="p", name="house", version=1, body=house, at=NOON, approved_by="mo"),
    )
    plain, best = await enrolled(store), await enrolled(store)
    await an_order(store, best, total="900")
    work = records(store, clock)
    script: dict[str, Any] = {"template": "onboarding-call", "role": Role.ACCOUNT_MANAGER}
    held = script | {"form": Form.MEETING, "meeting_id": "meet_1"}
    for customer in (plain, best):
        assert isinstance(await work.hand_over(check_in(customer, **held)), Handed)
    other = await enrolled(store)
    await an_order(store, other, total="9000")
    answer = await work.hand_over(check_in(other, role=Role.ACCOUNT_MANAGER))
    assert answer == Refused(reason="capacity")
    assert {task.state for task in await rows(store, Task)} == {"open"}


async def test_nobody_takes_a_meeting_back(store: Store, clock: FakeClock) -> None:
    """Its number may be dead and they may want no mail: they come to it all the same, and whoever
    holds it needs the script."""
    customer = await enrolled(store, phone="+447700900123", email=None)
    held = check_in(
        customer, template="onboarding-call", form=Form.MEETING, meeting_id="meet_1",
    )  # fmt: skip
    assert isinstance(await records(store, clock).hand_over(held), Handed)
    clock.set(NOON + timedelta(minutes=1))
    lost = Suppression(address="+447700900123", reason="dead", at=clock.now())
    await kept(store, lost)
    async with store.transaction() as session:
        await state(session, customer, {"all": False}, at=clock.now(), now=clock.now(), source="t")
        await make_rounds(session, clock.now(), await house_rules(session))
    assert [task.state for task in await rows(store, Task)] == ["open"]
