"""Three procedures over one customer: each order gives one humane sequence, and says who said what.

Lines read: day, the customer's own clock, whose clause, which, what.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

from activities.crm import tables as t
from tests.rehearsals.life import Life
from workflows.vocabulary import State

Begin = Callable[..., Any]
S0, S1, S3 = "online-customer", "order-thanks", "satisfaction"
PARCEL = {"id": "P-1", "carrier": "Post", "tracking_number": "T1"}


async def messages(ada: Life) -> list[str]:
    """What the customer got."""
    return [
        line
        for line in await ada.told()
        if "task:" not in line and "skipped" not in line and "covered" not in line
    ]


async def covered(ada: Life) -> list[str]:
    return [line for line in await ada.told() if "covered" in line]


async def comfort(ada: Life) -> None:
    """No two unsolicited messages within a day, but for what was promised."""
    sent = sorted(
        (m.sent_at, m.template)
        for m in await ada.rows(t.Message)
        if m.sent_at and m.kind != "transactional"
    )
    for (one, _), (other, template) in pairwise(sent):
        assert other - one >= timedelta(days=1) or template == "thank-you", template


async def everything_ends(ada: Life) -> None:
    for row in await ada.rows(t.Enrolment):
        if row.sop in (S0, S1, S3):
            await ada.of(row.sop, row.subject).end(within=90)


async def goes_out(ada: Life, day: int = 1, order: str = "", **parcel: Any) -> None:
    await ada.day(day, "14:00")
    said = {"id": order or ada.order, "shipments": [PARCEL | parcel]}
    await ada.event("order.shipped", order=said)


async def comes(ada: Life, day: int, order: str = "", clock: str = "13:00") -> None:
    await ada.day(day, clock)
    await ada.event("order.delivered", order={"id": order or ada.order})


async def test_the_usual_order(whole: Begin) -> None:
    """Welcomed and thanked in one; told that it left; asked once how it is, by who knows that it
    came; S3 and the check-in stand back."""
    ada: Life = await whole()
    await goes_out(ada)
    await comes(ada, 3)
    await everything_ends(ada)
    assert await messages(ada) == [
        "0 10:00 S0 5.1.1 welcome",
        "1 10:00 S0 5.2.1 getting-started",
        "1 14:00 S1 2 order-shipped",
        "6 13:00 S1 3 satisfaction-check",
        "7 13:00 S0 5.3.2 re-engagement",
        "15 10:00 S0 5.4.1 check-in",
        "18 10:00 S0 5.4.3 check-in-follow-up",
    ]
    assert await covered(ada) == ["0 10:00 S1 1 covered", "6 13:00 S3 4.1 covered"]
    await comfort(ada)


async def test_digital(whole: Begin) -> None:
    """Nothing on its way; the days are counted from when it could be used."""
    ada: Life = await whole(order={"fulfilment": "digital"})
    await ada.day(0, "10:05")
    await ada.event("account.provisioned", order={"id": ada.order})
    await everything_ends(ada)
    assert await ada.of(S1).line("2") == (State.SKIPPED, "nothing_to_ship")
    sent = await messages(ada)
    assert sent[0] == "0 10:05 S0 5.1.1 welcome"
    assert "3 10:05 S1 3 satisfaction-check" in sent
    assert (await ada.of(S3).line("4.1"))[0] is State.COVERED
    await comfort(ada)


async def test_pick_up(whole: Begin) -> None:
    """Told that it is ready, asked after it was fetched."""
    ada: Life = await whole(order={"fulfilment": "pickup"})
    await ada.day(1, "14:00")
    await ada.event("order.ready_for_pickup", order={"id": ada.order})
    await ada.day(2, "13:00")
    await ada.event("order.picked_up", order={"id": ada.order})
    await everything_ends(ada)
    sent = await messages(ada)
    assert "1 14:00 S1 2 ready-for-pickup" in sent
    assert "5 13:00 S1 3 satisfaction-check" in sent
    assert (await ada.of(S3).line("4.1"))[0] is State.COVERED


async def test_two_parcels(whole: Begin) -> None:
    """Each is told of; asked after the last one came. S3's last day is before that: about the
    order only."""
    ada: Life = await whole()
    await goes_out(ada, 1)
    await goes_out(ada, 2, id="P-2", tracking_number="T2")
    await ada.day(3, "13:00")
    await ada.event("order.delivered", order={"id": ada.order, "shipments": [{"id": "P-1"}]})
    await ada.day(6, "13:00")
    await ada.event("order.delivered", order={"id": ada.order, "shipments": [{"id": "P-2"}]})
    await everything_ends(ada)
    sent = await messages(ada)
    assert [line for line in sent if "order-shipped" in line] == [
        "1 14:00 S1 2 order-shipped",
        "2 14:00 S1 2 order-shipped",
    ]
    (about_order,) = [line for line in sent if " S3 4.1 " in line]
    assert about_order.startswith("7 ")
    assert about_order.endswith("order-experience")
    assert "9 13:00 S1 3 satisfaction-check" in sent
    await comfort(ada)


async def test_it_comes_after_the_last_day_of_s3(whole: Begin) -> None:
    """S3 asks about the order, never the product; S1 about the product, when it is there."""
    ada: Life = await whole()
    await goes_out(ada)
    await comes(ada, 9)
    await everything_ends(ada)
    sent = await messages(ada)
    asked = [line.split(" ", 2)[2] for line in sent if " S3 4" in line or " S1 3 " in line]
    assert asked == ["S3 4.1 order-experience", "S1 3 satisfaction-check"]
    texts = {m.template: m.body_text for m in await ada.rows(t.Message)}
    assert "Loom" in texts["satisfaction-check"]
    await comfort(ada)


async def test_refunded_in_mid_course(whole: Begin) -> None:
    """What belongs to the order ends, with its reason; the account's own follow-up goes on."""
    ada: Life = await whole()
    await goes_out(ada)
    await ada.day(2, "12:00")
    await ada.event("order.refunded", order={"id": ada.order})
    for sop in (S1, S3):
        assert await ada.of(sop).end() == "ended"
        assert "refunded" in ((await ada.of(sop).enrolment()).reason or "")
    assert (await ada.enrolment()).state == "running"
    await everything_ends(ada)
    assert not [line for line in await messages(ada) if " S1 3" in line or " S3 " in line]


async def test_two_orders_on_one_day(whole: Begin) -> None:
    """Each is thanked within its day, and asked about; no two within a day but the thanks."""
    ada: Life = await whole(orders=[{"id": "one"}, {"id": "two"}])
    for order in ("one", "two"):
        await goes_out(ada, 1, order=order, id=f"P-{order}")
    for order in ("one", "two"):
        await comes(ada, 3, order=order)
    await everything_ends(ada)
    sent = await messages(ada)
    assert (await ada.of(S1, "one").line("1"))[0] is State.COVERED
    thanks = [line for line in sent if "thank-you" in line]
    assert len(thanks) == 1
    assert thanks[0].split()[0] in ("0", "1")
    assert (await ada.of(S1, "two").lines())["1"].late_by_seconds == 0
    asked = [line for line in sent if " S1 3 " in line]
    assert [line.split()[0] for line in asked] == ["6", "7"]
    assert len([line for line in sent if "order-shipped" in line]) == 2
    for order in ("one", "two"):
        assert (await ada.of(S1, order).lines())["3"].late_by_seconds == 0
    await comfort(ada)


async def test_a_customer_of_old(whole: Begin) -> None:
    """No welcome, so the thanks go by themselves; S1 and S3 as for everybody."""
    ada: Life = await whole(since="2015-01-01T00:00:00Z")
    await goes_out(ada)
    await comes(ada, 3)
    await everything_ends(ada)
    assert await messages(ada) == [
        "0 11:00 S1 1 thank-you",
        "1 14:00 S1 2 order-shipped",
        "6 13:00 S1 3 satisfaction-check",
    ]
    assert {row.sop for row in await ada.rows(t.Enrolment)} == {S1, S3, "keep-in-touch"}


async def test_who_would_rather_be_called(whole: Begin) -> None:
    """A colleague calls in S3's window; S1's question is answered by that call, if it was in its
    own days."""
    ada: Life = await whole(phone="+447700900123", preferred_channel="phone")
    await goes_out(ada)
    await comes(ada, 1, clock="16:00")
    await ada.day(2, "12:00")
    (call,) = [task for task in await ada.tasks() if task.form == "call"]
    assert (call.clause, call.follow_up) == ("4.1", ada.of(S3).follow_up)
    await ada.day(6, "11:00")
    await ada.stage.desk.complete_task(
        call.id, {"reached": "yes", "product": 90, "overall": 90}, by="test"
    )
    await ada.stage.settle()
    await everything_ends(ada)
    assert (await ada.of(S3).line("4.1"))[0] is State.DONE
    assert (await ada.of(S1).line("3"))[0] in (State.COVERED, State.DONE)
    await comfort(ada)


async def test_a_complaint_keeps_back_all_three(whole: Begin) -> None:
    """Its own mail goes; the rest waits, and goes on when it is released."""
    ada: Life = await whole()
    await goes_out(ada)
    await comes(ada, 3)
    await ada.day(4, "12:00")
    await ada.event(
        "complaint.opened", order={"id": ada.order}, data={"text": "Torn", "reference": "K-1"}
    )
    await ada.day(7, "12:00")
    assert (await ada.of(S1).line("3"))[0] is State.HELD
    assert (await ada.of(S3).line("4.1"))[0] is State.HELD
    assert (await ada.line("5.3.2"))[0] is State.HELD
    (case,) = await ada.rows(t.Case)
    of = ada.of("case", case.id)
    await of.complete("2", subject="Sorry", text="A new one is on its way.")
    await of.complete("5", root_cause="delivery", resolution="A new one was sent.")
    await ada.event("feedback.received", data={"reference": "K-1", "satisfied": True})
    await everything_ends(ada)
    assert not [hold for hold in await ada.rows(t.Hold) if not hold.released_at]
    mails = [line.split()[-1] for line in await messages(ada) if " case " in line]
    assert mails[0] == "complaint-received"
    assert {"case-answer", "complaint-resolved"} <= set(mails)
    await comfort(ada)


async def test_a_question_that_is_answered(whole: Begin) -> None:
    """S1 and S3 show it until it is, and hear of it; neither waits for ever."""
    ada: Life = await whole()
    await goes_out(ada)
    await ada.day(2, "12:00")
    await ada.event("reply.received", data={"text": "Does it weave silk?"})
    (case,) = await ada.rows(t.Case)
    assert await ada.of(S1).line(f"4 {case.id}") == (State.WAITING, "case")
    await ada.of("case", case.id).complete("2", subject="Silk", text="It does.")
    await ada.day(2, "14:00")
    assert (await ada.of(S1).line(f"4 {case.id}"))[0] is State.DONE
    await comes(ada, 3)
    await everything_ends(ada)


async def test_a_complaint_that_outlasts_the_window_of_s3(whole: Begin) -> None:
    """S1 asks some hours after it is settled; S3 does not any more. What it owed is a breach."""
    ada: Life = await whole()
    await goes_out(ada)
    await comes(ada, 3)
    await ada.day(4, "12:00")
    await ada.event(
        "complaint.opened", order={"id": ada.order}, data={"text": "Torn", "reference": "K-1"}
    )
    (case,) = await ada.rows(t.Case)
    await ada.of("case", case.id).complete("2", subject="Sorry", text="A new one is coming.")
    await ada.day(13, "12:00")
    assert await ada.of(S3).line("4.1") == (State.SKIPPED, "stale")
    assert (await ada.of(S3).lines())["4.1"].late_by_seconds > 0
    await ada.of("case", case.id).complete("5", root_cause="delivery", resolution="A new one.")
    await ada.event("feedback.received", data={"reference": "K-1", "satisfied": True})
    await everything_ends(ada)
    asked = [line for line in await messages(ada) if " S1 3 " in line or " S3 4.1 " in line]
    assert [line.split()[0] for line in asked] == ["13"]
    assert await ada.of(S3).line("4.2") == (State.SKIPPED, "not_asked")
    await comfort(ada)
