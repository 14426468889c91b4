"""How engaged a customer is, and whether more would serve them, from what is on record."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.crm.store import Store
from activities.crm.tables import Case, Decision, Engagement, Note, new_id
from activities.insight import CrmInsight, Reading, Standing, assess, score
from tests.activities.desk_work import rows, step
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, an_order
from workflows.vocabulary import Engagement as Level
from workflows.vocabulary import Measure, Potential, Preset, Step

WEEK = NOON + timedelta(days=7)
DAY = timedelta(days=1)


async def enrolled(store: Store, clock: FakeClock, **fields: Any) -> str:
    """A customer a week after their first order, whose shop reports what people do."""
    customer = await a_customer(store, **fields)
    order = await an_order(store, customer.id)
    body = {"purchased_at": NOON.isoformat()}
    await an_enrolment(store, customer.id, order_id=order.id, input=body)
    other = await a_customer(store)
    await did(store, other.id, "login", WEEK - timedelta(hours=1))
    clock.set(WEEK)
    return customer.id


async def did(store: Store, customer: str, kind: str, at: datetime) -> None:
    async with store.transaction() as session:
        session.add(
            Engagement(
                id=new_id("eng"), customer_id=customer, kind=kind, at=at, source="x", data={}
            )
        )


async def said(store: Store, customer: str, at: datetime, feedback: str | None = None) -> None:
    async with store.transaction() as session:
        session.add(
            Note(
                id=new_id("note"),
                key=new_id("key"),
                customer_id=customer,
                at=at,
                direction="in",
                method="email",
                summary="thank you",
                feedback=feedback,
            )
        )


async def level(
    store: Store, clock: FakeClock, customer: str, preset: Preset = Preset.STANDARD
) -> Level:
    measure = Measure(**step(customer, "engagement", now=clock.now()), preset=preset)
    return await CrmInsight(store, clock).engagement(measure)


@pytest.mark.plays("online-customer", "5.3.1")
async def test_who_does_nothing_is_low(store: Store, clock: FakeClock) -> None:
    """The order that began it all is no sign of use."""
    customer = await enrolled(store, clock)
    assert await level(store, clock, customer) is Level.LOW


@pytest.mark.parametrize(
    ("activities", "expected"),
    [
        (0, {"lenient": "low", "standard": "low", "strict": "low"}),
        (1, {"lenient": "normal", "standard": "low", "strict": "low"}),
        (2, {"lenient": "normal", "standard": "normal", "strict": "low"}),
        (3, {"lenient": "normal", "standard": "normal", "strict": "normal"}),
    ],
)
async def test_the_presets_differ_in_how_little_is_low(
    store: Store, clock: FakeClock, activities: int, expected: dict[str, str]
) -> None:
    """A feature used on none, one, two or three days."""
    customer = await enrolled(store, clock)
    for n in range(activities):
        await did(store, customer, "feature_used", WEEK - (n + 1) * DAY)
    found = {p.value: (await level(store, clock, customer, p)).value for p in Preset}
    assert found == expected


async def test_what_is_long_ago_or_yet_to_come_counts_not(store: Store, clock: FakeClock) -> None:
    """Only the last days before the question."""
    customer = await enrolled(store, clock)
    for kind in ("login", "feature_used", "content_viewed"):
        await did(store, customer, kind, WEEK - 8 * DAY)
        await did(store, customer, kind, WEEK + DAY)
    assert await level(store, clock, customer) is Level.LOW


async def test_silence_of_all_sources_says_nothing(store: Store, clock: FakeClock) -> None:
    """Nothing of anybody for two days, or no source at all: unknown."""
    customer = await enrolled(store, clock)
    clock.advance(days=2)
    assert await level(store, clock, customer) is Level.UNKNOWN
    (why,) = await rows(store, Decision)
    assert (why.reason, why.facts["by"]) == ("unknown", "silence")


async def test_a_reply_counts_as_activity(store: Store, clock: FakeClock) -> None:
    """Even when no source reports anything."""
    customer = await enrolled(store, clock)
    clock.advance(days=3)
    await said(store, customer, clock.now() - DAY)
    assert await level(store, clock, customer) is Level.NORMAL


async def test_a_new_order_counts_as_activity(store: Store, clock: FakeClock) -> None:
    """The second one; an order that is only confirmed later does not count yet."""
    customer = await enrolled(store, clock)
    await an_order(store, customer, confirmed_at=WEEK + DAY)
    assert await level(store, clock, customer) is Level.LOW
    await an_order(store, customer, confirmed_at=WEEK - DAY)
    assert await level(store, clock, customer) is Level.NORMAL


async def test_the_reasons_are_on_record_without_the_person(store: Store, clock: FakeClock) -> None:
    """The same question twice is one decision; its facts are numbers and codes."""
    customer = await enrolled(store, clock)
    for _ in range(2):
        await level(store, clock, customer)
    (why,) = await rows(store, Decision)
    assert (why.outcome, why.reason) == ("engagement", "low")
    assert why.facts == {"preset": "standard", "points": 0, "by": "points"}


# -- whether more would serve them --------------------------------------------------------------


async def potential(store: Store, clock: FakeClock, customer: str) -> Potential:
    asked = Step(**step(customer, "potential", now=clock.now()))
    return await CrmInsight(store, clock).potential(asked)


async def test_who_uses_it_hears_of_add_ons(store: Store, clock: FakeClock) -> None:
    """The choice and its reasons are a decision on record."""
    customer = await enrolled(store, clock)
    for n in (1, 2):
        await did(store, customer, "feature_used", WEEK - n * DAY)
    found = await potential(store, clock, customer)
    assert found == Potential(campaign="discover-add-ons", reasons=("in_use",))
    (why,) = await rows(store, Decision)
    assert (why.outcome, why.reason) == ("potential", "discover-add-ons")
    assert (why.facts["spent"], why.facts["orders"]) == ("49.00", 1)


async def test_the_house_says_what_much_is(store: Store, clock: FakeClock) -> None:
    """Who spent more than that is of high potential."""
    customer = await enrolled(store, clock)
    await an_order(store, customer, total="451.00", confirmed_at=WEEK - DAY)
    found = await potential(store, clock, customer)
    assert found.high
    assert found.reasons == ("in_use", "high_spend")


async def test_an_open_case_forbids_all_offers(store: Store, clock: FakeClock) -> None:
    """However much they use it; settled, it does not."""
    customer = await enrolled(store, clock)
    await an_order(store, customer, total="900", confirmed_at=WEEK - DAY)
    async with store.transaction() as session:
        case = Case(
            id="case_1",
            key="c",
            customer_id=customer,
            kind="complaint",
            state="open",
            opened_at=NOON,
        )
        session.add(case)
    assert await potential(store, clock, customer) == Potential(reasons=("open_case",))
    async with store.transaction() as session:
        (await session.get_one(Case, "case_1")).closed_at = WEEK
    assert (await potential(store, clock, customer)).campaign


async def test_what_went_back_forbids_all_offers(store: Store, clock: FakeClock) -> None:
    """The last order counts, not an earlier one."""
    customer = await enrolled(store, clock)
    await an_order(store, customer, confirmed_at=WEEK - 2 * DAY, returned_at=WEEK - DAY)
    assert await potential(store, clock, customer) == Potential(reasons=("went_back",))
    await an_order(store, customer, confirmed_at=WEEK - DAY)
    assert (await potential(store, clock, customer)).campaign


async def test_the_last_feedback_counts(store: Store, clock: FakeClock) -> None:
    """Who was unhappy last is left alone."""
    customer = await enrolled(store, clock)
    await said(store, customer, WEEK - 2 * DAY, feedback="95")
    assert (await potential(store, clock, customer)).campaign
    await said(store, customer, WEEK - DAY, feedback="20")
    assert await potential(store, clock, customer) == Potential(reasons=("unhappy",))


async def test_who_is_not_known_is_offered_nothing(store: Store, clock: FakeClock) -> None:
    """Nor is who was erased."""
    erased = await enrolled(store, clock, erased_at=NOON)
    for customer in (erased, "cus_gone"):
        assert await potential(store, clock, customer) == Potential(reasons=("unknown_customer",))


LEVELS = st.sampled_from(list(Level))
READINGS = st.builds(Reading, level=LEVELS, points=st.integers(0, 40), why=st.just("points"))
STANDINGS = st.builds(
    Standing,
    reading=READINGS,
    spent=st.integers(0, 2000).map(Decimal),
    kept=st.integers(0, 5),
    tier=st.sampled_from(["standard", "premium", "vip"]),
    score=st.none() | st.floats(0, 100),
    open_case=st.booleans(),
    went_back=st.booleans(),
)


@given(STANDINGS)
def test_no_offer_comes_at_a_bad_moment(who: Standing) -> None:
    """Never with an open case, after a return, to the unhappy or the absent; always with why."""
    found = assess(who, high_spend=500)
    bad = who.open_case or who.went_back or who.reading.level is Level.LOW
    assert not (bad and found.campaign)
    assert not (found.high and not found.campaign)
    assert found.reasons


@given(st.lists(st.tuples(st.sampled_from(["login", "feature_used"]), st.integers(0, 23))))
def test_a_busy_day_is_one_day(done: list[tuple[str, int]]) -> None:
    """Each kind counts once a day, however often it happens."""
    midnight = NOON.replace(hour=0)
    points = score((kind, midnight + timedelta(hours=hour)) for kind, hour in done)
    assert points == sum({"login": 1, "feature_used": 2}[kind] for kind in {k for k, _ in done})
