"""What is known of a colleague besides their account: what customers call them, who stands in for
them, until when they are away, and how much they can do in a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.clock import Clock
from activities.crm.store import Store, lock_name
from activities.crm.tables import Staff
from activities.crm.values import UnfitValueError, email_of
from starter.answers import Refusal
from starter.desk.base import audit

MOST = 10_000  # tasks in a day
LONGEST = 100  # letters of a name


@dataclass(frozen=True)
class Change:
    """What is to be changed; what is not named stays."""

    fields: dict[str, Any]

    @classmethod
    def of(cls, **said: Any) -> Change:
        """`...` is what nobody said; none clears it."""
        return cls({name: value for name, value in said.items() if value is not ...})


async def set_out(store: Store, clock: Clock, email: str, change: Change, *, by: str) -> Staff:
    """Change what is known of a colleague; raises `Refusal` for whom and what there is not."""
    if not change.fields:
        raise Refusal("missing", "say what to change: --name, --deputy, --away-until, --capacity")
    async with store.transaction() as session:
        await lock_name(session, "staff")
        row = await _active(session, email, "email")
        fields = dict(change.fields)
        if fields.get("deputy"):
            deputy = await _active(session, fields["deputy"], "deputy")
            if deputy.id == row.id:
                words = "nobody stands in for themselves"
                raise Refusal("invalid", words, param="deputy")
            fields["deputy"] = deputy.email
        _check(fields, clock.now())
        for name, value in fields.items():
            setattr(row, name, value)
        facts = {name: _plain(value) for name, value in fields.items()}
        audit(session, clock.real(), by=by, what="staff.set", target=row.id, reason=None, **facts)
        return row


async def _active(session: AsyncSession, said: str, param: str) -> Staff:
    try:
        query = select(Staff).where(Staff.email == email_of(said))
    except UnfitValueError as fault:
        raise Refusal(fault.code, "This is not an e-mail address.", param=param) from None
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None or row.disabled_at is not None:
        words = "nobody has an account with this address: aftercare staff list"
        raise Refusal("not_found", words, param=param)
    return row


def _check(fields: dict[str, Any], now: datetime) -> None:
    name, capacity, away = (fields.get(field) for field in ("name", "capacity", "away_until"))
    if name is not None and not (0 < len(name) <= LONGEST and name.isprintable()):
        raise Refusal("invalid", f"a name is one line of up to {LONGEST} letters", param="name")
    if capacity is not None and not 0 <= capacity <= MOST:
        raise Refusal("invalid", f"so many tasks in a day: 0 to {MOST}", param="capacity")
    if away is not None and away <= now:
        raise Refusal("invalid", "that is past: say `back`", param="away_until")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
