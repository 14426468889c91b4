"""The gate: each cell of the truth table, then when, then why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.crm import ledger
from activities.crm.house import HouseRules
from activities.crm.store import Store
from activities.crm.tables import Customer, PolicyVersion, Stop, Suppression, new_id
from activities.gate import admit_task
from tests.activities.sending import EVENING, SHEETS, House, key_of, message, reply
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, an_order
from workflows import vocabulary as v
from workflows.vocabulary import Kind, Remainder, Role, State

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TRANSACTIONAL, RELATIONSHIP, MARKETING = "notice", "guide", "offer"
ALL = (TRANSACTIONAL, RELATIONSHIP, MARKETING)


@pytest.fixture
def house(store: Store, clock: FakeClock) -> House:
    return House(store, clock)


async def somebody(house: House, **fields: Any) -> Customer:
    """A customer who agreed to marketing, with a follow-up."""
    consents = fields.pop("consents", {"email_marketing": True, "sms_marketing": True})
    customer = await a_customer(house.store, **fields)
    await an_enrolment(house.store, customer.id)
    await house.say(customer.id, NOON - DAY, **consents)
    return customer


async def rules(house: House, **changes: Any) -> None:
    body = HouseRules(**changes).model_dump(mode="json", include=set(changes))
    fields = {"version": 1, "body": body, "at": NOON, "approved_by": "me"}
    await house.add(PolicyVersion(id=new_id("pol"), name="house", **fields))


def said(answer: v.Answer) -> str:
    """An answer as the truth table writes it."""
    match answer:
        case v.Sent():
            return "goes"
        case v.Held():
            return "waits"
        case v.Deferred():
            return "later"
        case v.Refused(reason=reason):
            return reason
        case _:
            return answer.answer


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
    from activities.crm.tables import Draft  # noqa: PLC0415

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
    house.email.next = ["bad"]
    assert said(await house.send(customer.id, "check-in")) == "bad_address"
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


# -- when ------------------------------------------------------------------------------


async def test_in_the_evening_it_waits_for_the_customers_morning(house: House) -> None:
    """In New York it is still afternoon; in London everybody's doors open a little apart."""
    house.clock.set(EVENING)
    away = await somebody(house, time_zone="America/New_York")
    assert said(await house.send(away.id, "guide")) == "goes"
    moments = set()
    for _ in range(5):
        here = await somebody(house)
        answer = await house.send(here.id, "guide")
        assert isinstance(answer, v.Deferred)
        morning = NOON.replace(day=24, hour=9)
        assert morning <= answer.until <= morning + timedelta(minutes=30)
        assert await house.send(here.id, "guide") == answer  # it stays promised
        moments.add(answer.until)
    assert len(moments) == 5


async def test_one_unsolicited_message_a_day(house: House) -> None:
    """The second is promised the next day; an order's message takes no place and needs none."""
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    house.clock.advance(hours=3)
    assert said(await house.send(customer.id, "notice")) == "goes"
    assert await house.send(customer.id, "tips") == v.Deferred(until=NOON + DAY)
    assert await house.send(customer.id, "offer") == v.Deferred(until=NOON + 2 * DAY)
    house.clock.set(NOON + DAY)
    assert said(await house.send(customer.id, "tips")) == "goes"
    house.clock.set(NOON + 2 * DAY)
    assert said(await house.send(customer.id, "offer")) == "goes"


async def test_the_cap_counts_per_address_too(house: House) -> None:
    """Two customers, one mailbox: it hears once a day."""
    one = await somebody(house, email="both@example.com", phone=None)
    two = await somebody(house, email="both@example.com", phone=None)
    await house.send(one.id, "guide")
    assert await house.send(two.id, "guide") == v.Deferred(until=NOON + DAY)


async def test_a_promise_is_kept_against_later_ones(house: House) -> None:
    """What was promised Tuesday goes on Tuesday, although another got Wednesday meanwhile."""
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    assert await house.send(customer.id, "tips") == v.Deferred(until=NOON + DAY)
    assert await house.send(customer.id, "offer") == v.Deferred(until=NOON + 2 * DAY)
    late = NOON + DAY + 5 * HOUR  # the worker was away
    house.clock.set(late)
    assert said(await house.send(customer.id, "tips")) == "goes"
    house.clock.set(NOON + 2 * DAY)
    assert await house.send(customer.id, "offer") == v.Deferred(until=late + DAY)
    assert (await house.row(key_of(customer.id, "offer"))).deferrals == 2


async def test_who_must_move_on_moves_behind_all_at_once(house: House) -> None:
    """Put off past the next one's moment it would have to yield to that, too: it goes behind it."""
    customer = await somebody(house)
    for step, moment in (("late", NOON - HOUR), ("tips", NOON), ("next", NOON + 22 * HOUR)):
        async with house.store.transaction() as session:
            owed = message(customer.id, step)
            row = ledger.enter(session, owed, NOON, kind="relationship", slot_at=moment)
            row.state, row.sent_at = ("sent", moment) if step == "late" else ("reserved", None)
    assert await house.send(customer.id, "tips") == v.Deferred(until=NOON + 46 * HOUR)


async def test_what_is_withdrawn_gives_its_place_back(house: House) -> None:
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    await house.send(customer.id, "tips")
    key = key_of(customer.id, "tips")
    step = v.Withdrawal(key=key, customer_id=customer.id, reason="answered")
    async with house.store.transaction() as session:
        assert await ledger.withdraw(session, step, NOON) == v.Refused(reason="answered")
    assert await house.send(customer.id, "offer") == v.Deferred(until=NOON + DAY)
    assert await house.send(customer.id, "tips") == v.Refused(reason="answered")


async def test_a_held_message_promises_nothing(house: House) -> None:
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    await house.send(customer.id, "tips")
    await house.hold(customer.id, hold_id="hold_1")
    assert await house.send(customer.id, "tips") == v.Held(holds=("hold_1",))
    assert (await house.row(key_of(customer.id, "tips"))).slot_at is None


@pytest.mark.parametrize(
    ("latest", "reason"), [(-HOUR, "stale"), (timedelta(), "stale"), (20 * HOUR, "cap")]
)
async def test_past_its_latest_moment_it_is_refused_now(
    house: House, latest: timedelta, reason: str
) -> None:
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    moment = NOON + latest
    assert await house.send(customer.id, "tips", latest=moment) == v.Refused(reason=reason)
    assert await house.send(customer.id, "tips") == v.Refused(reason=reason)  # for good


async def test_no_slot_before_its_latest_moment(house: House) -> None:
    customer = await somebody(house)
    house.clock.set(EVENING)
    answer = await house.send(customer.id, "tips", latest=EVENING + HOUR)
    assert answer == v.Refused(reason="quiet_hours")


async def test_a_promise_to_the_customer_beats_the_cap(house: House) -> None:
    """It takes the last open moment before the promise, and then it goes, cap or no cap."""
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    promise = NOON + 10 * HOUR
    answer = await house.send(customer.id, "survey", promise=promise)
    assert answer == v.Deferred(until=NOON.replace(hour=19, minute=59))
    house.clock.set(answer.until + timedelta(minutes=4))
    assert said(await house.send(customer.id, "survey", promise=promise)) == "goes"


async def test_a_promise_beats_the_night_when_no_open_hour_is_left(house: House) -> None:
    customer = await somebody(house)
    house.clock.set(EVENING)
    promise = EVENING + 3 * HOUR
    assert said(await house.send(customer.id, "guide", promise=promise)) == "goes"


async def test_a_broken_promise_beats_nothing_and_no_promise_beats_for_marketing(
    house: House,
) -> None:
    customer = await somebody(house)
    house.clock.set(EVENING)
    assert said(await house.send(customer.id, "guide", promise=EVENING)) == "later"
    assert said(await house.send(customer.id, "offer", promise=EVENING + HOUR)) == "later"


async def test_an_early_slot_needs_no_promise(house: House) -> None:
    """If hours and cap allow a moment before the promise, that one is taken."""
    customer = await somebody(house)
    await house.send(customer.id, "guide")
    answer = await house.send(customer.id, "tips", promise=NOON + 2 * DAY)
    assert answer == v.Deferred(until=NOON + DAY)


# -- why -----------------------------------------------------------------------------------


async def test_every_answer_is_recorded_with_its_facts(house: House) -> None:
    """The same answer on the same facts is written once, however often it is asked."""
    customer = await somebody(house)
    await house.hold(customer.id, hold_id="hold_1")
    for _ in range(3):
        await house.send(customer.id, "guide", due=NOON)
    (held,) = await house.decisions(key_of(customer.id, "guide"))
    assert (held.outcome, held.reason, held.clause) == ("held", "hold_1", "5.2.1")
    assert held.facts["consents"] == {"email_marketing": True, "sms_marketing": True}
    line = await house.milestone(customer.id, "5.2.1")
    assert (line.state, line.reason) == ("held", "hold_1")


async def test_the_checklist_follows(house: House) -> None:
    """Deferred is next, with its moment; refused is skipped, with its reason; sent is done."""
    customer = await somebody(house)
    await house.send(customer.id, "guide", clause="5.1", due=NOON - HOUR)
    done = await house.milestone(customer.id, "5.1")
    assert (done.state, done.done_at, done.late_by_seconds) == ("done", NOON, 3600)
    await house.send(customer.id, "tips", clause="5.2")
    next_ = await house.milestone(customer.id, "5.2")
    assert (next_.state, next_.due_at) == (State.NEXT, NOON + DAY)
    await house.say(customer.id, topic_offers=False)
    await house.send(customer.id, "offer", clause="5.3", about="summer")
    skipped = await house.milestone(customer.id, "5.3", "summer")
    assert (skipped.state, skipped.reason) == ("skipped", "opted_out")
    outcomes = [row.outcome for row in await house.decisions(key_of(customer.id, "guide"))]
    assert outcomes == ["allowed", "sent"]


# -- tasks, and what is left ------------------------------------------------------------------


def a_task(customer: str, template: str, **fields: Any) -> v.Task:
    follow_up = f"online-customer.{customer}"
    known = {"key": f"{follow_up}/call", "customer_id": customer, "follow_up": follow_up}
    return v.Task(**known, role=Role.SALES, what="call", template=template, **fields)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, None),
        ({"tier": "vip"}, None),
        ({"email": None}, None),
        ({"sensitive": True}, "sensitive"),
        ({"consents": {}}, "no_consent"),
        ({"email": None, "phone": None}, "no_address"),
    ],
)
async def test_a_task_that_contacts_the_customer_passes_the_gate(
    house: House, facts: dict[str, Any], expected: str | None
) -> None:
    """By day or night, but not against what the customer allows."""
    house.clock.set(EVENING)
    customer = await somebody(house, **facts)
    async with house.store.transaction() as session:
        task = a_task(customer.id, "sales-outreach")
        answer = await admit_task(session, task, EVENING, HouseRules())
    assert (said(answer) if answer else None) == expected


async def test_a_task_waits_for_holds_and_stops_and_not_for_nothing(house: House) -> None:
    customer = await somebody(house)
    await house.hold(customer.id, hold_id="hold_1")
    await house.add(Stop(id="stop_1", template="sales-outreach", reason="no", at=NOON))
    task = a_task(customer.id, "sales-outreach")
    async with house.store.transaction() as session:
        held = await admit_task(session, task, NOON, HouseRules())
        inside = task.model_copy(update={"template": ""})
        assert await admit_task(session, inside, NOON, HouseRules()) is None
        late = task.model_copy(update={"latest": NOON})
        assert await admit_task(session, late, NOON, HouseRules()) == v.Refused(reason="stale")
    assert held == v.Held(holds=("stop_1", "hold_1"))


@pytest.mark.parametrize(
    ("says", "templates", "expected"),
    [
        ({}, ("guide", "offer"), True),
        ({}, (), False),
        ({"all": False}, ("guide", "offer"), False),
        ({"all": False}, ("guide", "notice"), True),
        ({"topic_offers": False}, ("offer", "upgrade"), False),
        ({"topic_offers": False}, ("offer", "guide"), True),
        ({"email_marketing": False}, ("upgrade",), False),
        ({"email_marketing": False}, ("offer",), True),  # by SMS it may
    ],
)
async def test_whether_anything_is_left_that_may_be_sent(
    house: House, says: dict[str, bool], templates: tuple[str, ...], expected: bool
) -> None:
    """What waits for a hold, a person or an address may still be sent; what was refused may not."""
    customer = await somebody(house, tier="vip")
    await house.hold(customer.id)
    await house.say(customer.id, **says)
    rest = Remainder(customer_id=customer.id, follow_up="f", templates=templates)
    assert await house.messaging.anything_left(rest) is expected


async def test_the_gate_asks_the_template_for_its_kind(house: House) -> None:
    """A template that became marketing since the follow-up began is treated as marketing."""
    customer = await somebody(house, consents={})
    asked = message(customer.id, "offer", kind=Kind.TRANSACTIONAL)
    assert SHEETS["offer"].kind is Kind.MARKETING
    assert said(await house.messaging.send(asked)) == "no_consent"
