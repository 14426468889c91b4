"""What readers see: the checklist by clause, why, and objects in the interface's shape."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.crm import holds
from activities.crm.milestones import record_decision, record_milestone
from activities.crm.store import Store
from activities.crm.tables import Alias, Consent, Draft, Message, Note, Task, new_id
from starter import sops, words
from starter.objects import ChecklistLine, FollowUp
from starter.reports import Reports, UnknownCursorError
from tests.factories import NOON, FakeClock, a_customer, an_enrolment, an_order
from workflows.sops import CATALOGUE, KEEP_IN_TOUCH
from workflows.vocabulary import State

DAY = timedelta(days=1)
ID = "online-customer.cus_1"


@pytest.fixture
async def crm(memory_store: Store) -> Store:
    await a_customer(memory_store, id="cus_1")
    await an_enrolment(memory_store, "cus_1")
    return memory_store


async def mark(store: Store, clause: str, state: State, **fields: Any) -> None:
    fields = {"follow_up": ID} | fields
    at = fields.pop("at", NOON)
    async with store.transaction() as session:
        await record_milestone(session, at, clause=clause, state=state, **fields)


async def a_message(store: Store, clause: str, template: str, **fields: Any) -> str:
    row = Message(
        **{
            "id": new_id("msg"),
            "key": f"{ID}/{template}",
            "follow_up": ID,
            "sop": "online-customer",
            "clause": clause,
            "customer_id": "cus_1",
            "template": template,
            "kind": "transactional",
            "channel": "email",
            "address": "ada@example.com",
            "state": "sent",
            "subject": "Welcome",
            "body_text": "Hello",
            "body_html": "<p>Hello</p>",
            "created_at": NOON,
            "sent_at": NOON,
            "provider_id": "out_1",
        }
        | fields
    )
    async with store.transaction() as session:
        session.add(row)
    return str(row.id)


async def seen(store: Store, clock: FakeClock, id_: str = ID) -> FollowUp:
    found = await Reports(store, clock).follow_up(id_)
    assert found is not None
    return found


async def lines(store: Store, clock: FakeClock, id_: str = ID) -> dict[str, ChecklistLine]:
    return {line.clause: line for line in (await seen(store, clock, id_)).checklist}


# -- the checklist ------------------------------------------------------------------


def test_the_clauses_are_the_documents_own() -> None:
    """In its words and order, for every SOP; `keep-in-touch` shows those it carries out."""
    for name, sop in sops.procedures().items():
        found = sops.clauses(name)
        assert found, name
        assert [c.clause for c in found] == sorted(c.clause for c in found)
        assert set(sop.steps) <= {c.clause for c in found}
    assert sops.clauses("online-customer")[0].says.startswith("Immediately upon successful")
    assert [c.clause for c in sops.clauses(KEEP_IN_TOUCH.name)] == sorted(KEEP_IN_TOUCH.steps)


async def test_a_fresh_follow_up_is_all_to_come(crm: Store, clock: FakeClock) -> None:
    """Each clause once: later, only if called for, or done in another way."""
    found = await lines(crm, clock)
    assert list(found) == [c.clause for c in sops.clauses("online-customer")]
    assert found["5.4.1"].state is State.LATER
    assert (found["5.3.3"].state, found["5.3.3"].reason) == (State.LATER, "if_called_for")
    assert found["5.6.2"].state is State.LATER
    for clause in set(CATALOGUE["online-customer"].excused) & set(found):
        assert found[clause].state is State.ELSEWHERE
        assert found[clause].reason == CATALOGUE["online-customer"].excused[clause]


async def test_done_next_and_later(crm: Store, clock: FakeClock) -> None:
    """What was done with its message and lateness, what is awaited with its moment."""
    message = await a_message(crm, "5.1.1", "welcome")
    key = f"{ID}/welcome"
    await mark(crm, "5.1.1", State.NEXT, due_at=NOON - timedelta(minutes=2))
    await mark(crm, "5.1.1", State.DONE, message_key=key)
    await mark(crm, "5.2.1", State.NEXT, due_at=NOON + DAY)
    found = await lines(crm, clock)
    assert found["5.1.1"].model_dump(exclude={"title"}) == {
        "clause": "5.1.1",
        "state": State.DONE,
        "due_at": NOON - timedelta(minutes=2),
        "done_at": NOON,
        "late_by_seconds": 120,
        "reason": None,
        "messages": [message],
        "tasks": [],
    }
    assert (found["5.2.1"].state, found["5.2.1"].due_at) == (State.NEXT, NOON + DAY)
    assert found["5.3.2"].state is State.LATER


async def test_clauses_that_words_honour_go_with_their_message(
    crm: Store, clock: FakeClock
) -> None:
    """The welcome confirms (5.1.2) and links to support (5.1.3); the guide shows value (5.2.2)."""
    message = await a_message(crm, "5.1.1", "welcome")
    await mark(crm, "5.1.1", State.DONE, message_key=f"{ID}/welcome")
    await mark(crm, "5.2.1", State.SKIPPED, reason="stale")
    found = await lines(crm, clock)
    for clause in ("5.1.2", "5.1.3"):
        assert (found[clause].state, found[clause].messages) == (State.DONE, [message])
        assert found[clause].done_at == NOON
    for clause in ("5.2.2", "5.2.3"):
        assert (found[clause].state, found[clause].reason) == (State.SKIPPED, "stale")


async def test_a_moment_that_passed_is_late(crm: Store, clock: FakeClock) -> None:
    """By how much; but a step that is being taken just now is not, at any pace."""
    await mark(crm, "5.2.1", State.NEXT, due_at=NOON)
    clock.advance(seconds=10)
    assert (await lines(crm, clock))["5.2.1"].state is State.NEXT
    clock.advance(hours=1)
    late = (await lines(crm, clock))["5.2.1"]
    assert (late.state, late.late_by_seconds) == (State.LATE, 3610)
    await mark(crm, "5.2.1", State.HELD, reason="case_1")
    assert (await lines(crm, clock))["5.2.1"].state is State.HELD


async def test_the_step_that_wants_attention_speaks_for_its_clause(
    crm: Store, clock: FakeClock
) -> None:
    """Of two tips one is blocked: the clause is; both messages are listed."""
    ids = [
        await a_message(crm, "5.3.3", "targeted-tips", key=f"{ID}/targeted-tips/{about}")
        for about in ("payment", "sign-in")
    ]
    await mark(crm, "5.3.3", State.DONE, about="payment", message_key=f"{ID}/targeted-tips/payment")
    await mark(crm, "5.3.3", State.BLOCKED, about="sign-in", reason="template_unknown")
    found = (await lines(crm, clock))["5.3.3"]
    assert (found.state, found.reason) == (State.BLOCKED, "template_unknown")
    assert sorted(found.messages) == sorted(ids)


async def test_what_never_came_of_an_end(crm: Store, clock: FakeClock) -> None:
    """A follow-up that ran its course was not called for the rest; one that ended says why."""
    for subject, state, reason, shown in [
        ("a", "completed", None, "not_called_for"),
        ("b", "ended", "cancelled", "cancelled"),
        ("c", "opted_out", None, "opted_out"),
    ]:
        await an_enrolment(crm, "cus_1", subject=subject, state=state, reason=reason, ended_at=NOON)
        found = await lines(crm, clock, f"online-customer.{subject}")
        assert (found["5.4.1"].state, found["5.4.1"].reason) == (State.SKIPPED, shown)


async def test_the_years_after_go_on_the_checklist(crm: Store, clock: FakeClock) -> None:
    """5.6.2 is for `keep-in-touch`, and stands as it stands there."""
    row = await an_enrolment(crm, "cus_1", sop=KEEP_IN_TOUCH.name)
    await mark(crm, "5.6.2", State.NEXT, follow_up=row.id, due_at=NOON + 365 * DAY)
    found = await lines(crm, clock)
    assert (found["5.6.2"].state, found["5.6.2"].due_at) == (State.NEXT, NOON + 365 * DAY)
    assert found["5.6.3"].state is State.LATER
    assert list(await lines(crm, clock, row.id)) == sorted(KEEP_IN_TOUCH.steps)


async def test_a_procedure_gone_from_the_catalogue_is_still_read(
    crm: Store, clock: FakeClock
) -> None:
    """By its numbers, in their order."""
    await an_enrolment(crm, "cus_1", sop="retired", subject="1")
    for clause in ("5.10", "5.9"):
        await mark(crm, clause, State.DONE, follow_up="retired.1")
    assert list(await lines(crm, clock, "retired.1")) == ["5.9", "5.10"]


async def test_on_hold_by_customer_or_by_follow_up(crm: Store, clock: FakeClock) -> None:
    """Either keeps it back; released, it runs; and the list finds it by that state."""
    reports = Reports(crm, clock)
    await an_enrolment(crm, "cus_1", sop="satisfaction", subject="1")
    async with crm.transaction() as session:
        held = await holds.hold(
            session, NOON, customer_id="cus_1", kind="manual", follow_up=ID, reason="away"
        )
    assert (await seen(crm, clock)).state == "on_hold"
    assert [f.id for f in (await reports.follow_ups(state="on_hold")).data] == [ID]
    assert [f.id for f in (await reports.follow_ups(state="running")).data] == ["satisfaction.1"]
    async with crm.transaction() as session:
        await holds.release(session, NOON, [held])
        await holds.hold(session, NOON, customer_id="cus_1", kind="complaint")
    assert len((await reports.follow_ups(state="on_hold")).data) == 2
    assert (await reports.follow_ups(state="running")).data == []


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
        body_html created_at sent_at provider_id reason"""
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
        outcome escalated_to"""
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
    whole = await reports.timeline("cus_1", limit=100)
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
        page = await reports.timeline("cus_1", limit=3, starting_after=cursor)
        assert page is not None
        pages += page.data
        if not page.has_more:
            break
        cursor = page.data[-1].id
    assert pages == whole.data
    assert len({entry.id for entry in pages}) == len(pages)
    assert await reports.timeline("nobody") is None
    with pytest.raises(UnknownCursorError):
        await reports.timeline("cus_1", starting_after="message:none")


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
    sent = await reports.why("cus_1", limit=1)
    assert sent is not None
    assert sent.data[0].words == "`welcome` was sent."
    assert await reports.why("nobody") is None
    assert await reports.why("cus_1", only="follow_up") is None


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
    first = await reports.follow_ups(limit=2)
    rest = await reports.follow_ups(limit=5, starting_after=first.data[-1].id)
    assert [f.subject for f in first.data + rest.data] == ["4", "3", "2", "1", "0"]
    assert (first.has_more, rest.has_more) == (True, False)
    assert [f.subject for f in (await reports.follow_ups(state="on_hold")).data] == ["3"]
