"""What becomes of a meeting in Zoom: proved, ours or not, and held only if somebody came."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from activities.crm.store import Store
from activities.crm.tables import Contract, Inbox, Meeting
from activities.fakes.zoom import FakeZoom
from starter.desk import Desk
from tests.factories import NOON, FakeClock, a_colleague, a_customer, an_enrolment, kept
from tests.starter.front import FakeTemporal, a_desk, an_event, only, rows
from tests.starter.hooks import ZOOM_SECRET, visiting, without, zoom

PATH = "/hooks/zoom"
NUMBER = 9_007_199_254_740_993  # beyond what a double holds
OURS = "onboarding.c1"
HOUR = timedelta(hours=1)
STARTS = NOON + HOUR
TODAY = "2026-11-23T%sZ"


@pytest.fixture
async def desk(memory_store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    return await a_house(memory_store, clock, temporal)


async def a_house(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """Ada is to be called in an hour, and Zoom holds the call."""
    await a_customer(store, id="cus_ada", email="ada@example.com")
    row = Contract(id="c1", customer_id="cus_ada", contacts=[], told_at={}, created_at=NOON)
    await kept(store, row)
    await an_enrolment(store, "cus_ada", sop="onboarding", subject="c1", contract_id="c1")
    temporal.started[OURS] = None
    desk = a_desk(store, clock, temporal, sops="", meetings="zoom", zoom_secret=ZOOM_SECRET)
    said = {"starts_at": STARTS.isoformat(), "reference": str(NUMBER)}
    said |= {"organiser": "mo@example.com", "url": "https://zoom.test/j/1"}
    await desk.receive("api", an_event("meeting.scheduled", contract={"id": "c1"}, data=said))
    return desk


def event(
    what: str, at: str = "12:30:00", uuid: str = "4444AAAiAAAAAiAiAiiAii==", **more: Any
) -> Any:
    """As Zoom says it, our own words in its shape."""
    object_ = {
        "id": NUMBER,
        "uuid": uuid,
        "host_id": "host-1",
        "topic": "A call",
        "type": 2,
        "timezone": "UTC",
        "duration": 60,
        "start_time": "2026-11-23T13:00:00Z",
    }
    stamp = int(datetime.fromisoformat(TODAY % at).timestamp() * 1000)
    payload = {"account_id": "a1", "object": object_ | more}
    return {"event": f"meeting.{what}", "event_ts": stamp, "payload": payload}


def joined(at: str = "13:01:00", **who: Any) -> Any:
    person = {"user_id": "1", "user_name": "Ada L.", "email": "", "id": ""} | who
    return event("participant_joined", at, participant=person)


HOST = {"id": "host-1", "user_name": "Mo", "user_id": "7"}


def ended(at: str = "13:40:00", **more: Any) -> Any:
    return event("ended", at, end_time=TODAY % at, **more)


async def post(desk: Desk, said: Any, **headers: str) -> httpx2.Response:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    async with visiting(desk) as client:
        signed = zoom(body, desk.clock.real()) | headers
        return await client.post(PATH, content=body, headers=signed)


async def tell(desk: Desk, clock: FakeClock, *said: Any) -> Meeting:
    """One after the other, when the call is over; the meeting as it stands then."""
    clock.set(max(clock.now(), NOON + 2 * HOUR))
    for one in said:
        assert (await post(desk, one)).status_code == 200
        clock.advance(seconds=1)
    row: Meeting = await only(desk.store, Meeting)
    return row


async def last(desk: Desk) -> Inbox:
    found: list[Inbox] = [row for row in await rows(desk.store, Inbox) if row.type == "hooks/zoom"]
    return max(found, key=lambda row: (row.received_at, row.id))


def reasons(row: Inbox) -> list[str]:
    return [effect["reason"] for effect in row.effects if "reason" in effect]


def heard(temporal: FakeTemporal) -> list[str]:
    return [name for id_, name, _ in temporal.signals if id_ == OURS]


# -- the challenge, and the signature ------------------------------------------------------------


@pytest.mark.parametrize("signed", [True, False])
async def test_the_challenge(desk: Desk, signed: bool) -> None:
    """Answered at once, as often as Zoom asks, and not kept."""
    said = {"event": "endpoint.url_validation", "payload": {"plainToken": "q9v_lZ-12"}}
    body = json.dumps(said | {"event_ts": 1}).encode()
    async with visiting(desk) as client:
        headers = zoom(body, desk.clock.real()) if signed else {}
        answer = await client.post(PATH, content=body, headers=headers)
    right = hmac.digest(ZOOM_SECRET.encode(), b"q9v_lZ-12", hashlib.sha256).hex()
    assert (answer.status_code, answer.json()) == (
        200,
        {"plainToken": "q9v_lZ-12", "encryptedToken": right},
    )
    assert all(row.type != "hooks/zoom" for row in await rows(desk.store, Inbox))


@pytest.mark.parametrize(
    "token", ["v0:1766664000:{}", "a:b", "", "x" * 129, "é", "a\n", 7, None, ["a"], {"a": 1}]
)
async def test_no_answer_to_a_challenge_is_a_signature(desk: Desk, token: Any) -> None:
    """Else whoever asks for one could sign what they like."""
    body = json.dumps({"event": "endpoint.url_validation", "payload": {"plainToken": token}})
    async with visiting(desk) as client:
        answer = await client.post(PATH, content=body.encode())
    assert answer.status_code == 401
    assert "encryptedToken" not in answer.text


async def test_a_challenge_with_a_wrong_signature_is_none(desk: Desk) -> None:
    said = {"event": "endpoint.url_validation", "payload": {"plainToken": "abc"}}
    wrong = {"x-zm-signature": "v0=" + "0" * 64}
    assert (await post(desk, said, **wrong)).status_code == 401


async def test_without_a_secret_it_is_for_later(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """A challenge, too: nobody can answer it."""
    desk = a_desk(memory_store, clock, temporal)
    said = {"event": "endpoint.url_validation", "payload": {"plainToken": "abc"}}
    assert (await post(desk, said)).status_code == 503


async def test_what_is_not_signed_is_refused(desk: Desk) -> None:
    """None, another's, an old one, one of tomorrow, one for other bytes: nothing is kept."""
    body, real = json.dumps(ended()).encode(), desk.clock.real()
    good = zoom(body, real)
    bad = [
        *(without(good, name) for name in good),
        zoom(body, real - timedelta(hours=3)),
        zoom(body, real + timedelta(minutes=6)),
        zoom(body, real, "another"),
        zoom(body + b" ", real),
        good | {"x-zm-signature": good["x-zm-signature"].replace("v0=", "v1=")},
        good | {"x-zm-signature": good["x-zm-signature"].upper()},
        good | {"x-zm-request-timestamp": "1e9"},
        good | {"x-zm-request-timestamp": "9" * 400},
    ]
    before = len(await rows(desk.store, Inbox))
    async with visiting(desk) as client:
        for headers in bad:
            answer = await client.post(PATH, content=body, headers=headers)
            assert answer.status_code == 401, headers
        for headers in (zoom(body, real - timedelta(hours=1)), good):
            assert (await client.post(PATH, content=body, headers=headers)).is_success
    assert len([r for r in await rows(desk.store, Inbox) if r.type == "hooks/zoom"]) == 1
    assert len(await rows(desk.store, Inbox)) == before + 1


# -- held, or missed -----------------------------------------------------------------------------


async def test_it_was_held_at_its_end(
    store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """Somebody besides its host came; its follow-up hears when it was over."""
    desk = await a_house(store, clock, temporal)
    row = await tell(desk, clock, event("started", "13:00:00"), joined(**HOST), joined(), ended())
    assert row.state == "held"
    name, body = temporal.signals[-1][1:]
    assert (name, body["at"]) == ("meeting_held", "2026-11-23T13:40:00+00:00")


async def test_whatever_comes_first(memory_store: Store, temporal: FakeTemporal) -> None:
    """In any order, each of it twice: it was held in the end."""
    said = [event("started", "13:00:00"), joined(**HOST), joined(), ended()]
    for number, order in enumerate(itertools.permutations(said)):
        if number:
            async with memory_store.transaction() as session:
                for table in reversed(Inbox.metadata.sorted_tables):
                    await session.execute(table.delete())
        clock = FakeClock()
        desk = await a_house(memory_store, clock, temporal)
        assert (await tell(desk, clock, *order, *order)).state == "held", number


async def test_nobody_but_its_host_came(
    desk: Desk, clock: FakeClock, temporal: FakeTemporal
) -> None:
    row = await tell(desk, clock, joined(**HOST), ended())
    assert (row.state, heard(temporal)[-1]) == ("missed", "meeting_missed")


async def test_colleagues_are_no_guests(desk: Desk, clock: FakeClock) -> None:
    """Who holds it, from another account; and whoever has an account with us."""
    await a_colleague(desk.store, "eve@example.com")
    mine = joined(email="Mo@Example.com"), joined(email="EVE@example.com", user_id="3")
    assert (await tell(desk, clock, *mine, ended())).state == "missed"


async def test_they_came_later(desk: Desk, clock: FakeClock) -> None:
    """The same call, held again once somebody was there."""
    row = await tell(desk, clock, joined(**HOST), ended("13:10:00"))
    assert row.state == "missed"
    again = "5555AAAiAAAAAiAiAiiAii=="
    guest = joined("13:20:00")
    guest["payload"]["object"]["uuid"] = again
    assert (await tell(desk, clock, guest, ended("13:50:00", uuid=again))).state == "held"


async def test_its_host_tried_it_before(desk: Desk, clock: FakeClock) -> None:
    """What ends before it was to begin was missed by nobody."""
    early = joined("12:10:00", **HOST), ended("12:12:00")
    assert (await tell(desk, clock, *early)).state == "scheduled"
    assert reasons(await last(desk)) == ["before_its_time"]


async def test_who_came_is_not_told(desk: Desk, clock: FakeClock) -> None:
    """Nobody subscribed to that: no meeting begins without anybody, so a colleague says it."""
    row = await tell(desk, clock, event("started", "13:00:00"), ended())
    assert (row.state, reasons(await last(desk))) == ("scheduled", ["who_came_is_not_told"])


# -- planned -------------------------------------------------------------------------------------


async def test_it_is_moved_there(desk: Desk, clock: FakeClock, temporal: FakeTemporal) -> None:
    """Or made longer; its follow-up hears, and Zoom is not told what it said itself."""
    said = event("updated", start_time="2026-11-24T09:00:00Z", duration=30)
    row = await tell(desk, clock, said)
    assert (row.starts_at.isoformat(), row.minutes) == ("2026-11-24T09:00:00+00:00", 30)
    assert heard(temporal)[-1] == "meeting_moved"
    only_longer = event("updated", "12:40:00", duration=45)
    del only_longer["payload"]["object"]["start_time"]
    row = await tell(desk, clock, only_longer)
    assert (row.minutes, row.starts_at.hour, row.sequence) == (45, 9, 2)


async def test_it_is_deleted_there(desk: Desk, clock: FakeClock, temporal: FakeTemporal) -> None:
    assert (await tell(desk, clock, event("deleted"))).state == "cancelled"
    assert heard(temporal)[-1] == "meeting_cancelled"


async def test_what_changes_nothing_tells_nobody(
    desk: Desk, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """An echo of what we had changed there, and another topic."""
    before = heard(temporal)
    topic = event("updated", topic="Another")
    for name in ("start_time", "duration"):
        del topic["payload"]["object"][name]
    await tell(desk, clock, event("created"), event("updated"), topic)
    assert heard(temporal) == before


async def test_an_old_word_moves_nothing(desk: Desk, clock: FakeClock) -> None:
    """What Zoom said before a colleague moved it here comes late."""
    clock.set(NOON + HOUR)
    data = {"starts_at": (NOON + 48 * HOUR).isoformat(), "reference": str(NUMBER)}
    await desk.receive("api", an_event("meeting.moved", contract={"id": "c1"}, data=data))
    row = await tell(desk, clock, event("updated", "12:05:00", start_time="2026-11-30T09:00:00Z"))
    assert row.starts_at == NOON + 48 * HOUR


# -- whose it is ---------------------------------------------------------------------------------


@pytest.mark.parametrize("id_", [NUMBER - 1, float(NUMBER), str(NUMBER)[:-1]])
async def test_all_other_meetings_are_not_ours(desk: Desk, clock: FakeClock, id_: Any) -> None:
    """A house has many; by one number more it is another."""
    said = joined(), ended()
    for one in said:
        one["payload"]["object"]["id"] = id_
    assert (await tell(desk, clock, *said)).state == "scheduled"
    row = await last(desk)
    assert reasons(row) == (["invalid"] if isinstance(id_, float) else ["not_ours"])


async def test_our_own_id_is_no_number_of_zooms(desk: Desk, clock: FakeClock) -> None:
    ours: Meeting = await only(desk.store, Meeting)
    said = ended()
    said["payload"]["object"]["id"] = ours.id
    assert (await tell(desk, clock, said)).state == "scheduled"
    assert (await last(desk)).state == "failed"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 5000,
        b'{"event": "meeting.ended"}',
        b'{"event": "meeting.ended", "payload": [], "event_ts": true}',
        b'{"event": "meeting.ended", "payload": {"object": {"id": {}, "uuid": 7}}}',
        b'{"event": ["meeting.ended"], "payload": {"object": 3}}',
        b'{"event": "meeting.updated", "event_ts": 1e400, "payload": {"object": {"id": 1}}}',
        b'{"event": "recording.completed", "payload": {}}',
    ],
)
async def test_any_body_is_taken(desk: Desk, body: bytes) -> None:
    """It is signed, so it is kept; what it may be is for an engineer, and no answer is a fault."""
    assert (await post(desk, body)).status_code == 200
    assert (await last(desk)).state in ("done", "failed")


@pytest.mark.parametrize(
    "more",
    [
        {"participant": 7},
        {"participant": {"email": ["x"], "id": {"a": 1}, "participant_uuid": "x" * 5000}},
        {"end_time": 7},
        {"end_time": "0001-01-01T00:00:00+23:59"},
        {"end_time": "9999-12-31T23:59:59-23:59"},
        {"duration": 10**9},
        {"duration": "long"},
        {"start_time": "tomorrow"},
        {"start_time": "0001-01-01T00:00:00Z"},
    ],
)
async def test_odd_values_break_nothing(desk: Desk, clock: FakeClock, more: Any) -> None:
    for what in ("participant_joined", "ended", "updated", "created", "deleted"):
        assert (await post(desk, event(what, **more))).status_code == 200
    assert len(await rows(desk.store, Meeting)) == 1


async def test_the_fakes_words_are_understood(desk: Desk, clock: FakeClock) -> None:
    """What the fake posts once a meeting was held: its signature, and its shape."""
    fake = FakeZoom()
    fake.meetings[str(NUMBER)] = {"id": NUMBER, "host_id": "hostid000000000000000A"}
    clock.real_now = datetime.fromisoformat("2026-11-23T14:00:00Z")
    clock.policy_now = clock.real_now
    async with visiting(desk) as client:
        for body in fake.held(str(NUMBER), "ada@example.com"):
            headers = fake.signed(body, clock.real_now)
            assert (await client.post(PATH, content=body, headers=headers)).is_success
    row: Meeting = await only(desk.store, Meeting)
    assert row.state == "held"
