"""Letters and calls: a task for a person, once, with the words in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from activities.channels import Accepted
from activities.channels.desk import DeskChannel
from activities.crm.store import Store
from activities.crm.tables import Message, Task
from tests.channels.posts import KEY, MAIL
from tests.factories import NOON, FakeClock, a_colleague, a_customer, kept


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    made = Store("sqlite+aiosqlite://")
    await made.create_all()
    yield made
    await made.close()


async def tasks_of(store: Store) -> list[Task]:
    async with store.reading() as session:
        return list((await session.execute(select(Task))).scalars())


@pytest.mark.parametrize(
    ("name", "role"),
    [("letter", "communications-officer"), ("call", "customer-excellence-officer")],
)
async def test_handing_in_makes_one_task(store: Store, name: str, role: str) -> None:
    """Whoever does it finds the words in its brief; asked twice, it is still one."""
    await a_colleague(store, "jo@example.com")
    customer = await a_customer(store, id="cus_1", owner="jo@example.com")
    await kept(
        store,
        Message(
            id=MAIL.reference,
            key=KEY,
            follow_up="online-customer.cus_1",
            sop="online-customer",
            clause="5.2.1",
            customer_id=customer.id,
            template="welcome",
            kind="relationship",
            state="sending",
            tried=[],
            created_at=NOON,
        ),
    )
    channel = DeskChannel(store, FakeClock(), name)
    assert await channel.look_up(MAIL, NOON) == ()
    outcome = await channel.send(MAIL)
    assert await channel.send(MAIL) == outcome
    (task,) = await tasks_of(store)
    assert outcome == Accepted(task.id)
    assert await channel.look_up(MAIL, NOON) == (task.id,)
    assert (task.key, task.role, task.state) == (f"{KEY}/{name}", role, "open")
    assert (task.customer_id, task.clause, task.assignee) == ("cus_1", "5.2.1", "jo@example.com")
    assert task.due_at > NOON
    wanted = {"to": MAIL.to, "subject": MAIL.subject, "text": MAIL.text}
    assert wanted.items() <= task.brief.items()
    assert task.brief["preferences"]["name"] == "Ada"
    # The step hears how it went; its end takes nothing back that counts as sent.
    assert (task.follow_up, task.brief["message"]) == ("online-customer.cus_1", KEY)
    assert (task.form, task.brief["channel"]) == ("call" if name == "call" else "free", name)


async def test_a_trial_is_about_nobody(store: Store) -> None:
    """A test send has no message in the ledger, and still a task."""
    channel = DeskChannel(store, FakeClock(), "letter")
    await channel.send(replace(MAIL, key="test/1"))
    (task,) = await tasks_of(store)
    assert task.customer_id is None
    assert task.brief["text"] == MAIL.text
