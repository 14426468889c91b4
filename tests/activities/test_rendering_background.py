"""What the records know besides customer and order, asked only for texts that say it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from activities.channels.outbox import OutboxChannel
from activities.crm.house import HouseRules
from activities.crm.matrix import Row
from activities.crm.store import Store
from activities.crm.tables import Case, Customer, Draft, Message, Order, Outbox, Task
from activities.messaging import GatedMessaging
from activities.rendering import Background, background, wanted
from tests.activities.desk_work import SETTINGS, check_in, enrolled, records, rows
from tests.factories import NOON, FakeClock, a_colleague, a_customer, an_order, kept
from workflows import vocabulary as v
from workflows.vocabulary import Form, Handed, Kind

EVERYTHING = "times years asked case agent".split()
COMPLAINT: dict[str, Any] = {"id": "case_3f9a21bc4d5e6f708192", "kind": "complaint"}


async def learnt(
    store: Store, customer: Customer, order: Order | None = None, **fields: Any
) -> Background:
    known: dict[str, Any] = {"wanted": EVERYTHING, "rules": HouseRules(), "now": NOON, "key": "k"}
    known |= fields
    async with store.reading() as session:
        return await background(
            session, known.pop("wanted"), customer, order, known.pop("rules"), **known
        )


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """What the database was asked meanwhile."""
    said: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(statement)

    engine = store.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


async def asked(store: Store, order: Order, asks: str, **fields: Any) -> Message:
    key = fields.pop("key", f"other/{asks}")
    known = {"id": f"msg_{key}", "key": key, "follow_up": "other", "sop": "other"}
    known |= {"customer_id": order.customer_id, "order_id": order.id, "template": "x"}
    known |= {"kind": "relationship", "asks": asks, "state": "sent"}
    return await kept(store, Message(**known | {"created_at": NOON} | fields))


# -- repeat orders, years --------------------------------------------------------------------------


async def test_which_order_it_is(store: Store) -> None:
    """Counted among those that were kept, up to this one; years go by the first of all."""
    ada, eve = await a_customer(store), await a_customer(store)
    await an_order(store, ada.id, confirmed_at=NOON - timedelta(days=731), refunded_at=NOON)
    second = await an_order(store, ada.id, confirmed_at=NOON - timedelta(days=40))
    third = await an_order(store, ada.id)
    await an_order(store, ada.id, confirmed_at=None)
    await an_order(store, eve.id)
    for order, times in ((second, 1), (third, 2), (None, 2)):
        known = await learnt(store, ada, order)
        assert (known.times, known.years) == (times, 2)
    assert (await learnt(store, eve)).years == 0


async def test_years_without_orders_count_from_what_the_shop_says(store: Store) -> None:
    """Who was a customer before us has been one since then."""
    ada = await a_customer(store, since=NOON - timedelta(days=5 * 365))
    known = await learnt(store, ada)
    assert (known.times, known.years) == (0, 5)


# -- what was asked --------------------------------------------------------------------------------


async def test_what_was_asked_about_an_order(store: Store) -> None:
    """By message or in a call that reached them; not by itself, not of other orders, not what
    never went."""
    ada = await a_customer(store)
    order, other = await an_order(store, ada.id), await an_order(store, ada.id)
    await asked(store, order, "experience")
    await asked(store, order, "thanks", state="refused")
    await asked(store, order, "own", key="k")
    await asked(store, other, "review")
    assert (await learnt(store, ada, order)).asked == ("experience",)
    call: dict[str, Any] = {"customer_id": ada.id, "order_id": order.id, "form": "call"}
    call |= {"role": "x", "title": "x", "asks": "satisfaction", "state": "done"}
    call |= {"due_at": NOON, "created_at": NOON}
    away = Task(id="t1", key="c1", outcome={"reached": False}, **call)
    await kept(store, away)
    assert (await learnt(store, ada, order)).asked == ("experience",)
    await kept(store, Task(id="t2", key="c2", outcome={"reached": True}, **call))
    assert (await learnt(store, ada, order)).asked == ("experience", "satisfaction")


# -- cases, colleagues -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "hours"),
    [
        (Row(answer=timedelta(hours=4)), 24),
        (Row(answer=timedelta(hours=24)), 24),
        (Row(answer=timedelta(hours=36)), 36),
        (Row(answer=timedelta(hours=8), answer_clock="office"), 72),  # over a weekend
    ],
)
async def test_a_case_promises_what_the_matrix_has(store: Store, row: Row, hours: int) -> None:
    """Never less than a day, and never less than the house gives itself."""
    ada = await a_customer(store)
    friday = datetime(2026, 11, 27, 9, tzinfo=UTC)
    at = friday if row.answer_clock == "wall" else friday.replace(hour=17)
    case = await kept(store, Case(**COMPLAINT, key="x", customer_id=ada.id, opened_at=at))
    known = await learnt(store, ada, case_id=case.id, rules=HouseRules(matrix=(row,)))
    assert known.case is not None
    assert (known.case.id, known.answered_in) == (case.id, hours)


async def test_a_colleague_goes_by_their_name(store: Store) -> None:
    """Nobody's e-mail address stands in a letter for want of a name."""
    ada = await a_customer(store)
    await a_colleague(store, "jo@example.com", name="Jo Miller")
    await a_colleague(store, "sam@example.com")
    for address, name in (("jo@example.com", "Jo Miller"), ("sam@example.com", ""), ("x", "")):
        assert (await learnt(store, ada, agent=address)).agent == name


# -- only what a text uses -------------------------------------------------------------------------


async def test_a_text_that_says_none_of_it_costs_nothing(store: Store) -> None:
    """The welcome asks the records no further question, the others one for each they need."""
    ada = await a_customer(store)
    order = await an_order(store, ada.id)
    costs = {"welcome": 0, "order-shipped": 0, "thank-you": 1, "satisfaction-check": 1,
             "feedback-thanks": 0, "anniversary": 1, "complaint-received": 1}  # fmt: skip
    await kept(store, Case(**COMPLAINT, key="x", customer_id=ada.id, opened_at=NOON))
    for name, cost in costs.items():
        with statements(store) as said:
            await learnt(store, ada, order, wanted=wanted(name, "en"), case_id=COMPLAINT["id"])
        assert len([one for one in said if one.startswith("SELECT")]) == cost, name


# -- as it is sent, and as it is handed over -------------------------------------------------------


async def test_what_is_sent_knows_its_case_and_parcel(store: Store, clock: FakeClock) -> None:
    """The press asks the records on behalf of the text."""
    ada = await a_customer(store)
    order = await an_order(store, ada.id, shipments=[{"id": "p1", "carrier": "DHL"}, {"id": "p2"}])
    await kept(store, Case(**COMPLAINT, key="x", customer_id=ada.id, opened_at=NOON))
    post = GatedMessaging(store, clock, SETTINGS, {"email": OutboxChannel(store, clock, "email")})
    known: dict[str, Any] = {"customer_id": ada.id, "order_id": order.id, "follow_up": "case.1"}
    known |= {"kind": Kind.TRANSACTIONAL}
    for template, more in (
        ("complaint-received", {"case_id": COMPLAINT["id"]}),
        ("order-shipped", {"about": "p1"}),
    ):
        await post.send(v.Message(key=f"case.1/{template}", template=template, **known | more))
    said = {row.subject: row.body_text for row in await rows(store, Outbox)}
    assert "3F9A21BC" in said["We have your complaint (reference 3F9A21BC)"]
    assert "with DHL" in said[f"Part of your order {order.id} is on its way"]


async def test_a_call_is_handed_over_with_its_script(store: Store, clock: FakeClock) -> None:
    """S3 7: the script, with the name of whoever is to call, not the e-mail."""
    await a_colleague(store, "jo@example.com", name="Jo Miller")
    customer = await enrolled(store, owner="jo@example.com")
    order = await an_order(store, customer)
    call = check_in(customer, template="satisfaction-survey", form=Form.CALL, order_id=order.id)
    assert isinstance(await records(store, clock).hand_over(call), Handed)
    (draft,) = await rows(store, Draft)
    assert draft.subject == "Call: Ada, how is it going?"
    assert "my name is Jo Miller" in draft.body
