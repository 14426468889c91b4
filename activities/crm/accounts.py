"""A contract's customer in the house's systems: who or what has set them up there (S4 step 2). How
a system is asked: `establishments.py`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import contracts
from activities.crm.establishments import DONE, settle
from activities.crm.tables import Contract, Establishment, Task, new_id
from workflows.vocabulary import Form


async def given(
    session: AsyncSession,
    now: datetime,
    contract: Contract,
    system: str,
    *,
    at: datetime,
    follow_up: str | None = None,
    reference: str | None = None,
    by: str | None = None,
) -> None:
    """The system has them, whether it was asked or not; what was said first stays."""
    rows = [row for row in await of_contract(session, contract.id) if row.system == system]
    if not rows:
        asked = Establishment(
            id=new_id("est"),
            key=f"{contract.id}/{system}",
            customer_id=contract.customer_id,
            contract_id=contract.id,
            follow_up=follow_up,
            system=system,
            asked_at=now,
        )
        session.add(asked)
        rows = [asked]
    for row in rows:
        if row.state != DONE or row.done_at is None:
            settle(row, at, reference=reference)
            row.by = by
        row.done_at = min(row.done_at or at, at)
        row.reference = row.reference or reference
    await session.flush()


async def of_contract(session: AsyncSession, contract_id: str) -> list[Establishment]:
    """All that was asked of the systems for this contract, locked."""
    query = select(Establishment).where(Establishment.contract_id == contract_id)
    query = query.order_by(Establishment.asked_at, Establishment.id).with_for_update()
    return list((await session.execute(query)).scalars())


async def missing(session: AsyncSession, contract_id: str, systems: Iterable[str]) -> list[str]:
    """Which of the systems do not have them yet."""
    query = select(Establishment.system).where(
        Establishment.contract_id == contract_id, Establishment.state == DONE
    )
    there = set((await session.execute(query)).scalars())
    return [name for name in systems if name not in there]


async def left(session: AsyncSession, task: Task) -> list[str]:
    """What of a task's checks is not known, or not done, as it stands now."""
    checks = tuple(task.brief.get("checks", ()))
    if task.contract_id is None or task.form not in (Form.TRANSFER, Form.SET_UP):
        return list(checks)
    if task.form == Form.SET_UP:
        return await missing(session, task.contract_id, checks)
    return contracts.missing(await session.get(Contract, task.contract_id), checks)
