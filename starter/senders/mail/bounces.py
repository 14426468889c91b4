"""A message of ours that a server gives back by e-mail, as SMTP has it (RFC 3464).

Anybody can write such a mail, and nobody signs it: so it has to name the message's own id and the
very address it went to, and even then it closes that address to this message only.
"""

from __future__ import annotations

from collections.abc import Sequence

from activities.crm.tables import Message
from starter.senders import Reader, Reading
from starter.senders.mail import Mail
from starter.senders.mail.matching import answered
from starter.senders.reports import Ours, report

RETURNED = "blocked"  # this mail, this time


async def given_back(reader: Reader, mail: Mail, id_: str) -> Sequence[Reading]:
    """What it says of messages of ours: those that will never arrive."""
    found: dict[str, Reading] = {}
    known: dict[tuple[str, ...], Message | None] = {}  # a report names its message once for all
    async with reader.store.reading() as session:
        for number, one in enumerate(mail.returned):
            if one.permanent and one.ids not in known:
                known[one.ids] = await answered(session, one.ids)
            row = known.get(one.ids) if one.permanent else None
            if row is None or not row.via or row.address != one.address:
                continue
            ours = Ours(row.id, row.key, row.customer_id, row.provider_id)
            found[row.id] = report(
                ours,
                id_=f"{id_}/{number}",
                provider=row.via,
                provider_id=row.provider_id or "",
                what="bounced",
                reason=RETURNED,
            )
    return list(found.values())
