"""S0 as customers live it: what is done, when on their own clock, under which clause."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from activities.crm import tables as t
from tests.rehearsals.life import S0, Life
from workflows.vocabulary import State

Begin = Callable[..., Any]
CALM = ["5.5.2 skipped: not_called_for", "5.5.3 skipped: off"]


async def test_a_silent_customer(life: Begin) -> None:
    """Nobody answers, nobody writes: the procedure by itself, in a history that stays small."""
    ada: Life = await life()
    assert await ada.end() == "completed"
    assert await ada.done() == [
        "0 10:00 5.1.1 welcome",
        "1 10:00 5.2.1 getting-started",
        "7 10:00 5.3.2 re-engagement",
        "14 10:00 5.4.1 task: make the check-in personal",
        "15 10:00 5.4.1 check-in",
        "18 10:00 5.4.3 check-in-follow-up",
        "18 10:00 5.5.2 skipped: not_called_for",
        "18 10:00 5.5.3 skipped: off",
    ]
    assert await ada.line("5.5.1") == (State.DONE, "low_engagement")
    assert await ada.line("5.6.1") == (State.DONE, None)
    assert len((await ada.history()).events) <= 130
    assert len(await ada.outbox()) == len(set(await ada.outbox())) == 5


async def test_a_reply_on_day_15(life: Begin) -> None:
    """It stops the reminder, and a person answers it."""
    ada: Life = await life()
    await ada.day(15, "12:00")
    await ada.event("reply.received", data={"text": "All well, thank you"})
    assert await ada.end() == "completed"
    own = await ada.done(own=True)
    assert {line for line in await ada.done() if line not in own} == {
        "15 12:00 1 inquiry-received",
        "15 12:00 2 task: answer what the customer wrote",
    }
    assert (await ada.done(own=True))[4:] == [
        "15 10:00 5.4.1 check-in",
        "15 12:00 5.4.3 skipped: answered",
        "15 12:00 5.5.2 skipped: not_called_for",
        "15 12:00 5.5.3 skipped: off",
    ]
    assert await ada.line("5.5.1") == (State.DONE, "open_case")


async def test_a_complaint_on_day_8_settled_on_day_20(life: Begin) -> None:
    """From the complaint to its end nothing is asked or offered; then what is still of use goes."""
    ada: Life = await life()
    await ada.day(8, "12:00")
    await ada.event("complaint.opened", data={"text": "It broke", "reference": "K-1"})
    await ada.day(19, "12:00")
    assert (await ada.line("5.4.1"))[0] is State.HELD
    assert (await ada.sent(own=True))[-1] == "7 10:00 5.3.2 re-engagement"
    await ada.day(20, "11:00")
    await ada.event("complaint.resolved", data={"reference": "K-1"})
    assert await ada.end() == "completed"
    assert "8 12:00 2 task: answer a complaint" in await ada.done()
    assert (await ada.done(own=True))[3:] == [
        "20 11:00 5.4.1 task: make the check-in personal",
        "21 11:00 5.4.1 check-in",
        "24 11:00 5.4.3 check-in-follow-up",
        "24 11:00 5.5.2 skipped: not_called_for",
        "24 11:00 5.5.3 skipped: off",
    ]


async def test_a_complaint_that_nobody_settles(life: Begin) -> None:
    """What waits for it goes stale, clause by clause, and the follow-up comes to its end."""
    ada: Life = await life()
    await ada.day(8, "12:00")
    await ada.event("complaint.opened", data={"text": "It broke"})
    assert await ada.end() == "completed"
    assert await ada.line("5.4.1") == (State.SKIPPED, "stale")
    assert (await ada.sent(own=True))[-1] == "7 10:00 5.3.2 re-engagement"


async def test_an_opt_out_of_marketing_on_day_3(life: Begin) -> None:
    """Offers are over; what concerns their purchase goes on."""
    ada: Life = await life()
    for day in (1, 2):
        await ada.day(day, "13:00")
        await ada.event("engagement.login")
    await ada.day(3, "12:00")
    assert await ada.event("consent.changed", data={"email_marketing": False}) == [
        ("signalled", None)
    ]
    for day in (4, 6, 8, 10, 12, 13, 15, 17):
        await ada.day(day, "13:00")
        await ada.event("engagement.login")
    assert await ada.end() == "completed"
    assert await ada.done() == [
        "0 10:00 5.1.1 welcome",
        "1 10:00 5.2.1 getting-started",
        "7 10:00 5.3.2 skipped: engaged",
        "14 10:00 5.4.1 task: make the check-in personal",
        "15 10:00 5.4.1 check-in",
        "18 10:00 5.4.3 check-in-follow-up",
        "18 10:00 5.5.2 skipped: opted_out",
        "18 10:00 5.5.3 skipped: off",
    ]
    refusal = [
        d for d in await ada.rows(t.Decision) if (d.clause, d.outcome) == ("5.5.2", "refused")
    ]
    assert [decision.facts["kind"] for decision in refusal] == ["marketing"]


async def test_buying_again(life: Begin) -> None:
    """The same follow-up, no second welcome; a purchase is activity enough not to be missed."""
    ada: Life = await life()
    await ada.day(5, "12:00")
    order = {"id": "order-2", "first": False, "total": "10.00", "currency": "GBP"}
    assert await ada.event("order.paid", order=order) == [("signalled", None)]
    assert await ada.end() == "completed"
    assert await ada.line("5.3.2") == (State.SKIPPED, "engaged")
    assert [line.split()[-1] for line in await ada.sent()].count("welcome") == 1
    assert len(await ada.rows(t.Enrolment)) == 2  # this one, and the years after it


async def test_signing_up_then_buying(life: Begin) -> None:
    """The sign-up begins it; the first purchase belongs to it, and is on record."""
    ada: Life = await life(starts_with="customer.signed_up")
    await ada.day(2, "12:00")
    order = {"id": "order-1", "first": True, "total": "49.00", "currency": "GBP"}
    effects = await ada.event("order.paid", order=order)
    assert [effect for effect, _ in effects] == ["signalled"]
    await ada.day(13, "12:00")
    assert await ada.sent() == ["0 10:00 5.1.1 welcome", "1 10:00 5.2.1 getting-started"]
    assert [row.id for row in await ada.rows(t.Enrolment)] == [ada.follow_up]
    assert [row.id for row in await ada.rows(t.Order)] == ["order-1"]


@pytest.mark.plays("online-customer", "definitions.1")
async def test_an_unknown_customer_of_five_years(life: Begin) -> None:
    """New to us is not new: no S0, and it is on record why."""
    ada: Life = await life()
    since = (ada.began - timedelta(days=5 * 365)).isoformat()
    bob = {"id": "C-2002", "email": "bob@example.com", "since": since}
    effects = await ada.event("order.paid", customer=bob, order={"id": "order-9", "total": "5.00"})
    assert effects == [("none", "existing_customer")]
    async with ada.stage.store.reading() as session:
        assert await session.get(t.Enrolment, f"{S0}.C-2002") is None
    decisions = [d for d in await ada.everybody(t.Decision) if d.customer_id == "C-2002"]
    why = [d.reason for d in decisions if d.follow_up == f"{S0}.C-2002"]
    assert why == ["existing_customer"]


async def test_no_engagement_data_at_all(life: Begin) -> None:
    """Nothing heard about anyone is no sign of silence: nobody is told that they are missed."""
    ada: Life = await life(neighbour=False)
    await ada.day(8, "12:00")
    assert await ada.line("5.3.2") == (State.SKIPPED, "no_engagement_data")
    assert await ada.sent() == ["0 10:00 5.1.1 welcome", "1 10:00 5.2.1 getting-started"]


async def test_a_template_that_cannot_be_rendered(life: Begin) -> None:
    """Its link is missing: blocked, an engineer is told; mended and retried, it goes, once."""
    ada: Life = await life()
    await ada.house({"links.getting_started": ""})
    await ada.day(1, "12:00")
    assert await ada.line("5.2.1") == (State.BLOCKED, "template")
    assert (await ada.done())[-1] == "1 10:00 5.2.1 task: mend template"
    await ada.control("retry")
    assert await ada.line("5.2.1") == (State.BLOCKED, "template")  # nothing was mended
    await ada.house({"links.getting_started": None})
    await ada.control("retry")
    assert (await ada.sent())[-1] == "1 12:00 5.2.1 getting-started"
    assert await ada.line("5.2.1") == (State.DONE, None)
    await ada.day(6, "12:00")
    assert len(await ada.sent()) == 2


async def test_a_template_that_nobody_mends(life: Begin) -> None:
    """The clause goes stale when the next is due, and the procedure goes on."""
    ada: Life = await life()
    await ada.house({"links.getting_started": ""})
    await ada.day(7, "12:00")
    assert await ada.line("5.2.1") == (State.SKIPPED, "stale")
    assert (await ada.sent(own=True))[-1] == "7 10:00 5.3.2 re-engagement"


async def test_the_worker_is_away_from_day_6_to_day_9(life: Begin) -> None:
    """What fell due meanwhile is done when it is back, and its lateness is on record."""
    ada: Life = await life()
    await ada.day(6, "10:00")
    await ada.stage.end_work()
    await ada.stage.away(timedelta(days=3))
    await ada.stage.begin_work()
    await ada.stage.settle()
    assert (await ada.sent())[-1] == "9 10:00 5.3.2 re-engagement"
    late = (await ada.lines())["5.3.2"].late_by_seconds
    assert timedelta(days=1, hours=23) < timedelta(seconds=late) < timedelta(days=2, hours=1)
    assert await ada.end() == "completed"
    assert (await ada.done())[3] == "14 10:00 5.4.1 task: make the check-in personal"


async def test_a_vip_hears_from_people(life: Begin) -> None:
    """Only the welcome goes by itself; a person's own words go under the clause they answer."""
    ada: Life = await life(tier="vip")
    await ada.day(1, "12:00")
    assert await ada.line("5.2.1") == (State.WAITING, None)
    await ada.complete("5.2.1", subject="A word from us", text="Shall I show you round?")
    assert (await ada.sent())[-1] == "1 12:00 5.2.1 getting-started"
    assert await ada.end() == "completed"
    assert await ada.done() == [
        "0 10:00 5.1.1 welcome",
        "1 10:00 5.2.1 task: write to this customer in person",
        "1 12:00 5.2.1 getting-started",
        "7 10:00 5.3.2 task: write to this customer in person",
        "14 10:00 5.4.1 task: make the check-in personal",
        "25 10:00 5.4.3 skipped: not_called_for",
        "25 10:00 5.5.2 skipped: not_called_for",
        "25 10:00 5.5.3 skipped: off",
    ]
    assert await ada.line("5.4.1") == (State.WAITING, None)  # for somebody, to this day


async def test_several_clauses_at_one_moment(life: Begin) -> None:
    """Passed over together for the same reason: the reason of each is on record."""
    ada: Life = await life(tier="vip")
    assert await ada.end() == "completed"
    passed = {d.clause for d in await ada.rows(t.Decision) if d.reason == "not_called_for"}
    assert passed >= {"5.4.3", "5.5.2"}


async def test_access_provisioned_in_time(life: Begin) -> None:
    """The welcome waits for it, and says it all."""
    ada: Life = await life(order={"fulfilment": "digital"})
    await ada.day(0, "10:05")
    assert await ada.sent() == []
    await ada.event("account.provisioned", order={"id": "order-1"})
    await ada.day(1, "12:00")
    assert await ada.sent() == ["0 10:05 5.1.1 welcome", "1 10:05 5.2.1 getting-started"]


async def test_access_provisioned_late(life: Begin) -> None:
    """The welcome waits a quarter of an hour and no longer; a day later a person looks into it;
    the access follows when it is there."""
    ada: Life = await life(order={"fulfilment": "digital"})
    await ada.day(1, "12:00")
    assert await ada.sent() == ["0 10:15 5.1.1 welcome", "1 10:15 5.2.1 getting-started"]
    assert (await ada.line("5.1.2"))[0] is State.WAITING
    assert "1 10:15 5.1.2 task: find out why their access has not come" in await ada.done()
    await ada.event("account.provisioned", order={"id": "order-1"})
    assert (await ada.sent())[-1] == "1 12:00 5.1.2 access"
    await ada.day(6, "12:00")
    assert len(await ada.sent()) == 3


async def test_a_purchase_at_night_in_kathmandu(life: Begin) -> None:
    """The welcome wakes nobody's conscience; all else keeps to the day where they live."""
    ada: Life = await life(time_zone="Asia/Kathmandu", country="NP", clock="23:30")
    assert await ada.end() == "completed"
    sent = [line.split() for line in await ada.sent()]
    assert sent[0] == ["0", "23:30", "5.1.1", "welcome"]
    assert [template for *_, template in sent[1:]] == [
        "getting-started",
        "re-engagement",
        "check-in",
        "check-in-follow-up",
    ]
    assert all("09:00" <= clock < "20:00" for _, clock, *_ in sent[1:])
    assert all(line.late_by_seconds < 3600 for line in (await ada.lines()).values())  # by night
    assert sent[1][0] == "2"  # 24 to 48 hours later it is night or morning: the morning


async def test_the_persons_time_is_part_of_the_check_ins(life: Begin) -> None:
    """About fourteen days, and the CSR's working day: what goes by itself then is not late."""
    ada: Life = await life()
    await ada.day(16, "12:00")
    check_in = (await ada.lines())["5.4.1"]
    assert check_in.state == State.DONE
    assert check_in.late_by_seconds < 60


async def test_a_person_writes_the_check_in(life: Begin) -> None:
    """What the CSR wrote goes, as they wrote it, when they wrote it; the wait counts from there."""
    ada: Life = await life()
    await ada.day(14, "15:30")
    await ada.complete(
        "5.4.1", subject="How is the loom?", text="I saw you bought the loom. How is it?"
    )
    assert await ada.end() == "completed"
    assert (await ada.sent())[3:] == [
        "14 15:30 5.4.1 check-in",
        "17 15:30 5.4.3 check-in-follow-up",
    ]
    (message,) = [m for m in await ada.rows(t.Message) if m.template == "check-in"]
    assert message.subject == "How is the loom?"
    assert message.draft_id


async def test_everything_at_once_after_a_stop(life: Begin) -> None:
    """The stop button holds all that would go; lifted, a day lies between any two messages."""
    ada: Life = await life()
    await ada.stage.desk.stop(reason="an incident", by="test")
    await ada.day(8, "12:00")
    assert (await ada.sent())[1:] == []
    await ada.stage.desk.go(reason="over", by="test")
    await ada.stage.settle()
    assert await ada.end() == "completed"
    sent = [m.sent_at for m in await ada.rows(t.Message) if m.sent_at and m.kind != "transactional"]
    assert all(
        b - a >= timedelta(days=1) for a, b in zip(sorted(sent), sorted(sent)[1:], strict=False)
    )
