"""A meeting in a calendar: read back strictly, line by line, and what becomes of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from activities.crm.store import Store
from activities.crm.tables import Meeting
from activities.rendering import invitation
from activities.rendering.invitation import Entry, calendar
from tests.activities.sending import House, fails, somebody
from tests.factories import NOON, FakeClock
from workflows import vocabulary as v

STARTS = datetime(2026, 12, 1, 9, tzinfo=UTC)
NAMES = [
    "Ada Lovelace",
    'Ada "the Countess" Lovelace',
    "Lovelace, Ada; Countess: of \\ Lovelace",
    "Ada\r\nATTENDEE:mailto:evil@example.com",
    "Ada\nEND:VEVENT\nBEGIN:VALARM",
    "Ada^n^'x",
    "Ädä 😀 山田太郎",
    "\u202eadA\x00\x1b",
    "x" * 500,
    "",
]


def a_meeting(**fields: Any) -> Meeting:
    known = {
        "id": "meet_1",
        "uid": "meet_1@example.com",
        "customer_id": "cus_1",
        "state": "scheduled",
        "starts_at": STARTS,
        "minutes": 45,
        "sequence": 0,
        "url": "https://meet.example.com/abc?pwd=1;2,3",
        "title": "Onboarding",
        "told_at": {},
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Meeting(**known | fields)


def an_entry(**fields: Any) -> Entry:
    known: dict[str, Any] = {
        "attendee": "ada+care@example.com",
        "called": "Ada Lovelace",
        "house": "Shop, Ltd",
        "support": "support@example.com",
        "subject": "Your onboarding",
        "text": "Agenda:\n- your aims\n- questions; answers, and more",
        "made": NOON,
    }
    return Entry(**known | fields)


def strictly(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Its lines by the grammar of RFC 5545, 3.1, without the library that wrote them."""
    raw = text.encode()
    assert raw.endswith(b"\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 75
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", raw)
    found = []
    for line in raw.replace(b"\r\n ", b"").decode().split("\r\n")[:-1]:
        name = re.match(r"[A-Z0-9-]+", line)
        assert name, line
        rest, params = line[name.end() :], {}
        while rest.startswith(";"):
            param = re.match(r';([A-Z0-9-]+)=("[^"]*"|[^";:,]*)', rest)
            assert param, line
            params[param[1]] = param[2].strip('"')
            rest = rest[param.end() :]
        assert rest.startswith(":"), line
        found.append((name[0], params, rest[1:]))
    return found


def one(text: str, name: str) -> str:
    """The value of what stands there once before the alarm."""
    lines = strictly(text)
    bells = [n for n, line in enumerate(lines) if line[2] == "VALARM"] or [len(lines)]
    lines = lines[: bells[0]]
    values = [value for n, _, value in lines if n == name]
    assert len(values) == 1, (name, values)
    return values[0]


def test_a_request_has_what_calendars_ask_for() -> None:
    """RFC 5546, 3.2.2: who asks whom to what, from when to when, under which number."""
    text = calendar(a_meeting(), "REQUEST", an_entry())
    lines = strictly(text)
    assert lines[0] == ("BEGIN", {}, "VCALENDAR")
    assert lines[-1] == ("END", {}, "VCALENDAR")
    shape = [(name, value) for name, _, value in lines if name in ("BEGIN", "END")]
    inner = [("BEGIN", "VEVENT"), ("BEGIN", "VALARM"), ("END", "VALARM"), ("END", "VEVENT")]
    assert shape[1:-1] == inner
    wanted = {
        "VERSION": "2.0",
        "CALSCALE": "GREGORIAN",
        "METHOD": "REQUEST",
        "UID": "meet_1@example.com",
        "SEQUENCE": "0",
        "DTSTAMP": f"{NOON.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        "DTSTART": "20261201T090000Z",
        "DTEND": "20261201T094500Z",
        "SUMMARY": "Onboarding",
        "STATUS": "CONFIRMED",
        "ORGANIZER": "mailto:support@example.com",
        "ATTENDEE": "mailto:ada+care@example.com",
        "LOCATION": r"https://meet.example.com/abc?pwd=1\;2\,3",
        "URL": "https://meet.example.com/abc?pwd=1;2,3",
    }
    assert {name: one(text, name) for name in wanted} == wanted
    assert one(text, "PRODID").startswith("-//")
    assert one(text, "DESCRIPTION").startswith("https://meet.example.com/")
    assert r"\n- questions\; answers\, and more" in one(text, "DESCRIPTION")
    (guest,) = (params for name, params, _ in lines if name == "ATTENDEE")
    wants = {"PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE", "ROLE": "REQ-PARTICIPANT"}
    assert guest | wants | {"CN": "Ada Lovelace"} == guest
    alarm = lines[[line[2] for line in lines].index("VALARM") :]
    assert {"ACTION", "TRIGGER", "DESCRIPTION"} <= {name for name, _, _ in alarm}


def test_one_entry_from_first_to_last() -> None:
    """Scheduled, moved, called off: the same id, a number that grows, and in the end no bell."""
    texts = [
        calendar(a_meeting(), "REQUEST", an_entry()),
        calendar(
            a_meeting(starts_at=STARTS + timedelta(days=1), sequence=1), "REQUEST", an_entry()
        ),
        calendar(a_meeting(state="cancelled", sequence=2), "CANCEL", an_entry()),
    ]
    assert {one(text, "UID") for text in texts} == {"meet_1@example.com"}
    assert {one(text, "ORGANIZER") for text in texts} == {"mailto:support@example.com"}
    assert [one(text, "SEQUENCE") for text in texts] == ["0", "1", "2"]
    assert [one(text, "METHOD") for text in texts] == ["REQUEST", "REQUEST", "CANCEL"]
    assert [one(text, "STATUS") for text in texts] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert "VALARM" not in texts[-1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["called", "house", "title", "subject", "text"])
def test_a_hostile_name_gains_nothing(name: str, where: str) -> None:
    """It stays within its own value: no line, no property, no guest more."""
    plain = calendar(a_meeting(), "REQUEST", an_entry())
    if where == "title":
        text = calendar(a_meeting(title=name), "REQUEST", an_entry())
    else:
        text = calendar(a_meeting(title=None), "REQUEST", an_entry(**{where: name}))
    assert [line[0] for line in strictly(text)] == [line[0] for line in strictly(plain)]
    (event,) = Calendar.from_ical(text).walk("VEVENT")
    assert str(event["ATTENDEE"]) == "mailto:ada+care@example.com"
    if where == "called" and name == NAMES[2]:
        assert event["ATTENDEE"].params["CN"] == name
    if where == "title" and name == NAMES[2]:
        assert str(event["SUMMARY"]) == name


@pytest.mark.parametrize("organiser", ["Eve", "eve@x\r\nX-EVIL:1", "a@b:c@d", "", None])
def test_who_is_no_address_does_not_invite(organiser: str | None) -> None:
    """The house does, where answers are read."""
    text = calendar(a_meeting(organiser=organiser), "REQUEST", an_entry())
    assert one(text, "ORGANIZER") == "mailto:support@example.com"
    theirs = calendar(a_meeting(organiser="eve@example.com"), "REQUEST", an_entry())
    assert one(theirs, "ORGANIZER") == "mailto:eve@example.com"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x\r\nX-EVIL:1", "room 5", None])
def test_where_it_is_joined_is_a_link_or_nothing(url: str | None) -> None:
    """What is none is no place to send anybody to."""
    names = [name for name, _, _ in strictly(calendar(a_meeting(url=url), "REQUEST", an_entry()))]
    assert not {"URL", "LOCATION", "X-EVIL"} & set(names)


# -- with its message ------------------------------------------------------------------------


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


async def invited(house: House, **fields: Any) -> tuple[v.Answer, str]:
    customer = await somebody(house, name="Ada Lovelace")
    await house.add(a_meeting(customer_id=customer.id, **fields))
    return await house.send(customer.id, "notice", meeting_id="meet_1"), customer.id


async def test_the_message_brings_it_along_and_keeps_it(house: House) -> None:
    """What the channel was given stands on the row, with the moment it was made at."""
    answer, _ = await invited(house)
    assert isinstance(answer, v.Sent)
    ((_, parcel, _),) = house.email.taken
    (file,) = parcel.attachments
    assert (file.name, file.type) == ("invite.ics", "text/calendar; method=REQUEST")
    assert one(file.text, "DTSTAMP") == f"{NOON.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    row = await house.row(answer.key)
    assert row.meeting_id == "meet_1"
    assert row.attachments == [{"name": file.name, "type": file.type, "text": file.text}]


async def test_sent_again_it_is_the_same_byte_for_byte(house: House) -> None:
    """Mail programs see one invitation, whichever copy they read."""
    house.email.next = ["hang"]
    house.email.deadline = timedelta(milliseconds=100)
    house.email.can_look_up = False
    customer = await somebody(house)
    await house.add(a_meeting(customer_id=customer.id))
    await fails(house, customer.id, "notice", meeting_id="meet_1")
    house.clock.advance(hours=1)
    assert isinstance(await house.send(customer.id, "notice", meeting_id="meet_1"), v.Sent)
    first, second = (parcel.attachments for _, parcel, _ in house.email.taken)
    assert first == second != ()


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("scheduled", "text/calendar; method=REQUEST"),
        ("cancelled", "text/calendar; method=CANCEL"),
        ("held", None),
        ("missed", None),
    ],
)
async def test_its_state_decides(house: House, state: str, kind: str | None) -> None:
    """What is over is in nobody's calendar anew."""
    await invited(house, state=state)
    ((_, parcel, _),) = house.email.taken
    assert [file.type for file in parcel.attachments] == ([kind] if kind else [])


async def test_a_text_message_has_none(house: House) -> None:
    """It would not arrive."""
    customer = await somebody(house, email=None)
    await house.add(a_meeting(customer_id=customer.id))
    assert isinstance(await house.send(customer.id, "notice", meeting_id="meet_1"), v.Sent)
    ((_, parcel, _),) = house.sms.taken
    assert parcel.attachments == ()


async def test_a_meeting_that_is_not_theirs_stops_it(house: House) -> None:
    """Nobody is invited to somebody else's, nor to none; an engineer looks at it."""
    customer, other = await somebody(house), await somebody(house, email="eve@example.com")
    fault = await fails(house, customer.id, "notice", meeting_id="meet_1")
    assert fault.message == "meeting_missing"
    await house.add(a_meeting(customer_id=other.id))
    assert (await fails(house, customer.id, "notice", meeting_id="meet_1")).non_retryable
    assert not house.email.taken


def test_it_is_the_same_for_the_same() -> None:
    """No moment and no chance of ours is in it."""
    assert calendar(a_meeting(), "REQUEST", an_entry()) == calendar(
        a_meeting(), "REQUEST", an_entry()
    )
    assert invitation.content_type("CANCEL") == "text/calendar; method=CANCEL"
