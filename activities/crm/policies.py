"""Policies and house rules as data: versions, what is set in each, who approved it.

Whoever reads changes from outside hands in the model they must fit (`policy_values.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.house import current_policy
from activities.crm.policy_values import Body, Model, PolicyError, blanks, changed, compare, values
from activities.crm.store import lock_name
from activities.crm.tables import PolicyVersion, Staff, new_id
from workflows.vocabulary import Role

__all__ = [
    "APPROVERS",
    "PolicyError",
    "all_in_force",
    "approve",
    "before",
    "changed",
    "compare",
    "describe",
    "diff",
    "differ",
    "discard",
    "in_force",
    "planned",
    "set_policy",
    "tell_of",
    "undo",
    "values",
    "versions",
]

APPROVERS = (Role.MANAGER.value, Role.SALES_MANAGER.value, Role.ENGINEER.value)
SOMEBODY_ELSE = (
    "whoever set a change does not approve it, too, where others can: somebody else looks at it "
    "and approves it: `aftercare policy {name} --approve`, on the console under Policies, or "
    "POST /v1/policies/{name}/approve"
)


async def versions(session: AsyncSession, name: str) -> list[PolicyVersion]:
    """All versions, newest first."""
    query = select(PolicyVersion).where(PolicyVersion.name == name)
    return list((await session.execute(query.order_by(PolicyVersion.version.desc()))).scalars())


async def in_force(session: AsyncSession, name: str) -> PolicyVersion | None:
    """The newest version that is approved; none if nothing ever was."""
    approved = PolicyVersion.name == name, PolicyVersion.approved_by.is_not(None)
    query = select(PolicyVersion).where(*approved).order_by(PolicyVersion.version.desc())
    return (await session.execute(query.limit(1))).scalar_one_or_none()


async def all_in_force(session: AsyncSession, names: Sequence[str]) -> dict[str, PolicyVersion]:
    """The same of several; those that nobody has set are not in it."""
    version = PolicyVersion.version
    approved = PolicyVersion.name.in_(names), PolicyVersion.approved_by.is_not(None)
    newest = select(PolicyVersion.name, func.max(version)).where(*approved)
    each = tuple_(PolicyVersion.name, version).in_(newest.group_by(PolicyVersion.name))
    rows = (await session.execute(select(PolicyVersion).where(each))).scalars()
    return {row.name: row for row in rows}


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
    if approve and await _others_can(session):
        raise PolicyError("needs_second_person", "approve", SOMEBODY_ELSE.format(name=name))
    body = await planned(session, name, changes, model, approve=approve)
    return await _add(session, now, name, body, by=by, reason=reason, approve=approve)


async def diff(
    session: AsyncSession, name: str, changes: Body, model: Model
) -> dict[str, list[Any]]:
    """What the changes would change of what is in force: `{key: [now, then]}`; with none, what
    waits for approval would."""
    body = await current_policy(session, name)
    then = await planned(session, name, changes, model, approve=True)
    return compare(model, body, then)


async def differ(
    session: AsyncSession, name: str, model: Model, one: int, other: int
) -> dict[str, list[Any]]:
    """How the other version differs from the one; before the first there were the defaults."""
    bodies: dict[int, Body] = {row.version: row.body for row in await versions(session, name)}
    bodies[0] = {}
    if one not in bodies or other not in bodies:
        raise PolicyError("no_such_version", "version", f"`{name}` has no such version")
    return compare(model, bodies[one], bodies[other])


async def planned(
    session: AsyncSession, name: str, changes: Body, model: Model, *, approve: bool
) -> Body:
    """What would be set after the changes, of what is in force or of what waits; with none, what
    waits for approval, or is in force."""
    waits = not (approve and changes)
    body = await _newest(session, name) if waits else await current_policy(session, name)
    return changed(model, body, changes) if changes else body


async def tell_of(session: AsyncSession, name: str, model: Model) -> list[dict[str, Any]]:
    """Every version, newest first: who set it, when and why, who approved it, and what it changed
    of what was in force until then."""
    told, in_force = [], None
    known = await versions(session, name)
    for row in known:
        later = next((one for one in known if one.version < row.version and one.approved_by), None)
        state = "waiting" if row is known[0] else "void"
        if row.approved_by:
            state, in_force = ("past" if in_force else "in_force"), True
        told.append(
            {
                "version": row.version,
                "state": state,
                "at": row.at,
                "by": row.by,
                "reason": row.reason,
                "approved_by": row.approved_by,
                "moved_at": row.moved_at,
                "changes": compare(model, later.body if later else {}, row.body),
            }
        )
    return told


async def approve(
    session: AsyncSession,
    name: str,
    *,
    by: str,
    version: int | None = None,
    seen: int | None = None,
) -> PolicyVersion:
    """Put a version in force, by default the newest: the one that was seen, if that is said."""
    await lock_name(session, f"policy {name}")
    known = await versions(session, name)
    row = next((row for row in known if version in (None, row.version)), None)
    if row is None:
        raise PolicyError("no_such_version", "version", f"`{name}` has no such version")
    if seen not in (None, row.version):
        detail = f"version {row.version} was set meanwhile: look at that before it is approved"
        raise PolicyError("changed_meanwhile", "version", detail)
    if row.approved_by:
        raise PolicyError("already_approved", "version", f"version {row.version} is approved")
    newer = next((later.version for later in known if later.approved_by), 0)
    if newer > row.version:
        detail = f"version {newer} came after it and is in force: set the changes again"
        raise PolicyError("superseded", "version", detail)
    if (row.by == by or _has_own(known, row, newer, by)) and await _others_can(session):
        raise PolicyError("needs_second_person", "approve", SOMEBODY_ELSE.format(name=name))
    row.approved_by = by
    return row


def _has_own(known: list[PolicyVersion], row: PolicyVersion, newer: int, by: str) -> bool:
    """Whether a change of theirs would come in force with it: others' may be set on top of it."""
    before: Body = next((dict(one.body) for one in known if one.version == newer), {})
    was, setters = before, dict[str, str | None]()
    for one in reversed([one for one in known if newer < one.version <= row.version]):
        keys = was.keys() | one.body.keys()
        setters |= {key: one.by for key in keys if was.get(key) != one.body.get(key)}
        was = one.body
    return any(setters[key] == by and row.body.get(key) != before.get(key) for key in setters)


async def _others_can(session: AsyncSession) -> bool:
    """Whether there are two people or more with an account that opens the policies."""
    there = (Staff.email.is_not(None), Staff.password.is_not(None), Staff.disabled_at.is_(None))
    query = select(func.count()).select_from(Staff)
    query = query.where(*there, Staff.role.in_(APPROVERS))
    return int((await session.execute(query)).scalar_one()) > 1


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
    """Go back to what was in force before: as a new version, so that nothing is forgotten. It was
    approved once, so nobody else is waited for."""
    await lock_name(session, f"policy {name}")
    body = await before(session, name)
    return await _add(session, now, name, body, by=by, reason=reason, approve=True)


async def before(session: AsyncSession, name: str) -> Body:
    """What was in force before, and differs from what is now; a dropped draft changed nothing."""
    approved = [row.body for row in await versions(session, name) if row.approved_by]
    if not approved or not any(approved):
        raise PolicyError("nothing_to_undo", "name", f"nothing is set for `{name}`")
    return dict(next((body for body in approved if body != approved[0]), {}))


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
