"""What becomes of a message of ours, as a provider reports it: the event that only we may make.

Whose it is: by our key or our id of it, which travel with it; else by the provider's id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from activities.crm.tables import Message
from starter.senders import Reader, Reading

NOT_OURS, UNKNOWN_KIND = "not_ours", "unknown_kind"
LONGEST = 200  # of anything that a provider calls anything
AT_ONCE = 300  # messages looked up in one go


@dataclass(frozen=True)
class Named:
    """How a report names the message it is about."""

    key: str = ""  # ours
    id: str = ""  # ours
    provider_id: str = ""

    @property
    def ids(self) -> Sequence[str]:
        """What the provider's id of it may be: it appends to that, after a dot, and the id itself
        may have dots. So the known ids are looked for, and none is cut out of it."""
        parts = self.provider_id.split(".")[:20]
        return [".".join(parts[: end + 1]) for end in range(len(parts))] if parts[0] else []


@dataclass(frozen=True)
class Ours:
    """A message of ours, found."""

    id: str
    key: str
    customer_id: str
    provider_id: str | None


async def find(reader: Reader, named: Sequence[Named]) -> list[Ours | None]:
    """The message of each, None where it is none of ours."""
    keys = {one.key for one in named} - {""}
    ids = {one.id for one in named} - {""}
    theirs = {id_ for one in named for id_ in one.ids}
    columns = (Message.id, Message.key, Message.customer_id, Message.provider_id)
    rows: list[Ours] = []
    async with reader.store.reading() as session:
        for column, wanted in (
            (Message.key, keys),
            (Message.id, ids),
            (Message.provider_id, theirs),
        ):
            listed = sorted(wanted)
            for start in range(0, len(listed), AT_ONCE):
                some = column.in_(listed[start : start + AT_ONCE])
                rows += [Ours(*row) for row in await session.execute(select(*columns).where(some))]
    by_key = {row.key: row for row in rows}
    by_id = {row.id: row for row in rows}
    by_theirs = {row.provider_id: row for row in rows if row.provider_id}
    return [_of(one, by_key, by_id, by_theirs) for one in named]


def _of(
    named: Named,
    by_key: Mapping[str, Ours],
    by_id: Mapping[str, Ours],
    by_theirs: Mapping[str, Ours],
) -> Ours | None:
    known = by_key.get(named.key) or by_id.get(named.id)
    longest_first = reversed(named.ids)
    return known or next((by_theirs[id_] for id_ in longest_first if id_ in by_theirs), None)


def report(
    message: Ours,
    *,
    id_: str,
    at: datetime | None = None,
    provider: str,
    provider_id: str,
    what: str,
    reason: str = "",
) -> Reading:
    """The event: what became of that message; where nobody says when, it was when it came."""
    data = {"message": message.id, "what": what, "provider": provider}
    more = {"provider_id": provider_id, "reason": reason}
    return Reading(
        {
            "id": id_,
            "type": "message.reported",
            **({"occurred_at": at.isoformat()} if at else {}),
            "customer": {"id": message.customer_id},
            "data": data | {name: said for name, said in more.items() if said},
        }
    )


def when(said: Any, reader: Reader) -> datetime:
    """A moment by the provider's clock, which is the world's, as policy time; never ahead."""
    try:
        at = datetime.fromtimestamp(float(said), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return reader.now
    ago = min(max(reader.real - at, timedelta()), timedelta(days=30))
    return reader.now - ago


def line(said: Any) -> str:
    """Text that can be kept: else it is as if it had not been said."""
    fit = isinstance(said, str) and 0 < len(said) <= LONGEST and said.isprintable()
    return said if fit else ""


def digest(said: Any) -> str:
    """An id for what has none: of the same words always the same."""
    whole = json.dumps(said, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    return hashlib.sha256(whole).hexdigest()


def counted(codes: Iterable[str]) -> list[str]:
    """Each code once: a batch may have hundreds that are none of ours."""
    return list(dict.fromkeys(codes))
