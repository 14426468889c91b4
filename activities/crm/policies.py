"""Policies and house rules as data: versions, what is set in each, who approved it.

Whoever reads changes from outside hands in the model they must fit (`policy_values.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.house import current_policy
from activities.crm.policy_values import Body, Model, PolicyError, blanks, changed, compare, values
from activities.crm.store import lock_name
from activities.crm.tables import PolicyVersion, new_id

__all__ = [
    "PolicyError",
    "approve",
    "changed",
    "compare",
    "describe",
    "diff",
    "discard",
    "set_policy",
    "undo",
    "values",
    "versions",
]


async def versions(session: AsyncSession, name: str) -> list[PolicyVersion]:
    """All versions, newest first."""
    query = select(PolicyVersion).where(PolicyVersion.name == name)
    return list((await session.execute(query.order_by(PolicyVersion.version.desc()))).scalars())


async def describe(session: AsyncSession, name: str, model: Model) -> dict[str, Any]:
    """The policy in force, every value in words, and the blanks that are still to be filled."""
    body = await current_policy(session, name)
    known = await versions(session, name)
    current = next((row for row in known if row.approved_by), None)
    waiting = known[0].version if known and not known[0].approved_by else None
    return {
        "name": name,
        "version": current.version if current else 0,
        "approved_by": current.approved_by if current else None,
        "waiting": waiting,
        "values": values(model, body),
        "blanks": blanks(model, body),
    }


async def set_policy(
    session: AsyncSession,
    now: datetime,
    name: str,
    changes: Body,
    *,
    model: Model,
    by: str,
    reason: str,
    approve: bool = False,
) -> PolicyVersion:
    """A new version with these changes. One that is approved at once builds on what is in force,
    so that it carries nobody's unapproved changes along."""
    await lock_name(session, f"policy {name}")
    body = await current_policy(session, name) if approve else await _newest(session, name)
    body = changed(model, body, changes)
    return await _add(session, now, name, body, by=by, reason=reason, approve=approve)


async def diff(
    session: AsyncSession, name: str, changes: Body, model: Model
) -> dict[str, list[Any]]:
    """What the changes would change of what is in force: `{key: [now, then]}`; with none, what
    waits for approval would."""
    body = await current_policy(session, name)
    then = changed(model, body, changes) if changes else await _newest(session, name)
    return compare(model, body, then)


async def approve(
    session: AsyncSession, name: str, *, by: str, version: int | None = None
) -> PolicyVersion:
    """Put a version in force, by default the newest."""
    await lock_name(session, f"policy {name}")
    known = await versions(session, name)
    row = next((row for row in known if version in (None, row.version)), None)
    if row is None:
        raise PolicyError("no_such_version", "version", f"`{name}` has no such version")
    if row.approved_by:
        raise PolicyError("already_approved", "version", f"version {row.version} is approved")
    newer = next((later.version for later in known if later.approved_by), 0)
    if newer > row.version:
        detail = f"version {newer} came after it and is in force: set the changes again"
        raise PolicyError("superseded", "version", detail)
    row.approved_by = by
    return row


async def discard(
    session: AsyncSession, now: datetime, name: str, *, by: str, reason: str
) -> PolicyVersion:
    """Drop what waits for approval: what is in force comes again as the newest version, so that
    the draft is not forgotten, and can neither be approved nor built upon by mistake."""
    await lock_name(session, f"policy {name}")
    known = await versions(session, name)
    if not known or known[0].approved_by:
        detail = f"no change of `{name}` waits for approval"
        raise PolicyError("nothing_waits", "name", detail)
    current = next((row for row in known if row.approved_by), None)
    row = await _add(
        session,
        now,
        name,
        dict(current.body) if current else {},
        by=by,
        reason=reason,
        approve=True,
    )
    if current:  # nobody has approved anything new
        row.approved_by = current.approved_by
    return row


async def undo(
    session: AsyncSession, now: datetime, name: str, *, by: str, reason: str
) -> PolicyVersion:
    """Go back to what was in force before: as a new version, so that nothing is forgotten."""
    await lock_name(session, f"policy {name}")
    approved = [row for row in await versions(session, name) if row.approved_by]
    if not approved:
        raise PolicyError("nothing_to_undo", "name", f"nothing was ever set for `{name}`")
    body = dict(approved[1].body) if len(approved) > 1 else {}
    return await _add(session, now, name, body, by=by, reason=reason, approve=True)


async def _newest(session: AsyncSession, name: str) -> Body:
    known = await versions(session, name)
    return dict(known[0].body) if known else {}


async def _add(
    session: AsyncSession,
    now: datetime,
    name: str,
    body: Body,
    *,
    by: str,
    reason: str,
    approve: bool,
) -> PolicyVersion:
    known = await versions(session, name)
    row = PolicyVersion(
        id=new_id("pol"),
        name=name,
        version=known[0].version + 1 if known else 1,
        body=body,
        by=by,
        reason=reason,
        at=now,
        approved_by=by if approve else None,
    )
    session.add(row)
    await session.flush()
    return row
