"""What a test says that it plays is looked for in what was done while it ran.

`prove` (a stage's tables) and `prove_in` (the world of a workflow's test) stand in the fixtures; a
test whose clauses leave a trace, and that no fixture proved, fails.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from activities.crm import tables as t
from activities.crm.store import Store
from tests.clauses.documents import Line, line
from tests.clauses.played import Done, can_be_seen, plays
from tests.workflows.world import World
from workflows.vocabulary import Sent, State

HAPPENED = (State.DONE, State.WAITING)
PROVED = pytest.StashKey[bool]()


def said(node: pytest.Item) -> list[Line]:
    """The lines that leave a trace."""
    marks = [mark.args for mark in node.iter_markers("plays")]
    lines = [line(sop, clause) for sop, *clauses in marks for clause in clauses]
    return [one for one in lines if can_be_seen(one)]


async def prove(node: pytest.Item, store: Store) -> None:
    """By the tables of a stage."""
    if lines := said(node):
        _prove(node, lines, await _in_tables(store))


def prove_in(node: pytest.Item, world: World) -> None:
    """By what the world of a workflow's test was asked for."""
    if lines := said(node):
        _prove(node, lines, set(_in_world(world)))


def was_proved(node: pytest.Item) -> None:
    if said(node):
        assert node.stash.get(PROVED, False), f"nobody saw whether {node.name} plays what it says"


def _prove(node: pytest.Item, lines: list[Line], done: set[Done]) -> None:
    for one in lines:
        assert plays(one, done), f"{node.name} says that it plays {one.sop} {one.id}: {done}"
    node.stash[PROVED] = True


async def _in_tables(store: Store) -> set[Done]:
    async with store.reading() as session:
        messages = (await session.execute(select(t.Message))).scalars()
        done = {_done(one.follow_up, one.clause, one.template) for one in messages if one.sent_at}
        tasks = (await session.execute(select(t.Task))).scalars()
        done |= {_done(one.follow_up, one.clause, one.template) for one in tasks}
        rows = (await session.execute(select(t.Milestone))).scalars()
        done |= {_done(row.follow_up, row.clause) for row in rows if State(row.state) in HAPPENED}
    return done


def _in_world(world: World) -> Iterator[Done]:
    for key, message in world.messages.items():
        if isinstance(world.ledger.get(key), Sent):
            yield _done(message.follow_up, message.clause, message.template)
    for task in world.tasks.values():
        yield _done(task.follow_up, task.clause, task.template)
    for mark in world.marks:
        if mark.state in HAPPENED:
            yield _done(mark.follow_up, mark.clause)


def _done(follow_up: str | None, clause: str | None, template: str | None = "") -> Done:
    return Done((follow_up or "").partition(".")[0], clause or "", template or "")
