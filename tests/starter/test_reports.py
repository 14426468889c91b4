"""What readers see besides the checklist: objects in the interface's shape, timeline, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.crm import holds
from activities.crm.milestones import record_decision
from activities.crm.store import Store
from activities.crm.tables import Alias, Consent, Draft, Note, Task
from starter.reports import Reports, words
from starter.reports.paging import Cursor, UnknownCursorError
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, an_order
from tests.starter.records import DAY, ID, a_message, lines, mark, seen
from workflows.vocabulary import State


@pytest.fixture
async def crm(memory_store: Store) -> Store:
    await a_customer(memory_store, id="cus_1")
    await an_enrolment(memory_store, "cus_1")
    return memory_store


# -- objects, as the interface pins them -----------------------------------------------


async def test_a_follow_up_has_the_shape_of_the_interface(crm: Store, clock: FakeClock) -> None:
    """Fields may be added, none may go."""
    found = (await seen(crm, clock)).model_dump(mode="json")
    wanted = "id sop sop_version customer subject state started_at checklist"
    assert list(found) == wanted.split()
    assert list(found["checklist"][0]) == (
        "clause title state due_at done_at late_by_seconds reason messages tasks".split()
    )
    assert found["started_at"] == "2026-11-23T12:00:00Z"


async def test_a_message_shows_whom_but_not_the_address(crm: Store, clock: FakeClock) -> None:
    """Masked, with all that was said."""
    id_ = await a_message(crm, "5.1.1", "welcome")
    found = await Reports(crm, clock).message(id_)
    assert found is not None
    wanted = """id customer follow_up sop clause template kind channel state to subject body_text
        body_html created_at sent_at provider_id reason via attempts tried attachments"""
    assert list(found.model_dump()) == wanted.split()
    assert found.to == "a•••@e•••.com"
    assert "ada@" not in found.model_dump_json()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (None, None),
        ("", None),
        ("a@b.co.uk", "a•••@b•••.uk"),
        ("+442079460000", "+44•••00"),
        ("12345", "•••"),
    ],
)
def test_an_address_is_masked(address: str | None, shown: str | None) -> None:
    """Enough to recognise it, too little to use it."""
    assert words.masked(address) == shown


async def test_a_task_brings_its_newest_draft(crm: Store, clock: FakeClock) -> None:
    """With the shape of the interface; the role it is copied to sees it too."""
    async with crm.transaction() as session:
        session.add(
            Task(
                id="task_1",
                key=f"{ID}/check-in",
                customer_id="cus_1",
                follow_up=ID,
                clause="5.4.1",
                role="sales-representative",
                copy_to="finance-officer",
                title="Make it personal",
                state="open",
                brief={"orders": []},
                due_at=NOON + DAY,
                created_at=NOON,
            )
        )
        await session.flush()
        for number, edited in ((1, False), (2, True)):
            session.add(
                Draft(
                    id=f"draft_{number}",
                    customer_id="cus_1",
                    task_id="task_1",
                    subject=f"Draft {number}",
                    body="Hello",
                    edited=edited,
                    created_at=NOON + number * DAY,
                )
            )
    reports = Reports(crm, clock)
    found = (await reports.tasks(role="finance-officer")).data[0]
    wanted = """id customer follow_up clause role assignee priority title due_at state brief draft
        outcome escalated_to form case_id urgent snoozed_until contract meeting feedback"""
    assert list(found.model_dump()) == wanted.split()
    assert found.draft is not None
    assert found.draft.subject == "Draft 2"
    assert (await reports.tasks(role="marketing")).data == []
    assert (await lines(crm, clock))["5.4.1"].tasks == []  # nothing is recorded of the clause yet
    await mark(crm, "5.4.1", State.WAITING, task_id="task_1")
    assert (await lines(crm, clock))["5.4.1"].tasks == ["task_1"]


async def test_a_customer_by_any_of_their_ids(crm: Store, clock: FakeClock) -> None:
    """With the latest word on each consent, and what keeps messages back."""
    order = await an_order(crm, "cus_1")
    async with crm.transaction() as session:
        session.add(Alias(alias="shop-7", customer_id="cus_1"))
        for number, given in enumerate((True, False)):
            session.add(
                Consent(
                    id=f"con_{number}",
                    customer_id="cus_1",
                    scope="email_marketing",
                    given=given,
                    at=NOON + number * DAY,
                    recorded_at=NOON,
                )
            )
        await holds.hold(session, NOON, customer_id="cus_1", kind="manual", reason="away", by="ada")
    reports = Reports(crm, clock)
    found = await reports.customer("shop-7")
    assert found is not None
    assert found == await reports.customer("cus_1")
    assert (found.id, found.aliases, found.orders, found.follow_ups) == (
        "cus_1",
        ["shop-7"],
        [order.id],
        [ID],
    )
    assert found.consent["email_marketing"].given is False
    assert [(hold.kind, hold.reason, hold.by) for hold in found.holds] == [
        ("manual", "away", "ada")
    ]
    assert [f.id for f in (await reports.follow_ups(customer="shop-7")).data] == [ID]
    assert await reports.customer("nobody") is None


@pytest.mark.plays("onboarding", "definitions.1")
@pytest.mark.plays("online-customer", "records.1")
@pytest.mark.plays("order-thanks", "documentation-tracking.1")
@pytest.mark.plays("satisfaction", "documentation-and-records.1")
async def test_the_timeline_has_it_all(crm: Store, clock: FakeClock) -> None:
    """The newest first, page by page, without a gap or a double."""
    await an_order(crm, "cus_1", id="ord_1", shipped_at=NOON + DAY)
    await a_message(crm, "5.1.1", "welcome", sent_at=NOON + timedelta(minutes=1))
    async with crm.transaction() as session:
        session.add(
            Note(
                id="note_1",
                key="n1",
                customer_id="cus_1",
                at=NOON + 2 * DAY,
                direction="in",
                method="email",
                summary="Thank you",
            )
        )
        held = await holds.hold(session, NOON + 3 * DAY, customer_id="cus_1", kind="manual")
        await holds.release(session, NOON + 4 * DAY, [held])
    reports = Reports(crm, clock)
    whole = await reports.timeline("cus_1", cursor=Cursor(100))
    assert whole is not None
    assert [(entry.type, entry.state) for entry in whole.data][:5] == [
        ("hold", "released"),
        ("hold", "held"),
        ("note", None),
        ("order", "shipped"),
        ("message", "sent"),
    ]
    pages, cursor = [], None
    while True:
        page = await reports.timeline("cus_1", cursor=Cursor(3, cursor))
        assert page is not None
        pages += page.data
        if not page.has_more:
            break
        cursor = page.data[-1].id
    assert pages == whole.data
    assert len({entry.id for entry in pages}) == len(pages)
    assert await reports.timeline("nobody") is None
    with pytest.raises(UnknownCursorError):
        await reports.timeline("cus_1", cursor=Cursor(starting_after="message:none"))


# -- why ---------------------------------------------------------------------------------


async def test_why_by_follow_up_customer_and_clause(crm: Store, clock: FakeClock) -> None:
    """The newest first, with the facts and in a sentence."""
    async with crm.transaction() as session:
        for number, clause in enumerate(("5.2.1", "5.4.1")):
            await record_decision(
                session,
                NOON + number * DAY,
                customer_id="cus_1",
                follow_up=ID,
                clause=clause,
                outcome="refused",
                reason="no_consent",
                facts={"template": "check-in", "kind": "marketing"},
            )
    reports = Reports(crm, clock)
    for target in (ID, "cus_1"):
        page = await reports.why(target)
        assert page is not None
        assert [one.clause for one in page.data] == ["5.4.1", "5.2.1"]
    only = await reports.why(ID, "5.2.1")
    assert only is not None
    assert only.data[0].words == (
        "`check-in` was not sent: the customer never agreed to it (a marketing message)."
    )
    assert {"at", "clause", "outcome", "reason", "facts"} <= set(only.data[0].model_dump())
    async with crm.transaction() as session:
        await record_decision(
            session, NOON + 3 * DAY, customer_id="cus_1", key=f"{ID}/welcome", outcome="sent"
        )
    sent = await reports.why("cus_1", cursor=Cursor(1))
    assert sent is not None
    assert sent.data[0].words == "`welcome` was sent."
    assert await reports.why("nobody") is None
    assert await reports.why("cus_1", only="follow_up") is None


async def test_why_a_clause_was_never_reached(crm: Store, clock: FakeClock) -> None:
    """What was decided about the whole is why: it was ended; or it never began."""
    async with crm.transaction() as session:
        for clause, outcome in ((None, "ended"), ("5.2.1", "sent")):
            await record_decision(
                session, NOON, customer_id="cus_1", follow_up=ID, clause=clause, outcome=outcome
            )
    reports = Reports(crm, clock)
    for clause, outcome in (("5.4.1", "ended"), ("5.2.1", "sent")):
        page = await reports.why(ID, clause)
        assert page is not None
        assert [one.outcome for one in page.data] == [outcome]


@pytest.mark.parametrize(
    ("outcome", "code", "facts", "said"),
    [
        (
            "deferred",
            None,
            {"template": "check-in", "why": "cap", "after": "online-customer.x/welcome"},
            (
                "`check-in` was put off: the customer gets one such message in 24 hours "
                "(after online-customer.x/welcome)."
            ),
        ),
        ("held", "case_1, stop_2", {}, "This is kept back: an open complaint, the stop button."),
        ("held", "online-customer.x/hold/9c", {}, "This is kept back: somebody put it on hold."),
        ("skipped", "not called for", {}, "This was skipped: nothing called for it."),
        (
            "handed",
            None,
            {"due": "2026-11-23T12:00:00+00:00"},
            "This was given to a person (due 2026-11-23 12:00 UTC).",
        ),
        (
            "brand_new",
            "never_heard_of",
            {"a_b": [1, 2]},
            "This brand new: never heard of (a b 1, 2).",
        ),
        ("opted_out", "opted_out", {}, "This ended, because nothing that was left may be sent."),
        (
            "potential",
            "discover-add-ons",
            {"reasons": ["in_use", "high_spend"], "high": True},
            (
                "This asked what else would serve the customer: the customer uses the product, "
                "the customer spends a lot (high yes)."
            ),
        ),
    ],
)
def test_decisions_in_plain_words(
    outcome: str, code: str | None, facts: dict[str, Any], said: str
) -> None:
    """For somebody who answers the telephone; what is new is at least read out."""
    assert words.sentence(outcome, code, facts) == said


async def test_reports_agree_on_both_databases(store: Store, clock: FakeClock) -> None:
    """Pages, states and cursors are asked the same way of SQLite and PostgreSQL."""
    await a_customer(store, id="cus_1")
    for number in range(5):
        await an_enrolment(store, "cus_1", subject=str(number))
    async with store.transaction() as session:
        await holds.hold(
            session, NOON, customer_id="cus_1", kind="manual", follow_up="online-customer.3"
        )
    reports = Reports(store, clock)
    first = await reports.follow_ups(cursor=Cursor(2))
    rest = await reports.follow_ups(cursor=Cursor(5, first.data[-1].id))
    assert [f.subject for f in first.data + rest.data] == ["4", "3", "2", "1", "0"]
    assert (first.has_more, rest.has_more) == (True, False)
    assert [f.subject for f in (await reports.follow_ups(state="on_hold")).data] == ["3"]


def test_what_is_waited_for_and_who_says_it_already_read_as_sentences() -> None:
    """For somebody on the telephone: no code, no key, no seconds."""
    waits = words.sentence("waiting", "order_shipped", {})
    assert waits == "This waits: nobody has said yet that it was sent."
    covered = words.sentence("covered", "order-thanks.1/thank-you/fb 1", {"template": "x"})
    assert covered == "`x` is said by another message already: `thank-you` of order-thanks.1."
    late = words.sentence("escalated", "overdue", {"late_by_seconds": 31304})
    assert late.endswith("it was not done in time (late by 8 h).")
