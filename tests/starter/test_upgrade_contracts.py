"""A database of the release before contracts is brought up to date with all that is in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, MetaData

from activities.crm.migrate import _config, at_head, upgrade
from activities.crm.policies import tell_of
from activities.crm.store import Store
from activities.crm.tables import Enrolment, Feedback, Message, Outbox, Task
from starter.reports import Reports
from tests.factories import NOON, FakeClock
from tests.starter.doors import knocking
from tests.starter.front import FakeTemporal, a_desk
from workflows.sops.online_customer import Policy

OF = {"customer_id": "cus_ada"}
SENT = {"channel": "email", "subject": "Hello", "body_text": "Hello", "body_html": None}
BEFORE: list[tuple[str, dict[str, Any]]] = [
    ("customer", {"id": "cus_ada", "email": "ada@example.com", "tier": "standard",
                  "sensitive": False, "told_at": {}, "created_at": NOON}),
    ("enrolment", {"id": "online-customer.cus_ada", "sop": "online-customer", "state": "running",
                   "subject": "cus_ada", "sop_version": "1", "input": {}, "started_at": NOON} | OF),
    ("message", {"id": "msg_1", "key": "k", "state": "sent", "kind": "relationship",
                 "sop": "online-customer", "follow_up": "online-customer.cus_ada", "attempts": 1,
                 "template": "check-in", "deferrals": 0, "created_at": NOON} | OF | SENT),
    ("outbox", {"id": "out_1", "key": "k", "address": "ada@example.com",
                "accepted_at": NOON} | SENT),
    ("feedback", {"id": "fb_1", "key": "k", "source": "form", "at": NOON, "overall": 80} | OF),
    ("policy", {"id": "pol_1", "name": "online-customer", "version": 1, "by": "jo", "at": NOON,
                "body": {"check_in": "10d"}, "approved_by": "jo"}),
    ("task", {"id": "task_1", "key": "k", "title": "t", "about": "", "role": "customer-service",
              "mode": "each", "state": "open", "due_at": NOON, "brief": {}, "worth": 0,
              "priority": 1, "created_at": NOON} | OF),
]  # fmt: skip


@pytest.fixture
async def house(empty_url: str) -> AsyncIterator[Store]:
    """As the release before left it, upgraded."""
    store = Store(empty_url)

    def fill(connection: Connection) -> None:
        command.upgrade(_config(connection), "v0004")
        tables = MetaData()
        tables.reflect(connection)
        for name, row in BEFORE:
            connection.execute(tables.tables[name].insert().values(row))

    async with store.engine.begin() as connection:
        await connection.run_sync(fill)
    await upgrade(empty_url)
    assert await at_head(store)
    yield store
    await store.close()


async def test_what_was_there_has_its_defaults(house: Store, clock: FakeClock) -> None:
    """Nothing went with the old messages, nobody classified the old feedback, nobody was moved."""
    async with house.reading() as session:
        assert (await session.get_one(Message, "msg_1")).attachments == []
        assert (await session.get_one(Outbox, "out_1")).attachments == []
        assert (await session.get_one(Feedback, "fb_1")).classified_at is None
        assert (await session.get_one(Task, "task_1")).feedback_id is None
        assert (await session.get_one(Enrolment, "online-customer.cus_ada")).contract_id is None
        (version,) = await tell_of(session, "online-customer", Policy)
    assert (version["state"], version["moved_at"]) == ("in_force", None)
    found = await Reports(house, clock).message("msg_1")
    assert found is not None
    assert found.attachments == []


async def test_the_doors_show_it(house: Store, clock: FakeClock, temporal: FakeTemporal) -> None:
    """Every list that has got new columns."""
    async with knocking(a_desk(house, clock, temporal)) as http:
        for path in ("feedback", "tasks", "messages", "follow-ups", "privacy-requests"):
            answer = await http.get(f"/v1/{path}")
            assert answer.status_code == 200, answer.text
            assert len(answer.json()["data"]) == (path != "privacy-requests")
        classes = {"type": "service", "urgency": "low", "potential": "none"}
        said = await http.post("/v1/feedback/fb_1/classify", json=classes)
        assert (said.status_code, said.json()["type"]) == (200, "service")
