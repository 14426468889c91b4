"""Week one: only test addresses are written to, and an attempt is looked for where it was made."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.crm.store import Store
from activities.crm.tables import Outbox
from activities.settings import Settings
from tests.activities.sending import House, fails, key_of, said, somebody, went
from tests.factories import FakeClock
from workflows import vocabulary as v


@pytest.mark.parametrize(
    ("only_to", "email", "released"),
    [
        ("", "ada@example.org", True),
        ("@ourshop.com", "ada@ourshop.com", True),
        (" @OurShop.com , +442079460000", "ada@ourshop.com", True),
        ("ada@example.org", "ada@example.org", True),
        ("@ourshop.com", "ada@example.org", False),
        ("@ourshop.com", "ada@evil-ourshop.com", False),
        ("@ourshop.com", "ada@sub.ourshop.com", False),
        ("+442079460000", "ada@example.org", False),
        (",", "ada@example.org", False),  # a list that names nobody
        (" ", "ada@example.org", False),
    ],
)
async def test_only_test_addresses_are_written_to(
    store: Store, clock: FakeClock, only_to: str, email: str, released: bool
) -> None:
    """All others' mail is stored in the outbox, marked, and goes to nobody."""
    house = House(store, clock, only_to=only_to)
    customer = await somebody(house, email=email, phone=None)
    answer = await house.send(customer.id, "guide")
    assert said(answer) == "goes"
    row = await house.row(key_of(customer.id, "guide"))
    kept = [one.address for one in await house.all(Outbox)]
    assert (went(house), kept) == ((["email"], []) if released else ([], [email]))
    assert (row.state, row.via) == ("sent", "post" if released else "outbox")
    assert row.reason == (None if released else "not_released")


@pytest.mark.parametrize("said", ["ourshop.com", "@ourshop.com;x y", "ada@", "+44", "0207946"])
def test_a_list_that_names_nobody_we_could_write_to_is_refused(said: str) -> None:
    """A slip in it must not look like success."""
    with pytest.raises(ValidationError, match="separated by commas"):
        Settings(only_to=said, _env_file=None)


async def test_a_number_may_be_released_alone(store: Store, clock: FakeClock) -> None:
    house = House(store, clock, only_to="+44 20 7946 0000")
    for phone in ("+442079460000", "+442079460001"):
        customer = await somebody(house, email=None, phone=phone)
        await house.send(customer.id, "notice")
    assert [parcel.to for _, parcel, _ in house.sms.taken] == ["+442079460000"]


async def test_who_was_not_released_is_looked_for_in_the_outbox(
    store: Store, clock: FakeClock
) -> None:
    """The list was taken away while the attempt was in flight: its own carrier is asked."""
    house = House(store, clock, only_to="@ourshop.com")
    customer = await somebody(house, email="ada@example.org", phone=None)
    outbox = house.messaging._carriers._outbox["email"]
    stored = outbox.send

    async def die(parcel: Any) -> Any:
        await stored(parcel)
        raise ConnectionResetError

    outbox.send = die  # type: ignore[method-assign]
    await fails(house, customer.id, "guide")
    fresh = House(store, clock)
    clock.advance(minutes=2)
    assert said(await fresh.send(customer.id, "guide")) == "goes"
    assert went(fresh) == []
    assert len(await house.all(Outbox)) == 1


async def test_what_is_released_meanwhile_is_not_marked(store: Store, clock: FakeClock) -> None:
    """An attempt for the outbox that died in week one; in week two it goes, and says so."""
    house = House(store, clock, only_to="@ourshop.com")
    customer = await somebody(house, email="ada@example.org", phone=None)

    async def die(parcel: Any) -> Any:
        raise ConnectionResetError

    house.messaging._carriers._outbox["email"].send = die  # type: ignore[method-assign]
    await fails(house, customer.id, "guide")
    fresh = House(store, clock)
    clock.advance(minutes=2)
    assert said(await fresh.send(customer.id, "guide")) == "goes"
    row = await fresh.row(key_of(customer.id, "guide"))
    assert (went(fresh), row.via, row.reason) == (["email"], "post", None)


async def test_a_provider_that_was_left_cannot_say_so_a_person_finds_out(
    store: Store, clock: FakeClock
) -> None:
    """Sent through one, then the settings name another: nothing goes again blindly."""
    house = House(store, clock)
    customer = await somebody(house)
    house.email.next = ["accept and die"]
    await fails(house, customer.id, "notice")
    moved = House(store, clock)
    moved.email.provider = "another"
    clock.advance(minutes=5)
    answer = await moved.send(customer.id, "notice")
    assert isinstance(answer, v.Handed)
    assert went(moved) == []
