"""Importing: what a file tells of the past is on record, and only what lies ahead begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.crm import tables as t
from activities.crm.store import Store
from starter.desk import Desk
from starter.importing.survey import Surveyor
from starter.intake import Taken
from starter.intake.handling import ANSWERED
from tests.factories import FakeClock
from tests.starter.files import imported, looked_at, opened, written
from tests.starter.front import FakeTemporal, a_desk, an_order_event, rows
from workflows.vocabulary import Heard

DAY = timedelta(days=1)
HEADER = "customer.email,order.id,order.total,occurred_at,order.delivered_at"


@pytest.fixture
def desk(store: Store, clock: FakeClock, temporal: FakeTemporal) -> Desk:
    """With all SOPs on that can be, live since yesterday."""
    live = (clock.now() - DAY).date()
    return a_desk(store, clock, temporal, sops="", go_live=live)


def ago(clock: FakeClock, days: float) -> str:
    return (clock.now() - days * DAY).isoformat()


async def begun(store: Store) -> dict[str, Any]:
    return {row.id: row.input for row in await rows(store, t.Enrolment)}


async def test_an_order_of_last_week(
    desk: Desk, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Its follow-ups begin where it began, though the service is younger, and know what happened
    meanwhile, in whatever order the file has it."""
    path = written(
        tmp_path / "a.csv", HEADER, f"ada@example.com,A-1,49.00,{ago(clock, 7)},{ago(clock, 4)}"
    )
    taken = await imported(desk, path)
    assert (taken.kept, taken.carried) == (2, 2)
    follow_ups = await begun(store)
    assert {name.partition(".")[0] for name in follow_ups} == {
        "online-customer",
        "order-thanks",
        "satisfaction",
    }
    thanks = follow_ups["order-thanks.A-1"]
    assert datetime.fromisoformat(thanks["purchased_at"]) == clock.now() - 7 * DAY
    assert datetime.fromisoformat(thanks["delivered_at"]) == clock.now() - 4 * DAY
    assert datetime.fromisoformat(thanks["imported_at"]) == clock.now()
    assert [Heard(**heard).name for heard in thanks["early"]] == ["order_delivered"]


async def test_the_same_file_again(
    desk: Desk, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Nothing is done twice; what is new in it is."""
    line = f"ada@example.com,A-1,49.00,{ago(clock, 7)},"
    await imported(desk, written(tmp_path / "a.csv", HEADER, line))
    before = await begun(store)
    again = written(tmp_path / "b.csv", HEADER, f"bob@example.com,B-1,9,{ago(clock, 1)},", line)
    survey = await looked_at(desk, again)
    assert (survey.events, survey.known) == (2, 1)
    assert (survey.new_customers, survey.known_customers) == (1, 1)
    assert (await imported(desk, again)).kept == 1
    after = await begun(store)
    assert {name: body for name, body in after.items() if name in before} == before
    assert "order-thanks.B-1" in after


async def test_a_run_that_was_cut_off(
    desk: Desk, store: Store, clock: FakeClock, temporal: FakeTemporal, tmp_path: Path
) -> None:
    """The next goes on where it was: the same stands at the end as after one run."""
    lines = [f"c{n}@example.com,O-{n},9,{ago(clock, n + 0.5)},{ago(clock, n)}" for n in range(9)]
    path = written(tmp_path / "a.csv", HEADER, *lines)
    together = desk.intake.carry_out_together

    async def cut_off(row_ids: Sequence[str], claim: datetime | None = None) -> Taken:
        await together(row_ids[:5], claim)
        raise KeyboardInterrupt

    desk.intake.carry_out_together = cut_off  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            await imported(desk, path)
    desk.intake.carry_out_together = together  # type: ignore[method-assign]
    assert (await looked_at(desk, path)).unfinished
    await imported(desk, path)
    assert not (await looked_at(desk, path)).unfinished
    events = await rows(store, t.Inbox)
    assert {row.state for row in events} == {"done"}
    assert len(events) == 9 * 3  # the order, its delivery, and its beginning
    assert len([name for name in await begun(store) if name.startswith("order-thanks")]) == 9
    await desk.relay.tell()
    assert set(temporal.started) == set(await begun(store))


async def test_an_old_order_begins_nothing(
    desk: Desk, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """But the customer's first does, from which the years after count."""
    path = written(
        tmp_path / "a.csv",
        HEADER,
        f"ada@example.com,A-2,49.00,{ago(clock, 300)},",
        f"ada@example.com,A-1,49.00,{ago(clock, 600)},",
    )
    survey = await looked_at(desk, path)
    await imported(desk, path)
    assert sorted(await begun(store)) == [
        next(name for name in await begun(store) if name.startswith("online-customer")),
        "order-thanks.A-1",
    ]
    assert survey.ahead.begun == {"online-customer": 1, "order-thanks": 1}
    assert (survey.ahead.week, survey.ahead.over) == (0, 3)
    reasons = {row.reason for row in await rows(store, t.Decision) if row.outcome == "not_started"}
    assert "before_import" in reasons


async def test_a_no_anywhere_in_the_file(
    desk: Desk, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """It holds whatever was said before, and before anything begins."""
    path = written(
        tmp_path / "a.csv",
        "type,customer.email,order.id,occurred_at,customer.consent.email_marketing,data.all",
        f"order.confirmed,ada@example.com,A-1,{ago(clock, 3)},yes,",
        f"order.confirmed,ada@example.com,A-2,{ago(clock, 2)},no,",
        f"order.confirmed,bob@example.com,B-1,{ago(clock, 2)},,",
        f"consent.changed,bob@example.com,,{ago(clock, 1)},,no",
    )
    await imported(desk, path)
    stands = {(row.scope, row.given) for row in await rows(store, t.Consent)}
    assert stands == {("email_marketing", False), ("all", False)}
    bob = (await begun(store))["order-thanks.B-1"]
    assert [Heard(**heard).name for heard in bob["early"]] == ["opted_out"]


async def test_a_complaint_that_is_open_still(
    desk: Desk, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Somebody is given it, and it holds back what would sell; one that was put right is history,
    and so is what they wrote and thought."""
    path = written(
        tmp_path / "a.csv",
        "type,customer.email,occurred_at,data.reference,data.text,data.score",
        f"customer.signed_up,ada@example.com,{ago(clock, 30)},,,",
        f"complaint.opened,ada@example.com,{ago(clock, 9)},K-1,It broke,",
        f"complaint.opened,ada@example.com,{ago(clock, 20)},K-0,Too late,",
        f"complaint.resolved,ada@example.com,{ago(clock, 19)},K-0,,",
        f"feedback.received,ada@example.com,{ago(clock, 18)},,Poor,10",
        f"inquiry.received,ada@example.com,{ago(clock, 17)},,When?,",
    )
    assert (await looked_at(desk, path)).complaints == 1
    await imported(desk, path)
    (case,) = await rows(store, t.Case)
    assert (case.kind, case.opened_at) == ("complaint", clock.now())
    assert len(await rows(store, t.Hold)) == 1
    (work,) = [body for name, body in (await begun(store)).items() if name.startswith("case.")]
    assert work["policy"]["elsewhere"] == ["1"]  # nobody acknowledges it a second time
    assert len(await rows(store, t.Feedback)) == 1
    assert {row.state for row in await rows(store, t.Inbox)} == {"done"}


@pytest.mark.parametrize("known_by", ["customer.phone 020 7946 0000", "customer.id C-1"])
async def test_a_complaint_that_was_put_right(
    desk: Desk, store: Store, clock: FakeClock, tmp_path: Path, known_by: str
) -> None:
    """By whichever name the file has its customer: it is history, and nobody is given it."""
    column, _, who = known_by.partition(" ")
    path = written(
        tmp_path / "a.csv",
        f"type,{column},occurred_at,data.reference,data.text",
        f"complaint.opened,{who},{ago(clock, 9)},K-1,It broke",
        f"complaint.resolved,{who},{ago(clock, 8)},K-1,",
    )
    survey = await looked_at(desk, path)
    assert (survey.complaints, len(survey.settled)) == (0, 1)
    await imported(desk, path)
    assert await rows(store, t.Hold) == []
    assert await begun(store) == {}


@pytest.mark.parametrize("runs", [True, False], ids=["they are with us", "they come later"])
async def test_nobody_answers_what_is_long_past(
    desk: Desk, store: Store, clock: FakeClock, tmp_path: Path, runs: bool
) -> None:
    """An issue, a lull and an opinion of last year are on record; a follow-up of today is told of
    none of them, whether it runs by then or begins afterwards. It is told of what came since."""
    said = [an_order_event("A-9", occurred_at=ago(clock, 0.9))]
    path = written(
        tmp_path / "a.csv",
        "type,customer.email,occurred_at,data.topic,data.score",
        f"issue.detected,ada@example.com,{ago(clock, 300)},login,",
        f"engagement.low,ada@example.com,{ago(clock, 299)},,",
        f"feedback.received,ada@example.com,{ago(clock, 298)},,10",
        f"issue.detected,ada@example.com,{ago(clock, 0.5)},billing,",
    )
    for event in said if runs else []:
        await desk.receive("api", event)
    await imported(desk, path)
    for event in [] if runs else [an_order_event("A-9")]:
        await desk.receive("api", event)
    assert "order-thanks.A-9" in await begun(store)
    early = [heard["name"] for body in (await begun(store)).values() for heard in body["early"]]
    assert not set(early) & set(ANSWERED)
    told = [row for row in await rows(store, t.Telling) if row.name in ANSWERED]
    assert {row.body.get("topic") for row in told} == ({"billing"} if runs else set())
    assert len(await rows(store, t.Feedback)) == 1


async def test_while_it_is_read_nothing_is_kept_open(
    desk: Desk, clock: FakeClock, tmp_path: Path
) -> None:
    """A large file takes minutes: the database's journal would grow all the while."""
    lines = [f"c{n}@example.com,O-{n},9,{ago(clock, 5)}," for n in range(100)]
    source, columns = opened(desk, written(tmp_path / "a.csv", HEADER, *lines))
    held: list[int] = []
    pool: Any = desk.store.engine.pool
    await Surveyor(desk.intake, columns).look(source, lambda _: held.append(pool.checkedout()))
    assert held == [0]


async def test_who_was_imported_is_known(
    desk: Desk, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Their next order is not their first."""
    await imported(
        desk, written(tmp_path / "a.csv", HEADER, f"ada@example.com,A-1,9,{ago(clock, 500)},")
    )
    await desk.receive("api", an_order_event("A-2"))
    follow_ups = await begun(store)
    assert len([name for name in follow_ups if name.startswith("online-customer")]) == 1
    assert follow_ups["order-thanks.A-2"]["imported_at"] is None


async def test_what_lies_ahead(desk: Desk, clock: FakeClock, tmp_path: Path) -> None:
    """Counted by the procedures themselves: how much, and in which hour at most."""
    lines = [f"c{n}@example.com,O-{n},9,{ago(clock, 5)},{ago(clock, 1)}" for n in range(20)]
    survey = await looked_at(desk, written(tmp_path / "a.csv", HEADER, *lines))
    ahead = survey.ahead
    assert ahead.begun == {"online-customer": 20, "order-thanks": 20, "satisfaction": 20}
    assert ahead.week >= 40
    assert ahead.hour >= 20
    assert ahead.fullest_day >= 20
    assert not survey.bad


async def test_a_lifetime_of_bad_lines(desk: Desk, clock: FakeClock, tmp_path: Path) -> None:
    """All of them are said, those of the future as well; twice the same is one."""
    good = f"ada@example.com,A-1,9,{ago(clock, 5)},"
    path = written(
        tmp_path / "a.csv",
        HEADER,
        good,
        good,
        f"ada@example.com,A-2,9,{(clock.now() + 9 * DAY).isoformat()},",
        "ada@example.com,A-3,nine,2025-01-01,",
    )
    survey = await looked_at(desk, path)
    assert [(bad.line, bad.column) for bad in survey.bad] == [
        (4, "occurred_at"),
        (5, "order.total"),
    ]
    assert (survey.lines, survey.twice, survey.events) == (4, 1, 1)


def test_days_count_by_the_zone_that_is_named(desk: Desk, clock: FakeClock, tmp_path: Path) -> None:
    """A day begins where the shop is."""
    _, lines = opened(desk, written(tmp_path / "a.csv", HEADER, "x"))
    read: Any = lines.read(2, ["ada@example.com", "A-1", "9", date(2025, 1, 1).isoformat(), ""])
    assert read[0]["occurred_at"] == "2025-01-01T00:00:00+00:00"
