"""What follows an order, clause by clause."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.workflows.lives import DAY, HOUR, Town
from tests.workflows.orders import MINUTE, Bought, purchase
from workflows.sops.order_thanks import Policy
from workflows.vocabulary import Covered, Form, Outcome, Refused, Role, State, Window


async def order(town: Town, policy: dict[str, Any] | None = None, **more: Any) -> Bought:
    return await (await purchase(town)).thanks(policy, **more)


async def delivered(town: Town, **more: Any) -> Bought:
    """One that was shipped on the first day and arrived on the second."""
    life = await order(town, **more)
    await life.sleep(DAY)
    await life.news("order_shipped")
    await life.sleep(DAY)
    await life.news("order_delivered")
    return life


@pytest.mark.parametrize(
    ("factor", "hours"), [(1, 1), (3_600, 1), (7_200, 2), (43_200, 12), (1_000_000, 12)]
)
def test_the_welcome_has_a_head_start(factor: float, hours: float) -> None:
    """An hour, or a second of the world's where days pass in seconds, and half a day at most."""
    window = Policy().thanks.opens_after(timedelta(seconds=factor))
    assert window == Window(after=HOUR * hours, before=DAY)


async def test_a_happy_life(town: Town) -> None:
    """Thanked within the day, told of the parcel, asked after it came, thanked for the answer."""
    life = await delivered(town)
    await life.sleep(4 * DAY)
    await life.say("feedback", {"feedback_id": "fb_1", "category": "product"})
    assert await life.end() is Outcome.COMPLETED
    assert life.sent() == [
        "1 send thank-you",
        "2 send order-shipped",
        "3 send satisfaction-check",
        "5 send feedback-thanks product",
    ]
    assert HOUR <= life.at("send thank-you") < DAY
    assert 5 <= life.days("send satisfaction-check") < 7  # three to five after the second
    lines = {name: line.state for name, line in (await life.lines()).items()}
    assert lines == dict.fromkeys(["1", "2", "3", "5", "5 fb_1", "6"], State.DONE)


async def test_the_thanks_are_due_within_a_day_of_the_confirmation(town: Town) -> None:
    """Not of the payment, which may be days later; the promise goes with it."""
    life = await purchase(town)
    now = await life.now()
    await life.thanks(purchased_at=now, confirmed_at=now - 20 * HOUR)
    await life.sleep(MINUTE)
    message = town.world.messages[f"{life.handle.id}/thank-you"]
    assert message.promise == message.due == now + 4 * HOUR
    assert (message.asks, message.order_id, message.impersonal) == ("thanks", life.order, False)
    assert life.at("send thank-you") < 5 * MINUTE


async def test_late_thanks_still_go(town: Town) -> None:
    """A day after the deadline they are late; when the next might be due, stale."""
    life = await purchase(town)
    now = await life.now()
    await life.thanks(confirmed_at=now - 2 * DAY)
    assert life.done() == ["1 send thank-you"]
    other = await purchase(town)
    await other.thanks(confirmed_at=now - 4 * DAY)
    assert other.done()[0] == "1 skip stale"


async def test_the_welcome_has_thanked_them(town: Town) -> None:
    """Then it is covered by that."""
    life = await purchase(town)
    now = await life.now()
    welcome = Covered(key="online-customer.x/welcome", at=now)
    town.world.covers[life.name] = welcome
    await life.thanks()
    await life.sleep(2 * HOUR)
    assert await life.state("1") == (State.COVERED, welcome.key)


async def test_what_names_nobody_is_written_by_a_person(town: Town) -> None:
    """Without a name or a product no machine thanks, unless the policy lets it."""
    life = await purchase(town)
    town.world.impersonal.add(life.name)
    await life.thanks()
    await life.sleep(3 * HOUR)
    assert life.done() == [f"1 ask {Role.CSR}"]
    (task,) = town.world.tasks.values()
    assert task.due_by == life.began + DAY
    await life.do("1", draft_id="draft_1")
    assert life.done()[-1] == "1 send thank-you"
    other = await purchase(town)
    town.world.impersonal.add(other.name)
    await other.thanks({"generic": True})
    await other.sleep(3 * HOUR)
    assert other.done() == ["1 send thank-you"]


@pytest.mark.parametrize(("tier", "notes"), [("standard", 0), ("premium", 1)])
async def test_premium_customers_get_a_note(town: Town, tier: str, notes: int) -> None:
    """By post, besides; it keeps nothing else waiting."""
    life = await order(town, tier=tier)
    await life.sleep(4 * DAY)
    assert life.sent().count("1 send thank-you-note note") == notes
    if notes:
        assert await life.state("1 note") == (State.DONE, "")
    assert await life.state("1") == (State.DONE, "")


async def test_no_note_without_an_address(town: Town) -> None:
    life = await purchase(town)
    town.world.unreachable[life.name] = "no_address"
    await life.thanks(tier="premium")
    await life.sleep(4 * DAY)
    assert await life.state("1 note") == (State.SKIPPED, "no_address")


async def test_each_parcel_is_announced_once(town: Town) -> None:
    """Split shipments, doubled news; the clause stands open until all has gone."""
    life = await order(town)
    await life.news("order_shipped", "P1", complete=False)
    await life.news("order_shipped", "P1", complete=False)
    assert await life.state("2") == (State.WAITING, "order_shipped")
    await life.sleep(DAY)
    await life.news("order_shipped", "P1", "P2")
    assert [line for line in life.sent() if line.startswith("2")] == [
        "2 send order-shipped P1",
        "2 send order-shipped P2",
    ]
    assert await life.state("2") == (State.DONE, "")
    await life.news("order_delivered", "P1", complete=False)
    await life.sleep(8 * DAY)
    assert not any("satisfaction" in line for line in life.done())  # half of it is not it
    await life.news("order_delivered", "P2")
    await life.sleep(5 * DAY)
    assert "3 send satisfaction-check" in life.done()


async def test_a_notice_waits_for_its_number(town: Town) -> None:
    """A few hours; then it goes without. A parcel that has one does not wait for the other."""
    life = await order(town)
    await life.news("order_shipped", "P1", "P2", "P3", untracked=["P1", "P2"])
    await life.sleep(HOUR)
    await life.news("order_shipped", "P2")
    assert life.at("send order-shipped P3") <= 3 * MINUTE
    assert life.at("send order-shipped P2") // HOUR == 1
    await life.sleep(5 * HOUR)
    assert life.at("send order-shipped P1") // HOUR == 4


async def test_delivered_before_shipped(town: Town) -> None:
    """News that comes after the parcel itself is none."""
    life = await order(town)
    await life.news("order_delivered")
    assert await life.state("2") == (State.SKIPPED, "delivered_first")
    await life.news("order_shipped", "P1")
    assert await life.state("2 P1") == (State.SKIPPED, "delivered_first")
    assert not any("order-shipped" in line for line in life.done())


async def test_it_is_collected(town: Town) -> None:
    """Ready for pick-up is announced; collected is delivered."""
    life = await order(town, fulfilment="pickup")
    assert await life.state("2") == (State.WAITING, "order_ready")
    await life.sleep(2 * HOUR)
    await life.news("order_ready")
    await life.sleep(3 * DAY)
    await life.news("order_picked_up")
    await life.sleep(6 * DAY)
    assert life.sent()[1:] == ["2 send ready-for-pickup", "3 send satisfaction-check"]
    assert 6 <= life.days("send satisfaction-check") < 8


@pytest.mark.parametrize("fulfilment", ["digital", "service"])
@pytest.mark.parametrize("given", [True, False])
async def test_nothing_to_ship(town: Town, fulfilment: str, given: bool) -> None:
    """Access that was given is its delivery, else its confirmation."""
    life = await order(town, fulfilment=fulfilment)
    assert await life.state("2") == (State.SKIPPED, "nothing_to_ship")
    await life.sleep(2 * DAY)
    if given:
        await life.news("account_provisioned")
    await life.sleep(6 * DAY)
    first = 5 if given else 3
    assert first <= life.days("send satisfaction-check") < first + 2


async def test_nobody_says_that_it_arrived(town: Town) -> None:
    """Some days after the estimate, which may move, a person finds out; their word counts."""
    life = await purchase(town)
    start = await life.now()
    await life.thanks(expected_at=start + 2 * DAY)
    await life.sleep(DAY)
    later = (start + 6 * DAY).isoformat()
    await life.news("order_shipped", "P1", expected=later)
    await life.sleep(7 * DAY)
    assert not town.world.tasks
    await life.sleep(DAY + HOUR)
    (task,) = town.world.tasks.values()
    assert (task.form, task.role, task.clause) == (Form.ARRIVAL, Role.CSR, "3")
    await life.sleep(DAY)
    await life.do("3", arrived=True)
    await life.sleep(5 * DAY)
    assert "3 send satisfaction-check" in life.done()
    assert life.days("send satisfaction-check") in (13, 14)


async def test_it_comes_while_somebody_looks_for_it(town: Town) -> None:
    """Then nobody needs to look."""
    life = await order(town)
    await life.sleep(11 * DAY)
    assert len(town.world.tasks) == 1
    await life.news("order_delivered")
    assert "back heard" in life.done()
    await life.sleep(5 * DAY)
    assert "3 send satisfaction-check" in life.done()


@pytest.mark.parametrize("looked", [True, False])
async def test_it_never_arrives(town: Town, looked: bool) -> None:
    """In the end nobody is asked how they like it."""
    life = await order(town)
    await life.sleep(11 * DAY)
    if looked:
        await life.do("3", arrived=False)
    assert await life.end() is Outcome.COMPLETED
    assert await life.state("3") == (State.SKIPPED, "never_delivered")
    assert await life.state("5") == (State.SKIPPED, "not_asked")
    assert await life.state("2") == (State.SKIPPED, "never_shipped")
    assert life.days("close completed") == 60
    assert ("back never_delivered" in life.done()) is not looked


@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_is_returned_is_not_asked_about(town: Town, when: str) -> None:
    """Whether it had arrived or not; of a part, nothing ends."""
    life = await order(town)
    await life.sleep(DAY)
    if when == "after":
        await life.news("order_delivered")
    await life.news("order_returned", partial=True)
    await life.sleep(DAY)
    await life.news("order_returned")
    await life.end()
    assert await life.state("3") == (State.SKIPPED, "returned")
    assert await life.state("6") == (State.SKIPPED, "returned")
    assert life.sent() == ["1 send thank-you"]


async def test_two_orders_are_two_lives(town: Town) -> None:
    """What happens to one is none of the other's business."""
    one, other = await order(town), await order(town)
    await one.say("order_delivered", {"order_id": other.order})
    await one.say("order_returned", {"order_id": other.order})
    await one.news("order_shipped")
    assert await one.state("2") == (State.DONE, "")
    assert (await one.state("1"))[0] is State.NEXT
    await one.sleep(6 * DAY)
    assert not any("satisfaction" in line for line in one.done())


async def test_a_question_stands_here_until_it_is_answered(town: Town) -> None:
    """With its 24 hours; once, whoever asks again."""
    life = await delivered(town)
    asked = await life.now()
    for number in (1, 2):
        body = {"id": f"e{number}", "case_id": "case_q", "at": asked.isoformat()}
        await life.say("inquiry", body)
    await life.sleep(MINUTE)
    assert await life.state("4 case_q") == (State.WAITING, "case")
    (mark,) = [m for m in town.world.marks if m.about == "case_q"]
    assert mark.due == asked + DAY
    await life.say("inquiry_answered", {"case_id": "case_of_somebody_else"})
    await life.sleep(HOUR)
    assert (await life.state("4 case_q"))[0] is State.WAITING
    await life.say("inquiry_answered", {"case_id": "case_q"})
    await life.sleep(MINUTE)
    assert await life.state("4 case_q") == (State.DONE, "")


async def test_what_answers_another_follow_up_is_not_shown_here(town: Town) -> None:
    """Nor what is about another order."""
    life = await delivered(town)
    await life.say("responded", {"case_id": "case_1", "to": "online-customer.x/check-in"})
    await life.say("responded", {"case_id": "case_2", "order_id": "another"})
    await life.say("complaint", {"case_id": "case_3", "order_id": "another"})
    await life.say("responded", {"case_id": "case_4", "to": f"{life.handle.id}/thank-you"})
    await life.sleep(MINUTE)
    assert [name for name in await life.lines() if name.startswith("4")] == ["4 case_4"]
    await life.say("inquiry_answered")
    await life.sleep(MINUTE)
    assert await life.state("4 case_4") == (State.DONE, "")


async def test_a_complaint_holds_the_question_back(town: Town) -> None:
    """And it stands here until it is closed; nobody is asked how they like it meanwhile."""
    life = await delivered(town)
    await life.complain("case_c")
    await life.sleep(6 * DAY)
    assert await life.state("4 case_c") == (State.WAITING, "case")
    assert (await life.state("3"))[0] is State.HELD
    await life.resolve("case_c")
    await life.sleep(HOUR)
    assert await life.state("4 case_c") == (State.DONE, "")
    assert "3 send satisfaction-check" in life.done()


async def test_feedback_that_opened_a_case_is_not_thanked_for(town: Town) -> None:
    """A person answers."""
    life = await delivered(town)
    await life.say("feedback", {"feedback_id": "fb_1", "opened_case": True, "case_id": "case_x"})
    await life.say("feedback", {"feedback_id": "fb_2", "order_id": "another"})
    await life.sleep(MINUTE)
    assert await life.state("5 fb_1") == (State.SKIPPED, "case")
    assert not any("feedback-thanks" in line for line in life.done())


async def test_feedback_is_thanked_for_once(town: Town) -> None:
    """Whichever procedures hear of it: what it asks names it, and its order."""
    life = await delivered(town)
    await life.say("feedback", {"feedback_id": "fb_1", "order_id": life.order})
    await life.sleep(MINUTE)
    message = town.world.messages[f"{life.handle.id}/feedback-thanks/fb_1"]
    assert (message.asks, message.order_id) == ("thanks-for-fb_1", life.order)


async def test_an_opt_out_leaves_the_parcels(town: Town) -> None:
    """What they must have still goes; nothing else does."""
    life = await order(town)
    town.world.opt_out(life.name, "all", await life.now())
    await life.say("opted_out", {"topic": "all"})
    await life.sleep(2 * HOUR)
    await life.news("order_shipped", "P1", complete=False)
    await life.sleep(2 * DAY)
    await life.news("order_shipped", "P2")
    assert life.sent() == ["2 send order-shipped P1", "2 send order-shipped P2"]
    assert await life.state("1") == (State.SKIPPED, "opted out")


async def test_it_is_ended(town: Town) -> None:
    """Cancelled: the desk says so, whatever is being waited for."""
    life = await order(town)
    await life.say("end")
    assert await life.end() is Outcome.ENDED
    assert life.done()[-1] == "close ended"
    assert (await life.state("2"))[0] is State.SKIPPED


async def test_the_shop_ships_by_itself(town: Town) -> None:
    """Then nothing is sent, and it counts as unproven until its evidence comes."""
    life = await order(town, {"elsewhere": ("2",)})
    await life.news("order_shipped", "P1")
    assert await life.state("2 P1") == (State.ELSEWHERE, "unproven")
    assert not any("order-shipped" in line for line in life.done())


async def test_the_years_begin_with_the_first_purchase(town: Town) -> None:
    """Which may have been another order."""
    life = await purchase(town)
    first = await life.now() - 400 * DAY
    await life.thanks({"patience": timedelta()}, fulfilment="digital", first_bought_at=first)
    await life.end()
    (rhythm,) = town.world.touching[life.name].rhythms
    assert (rhythm.name, rhythm.clause, rhythm.since) == ("anniversary", "6", first)


async def test_what_cannot_go_by_itself_is_settled(town: Town) -> None:
    """An important customer hears from a person."""
    life = await purchase(town)
    town.world.important.add(life.name)
    await life.thanks({"note": False})
    await life.sleep(2 * HOUR)
    assert Refused(reason="vip") in town.world.ledger.values()
    await life.do("1", draft_id="draft_1")
    assert life.done()[-1] == "1 send thank-you"
