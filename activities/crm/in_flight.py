"""Follow-ups under way when their SOP's policy changes: who they are, and how they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.calendar import business_window
from activities.crm import enrolments
from activities.crm.house import Office, house_rules
from activities.crm.tables import Customer, Decision, Enrolment, PolicyVersion, Telling, new_id
from workflows.vocabulary import Opening

MOVED, KEPT = "policy_moved", "policy_kept"
SIGNAL = "policy"


def token(name: str, version: int) -> str:
    """What the telling of a version is known by."""
    return f"{SIGNAL}.{name}.{version}"


async def running(session: AsyncSession, sop: str) -> list[Enrolment]:
    """The SOP's follow-ups that have not ended, in the order of their ids."""
    query = select(Enrolment).where(Enrolment.sop == sop, Enrolment.ended_at.is_(None))
    return list((await session.execute(query.order_by(Enrolment.id))).scalars())


async def everybody(session: AsyncSession) -> tuple[int, int]:
    """How many follow-ups run, and of how many customers."""
    query = select(func.count(), func.count(Enrolment.customer_id.distinct()))
    found = (await session.execute(query.where(Enrolment.ended_at.is_(None)))).one()
    return int(found[0]), int(found[1])


async def working_days(
    session: AsyncSession, those: Sequence[tuple[Enrolment, int, int]]
) -> dict[str, Opening]:
    """From when until when it would be for each, from the one to the other of the office's working
    days after the purchase."""
    rules, sops = await house_rules(session), {row.sop for row, _, _ in those}
    query = (
        select(Enrolment.id, Customer.country)
        .join(Customer, Enrolment.customer_id == Customer.id)
        .where(Enrolment.sop.in_(sops), Enrolment.ended_at.is_(None))
    )
    lands = {follow_up: land for follow_up, land in await session.execute(query)}  # noqa: C416
    offices = {row.id: rules.office(lands.get(row.id)) for row, _, _ in those}
    return {row.id: _window(row, after, before, offices[row.id]) for row, after, before in those}


def _window(row: Enrolment, after: int, before: int, office: Office) -> Opening:
    since = datetime.fromisoformat(row.input["purchased_at"])
    opens, closes = business_window(since, after, before, office)
    return Opening(opens=opens, closes=closes)


async def followed(session: AsyncSession, sop: str) -> dict[str, int]:
    """Which version each follow-up was moved to last; those that never were are not named."""
    query = (
        select(Decision.follow_up, Decision.facts)
        .join(Enrolment, Enrolment.id == Decision.follow_up)
        .where(Decision.outcome == MOVED, Enrolment.sop == sop, Enrolment.ended_at.is_(None))
        .order_by(Decision.at, Decision.id)
    )
    found = (await session.execute(query)).all()
    latest: dict[str, int] = {}
    for follow_up, facts in found:
        latest[follow_up] = max(latest.get(follow_up, 0), int(facts["version"]))
    return latest


async def tell(
    session: AsyncSession,
    now: datetime,
    version: PolicyVersion,
    rows: Sequence[Enrolment],
    bodies: Mapping[str, dict[str, Any] | None],
) -> int:
    """Have each hear of the version, with a decision on record; none: what was said for it alone
    does not fit, so that it keeps what it has. All in this transaction, or nothing of it."""
    stood = await followed(session, version.name)
    said_by = token(version.name, version.version)
    tellings, decisions = [], []
    for row in rows:
        body = bodies[row.id]
        begun = int(row.input.get("policy_version") or 0)
        facts = {"version": version.version, "version_before": stood.get(row.id, begun)}
        decisions.append(
            {
                "id": new_id("dec"),
                "at": now,
                "customer_id": row.customer_id,
                "follow_up": row.id,
                "key": f"{row.id}/{SIGNAL}",
                "outcome": KEPT if body is None else MOVED,
                "reason": "own_policy" if row.input.get("own") or body is None else None,
                "facts": facts,
            }
        )
        if body is not None:
            said = {"id": said_by, "policy": body, "version": version.version}
            tellings.append(
                {
                    "workflow_id": row.id,
                    "verb": enrolments.SIGNAL,
                    "name": SIGNAL,
                    "body": said,
                    "inbox_id": said_by,
                    "created_at": now,
                    "attempts": 0,
                }
            )
    if decisions:
        await session.execute(insert(Decision), decisions)
    if tellings:
        await session.execute(insert(Telling), tellings)
    version.moved_at = now
    return len(tellings)
