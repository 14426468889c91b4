"""When we were last in touch with a customer: who wrote, who spoke, and what counts as neither."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.crm.store import Store
from activities.crm.tables import Message, Note, new_id
from activities.insight import CrmInsight
from tests.activities.desk_work import step
from tests.factories import NOON, FakeClock, a_customer
from workflows.vocabulary import Step

DAY = timedelta(days=1)


async def wrote(store: Store, customer: str, at: datetime, **more: Any) -> None:
    """A message of ours, by default one that nobody had asked for."""
    usual = {"follow_up": "x.1", "sop": "x", "template": "check-in", "kind": "relationship"}
    usual |= {"id": new_id("msg"), "key": new_id("key"), "channel": "email", "state": "sent"}
    row = Message(customer_id=customer, created_at=at, sent_at=at, **usual | more)
    async with store.transaction() as session:
        session.add(row)


async def noted(store: Store, customer: str, at: datetime, **more: Any) -> None:
    """Something said, by default on the telephone."""
    usual = {"key": new_id("key"), "direction": "out", "method": "phone", "summary": "they said"}
    async with store.transaction() as session:
        session.add(Note(id=new_id("note"), customer_id=customer, at=at, **usual | more))


async def last(store: Store, clock: FakeClock, customer: str) -> datetime | None:
    return await CrmInsight(store, clock).last_touch(Step(**step(customer, "touch", now=NOON)))


async def test_nobody_ever(store: Store, clock: FakeClock) -> None:
    """Nor does another customer's count."""
    customer, other = await a_customer(store), await a_customer(store)
    await wrote(store, other.id, NOON - DAY)
    assert await last(store, clock, customer.id) is None


async def test_the_latest_of_all(store: Store, clock: FakeClock) -> None:
    """In writing or in conversation, from either side; not what is yet to come."""
    customer = (await a_customer(store)).id
    await wrote(store, customer, NOON - 9 * DAY)
    assert await last(store, clock, customer) == NOON - 9 * DAY
    await noted(store, customer, NOON - 8 * DAY)
    assert await last(store, clock, customer) == NOON - 8 * DAY
    await noted(store, customer, NOON - 7 * DAY, direction="in", method="email")
    assert await last(store, clock, customer) == NOON - 7 * DAY
    await wrote(store, customer, NOON - 6 * DAY, kind="transactional", draft_id="draft_1")
    await wrote(store, customer, NOON + DAY)
    assert await last(store, clock, customer) == NOON - 6 * DAY


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "transactional"},  # news of an order
        {"state": "refused"},
        {"state": "reserved"},
        {"channel": "call"},  # on somebody's list; once it is made there is a note of it
    ],
)
async def test_no_touch_in_writing(store: Store, clock: FakeClock, message: dict[str, Any]) -> None:
    customer = (await a_customer(store)).id
    await wrote(store, customer, NOON - DAY, **message)
    assert await last(store, clock, customer) is None


@pytest.mark.parametrize(
    "note",
    [
        {"method": "system"},
        {"direction": "internal", "method": "system"},
        {"key": "task_1/tried/2"},  # nobody was there
    ],
)
async def test_no_touch_in_conversation(
    store: Store, clock: FakeClock, note: dict[str, Any]
) -> None:
    customer = (await a_customer(store)).id
    await noted(store, customer, NOON - DAY, **note)
    assert await last(store, clock, customer) is None
