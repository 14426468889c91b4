"""Contracts at the door: made known bit by bit, set up; and whom the news of one concerns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from activities.crm import accounts, tasks
from activities.crm.tables import Contract, Enrolment, Task
from starter.intake import starts
from starter.intake.handling import KEEP_IN_TOUCH, SIGNALS, Handling
from workflows.vocabulary import Form

COMPLETE = "complete"  # why a task is done that nobody had to do


async def provided(h: Handling, system: str | None) -> None:
    """A system has the customer, or all of them have: its contract's follow-up ticks it off."""
    contract = await of(h) if system or h.contract else None
    body: dict[str, Any] = {"system": system} if system else {}
    if contract is not None:
        body |= {"contract_id": contract.id}
        if system:
            await accounts.given(
                h.session,
                h.now,
                contract,
                system,
                at=h.at,
                follow_up=h.meant,
                reference=h.data.reference,
            )
        await tell(h, contract, SIGNALS[h.event.type], body)
        if h.contract is None:
            await completed(h, contract)
        return
    await h.tell(SIGNALS[h.event.type], body)


async def of(h: Handling) -> Contract | None:
    """The contract that an event is about: the one named, the one whose follow-up is meant, or the
    only one whose follow-up runs."""
    if h.contract is not None:
        return h.contract
    running = [row for row in await h.running() if row.contract_id]
    mine = [row for row in running if row.id == h.meant] or running
    known = {row.contract_id for row in mine}
    return await h.session.get(Contract, known.pop()) if len(known) == 1 else None


async def tell(h: Handling, contract: Contract | None, name: str, body: dict[str, Any]) -> None:
    """Whoever follows this contract up, or its customer; who begins later reads the rows."""
    for follow_up in await h.running():
        whole = follow_up.sop in (*starts.PER_CUSTOMER, KEEP_IN_TOUCH)
        if h.meant:
            concerned = follow_up.id == h.meant
        else:
            concerned = whole or (contract is not None and follow_up.contract_id == contract.id)
        if concerned:
            h.signal(follow_up, name, body)
    if not h.effects:
        h.note("recorded")


async def completed(h: Handling, contract: Contract) -> None:
    """What was asked of people, and is known or done meanwhile, is off their lists."""
    query = select(Task).where(
        Task.contract_id == contract.id,
        Task.state == tasks.OPEN,
        Task.form.in_((Form.TRANSFER.value, Form.SET_UP.value)),
    )
    for row in (await h.session.execute(query.with_for_update())).scalars():
        if not row.brief.get("checks") or await accounts.left(h.session, row):
            continue
        tasks.settle(row, h.now, tasks.DONE, COMPLETE)
        follow_up = await h.session.get(Enrolment, row.follow_up) if row.follow_up else None
        if follow_up is not None and follow_up.ended_at is None:
            h.signal(follow_up, "task_done", {"id": f"done-{row.id}", "task_id": row.id})
        else:
            await tasks.close_clause(h.session, h.now, row)
