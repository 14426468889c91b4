"""The gate: each cell of the truth table; what was asked already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.crm.house import HouseRules
from activities.crm.store import Store
from activities.crm.tables import Case, Draft, PolicyVersion, Stop, Suppression, new_id
from tests.activities.sending import EVENING, House, key_of, reply, said, somebody
from tests.factories import NOON, FakeClock, an_order
from workflows import vocabulary as v

HOUR = timedelta(hours=1)
TRANSACTIONAL, RELATIONSHIP, MARKETING = "notice", "guide", "offer"
ALL = (TRANSACTIONAL, RELATIONSHIP, MARKETING)


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


async def rules(house: House, **changes: Any) -> None:
    body = HouseRules(**changes).model_dump(mode="json", include=set(changes))
    fields = {"version": 1, "body": body, "at": NOON, "approved_by": "me"}
    await house.add(PolicyVersion(id=new_id("pol"), name="house", **fields))


# -- the truth table ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "answers"),
    [
        ({}, ("goes", "goes", "goes")),
        ({"hold": "complaint"}, ("goes", "waits", "waits")),
        ({"hold": "manual"}, ("goes", "waits", "waits")),
        ({"sensitive": True}, ("sensitive", "sensitive", "sensitive")),
        ({"tier": "vip"}, ("goes", "vip", "vip")),
        ({"tier": "premium"}, ("goes", "goes", "goes")),
        ({"says": {"email": False, "sms": False}}, ("goes", "unsubscribed", "unsubscribed")),
        ({"says": {"all": False}}, ("goes", "opted_out", "opted_out")),
        ({"says": {"topic_tips": False}}, ("goes", "opted_out", "goes")),
        ({"says": {"topic_offers": False}}, ("goes", "goes", "opted_out")),
        ({"says": {"topic_marketing": False}}, ("goes", "goes", "opted_out")),
        ({"says": {"relationship": False}}, ("goes", "opted_out", "goes")),
        (
            {"says": {"email_marketing": False, "sms_marketing": False}},
            ("goes", "goes", "opted_out"),
        ),
        ({"consents": {}}, ("goes", "goes", "no_consent")),
        ({"consents": {}, "country": "DE"}, ("goes", "no_consent", "no_consent")),
        (
            {"consents": {"relationship": True}, "country": "DE"},
            ("goes", "goes", "no_consent"),
        ),
        ({"suppressed": True}, ("suppressed", "suppressed", "suppressed")),
        ({"email": None, "phone": None}, ("no_address", "no_address", "no_address")),
        ({"erased_at": NOON}, ("erased", "erased", "erased")),
        ({"evening": True}, ("goes", "later", "later")),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, dict) else None,
)
async def test_the_truth_table(
    house: House, facts: dict[str, Any], answers: tuple[str, str, str]
) -> None:
    """What is true of a customer decides by the kind of message, and by nothing else."""
    await rules(house, relationship_needs_consent=("DE",))
    facts = dict(facts)
    kind, says = facts.pop("hold", None), facts.pop("says", {})
    suppressed, evening = facts.pop("suppressed", False), facts.pop("evening", False)
    if evening:
        house.clock.set(EVENING)
    for template, expected in zip(ALL, answers, strict=True):
        customer = await somebody(house, **facts)
        await house.say(customer.id, **says)
        if kind:
            await house.hold(customer.id, kind=kind)
        if suppressed:
            await house.add(Suppression(address=customer.email, reason="bounced", at=NOON))
            if template == TRANSACTIONAL:  # two customers may have one telephone
                await house.add(Suppression(address=customer.phone, reason="bounced", at=NOON))
        assert said(await house.send(customer.id, template)) == expected, template
    assert len(house.email.taken) + len(house.sms.taken) == answers.count("goes")


async def test_what_law_requires_reaches_a_sensitive_customer(house: House) -> None:
    customer = await somebody(house, sensitive=True)
    assert said(await house.send(customer.id, "welcome")) == "goes"


async def test_an_important_customer_gets_what_a_person_wrote(house: House) -> None:
    """Refused as it stands; under the same key it goes once a person has written it."""
    customer = await somebody(house, tier="vip")
    assert said(await house.send(customer.id, "guide")) == "vip"
    fields = {"subject": "Hello", "body": "In person", "edited": True, "created_at": NOON}
    await house.add(Draft(id="draft_1", customer_id=customer.id, **fields))
    assert said(await house.send(customer.id, "guide", draft_id="draft_1")) == "goes"
    assert house.email.taken[0][1].text == "In person"


async def test_stop_ends_sms_of_every_kind(house: House) -> None:
    """After STOP not even an order's message goes by SMS; by e-mail it does."""
    customer = await somebody(house, preferred_channel="sms")
    await house.say(customer.id, sms=False)
    assert said(await house.send(customer.id, "notice")) == "goes"
    assert house.email.took()
    other = await somebody(house, email=None, phone="+442079460001")
    await house.say(other.id, sms=False)
    assert said(await house.send(other.id, "notice")) == "stopped"
    assert not house.sms.taken


async def test_one_click_refuses_that_channel_only(house: House) -> None:
    """Who unsubscribed by e-mail still hears by SMS, where the template offers it."""
    customer = await somebody(house)
    await house.say(customer.id, email=False)
    assert said(await house.send(customer.id, "guide")) == "goes"
    assert house.sms.took() == [key_of(customer.id, "guide")]
    assert said(await house.send(customer.id, "upgrade")) == "unsubscribed"


async def test_an_opt_out_counts_for_all_at_that_address(house: House) -> None:
    """Who shares a mailbox shares the opt-out; who shares a telephone, only that of its SMS."""
    ours = {"email": "both@example.com", "phone": "+447700900123"}
    one = await somebody(house, **ours)
    other = await somebody(house, **ours)
    await house.say(one.id, topic_tips=False, sms=False)
    assert said(await house.send(other.id, RELATIONSHIP)) == "opted_out"
    third = await somebody(house, email="own@example.com", phone=ours["phone"])
    assert said(await house.send(third.id, RELATIONSHIP)) == "goes"
    fourth = await somebody(house, email=None, phone=ours["phone"])
    assert said(await house.send(fourth.id, RELATIONSHIP)) == "stopped"


async def test_the_latest_word_counts(house: House) -> None:
    customer = await somebody(house)
    await house.say(customer.id, NOON - 2 * HOUR, all=False)
    await house.say(customer.id, NOON - HOUR, all=True)
    assert said(await house.send(customer.id, "guide")) == "goes"


async def test_marketing_consent_is_per_channel(house: House) -> None:
    """Consent for SMS is none for e-mail."""
    customer = await somebody(house, consents={"sms_marketing": True})
    assert said(await house.send(customer.id, "offer")) == "goes"
    assert house.sms.took()
    assert said(await house.send(customer.id, "upgrade")) == "no_consent"


@pytest.mark.parametrize(
    ("preferred", "email", "phone", "channel"),
    [
        (None, "a@example.com", "+442079460002", "email"),
        ("sms", "a@example.com", "+442079460002", "sms"),
        ("phone", "a@example.com", "+442079460002", "email"),
        ("letter", "a@example.com", "+442079460002", "email"),
        ("email", None, "+442079460002", "sms"),
        ("sms", "a@example.com", None, "email"),
    ],
)
async def test_the_channel_they_prefer(
    house: House, preferred: str | None, email: str | None, phone: str | None, channel: str
) -> None:
    """The preferred channel among those that are possible; e-mail before SMS."""
    customer = await somebody(house, preferred_channel=preferred, email=email, phone=phone)
    await house.send(customer.id, "guide")
    assert (await house.row(key_of(customer.id, "guide"))).channel == channel


async def test_the_stop_button_holds_everything_that_matches(house: House) -> None:
    """Even an order's message waits; the answer names the button."""
    customer = await somebody(house)
    await house.add(
        Stop(id="stop_1", template="notice", reason="wrong price", at=NOON),
        Stop(id="stop_2", sop="order-thanks", reason="wrong tone", at=NOON),
        Stop(id="stop_3", channel="sms", reason="too dear", at=NOON),
        Stop(id="stop_4", template="guide", reason="old", at=NOON, lifted_at=NOON),
    )
    assert await house.send(customer.id, "notice") == v.Held(holds=("stop_1",))
    assert said(await house.send(customer.id, "guide")) == "goes"
    thanks = {"follow_up": f"order-thanks.{customer.id}"}
    assert await house.send(customer.id, "welcome", **thanks) == v.Held(holds=("stop_2",))
    await house.add(Stop(id="stop_0", reason="all", at=NOON - HOUR))
    hold = await house.hold(customer.id)
    late = await house.send(customer.id, "tips")
    assert late == v.Held(holds=("stop_0", hold))


async def test_a_hold_of_another_follow_up_holds_nothing(house: House) -> None:
    customer = await somebody(house)
    await house.hold(customer.id, follow_up=f"order-thanks.{customer.id}")
    assert said(await house.send(customer.id, "guide")) == "goes"


async def test_an_unknown_customer_is_refused(house: House) -> None:
    assert said(await house.send("cus_nobody", "welcome")) == "no_customer"


# -- reminders, and what was asked already ------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "named", "expected"),
    [(1, True, "answered"), (1, False, "answered"), (-1, False, "goes"), (-1, True, "answered")],
)
async def test_a_reminder_of_what_was_answered_is_refused(
    house: House, hours: int, named: bool, expected: str
) -> None:
    """A reply that names the message counts always; one that names none counts if it is later."""
    customer = await somebody(house)
    key = key_of(customer.id, "check-in")
    await house.send(customer.id, "check-in")
    await house.add(reply(customer.id, NOON + hours * HOUR, key if named else None))
    house.clock.advance(days=3)
    assert said(await house.send(customer.id, "reminder", reminds=key)) == expected


async def test_a_reply_to_something_else_stops_no_reminder(house: House) -> None:
    customer = await somebody(house)
    await house.send(customer.id, "check-in")
    await house.add(reply(customer.id, NOON + HOUR, key_of(customer.id, "guide")))
    house.clock.advance(days=3)
    key = key_of(customer.id, "check-in")
    assert said(await house.send(customer.id, "reminder", reminds=key)) == "goes"


async def test_one_open_question_of_a_sort_per_order(house: House) -> None:
    """The second names the first, whose replies count for both; another order asks anew."""
    customer = await somebody(house)
    one, two = [await an_order(house.store, customer.id) for _ in range(2)]
    await house.send(customer.id, "check-in", order_id=one.id)
    house.clock.advance(days=2)
    covered = await house.send(customer.id, "survey", order_id=one.id)
    assert covered == v.Covered(key=key_of(customer.id, "check-in"), at=NOON)
    assert await house.send(customer.id, "survey", order_id=one.id) == covered
    again = {"order_id": two.id, "step": "survey-2"}
    assert said(await house.send(customer.id, "survey", **again)) == "goes"
    line = await house.milestone(customer.id, "5.2.1")
    assert line.message_key == key_of(customer.id, "survey-2")


async def test_a_refused_question_is_free_again(house: House) -> None:
    customer = await somebody(house)
    house.email.next, house.sms.next = ["bad"], ["refused"]
    assert said(await house.send(customer.id, "check-in")) == "undeliverable"
    assert said(await house.send(customer.id, "survey")) == "goes"


async def test_a_question_of_no_order_is_asked_again_after_half_a_year(house: House) -> None:
    customer = await somebody(house)
    await house.send(customer.id, "check-in")
    house.clock.advance(days=179)
    assert said(await house.send(customer.id, "survey")) == "covered"
    house.clock.advance(days=2)
    assert said(await house.send(customer.id, "survey", step="survey-2")) == "goes"


async def test_a_review_is_asked_once_in_half_a_year(house: House) -> None:
    """Whatever was ordered since."""
    customer = await somebody(house)
    orders = [await an_order(house.store, customer.id) for _ in range(3)]
    assert said(await house.send(customer.id, "review", order_id=orders[0].id)) == "goes"
    house.clock.advance(days=100)
    second = {"order_id": orders[1].id, "step": "second"}
    assert said(await house.send(customer.id, "review", **second)) == "asked_recently"
    house.clock.advance(days=81)
    third = {"order_id": orders[2].id, "step": "third"}
    assert said(await house.send(customer.id, "review", **third)) == "goes"


async def test_a_reminder_is_not_covered_by_what_it_reminds_of(house: House) -> None:
    customer = await somebody(house)
    await house.send(customer.id, "check-in")
    house.clock.advance(days=3)
    reminds = key_of(customer.id, "check-in")
    assert said(await house.send(customer.id, "survey", reminds=reminds)) == "goes"


async def test_no_review_while_a_question_is_open(house: House) -> None:
    """Who waits for our answer is asked for praise once they have it; all else goes meanwhile."""
    customer = await somebody(house)
    case = Case(id="case_1", key="k", customer_id=customer.id, kind="inquiry", opened_at=NOON)
    await house.add(case)
    assert await house.send(customer.id, "review") == v.Held(holds=("case_1",))
    assert said(await house.send(customer.id, "guide")) == "goes"
    async with house.store.transaction() as session:
        (await session.get_one(Case, "case_1")).closed_at = NOON
    house.clock.advance(days=1)
    assert said(await house.send(customer.id, "review")) == "goes"
