"""Zoom holds our meetings: made once, moved and deleted as ours are, whatever breaks between."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.crm import mirrors
from activities.crm.store import Store
from activities.crm.tables import Contract, Inbox, Meeting, Mirror, Task
from activities.fakes.faults import Fault
from activities.fakes.zoom import FakeZoom
from activities.mirrors import zoom
from activities.mirrors.loop import Mirrors
from activities.mirrors.wiring import missing, targets_for
from activities.settings import Settings
from starter.desk import Desk
from tests.channels.posts import waited_for
from tests.channels.test_faults import ENDLESS
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept
from tests.starter.front import FakeTemporal, a_desk, an_event, only, rows
from tests.starter.hooks import visiting
from tests.starter.hooks import zoom as zoom_signed
from tests.starter.lives_on_show import a_message

HOUR = timedelta(hours=1)
TOMORROW, LATER = NOON + 24 * HOUR, NOON + 48 * HOUR
OURS = "onboarding.c1"


class House:
    """Ada has a contract, its calls are held in Zoom, and a worker tells it of them."""

    def __init__(
        self, store: Store, clock: FakeClock, temporal: FakeTemporal, fake: FakeZoom, base: str
    ) -> None:
        self.store, self.clock, self.temporal, self.fake = store, clock, temporal, fake
        self.settings: dict[str, Any] = {
            "meetings": "zoom",
            "zoom_secret": fake.webhook_secret,
            "zoom_account_id": fake.account,
            "zoom_client_id": "client",
            "zoom_client_secret": "zoom-fake",
            "zoom_api_base": base,
            "zoom_auth_base": base,
        }
        self.desk: Desk = a_desk(store, clock, temporal, sops="", **self.settings)
        self.worker = self.a_worker()

    def a_worker(self) -> Mirrors:
        """A process of its own, which knows nothing but what the tables say."""
        settings = self.desk.settings
        return Mirrors(self.store, self.clock, targets_for(settings, self.store, self.clock))

    async def says(self, what: str, **data: Any) -> None:
        said = {n: v if isinstance(v, str | int) else v.isoformat() for n, v in data.items()}
        at = self.clock.advance(seconds=1).isoformat()
        event = an_event(f"meeting.{what}", contract={"id": "c1"}, data=said, occurred_at=at)
        await self.desk.receive("api", event)

    async def tells(self, worker: Mirrors | None = None) -> None:
        """The worker comes by, and the desk reads its inbox."""
        turn = worker or self.worker
        await turn.once(turn.targets[0])
        self.clock.advance(seconds=1)
        await self.desk.intake.carry_out_stored(self.clock.now())
        await self.desk.relay.tell()

    async def meeting(self) -> Meeting:
        row: Meeting = await only(self.store, Meeting)
        return row

    async def mirror(self) -> Mirror:
        row: Mirror = await only(self.store, Mirror)
        return row


@pytest.fixture
async def house(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> AsyncIterator[House]:
    async with a_house(memory_store, clock, temporal) as one:
        yield one


@asynccontextmanager
async def a_house(store: Store, clock: FakeClock, temporal: FakeTemporal) -> AsyncIterator[House]:
    await a_customer(store, id="cus_ada", email="ada@example.com")
    row = Contract(id="c1", customer_id="cus_ada", contacts=[], told_at={}, created_at=NOON)
    await kept(store, row)
    await an_enrolment(store, "cus_ada", sop="onboarding", subject="c1", contract_id="c1")
    temporal.started[OURS] = None
    fake = FakeZoom(users=["mo@example.com"])
    async with fake.serving() as base:
        yield House(store, clock, temporal, fake, base)


async def test_a_call_is_held_in_zoom(
    store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """By the colleague who holds it; where it is joined comes back, and its follow-up hears so."""
    async with a_house(store, clock, temporal) as house:
        await house.says("scheduled", starts_at=TOMORROW, minutes=45, organiser="mo@example.com")
        await house.tells()
        ((id_, made),) = house.fake.meetings.items()
        assert (made["start_time"], made["duration"]) == ("2026-11-24T12:00:00Z", 45)
        row = await house.meeting()
        assert (row.reference, row.url, row.sequence) == (id_, made["join_url"], 0)
        assert made["agenda"] == f"aftercare:{row.id}"
        assert not re.search(r"\bada\b", str(made).lower())  # an id may hold it
        mirror = await house.mirror()
        assert (mirror.external_id, mirror.told_at is None) == (id_, False)
        bodies = [body for to, _, body in temporal.signals if to == OURS]
        assert [body.get("awaits_link", False) for body in bodies] == [True, False]


async def test_what_is_moved_or_called_off(house: House) -> None:
    """The same meeting there; it keeps its link, and is gone when it is off."""
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    ((id_, made),) = house.fake.meetings.items()
    await house.says("moved", starts_at=LATER)
    await house.tells()
    assert house.fake.meetings[id_]["start_time"] == "2026-11-25T12:00:00Z"
    assert (await house.meeting()).url == made["join_url"]
    await house.says("cancelled")
    await house.tells()
    assert (house.fake.meetings, house.fake.deleted) == ({}, [id_])
    assert (await house.meeting()).url is None
    await house.says("scheduled", starts_at=LATER, meeting_id=(await house.meeting()).id)
    await house.tells()
    ((other, again),) = house.fake.meetings.items()
    row = await house.meeting()
    assert (other != id_, row.reference, row.url) == (True, other, again["join_url"])


async def test_who_is_erased_has_no_call(house: House) -> None:
    """Nobody sits there and waits for them."""
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    ((id_, _),) = house.fake.meetings.items()
    await house.desk.receive("api", an_event("customer.erased"))
    await house.tells()
    assert (house.fake.meetings, house.fake.deleted) == ({}, [id_])


async def test_who_was_invited_without_a_link_gets_it(house: House) -> None:
    """The calendar's number counts it, so that an update goes; else the invitation has it."""
    await house.says("scheduled", starts_at=TOMORROW)
    row = await house.meeting()
    await a_message(house.store, "cus_ada", meeting_id=row.id, follow_up=OURS, sop="onboarding")
    await house.tells()
    assert (await house.meeting()).sequence == 1


@pytest.mark.parametrize("data", [{"url": "https://meet.example.com/mo"}, {"reference": "teams-7"}])
async def test_another_place_is_left_alone(house: House, data: dict[str, str]) -> None:
    """Somebody has said where it is joined, or another system has it."""
    await house.says("scheduled", starts_at=TOMORROW, **data)
    await house.tells()
    assert (house.fake.meetings, await rows(house.store, Mirror)) == ({}, [])


async def test_what_is_over_is_not_made(house: House) -> None:
    """A call that was held already, and one that is long past before Zoom is back."""
    await house.says("held", starts_at=NOON - 2 * HOUR)
    await house.tells()
    assert house.fake.meetings == {}
    house.fake.look_ups.always = Fault.UNAVAILABLE
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    house.fake.look_ups.always = None
    house.clock.advance(days=2)
    await house.tells()
    assert house.fake.meetings == {}


async def test_a_colleague_whom_zoom_does_not_know(house: House) -> None:
    """The app's owner holds it then."""
    await house.says("scheduled", starts_at=TOMORROW, organiser="new@example.com")
    await house.tells()
    assert len(house.fake.meetings) == 1


async def test_without_zoom_nothing_is_told(
    memory_store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """The default is an invitation with the house's own link, or with none."""
    await a_customer(memory_store, id="cus_ada", email="ada@example.com")
    desk = a_desk(memory_store, clock, temporal)
    await desk.receive("api", an_event("meeting.scheduled", data={
        "starts_at": TOMORROW.isoformat(), "reference": "x",
    }))  # fmt: skip
    assert await rows(memory_store, Mirror) == []
    assert targets_for(desk.settings, memory_store, clock) == []


# -- what breaks between -------------------------------------------------------------------------


@pytest.mark.parametrize("fault", list(Fault))
async def test_one_meeting_whatever_breaks(house: House, fault: Fault) -> None:
    """Made or not, answered or not: tried again, it is one, and its place is known."""
    house.fake.script.next.append(fault)
    await house.says("scheduled", starts_at=TOMORROW)
    fake = house.fake
    if fault in ENDLESS:
        await waited_for(house.tells(), lambda: fake.requests >= 1, zoom.SECONDS)
    else:
        await house.tells()
    for _ in range(3):
        house.clock.advance(minutes=20)
        await house.tells()
    ((id_, made),) = house.fake.meetings.items()
    row = await house.meeting()
    assert (row.reference, row.url) == (id_, made["join_url"])
    assert len(house.fake.accepted) == 1


@pytest.mark.parametrize("where", ["after the request", "after the word"])
async def test_killed_between_making_and_recording(
    house: House, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Another worker finds what the dead one has made: there is no second meeting."""

    class Killed(BaseException):
        pass

    async def dies(*_: Any, **__: Any) -> Any:
        raise Killed

    await house.says("scheduled", starts_at=TOMORROW)
    at: tuple[Any, str] = (zoom.Zoom, "_said") if "request" in where else (mirrors, "told")
    with monkeypatch.context() as patch:
        patch.setattr(*at, dies)
        with pytest.raises(Killed):
            await house.worker.once(house.worker.targets[0])
    assert len(house.fake.meetings) == 1
    house.clock.advance(minutes=5)  # the dead one's turn is over
    await house.tells(house.a_worker())
    ((id_, made),) = house.fake.meetings.items()
    row = await house.meeting()
    assert (row.reference, row.url) == (id_, made["join_url"])
    assert len([one for one in await rows(house.store, Inbox) if one.source == "zoom"]) == 1


async def test_an_outage_is_made_good(house: House) -> None:
    """Moved twice meanwhile, it is made once, as it is to be; nobody here waited for it."""
    house.fake.script.always = house.fake.look_ups.always = Fault.UNAVAILABLE
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    assert OURS in {to for to, _, _ in house.temporal.signals}  # its follow-up knows of it
    await house.says("moved", starts_at=LATER)
    await house.says("moved", starts_at=LATER + HOUR)
    for _ in range(5):
        house.clock.advance(minutes=30)
        await house.tells()
    house.fake.script.always = house.fake.look_ups.always = None
    house.clock.advance(hours=2)
    await house.tells()
    (made,) = house.fake.meetings.values()
    assert made["start_time"] == "2026-11-25T13:00:00Z"
    assert (await house.meeting()).url == made["join_url"]


async def test_it_is_moved_while_its_making_was_not_answered(house: House) -> None:
    """What is found there is brought up to date."""
    house.fake.script.next.append(Fault.RESET_AFTER)
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    await house.says("moved", starts_at=LATER)
    house.clock.advance(minutes=20)
    await house.tells()
    (made,) = house.fake.meetings.values()
    assert made["start_time"] == "2026-11-25T12:00:00Z"


async def test_called_off_while_its_making_was_not_answered(house: House) -> None:
    """What was made and never heard of is deleted, too."""
    house.fake.script.next.append(Fault.RESET_AFTER)
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    await house.says("cancelled")
    house.clock.advance(minutes=20)
    await house.tells()
    assert (house.fake.meetings, len(house.fake.deleted)) == ({}, 1)


async def test_what_somebody_deleted_there_is_made_again(house: House) -> None:
    """If Zoom's webhook did not tell us: a customer is not sent to where nobody is."""
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    house.fake.meetings.clear()
    await house.says("moved", starts_at=LATER)
    await house.tells()
    ((id_, made),) = house.fake.meetings.items()
    row = await house.meeting()
    assert (row.reference, row.url) == (id_, made["join_url"])


async def test_a_token_is_used_until_it_ends(house: House) -> None:
    """One for many meetings; after an hour, or when it is not taken any more, another."""
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    await house.says("moved", starts_at=LATER)
    await house.tells()
    assert len(house.fake.tokens) == 1
    house.fake.tokens.clear()
    await house.says("moved", starts_at=LATER + HOUR)
    await house.tells()
    assert len(house.fake.tokens) == 1
    house.clock.advance(hours=1)
    await house.says("moved", starts_at=LATER + 2 * HOUR)
    await house.tells()
    assert len(house.fake.tokens) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        {"zoom_client_secret": "wrong"},
        {"zoom_account_id": ""},
        {"zoom_api_base": "http://zoom.example.com"},  # keys go over closed lines
    ],
)
async def test_an_engineer_hears_how_to_set_it_up(house: House, spoil: dict[str, str]) -> None:
    """Once; and when it is, all that waited is told."""
    good = house.desk
    house.desk = a_desk(house.store, house.clock, house.temporal, sops="", **house.settings | spoil)
    house.worker = house.a_worker()
    await house.says("scheduled", starts_at=TOMORROW)
    for _ in range(3):
        await house.tells()
        house.clock.advance(minutes=20)
    (task,) = await rows(house.store, Task)
    assert (task.role, "AFTERCARE_ZOOM_ACCOUNT_ID" in task.title) == ("engineer", True)
    house.desk = good
    await house.tells(house.a_worker())
    assert len(house.fake.meetings) == 1


async def test_it_looks_through_all_pages(house: House) -> None:
    """Ours may be the last of many."""
    for number in range(650):
        house.fake.meetings[str(number)] = {"id": number, "agenda": f"other:{number}"}
    house.fake.script.next.append(Fault.RESET_AFTER)
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    house.clock.advance(minutes=20)
    await house.tells()
    assert len(house.fake.accepted) == 1
    assert (await house.meeting()).reference is not None


async def test_nothing_is_read_as_its_answer_that_is_none(house: House) -> None:
    """A portal says 200 to everything: the link of a meeting is one, or it is asked again."""
    for fault in (Fault.HTML, Fault.WRONG_TYPE, Fault.EMPTY):
        house.fake.look_ups.next.append(fault)
    await house.says("scheduled", starts_at=TOMORROW)
    for _ in range(5):
        house.clock.advance(minutes=20)
        await house.tells()
    assert len(house.fake.meetings) == 1


# -- the whole way -------------------------------------------------------------------------------


async def test_from_the_appointment_to_its_end(house: House) -> None:
    """Made there, and told back what we did ourselves, which is no news; then it is held."""
    await house.says("scheduled", starts_at=NOON + HOUR)
    await house.tells()
    ((id_, _),) = house.fake.meetings.items()
    house.clock.set(house.clock.now() + 2 * HOUR)
    house.fake.untold += house.fake.held(id_, "ada@example.com")
    async with visiting(house.desk) as client:
        for body in house.fake.untold:
            headers = zoom_signed(body, house.clock.real())
            assert (await client.post("/hooks/zoom", content=body, headers=headers)).is_success
    heard = [name for to, name, _ in house.temporal.signals if to == OURS]
    assert heard == ["meeting_scheduled", "meeting_moved", "meeting_held"]
    assert (await house.meeting()).state == "held"
    await house.tells()
    assert (list(house.fake.meetings), len(house.fake.accepted)) == ([id_], 1)


async def hears(house: House, body: bytes, at: datetime) -> str:
    """Zoom's word of what happened then, and what the last one came to."""
    said = json.loads(body)
    said["event_ts"] = said["payload"]["time_stamp"] = int(at.timestamp() * 1000)
    body = json.dumps(said).encode()
    async with visiting(house.desk) as client:
        headers = zoom_signed(body, house.clock.real())
        assert (await client.post("/hooks/zoom", content=body, headers=headers)).is_success
    row = max(
        (row for row in await rows(house.store, Inbox) if row.type == "hooks/zoom"),
        key=lambda row: (row.received_at, row.id),
    )
    house.clock.advance(seconds=1)
    return ",".join(str(effect.get("reason")) for effect in row.effects)


async def test_an_echo_undoes_no_newer_move(house: House) -> None:
    """Moved twice within seconds: what Zoom says of the first is our own word, come back late."""
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    await house.says("moved", starts_at=LATER)
    stale = (await house.mirror()).number
    await house.says("moved", starts_at=LATER + HOUR)  # while Zoom is being told of the first
    ((id_, made),) = house.fake.meetings.items()
    async with house.store.transaction() as session:
        mirror = await session.get_one(Mirror, (await house.mirror()).id)
        assert mirror.number > stale
        first = f"{LATER:%Y-%m-%dT%H:%M:%SZ}/60"
        await mirrors.say(session, mirror, first, house.clock.real())
    echo = house.fake.happened("updated", made | {"start_time": "2026-11-25T12:00:00Z"})
    at = house.clock.real() + timedelta(seconds=2)
    house.clock.advance(seconds=3)
    assert await hears(house, echo, at) == "nothing_new"
    assert (await house.meeting()).starts_at == LATER + HOUR
    await house.tells()
    assert house.fake.meetings[id_]["start_time"] == "2026-11-25T13:00:00Z"
    assert await hears(house, echo, at) == "nothing_new"  # and later still
    assert (await house.meeting()).starts_at == LATER + HOUR


async def test_what_a_person_moves_there_is_moved_here(house: House) -> None:
    """After ours, and to another time: even back to where it was before."""
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    (made,) = house.fake.meetings.values()
    for minutes, starts in ((5, LATER), (10, TOMORROW)):
        house.clock.advance(minutes=minutes)
        moved = house.fake.happened(
            "updated", made | {"start_time": f"{starts:%Y-%m-%dT%H:%M:%SZ}"}
        )
        await hears(house, moved, house.clock.real())
        assert (await house.meeting()).starts_at == starts


async def test_a_call_that_is_off_and_on_again_at_once(house: House) -> None:
    """That we took it off comes back from Zoom once it is on again: that is no news."""
    await house.says("scheduled", starts_at=TOMORROW)
    await house.tells()
    (made,) = list(house.fake.meetings.values())
    await house.says("cancelled")
    await house.tells()
    gone = house.clock.real()
    await house.says("scheduled", starts_at=LATER, meeting_id=(await house.meeting()).id)
    assert await hears(house, house.fake.happened("deleted", made), gone) == "nothing_new"
    assert (await house.meeting()).state == "scheduled"


async def test_the_first_word_of_our_own_meeting(house: House) -> None:
    """Sooner here than the answer that has its number: it is ours, and no news; another is not."""
    await house.says("scheduled", starts_at=TOMORROW)
    house.fake.script.next.append(Fault.RESET_AFTER)  # it is made, and nobody hears of it
    await house.tells()
    (made,) = house.fake.meetings.values()
    created = house.fake.happened("created", made)
    assert await hears(house, created, house.clock.real()) == "nothing_new"
    other = house.fake.happened("created", made | {"id": 7, "duration": 15})
    assert await hears(house, other, house.clock.real()) == "not_ours"


@pytest.mark.parametrize(
    ("chosen", "lacks"),
    [
        ({"meetings": "zoom"}, ["_ACCOUNT_ID", "_CLIENT_ID", "_CLIENT_SECRET", "_ZOOM_SECRET"]),
        ({"surveys": "surveymonkey"}, ["_LINK", "_TOKEN", "_SECRET"]),
        ({"meetings": "zoom", "zoom_api_base": "http://zoom.us"}, ["_API_BASE"]),
        ({}, []),
    ],
)
def test_the_doctor_names_what_is_not_set(chosen: dict[str, Any], lacks: list[str]) -> None:
    said = missing(Settings(_env_file=None, **chosen))
    assert all(any(name in one for one in said) for name in lacks)
    assert bool(said) is bool(lacks)
