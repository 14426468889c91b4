"""The relay: in order, from several processes, while Temporal is away, and on the real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.clock import SystemClock
from activities.crm import enrolments
from activities.crm.store import Store
from activities.crm.tables import Enrolment, Task, Telling
from starter import relay
from starter.answers import Receipt, Refusal
from starter.desk import Desk
from starter.relay import AwayError
from tests.chaos.temporal import TemporalServer
from tests.factories import NOON, FakeClock, a_customer, an_enrolment
from tests.starter.front import FakeTemporal, a_desk, an_event, an_order_event, effects, only, rows
from workflows.plugin import plugin

ADA = "online-customer.cus_ada"


async def tellings(store: Store, names: list[str], follow_up: str = ADA) -> None:
    async with store.transaction() as session:
        for name in names:
            enrolments.tell(session, NOON, follow_up, name=name, body={"id": name})
            await session.flush()


async def test_away_and_back(desk: Desk, clock: FakeClock, temporal: FakeTemporal) -> None:
    """What comes in while Temporal is away is queued, in order, and told when it is back."""
    temporal.up = False
    order = an_order_event()
    assert effects(await desk.receive("api", order)) == [("queued", None)]
    reply = await desk.receive("api", an_event("reply.received", data={"text": "Hi"}))
    assert effects(reply) == [("queued", None), ("queued", None)]
    with pytest.raises(AwayError):
        await desk.relay.tell()
    assert desk.relay.misses == 1
    temporal.up = True
    assert await desk.relay.tell() == 3
    assert desk.relay.misses == 0
    follow_up, case = sorted(temporal.started, reverse=True)
    assert case.startswith("case.")
    assert temporal.heard(follow_up) == ["responded"]
    told = await desk.receipt(order["id"])
    assert told
    assert effects(told) == [("started", None)]


async def test_longer_each_time(desk: Desk, temporal: FakeTemporal) -> None:
    """The longer Temporal is away, the longer the pause, up to half a minute."""
    pauses = []
    for misses in range(12):
        desk.relay.misses = misses
        pauses.append(max(desk.relay.pause() for _ in range(50)))
    assert pauses[0] < 1 < pauses[3] < 5
    assert max(pauses) <= 30


async def test_several_processes(store: Store, clock: FakeClock, temporal: FakeTemporal) -> None:
    """Told by many at once, each telling is heard once, and in order for each workflow."""
    customers = [f"cus_{n}" for n in range(5)]
    names = [f"signal-{n}" for n in range(6)]
    for customer in customers:
        await a_customer(store, id=customer)
        row = await an_enrolment(store, customer)
        temporal.started[row.id] = None
        await tellings(store, names, row.id)
    desks = [a_desk(store, clock, temporal) for _ in range(4)]
    await asyncio.gather(*(desk.relay.tell() for desk in desks))
    while await desks[0].relay.tell():
        pass
    for customer in customers:
        assert temporal.heard(f"online-customer.{customer}") == names


async def test_a_process_that_died(desk: Desk, store: Store, clock: FakeClock) -> None:
    """What somebody claimed and never told is told by another once the claim is over."""
    await a_customer(store, id="cus_ada")
    await tellings(store, ["hold", "resume"])
    async with store.transaction() as session:
        (claimed,) = await enrolments.claim(session, clock.real())
    assert claimed.name == "hold"
    async with store.transaction() as session:
        assert await enrolments.claim(session, clock.real()) == []
    clock.advance(enrolments.LEASE + timedelta(seconds=1))
    async with store.transaction() as session:
        (again,) = await enrolments.claim(session, clock.real())
    assert (again.seq, again.attempts) == (claimed.seq, 2)


async def test_one_that_is_not_accepted(
    desk: Desk, store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """A telling that Temporal does not accept waits longer and longer, and holds up no other."""
    await tellings(store, ["lost"], "online-customer.nobody")
    await tellings(store, ["broken"], "no-enrolment.at-all")
    async with store.transaction() as session:
        row = (await enrolments.claim(session, clock.real(), only=["no-enrolment.at-all"]))[0]
        row.verb, row.claimed_until = "start", None
    await desk.receive("api", an_order_event())
    assert len(temporal.started) == 1
    await desk.relay.tell()
    untold = [row for row in await rows(store, Telling) if row.told_at is None]
    assert [row.name for row in untold] == ["broken"]
    assert untold[0].claimed_until > clock.real()


async def test_one_that_is_never_accepted(desk: Desk, store: Store, clock: FakeClock) -> None:
    """Everything behind it waits with it, so an engineer hears of it: once, not at every try."""
    async with store.transaction() as session:
        enrolments.tell(session, NOON, ADA, verb="start", name="online-customer", body={})
    calls = []
    for _ in range(8):
        await desk.relay.tell()
        calls.append(len(await rows(store, Task)))
        clock.advance(minutes=11)
    assert calls == [0] * 4 + [1] * 4
    task = await only(store, Task)
    assert (task.role, task.follow_up) == ("engineer", ADA)
    assert "LookupError" in task.title


async def test_too_late(desk: Desk, store: Store, clock: FakeClock, temporal: FakeTemporal) -> None:
    """To a follow-up that ended meanwhile: keep-in-touch hears it, else a person."""
    await a_customer(store, id="cus_ada")
    await an_enrolment(store, "cus_ada", state="completed", ended_at=NOON)
    await tellings(store, ["common_issue", "order_shipped", "began_earlier"])
    while await desk.relay.tell():
        pass
    told = [row.result for row in await rows(store, Telling)]
    assert told == ["a_person_is_told", "ended", "ended"]
    assert "common_issue" in (await only(store, Task)).title
    await an_enrolment(store, "cus_ada", sop="keep-in-touch")
    temporal.started["keep-in-touch.cus_ada"] = None
    await tellings(store, ["common_issue"])
    await desk.relay.tell()
    assert temporal.heard("keep-in-touch.cus_ada") == ["common_issue"]


async def test_lost_in_temporal(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """A follow-up that runs in the tables and not in Temporal is for an engineer to look into."""
    await a_customer(store, id="cus_ada")
    await an_enrolment(store, "cus_ada")
    await tellings(store, ["order_shipped", "responded"])
    await desk.relay.tell()
    task = await only(store, Task)
    assert (task.role, task.key) == ("engineer", f"lost/{ADA}")


# -- the real server -------------------------------------------------------------------------


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[TemporalServer]:
    running = TemporalServer(tmp_path)
    await running.start()
    yield running
    running.kill()


async def client_of(server: TemporalServer) -> Client:
    return await Client.connect(server.address, plugins=[plugin], lazy=True)


async def test_ten_orders_while_temporal_is_stopped(
    memory_store: Store, server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten orders come in while the server is down: all are kept, and all start when it is back."""
    monkeypatch.setattr(relay, "AT_ONCE", 0.5)
    server.kill()
    client = await client_of(server)
    desk = a_desk(memory_store, SystemClock(), client)
    said = [an_order_event(f"o{n}", customer={"email": f"c{n}@example.com"}) for n in range(10)]
    answers = await asyncio.gather(*(desk.receive("api", event) for event in said))
    assert all(answer.queued for answer in answers)
    loop = asyncio.create_task(desk.run())
    try:
        await server.start()
        async with asyncio.timeout(60):
            while any(row.told_at is None for row in await rows(memory_store, Telling)):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
    finally:
        loop.cancel()
    for row in await rows(memory_store, Enrolment):
        described = await client.get_workflow_handle(row.id).describe()
        assert described.status is WorkflowExecutionStatus.RUNNING
        assert described.workflow_type == "online-customer"
        found = {pair.key.name: pair.value for pair in described.typed_search_attributes}
        assert found["AftercareSop"] == "online-customer"
        assert found["AftercareCustomer"] == row.customer_id
    assert len(await rows(memory_store, Enrolment)) == 10


async def test_fifty_identical_events(
    memory_store: Store, server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty identical events at once, on the real server: one workflow, one answer."""
    monkeypatch.setattr(relay, "PATIENCE", timedelta(minutes=1))
    client = await client_of(server)
    desk = a_desk(memory_store, SystemClock(), client)
    event = an_order_event(customer={"email": "ada@example.com", "name": "Canary Lovelace"})
    answers = await asyncio.gather(*(desk.receive("api", event) for _ in range(50)))
    assert {effects(answer)[0] for answer in answers} == {("started", None)}
    reply = an_event("reply.received", data={"text": "canary words"})
    assert effects(await desk.receive("api", reply)) == [("started", None), ("signalled", None)]
    case, row = sorted(await rows(memory_store, Enrolment), key=lambda row: str(row.sop))
    assert "anary" not in (await client.get_workflow_handle(case.id).fetch_history()).to_json()
    handle = client.get_workflow_handle(row.id)
    history = (await handle.fetch_history()).to_json()
    assert history.count("EVENT_TYPE_WORKFLOW_EXECUTION_STARTED") == 1
    assert history.count("EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED") == 1
    assert "anary" not in history
    await handle.terminate()
    lost = await desk.receive("api", an_event("issue.detected", data={"topic": "noise"}))
    assert effects(lost) == [("signalled", None)]
    assert f"lost/{row.id}" in {task.key for task in await rows(memory_store, Task)}
    with pytest.raises(RPCError) as fault:
        await client.get_workflow_handle("online-customer.nobody").signal("end")
    assert fault.value.status is RPCStatusCode.NOT_FOUND


async def test_a_batch_is_told_together(desk: Desk, temporal: FakeTemporal) -> None:
    """Each has its answer, in its place: what was known, what is refused, what begins."""
    ada = an_event("customer.signed_up", id="evt_1")
    bob = an_event("customer.signed_up", id="evt_2", customer={"email": "bob@example.com"})
    answers = await desk.receive_all("api", [ada, {"id": "evt_3"}, bob, ada])
    first, bad, second, again = answers
    assert isinstance(bad, Refusal)
    assert [one.event for one in answers if isinstance(one, Receipt)] == ["evt_1", "evt_2", "evt_1"]
    assert first == again
    assert isinstance(second, Receipt)
    assert effects(second) == [("started", None)]
    assert len(temporal.started) == 2
    temporal.up = False
    (late,) = await desk.receive_all(
        "api", [an_event("customer.signed_up", customer={"email": "eve@example.com"})]
    )
    assert isinstance(late, Receipt)
    assert late.queued
