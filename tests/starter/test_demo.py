"""The demonstration: its script, its opening, and the ticker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from activities.crm import tables as t
from activities.crm.pace import PaceError, factor_of, settle_pace
from activities.crm.store import Store
from starter.intake.events import read_event
from starter.up.cast import CAST
from starter.up.demo import opening, script
from starter.up.ticker import Ticker

LONDON = ZoneInfo("Europe/London")
MONDAY = datetime(2026, 11, 23, 10, tzinfo=LONDON)


def test_the_script_is_the_same_each_time() -> None:
    """Stable ids, so that a second start plays nothing twice; every event is one the door takes."""
    moments = script()
    assert len({moment.id for moment in moments}) == len(moments)
    assert [moment.id for moment in moments] == [moment.id for moment in script()]
    for moment in moments:
        read_event({**moment.event, "occurred_at": MONDAY.isoformat()})


def test_the_cast_is_worth_watching() -> None:
    """Parcels, answers, a complaint, a question, an opt-out, a lost parcel, a second order."""
    assert len(CAST) >= 7
    done = {type_ for life in CAST for _, type_, _ in life.does}
    assert {
        "reply.received",
        "order.shipped",
        "order.delivered",
        "complaint.opened",
        "inquiry.received",
        "feedback.received",
        "consent.changed",
        "account.provisioned",
    } <= done


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 11, 20, 18, tzinfo=UTC),  # a Friday evening
        datetime(2026, 11, 22, 23, tzinfo=UTC),
        datetime(2026, 11, 23, 9, 59, tzinfo=UTC),
    ],
)
def test_it_opens_on_a_working_morning(now: datetime) -> None:
    """Ten o'clock in London, not at night or on a Sunday."""
    assert opening(now) == MONDAY


async def test_each_thing_is_shown_once(memory_store: Store) -> None:
    """With its day, its customer and its clause; a second look adds nothing."""
    shown: list[str] = []
    ticker = Ticker(memory_store, MONDAY, LONDON, lambda line, _: shown.append(line))
    async with memory_store.transaction() as session:
        session.add(t.Customer(id="C-1", name="Ada Byron", told_at={}, created_at=MONDAY))
        await session.flush()
        session.add(
            t.Message(
                id="msg_1", key="k", follow_up="online-customer.C-1", sop="online-customer",
                clause="5.2.1", customer_id="C-1", template="getting-started", kind="relationship",
                state="sent", subject="Getting started", created_at=MONDAY,
                sent_at=MONDAY + timedelta(days=1, minutes=12),
            )
        )  # fmt: skip
    await ticker.tick()
    await ticker.tick()
    assert [line.split() for line in shown] == [
        "day 1 10:12 Ada Byron 5.2.1 getting-started: “Getting started” sent".split()
    ]


# -- the pace --------------------------------------------------------------------------------------


def test_a_pace_says_how_much_passes_in_how_long() -> None:
    """A day in a second, an hour in two."""
    assert factor_of("1d=1s") == 86400
    assert factor_of("1h=2s") == 1800


@pytest.mark.parametrize("said", ["", "fast", "1d", "1d=0s", "1s=1d", "1y=1s", "100w=1s"])
def test_other_paces_are_refused(said: str) -> None:
    """What cannot be read, stands still, or outruns the machine."""
    with pytest.raises(PaceError):
        factor_of(said)


async def test_a_database_keeps_its_pace(memory_store: Store) -> None:
    """Fixed when new; asked for another one later, it says no."""
    now = datetime.now(UTC)
    async with memory_store.transaction() as session:
        assert (await settle_pace(session, now, "1d=2s")).factor == 43200
        later = now + timedelta(seconds=2)
        kept = await settle_pace(session, later, None)
        assert kept.now(later) == now + timedelta(days=1)
        with pytest.raises(PaceError):
            await settle_pace(session, later, "1d=1s")
