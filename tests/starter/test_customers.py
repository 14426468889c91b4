"""Who a customer is, whichever name they come by; and what they allow."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.crm import consents, customers, values
from activities.crm.store import Store
from activities.crm.tables import Alias, Consent, Customer, Decision
from tests.factories import NOON, a_customer
from tests.starter.front import only, rows


async def known(store: Store, at: datetime = NOON, **said: Any) -> str:
    async with store.transaction() as session:
        return (await customers.know(session, said, at=at, now=NOON))[0].id


def test_addresses_have_one_form() -> None:
    """However it is typed, an address or a number is the same."""
    forms = ["Ada@Example.COM", " ada@example.com", "ada@EXAMPLE.com "]
    assert {values.email_of(form) for form in forms} == {"ada@example.com"}
    numbers = ["+49 30 901820", "0049 30 901820", "030/901820", "(030) 90 18 20"]
    assert {values.phone_of(number, "DE") for number in numbers} == {"+4930901820"}
    assert values.locale_of("zh_hant_tw") == "zh-Hant-TW"
    for check, said in (
        (values.country_of, "ZZ"),
        (values.locale_of, "english"),
        (values.email_of, "a@b@c"),
    ):
        with pytest.raises(values.UnfitValueError):
            check(said)


@pytest.mark.parametrize(
    ("said", "about", "personal"),
    [
        ("6763943420153", {"phone": "+442079460000"}, False),
        ("42", {"name": "Ada"}, False),
        ("cust_0017", {"email": "ada@example.com"}, False),
        ("00442079460000", {}, True),
        ("2079460000", {"phone": "+442079460000"}, True),
        ("Ada-King", {"name": "ada king"}, True),
        ("ada_example_com", {"email": "ada@example.com"}, True),
    ],
)
def test_ids_that_look_personal(said: str, about: dict[str, str], personal: bool) -> None:
    """An id that says who somebody is would stand in histories for years."""
    assert values.looks_personal(said, **about) is personal


async def test_found_in_this_order(store: Store) -> None:
    """By account id, alias, e-mail address, then phone number; never made twice."""
    guest = await known(store, email="ada@example.com")
    assert await known(store, id="42", email="ada@example.com", phone="+442079460000") == guest
    assert (await only(store, Alias)).alias == "42"
    assert await known(store, id="42") == guest
    assert await known(store, phone="+442079460000") == guest
    assert await known(store, id=guest) == guest
    other = await known(store, id="43", phone="+442079460000", email="b@example.com")
    assert other == guest  # the same phone: the same person, by another account
    assert await known(store, email="c@example.com") != guest


async def test_two_that_may_be_one(store: Store) -> None:
    """Two rows that turn out to share an address are not merged, but it is on record."""
    await a_customer(store, id="41", email="ada@example.com", phone=None)
    await a_customer(store, id="42", email=None, phone=None)
    assert await known(store, id="42", email="ada@example.com") == "42"
    decision = await only(store, Decision)
    assert (decision.outcome, decision.facts) == ("possible_duplicate", {"other": "41"})


async def test_told_at_is_per_field(store: Store) -> None:
    """Each field remembers when it was said: older news fills gaps and overwrites nothing."""
    await known(store, NOON, id="42", name="Ada King")
    await known(store, NOON - timedelta(days=1), id="42", name="Ada Byron", company="Engines")
    await known(store, NOON + timedelta(days=1), id="42", company=None)
    row = await only(store, Customer)
    assert (row.name, row.company) == ("Ada King", None)


@pytest.mark.parametrize("order_first", [True, False])
async def test_an_order_only_begins_consent(store: Store, order_first: bool) -> None:
    """The customer's own word stands, whether the order was heard before or after it."""
    await a_customer(store, id="42")

    async def ordered() -> None:
        said = {"email_marketing": True, "relationship": True, "topics": {"tips": True}}
        async with store.transaction() as session:
            await consents.begin(session, "42", said, at=NOON, now=NOON, source="order")

    async def stated() -> list[str]:
        async with store.transaction() as session:
            return await consents.state(
                session, "42", {"email_marketing": False}, at=NOON - timedelta(days=9), now=NOON
            )

    if order_first:
        await ordered()
    assert await stated() == ["email_marketing"]
    await ordered()
    said = {row.scope: row.given for row in await rows(store, Consent)}
    assert said == {"email_marketing": False, "relationship": True, "topic:tips": True}


async def test_a_late_no_after_a_newer_yes(store: Store) -> None:
    """An older word than the latest takes nothing away, but is kept."""
    await a_customer(store, id="42")
    taken = []
    for given, days in ((True, 0), (False, -3)):
        async with store.transaction() as session:
            at = NOON + timedelta(days=days)
            taken += await consents.state(session, "42", {"relationship": given}, at=at, now=NOON)
    assert taken == []
    assert len(await rows(store, Consent)) == 2
