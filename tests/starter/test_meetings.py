"""Meetings that other systems keep: late, doubled, out of order, and told to whom they concern."""

from __future__ import annotations

import itertools
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Contract, Inbox, Meeting, Note
from starter.answers import Refusal
from starter.desk import Desk
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, kept
from tests.starter.front import FakeTemporal, a_desk, an_event, effects, only, rows

Word = tuple[str, dict[str, Any]]
HOUR = timedelta(hours=1)
TOMORROW, LATER = NOON + 24 * HOUR, NOON + 48 * HOUR
OURS, OTHER, YEARS = "onboarding.c1", "onboarding.c2", "keep-in-touch.cus_ada"
BOUGHT = "order-thanks.1001"


@pytest.fixture
async def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """Ada has two contracts and an order, each followed up."""
    return await a_house(store, clock, temporal)


async def a_house(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    await a_customer(store, id="cus_ada", email="ada@example.com")
    for name in ("c1", "c2"):
        row = Contract(id=name, customer_id="cus_ada", contacts=[], told_at={}, created_at=NOON)
        await kept(store, row)
        await an_enrolment(store, "cus_ada", sop="onboarding", subject=name, contract_id=name)
    await an_enrolment(store, "cus_ada", sop="keep-in-touch")
    await an_enrolment(store, "cus_ada", sop="order-thanks", subject="1001", order_id="1001")
    temporal.started |= dict.fromkeys((OURS, OTHER, YEARS, BOUGHT))
    return a_desk(store, clock, temporal, sops="", public_url="https://care.example.com/x")


def word(what: str, *, at: datetime = NOON, contract: str | None = "c1", **data: Any) -> Any:
    said = {n: v.isoformat() if isinstance(v, datetime) else v for n, v in data.items()}
    about = {"contract": {"id": contract}} if contract else {}
    return an_event(f"meeting.{what}", occurred_at=at.isoformat(), data=said, **about)


def heard(temporal: FakeTemporal, follow_up: str = OURS) -> list[tuple[str, dict[str, Any]]]:
    return [(name, body) for id_, name, body in temporal.signals if id_ == follow_up]


async def test_a_meeting_is_scheduled(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Its contract's follow-up hears of it, and what hears all of the customer; nobody else."""
    said: dict[str, Any] = {
        "url": "https://meet.example.com/1",
        "title": "Welcome",
        "organiser": "Mo@Example.com",
    }
    event = word("scheduled", starts_at=TOMORROW, minutes=45, reference="zoom 1", **said)
    assert effects(await desk.receive("api", event)) == [("signalled", None)] * 2
    row: Meeting = await only(store, Meeting)
    assert (row.starts_at, row.minutes, row.state, row.sequence) == (TOMORROW, 45, "scheduled", 0)
    assert (row.url, row.title, row.organiser) == (*list(said.values())[:2], "mo@example.com")
    assert (row.uid, row.follow_up) == (f"{row.id}@care.example.com", OURS)
    ((name, body),) = heard(temporal)
    assert name == "meeting_scheduled"
    assert {n: body[n] for n in ("meeting_id", "contract_id", "number")} == {
        "meeting_id": row.id, "contract_id": "c1", "number": 0,
    }  # fmt: skip
    assert body["ends_at"] == (TOMORROW + timedelta(minutes=45)).isoformat()
    assert [name for name, _ in heard(temporal, YEARS)] == ["meeting_scheduled"]
    assert not heard(temporal, OTHER) + heard(temporal, BOUGHT)
    again = await desk.receive("api", word("scheduled", starts_at=TOMORROW, reference="zoom 1"))
    assert effects(again) == [("already", "meeting_scheduled")]


async def test_its_number_counts_what_a_calendar_has_to_hear(desk: Desk, store: Store) -> None:
    """Another time, or length; that it is off, and on again. Where it is joined counts nothing."""
    steps: list[tuple[str, dict[str, Any], int]] = [
        ("scheduled", {"starts_at": TOMORROW}, 0),
        ("moved", {"starts_at": TOMORROW}, 0),
        ("moved", {"starts_at": LATER}, 1),
        ("moved", {"starts_at": LATER, "minutes": 30}, 2),
        ("moved", {"starts_at": LATER, "url": "https://meet.example.com/2"}, 2),
        ("cancelled", {}, 3),
        ("cancelled", {}, 3),
        ("scheduled", {"starts_at": LATER}, 4),
        ("missed", {}, 4),
        ("moved", {"starts_at": LATER + HOUR}, 5),
        ("held", {}, 5),
        ("moved", {"starts_at": LATER + 5 * HOUR}, 5),
    ]
    uids = set()
    for hour, (what, said, number) in enumerate(steps):
        event = word(what, at=NOON - 20 * HOUR + hour * HOUR, reference="z", **said)
        await desk.receive("api", event)
        row = await only(store, Meeting)
        uids.add(row.uid)
        assert row.sequence == number, (hour, what)
    assert (row.state, len(uids)) == ("held", 1)


async def test_by_contract_alone(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Without a name the contract's meeting is meant; after one that is over, it is another."""
    words: list[Word] = [
        ("scheduled", {"starts_at": TOMORROW}),
        ("missed", {}),
        ("scheduled", {"starts_at": LATER}),
        ("held", {}),
        ("held", {}),
    ]
    for hour, (what, said) in enumerate(words):
        await desk.receive("api", word(what, at=NOON - 9 * HOUR + hour * HOUR, **said))
    row = await only(store, Meeting)
    assert (row.state, row.starts_at, row.sequence) == ("held", LATER, 1)
    await desk.receive("api", word("scheduled", starts_at=LATER + HOUR))
    assert len(await rows(store, Meeting)) == 2
    names = [name.removeprefix("meeting_") for name, _ in heard(temporal)]
    assert names == ["scheduled", "missed", "scheduled", "held", "scheduled"]


async def test_a_system_speaks_of_what_we_scheduled(desk: Desk, store: Store) -> None:
    """The same time under its own name is the same meeting, and is known by that name then."""
    await desk.receive("api", word("scheduled", starts_at=TOMORROW))
    await desk.receive("api", word("scheduled", starts_at=TOMORROW, reference="zoom-7"))
    nobody = word("held", contract=None, reference="zoom-7") | {"customer": None}
    await desk.receive("api", {n: v for n, v in nobody.items() if v is not None})
    row = await only(store, Meeting)
    assert (row.state, row.reference, row.sequence) == ("held", "zoom-7", 0)


async def test_it_stays_whose_it_was(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """A word of it that names another contract of theirs is told to the one that waits for it."""
    await desk.receive("api", word("scheduled", starts_at=TOMORROW, reference="zoom 1"))
    await desk.receive("api", word("held", contract="c2", reference="zoom 1"))
    row: Meeting = await only(store, Meeting)
    assert (row.contract_id, row.state) == ("c1", "held")
    assert [name for name, _ in heard(temporal)] == ["meeting_scheduled", "meeting_held"]
    assert {body["contract_id"] for _, body in heard(temporal)} == {"c1"}
    assert not heard(temporal, OTHER)


async def test_held_before_anybody_heard_of_it(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Without a customer it waits for whoever names them; with one it was held, whenever that."""
    early = word("held", contract=None, reference="z1") | {"customer": None}
    receipt = await desk.receive("api", {n: v for n, v in early.items() if v is not None})
    assert effects(receipt) == [("parked", None)]
    await desk.receive("api", word("scheduled", at=NOON - HOUR, starts_at=NOON, reference="z1"))
    row = await only(store, Meeting)
    assert (row.state, row.starts_at) == ("held", NOON)
    assert {one.state for one in await rows(store, Inbox)} == {"done"}
    await desk.receive("api", word("held", contract="c2", reference="z2"))
    assert [name for name, _ in heard(temporal, OTHER)] == ["meeting_held"]


LIFE: list[Word] = [
    ("scheduled", {"starts_at": TOMORROW, "title": "Hello"}),
    ("moved", {"starts_at": LATER, "minutes": 30}),
    ("missed", {"starts_at": LATER}),
    ("moved", {"starts_at": LATER + HOUR, "url": "https://meet.example.com/3"}),
    ("cancelled", {}),
    ("scheduled", {"starts_at": LATER + 2 * HOUR}),
]


@pytest.mark.parametrize("end", ["", "held"])
async def test_shuffled_and_doubled(store: Store, clock: FakeClock, end: str) -> None:
    """However the words about some meetings come, their rows say the same in the end."""
    desk = await a_house(store, clock, FakeTemporal())
    life = [*LIFE, *([(end, {})] if end else [])]
    luck = random.Random(7)
    came = []
    for turn in range(6):
        words = [
            word(what, at=NOON - 20 * HOUR + n * HOUR, reference=f"z{turn}", **said)
            for n, (what, said) in enumerate(life)
        ]
        if turn:
            words += [one | {"id": f"{one['id']}x"} for one in luck.sample(words, 3)]
            luck.shuffle(words)
        for one in words:
            await desk.receive("api", one)
        (row,) = [r for r in await rows(store, Meeting) if r.reference == f"z{turn}"]
        came.append((row.state, row.starts_at, row.minutes, row.url, row.title))
    assert set(came) == {came[0]}
    assert came[0][:2] == (end or "scheduled", LATER + 2 * HOUR)


async def test_every_order_of_three(memory_store: Store, clock: FakeClock) -> None:
    """Also by the contract alone: the newest of its meetings is what it ought to be."""
    life: list[Word] = [
        ("scheduled", {"starts_at": TOMORROW}),
        ("moved", {"starts_at": LATER}),
        ("held", {}),
    ]
    temporal = FakeTemporal()
    desk = await a_house(memory_store, clock, temporal)
    for turn, order in enumerate(itertools.permutations(enumerate(life))):
        name = f"k{turn}"
        row = Contract(id=name, customer_id="cus_ada", contacts=[], told_at={}, created_at=NOON)
        await kept(memory_store, row)
        for n, (what, said) in order:
            await desk.receive("api", word(what, at=NOON - (9 - n) * HOUR, contract=name, **said))
        (meeting,) = [r for r in await rows(memory_store, Meeting) if r.contract_id == name]
        assert (meeting.state, meeting.starts_at) == ("held", LATER), order


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        (word("scheduled"), "missing", "data.starts_at"),
        (word("moved", reference="z"), "missing", "data.starts_at"),
        (word("held", contract=None), "missing", "data.reference"),
        (word("scheduled", starts_at="tomorrow"), "invalid_time", "data.starts_at"),
        (word("scheduled", starts_at="2026-11-24T10:00:00"), "invalid_time", "data.starts_at"),
        (word("scheduled", starts_at=1764000000), "invalid_time", "data.starts_at"),
        (word("scheduled", starts_at=TOMORROW, minutes=0), "invalid", "data.minutes"),
        (word("scheduled", starts_at=TOMORROW, minutes=10**9), "invalid", "data.minutes"),
        (word("scheduled", starts_at=TOMORROW, minutes=True), "invalid", "data.minutes"),
        (word("scheduled", starts_at=TOMORROW, minutes="60"), "invalid", "data.minutes"),
        (word("scheduled", starts_at=TOMORROW, url="javascript:x"), "invalid", "data.url"),
        (word("scheduled", starts_at=TOMORROW, title="a\r\nb"), "unprintable_text", "data.title"),
        (word("scheduled", starts_at=TOMORROW, organiser="Mo"), "invalid_email", "data.organiser"),
        (word("held", meeting_id="../x"), "invalid", "data.meeting_id"),
        (word("held", number=3), "unknown_field", "data.number"),
        (word("held", reference="x" * 999), "invalid", "data.reference"),
    ],
)
async def test_what_does_not_fit(
    memory_store: Store, clock: FakeClock, event: dict[str, Any], code: str, param: str
) -> None:
    """It is refused at the door, by the name of its field, and nothing is kept of it."""
    desk = a_desk(memory_store, clock, FakeTemporal(), sops="")
    with pytest.raises(Refusal) as refused:
        await desk.receive("api", event)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert not await rows(memory_store, Inbox)


async def test_nobody_elses_meeting(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """Our id of another customer's meeting changes nothing, and two may call one the same."""
    await a_customer(store, id="cus_bo", email="bo@example.com")
    await desk.receive("api", word("scheduled", starts_at=TOMORROW, reference="weekly"))
    row = await only(store, Meeting)
    theirs = an_event("meeting.cancelled", customer={"id": "cus_bo"}, data={"meeting_id": row.id})
    assert effects(await desk.receive("api", theirs)) == [("none", "meeting_unknown")]
    said = {"reference": "weekly", "starts_at": LATER.isoformat()}
    other = an_event("meeting.scheduled", customer={"id": "cus_bo"}, data=said)
    await desk.receive("api", other)
    assert {(r.customer_id, r.state) for r in await rows(store, Meeting)} == {
        ("cus_ada", "scheduled"), ("cus_bo", "scheduled"),
    }  # fmt: skip


async def test_signalled_by_hand(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """A follow-up's name says which contract; what was said of the meeting goes to the CRM."""
    body = {"starts_at": TOMORROW.isoformat(), "minutes": 30}
    await desk.signal(OURS, "meeting_scheduled", body, "ada")
    await desk.signal(OURS, "meeting.held", {"text": "They liked it"}, "ada")
    assert [name for name, _ in heard(temporal)] == ["meeting_scheduled", "meeting_held"]
    assert not heard(temporal, YEARS)  # it was meant for one
    assert "They liked it" in {note.summary for note in await rows(store, Note)}
    assert "liked" not in str(temporal.signals)
    other = {"contract_id": "c2"} | body
    await desk.signal("cus_ada", "meeting_scheduled", other, "ada")
    assert [name for name, _ in heard(temporal, OTHER)] == ["meeting_scheduled"]
    with pytest.raises(Refusal) as refused:
        await desk.signal(OURS, "meeting_moved", {}, "ada")
    assert refused.value.param == "data.starts_at"
