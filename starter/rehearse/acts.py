"""What the entries of a script do: through the same doors as customers' and colleagues' acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from activities.crm import tables as t
from starter.answers import Refusal
from starter.rehearse.script import Entry, dated
from starter.rehearse.timeline import Cast

if TYPE_CHECKING:
    from starter.rehearse.director import Director

OF_AN_ORDER = ("order.", "account.", "sale.")
OF_A_CONTRACT = ("contract.", "meeting.")


async def carry_out(director: Director, entry: Entry, who: Cast) -> None:
    """One entry, for one of the cast; the desk may refuse it."""
    by = "rehearsal"
    if entry.event:
        await _event(director, entry, who)
    elif entry.signal:
        target = await _target(director, entry, who)
        await director.desk.signal(target, entry.signal, entry.data, by=by)
    elif entry.control:
        target = await _target(director, entry, who)
        await director.desk.control(
            entry.control, target, clause=entry.clause or None, reason=entry.reason, by=by
        )
    elif entry.task:
        task = await _task(director, entry, who)
        await director.desk.complete_task(task.id, dated(entry.outcome, who.began), by=by)
    elif entry.write:
        await director.desk.write(who.id, {"text": entry.write, **entry.data}, by=by)


async def _event(director: Director, entry: Entry, who: Cast) -> None:
    about = {"order": _order(entry, who), "contract": _contract(director, entry, who)}
    named = {name: value for name, value in about.items() if value}
    said = dated({"data": entry.data, **named}, who.began)
    receipt = await director.receive(entry.event, customer={"id": who.id}, **said)
    if receipt.error is not None:
        raise Refusal(receipt.error.code, receipt.error.detail)


def _order(entry: Entry, who: Cast) -> dict[str, Any] | None:
    ours = entry.event.startswith(OF_AN_ORDER) and who.orders and not entry.data.get("system")
    return {"id": who.orders[0], **(entry.order or {})} if ours else entry.order


def _contract(director: Director, entry: Entry, who: Cast) -> dict[str, Any] | None:
    """The one that is named; else, of a contract's news, the last; one of many has their own."""
    if entry.contract and entry.contract.get("id"):
        id_ = str(entry.contract["id"])
        director.contracts[who.number] = id_ if len(director.cast) == 1 else f"{id_}-{who.number}"
    about = entry.contract or entry.event.startswith(OF_A_CONTRACT) or entry.data.get("system")
    known = director.contracts.get(who.number)
    return {**(entry.contract or {}), "id": known} if about and known else entry.contract


async def _target(director: Director, entry: Entry, who: Cast) -> str:
    """The follow-up that is meant: the newest of its SOP; none named: the customer."""
    sop = entry.sop or (director.sop.name if director.sop else "")
    if not sop:
        return who.id
    query = select(t.Enrolment.id).where(t.Enrolment.customer_id == who.id, t.Enrolment.sop == sop)
    if entry.order and entry.order.get("id"):
        query = query.where(t.Enrolment.order_id == entry.order["id"])
    async with director.store.reading() as session:
        found = (await session.execute(query.order_by(t.Enrolment.started_at))).scalars().all()
    if not found:
        raise Refusal("not_found", f"there is no follow-up of {sop} then")
    return found[-1]


async def _task(director: Director, entry: Entry, who: Cast) -> t.Task:
    """Their oldest open task of this clause, role or form."""
    query = select(t.Task).where(t.Task.customer_id == who.id, t.Task.state == "open")
    async with director.store.reading() as session:
        tasks = list((await session.execute(query.order_by(t.Task.created_at))).scalars())
    for task in tasks:
        ours = not entry.sop or (task.follow_up or "").startswith(f"{entry.sop}.")
        if ours and entry.task in (task.clause, task.role, task.form):
            return task
    there = ", ".join(f"{task.clause or task.form} ({task.title})" for task in tasks) or "none"
    raise Refusal("no_open_task", f"no such task is open then; open are: {there}")
