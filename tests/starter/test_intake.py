"""What it costs to take something in, and that what is taken in together is as good as one by one.

Counted are statements and commits, never seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from activities.crm import enrolments, inbox
from activities.crm.store import Store
from activities.crm.tables import Customer, Enrolment, Inbox, Order, Task, Telling
from starter.answers import Receipt, Refusal
from starter.desk import Desk
from starter.intake import TOGETHER, New, progress
from starter.intake.events import read_event
from starter.intake.handling import Handling
from starter.relay import CLAIM
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, an_event, an_order_event, effects, only, rows

# A new customer's first order. Read: whether the event is known; its order, its customer; what
# waits for them; the switches, the policies; whether it began, whether that was decided before;
# their first purchase. Written: customer, order, decisions (two SOPs are off), enrolment, telling,
# inbox; then, in a transaction of its own, that Temporal has heard.
STATEMENTS = 9 + 6 + 1
LOCKS = 2  # on PostgreSQL: on whom and what it is about, and on the policies
COMMITS = 2


@contextmanager
def counted(store: Store) -> Iterator[Counter[str]]:
    """Statements, but those that only begin or end a transaction, and commits."""
    seen, engine = Counter[str](), store.engine.sync_engine

    def statement(_1: Any, _2: Any, said: str, *_: Any) -> None:
        seen["statements"] += not said.startswith("BEGIN")

    def commit(_: Any) -> None:
        seen["commits"] += 1

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    yield seen
    event.remove(engine, "before_cursor_execute", statement)
    event.remove(engine, "commit", commit)


def an_order_of(number: int, **said: Any) -> dict[str, Any]:
    """The first order of somebody whom nobody knew."""
    who = {"email": f"new-{number}@example.com", "name": f"Canary {number}"}
    bought = {"id": f"o-{number}", "first": True, "total": "49.00"}
    return an_event("order.paid", customer=who, order=bought, **said)


async def test_one_new_order(desk: Desk, store: Store) -> None:
    """Each row is read once and written once; to be durable takes one commit, and one more to
    remember that Temporal has heard."""
    await desk.receive("api", an_order_of(1))
    with counted(store) as seen:
        receipt = await desk.receive("api", an_order_of(2))
    assert effects(receipt) == [("started", None)]
    assert seen["statements"] <= STATEMENTS + (0 if store.sqlite else LOCKS)
    assert seen["commits"] <= COMMITS


async def test_a_hundred_at_once(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """A batch costs a few transactions, and each event in it less than one by itself."""
    events = [an_order_of(number) for number in range(100)]
    with counted(store) as seen:
        answers = await desk.receive_all("api", events)
    assert [effects(one) for one in answers if isinstance(one, Receipt)] == [
        [("started", None)]
    ] * 100
    assert len(temporal.started) == 100
    assert seen["commits"] <= 100 / TOGETHER * (COMMITS + 1)  # at most 20 are told in one go
    assert seen["statements"] <= 100 * STATEMENTS
    with counted(store) as seen:
        assert await desk.receive_all("api", events) == answers
    assert seen["commits"] == 0


async def test_one_in_a_batch_that_cannot_be_carried_out(
    desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept for an engineer, and all the others are carried out, in their order."""
    one = an_order_of(0)
    events = [one, *(an_order_of(number) for number in range(1, 7)), one]

    async def poisoned(h: Handling) -> None:
        if h.order and h.order.id == "o-4":
            raise ValueError(h.order.id)
        await ordered(h)

    ordered = progress.order_went_on
    monkeypatch.setattr(progress, "order_went_on", poisoned)
    answers = await desk.receive_all("api", [*events, an_event("order.paid", id="bad")])
    assert isinstance(answers[-1], Refusal)
    came = [effects(answer) for answer in answers[:-1] if isinstance(answer, Receipt)]
    assert (
        came
        == [[("started", None)]] * 4
        + [[("none", "failed_a_person_is_told")]]
        + [[("started", None)]] * 3
    )
    assert (await only(store, Task)).title.endswith("ValueError")
    assert len(await rows(store, Inbox)) == 7
    assert {row.id for row in await rows(store, Order)} == {f"o-{n}" for n in (0, 1, 2, 3, 5, 6)}


async def test_what_is_rolled_back_at_the_very_end(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """Nothing is told of it but what was carried out after that, one by one."""
    kept = [inbox.row_for("api", an_order_of(n), occurred_at=NOON, now=NOON) for n in (1, 2)]
    for row in kept:
        await inbox.keep(store, row)
    broken: list[OperationalError] = []

    def never(_: Any) -> None:
        if not broken:
            broken.append(OperationalError("the disk is full", {}, Exception()))
            raise broken[0]

    event.listen(store.engine.sync_engine, "commit", never)
    taken = await desk.intake.carry_out_together([row.id for row in kept], desk.relay.claim())
    event.remove(store.engine.sync_engine, "commit", never)
    assert broken
    assert taken.written is None
    await desk.relay.hurry(*taken.others, written=taken.written)
    assert [row.told_at for row in await rows(store, Telling)] == [NOON, NOON]
    assert len(temporal.started) == 2


async def test_a_database_that_is_away(desk: Desk, store: Store) -> None:
    """Is not asked for half of them, and half of that: whoever sent them has to come again."""
    asked = 0

    def away(_: Any) -> None:
        nonlocal asked
        asked += 1
        raise OperationalError("away", {}, Exception())

    event.listen(store.engine.sync_engine, "commit", away)
    with pytest.raises(OperationalError):
        await desk.receive_all("api", [an_order_of(number) for number in range(TOGETHER)])
    event.remove(store.engine.sync_engine, "commit", away)
    assert asked == 3  # together, by itself, and to be kept at least
    assert not await rows(store, Inbox)


async def test_what_had_waited_goes_first(desk: Desk, store: Store, temporal: FakeTemporal) -> None:
    """In a batch, too, what came before its customer was known travels along with the start."""
    ada = {"email": "new-1@example.com"}
    reply = an_event("reply.received", customer=ada, data={"text": "Hi"})
    answers = await desk.receive_all("api", [reply, an_order_of(1), an_order_of(2)])
    came = [effects(one)[0][0] for one in answers if isinstance(one, Receipt)]
    assert came == ["started", "started", "started"]  # the reply's own is its case
    assert {row.state for row in await rows(store, Inbox)} == {"done"}
    known = {row.email: row.id for row in await rows(store, Customer)}
    began = temporal.started[f"online-customer.{known['new-1@example.com']}"]
    assert [heard.name for heard in began.early] == ["responded"]


async def test_a_process_that_dies_before_it_has_told(
    desk: Desk, store: Store, clock: FakeClock, temporal: FakeTemporal
) -> None:
    """What it had claimed with the writing of it, another process tells once the claim is over."""
    said = an_order_of(1)
    await desk.intake.take_in([New("api", said, read_event(said), NOON)], desk.relay.claim())
    assert await desk.relay.tell() == 0
    clock.advance(CLAIM + timedelta(seconds=1))
    assert await desk.relay.tell() == 1
    assert [row.id for row in await rows(store, Enrolment)] == list(temporal.started)


async def test_nothing_is_claimed_while_temporal_is_away(
    desk: Desk, store: Store, temporal: FakeTemporal
) -> None:
    """The relay's loop tells it as soon as Temporal is back, whoever wrote it."""
    temporal.up = False
    assert [effects(await desk.receive("api", an_order_of(n))) for n in (1, 2)] == [
        [("queued", None)]
    ] * 2
    assert {row.claimed_until for row in await rows(store, Telling) if row.attempts == 0} == {None}
    temporal.up = True
    assert await desk.relay.tell() == 2


async def test_what_was_heard_is_written_down_at_last(
    desk: Desk, store: Store, temporal: FakeTemporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If that could not be written, it is with the next."""
    with monkeypatch.context() as patched:

        async def busy(*_: Any) -> None:
            raise OperationalError("busy", {}, Exception())

        patched.setattr(enrolments, "heard", busy)
        with pytest.raises(OperationalError):
            await desk.receive("api", an_order_event("1"))
    assert (await only(store, Telling)).told_at is None
    await desk.receive("api", an_order_of(2))
    assert all(row.told_at for row in await rows(store, Telling))
    assert len(temporal.started) == 2
