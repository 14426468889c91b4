"""What each clause of the SOP implies, played in simulated time."""

from datetime import timedelta

import pytest

from tests.workflows.lives import DAY, HOUR, Town
from workflows.vocabulary import Covered, Engagement, Outcome, Sent, State

# -- 5.1 ---------------------------------------------------------------------------------


async def test_access_that_comes_in_time_goes_with_the_welcome(town: Town) -> None:
    """The welcome waits a little for it, and no second message goes."""
    life = await town.customer(needs_access=True)
    await life.sleep(5 * timedelta(minutes=1))
    assert life.done() == []
    await life.say("account_provisioned")
    await life.sleep(HOUR)
    assert life.at("send welcome") == timedelta(minutes=5)
    assert life.done() == ["5.1.1 send welcome"]


async def test_access_that_comes_late_has_a_message_of_its_own(town: Town) -> None:
    """After a quarter of an hour the welcome goes without it."""
    life = await town.customer(needs_access=True)
    await life.sleep(HOUR)
    assert life.at("send welcome") == timedelta(minutes=15)
    line = (await life.lines())["5.1.2"]
    assert (line.state, line.reason) == (State.WAITING, "account_provisioned")
    for _ in range(2):
        await life.say("account_provisioned")
    await life.sleep(HOUR)
    assert life.done() == ["5.1.1 send welcome", "5.1.2 send access"]


async def test_access_is_owed_even_after_an_opt_out(town: Town) -> None:
    """A follow-up that may only send the access still waits to send it."""
    life = await town.customer(needs_access=True)
    await life.sleep(HOUR)
    town.world.opt_out(life.name, "all", await life.now())
    await life.say("opted_out")
    await life.sleep(HOUR)
    await life.say("account_provisioned")
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.1.2 send access"


@pytest.mark.parametrize("why", ["no_address", "suppressed", "stopped"])
async def test_nobody_to_write_to(town: Town, why: str) -> None:
    """A person is to find a way, and the guide's window counts from the purchase."""
    life = town.newcomer()
    town.world.unreachable[life.name] = why
    await life.start()
    await life.sleep(HOUR)
    ask = "5.1.1 ask customer-excellence-officer to find a way to reach this customer"
    assert life.done() == [ask]
    town.world.unreachable.clear()
    await life.say("task_done")
    await life.sleep(2 * DAY)
    assert (await life.lines())["5.1.1"].state is State.DONE
    assert life.at("send getting-started") == 24 * HOUR


async def test_a_bounced_welcome_starts_no_clock(town: Town) -> None:
    """The clerk is told what the window counts from, and what else it may count from."""
    life = town.newcomer()
    town.world.bounced.add(f"online-customer.{life.name}/welcome")
    await life.start(needs_access=True, policy={"guide": {"after": "PT1H", "before": "PT4H"}})
    await life.sleep(2 * HOUR)
    milestone = next(m for m in town.world.planned[life.name] if m.clause == "5.2.1")
    assert milestone.otherwise == life.began + HOUR
    assert life.at("send getting-started") == HOUR


# -- 5.3 ---------------------------------------------------------------------------------


async def test_engaged_and_unknown_customers_are_not_missed(town: Town) -> None:
    """Only low sends; unknown is recorded as what it is."""
    for level, reason in (
        (Engagement.NORMAL, "engaged"),
        (Engagement.UNKNOWN, "no_engagement_data"),
    ):
        life = town.newcomer()
        town.world.engaged[life.name] = level
        await life.start()
        await life.sleep(8 * DAY)
        assert life.done()[-1] == f"5.3.2 skip {reason}"


@pytest.mark.plays("online-customer", "5.3.3")
async def test_low_engagement_and_issues_are_answered_once(town: Town) -> None:
    """One message in a spell of silence, one tip for an issue."""
    life = town.newcomer()
    town.world.engaged[life.name] = Engagement.NORMAL
    await life.start()
    await life.sleep(8 * DAY)
    for _ in range(2):
        await life.say("low_engagement")
        await life.say("common_issue", {"topic": "login"})
    assert await life.end() is Outcome.COMPLETED
    assert life.done().count("5.3.2 send re-engagement") == 1
    assert life.done().count("5.3.3 send targeted-tips login") == 1


async def test_a_new_spell_after_a_sign_of_life(town: Town) -> None:
    """A reply or a new order ends a spell; the next report of low engagement begins another."""
    life = await town.customer()
    await life.sleep(7 * DAY + HOUR)
    await life.say("low_engagement")
    await life.sleep(DAY)
    await life.say("order_placed", {"order_id": "o2"})
    await life.sleep(DAY)
    await life.say("low_engagement")
    await life.sleep(2 * DAY)
    missed = [line for line in life.done() if "re-engagement" in line]
    assert missed == ["5.3.2 send re-engagement", "5.3.2 send re-engagement 2"]


async def test_activity_cancels_what_waits_to_say_that_they_are_missed(town: Town) -> None:
    """Held back by a complaint, and meanwhile the customer writes."""
    life = await town.customer()
    await life.sleep(2 * DAY)
    await life.complain("case_k1")
    await life.sleep(5 * DAY + HOUR)
    assert (await life.lines())["5.3.2"].state is State.HELD
    await life.say("responded")
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.3.2 skip active"


async def test_low_engagement_reported_before_the_week_is_over(town: Town) -> None:
    """It is not answered at once; it counts at the milestone, where nothing else is known."""
    life = town.newcomer()
    town.world.engaged[life.name] = Engagement.UNKNOWN
    await life.start()
    await life.sleep(3 * DAY)
    await life.say("low_engagement")
    await life.sleep(5 * DAY)
    assert life.at("send re-engagement") // HOUR == 7 * 24


# -- 5.4, 5.5, 5.6 -------------------------------------------------------------------------


async def test_a_question_asked_already_is_not_asked_again(town: Town) -> None:
    """Another SOP's message covers the check-in, and a reply to it answers both."""
    life = await town.customer()
    await life.sleep(13 * DAY)
    other = Covered(key="satisfaction.o1/ask", at=await life.now())
    town.world.covers[life.name] = other
    await life.sleep(DAY + HOUR)
    line = (await life.lines())["5.4.1"]
    assert (line.state, line.reason) == (State.COVERED, other.key)
    await life.say("responded", {"to": other.key})
    await life.sleep(5 * DAY)
    assert "5.4.3 send check-in-follow-up" not in life.done()


async def test_the_reminder_can_be_left_out(town: Town) -> None:
    """5.4.3 says that a follow-up can be sent; the policy may leave it out."""
    life = await town.customer(policy={"remind": False})
    await life.end()
    assert "5.4.3 skip off" in life.done()


@pytest.mark.plays("online-customer", "5.5.3")
async def test_sales_may_reach_out(town: Town) -> None:
    """A task with what to offer, for whom the policy names; others get a copy."""
    life = await town.customer(policy={"sales_outreach": True, "outreach_by": "finance-officer"})
    await life.end()
    task = next(t for t in town.world.tasks.values() if t.template == "sales-outreach")
    assert (task.role, task.copy_to, task.clause) == (
        "finance-officer",
        "finance-officer",
        "5.5.3",
    )
    assert (await life.lines())["5.5.3"].state is State.WAITING


async def test_nothing_is_sold_after_a_return(town: Town) -> None:
    """Nor is a review asked for; the customer is kept in touch with all the same."""
    life = await town.customer(order_id="o1")
    await life.sleep(DAY)
    await life.say("order_returned", {"order_id": "o1", "partial": True})
    await life.say("order_returned", {"order_id": "o2"})
    await life.sleep(9 * DAY)
    await life.say("order_returned", {"order_id": "o1"})
    await life.end()
    assert "5.5.1 skip returned" in life.done()
    assert "5.5.2 skip not_called_for" in life.done()
    assert [r.name for r in town.world.touching[life.name].rhythms] == ["loyalty-offer"]


async def test_a_return_while_the_campaign_waits(town: Town) -> None:
    """What is deferred is taken back."""
    life = await town.customer(order_id="o1")
    await life.sleep(18 * DAY + HOUR)
    await life.say("order_refunded", {"order_id": "o1"})
    await life.sleep(HOUR)
    assert "5.5.2 skip returned" in life.done()


@pytest.mark.parametrize("how", ["cancelled", "refunded", "returned"])
async def test_nobody_helps_with_what_went_back(town: Town, how: str) -> None:
    """No first steps, no being missed, no check-in: they have nothing that it could be about."""
    life = await town.customer(order_id="o1")
    await life.sleep(HOUR)
    await life.say(f"order_{how}", {"order_id": "o1"})
    await life.end()
    done = [line for line in life.done() if line.startswith("5.")]
    assert [line for line in done if " send " in line] == ["5.1.1 send welcome"]
    for clause in ("5.2.1", "5.3.2", "5.4.1"):
        assert f"{clause} skip returned" in done


async def test_what_waits_for_a_complaint_is_not_said_after_the_refund(town: Town) -> None:
    """Held while the complaint was open; it was put right by giving the money back."""
    life = await town.customer(order_id="o1")
    await life.sleep(2 * DAY)
    await life.complain("case_k1")
    await life.sleep(5 * DAY + HOUR)
    assert (await life.lines())["5.3.2"].state is State.HELD
    await life.say("order_refunded", {"order_id": "o1"})
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.3.2 skip returned"


async def test_who_bought_again_is_helped_all_the_same(town: Town) -> None:
    """One order went back, another did not."""
    life = await town.customer(order_id="o1")
    await life.sleep(2 * DAY)
    await life.say("order_returned", {"order_id": "o1"})
    await life.say("order_placed", {"order_id": "o2"})
    await life.end()
    assert "5.4.1 send check-in" in life.done()


async def test_the_years_after_are_asked_for(town: Town) -> None:
    """Loyalty counts from the purchase, the review from the delivery."""
    life = await town.customer(order_id="o1")
    await life.sleep(3 * DAY)
    delivered = await life.now()
    await life.say("order_delivered", {"order_id": "o1", "at": delivered.isoformat()})
    await life.end()
    loyalty, review = town.world.touching[life.name].rhythms
    assert (loyalty.clause, loyalty.since, loyalty.order_id) == ("5.6.2", life.began, "")
    assert (review.clause, review.since, review.order_id) == ("5.6.3", delivered, "o1")


@pytest.mark.parametrize("others", [("order-thanks", "satisfaction"), ()])
async def test_nobody_asks_for_a_review_of_what_is_on_its_way(
    town: Town, others: tuple[str, ...]
) -> None:
    """Where somebody finds out what became of the parcel; else it counts from the purchase."""
    life = await town.customer(order_id="o1", others=others)
    await life.end()
    _, review = town.world.touching[life.name].rhythms
    assert review.waits is bool(others)


async def test_signs_up_then_buys(town: Town) -> None:
    """The same follow-up: the purchase is what it is about from then on, and no second welcome."""
    life = await town.customer()
    await life.sleep(2 * DAY)
    await life.say("order_placed", {"order_id": "o1"})
    await life.end()
    assert life.done().count("5.1.1 send welcome") == 1
    assert town.world.messages[f"{life.handle.id}/check-in"].order_id == "o1"


async def test_messages_say_what_the_gate_must_know(town: Town) -> None:
    """Kind, question, reminder and both moments travel with the message."""
    life = await town.customer()
    await life.end()
    sent = {m.template: m for m in town.world.messages.values()}
    check_in, reminder = sent["check-in"], sent["check-in-follow-up"]
    assert (check_in.asks, check_in.kind, check_in.sender) == (
        "satisfaction",
        "relationship",
        "customer-excellence-officer",
    )
    assert (reminder.reminds, reminder.asks) == (check_in.key, "")
    assert sent["upgrade-your-plan"].kind == "marketing"
    guide, welcome = sent["getting-started"], town.world.ledger[sent["welcome"].key]
    assert isinstance(welcome, Sent)
    assert guide.due == welcome.at + 2 * DAY  # late only after the window's end
    assert guide.latest == life.began + 7 * DAY


async def test_without_anybody_to_plan_or_score(town: Town) -> None:
    """What is asked at once and not answered is asked again, for as long as the clause is worth
    it; what became of a clause is told until it is heard."""
    town.world.clueless = True
    life = await town.customer(policy={"remind": False})
    await life.sleep(8 * DAY)
    assert life.at("send getting-started") == 24 * HOUR  # the moment itself, as nobody plans
    assert (await life.lines())["5.3.2"].state is State.NEXT
    town.world.clueless = False
    await life.sleep(HOUR)
    assert life.done()[-1] == "5.3.2 send re-engagement"
    await life.sleep(6 * DAY)
    town.world.clueless = True
    await life.sleep(5 * DAY)
    assert (await life.lines())["5.4.3"].reason == "off"
    assert "5.4.3 skip off" not in life.done()
    town.world.clueless = False
    await life.sleep(HOUR)
    assert "5.4.3 skip off" in life.done()
    assert "5.5.2 send upgrade-your-plan" in life.done()
    assert await life.end() is Outcome.COMPLETED


async def test_nobody_ever_scores(town: Town) -> None:
    """Then the clauses that need it are passed over, and the procedure goes on."""
    town.world.clueless = True
    life = await town.customer()
    await life.sleep(30 * DAY)
    town.world.clueless = False
    assert await life.end() is Outcome.COMPLETED
    assert "5.3.2 skip no_engagement_data" in life.done()
    assert "5.5.1 skip no_engagement_data" in life.done()
    assert "5.4.1 send check-in" in life.done()
