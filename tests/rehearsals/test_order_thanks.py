"""S1 by itself, row by row: what an order brings with it, when on the customer's own clock, under
which clause."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from activities.crm import tables as t
from starter.rehearse.stage import Stage, stage
from tests.clauses.proof import prove
from tests.rehearsals.life import Life, begin
from workflows.vocabulary import State

S1 = "order-thanks"
Begin = Callable[..., Any]
PARCEL = {
    "id": "P-1",
    "carrier": "Post",
    "tracking_number": "T1",
    "estimated_delivery": "2030-01-01",
}
ADDRESS = {"line1": "1 High Street", "city": "Ware", "postal_code": "SG12 9AA", "country": "GB"}


@pytest.fixture
async def alone(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with stage(cold=True, sops=S1) as on:
        yield on
        await prove(request.node, on.store)


@pytest.fixture
def buys(alone: Stage) -> Begin:
    """Somebody buys something, where S1 alone is on."""
    return partial(begin, alone, sop=S1)


async def shipped(ada: Life, *parcels: dict[str, Any], **more: Any) -> None:
    said = {"shipments": list(parcels or (PARCEL,))} | more
    await ada.event("order.shipped", order={"id": ada.order, **said})


async def delivered(ada: Life, *parcels: str) -> None:
    said: dict[str, Any] = {"shipments": [{"id": one} for one in parcels]} if parcels else {}
    await ada.event("order.delivered", order={"id": ada.order, **said})


# -- 1: the thanks ---------------------------------------------------------------------------


async def test_the_usual_order(buys: Begin) -> None:
    """Thanked, told that it is on its way, asked three days after it came."""
    ada: Life = await buys()
    await ada.day(1, "14:00")
    await shipped(ada)
    await ada.day(3, "13:00")
    await delivered(ada)
    assert await ada.end() == "completed"
    assert await ada.sent() == [
        "0 11:00 1 thank-you",
        "1 14:00 2 order-shipped",
        "6 13:00 3 satisfaction-check",
    ]
    assert await ada.line("6") == (State.DONE, None)
    assert len((await ada.history()).events) < 200
    (thanks,) = [m for m in await ada.rows(t.Message) if m.template == "thank-you"]
    assert "Loom" in thanks.body_text
    assert "Ada" in thanks.body_text


async def test_an_order_at_night_is_thanked_in_time(buys: Begin) -> None:
    """Within twenty-four hours, by day: the promise is kept without waking anybody."""
    ada: Life = await buys(clock="22:30")
    await ada.day(2, "12:00")
    (sent,) = await ada.sent()
    day, clock, *_ = sent.split()
    assert (day, "09:00" <= clock <= "09:30") == ("1", True)
    assert (await ada.lines())["1"].late_by_seconds == 0


async def test_confirmed_long_before_it_is_paid(buys: Begin) -> None:
    """The thanks count from the confirmation, and go once."""
    ada: Life = await buys(starts_with="order.confirmed")
    await ada.day(2, "12:00")
    effects = await ada.event("order.paid", order={"id": ada.order})
    assert "started" not in [effect for effect, _ in effects]
    assert await ada.sent() == ["0 11:00 1 thank-you"]


@pytest.mark.plays("order-thanks", "1.3")
async def test_premium_gets_a_note_by_post_too(buys: Begin) -> None:
    """A person checks the address, and writes it; without an address there is none."""
    ada: Life = await buys(tier="premium", address=ADDRESS)
    await ada.day(3, "12:00")
    assert "0 11:00 1 thank-you" in await ada.sent()
    (task,) = [x for x in await ada.tasks() if x.brief.get("channel") == "letter"]
    assert task.title == "Print, sign and post the letter in the brief"
    await ada.stage.desk.complete_task(task.id, {"address_checked": True}, by="test")
    await ada.stage.settle()
    assert (await ada.line("1 note"))[0] is State.DONE


async def test_no_note_without_an_address(buys: Begin) -> None:
    """It is on record why."""
    ada: Life = await buys(tier="premium")
    await ada.day(3, "12:00")
    assert await ada.line("1 note") == (State.SKIPPED, "no_address")


async def test_a_vip_is_thanked_by_a_person(buys: Begin) -> None:
    """Nothing but what they must have goes by itself."""
    ada: Life = await buys(tier="vip")
    await ada.day(1, "14:00")
    await shipped(ada)
    assert [line.split()[-1] for line in await ada.sent()] == ["order-shipped"]
    assert "1" in {task.clause for task in await ada.tasks()}


async def test_nobody_is_thanked_without_name_or_product(buys: Begin) -> None:
    """Generic thanks need a policy's word; without it a person writes them."""
    ada: Life = await buys(name=None)
    await ada.day(0, "12:00")
    assert await ada.sent() == []
    assert "1" in {task.clause for task in await ada.tasks()}


async def test_generic_thanks_by_policy(buys: Begin) -> None:
    """With the flag they go, as they are."""
    ada: Life = await buys(name=None, policy={"generic": True})
    await ada.day(0, "12:00")
    assert await ada.sent() == ["0 11:00 1 thank-you"]


# -- 2: on its way -----------------------------------------------------------------------------


async def test_each_parcel_once(buys: Begin) -> None:
    """In two parcels, the second told twice: two notices; asked after the last one came."""
    ada: Life = await buys()
    await ada.day(1, "14:00")
    await shipped(ada)
    await ada.day(2, "14:00")
    second = PARCEL | {"id": "P-2", "tracking_number": "T2"}
    await shipped(ada, second)
    await shipped(ada, second)
    notices = [line for line in await ada.sent() if "order-shipped" in line]
    assert notices == ["1 14:00 2 order-shipped", "2 14:00 2 order-shipped"]
    await ada.day(3, "13:00")
    await delivered(ada, "P-1")
    await ada.day(5, "13:00")
    await delivered(ada, "P-2")
    assert await ada.end() == "completed"
    assert (await ada.sent())[-1] == "8 13:00 3 satisfaction-check"


async def test_no_number_yet(buys: Begin) -> None:
    """It waits some hours for a number to follow it by; then it goes as it is."""
    ada: Life = await buys()
    await ada.day(1, "10:00")
    await shipped(ada, {"id": "P-1", "carrier": "Post"})
    await ada.day(1, "12:00")
    assert len(await ada.sent()) == 1
    await ada.day(1, "15:00")
    assert (await ada.sent())[-1] == "1 14:00 2 order-shipped"


async def test_a_number_that_comes_in_time(buys: Begin) -> None:
    """Then it stands in the notice."""
    ada: Life = await buys()
    await ada.day(1, "10:00")
    await shipped(ada, {"id": "P-1", "carrier": "Post"})
    await ada.day(1, "11:00")
    await shipped(ada)
    assert (await ada.sent())[-1] == "1 11:00 2 order-shipped"
    await ada.day(2, "12:00")
    (notice,) = [m for m in await ada.rows(t.Message) if m.template == "order-shipped"]
    assert "T1" in notice.body_text


async def test_it_came_before_we_heard_that_it_left(buys: Begin) -> None:
    """Nobody is told that what they hold in their hands is on its way."""
    ada: Life = await buys()
    await ada.day(3, "12:00")
    await delivered(ada)
    await shipped(ada)
    assert "order-shipped" not in " ".join(await ada.sent())
    reasons = {line.reason for name, line in (await ada.lines()).items() if name.startswith("2")}
    assert "delivered_first" in reasons


async def test_for_pick_up(buys: Begin) -> None:
    """Told when it is ready; asked after it was fetched."""
    ada: Life = await buys(order={"fulfilment": "pickup"})
    await ada.day(1, "14:00")
    await ada.event("order.ready_for_pickup", order={"id": ada.order})
    await ada.day(2, "14:00")
    await ada.event("order.picked_up", order={"id": ada.order})
    assert await ada.end() == "completed"
    assert [line.split(" ", 2)[2] for line in await ada.sent()][1:] == [
        "2 ready-for-pickup",
        "3 satisfaction-check",
    ]


async def test_digital(buys: Begin) -> None:
    """Nothing is shipped; asked three days after it could be used."""
    ada: Life = await buys(order={"fulfilment": "digital"})
    await ada.day(1, "13:00")
    await ada.event("account.provisioned", order={"id": ada.order})
    assert await ada.end() == "completed"
    assert await ada.line("2") == (State.SKIPPED, "nothing_to_ship")
    assert (await ada.sent())[-1] == "4 13:00 3 satisfaction-check"


# -- 3: is all well? ---------------------------------------------------------------------------


async def test_the_delivery_that_nobody_reports(buys: Begin) -> None:
    """After the estimate and some days of grace somebody finds out; it came: that is the day."""
    ada: Life = await buys()
    await ada.day(1, "14:00")
    estimate = ada.moment(3, "12:00").date().isoformat()
    await shipped(ada, PARCEL | {"estimated_delivery": estimate})
    await ada.day(14, "12:00")
    (task,) = [one for one in await ada.tasks() if one.form == "arrival"]
    await ada.stage.desk.complete_task(task.id, {"arrived": True}, by="test")
    assert await ada.end() == "completed"
    assert (await ada.sent())[-1].endswith("3 satisfaction-check")


async def test_a_parcel_that_never_arrives(buys: Begin) -> None:
    """Flagged; and nobody is asked how they like what they do not have."""
    ada: Life = await buys()
    await ada.day(1, "14:00")
    await shipped(ada, {"id": "P-1", "carrier": "Post", "tracking_number": "T1"})
    assert await ada.end(within=120) == "completed"
    assert await ada.line("3") == (State.SKIPPED, "never_delivered")
    assert "satisfaction-check" not in " ".join(await ada.sent())
    assert "arrival" in {task.form for task in await ada.rows(t.Task)}


async def test_returned(buys: Begin) -> None:
    """What went back is not asked about."""
    ada: Life = await buys()
    await ada.day(3, "13:00")
    await delivered(ada)
    await ada.day(4, "13:00")
    await ada.event("order.returned", order={"id": ada.order})
    assert await ada.end() == "completed"
    assert await ada.line("3") == (State.SKIPPED, "returned")


@pytest.mark.parametrize("how", ["cancelled", "refunded"])
async def test_undone(buys: Begin, how: str) -> None:
    """Cancelled or refunded as a whole: it ends, and says why."""
    ada: Life = await buys()
    await ada.day(2, "13:00")
    await ada.event(f"order.{how}", order={"id": ada.order})
    assert await ada.end() == "ended"
    assert how in ((await ada.enrolment()).reason or "")
    assert await ada.sent() == ["0 11:00 1 thank-you"]


async def test_undone_in_part(buys: Begin) -> None:
    """Some of it went back: the rest goes on."""
    ada: Life = await buys()
    await ada.day(2, "13:00")
    await ada.event("order.refunded", order={"id": ada.order}, data={"partial": True})
    await ada.day(3, "13:00")
    await delivered(ada)
    assert await ada.end() == "completed"
    assert (await ada.sent())[-1] == "6 13:00 3 satisfaction-check"


# -- 5 and 6 ---------------------------------------------------------------------------------


async def test_feedback_is_thanked_for(buys: Begin) -> None:
    """Good: thanked once. Bad: a complaint, and its mail says what is to be said."""
    ada: Life = await buys()
    await ada.day(3, "13:00")
    await delivered(ada)
    await ada.day(7, "10:00")
    await ada.event("feedback.received", order={"id": ada.order}, data={"product": 90})
    await ada.day(7, "12:00")
    assert (await ada.sent())[-1] == "7 10:00 5 feedback-thanks"
    await ada.event("feedback.received", order={"id": ada.order}, data={"product": 10})
    (case,) = await ada.rows(t.Case)
    assert (case.kind, case.type) == ("complaint", "dissatisfaction")
    assert [line.split()[-1] for line in await ada.sent()].count("feedback-thanks") == 1
    assert (await ada.sent())[-1].endswith("complaint-received")


@pytest.mark.plays("order-thanks", "6.2")
async def test_the_anniversary(buys: Begin) -> None:
    """A year after the first order, from the years' own follow-up."""
    ada: Life = await buys()
    await delivered(ada)
    await ada.end()
    await ada.day(364, "12:00")
    assert "anniversary" not in " ".join(await ada.sent())
    await ada.day(367, "12:00")
    assert "anniversary" in " ".join(await ada.sent())
