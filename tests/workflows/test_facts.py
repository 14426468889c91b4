"""What was heard, without any engine."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from workflows.events import (
    Answer,
    Complaint,
    ComplaintResolved,
    DoneElsewhere,
    Hold,
    Issue,
    Lull,
    Order,
    Reply,
    Resume,
    Skip,
    TaskDone,
)
from workflows.facts import Active, Arrived, Facts, WentBack
from workflows.vocabulary import Window

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_same_event_again_is_no_news() -> None:
    """The id is the sender's, per kind of event."""
    facts = Facts()
    release = ComplaintResolved(id="e1", case_id="case_k1")
    assert facts.take("complaint_resolved", release)
    assert not facts.take("complaint_resolved", release)
    assert facts.take("responded", Reply(id="e1"))
    assert facts.releases == {"case_k1": 1}


def test_what_was_known_before_is_known() -> None:
    """A run that continues another is told what that one had heard."""
    facts = Facts()
    facts.take("hold", Hold(id="e1", hold_id="h1"))
    later = Facts(known=facts.known)
    assert not later.take("hold", Hold(id="e1", hold_id="h1"))


def test_releases_are_counted_per_hold() -> None:
    """A case that is reopened is waited for again."""
    facts = Facts()
    facts.take("hold", Hold(hold_id="h1"))
    before = dict(facts.releases)
    facts.take("resume", Resume(holds=("h1",)))
    assert facts.released(["h1"], before)
    assert not facts.released(["h1"], dict(facts.releases))
    assert not facts.released(["h1", "h2"], before)
    assert not facts.holds


def test_the_first_word_on_a_task_counts() -> None:
    """Done and then declined is done."""
    facts = Facts()
    facts.take("task_done", TaskDone(task_id="t1"))
    facts.take("task_done", TaskDone(task_id="t1", declined=True))
    assert not facts.tasks["t1"].declined


def test_quiet_until_a_sign_of_life() -> None:
    """A reply or a new order belies a lull that was reported before it."""
    facts = Facts()
    facts.take("low_engagement", Lull(at=NOON))
    assert facts.reported_quiet()
    facts.take("order_placed", Order(at=NOON - HOUR))
    assert facts.reported_quiet()
    facts.take("responded", Reply(at=NOON + HOUR))
    assert not facts.reported_quiet()
    assert Active(facts, NOON)()
    assert not Active(facts, NOON + HOUR)()


def test_only_a_whole_order_goes_back() -> None:
    """One item's refund ends nothing, nor does another order's return."""
    facts = Facts()
    facts.take("order_refunded", Order(order_id="o1", partial=True))
    facts.take("order_returned", Order(order_id="o2"))
    assert not WentBack(facts, "o1")()
    facts.take("order_cancelled", Order())  # by hand: it can only be this one
    assert WentBack(facts, "o1")()


def test_a_word_about_one_occurrence_is_forgotten() -> None:
    """But what the policy says holds for all."""
    facts = Facts(elsewhere=["5.6.3"])
    facts.take("skip", Skip(clause="5.6.2"))
    facts.take("done_elsewhere", DoneElsewhere(clause="5.6.3"))
    for clause in ("5.6.2", "5.6.3"):
        facts.forget(clause, ["5.6.3"])
    assert (facts.over("5.6.2"), facts.over("5.6.3")) == ("", "elsewhere")


def test_nonsense_is_refused_by_the_nouns() -> None:
    """A topic becomes part of a key; a window opens before it closes."""
    with pytest.raises(ValidationError):
        Issue(topic="my login: jane@example.com")
    with pytest.raises(ValidationError):
        Window(after=2 * HOUR, before=HOUR)


def test_an_order_has_arrived_with_its_last_parcel() -> None:
    """In whatever order that is heard; of another order it is no news."""
    facts = Facts()
    facts.take("order_delivered", Order(order_id="o1", at=NOON, shipments=("a",), complete=False))
    assert facts.delivered_at("o1") is None
    assert Arrived(facts, "o1", "a")()
    assert not Arrived(facts, "o1", "b")()
    early = Order(order_id="o1", at=NOON - HOUR, shipments=("b",))
    facts.take("order_delivered", early)
    assert facts.delivered_at("o1") == NOON
    assert Arrived(facts, "o1")()
    assert facts.delivered_at("o2") is None


def test_a_number_may_come_later_than_the_parcel() -> None:
    facts = Facts()
    facts.take("order_shipped", Order(shipments=("a", "b"), untracked=("a", "b")))
    facts.take("order_shipped", Order(shipments=("b",), expected=NOON))
    assert list(facts.untracked) == ["a"]
    assert facts.expected == {"": NOON}


def test_word_by_hand_is_of_the_order_at_hand() -> None:
    """It names none."""
    facts = Facts()
    facts.take("account_provisioned", Order(at=NOON))
    facts.take("order_picked_up", Order(at=NOON))
    assert facts.provisioned_at("o1") == facts.delivered_at("o1") == NOON


def test_a_case_that_is_open_again_is_not_settled() -> None:
    facts = Facts()
    facts.take("inquiry_answered", Answer(case_id="case_1"))
    facts.take("complaint_resolved", ComplaintResolved(case_id="case_2"))
    assert list(facts.settled) == ["case_1", "case_2"]
    facts.take("complaint", Complaint(case_id="case_2"))
    assert list(facts.settled) == ["case_1"]
