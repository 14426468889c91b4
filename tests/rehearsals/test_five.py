"""All five at once: who asks and who stands back, one hold for all, and never two in a day.

Lines read: day, the customer's own clock, whose clause, which, what.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import combinations, pairwise
from typing import Any

import pytest

from activities.crm import tables as t
from starter.rehearse.stage import stage
from tests.rehearsals.life import Life, begin
from workflows.vocabulary import State

Begin = Callable[..., Any]
SOPS = {
    "S0": "online-customer",
    "S1": "order-thanks",
    "S2": "sales-follow-up",
    "S3": "satisfaction",
    "S4": "onboarding",
}
CLAUSE = {
    "S0": "5.4.1",
    "S1": "3",
    "S2": "5.2",
    "S3": "4.1",
}  # that asks whether they are satisfied
FIRST = ("S1", "S3", "S2", "S0")  # who goes before whom
SUBSETS = [some for size in (1, 2, 3, 4) for some in combinations(("S0", "S1", "S2", "S3"), size)]
FILLED = {
    "within": "10d",
    "interval": "60d",
    "approved_by": "Jo Field, Head of Sales",
    "approval_date": "2026-11-02",
    "next_review": "2027-11-02",
    "system": "Aftercare",
    "record_system": "Aftercare",
    "retention": "1095d",
}
PARCEL = {"id": "P-1", "carrier": "Post", "tracking_number": "T1"}
CONTRACT = {
    "id": "V-1",
    "account_manager": "kim@ourshop.example",
    "contacts": [{"name": "Ada", "email": "ada@example.com"}],
    "needs": "Three weavers",
}
DAY, HOUR = timedelta(days=1), 3600


async def buys(built: Any, *on: str, within: str = "10d", **customer: Any) -> Life:
    """They order on a Tuesday at ten; the sale is closed with it, and it leaves the next day."""
    policies = {SOPS["S2"]: FILLED | {"within": within}} if "S2" in on else {}
    ada = await begin(built, sop="", policies=policies, **customer)
    await ada.event("sale.closed", order={"id": ada.order})
    await ada.day(1, "14:00")
    await ada.event("order.shipped", order={"id": ada.order, "shipments": [PARCEL]})
    return ada


async def comes(ada: Life, day: int) -> None:
    await ada.day(day, "13:00")
    await ada.event("order.delivered", order={"id": ada.order})


async def asked(ada: Life) -> dict[str, str]:
    """What became of the question, by SOP: the message that went, or `covered`."""
    found = {}
    for line in await ada.told():
        _, _, sop, clause, what, *_ = line.split(" ", 5)
        if CLAUSE.get(sop) == clause and what != "task:":
            found[sop] = what
    return found


def named(some: tuple[str, ...]) -> str:
    return "+".join(some)


@pytest.mark.parametrize("on", SUBSETS, ids=named)
async def test_who_asks_of_those_that_are_on(on: tuple[str, ...]) -> None:
    """It is there on day 3: the first of them asks about the product, in whose window the others'
    lie; the check-in comes a week later and is a word of its own."""
    asks = {
        "S1": "satisfaction-check",
        "S3": "satisfaction-survey",
        "S2": "sales-follow-up",
        "S0": "check-in",
    }
    async with stage(sops=",".join(SOPS[one] for one in on)) as built:
        ada = await buys(built, *on)
        await comes(ada, 3)
        await ada.day(16, "12:00")
        first = next(one for one in FIRST if one in on)
        expected = dict.fromkeys(on, "covered") | {first: asks[first]}
        expected |= {"S0": "check-in"} if "S0" in on else {}
        assert await asked(ada) == expected
        await never_two_in_a_day(ada)


@pytest.mark.parametrize("on", [some for some in SUBSETS if len(some) > 1], ids=named)
async def test_who_asks_about_what_is_late(on: tuple[str, ...]) -> None:
    """It comes on day 9, when the windows of S3 and S2 are over, or all but: the first of those two
    asks about the order, for both; the product is S1's alone, and that stands for the check-in."""
    async with stage(sops=",".join(SOPS[one] for one in on)) as built:
        ada = await buys(built, *on)
        await comes(ada, 9)
        await ada.day(16, "12:00")
        about_the_order = {"S3": "order-experience", "S2": "sales-experience"}
        expected = {one: "covered" for one in on if one in about_the_order}
        if first := next((one for one in FIRST if one in expected), None):
            expected[first] = about_the_order[first]
        expected |= {"S1": "satisfaction-check"} if "S1" in on else {}
        if "S0" in on:
            expected["S0"] = "covered" if "S1" in on else "check-in"
        assert await asked(ada) == expected
        await never_two_in_a_day(ada)


async def test_one_call_serves_them_all(shop: Any) -> None:
    """Who would rather be called is called once, by S3; what S2 and S1 would ask it has asked, in
    their own windows."""
    ada = await buys(shop, *SOPS, phone="+447700900123", preferred_channel="phone")
    await comes(ada, 2)
    await ada.day(5, "15:00")
    (call,) = [task for task in await ada.tasks() if task.form in ("call", "sales_call")]
    assert call.follow_up == ada.of(SOPS["S3"]).follow_up
    said = {"reached": "yes", "product": 90, "overall": 90}
    await ada.stage.desk.complete_task(call.id, said, by="test")
    await ada.stage.settle()
    await ada.day(12, "12:00")
    assert (await ada.of(SOPS["S3"]).line("4.1"))[0] is State.DONE
    assert (await ada.of(SOPS["S1"]).line("3"))[0] is State.COVERED
    assert (await ada.of(SOPS["S2"]).line("5.2"))[0] is State.COVERED


async def test_sales_stand_for_who_comes_after(shop: Any) -> None:
    """It covers the other way round, too: what Sales asked within S3's window stands for S3, if its
    own time is over before S3's."""
    ada = await buys(shop, *SOPS, within="7d")
    await comes(ada, 9)
    await ada.day(13, "12:00")
    told = await asked(ada)
    assert told["S2"] == "sales-experience"
    assert told["S3"] == "covered"
    assert told["S1"] == "satisfaction-check"


@pytest.mark.plays("onboarding", "3", "4.1", "4.2", "4.3", "4.4")
@pytest.mark.plays("sales-follow-up", "5.6")
async def test_one_complaint_keeps_back_all_five(shop: Any) -> None:
    """Each has something to say while it is open, and waits; released, all of it is said, a day
    apart, but for what was promised; and each shows the case until it is settled."""
    ada = await buys(shop, *SOPS, within="8d")
    await is_onboarded(ada, called_on=5)
    await ada.event("complaint.opened", data={"text": "It sticks", "reference": "K-1"})
    await ada.day(7, "11:00")
    waits = {"S0": "5.3.2", "S1": "3", "S2": "5.2", "S3": "4.1", "S4": "4.4"}
    for sop, clause in waits.items():
        line = (await seen_by(ada, sop).lines())[clause]
        assert (sop, clause, State(line.state)) == (sop, clause, State.HELD)
    (case,) = await ada.rows(t.Case)
    for sop, clause in {"S1": "4", "S2": "5.6", "S3": "4.3", "S4": "3"}.items():
        assert (await seen_by(ada, sop).line(f"{clause} {case.id}"))[0] is State.WAITING
    before = await ada.sent()
    await is_put_right(ada, case.id)
    await ada.day(9, "20:00")
    said = [line.split()[-1] for line in await ada.sent() if line not in before]
    assert "onboarding-survey" in said
    assert len({"satisfaction-check", "order-experience", "sales-experience"} & set(said)) >= 1
    for sop in waits:
        lines = (await seen_by(ada, sop).lines()).values()
        assert State.HELD not in {State(line.state) for line in lines}
    assert (await seen_by(ada, "S4").line(f"3 {case.id}"))[0] is State.DONE
    await never_two_in_a_day(ada)


async def test_a_silent_customer_of_all_five(shop: Any) -> None:
    """Everything by itself, to the end: all is said in its time, and never two in a day."""
    ada = await buys(shop, *SOPS)
    await is_onboarded(ada, called_on=8)
    await comes(ada, 9)
    for sop in SOPS:
        assert await seen_by(ada, sop).end(within=90) == "completed"
    await never_two_in_a_day(ada)
    late = [line for line in await ada.everybody(t.Milestone) if line.late_by_seconds > HOUR]
    late = [line for line in late if line.clause != "5.3.2"]  # no promise: the cap comes first
    assert [(line.follow_up, line.clause, line.about, line.late_by_seconds) for line in late] == []


# -- how -----------------------------------------------------------------------------------------


def seen_by(ada: Life, sop: str) -> Life:
    return ada.of(SOPS[sop], "V-1" if sop == "S4" else "")


async def is_onboarded(ada: Life, called_on: int) -> None:
    """Signed on day 2 with all that is needed, set up the next morning, called."""
    await ada.day(2, "10:00")
    await ada.event("contract.signed", contract=CONTRACT)
    await ada.day(3, "10:00")
    await does(ada, "set_up", done=["billing", "crm", "support"])
    starts_at = ada.moment(called_on, "14:00").isoformat()
    await does(ada, "schedule", starts_at=starts_at, minutes=60, url="https://zoom.example.com/j/1")
    if called_on == 5:
        await comes(ada, 3)
    await ada.day(called_on, "15:00")
    await does(ada, "meeting", outcome="held", note="They can weave a border now.")


async def does(ada: Life, form: str, **outcome: Any) -> None:
    (task,) = [task.id for task in await ada.tasks("onboarding") if task.form == form]
    await ada.stage.desk.complete_task(task, outcome, by="test")
    await ada.stage.settle()


async def is_put_right(ada: Life, case: str) -> None:
    of = ada.of("case", case)
    await of.complete("2", subject="Sorry", text="A new one is on its way.")
    await of.complete("5", root_cause="product", resolution="A new one was sent.")
    await ada.event("feedback.received", data={"reference": "K-1", "satisfied": True})


async def never_two_in_a_day(ada: Life) -> None:
    """No two that nobody asked for, unless the second was promised for sooner."""
    sent = [m for m in await ada.rows(t.Message) if m.sent_at and m.kind != "transactional"]
    due = {line.message_key: line.due_at for line in await ada.everybody(t.Milestone)}
    for one, other in pairwise(sorted(sent, key=lambda message: message.sent_at)):
        promised = due.get(other.key)
        in_time = promised is not None and promised < one.sent_at + DAY
        assert other.sent_at - one.sent_at >= DAY or in_time, (one.key, other.key)
