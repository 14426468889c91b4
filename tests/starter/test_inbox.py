"""The inbox as colleagues see to it: what came in, tried again, or given to whom it is from."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Audit, Case, Customer, Enrolment, Inbox, Note, Task
from starter.answers import Refusal
from starter.desk import Desk
from starter.intake.carrying import HANDLERS
from starter.reports import inbox as arrivals
from starter.reports.inbox import Arrival, Arrived
from starter.reports.paging import Cursor
from starter.senders import Delivery, Reader, Readings
from starter.senders.registry import SENDERS
from starter.senders.standard import StandardWebhooks
from tests.factories import FakeClock
from tests.starter.front import FakeTemporal, a_desk, an_event, effects, only, rows
from tests.starter.hooks import SECRET, standard, visiting

WHY: dict[str, Any] = {"reason": "it is mended", "by": "ada"}


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(store, clock, temporal, generic_secret=SECRET)


async def delivered(desk: Desk, *events: Any, id_: str = "msg_1") -> str:
    """A delivery of these events; its row's id."""
    body = json.dumps({"events": list(events)}).encode()
    async with visiting(desk) as client:
        headers = standard(body, desk.clock.real(), id_)
        assert (await client.post("/hooks/generic", content=body, headers=headers)).is_success
    found = await rows(desk.store, Inbox)
    return next(str(row.id) for row in found if row.event_id == f"delivery/{id_}")


async def listed(desk: Desk, **wanted: Any) -> list[Arrival]:
    async with desk.store.reading() as session:
        return (await arrivals.arrivals(session, cursor=Cursor(), **wanted)).data


async def shown(desk: Desk, id_: str) -> Arrived:
    async with desk.store.reading() as session:
        found = await arrivals.arrived(session, id_)
    assert found
    return found


def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handle(_: object) -> None:
        raise ValueError

    monkeypatch.setitem(HANDLERS, "customer.signed_up", handle)


async def test_what_came_in_and_what_came_of_it(desk: Desk) -> None:
    """A delivery is one line, and says what came of the events in it; its address is masked."""
    id_ = await delivered(desk, an_event("customer.signed_up", id="evt_1"))
    await desk.receive("api", an_event("reply.received", customer={"email": "who@example.com"}))
    delivery, parked = sorted(await listed(desk), key=lambda one: one.state)
    assert (delivery.id, delivery.name, delivery.state) == (id_, "ada@example.com", "done")
    assert next(one.words for one in delivery.effects).startswith("began online-customer.")
    assert (parked.state, parked.name, parked.sender) == ("parked", None, "w•••@e•••.com")
    assert [one.state for one in await listed(desk, states=["parked"])] == ["parked"]
    assert [one.type for one in await listed(desk, source="generic")] == ["hooks/generic"]
    one = await shown(desk, id_)
    assert one.headers == {"webhook-id": "msg_1", "webhook-timestamp": "1795435200"}
    assert '"evt_1"' in (one.body or "")
    assert [event.event for event in one.events] == ["evt_1"]


async def test_what_failed_is_carried_out_once_it_is_mended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its task is done with that, and the audit says who did it and why."""
    with monkeypatch.context() as patch:
        broken(patch)
        await desk.receive("api", an_event("customer.signed_up", id="evt_1"))
        (still,) = await desk.replay("evt_1", **WHY)
        assert effects(still) == [("none", "failed_a_person_is_told")]
    row, task = await only(desk.store, Inbox), await only(desk.store, Task)
    assert (row.state, task.state) == ("failed", "open")
    assert [job.id for job in (await shown(desk, row.id)).tasks] == [task.id]
    (came,) = await desk.replay("evt_1", **WHY)
    assert effects(came) == [("started", None)]
    assert ((await only(desk.store, Task)).state, (await only(desk.store, Inbox)).error) == (
        "done", None,
    )  # fmt: skip
    audits = [row for row in await rows(desk.store, Audit) if row.what == "inbox.replay"]
    assert [(a.who, a.reason, a.target) for a in audits] == [("ada", "it is mended", row.id)] * 2


async def test_what_was_done_is_not_done_again(desk: Desk, temporal: FakeTemporal) -> None:
    """By our id or the sender's: nothing is begun, and nobody is told anything, a second time."""
    await desk.receive("api", an_event("customer.signed_up", id="evt_1"))
    id_ = (await only(desk.store, Inbox)).id
    for named in ("evt_1", id_):
        assert [effects(one) for one in await desk.replay(named, **WHY)] == [[("already", None)]]
    assert len(await rows(desk.store, Enrolment)) == len(temporal.started) == 1


async def test_a_delivery_is_read_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its reader left out is carried out now; what had failed, as it is read now; what was
    done keeps its id, and stays."""
    ada = an_event("customer.signed_up", id="evt_ada")
    bob = an_event("customer.signed_up", id="evt_bob", customer={"email": "bob@example.com"})
    eve = an_event("customer.signed_up", id="evt_eve", customer={"email": "eve@example.com"})
    with monkeypatch.context() as patch:
        patch.setitem(SENDERS, "generic", Forgetful())
        id_ = await delivered(desk, ada, bob, eve)
    assert {row.event_id: row.state for row in await rows(desk.store, Inbox)} == {
        "delivery/msg_1": "failed", "evt_ada": "done", "evt_bob": "failed",
    }  # fmt: skip
    came = {one.event: effects(one) for one in await desk.replay("msg_1", **WHY)}
    assert came == {
        "evt_ada": [("already", None)],
        "evt_bob": [("started", None)],
        "evt_eve": [("started", None)],
    }
    assert {row.state for row in await rows(desk.store, Inbox)} == {"done"}
    assert {row.state for row in await rows(desk.store, Task)} == {"done"}
    assert len(await rows(desk.store, Enrolment)) == 3
    again = [effects(one) for one in await desk.replay(id_, **WHY)]
    assert again == [[("already", None)]] * 3


class Forgetful(StandardWebhooks):
    """Misreads the second event of a delivery, and does not see the third."""

    async def read(self, delivery: Delivery, reader: Reader) -> Readings:
        found = list((await super().read(delivery, reader)).found)
        found[1].event["order"] = {"total": "much"}
        return Readings(found[:2], failed=["mistaken"])


async def test_with_temporal_away_it_is_queued(desk: Desk, temporal: FakeTemporal) -> None:
    temporal.up = False
    await desk.receive("api", an_event("reply.received", id="evt_1"))
    assert effects((await desk.replay("evt_1", **WHY))[0]) == [("parked", None)]
    await desk.receive("api", an_event("customer.signed_up", id="evt_2"))
    (untold,) = (await shown(desk, (await shown_id(desk, "evt_2")))).untold
    assert untold.follow_up.startswith("online-customer.")
    assert {e for e, _ in effects((await desk.replay("evt_1", **WHY))[0])} == {"already"}


async def shown_id(desk: Desk, event: str) -> str:
    return next(str(row.id) for row in await rows(desk.store, Inbox) if row.event_id == event)


async def test_one_id_of_two_senders(desk: Desk) -> None:
    """Somebody has to say which; ours is of one."""
    for source in ("api", "staff"):
        await desk.receive(source, an_event("customer.signed_up", id="evt_1"))
    with pytest.raises(Refusal, match="ambiguous") as refused:
        await desk.replay("evt_1", **WHY)
    assert "(api)" in refused.value.detail
    with pytest.raises(Refusal, match="not_found"):
        await desk.replay("evt_2", **WHY)
    with pytest.raises(Refusal, match="missing"):
        await desk.replay("evt_1", reason=" ", by="ada")


# -- whose it is -----------------------------------------------------------------------------

STRANGER = {"email": "ada.private@example.org", "name": "A. B."}


async def a_reply(desk: Desk, temporal: FakeTemporal, what: str = "reply.received") -> str:
    """Ada's follow-up runs, and she answers from an address that nobody knows; its id."""
    await desk.receive("api", an_event("customer.signed_up"))
    said = {"text": "Yes please, on Monday", "subject": "Re: your kettle"}
    await desk.receive("api", an_event(what, id="evt_reply", customer=STRANGER, data=said))
    assert len(temporal.signals) == 0
    return await shown_id(desk, "evt_reply")


async def test_a_reply_is_given_to_whom_it_is_from(desk: Desk, temporal: FakeTemporal) -> None:
    """It stops what waits for an answer, and opens an inquiry, as if we had known the sender; the
    address that it came from proves nothing, and becomes nobody's."""
    id_ = await a_reply(desk, temporal)
    customer = await only(desk.store, Customer)
    assert (await shown(desk, id_)).can_be_given
    receipt = await desk.give(id_, customer.id, **WHY)
    assert receipt.customer == customer.id
    (follow_up,) = (one.id for one in await rows(desk.store, Enrolment) if one.sop != "case")
    assert "responded" in temporal.heard(follow_up)
    assert (await only(desk.store, Case)).customer_id == customer.id
    assert "Yes please, on Monday" in {note.summary for note in await rows(desk.store, Note)}
    assert (await only(desk.store, Customer)).email == "ada@example.com"
    one = await shown(desk, id_)
    assert (one.arrival.state, one.can_be_given, one.arrival.customer) == (
        "done", False, customer.id,
    )  # fmt: skip
    assert one.whom["email"] == STRANGER["email"]
    (audit,) = [row for row in await rows(desk.store, Audit) if row.what == "inbox.give"]
    assert (audit.who, audit.target, audit.facts) == ("ada", customer.id, {"event": id_})
    with pytest.raises(Refusal, match="not_to_be_given"):
        await desk.give(id_, customer.id, **WHY)


async def test_it_can_be_given_after_thirty_days(
    desk: Desk, temporal: FakeTemporal, clock: FakeClock
) -> None:
    """It waited in vain; a colleague knows better."""
    id_ = await a_reply(desk, temporal)
    clock.advance(timedelta(days=31))
    await desk.intake.expire()
    assert (await shown(desk, id_)).arrival.error == "unknown_for_30_days"
    customer = await only(desk.store, Customer)
    assert (await desk.give("evt_reply", customer.id, **WHY)).customer == customer.id
    assert len(await rows(desk.store, Case)) == 1


async def test_what_cannot_be_given(desk: Desk, temporal: FakeTemporal) -> None:
    """To nobody, to who was erased, and nothing that a shop says of an order of its own."""
    id_ = await a_reply(desk, temporal)
    with pytest.raises(Refusal, match="not_found"):
        await desk.give(id_, "cus_nobody", **WHY)
    ada = (await only(desk.store, Customer)).id
    await desk.receive("api", an_event("customer.erased"))
    with pytest.raises(Refusal, match="not_found"):
        await desk.give(id_, ada, **WHY)
    shipped = {"id": "evt_s", "type": "order.shipped", "order": {"id": "7"}}
    await desk.receive("api", shipped)
    with pytest.raises(Refusal, match="not_to_be_given"):
        await desk.give("evt_s", ada, **WHY)
    assert (await shown(desk, id_)).arrival.state == "parked"
