"""What a journey costs is counted in statements and commits: no machine makes those slower."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import event

from activities.crm.store import Store
from tests.activities.desk_work import clerk, enrolled, records, step
from tests.activities.sending import House, somebody
from tests.factories import NOON, FakeClock
from workflows import vocabulary as v


@dataclass
class Cost:
    """What was asked of the database; the beginnings and ends of transactions are no statements."""

    statements: int = 0
    commits: int = 0


@contextmanager
def counted(store: Store) -> Iterator[Cost]:
    cost, engine = Cost(), store.engine.sync_engine

    def execute(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        cost.statements += not statement.startswith("BEGIN")

    def commit(_connection: Any) -> None:
        cost.commits += 1

    event.listen(engine, "before_cursor_execute", execute)
    event.listen(engine, "commit", commit)
    yield cost
    event.remove(engine, "before_cursor_execute", execute)
    event.remove(engine, "commit", commit)


def locks(store: Store, number: int) -> int:
    """The statements that only take a lock: on SQLite whoever writes has it already."""
    return 0 if store.sqlite else number


async def test_a_send_is_three_transactions(store: Store, clock: FakeClock) -> None:
    """The gate's yes, that it went, and what the checklist says of it; a provider's own is its."""
    house = House(store, clock)
    customer = await somebody(house)
    with counted(store) as cost:
        assert isinstance(await house.send(customer.id, "notice"), v.Sent)
    assert cost.commits <= 3
    assert cost.statements <= 23 + locks(store, 3)


async def test_a_silent_milestone_is_two_transactions(store: Store, clock: FakeClock) -> None:
    """Planned: whether it is new, whose it is, the line. Passed over: the line, and why."""
    customer = await enrolled(store)
    known = step(customer, "step", now=NOON)
    with counted(store) as cost:
        await clerk(store, clock).plan(v.Milestone(**known, due=NOON + timedelta(days=5)))
        await clerk(store, clock).mark(v.Mark(**known, state=v.State.SKIPPED, reason="silent"))
    assert cost.commits <= 2
    assert cost.statements <= 7


async def test_a_note_and_an_end_are_one_transaction_each(store: Store, clock: FakeClock) -> None:
    """Nothing is read twice that was read under the lock."""
    customer = await enrolled(store)
    known = step(customer, "step", now=NOON)
    with counted(store) as cost:
        await records(store, clock).note(v.Note(**known, text="silent"))
    assert cost.commits <= 1
    assert cost.statements <= 3
    with counted(store) as cost:
        await records(store, clock).close(v.Ending(**known, outcome=v.Outcome.COMPLETED))
    assert cost.commits <= 1
    assert cost.statements <= 8 + locks(store, 1)
