"""What other systems post: proved, kept as it came, answered, and read; nothing twice."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import pytest

from activities.crm.store import Store
from activities.crm.tables import Enrolment, Inbox, Order, Task
from starter.desk import Desk
from starter.doors import look_at_doors
from starter.senders import Delivery, NotYetError
from starter.senders.registry import SENDERS
from starter.senders.standard import StandardWebhooks
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, a_desk, an_event, only, rows
from tests.starter.hooks import SECRET, standard, visiting, without
from workflows.vocabulary import Pace


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return a_desk(store, clock, temporal, generic_secret=SECRET)


async def test_a_signed_event_starts_a_follow_up(desk: Desk) -> None:
    """The delivery is kept as it came, and the event it comes to beside it."""
    body = json.dumps(an_event("customer.signed_up", id="evt_shop")).encode()
    async with visiting(desk) as client:
        answer = await client.post(
            "/hooks/generic", content=body, headers=standard(body, desk.clock.real())
        )
    assert (answer.status_code, answer.content) == (200, b"")
    delivery, event = sorted(await rows(desk.store, Inbox), key=lambda row: row.type, reverse=True)
    assert (delivery.type, delivery.state) == ("hooks/generic", "done")
    assert delivery.event_id == "delivery/msg_1"
    assert (event.source, event.event_id, event.parent_id) == ("generic", "evt_shop", delivery.id)
    assert delivery.effects == [{"follow_up": None, "effect": "recorded", "event": event.id}]
    assert (await only(desk.store, Enrolment)).sop == "online-customer"


async def test_the_same_again_is_answered_and_not_done_again(desk: Desk) -> None:
    """Under the same webhook-id, and under another with the same event in it."""
    body = json.dumps(an_event("customer.signed_up", id="evt_shop")).encode()
    async with visiting(desk) as client:
        for id_ in ("msg_1", "msg_1", "msg_2"):
            headers = standard(body, desk.clock.real(), id_)
            assert (await client.post("/hooks/generic", content=body, headers=headers)).is_success
    assert len(await rows(desk.store, Enrolment)) == 1
    assert len(await rows(desk.store, Inbox)) == 3  # two deliveries, one event


async def test_what_is_not_signed_is_refused(desk: Desk) -> None:
    """A missing, an old, a foreign signature, and one for another body: 401, and nothing kept."""
    real = desk.clock.real()
    body = json.dumps(an_event("customer.signed_up")).encode()
    good = standard(body, real)
    other = standard(body, real, secret="whsec_" + "A" * 32)
    bad = [
        *(without(good, name) for name in good),
        standard(body, real - timedelta(minutes=6)),
        standard(body, real + timedelta(minutes=6)),
        other,
        good | {"webhook-id": "msg_2"},
        good | {"webhook-signature": "v2" + good["webhook-signature"][2:]},
        standard(body + b" ", real),
    ]
    async with visiting(desk) as client:
        for headers in bad:
            answer = await client.post("/hooks/generic", content=body, headers=headers)
            assert answer.status_code == 401, headers
            assert "signature" in answer.json()["title"]
    assert await rows(desk.store, Inbox) == []


async def test_a_door_without_a_secret_says_later(desk: Desk) -> None:
    """Whoever posts tries again, and by then the secret may be set."""
    shut = Desk(
        desk.store,
        desk.settings.model_copy(update={"generic_secret": type(desk.settings.secret_key)("")}),
        desk.clock,
        desk.relay.temporal,
    )
    async with visiting(shut) as client:
        answer = await client.post("/hooks/generic", content=b"{}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "AFTERCARE_GENERIC_SECRET" in answer.json()["title"]


async def test_of_a_batch_the_good_are_carried_out(desk: Desk) -> None:
    """What is amiss is for an engineer; the delivery says which it was."""
    good, bad = an_event("customer.signed_up"), an_event("customer.signed_pu")
    body = json.dumps({"events": [bad, good]}).encode()
    async with visiting(desk) as client:
        headers = standard(body, desk.clock.real())
        assert (await client.post("/hooks/generic", content=body, headers=headers)).is_success
    assert len(await rows(desk.store, Enrolment)) == 1
    assert (await only(desk.store, Task)).role == "engineer"
    (failed,) = [row for row in await rows(desk.store, Inbox) if row.state == "failed"]
    assert (failed.type, failed.error) == ("hooks/generic", "unknown_event_type: type")


async def test_what_cannot_be_read_yet_is_read_later(
    desk: Desk, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something else does not answer: the delivery waits, longer each time."""
    calm = StandardWebhooks()

    class Shaky(StandardWebhooks):
        tries = 0

        async def read(self, delivery: object, reader: object) -> object:  # type: ignore[override]
            Shaky.tries += 1
            if Shaky.tries < 3:
                raise NotYetError("away")
            return await calm.read(delivery, reader)  # type: ignore[arg-type]

    monkeypatch.setitem(SENDERS, "generic", Shaky())
    body = json.dumps(an_event("customer.signed_up")).encode()
    async with visiting(desk) as client:
        headers = standard(body, desk.clock.real())
        assert (await client.post("/hooks/generic", content=body, headers=headers)).is_success
    waiting = await only(desk.store, Inbox)
    assert (waiting.state, waiting.error, waiting.attempts) == ("stored", "away", 1)
    later = desk.clock.now() + timedelta(minutes=1)
    assert await desk.intake.carry_out_stored(later) == 0  # not its turn
    for _ in range(3):  # once in vain, once read, and then what it comes to
        clock.advance(minutes=1)
        await desk.intake.carry_out_stored(clock.now())
    assert len(await rows(desk.store, Enrolment)) == 1


async def test_a_demonstrations_shop_goes_by_the_worlds_clock(
    store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """A day lasts a second there: what a shop tells of now counts from the demonstration's now."""
    clock.pace = Pace(factor=86400, since=NOON)
    desk = a_desk(store, clock, temporal, generic_secret=SECRET)
    clock.real_now, clock.policy_now = NOON + timedelta(seconds=10), NOON + timedelta(days=10)
    at = clock.real().isoformat()
    order = {"id": "1001", "confirmed_at": at}
    body = json.dumps(an_event("order.paid", occurred_at=at, order=order)).encode()
    async with visiting(desk) as client:
        headers = standard(body, clock.real())
        assert (await client.post("/hooks/generic", content=body, headers=headers)).is_success
    (row,) = [one for one in await rows(store, Order) if one.id == "1001"]
    assert row.confirmed_at == row.paid_at == clock.now()


async def test_after_an_outage_temporal_is_told_meanwhile(desk: Desk, clock: FakeClock) -> None:
    """What was kept is read for some time and no longer; nothing of it is forgotten."""
    for number in range(4):
        body = json.dumps(an_event("customer.signed_up", id=f"evt_{number}")).encode()
        headers = standard(body, clock.real(), f"msg_{number}")
        await desk.keep(SENDERS["generic"], Delivery(body, headers))
    turns = 0
    while await desk.intake.carry_out_stored(clock.advance(minutes=1), seconds=0.0):
        turns += 1
    assert 4 < turns <= 8
    assert {row.state for row in await rows(desk.store, Inbox)} == {"done"}


async def test_a_wrong_secret_shows(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor names the door, the count and the setting; once one is taken, all is well."""
    room = sys.modules["starter.inbound.hooks"]
    monkeypatch.setattr(room, "COUNTS", room.Counts())
    monkeypatch.setattr(room, "MINUTE", 0.0)
    assert (await look_at_doors(desk)).says == "set up: generic"
    body = json.dumps(an_event("customer.signed_up")).encode()
    bad = standard(body, desk.clock.real(), secret="whsec_" + "A" * 32)
    async with visiting(desk) as client:
        for _ in range(3):
            await client.post("/hooks/generic", content=body, headers=bad)
        found = await look_at_doors(desk)
        assert (found.state, "AFTERCARE_GENERIC_SECRET" in found.cure) == ("warning", True)
        assert "/hooks/generic has refused 3" in found.says
        desk.clock.advance(minutes=1)  # type: ignore[attr-defined]
        good = standard(body, desk.clock.real())
        assert (await client.post("/hooks/generic", content=body, headers=good)).is_success
    assert (await look_at_doors(desk)).state == "ok"
