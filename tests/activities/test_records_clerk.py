"""The clerk: when a clause is due, what became of it, and the policy as it stands."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from activities.crm import policies
from activities.crm.store import Store
from activities.crm.tables import Decision, Message, PolicyVersion
from tests.activities.desk_work import clerk, enrolled, line, rows, step
from tests.factories import NOON, FakeClock, kept
from workflows.vocabulary import Mark, Milestone, Policy, State

HOUR = timedelta(hours=1)


def milestone(customer: str, **fields: object) -> Milestone:
    return Milestone.model_validate(step(customer, "plan", now=NOON) | fields)


async def test_the_planned_clause_is_next(store: Store, clock: FakeClock) -> None:
    """The checklist says which, and when."""
    customer = await enrolled(store)
    due = NOON + timedelta(days=14)
    assert await clerk(store, clock).plan(milestone(customer, due=due)) == due
    found = await line(store, customer)
    assert (found.state, found.due_at) == ("next", due)


async def test_a_window_is_used_in_the_customers_own_hours(store: Store, clock: FakeClock) -> None:
    """Between midnight and noon in Tokyo there are three good hours."""
    customer = await enrolled(store, time_zone="Asia/Tokyo")
    midnight = datetime(2026, 11, 25, 15, tzinfo=UTC)
    moment = await clerk(store, clock).plan(
        milestone(customer, due=midnight, before=midnight + 12 * HOUR)
    )
    assert midnight + 9 * HOUR <= moment <= midnight + 10 * HOUR


@pytest.mark.parametrize(("state", "from_welcome"), [("delivered", True), ("bounced", False)])
async def test_the_clock_runs_from_the_purchase_if_the_welcome_bounced(
    store: Store, clock: FakeClock, state: str, from_welcome: bool
) -> None:
    """What was counted from a message that never arrived is counted from the purchase."""
    customer = await enrolled(store)
    async with store.transaction() as session:
        session.add(
            Message(
                id="msg_1",
                key="welcome",
                follow_up=f"online-customer.{customer}",
                sop="online-customer",
                customer_id=customer,
                template="welcome",
                kind="transactional",
                state=state,
                created_at=NOON,
                deferrals=0,
                attempts=1,
            )
        )
    welcome, purchase = NOON + 26 * HOUR, NOON + 24 * HOUR
    planned = await clerk(store, clock).plan(
        milestone(
            customer,
            due=welcome,
            before=welcome + 24 * HOUR,
            counted_from="welcome",
            otherwise=purchase,
        )
    )
    assert planned == (welcome if from_welcome else purchase)


async def test_a_window_for_who_is_not_known_is_the_offices(store: Store, clock: FakeClock) -> None:
    """A customer without a row still gets a moment, and nothing is written."""
    opens = datetime(2026, 11, 25, 2, tzinfo=UTC)
    moment = await clerk(store, clock).plan(
        milestone("cus_gone", due=opens, before=opens + 24 * HOUR)
    )
    assert 9 <= moment.hour < 20


async def test_what_became_of_a_clause_is_on_record(store: Store, clock: FakeClock) -> None:
    """Milestone and reason, once, however often it is said."""
    customer = await enrolled(store)
    mark = Mark(
        **step(customer, "mark", now=NOON), state=State.SKIPPED, reason="no_engagement_data"
    )
    for _ in range(2):
        await clerk(store, clock).mark(mark)
    found = await line(store, customer)
    assert (found.state, found.reason, found.done_at) == ("skipped", mark.reason, NOON)
    (why,) = await rows(store, Decision)
    assert (why.outcome, why.reason) == ("skipped", "no_engagement_data")


async def test_late_is_late_by_so_much(store: Store, clock: FakeClock) -> None:
    """A clause done after its moment says by how many seconds."""
    customer = await enrolled(store)
    await clerk(store, clock).plan(milestone(customer, due=NOON))
    done = Mark(**step(customer, "mark", now=NOON + HOUR), state=State.DONE)
    await clerk(store, clock).mark(done)
    assert (await line(store, customer)).late_by_seconds == 3600


async def test_the_policy_as_it_stands(store: Store, clock: FakeClock) -> None:
    """Only what is set; the workflow fills in its defaults."""
    assert json.loads(await clerk(store, clock).current_policy("keep-in-touch")) == {}
    async with store.transaction() as session:
        await policies.set_policy(
            session,
            NOON,
            "keep-in-touch",
            {"grace": "3d"},
            model=Policy,
            by="stf_1",
            reason="sooner",
            approve=True,
        )
    assert len(await rows(store, PolicyVersion)) == 1
    said = await clerk(store, clock).current_policy("keep-in-touch")
    assert Policy.model_validate_json(said).grace == timedelta(days=3)


async def test_whoever_approved_a_policy_stays_in_the_office(
    store: Store, clock: FakeClock
) -> None:
    """A workflow's history keeps what it is told for years: of another SOP, how often, no more."""
    body = {"interval": "30d", "approved_by": "Somebody, Head of Sales", "system": "Ledger"}
    sales = PolicyVersion(
        id="p", name="sales-follow-up", version=1, body=body, at=NOON, approved_by="mo"
    )
    await kept(store, sales)
    said = await clerk(store, clock).current_policy("sales-follow-up")
    assert json.loads(said) == {"interval": "30d"}
