"""A house with something to look at: customers, messages in every state, a checklist."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from activities.crm.store import Store
from activities.crm.tables import Decision, Hold, Message, Milestone, Task, message_id, new_id
from tests.factories import NOON, a_customer, an_enrolment, kept
from workflows.vocabulary import State

HTML = (
    "<!doctype html><html><head><style>@media (prefers-color-scheme: dark) {body{color:#fff}}"
    "</style></head><body><h1>Welcome, Ada</h1></body></html>"
)


async def a_message(store: Store, customer_id: str, **fields: Any) -> Message:
    """A welcome by e-mail, sent a quarter of an hour after it was planned."""
    key = fields.setdefault("key", f"online-customer.{customer_id}/{new_id('step')}")
    row = Message(
        **{
            "id": message_id(key),
            "follow_up": f"online-customer.{customer_id}",
            "sop": "online-customer",
            "clause": "5.1.1",
            "customer_id": customer_id,
            "template": "welcome",
            "kind": "transactional",
            "channel": "email",
            "address": "ada@example.com",
            "via": "sendgrid",
            "tried": [],
            "state": "sent",
            "locale": "en",
            "subject": "Welcome to Our Shop",
            "body_text": "Welcome, Ada\n\nAll the best",
            "body_html": HTML,
            "created_at": NOON,
            "sent_at": NOON + timedelta(minutes=15),
            "attempts": 1,
            "provider_id": "sg-1",
        }
        | fields
    )
    return await kept(store, row)


async def a_clause(
    store: Store, follow_up: str, clause: str, state: State, **fields: Any
) -> Milestone:
    row = Milestone(
        **{
            "follow_up": follow_up,
            "clause": clause,
            "about": "",
            "state": state.value,
            "late_by_seconds": 0,
            "updated_at": NOON,
        }
        | fields
    )
    return await kept(store, row)


async def a_decision(
    store: Store, follow_up: str, clause: str | None, outcome: str, **fields: Any
) -> Decision:
    row = Decision(
        **{
            "id": new_id("dec"),
            "at": NOON,
            "customer_id": follow_up.partition(".")[2],
            "follow_up": follow_up,
            "clause": clause,
            "outcome": outcome,
            "facts": {},
        }
        | fields
    )
    return await kept(store, row)


async def a_life(store: Store, customer_id: str = "cus_1", **fields: Any) -> str:
    """A follow-up with a clause done, one skipped, one waiting for a person, and a hold."""
    await a_customer(store, id=customer_id, email=f"{customer_id}@example.com", **fields)
    follow_up = (await an_enrolment(store, customer_id)).id
    welcome = await a_message(store, customer_id, key=f"{follow_up}/welcome")
    done = {"done_at": NOON, "message_key": welcome.key}
    await a_clause(store, follow_up, "5.1.1", State.DONE, **done)
    await a_decision(store, follow_up, "5.1.1", "allowed", key=welcome.key)
    await a_clause(store, follow_up, "5.3.2", State.SKIPPED, reason="in_use", done_at=NOON)
    await a_decision(store, follow_up, "5.3.2", "skipped", reason="in_use")
    task = Task(
        id=f"task_{customer_id}",
        key=f"{follow_up}/task",
        customer_id=customer_id,
        follow_up=follow_up,
        clause="5.4.1",
        role="marketing",
        title="Make the check-in personal",
        state="open",
        due_at=NOON + timedelta(days=1),
        created_at=NOON,
    )
    await kept(store, task)
    await a_clause(store, follow_up, "5.4.1", State.WAITING, task_id=task.id, due_at=task.due_at)
    return follow_up


async def a_hold(store: Store, customer_id: str, at: datetime = NOON) -> Hold:
    row = Hold(
        id=new_id("hold"),
        customer_id=customer_id,
        kind="complaint",
        reason="It <b>broke</b>",
        at=at,
    )
    return await kept(store, row)
