"""Many at once: two hundred records a request, each with an outcome of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from activities.crm.store import Store
from activities.fakes.faults import Fault
from activities.fakes.salesforce import FIELD, FakeSalesforce
from tests.activities.salesforce import There, a_note, there
from tests.activities.test_salesforce import engineers
from tests.factories import FakeClock, a_customer


@pytest.fixture
async def sf(memory_store: Store, clock: FakeClock) -> AsyncIterator[There]:
    async with there(memory_store, clock) as found:
        yield found


async def a_crowd(sf: There, customers: int, notes: int, **fields: Any) -> list[str]:
    """So many, each with an address of their own."""
    whose = [
        (await a_customer(sf.store, phone=f"+4420{number:08}", **fields)).id
        for number in range(customers)
    ]
    for number in range(notes):
        await a_note(sf.store, whose[number % customers])
    return whose


async def test_a_thousand_rows_are_told_in_a_few_requests(sf: There) -> None:
    """Accounts before contacts before what was said: each by two hundreds, and no request more."""
    await a_crowd(sf, 100, 0, company="Engines Ltd")
    await a_crowd(sf, 200, 600)
    await sf.tell()
    assert len(sf.fake.records) == 100 + 300 + 600
    assert sf.fake.sizes == [100, 200, 100, 200, 200, 200]
    assert (await sf.standing()).waiting == 0


@pytest.mark.parametrize("last", ["Validated", "Double", "Locked", "Malformed", "Broken"])
async def test_one_bad_record_holds_up_nobody(sf: There, last: str) -> None:
    """Whether it is refused by itself, or all that came with it: the others are there."""
    before = await a_crowd(sf, 40, 0)
    bad = await a_customer(sf.store, name=f"Ada {last}", phone=None)
    after = await a_crowd(sf, 40, 80)
    await sf.tell()
    for _ in range(3):
        await sf.tell(minutes=1)
    assert {*before, *after} <= {ref for _, ref in sf.fake.records}
    assert len(sf.fake.records) == 160 + (last == "Locked")
    assert (await sf.standing()).given_up == (last not in ("Locked", "Broken"))
    assert sf.fake.requests < 40
    asked = sf.fake.requests
    note = await a_note(sf.store, before[0])
    await sf.tell(minutes=10)
    assert sf.task(note.id)
    assert sf.fake.requests - asked < 4
    assert (("Contact", bad.id) in sf.fake.records) is (last == "Locked")


async def test_what_goes_on_while_one_always_breaks(sf: There) -> None:
    """A record that Salesforce breaks at costs a few requests an hour, not all of the day's."""
    await a_customer(sf.store, name="Ada Broken", phone=None)
    whose = await a_crowd(sf, 5, 0)
    for _ in range(12 * 6):
        await a_note(sf.store, whose[0])
        await sf.tell(minutes=10)
    assert len(sf.fake.records) == 5 + 12 * 6
    assert sf.fake.requests < 12 * 6 + 60
    assert await engineers(sf.store) == []


async def test_away_in_the_middle(sf: There) -> None:
    """What was taken before is not told again; what was not, when it is back."""
    await a_crowd(sf, 250, 0)
    sf.fake.script.next += [Fault.UNAVAILABLE] * 2
    sf.fake.script.always = None
    await sf.tell()
    await sf.tell(minutes=5)
    assert len(sf.fake.created) == len(set(sf.fake.created)) == len(sf.fake.accepted) == 250


async def test_half_of_what_it_answered(sf: There) -> None:
    """An answer that cannot be read, or is of others, settles nothing: all is told again."""
    await a_crowd(sf, 3, 0)
    sf.fake.script.always = Fault.WRONG_TYPE
    await sf.tell()
    assert (await sf.standing()).waiting == 3
    sf.fake.script.always = None
    await sf.tell(minutes=20)
    assert (await sf.standing()).waiting == 0
    assert len(sf.fake.created) == 3


# -- what Salesforce refuses ---------------------------------------------------------------------

GOOD: dict[str, Any] = {"attributes": {"type": "Contact"}, FIELD: "c1", "LastName": "King"}
ODD: list[tuple[Any, int, str]] = [
    ([], 200, ""),
    ([GOOD] * 201, 400, "EXCEEDED_ID_LIMIT"),
    ([GOOD, GOOD], 200, "DUPLICATE_VALUE"),
    ([GOOD | {"Shoe": "42"}], 400, "INVALID_FIELD"),
    ([GOOD | {"DoNotCall": "yes"}], 400, "JSON_PARSER_ERROR"),
    ([GOOD | {"LastName": 7}], 400, "JSON_PARSER_ERROR"),
    ([GOOD | {"attributes": {"type": "Lead"}}], 400, "INVALID_TYPE"),
    ([{FIELD: "c1", "LastName": "King"}], 400, "INVALID_TYPE"),
    ([GOOD | {"LastName": "x" * 81}], 200, "STRING_TOO_LONG"),
    ([GOOD | {"LastName": None}], 200, "REQUIRED_FIELD_MISSING"),
    ([GOOD | {FIELD: None}], 200, "REQUIRED_FIELD_MISSING"),
    ([GOOD | {"AccountId": "001000000000000"}], 200, "INVALID_CROSS_REFERENCE_KEY"),
    ({"no": "list"}, 400, "JSON_PARSER_ERROR"),
    ("[", 400, "JSON_PARSER_ERROR"),
]


@pytest.mark.parametrize(("records", "status", "code"), ODD)
async def test_the_fake_refuses_what_salesforce_refuses(
    records: Any, status: int, code: str
) -> None:
    """The request as a whole, or one record of it, by the code that Salesforce has for it."""
    fake = FakeSalesforce()
    fake.tokens.add("good")
    body = records if isinstance(records, str) else json.dumps({"records": records})
    path = f"/services/data/v64.0/composite/sobjects/Contact/{FIELD}"
    headers = {"Authorization": "Bearer good", "Content-Type": "application/json"}
    async with (
        fake.serving() as url,
        aiohttp.ClientSession() as session,
        session.patch(url + path, data=body, headers=headers) as answer,
    ):
        said = await answer.json()
    assert answer.status == status
    errors = said if status == 400 else [error for one in said for error in one["errors"]]
    assert {one.get("errorCode") or one["statusCode"] for one in errors} == ({code} - {""})
    assert not fake.accepted
