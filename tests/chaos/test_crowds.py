"""Everything at once, nothing there, nobody home, and nonsense: on a real Temporal server."""

from __future__ import annotations

import asyncio
import json
from functools import partial

from temporalio.client import Client, WorkflowExecutionStatus

from tests.chaos.conftest import Machine, an_order, came, until
from workflows.plugin import plugin


async def test_fifty_identical_events_at_once(machine: Machine) -> None:
    """One follow-up, one welcome; everybody gets the first answer."""
    await machine.start_worker()
    receipts = await asyncio.gather(
        *(machine.desk.receive("chaos", an_order(1)) for _ in range(50))
    )
    (follow_up,) = await machine.follow_ups()
    assert {effect.follow_up for receipt in receipts for effect in came(receipt)} == {follow_up}

    async def welcomed() -> bool:
        return bool(await machine.sent())

    await until(welcomed, 120, "no welcome")
    assert set((await machine.accepted()).values()) == {1}
    assert len(await machine.accepted()) == 1


async def test_temporal_is_stopped_while_ten_orders_come_in(machine: Machine) -> None:
    """All are kept, and all are started when it is back."""
    await machine.start_worker()
    machine.temporal.kill()
    receipts = [await machine.order() for _ in range(10)]
    assert {effect.effect for receipt in receipts for effect in came(receipt)} == {"queued"}
    await machine.temporal.start()

    async def welcomed() -> bool:
        return await machine.sent() == 10

    await until(welcomed, 120, "not all ten were welcomed")
    assert set((await machine.accepted()).values()) == {1}


async def test_nonsense_from_the_command_line_of_temporal(machine: Machine) -> None:
    """Signals with no body, two bodies, no sense, unknown names: the follow-up goes on."""
    await machine.start_worker()
    receipt = await machine.order()
    follow_up = came(receipt)[0].follow_up
    assert follow_up

    async def welcomed() -> bool:
        return await machine.sent() == 1

    await until(welcomed, 120, "no welcome")
    for words in NONSENSE:
        result = await asyncio.to_thread(
            machine.temporal.cli, "workflow", "signal", "--workflow-id", follow_up, *words
        )
        assert result.returncode == 0, result.stderr
    client = await Client.connect(machine.temporal.address, plugins=[plugin])
    handle = client.get_workflow_handle(follow_up)
    assert "5.1.1" in {line["clause"] for line in await handle.query("checklist")}
    description = await handle.describe()
    assert description.status is WorkflowExecutionStatus.RUNNING
    pending = description.raw_description.pending_workflow_task
    assert pending.attempt <= 1, "the workflow is stuck"
    told = partial(machine.open_tasks, "read the signal")
    await until(told, 120, "nobody is told of the nonsense")


async def test_a_signal_to_a_finished_follow_up(machine: Machine) -> None:
    """It goes to a person, and is on record; nothing fails."""
    await machine.start_worker()
    receipt = await machine.order()
    follow_up = came(receipt)[0].follow_up
    assert follow_up
    await machine.desk.control("end", follow_up, reason="test", by="test")

    async def ended() -> bool:
        return await machine.state(follow_up) == "ended"

    await until(ended, 120, "it did not end")
    answer = await machine.desk.signal(follow_up, "responded", {"text": "thank you"}, by="test")
    assert answer.error is None
    assert [effect.effect for effect in answer.effects] == ["started"]  # an inquiry
    await until(lambda: machine.open_tasks("answer what"), 120, "nobody is to answer")


async def test_nothing_personal_reaches_temporal_or_the_logs(machine: Machine) -> None:
    """Planted in all that a customer is and says; sought in the files, byte by byte."""
    await machine.start_worker()
    canaries = ["kanarienvogel", "Zwitscher", "1632960961", "Birdcage", "budgerigar", "cockatoo"]
    who = {
        "email": "kanarienvogel@canary.example",
        "phone": "+441632960961",
        "name": "Quillon Zwitscher",
        "address": {"line1": "7 Birdcage Walk"},
    }
    receipt = await machine.order(customer=who)
    follow_up = came(receipt)[0].follow_up
    assert follow_up

    async def welcomed() -> bool:
        return await machine.sent() == 1

    await until(welcomed, 120, "no welcome")
    said = {"text": "the shuttle flew at my budgerigar"}
    await machine.desk.signal(follow_up, "responded", said, by="cockatoo")
    await machine.desk.signal(follow_up, "complaint", said, by="cockatoo")
    await machine.desk.control("end", follow_up, reason="cockatoo", by="cockatoo")

    async def ended() -> bool:
        return await machine.state(follow_up) == "ended"

    await until(ended, 120, "it did not end")
    machine.kill_worker()
    machine.temporal.kill()
    found = [
        (path.name, canary)
        for path in sorted(machine.directory.glob("*"))
        for canary in canaries
        if not path.name.startswith("aftercare.db") and canary.encode() in path.read_bytes()
    ]
    assert found == []
    crm = b"".join(path.read_bytes() for path in machine.directory.glob("aftercare.db*"))
    assert [canary for canary in canaries if canary.encode() not in crm] == []


NONSENSE = [
    ("--name", "complaint"),
    ("--name", "responded", "--input", json.dumps("hello")),
    ("--name", "responded", "--input", json.dumps([1, 2])),
    ("--name", "task_done", "--input", "7"),
    ("--name", "common_issue", "--input", json.dumps({"topic": {"a": 1}})),
    ("--name", "feedback", "--input", json.dumps({"at": "yesterday"})),
    ("--name", "opted_out", "--input", json.dumps({"topic": 5})),
    ("--name", "nobody_knows_this", "--input", json.dumps({"x": 1})),
    ("--name", "retry", "--input", "{}", "--input", "{}"),
]
