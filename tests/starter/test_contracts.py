"""Contracts at the door: known bit by bit, set up system by system, each told to its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Contract, Enrolment, Establishment, Order, Task
from starter.desk import Desk
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept
from tests.starter.front import FakeTemporal, a_desk, an_event, effects, only, rows

OURS, OTHER = "onboarding.c1", "onboarding.c2"
HOUR = timedelta(hours=1)
KNOWN = {"contacts": [{"name": "Bo", "email": "bo@example.com"}], "needs": "Ten seats"}


@pytest.fixture
async def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """Ada, whose two contracts are each followed up."""
    await a_customer(store, id="cus_ada", email="ada@example.com")
    for name in ("c1", "c2"):
        row = Contract(id=name, customer_id="cus_ada", contacts=[], told_at={}, created_at=NOON)
        await kept(store, row)
        await an_enrolment(store, "cus_ada", sop="onboarding", subject=name, contract_id=name)
    temporal.started |= dict.fromkeys((OURS, OTHER))
    return a_desk(store, clock, temporal, sops="")


async def a_task(store: Store, form: str, checks: list[str], contract: str = "c1") -> None:
    row = Task(
        id=f"task_{form}",
        key=f"onboarding.{contract}/task/{form}",
        customer_id="cus_ada",
        follow_up=f"onboarding.{contract}",
        contract_id=contract,
        clause="4.1",
        role="sales-representative",
        title="do it",
        state="open",
        form=form,
        brief={"checks": checks},
        due_at=NOON + 24 * HOUR,
        created_at=NOON,
    )
    await kept(store, row)


def signed(at: Any = NOON, **contract: Any) -> dict[str, Any]:
    return an_event("contract.signed", occurred_at=at.isoformat(), contract={"id": "c1"} | contract)


def heard(temporal: FakeTemporal, follow_up: str = OURS) -> list[tuple[str, dict[str, Any]]]:
    return [(name, body) for id_, name, body in temporal.signals if id_ == follow_up]


async def test_signed_bit_by_bit(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """What was said once more completes the row, and settles the task that asked for it."""
    await a_task(store, "transfer", ["contacts", "needs", "account_manager"])
    await desk.receive("api", signed(**KNOWN))
    assert (await only(store, Task)).state == "open"
    await desk.receive("api", signed(NOON - HOUR, needs="old", account_manager="mo@example.com"))
    (row,) = [one for one in await rows(store, Contract) if one.id == "c1"]
    assert (row.needs, row.account_manager) == ("Ten seats", "mo@example.com")
    task = await only(store, Task)
    assert (task.state, task.reason, task.done_at) == ("done", "complete", NOON)
    ((name, body),) = heard(temporal)
    assert (name, body["task_id"], body["id"]) == ("task_done", task.id, f"done-{task.id}")
    await desk.receive("api", signed(account_manager="mo@example.com"))
    assert len(heard(temporal)) == 1
    assert not heard(temporal, OTHER)


async def test_signed_once(desk: Desk, store: Store) -> None:
    """What completes it later, or is heard later, does not sign it again; said is said."""
    for at in (NOON - 2 * HOUR, NOON - 3 * HOUR, NOON):
        await desk.receive("api", signed(at, **KNOWN))
    first = [row.signed_at for row in await rows(store, Contract) if row.id == "c1"]
    await desk.receive("api", signed(NOON - 2 * HOUR, signed_at=(NOON - HOUR).isoformat()))
    await desk.receive("api", signed(NOON))
    then = [row.signed_at for row in await rows(store, Contract) if row.id == "c1"]
    assert [*first, *then] == [NOON - 3 * HOUR, NOON - HOUR]


@pytest.mark.parametrize(("said", "counts"), [(-30, -30), (None, -1), (5, -1)])
async def test_its_24_hours_run_from_the_signing(
    desk: Desk, store: Store, said: int | None, counts: int
) -> None:
    """However late it is heard of; nothing is signed in the future."""
    at = {"signed_at": (NOON + said * HOUR).isoformat()} if said else {}
    news = signed(NOON - HOUR, **at) | {"contract": {"id": "c3", **at}}
    await desk.receive("api", news | {"customer": {"id": "cus_ada"}})
    (row,) = [one for one in await rows(store, Enrolment) if one.contract_id == "c3"]
    assert datetime.fromisoformat(row.input["purchased_at"]) == NOON + counts * HOUR


async def test_set_up_one_by_one(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Each system is ticked off by its own word; with the last of them the task is done."""
    await a_task(store, "set_up", ["billing", "support"])
    for system in ("billing", "billing", "support"):
        data = {"system": system, "reference": f"{system}-1"}
        event = an_event("account.provisioned", contract={"id": "c1"}, data=data)
        await desk.receive("api", event)
        assert (await only(store, Task)).state == ("open" if system == "billing" else "done")
    done = {(r.system, r.state, r.reference) for r in await rows(store, Establishment)}
    assert done == {("billing", "done", "billing-1"), ("support", "done", "support-1")}
    told = [(name, body.get("system")) for name, body in heard(temporal)]
    assert told == [
        ("account_provisioned", "billing"), ("account_provisioned", "billing"),
        ("account_provisioned", "support"), ("task_done", None),
    ]  # fmt: skip
    assert {body.get("contract_id") for _, body in heard(temporal)[:3]} == {"c1"}
    assert not heard(temporal, OTHER)


async def test_a_system_that_names_no_contract(desk: Desk, temporal: FakeTemporal) -> None:
    """Meant is the one whose follow-up was signalled; of two nobody can tell, so both hear it."""
    await desk.signal(OTHER, "account_provisioned", {"system": "crm"}, "mo")
    assert [body["contract_id"] for _, body in heard(temporal, OTHER)] == ["c2"]
    await desk.receive("api", an_event("account.provisioned", data={"system": "crm"}))
    both = [heard(temporal)[-1][1], heard(temporal, OTHER)[-1][1]]
    assert [body.get("contract_id") for body in both] == [None, None]


async def test_a_sale_is_its_orders_beginning(desk: Desk, store: Store) -> None:
    """Unless an earlier moment is known: then that counts, in whichever order they come."""
    at = (NOON - 5 * HOUR).isoformat()
    sale = an_event("sale.closed", occurred_at=at, order={"id": "1", "total": "9.00"})
    await desk.receive("api", sale)
    assert (await only(store, Order)).confirmed_at == NOON - 5 * HOUR
    earlier = (NOON - 6 * HOUR).isoformat()
    await desk.receive("api", an_event("order.confirmed", occurred_at=earlier, order={"id": "1"}))
    assert (await only(store, Order)).confirmed_at == NOON - 6 * HOUR
    said = {"id": "2", "confirmed_at": earlier}
    await desk.receive("api", an_event("order.confirmed", order=said))
    await desk.receive("api", an_event("sale.closed", occurred_at=at, order={"id": "2"}))
    assert {row.confirmed_at for row in await rows(store, Order)} == {NOON - 6 * HOUR}


async def test_a_call_of_ours(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Who called whom, and about which order, is told; what was said is not."""
    await desk.receive("api", an_event("order.confirmed", order={"id": "7"}))
    temporal.signals.clear()
    for way in ("out", "in"):
        data = {"channel": "phone", "direction": way, "text": "A word"}
        await desk.receive("api", an_event("interaction.logged", order={"id": "7"}, data=data))
    ours, theirs = (body for name, body in heard(temporal) if name == "interaction")
    assert (ours["ours"], ours["order_id"], theirs.get("ours")) == (True, "7", None)
    assert "A word" not in str(temporal.signals)


@pytest.mark.parametrize(
    "event",
    [
        an_event("account.provisioned", data={"system": "a b"}),
        an_event("account.provisioned", data={"system": ["billing"]}),
        an_event("account.provisioned", data={"systems": "billing"}),
        signed(contacts="Bo"),
        signed(contacts=[{"na me": "Bo"}]),
        signed(contacts=[{"name": "Bo"}] * 51),
        signed(needs="x" * 20_001),
        signed(office={"name": "Berlin"}),
        signed(signed_at="yesterday"),
        an_event("contract.signed"),
    ],
)
async def test_what_does_not_fit(desk: Desk, store: Store, event: dict[str, Any]) -> None:
    """It is refused by its place, and changes nothing."""
    batch = await an_answer(desk, event)
    assert batch.startswith(("data.", "contract"))
    assert not await rows(store, Establishment)


async def an_answer(desk: Desk, event: dict[str, Any]) -> str:
    """The place of what was refused."""
    try:
        return str(effects(await desk.receive("api", event)))
    except Exception as refusal:  # noqa: BLE001 - of any sort: which, the assertion says
        return str(getattr(refusal, "param", refusal))
