"""The gate: what one contact says for another, in whose window, and calls that are to be made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from activities.crm.store import Store
from activities.crm.tables import Decision, Draft, Task
from activities.crm.tasks import free_from
from activities.records import CrmRecords
from starter.reports.words import sentence
from tests.activities.desk_work import SETTINGS
from tests.activities.sending import House, key_of, message, said, somebody
from tests.factories import NOON, FakeClock, an_order
from workflows import vocabulary as v
from workflows.vocabulary import Form, Role

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FRIDAY = datetime(2026, 11, 27, 17, tzinfo=UTC)
SURVEY = "satisfaction.ord"  # the follow-up that calls them


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


async def a_call(house: House, customer: str, **fields: Any) -> v.Answer:
    """A colleague is to call them, by Friday evening, and to ask how it went."""
    known: dict[str, Any] = {
        "key": f"{SURVEY}/task/4.1/call",
        "follow_up": SURVEY,
        "clause": "4.1",
        "customer_id": customer,
        "role": Role.CSR,
        "what": "call this customer",
        "template": "satisfaction-survey",
        "form": Form.CALL,
        "due_by": FRIDAY,
    }
    records = CrmRecords(house.store, house.clock, SETTINGS)
    return await records.hand_over(v.Task(**known | fields))


async def became(house: House, state: str, **fields: Any) -> None:
    async with house.store.transaction() as session:
        done = {"done_at": house.clock.now()} if state == "done" else {}
        await session.execute(update(Task).values(state=state, **done | fields))


# -- what was asked, when ------------------------------------------------------------------


async def test_what_was_asked_before_the_window_does_not_count(house: House) -> None:
    """The clause is kept only by a contact in its own window; the ledger says since when."""
    customer = await somebody(house)
    order = await an_order(house.store, customer.id)
    await house.send(customer.id, "check-in", order_id=order.id)
    house.clock.advance(days=3)
    asked: dict[str, Any] = {"order_id": order.id}
    early = await house.send(customer.id, "survey", since=NOON, step="one", **asked)
    assert early == v.Covered(key=key_of(customer.id, "check-in"), at=NOON)
    late = {"since": NOON + HOUR, "step": "two"}
    assert said(await house.send(customer.id, "survey", **late, **asked)) == "goes"
    why = (await house.decisions(key_of(customer.id, "two")))[0]
    words = sentence("allowed", None, why.facts)
    assert "what was asked before 2026-11-23 13:00 UTC does not count" in words


async def test_who_was_asked_of_all_was_asked_of_a_part(house: House) -> None:
    """Not the other way round: the product is asked about though the ordering was."""
    customer = await somebody(house)
    one, two = [await an_order(house.store, customer.id) for _ in range(2)]
    await house.send(customer.id, "check-in", order_id=one.id)
    house.clock.advance(days=2)
    assert said(await house.send(customer.id, "experience", order_id=one.id)) == "covered"
    other = {"order_id": two.id, "step": "other"}
    assert said(await house.send(customer.id, "experience", **other)) == "goes"
    house.clock.advance(days=2)
    assert said(await house.send(customer.id, "survey", order_id=two.id)) == "goes"


async def test_a_welcome_that_names_the_product_carries_the_thanks(house: House) -> None:
    """For that order; the welcome itself goes, whatever thanked before."""
    customer = await somebody(house)
    one, two = [await an_order(house.store, customer.id) for _ in range(2)]
    await house.send(customer.id, "welcome", order_id=one.id)
    house.clock.advance(hours=1)
    covered = await house.send(customer.id, "thanks", order_id=one.id)
    assert covered == v.Covered(key=key_of(customer.id, "welcome"), at=NOON)
    again = {"order_id": two.id, "step": "thanks-2"}
    assert said(await house.send(customer.id, "thanks", **again)) == "goes"
    assert said(await house.send(customer.id, "welcome", **again | {"step": "w2"})) == "goes"


@pytest.mark.parametrize("items", [[], [{"sku": "", "quantity": 1}], None])
async def test_a_welcome_that_names_nothing_thanks_for_nothing(
    house: House, items: list[Any] | None
) -> None:
    customer = await somebody(house)
    fields = {} if items is None else {"items": items}
    order = await an_order(house.store, customer.id, **fields)
    await house.send(customer.id, "welcome", order_id="" if items is None else order.id)
    assert (await house.row(key_of(customer.id, "welcome"))).asks is None
    assert said(await house.send(customer.id, "thanks", order_id=order.id)) == "goes"


@pytest.mark.parametrize(
    ("fields", "items", "asked", "expected"),
    [
        ({}, [{"name": "Kettle"}], {"impersonal": False}, "goes"),
        ({}, [], {"impersonal": False}, "impersonal"),
        ({}, [], {}, "goes"),
        ({"name": None, "preferred_name": None}, [{"name": "Kettle"}], {"impersonal": False},
         "impersonal"),
        ({"preferred_name": "Customer", "name": "Guest"}, [{"name": "Kettle"}],
         {"impersonal": False}, "impersonal"),
    ],
)  # fmt: skip
async def test_nobody_is_thanked_impersonally(
    house: House, fields: Any, items: list[Any], asked: dict[str, Any], expected: str
) -> None:
    """Without the name or the product it goes only if the house wants it so."""
    customer = await somebody(house, **fields)
    order = await an_order(house.store, customer.id, items=items)
    answer = await house.send(customer.id, "thanks", order_id=order.id, **asked)
    assert said(answer) == expected
    decision = (await house.decisions(key_of(customer.id, "thanks")))[-1]
    assert decision.reason == (expected if expected != "goes" else None)
    if expected != "goes":
        assert "a person is to write it" in sentence("refused", decision.reason, decision.facts)


async def test_what_a_person_wrote_instead_goes_under_the_same_key(house: House) -> None:
    customer = await somebody(house, name=None, preferred_name=None)
    asked = {"impersonal": False}
    assert said(await house.send(customer.id, "thanks", **asked)) == "impersonal"
    fields = {"subject": "Hello", "body": "In person", "edited": True, "created_at": NOON}
    await house.add(Draft(id="draft_1", customer_id=customer.id, **fields))
    sent = await house.send(customer.id, "thanks", draft_id="draft_1", **asked)
    assert said(sent) == "goes"


# -- calls that are to be made ----------------------------------------------------------------


async def test_a_planned_call_is_a_contact(house: House) -> None:
    """It may be made at any moment until it is due: what nobody asked for waits a day longer."""
    customer = await somebody(house)
    assert said(await a_call(house, customer.id)) == "handed"
    house.clock.advance(hours=1)
    late = await house.send(customer.id, "guide")
    assert isinstance(late, v.Deferred)
    assert late.until == datetime(2026, 11, 28, 17, tzinfo=UTC)
    (why,) = await house.decisions(key_of(customer.id, "guide"))
    words = sentence("deferred", why.reason, why.facts)
    assert "a colleague may call them until 2026-11-27 17:00 UTC" in words
    assert said(await house.send(customer.id, "notice")) == "goes"  # what they must have
    await became(house, "done")
    assert await house.send(customer.id, "tips") == v.Deferred(until=NOON + 25 * HOUR)
    await became(house, "withdrawn")
    assert said(await house.send(customer.id, "guide", step="other")) == "goes"


async def test_a_call_that_was_made_counts_from_then(house: House) -> None:
    customer = await somebody(house)
    await a_call(house, customer.id)
    house.clock.advance(hours=2)
    await became(house, "done")
    house.clock.advance(hours=1)
    assert await house.send(customer.id, "guide") == v.Deferred(until=NOON + 26 * HOUR)


async def test_what_a_call_asks_is_not_asked_in_writing(house: House) -> None:
    """While it is planned and once it was made; free again when it was declined or nobody was
    reached."""
    customer = await somebody(house)
    order = await an_order(house.store, customer.id)
    await a_call(house, customer.id, order_id=order.id)
    asked = {"order_id": order.id}
    covered = await house.send(customer.id, "survey", step="a", **asked)
    assert covered == v.Covered(key=f"{SURVEY}/task/4.1/call", at=FRIDAY)
    assert await house.send(customer.id, "survey", step="a", **asked) == covered
    assert said(await house.send(customer.id, "experience", step="b", **asked)) == "covered"
    house.clock.advance(days=1)
    await became(house, "done", outcome={"reached": True})
    assert said(await house.send(customer.id, "survey", step="c", **asked)) == "covered"
    await became(house, "done", outcome={"reached": False})
    house.clock.advance(days=2)
    assert said(await house.send(customer.id, "survey", step="d", **asked)) == "goes"


async def test_a_declined_call_asks_nothing(house: House) -> None:
    customer = await somebody(house)
    await a_call(house, customer.id)
    await became(house, "declined")
    assert said(await house.send(customer.id, "survey")) == "goes"


async def test_who_was_asked_in_writing_is_not_called_to_be_asked(house: House) -> None:
    customer = await somebody(house)
    order = await an_order(house.store, customer.id)
    await house.send(customer.id, "survey", order_id=order.id)
    assert said(await a_call(house, customer.id, order_id=order.id)) == "covered"
    assert await house.tasks() == []


async def test_its_own_call_does_not_keep_back_what_goes_instead(house: House) -> None:
    """Nobody came to call: the clause's message goes while the task is still on the list."""
    customer = await somebody(house)
    await a_call(house, customer.id)
    own = {"follow_up": SURVEY, "clause": "4.1"}
    assert said(await house.send(customer.id, "survey", **own)) == "goes"


async def test_a_call_waits_a_day_after_a_message(house: House) -> None:
    """It is on the list from then on; one that would be too late for its window is made in it."""
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    house.clock.advance(hours=2)
    await a_call(house, customer.id)
    (task,) = await house.tasks()
    assert task.snoozed_until == NOON + DAY == free_from(task, NOON)
    assert free_from(task, NOON + DAY) is None
    (why,) = [row for row in await house.all(Decision) if row.key == task.key]
    assert "not before 2026-11-24 12:00 UTC" in sentence("handed", None, why.facts)
    hurried = await somebody(house)
    await house.send(hurried.id, "guide")
    today = house.clock.now() + HOUR
    await a_call(house, hurried.id, key="k", due_by=today, follow_up="satisfaction.other")
    task = next(task for task in await house.tasks() if task.key == "k")
    assert task.snoozed_until == today - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("fields", "says", "expected"),
    [
        ({"phone": None}, {}, "no_address"),
        ({}, {"call": False}, "unsubscribed"),
        ({}, {"email": False}, "handed"),
        ({}, {"topic_check-ins": False}, "opted_out"),
    ],
)
async def test_a_call_needs_a_number_that_may_be_called(
    house: House, fields: Any, says: dict[str, bool], expected: str
) -> None:
    customer = await somebody(house, **fields)
    await house.say(customer.id, **says)
    assert said(await a_call(house, customer.id)) == expected


# -- promises -------------------------------------------------------------------------------


def thanks(house: House, customer: str, ordered: datetime, **fields: Any) -> v.Message:
    return message(customer, "thanks", due=ordered + HOUR, promise=ordered + DAY, **fields)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ordered", "guided", "expected"),
    [
        # In the evening: the next morning, well within 24 hours.
        (at(23, 21, 30), None, at(24, 9)),
        (at(28, 22), None, at(29, 9)),  # a Saturday night
        # What went before gets its day, where the promise leaves room for it.
        (at(23, 21, 30), at(23, 19, 50), at(24, 19, 50)),
        (at(23, 14), at(23, 12), at(24, 12)),
        # Else it goes in the last moment before the promise that is no night.
        (at(23, 20, 10), at(23, 19, 58), at(24, 19, 54)),
        (at(23, 12, 30), at(23, 13), at(24, 12, 14)),
        (at(23, 22), at(23, 21, 30), at(24, 19, 59)),  # that was a promise, too
    ],
)
async def test_thanks_within_a_day_whatever_the_hour(
    house: House, ordered: datetime, guided: datetime | None, expected: datetime
) -> None:
    """The promise beats the hours and the cap: the last open moment before it, if need be."""
    customer = await somebody(house)
    order = await an_order(house.store, customer.id)
    if guided:
        house.clock.set(guided)
        sent = await house.send(customer.id, "guide", promise=guided + timedelta(minutes=10))
        assert said(sent) == "goes"
    house.clock.set(ordered + HOUR)
    step = thanks(house, customer.id, ordered, order_id=order.id)
    answer = await house.messaging.send(step)
    assert isinstance(answer, v.Deferred)
    assert expected <= answer.until <= expected + timedelta(minutes=30)
    assert answer.until <= ordered + DAY - timedelta(minutes=15)
    house.clock.set(answer.until)
    assert said(await house.messaging.send(step)) == "goes"


async def test_three_orders_in_a_day_are_each_thanked_for(house: House) -> None:
    """The second a day after the first; the third, too late for that, in its last moment."""
    customer = await somebody(house)
    steps = []
    for n, hour in enumerate((10, 12, 15)):
        order = await an_order(house.store, customer.id)
        ordered = NOON.replace(hour=hour)
        fields = {"order_id": order.id, "step": f"thanks-{n}"}
        steps.append(thanks(house, customer.id, ordered, **fields))
    house.clock.set(NOON.replace(hour=11))
    assert said(await house.messaging.send(steps[0])) == "goes"
    house.clock.set(NOON.replace(hour=13))
    second = await house.messaging.send(steps[1])
    assert second == v.Deferred(until=NOON.replace(day=24, hour=11))
    house.clock.set(NOON.replace(hour=16))
    third = await house.messaging.send(steps[2])
    assert third == v.Deferred(until=NOON.replace(day=24, hour=14, minute=44))
    for answer, step in ((second, steps[1]), (third, steps[2])):
        assert isinstance(answer, v.Deferred)
        house.clock.set(answer.until)
        assert said(await house.messaging.send(step)) == "goes"


async def test_the_mail_of_a_case_goes_while_it_holds_all_else(house: House) -> None:
    customer = await somebody(house)
    await house.hold(customer.id)
    case = {"case_id": "case_1", "follow_up": "case.case_1"}
    assert said(await house.send(customer.id, "notice", **case)) == "goes"
    assert said(await house.send(customer.id, "guide", **case)) == "waits"
    assert said(await house.send(customer.id, "offer", **case)) == "waits"
