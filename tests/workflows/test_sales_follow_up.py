"""Following up on a sale: when, by whom, and what is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.workflows.lives import DAY, HOUR, Town
from tests.workflows.orders import MINUTE, on_a
from tests.workflows.sales import FILLED, ONLY, Sold, sale
from workflows.sops import sales_follow_up
from workflows.vocabulary import Covered, Form, Outcome, Refused, Role, State

MONDAY = 0
CALLED: dict[str, Any] = {"by_phone": True}


async def sold(town: Town, policy: dict[str, Any] | None = None, **more: Any) -> Sold:
    """On a Monday, at ten, with nobody else who asks, unless so said."""
    life = await sale(town)
    await on_a(MONDAY, life)
    return await life.followed_up(policy, **more)


async def delivered(town: Town, policy: dict[str, Any] | None = None, **more: Any) -> Sold:
    """And with the customer a day later."""
    life = await sold(town, policy, **more)
    await life.sleep(DAY)
    await life.news("order_delivered")
    return life


# -- in writing --------------------------------------------------------------------------------


async def test_a_colleague_makes_it_personal(town: Town) -> None:
    """Once it is there, the draft is on somebody's list, with a brief; what they wrote goes."""
    life = await delivered(town)
    (task,) = town.world.tasks.values()
    assert (task.role, task.clause, task.template) == (Role.SALES, "5.2", "sales-follow-up")
    assert (task.asks, task.order_id, task.form) == ("satisfaction", life.order, Form.FREE)
    assert task.since == life.began + 4 * HOUR
    assert await life.state("5.1") == (State.DONE, "brief")
    await life.do("5.2", draft_id="draft_1")
    assert life.sent() == ["5.2 send sales-follow-up"]
    message = town.world.messages[f"{life.handle.id}/sales-follow-up"]
    assert (message.draft_id, message.sender, message.asks) == (
        "draft_1",
        Role.SALES,
        "satisfaction",
    )
    assert message.promise == message.due == life.began + 5 * DAY
    assert await life.state("5.2") == (State.DONE, "")


async def test_nobody_came_in_time(town: Town) -> None:
    """At the end of the next working day it goes as it stands, in time, and nobody need do it."""
    life = await delivered(town)
    await life.sleep(2 * DAY)
    assert life.sent() == ["5.2 send sales-follow-up"]
    assert life.at("send sales-follow-up") == 2 * DAY + 7 * HOUR
    assert "back went_by_itself" in life.done()


async def test_not_before_the_thanks_have_gone(town: Town) -> None:
    """What was there at once is asked about four hours later, not earlier; nor in the time frame's
    last quarter, if that is short."""
    life = await sold(town)
    await life.news("order_delivered")
    await life.sleep(3 * HOUR)
    assert not town.world.tasks
    await life.sleep(HOUR)
    assert len(town.world.tasks) == 1
    hasty = await sale(town)
    await hasty.followed_up({"within": 8 * HOUR})
    await hasty.news("order_delivered")
    await hasty.sleep(2 * HOUR)
    assert len(town.world.tasks) == 2


async def test_it_waits_for_the_delivery_while_sales_has_its_time(town: Town) -> None:
    """Two days before the end the question is how buying went, and never about the product."""
    life = await sold(town)
    await life.sleep(3 * DAY - HOUR)
    assert not town.world.tasks
    await life.sleep(2 * HOUR)
    (task,) = town.world.tasks.values()
    assert (task.template, task.asks) == ("sales-experience", "experience")
    await life.sleep(2 * DAY)
    await life.news("order_delivered")
    assert life.sent() == ["5.2 send sales-experience"]
    assert (await life.lines())["5.2"].state is State.DONE


async def test_nobody_goes_without_saying(town: Town) -> None:
    """A colleague declines; nothing goes, and nothing is built upon it."""
    life = await delivered(town)
    await life.do("5.2", declined=True)
    await life.end()
    assert await life.state("5.2") == (State.SKIPPED, "declined")
    assert await life.state("5.3") == (State.SKIPPED, "not_asked")
    assert await life.state("5.5") == (State.SKIPPED, "not_contacted")
    assert await life.state("2 referral") == (State.SKIPPED, "not_contacted")
    assert not life.sent()


async def test_by_itself_if_the_policy_says_so(town: Town) -> None:
    life = await delivered(town, {"mode": "auto"})
    assert life.sent() == ["5.2 send sales-follow-up"]
    assert not town.world.tasks
    assert await life.state("5.1") == (State.SKIPPED, "not_called_for")


async def test_over_capacity_it_goes_as_it_stands(town: Town) -> None:
    town.world.capacity = 0
    life = await delivered(town)
    assert life.sent() == ["5.2 send sales-follow-up"]


# -- on the telephone ----------------------------------------------------------------------------


async def test_who_would_rather_be_called_is_called(town: Town) -> None:
    """Until the time is over, with the script; what comes of it is on the form."""
    life = await delivered(town, ONLY, **CALLED)
    (task,) = town.world.tasks.values()
    assert (task.role, task.form, task.template) == (Role.SALES, Form.SALES_CALL, "sales-call")
    assert (task.asks, task.due_by) == ("satisfaction", life.began + 5 * DAY)
    await life.do("5.2", reached=True)
    assert await life.state("5.2") == await life.state("5.3") == (State.DONE, "call")
    assert await life.state("5.5") == (State.DONE, "")
    assert not life.sent()
    assert await life.end() is Outcome.COMPLETED


async def test_what_a_call_came_upon_is_followed_up(town: Town) -> None:
    """An opportunity is a task for Sales; whom else we might help is not asked again."""
    life = await delivered(town, **CALLED)
    await life.do("5.2", reached=True, opportunity=True, referral=False)
    assert (await life.state("2 call"))[0] is State.WAITING
    await life.do("2")
    assert await life.state("2 call") == (State.DONE, "")
    await life.end()
    assert await life.state("2 referral") == (State.SKIPPED, "referral_settled")
    assert not life.sent()


async def test_who_is_not_reached_is_written_to(town: Town) -> None:
    life = await delivered(town, **CALLED)
    await life.do("5.2", reached=False)
    assert life.sent() == ["5.2 send sales-follow-up"]
    message = town.world.messages[f"{life.handle.id}/sales-follow-up"]
    assert message.promise
    assert message.without == ("call",)


@pytest.mark.parametrize("reason", ["no_address", "capacity"])
async def test_who_cannot_be_called_is_written_to(town: Town, reason: str) -> None:
    """There is no number, or nobody has the time."""
    if reason == "capacity":
        town.world.capacity = 0
    life = await sold(town, **CALLED)
    town.world.no_phone.add(life.name)
    await life.news("order_delivered")
    await life.sleep(4 * HOUR)
    assert life.sent() == ["5.2 send sales-follow-up"]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ({"declined": True}, (State.SKIPPED, "declined")),
        ({"released": "opted_out"}, (State.SKIPPED, "opted_out")),
        ({"released": "capacity"}, (State.DONE, "")),
    ],
)
async def test_a_call_is_not_made(
    town: Town, outcome: dict[str, Any], state: tuple[State, str]
) -> None:
    """By somebody's decision; or because nobody may, or has the time: then they are written to."""
    life = await delivered(town, **CALLED)
    await life.do("5.2", **outcome)
    assert await life.state("5.2") == state


async def test_nobody_calls(town: Town) -> None:
    """It stays on the list beyond its time, and is a breach; in the end it is taken back."""
    life = await delivered(town, ONLY, **CALLED)
    await life.sleep(7 * DAY)
    assert (await life.state("5.2"))[0] is State.WAITING
    await life.end()
    assert await life.state("5.2") == (State.SKIPPED, "stale")
    assert "back stale" in life.done()


async def test_somebody_says_now(town: Town) -> None:
    """Instead of waiting for the call any longer."""
    life = await delivered(town, **CALLED)
    await life.say("run_now", {"clause": "5.2"})
    await life.sleep(MINUTE)
    assert life.sent() == ["5.2 send sales-follow-up"]
    assert "back went_by_itself" in life.done()


async def test_calls_may_be_off(town: Town) -> None:
    await delivered(town, {"calls": False}, **CALLED)
    assert [task.form for task in town.world.tasks.values()] == [Form.FREE]


# -- elsewhere ------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "calling", "writing"])
async def test_a_conversation_of_ours_is_the_contact(town: Town, when: str) -> None:
    """Whether nothing was done yet, or it was on somebody's list: then it is taken back."""
    life = await (sold(town) if when == "before" else delivered(town, by_phone=when == "calling"))
    await life.met()
    assert await life.state("5.2") == (State.DONE, "spoken_elsewhere")
    assert await life.state("5.3") == (State.DONE, "call")
    assert not life.sent()
    assert ("back spoken_elsewhere" in life.done()) is (when != "before")


async def test_their_call_is_none_of_ours(town: Town) -> None:
    """Nor is one of before the sale, nor about another order."""
    life = await delivered(town)
    await life.met(ours=False)
    await life.met(at=(life.began - DAY).isoformat())
    await life.met(order_id="another")
    assert (await life.state("5.2"))[0] is State.WAITING


@pytest.mark.parametrize("others", [("order-thanks",), ("satisfaction",)])
async def test_who_asks_first_stands_for_it(town: Town, others: tuple[str, ...]) -> None:
    """If it asked in this one's time; its answers count for both."""
    life = await delivered(town, others=others)
    await life.sleep(2 * DAY - 2 * HOUR)
    assert not town.world.tasks
    by = Covered(key=f"{others[0]}.x/satisfaction-check", at=await life.now())
    town.world.covers[life.name] = by
    await life.sleep(3 * HOUR)
    assert await life.state("5.2") == (State.COVERED, by.key)
    await life.say("responded", {"to": by.key})
    await life.sleep(MINUTE)
    assert await life.state("5.3") == (State.DONE, "answered")


async def test_nobody_asks_about_the_product_twice(town: Town) -> None:
    """What others asked outside of its time is theirs; this one asks how buying went."""
    life = await delivered(town, others=("order-thanks", "satisfaction"))
    await life.sleep(4 * DAY)
    assert life.sent() == ["5.2 send sales-experience"]
    assert town.world.messages[f"{life.handle.id}/sales-experience"].since


async def test_order_thanks_calls_nobody(town: Town) -> None:
    """Beside it, who would rather be called is called about the product, as soon as it is there."""
    await delivered(town, others=("order-thanks",), **CALLED)
    assert [task.asks for task in town.world.tasks.values()] == ["satisfaction"]


# -- exceptions, discontent ------------------------------------------------------------------------


@pytest.mark.plays("sales-follow-up", "3")
async def test_a_vip_hears_from_a_person(town: Town) -> None:
    """From the sales manager; should they not come in time, it waits for them all the same."""
    life = await sale(town)
    town.world.important.add(life.name)
    await life.followed_up(tier="vip")
    assert await life.state("3") == (State.DONE, "vip")
    await life.news("order_delivered")
    await life.sleep(6 * DAY)
    (task,) = town.world.tasks.values()
    assert task.role is Role.SALES_MANAGER
    assert not life.sent()
    await life.do("5.2", draft_id="draft_1")
    assert life.sent() == ["5.2 send sales-follow-up"]


async def test_a_sensitive_matter_rests(town: Town) -> None:
    """They hear what they must; the exception is on record."""
    life = await sale(town)
    town.world.unreachable[life.name] = "sensitive"
    await life.followed_up({"mode": "auto"})
    await life.news("order_delivered")
    await life.sleep(5 * HOUR)
    assert await life.state("5.2") == (State.SKIPPED, "sensitive")
    assert await life.state("3") == (State.DONE, "sensitive")
    await life.end()
    assert not life.sent()


async def test_no_exception_is_on_record_as_none(town: Town) -> None:
    life = await delivered(town)
    await life.do("5.2")
    assert await life.state("3") == (State.SKIPPED, "not_called_for")


@pytest.mark.plays("sales-follow-up", "5.6")
async def test_discontent_holds_it_back(town: Town) -> None:
    """Until it is put right; then it is late, which is a breach, and still of use."""
    life = await delivered(town, {"mode": "auto", "first": timedelta(days=2)})
    await life.complain("case_c")
    await life.sleep(7 * DAY)
    assert await life.state("5.6 case_c") == (State.WAITING, "case")
    assert (await life.state("5.2"))[0] is State.HELD
    await life.resolve("case_c")
    await life.sleep(HOUR)
    assert await life.state("5.6 case_c") == (State.DONE, "")
    assert life.sent() == ["5.2 send sales-follow-up"]
    message = town.world.messages[f"{life.handle.id}/sales-follow-up"]
    assert message.due
    assert await life.now() > message.due


async def test_what_is_never_put_right_comes_too_late(town: Town) -> None:
    """A week after its time nobody wants to hear of it."""
    life = await delivered(town, {"first": timedelta(days=2)})
    await life.complain("case_c")
    await life.sleep(12 * DAY)
    assert await life.state("5.2") == (State.SKIPPED, "stale")
    await life.resolve("case_c")
    await life.end()


# -- feedback, and what comes after ----------------------------------------------------------------


@pytest.mark.plays("sales-follow-up", "5.3")
async def test_feedback_is_thanked_for_and_classified(town: Town) -> None:
    """By Customer Service, unless it came with its class; what brought a complaint is not thanked
    for."""
    life = await delivered(town, {"mode": "auto"})
    to = f"{life.handle.id}/sales-follow-up"
    await life.say("feedback", {"feedback_id": "fb_1", "to": to})
    await life.say("feedback", {"feedback_id": "fb_2", "classified": True})
    bad = {"feedback_id": "fb_3", "opened_case": True, "case_id": "case_c", "classified": True}
    await life.say("feedback", bad)
    await life.sleep(MINUTE)
    assert await life.state("5.3") == (State.DONE, "answered")
    assert "5.3 send feedback-thanks fb_1" in life.done()
    assert await life.state("5.3 fb_3") == (State.SKIPPED, "case")
    assert await life.state("5.3 of-fb_2") == (State.DONE, "classified")
    (task,) = [x for x in town.world.tasks.values() if x.form is Form.CLASSIFY]
    assert (task.role, task.feedback_id, task.clause) == (Role.SERVICE, "fb_1", "5.3")
    await life.do("5.3")
    assert await life.state("5.3 of-fb_1") == (State.DONE, "")


async def test_regular_follow_ups_begin_with_the_contact(town: Town) -> None:
    """With the interval of its policy, from the moment of the contact."""
    life = await delivered(town, {"mode": "auto"})
    await life.sleep(16 * DAY)
    (rhythm,) = town.world.touching[life.name].rhythms
    assert (rhythm.name, rhythm.sop, rhythm.clause) == (
        "regular-follow-up",
        "sales-follow-up",
        "5.4",
    )
    assert rhythm.every == FILLED["interval"]
    assert (rhythm.since - life.began) // DAY == 1
    assert await life.state("5.3") == (State.SKIPPED, "no_answer")


@pytest.mark.plays("sales-follow-up", "2")
async def test_more_business(town: Town) -> None:
    """Three weeks after the contact Sales offers what would serve; after thirty days they are asked
    whom else we might help."""
    life = await delivered(town, {"mode": "auto"})
    await life.end()
    assert life.sent() == ["5.2 send sales-follow-up", "2 send referral-request referral"]
    (task,) = [x for x in town.world.tasks.values() if x.template == "sales-outreach"]
    assert (task.role, task.clause, task.about) == (Role.SALES, "2", "repeat")
    assert life.days("send referral-request referral") == 31
    asked = town.world.messages[f"{life.handle.id}/referral-request/referral"]
    assert (asked.asks, asked.order_id, asked.kind) == ("referral", "", "marketing")


async def test_no_more_business(town: Town) -> None:
    """`online-customer` sees to it; or the policy leaves it out."""
    life = await delivered(town, {"mode": "auto", "referral": False}, others=("online-customer",))
    await life.end()
    assert await life.state("2 repeat") == (State.SKIPPED, "online_customer")
    assert await life.state("2 referral") == (State.SKIPPED, "off")
    other = await sale(town)
    await other.followed_up(ONLY | {"mode": "auto"})
    await other.end()
    assert await other.state("2 repeat") == (State.SKIPPED, "off")


async def test_what_went_back_is_not_built_upon(town: Town) -> None:
    """They are asked how buying went; nothing more is sold, and nobody asked to recommend it."""
    life = await sold(town, {"mode": "auto"})
    await life.news("order_delivered")
    await life.news("order_returned")
    await life.end()
    assert life.sent() == ["5.2 send sales-experience"]
    for clause in ("5.4", "2 repeat", "2 referral"):
        assert await life.state(clause) == (State.SKIPPED, "returned")


async def test_cancelled_the_desk_ends_it(town: Town) -> None:
    life = await sold(town)
    await life.say("end")
    assert await life.end() is Outcome.ENDED
    assert not life.sent()


async def test_opted_out(town: Town) -> None:
    """Before the contact there is nothing left to say; after it, nothing is asked for."""
    early, late = await sold(town), await delivered(town, {"mode": "auto"})
    for life in (early, late):
        town.world.opt_out(life.name, "all", await life.now())
        await life.say("opted_out")
    await late.end()
    assert await late.state("2 referral") == (State.SKIPPED, "opted out")
    await early.end()
    assert not early.sent()
    assert len(late.sent()) == 1


# -- the policy ------------------------------------------------------------------------------------


async def test_it_begins_late(town: Town) -> None:
    """An event of days ago: at once, and late; one of weeks ago is of no use any more."""
    late, stale = await sale(town), await sale(town)
    now = await late.now()
    await late.followed_up(ONLY, purchased_at=now - 8 * DAY, delivered_at=now - 6 * DAY)
    assert late.sent() == ["5.2 send sales-follow-up"]
    message = town.world.messages[f"{late.handle.id}/sales-follow-up"]
    assert message.due == now - 3 * DAY
    await stale.followed_up(ONLY, purchased_at=now - 30 * DAY, delivered_at=now - 20 * DAY)
    await stale.end()
    assert await stale.state("5.2") == (State.SKIPPED, "stale")
    assert not stale.sent()


async def test_a_sale_of_no_order_is_not_waited_for(town: Town) -> None:
    """A contract's, say: how buying went is asked as soon as it may be."""
    life = await sold(town, order_id="")
    await life.sleep(4 * HOUR)
    assert [task.template for task in town.world.tasks.values()] == ["sales-experience"]


async def test_the_time_frame_moves_in_flight(town: Town) -> None:
    """Whoever sleeps until the end of the old one wakes for the new."""
    life = await sold(town)
    await life.sleep(2 * DAY)
    assert not town.world.tasks
    moved = sales_follow_up.Policy(**FILLED | {"within": 3 * DAY})
    await life.say("policy", {"policy": moved.model_dump(mode="json"), "version": 2})
    await life.sleep(MINUTE)
    (task,) = town.world.tasks.values()
    assert task.template == "sales-experience"
    await life.sleep(DAY)
    message = town.world.messages[f"{life.handle.id}/sales-experience"]
    assert message.due == life.began + 3 * DAY


async def test_left_to_another_system(town: Town) -> None:
    """Its clauses are shown as done elsewhere, and nothing of theirs is done here."""
    life = await sold(town, ONLY | {"elsewhere": ("5.2", "5.4")})
    await life.end()
    assert await life.state("5.2") == await life.state("5.4") == (State.ELSEWHERE, "unproven")
    assert life.name not in town.world.touching
    assert not life.sent()


async def test_who_knows_the_holidays_is_away(town: Town) -> None:
    """They are asked until they answer."""
    town.world.clueless = True
    life = await delivered(town)
    await life.sleep(HOUR)
    town.world.clueless = False
    await life.sleep(3 * DAY)
    assert life.sent() == ["5.2 send sales-follow-up"]
    assert Refused(reason="stale") not in town.world.ledger.values()
