"""What tests of the reports write down before they read it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from activities.crm.milestones import record_milestone
from activities.crm.store import Store
from activities.crm.tables import Message, new_id
from starter.reports import Reports
from starter.reports.objects import ChecklistLine, FollowUp
from tests.factories import NOON, FakeClock
from workflows.vocabulary import State

DAY = timedelta(days=1)
ID = "online-customer.cus_1"


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
