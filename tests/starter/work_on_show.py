"""A house with work in it: tasks of every form, a complaint and an inquiry with their clocks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from activities.crm import cases
from activities.crm.store import Store
from activities.crm.tables import Case, Draft, Hold, Note, Task, new_id
from tests.factories import NOON, a_customer, an_enrolment, kept
from tests.starter.lives_on_show import a_clause, a_decision, a_message
from workflows.vocabulary import Form, Role, State

HOUR = timedelta(hours=1)


async def a_task(store: Store, customer_id: str | None, **fields: Any) -> Task:
    """A check-in to write, due in an hour, nobody's yet."""
    id_ = fields.setdefault("id", new_id("task"))
    row = Task(
        **{
            "key": f"key/{id_}",
            "customer_id": customer_id,
            "follow_up": f"online-customer.{customer_id}" if customer_id else None,
            "clause": "5.4.1",
            "role": Role.CSR.value,
            "title": "personalise and send",
            "state": "open",
            "form": Form.FREE.value,
            "due_at": NOON + HOUR,
            "created_at": NOON,
            "brief": {},
        }
        | fields
    )
    return await kept(store, row)


async def a_draft(store: Store, task: Task, subject: str, body: str) -> Draft:
    row = Draft(
        id=new_id("draft"),
        customer_id=task.customer_id,
        task_id=task.id,
        template=task.template,
        subject=subject,
        body=body,
        created_at=NOON,
    )
    return await kept(store, row)


async def a_note(store: Store, customer_id: str, text: str, **fields: Any) -> Note:
    row = Note(
        **{
            "id": new_id("note"),
            "key": new_id("key"),
            "customer_id": customer_id,
            "at": NOON,
            "direction": "in",
            "method": "email",
            "summary": text,
        }
        | fields
    )
    return await kept(store, row)


async def a_case(store: Store, customer_id: str, kind: str = "complaint", **fields: Any) -> Case:
    """As the desk leaves one behind: row, hold, first task, follow-up, log, and what they wrote."""
    id_ = fields.pop("id", f"case_{customer_id}")
    fields = {"severity": "high", "type": "delivery"} | fields if kind == "complaint" else fields
    row = Case(
        **{
            "id": id_,
            "key": f"{customer_id}:{id_}",
            "customer_id": customer_id,
            "kind": kind,
            "state": "open",
            "opened_at": NOON - 3 * HOUR,
            "reopened": 0,
        }
        | fields
    )
    await kept(store, row)
    follow_up = cases.follow_up_of(id_)
    started = {"id": follow_up, "sop": "case", "subject": id_, "started_at": row.opened_at}
    await an_enrolment(store, customer_id, **started)
    if kind == "complaint" and row.closed_at is None:
        hold = {"id": id_, "customer_id": customer_id, "kind": "complaint", "at": row.opened_at}
        await kept(store, Hold(**hold))
    if row.closed_at is None:
        await _first_steps(store, row, follow_up)
    said = (
        "The kettle came with a broken lid, and nobody answers."
        if kind == "complaint"
        else "Which filter fits it?"
    )
    await a_note(store, customer_id, said, at=row.opened_at)
    facts = {"case": id_, "severity": row.severity, "type": row.type}
    await a_decision(
        store, follow_up, None, "case_opened", reason=kind, at=row.opened_at,
        customer_id=customer_id, key=f"{follow_up}/log", facts=facts,
    )  # fmt: skip
    return row


async def _first_steps(store: Store, case: Case, follow_up: str) -> None:
    """Acknowledged, waiting for an answer, and the first rung of the ladder to come."""
    due = case.opened_at + 4 * HOUR
    task = await a_task(
        store,
        case.customer_id,
        id=f"task_{case.id}",
        key=cases.answer_key(case.id),
        follow_up=follow_up,
        clause="2",
        title=cases.TITLES[case.kind],
        template="case-answer",
        form=Form.ANSWER.value,
        case_id=case.id,
        urgent=case.kind == "complaint",
        priority=1 if case.kind == "complaint" else 2,
        due_at=due,
    )
    letter = await a_message(
        store, case.customer_id, key=f"{follow_up}/complaint-received", follow_up=follow_up,
        sop="case", clause="1", template=f"{case.kind}-received", subject="We have your message",
    )  # fmt: skip
    done = {"done_at": case.opened_at, "message_key": letter.key}
    await a_clause(store, follow_up, "1", State.DONE, **done)
    await a_clause(store, follow_up, "2", State.WAITING, task_id=task.id, due_at=due)
    await a_clause(store, follow_up, "3", State.DONE, about="1", done_at=case.opened_at)
    await a_clause(store, follow_up, "3", State.NEXT, about="2", due_at=due + 24 * HOUR)


async def a_working_house(store: Store) -> None:
    """Grace complains, Alan asks, Ada is to be checked in on, an order has not arrived."""
    await a_customer(
        store, id="cus_grace", name="Grace Hopper", preferred_name="Grace", tier="vip",
        email="grace@example.com", company="Flow-Matic", owner="ada@ourshop.example",
    )  # fmt: skip
    await a_customer(store, id="cus_alan", name="Alan Turing", email="alan@example.com")
    await a_customer(store, id="cus_ada", name="Ada Byron", email="byron@example.com")
    for customer_id in ("cus_grace", "cus_alan", "cus_ada"):
        await an_enrolment(store, customer_id)
    await a_case(store, "cus_grace", id="case_1")
    await a_case(store, "cus_alan", "inquiry", id="case_2")
    mine = {"assignee": "ada@ourshop.example"}
    check_in = await a_task(store, "cus_ada", id="task_check_in", template="check-in", **mine)
    await a_draft(
        store,
        check_in,
        "How is the kettle doing?",
        "Dear Ada,\n\nhow is the kettle?\n\nKind regards",
    )
    late = NOON - 2 * HOUR
    await a_task(
        store,
        "cus_alan",
        id="task_arrival",
        form=Form.ARRIVAL.value,
        due_at=late,
        title="find out whether an order has arrived",
        clause="3",
    )
    call = await a_task(
        store,
        "cus_ada",
        id="task_call",
        form=Form.CALL.value,
        due_at=NOON + 26 * HOUR,
        title="call and ask how it went",
        clause="4.1",
        template="satisfaction-survey",
    )
    await a_draft(store, call, "Call: Ada, how is it going?", '## 1. Greeting\n\n"Good day, Ada"')
    await a_task(
        store,
        None,
        id="task_look",
        role=Role.ENGINEER.value,
        title="look into a template that cannot be filled",
        due_at=NOON + 3 * HOUR,
        clause=None,
    )
