"""Whose customers they are there, and what they allow: ours leads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from activities.crm import consents, suppressions
from activities.crm.store import Store
from activities.crm.tables import Customer
from tests.activities.salesforce import There, a_note, there
from tests.activities.test_salesforce import change, engineers
from tests.factories import NOON, FakeClock, a_customer


@pytest.fixture
async def sf(store: Store, clock: FakeClock) -> AsyncIterator[There]:
    async with there(store, clock) as found:
        yield found


@pytest.fixture
async def one(memory_store: Store, clock: FakeClock) -> AsyncIterator[There]:
    async with there(memory_store, clock) as found:
        yield found


async def say(sf: There, who: str, **scopes: bool) -> None:
    """Their own word, a minute later."""
    now = sf.clock.advance(timedelta(minutes=1))
    async with sf.store.transaction() as session:
        await consents.state(session, who, scopes, at=now, now=now)


async def opted_out(sf: There, who: str) -> tuple[bool, bool]:
    """Of mails, and of calls, as Salesforce has it once it was told."""
    await sf.tell(seconds=1)
    contact = sf.contact(who)
    return contact["HasOptedOutOfEmail"], contact["DoNotCall"]


# -- consents ------------------------------------------------------------------------------------


async def test_a_withdrawn_consent_reaches_it(sf: There) -> None:
    """Who never agreed has opted out; who agrees has not, until they take it back."""
    who = (await a_customer(sf.store)).id
    assert await opted_out(sf, who) == (True, True)
    await say(sf, who, email_marketing=True, sms_marketing=True)
    assert await opted_out(sf, who) == (False, False)
    await say(sf, who, email_marketing=False)
    assert await opted_out(sf, who) == (True, False)
    await say(sf, who, email_marketing=True)
    assert await opted_out(sf, who) == (False, False)
    await say(sf, who, all=False)
    assert await opted_out(sf, who) == (True, True)
    assert len(sf.fake.accepted) == 5


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"email": False}, (True, False)),  # one-click
        ({"sms": False}, (False, False)),  # STOP: calls are another matter
        ({"topic:marketing": False}, (True, True)),
        ({"topic:news": False}, (False, False)),
        ({"relationship": False}, (False, False)),
    ],
)
async def test_whatever_closes_a_way_to_offers(
    one: There, said: dict[str, bool], expected: tuple[bool, bool]
) -> None:
    who = (await a_customer(one.store)).id
    await say(one, who, email_marketing=True, sms_marketing=True)
    await say(one, who, **said)
    assert await opted_out(one, who) == expected


async def test_somebody_at_the_same_address_refuses(sf: There) -> None:
    """One refusal is for all who have that address; its mark is made with it."""
    mine, theirs = [
        (await a_customer(sf.store, email="both@example.com", phone=phone)).id
        for phone in ("+442079460001", "+442079460002")
    ]
    for who in (mine, theirs):
        await say(sf, who, email_marketing=True, sms_marketing=True)
    assert await opted_out(sf, mine) == (False, False)
    await say(sf, theirs, email_marketing=False, sms_marketing=False)
    assert await opted_out(sf, mine) == (True, False)


@pytest.mark.parametrize(
    ("address", "refused"), [("email", (True, False)), ("phone", (False, True))]
)
async def test_somebody_who_refuses_moves(
    sf: There, address: str, refused: tuple[bool, bool]
) -> None:
    """To another's address: there it counts as long as they have it."""
    who, free = await a_customer(sf.store, phone="+442079460001"), (False, False)
    other = await a_customer(sf.store, email="theirs@example.com", phone="+442079460002")
    own = getattr(other, address)
    await say(sf, who.id, email_marketing=True, sms_marketing=True)
    await say(sf, other.id, email_marketing=False, sms_marketing=False)
    assert await opted_out(sf, who.id) == free
    for at, expected in ((getattr(who, address), refused), (own, free)) * 2:
        await change(sf.store, Customer, other.id, **{address: at})
        assert await opted_out(sf, who.id) == expected


async def test_a_complaint_and_a_person_to_be_left_alone(one: There) -> None:
    """Who reports our mail as spam, and who is not to be approached, has opted out as well."""
    who = await a_customer(one.store)
    await say(one, who.id, email_marketing=True, sms_marketing=True)
    assert await opted_out(one, who.id) == (False, False)
    async with one.store.transaction() as session:
        await suppressions.suppress(session, who.email or "", suppressions.COMPLAINED, NOON)
    assert await opted_out(one, who.id) == (True, False)
    await change(one.store, Customer, who.id, sensitive=True)
    assert await opted_out(one, who.id) == (True, True)


# -- accounts ------------------------------------------------------------------------------------


async def test_who_has_a_company_has_an_account(sf: There) -> None:
    """Under the customer's id, and the contact in it; a private person has none."""
    who = await a_customer(sf.store, company="Engines Ltd")
    private = await a_customer(sf.store)
    await sf.tell()
    account = sf.fake.records["Account", who.id]
    assert account["Name"] == "Engines Ltd"
    assert sf.contact(who.id)["AccountId"] == account["Id"]
    assert "AccountId" not in sf.contact(private.id)
    assert ("Account", private.id) not in sf.fake.records
    await change(sf.store, Customer, who.id, company="Engines & Sons Ltd")
    await sf.tell()
    assert sf.fake.records["Account", who.id] | {"Id": ""} == {
        "Id": "",
        "Name": "Engines & Sons Ltd",
    }


async def test_a_company_that_is_heard_of_later(sf: There) -> None:
    """The contact that is there already moves in, with its notes where they were."""
    who = await a_customer(sf.store)
    note = await a_note(sf.store, who.id)
    await sf.tell()
    await change(sf.store, Customer, who.id, company="Engines Ltd")
    await sf.tell()
    contact = sf.contact(who.id)
    assert contact["AccountId"] == sf.fake.records["Account", who.id]["Id"]
    assert sf.task(note.id)["WhoId"] == contact["Id"]


async def test_whoever_moves_a_contact_is_not_contradicted(one: There) -> None:
    """Sales has an account of its own for them: there the contact stays."""
    who = await a_customer(one.store, company="Engines Ltd")
    await one.tell()
    one.contact(who.id)["AccountId"] = "001theirs"
    await change(one.store, Customer, who.id, name="Ada King", company="Engines Limited")
    await one.tell()
    assert (one.contact(who.id)["LastName"], one.contact(who.id)["AccountId"]) == (
        "King",
        "001theirs",
    )


async def test_an_account_that_is_gone(one: There) -> None:
    """Told anew, once, before a contact that is to have it."""
    who = await a_customer(one.store, company="Engines Ltd", name="Ada Validated")
    await one.tell()
    one.fake.delete("Account", who.id)
    await change(one.store, Customer, who.id, name="Ada King")
    await one.tell()
    assert one.contact(who.id)["AccountId"] == one.fake.records["Account", who.id]["Id"]
    assert len(await engineers(one.store)) == 1  # of the name that was not wanted


async def test_an_account_that_is_never_found(one: There) -> None:
    """A person sees to it; nobody is told anew for ever."""
    who = await a_customer(one.store, company="Engines Ltd")
    one.fake.lost = {who.id}
    for _ in range(4):
        await one.tell(days=1)
    assert one.fake.requests == 4  # each twice
    assert "INVALID_CROSS_REFERENCE_KEY" in (await engineers(one.store))[0]


@pytest.mark.parametrize("company", ["", "  ", "\x00\x07", "ж" * 300, "A\nB"])
async def test_whatever_the_company_is_called(one: There, company: str) -> None:
    """Nothing that can be read is none; what is too long is cut."""
    who = await a_customer(one.store, company=company)
    await one.tell()
    assert (await one.standing()).waiting == 0
    account: dict[str, Any] = one.fake.records.get(("Account", who.id), {})
    assert len(account.get("Name", "")) <= 255
    assert bool(account) is bool(company.strip("\x00\x07 "))


async def test_who_was_erased_has_no_account_to_come(one: There) -> None:
    """What waited is not told."""
    await a_customer(one.store, company="Engines Ltd", erased_at=NOON)
    await one.tell()
    assert one.fake.records == {}
