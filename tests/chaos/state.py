"""The end state of a town: what stands in the tables and in the workflows, without what is random
or of the clock on the wall."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client, WorkflowExecutionStatus

from activities.crm import inbox
from activities.crm.store import Store
from activities.crm.tables import (
    Alias,
    Base,
    Case,
    Consent,
    Customer,
    Engagement,
    Enrolment,
    Hold,
    Inbox,
    Message,
    Milestone,
    Note,
    Order,
    Task,
    Telling,
)
from workflows.plugin import plugin

BOUGHT = (
    "reference number total currency confirmed_at paid_at shipped_at delivered_at refunded_at "
    "cancelled_at fulfilment shipments"
)
OURS = re.compile(r"\b(cus|case|ord|task|msg|note|cmd)_[0-9a-f]{8,}")  # ids of our own: random
State = dict[str, dict[str, list[str]]]  # by customer, by table
COLUMNS: dict[type[Base], tuple[str, str]] = {
    Customer: ("id", "email name phone country time_zone tier"),
    Consent: ("customer_id", "scope given at"),
    Order: ("customer_id", BOUGHT),
    Case: ("customer_id", "kind type severity state opened_at outcome reopened"),
    Hold: ("customer_id", "kind"),
    Engagement: ("customer_id", "kind at"),
    Enrolment: ("customer_id", "sop state sop_version"),
    Message: ("customer_id", "template channel state clause kind reason"),
    Note: ("customer_id", "direction method summary"),
    Task: ("customer_id", "role title state clause form reason"),
}


async def settled(store: Store, target: str, patience: float) -> None:
    """Nothing is left to carry out, to tell, or to do at once, for three seconds in a row."""
    client, still = await Client.connect(target, plugins=[plugin]), 0
    before: Any = None
    async with asyncio.timeout(patience):
        while still < 6:
            now = await _moving(store, client)
            still = still + 1 if now[0] == 0 and now == before else 0
            before = now
            await asyncio.sleep(0.5)


async def _moving(store: Store, client: Client) -> tuple[int, ...]:
    """How much is on its way; and what grows while anything is."""
    stored = select(func.count()).where(Inbox.state == inbox.STORED)
    untold = select(func.count()).where(Telling.told_at.is_(None))
    sending = select(func.count()).where(Message.state == "sending")
    grows = [select(func.count()).select_from(table) for table in (Message, Milestone, Note, Task)]
    async with store.reading() as session:
        counts = [(await session.execute(one)).scalar_one() for one in (stored, untold, sending)]
        sizes = [(await session.execute(one)).scalar_one() for one in grows]
        latest = (await session.execute(select(func.max(Milestone.updated_at)))).scalar_one()
    running = (await client.count_workflows("ExecutionStatus='Running'")).count
    stamp = int(latest.timestamp() * 1000) if latest else 0
    return (sum(counts), *sizes, running, stamp)


async def state_of(store: Store, target: str) -> State:
    """All of it, each customer under their e-mail address."""
    found: State = defaultdict(lambda: defaultdict(list))
    async with store.reading() as session:
        people = (await session.execute(select(Customer))).scalars()
        whose = {row.id: row.email or "nobody" for row in people}
        names = {(row.customer_id, row.alias) for row in await _all(session, Alias)}
        for id_, name in names | {(id_, id_) for id_ in whose if not id_.startswith("cus_")}:
            found[whose[id_]]["known_as"].append(name)  # its own id, where that came first
        for table, (column, columns) in COLUMNS.items():
            for row in await _all(session, table):
                if _is_over(row):
                    continue
                who = whose.get(getattr(row, column), "nobody")
                found[who][table.__tablename__].append(_said(row, columns))
        begun = [row for row in await _all(session, Enrolment) if not _is_over(row)]
        follow_ups = {row.id: row for row in begun}
        for line in await _all(session, Milestone):
            if follow_up := follow_ups.get(line.follow_up):
                said = f"{follow_up.sop}: {_said(line, 'clause about state reason')}"
                found[whose[follow_up.customer_id]]["milestone"].append(said)
        for event in await _all(session, Inbox):
            if not event.type.startswith(inbox.HOOKS) and event.source != inbox.WORKFLOW:
                who = whose.get(event.customer_id or "", "nobody")
                found[who]["inbox"].append(f"{event.source} {event.event_id} {event.state}")
    await _add_workflows(found, follow_ups.values(), whose, target)
    return {who: {table: sorted(said) for table, said in its.items()} for who, its in found.items()}


def _is_over(row: Any) -> bool:
    """A follow-up that ended at once because its order was refunded: where that is heard before the
    order, none begins."""
    return (isinstance(row, Enrolment) and row.state == "ended") or (
        isinstance(row, Note) and row.summary.endswith(": ended")
    )


async def _all(session: AsyncSession, table: Any) -> list[Any]:
    return list((await session.execute(select(table))).scalars())


def _said(row: Any, columns: str) -> str:
    values = {name: getattr(row, name) for name in columns.split()}
    said = ", ".join(
        f"{name}={json.dumps(value, sort_keys=True) if isinstance(value, list) else value}"
        for name, value in values.items()
    )
    return OURS.sub(r"\1_…", said)


async def _add_workflows(
    found: State, rows: Iterable[Enrolment], whose: dict[str, str], target: str
) -> None:
    """What each workflow says of itself: its status, and its checklist."""
    client, turns = await Client.connect(target, plugins=[plugin]), asyncio.Semaphore(4)

    async def one(row: Enrolment) -> None:
        async with turns:
            handle = client.get_workflow_handle(row.id)
            status = (await handle.describe()).status or WorkflowExecutionStatus.RUNNING
            lines = await handle.query("checklist")
        said = sorted(f"{line['clause']} {line['state']} {line['reason']}" for line in lines)
        line = OURS.sub(r"\1_…", f"{row.sop} {status.name}: {'; '.join(said)}")
        found[whose[row.customer_id]]["workflow"].append(line)

    await asyncio.gather(*(one(row) for row in rows))


def differences(one: State, other: State) -> list[str]:
    """What stands in one of the two only, a line each."""
    found = []
    for who in sorted({*one, *other}, key=str):
        for table in sorted({*one.get(who, {}), *other.get(who, {})}):
            mine, theirs = one.get(who, {}).get(table, []), other.get(who, {}).get(table, [])
            if mine != theirs:
                only = [f"- {said}" for said in mine if said not in theirs]
                more = [f"+ {said}" for said in theirs if said not in mine]
                found += [f"{who} {table}: {line}" for line in (only + more) or ["how often"]]
    return found
