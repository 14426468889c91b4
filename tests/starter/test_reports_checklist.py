"""The checklist: the SOP's own clauses, and where each stands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.crm import holds
from activities.crm.store import Store
from starter.reports import Reports, sops
from tests.factories import NOON, FakeClock, a_customer, an_enrolment
from tests.starter.records import DAY, ID, a_message, lines, mark, seen
from workflows.sops import CATALOGUE, KEEP_IN_TOUCH
from workflows.vocabulary import State


@pytest.fixture
async def crm(memory_store: Store) -> Store:
    await a_customer(memory_store, id="cus_1")
    await an_enrolment(memory_store, "cus_1")
    return memory_store


def test_the_clauses_are_the_documents_own() -> None:
    """In its words and order, for every SOP; `keep-in-touch` shows those it carries out."""
    for name, sop in sops.procedures().items():
        found = sops.clauses(name)
        assert found, name
        if sop is not KEEP_IN_TOUCH:
            assert [c.clause for c in found] == sorted(c.clause for c in found)
        assert set(sop.steps) <= {c.clause for c in found}
    assert sops.clauses("online-customer")[0].says.startswith("Immediately upon successful")
    years = [one.years for one in CATALOGUE.values()]  # in the order of the catalogue
    listed = [c.clause for c in sops.clauses(KEEP_IN_TOUCH.name)]
    assert listed == [clause for some in years for clause in some]
    assert set(listed) == set(KEEP_IN_TOUCH.steps)


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
    assert set(await lines(crm, clock, row.id)) == set(KEEP_IN_TOUCH.steps)


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
