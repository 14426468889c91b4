"""Salesforce has our customers, what was said and what is to be done: once, whatever it does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from activities.crm import marking, mirrors
from activities.crm.store import Store
from activities.crm.tables import Customer, Hold, Message, Mirror, PrivacyRequest, Task
from activities.fakes.faults import Fault
from activities.mirrors import loop
from tests.activities.salesforce import SYSTEM, There, a_note, a_task, there
from tests.activities.sending import House, somebody
from tests.factories import NOON, FakeClock, a_customer
from workflows import vocabulary as v

PERSONAL = ("Ada", "Lovelace", "example.com", "442079460000", "log in", "Validated", "Double")


@pytest.fixture
async def sf(store: Store, clock: FakeClock) -> AsyncIterator[There]:
    async with there(store, clock) as found:
        yield found


@pytest.fixture
async def one(memory_store: Store, clock: FakeClock) -> AsyncIterator[There]:
    async with there(memory_store, clock) as found:
        yield found


async def change(store: Store, table: type[Any], ref: str, **fields: Any) -> None:
    async with store.transaction() as session:
        row = await session.get(table, ref)
        for name, value in fields.items():
            setattr(row, name, value)


async def marks(store: Store) -> list[Mirror]:
    async with store.reading() as session:
        return list((await session.execute(select(Mirror).order_by(Mirror.id))).scalars())


async def engineers(store: Store) -> list[str]:
    async with store.reading() as session:
        query = select(Task.title).where(Task.role == v.Role.ENGINEER.value)
        return list((await session.execute(query)).scalars())


# -- what it has -----------------------------------------------------------------------------------


async def test_it_has_customers_and_all_that_was_said(sf: There) -> None:
    """A contact, the message that went, a call, and a colleague's task: each under our id."""
    house = House(sf.store, sf.clock)
    who = await somebody(house, address={"line1": "1 Row", "line2": "Flat 2", "city": "London",
                                         "postal_code": "N1"})  # fmt: skip
    await house.send(who.id, "welcome")
    note = await a_note(sf.store, who.id, feedback="too slow", actions="call on Monday", by="jo@x")
    task = await a_task(sf.store, who.id, urgent=True, assignee="jo@x")
    await sf.tell()
    contact = sf.contact(who.id)
    assert {name: value for name, value in contact.items() if name != "Id"} == {
        "FirstName": "Ada", "LastName": "Lovelace", "Email": who.email, "Phone": who.phone,
        "MailingStreet": "1 Row\nFlat 2", "MailingCity": "London", "MailingPostalCode": "N1",
        "MailingCountry": "United Kingdom", "HasOptedOutOfEmail": False, "DoNotCall": False,
    }  # fmt: skip
    message = (await house.all(Message))[0]
    assert sf.task(message.id) | {"Id": ""} == {
        "Id": "", "WhoId": contact["Id"], "Subject": "E-mail: welcome", "Status": "Completed",
        "Priority": "Normal", "ActivityDate": "2026-11-23",
        "Description": "Date: 2026-11-23 12:00 Europe/London\n"
        "Method: E-mail, by Aftercare (online-customer 5.2.1)\nSummary: welcome\n"
        "State: sent, by post",
    }  # fmt: skip
    assert sf.task(note.id)["Subject"] == "Call: They cannot log in"
    assert sf.task(note.id)["Description"] == (
        "Date: 2026-11-23 12:00 Europe/London\nMethod: Call from the customer, by jo@x\n"
        "Summary: They cannot log in\nFeedback: too slow\nFollow-up actions: call on Monday"
    )
    todo = sf.task(task.id)
    assert (todo["Status"], todo["Priority"], todo["WhoId"]) == (
        "Not Started", "High", contact["Id"]
    )  # fmt: skip
    assert sf.fake.created[0] == who.id
    assert len(sf.fake.accepted) == 4


async def test_what_changes_is_told_as_it_last_stood(sf: There) -> None:
    """Ten changes are told once; what it is not told of, is no change."""
    who = await a_customer(sf.store)
    task = await a_task(sf.store, who.id)
    await sf.tell()
    before = len(sf.fake.accepted)
    for number in range(10):
        await change(sf.store, Customer, who.id, name=f"Ada {number}", phone=None)
    await change(sf.store, Task, task.id, reminded_at=NOON, rung=2)
    await change(sf.store, Customer, who.id, locale="de", told_at={"locale": "now"})
    await change(sf.store, Task, task.id, state="done", done_at=NOON)
    await sf.tell(minutes=1)
    assert sf.contact(who.id)["LastName"] == "9"
    assert sf.contact(who.id)["Phone"] is None
    assert sf.task(task.id)["Status"] == "Completed"
    assert len(sf.fake.accepted) == before + 2
    assert (await sf.standing()).waiting == 0


async def test_what_is_rolled_back_is_not_marked(sf: There) -> None:
    """The mark belongs to the transaction."""
    async with sf.store.transaction() as session:
        session.add(Customer(id="cus_1", told_at={}, created_at=NOON, tier="vip"))
        await session.flush()
        await session.rollback()
    assert await marks(sf.store) == []


async def test_nobody_is_told_without_a_crm_beside_ours(store: Store, clock: FakeClock) -> None:
    """Then nothing is marked either."""
    await a_customer(store)
    assert await marks(store) == []


async def test_what_was_there_before(store: Store, clock: FakeClock) -> None:
    """Salesforce comes later: it is told of all there is, but of nobody who was erased."""
    house = House(store, clock)
    whose = [await somebody(house) for _ in range(3)]
    await house.send(whose[0].id, "welcome")
    gone = await a_customer(store, erased_at=NOON)
    await a_note(store, gone.id)
    notes = [await a_note(store, one.id) for one in whose]
    await a_task(store, None)  # an engineer's: of nobody
    async with there(store, clock) as sf:
        await sf.tell()
        assert {ref for kind, ref in sf.fake.records if kind == "Contact"} == {
            one.id for one in whose
        }
        assert all(sf.task(one.id)["WhoId"] for one in notes)
        assert len(sf.fake.accepted) == 3 + 3 + 1
        await sf.tell(days=2)
        assert len(sf.fake.accepted) == 3 + 3 + 1


async def test_a_crowd_that_was_there_before(
    memory_store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, they are gone through once, a few at a time, and none is left out."""
    monkeypatch.setattr(marking.unmarked, "__defaults__", (2,))
    whose = [await a_customer(memory_store, email=f"c{n}@example.com") for n in range(7)]
    notes = [await a_note(memory_store, one.id) for one in whose]
    seen: list[str] = []

    async def looked(*said: Any) -> list[marking.Ref]:
        found = await marking.unmarked(*said)
        seen.extend(ref for _, ref, _ in found)
        return found

    monkeypatch.setattr(loop, "unmarked", looked)
    async with there(memory_store, clock) as sf:
        await sf.tell()
        assert seen == sorted(one.id for one in whose) + sorted(note.id for note in notes)
        assert {ref for _, ref in sf.fake.records} == set(seen)


async def test_who_was_erased_is_told_of_no_more(sf: There) -> None:
    """What was there stays there: deleting it is another matter."""
    who = await a_customer(sf.store)
    await sf.tell()
    await change(sf.store, Customer, who.id, name="Somebody Else", erased_at=NOON)
    await a_note(sf.store, who.id)
    await sf.tell(minutes=1)
    assert sf.contact(who.id)["LastName"] == "Lovelace"
    assert len(sf.fake.accepted) == 1
    assert (await sf.standing()).waiting == 0


async def test_whose_data_are_restricted(sf: There) -> None:
    """They wait for the end of it."""
    who = await a_customer(sf.store)
    async with sf.store.transaction() as session:
        session.add(
            PrivacyRequest(
                id="prv_1", customer_id=who.id, kind="restrict", state="open", received_at=NOON,
                due_at=NOON,
            )
        )  # fmt: skip
        session.add(Hold(id="prv_1", customer_id=who.id, kind="manual", at=NOON))
    await sf.tell()
    assert sf.fake.requests == 0
    await change(sf.store, Hold, "prv_1", released_at=NOON)
    await sf.tell(days=1)
    assert sf.contact(who.id)["LastName"] == "Lovelace"


async def test_what_went_to_nobody_is_not_told(one: There) -> None:
    """While only test addresses are written to, Salesforce does not believe otherwise."""
    house = House(one.store, one.clock, only_to="@ours.example")
    who = await somebody(house)
    assert isinstance(await house.send(who.id, "welcome"), v.Sent)
    await one.tell()
    assert [kind for kind, _ in one.fake.records] == ["Contact"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": None, "company": "Engines Ltd"}, {"FirstName": None, "LastName": "Engines Ltd"}),
        ({"name": None}, {"LastName": "(no name)"}),
        ({"name": " Ada "}, {"FirstName": None, "LastName": "Ada"}),
        ({"name": "Jan van der Berg"}, {"FirstName": "Jan", "LastName": "van der Berg"}),
        ({"name": "x" * 255}, {"LastName": "x" * 79 + "…"}),
        ({"name": "A " + "\U0001f600" * 60}, {"LastName": "\U0001f600" * 39 + "…"}),
        ({"name": "\x01\x00 \x07"}, {"LastName": "(no name)"}),
        ({"email": "a" * 80 + "@example.com"}, {"Email": None}),
        ({"phone": None, "country": "XX"}, {"Phone": None, "MailingCountry": "XX"}),
        ({"address": {"city": "C" * 99}}, {"MailingCity": "C" * 39 + "…", "MailingStreet": None}),
    ],
)
async def test_whatever_they_are_called(
    one: There, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Salesforce wants a last name, and has limits: what is too long is cut, but an address."""
    who = await a_customer(one.store, **fields)
    await one.tell()
    contact = one.contact(who.id)
    assert {name: contact[name] for name in expected} == expected


async def test_whatever_they_say(one: There) -> None:
    """Of 40,000 characters as many as there is room for; a line break, and nothing, do no harm."""
    who = await a_customer(one.store)
    said = ["x" * 40_000, "\n\na\r\nb", "", "<b>&\x00\ud83d"[:-1], "ж" * 300]
    notes = [await a_note(one.store, who.id, summary=words) for words in said]
    await one.tell()
    assert all(("Task", note.id) in one.fake.records for note in notes)


# -- what it does ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "code"),
    [
        ("Validated", "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        ("Double", "DUPLICATES_DETECTED"),
        ("Ambiguous", "DUPLICATE_EXTERNAL_ID"),
    ],
)
async def test_a_rule_of_theirs(
    sf: There, caplog: pytest.LogCaptureFixture, last: str, code: str
) -> None:
    """A person is told once, in codes; the others go on, and it is never asked again unchanged."""
    bad = [await a_customer(sf.store, name=f"Ada {last}") for _ in range(3)]
    note = await a_note(sf.store, bad[0].id)
    good = await a_customer(sf.store)
    await sf.tell()
    assert sf.contact(good.id)
    assert len(await engineers(sf.store)) == 1
    assert code in (await engineers(sf.store))[0]
    asked = sf.fake.requests
    for _ in range(3):
        await sf.tell(days=1)
    assert sf.fake.requests == asked
    await change(sf.store, Customer, bad[0].id, name="Ada King")
    await sf.tell()
    assert sf.task(note.id)["WhoId"] == sf.contact(bad[0].id)["Id"]
    assert (await sf.standing()).given_up == 2
    async with sf.store.transaction() as session:
        assert await mirrors.retry(session, SYSTEM) == 2
    await sf.tell(minutes=1)
    assert len(await engineers(sf.store)) == 1
    said = caplog.text + json.dumps(await engineers(sf.store))
    said += json.dumps([row.error for row in await marks(sf.store)])
    assert not [word for word in PERSONAL if word in said]


async def test_a_row_that_somebody_has_locked(one: There) -> None:
    """It is told a little later, and nobody hears of it."""
    who = await a_customer(one.store, name="Ada Locked")
    await one.tell()
    await one.tell(seconds=20)
    assert one.contact(who.id)
    assert await engineers(one.store) == []


async def test_a_token_that_ended(one: There) -> None:
    """A new one, once; the same one as long as it is good."""
    await a_customer(one.store)
    await a_customer(one.store)
    await one.tell()
    assert one.fake.looked_up == 1
    one.fake.tokens.clear()
    who = await a_customer(one.store)
    await one.tell()
    assert one.contact(who.id)
    assert one.fake.looked_up == 2


async def test_no_token_is_good(one: There) -> None:
    """An engineer is told; Salesforce is not besieged."""
    await a_customer(one.store)
    one.fake.script.always = Fault.UNAUTHORISED
    await one.tell()
    assert one.fake.requests <= 2
    assert "unauthorised" in (await engineers(one.store))[0]
    one.fake.script.always = None
    await one.tell(minutes=15)
    assert len(one.fake.accepted) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"salesforce_client_secret": "wrong"}, "unauthorised"),
        ({"salesforce_client_id": ""}, "not_set"),
        ({"salesforce_url": ""}, "not_set"),
        ({"salesforce_url": "http://example.com"}, "not_set"),
        ({"salesforce_url": "https://a@example.com"}, "not_set"),
    ],
)
async def test_it_is_not_set_up(one: There, fields: dict[str, Any], code: str) -> None:
    """An engineer is told what to set; no secret goes over an open line."""
    await a_customer(one.store)
    one.told = one.another(**fields)
    for _ in range(4):
        await one.tell(minutes=15)
    (title,) = await engineers(one.store)
    assert code in title
    assert "AFTERCARE_SALESFORCE_" in title
    one.told = one.another()
    await one.tell(minutes=15)
    assert len(one.fake.accepted) == 1


@pytest.mark.parametrize("what", ["Contact", "Task"])
async def test_nobody_created_the_field(one: There, what: str) -> None:
    """An engineer is told what to create; then it goes on by itself."""
    who = await a_customer(one.store)
    await a_note(one.store, who.id)
    one.fake.lacking = {what}
    await one.tell()
    assert "Aftercare_Id__c on Account, Contact, Task" in (await engineers(one.store))[0]
    one.fake.lacking = set()
    await one.tell(minutes=15)
    assert len(one.fake.records) == 2


async def test_the_days_requests_are_used_up(one: There) -> None:
    """It is left in peace, and nothing is given up."""
    whose = [await a_customer(one.store) for _ in range(5)]
    for who in whose:
        await a_note(one.store, who.id)
    one.fake.limit = 1
    for _ in range(10):
        await one.tell(minutes=1)
    assert len(one.fake.accepted) == 5
    assert one.fake.requests == 2
    assert dict((await one.standing()).errors) == {"REQUEST_LIMIT_EXCEEDED": 1}
    one.fake.limit = None
    await one.tell(minutes=15)
    assert len(one.fake.accepted) == 10


async def test_a_contact_that_somebody_deleted(sf: There) -> None:
    """It is told anew, and what is about it after it."""
    who = await a_customer(sf.store)
    first = await a_note(sf.store, who.id)
    await sf.tell()
    sf.fake.delete("Contact", who.id)
    second = await a_note(sf.store, who.id)
    await sf.tell()
    assert sf.task(second.id)["WhoId"] == sf.contact(who.id)["Id"] != sf.task(first.id)["WhoId"]
    assert await engineers(sf.store) == []


async def test_a_contact_that_is_never_found(one: There) -> None:
    """Told anew once; then a person sees to it."""
    who = await a_customer(one.store)
    one.fake.lost = {who.id}
    await a_note(one.store, who.id)
    for _ in range(4):
        await one.tell(days=1)
    assert one.fake.requests == 4  # each twice
    assert "INVALID_CROSS_REFERENCE_KEY" in (await engineers(one.store))[0]


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("where", ["script", "look_ups"])
async def test_whatever_it_answers(
    one: There, monkeypatch: pytest.MonkeyPatch, fault: Fault, where: str
) -> None:
    """All is there once when it answers again: nothing is given up, and nothing twice."""
    monkeypatch.setattr("activities.mirrors.salesforce.SECONDS", 0.5)
    who = await a_customer(one.store)
    note = await a_note(one.store, who.id)
    getattr(one.fake, where).always = fault
    for _ in range(3):
        await one.tell(minutes=16)
    assert (await one.standing()).given_up == 0
    assert (await one.standing()).waiting == 2
    getattr(one.fake, where).always = None
    for _ in range(3):
        await one.tell(hours=1)
    assert sorted(one.fake.created) == sorted([who.id, note.id])
    assert (await one.standing()).waiting == 0
