"""Whose answer an e-mail is, and how sure that is.

A token of ours in an address stands in one message only: whoever writes there has had it. An id
that is answered may be guessed, so that the sender must be the one it went to, and proved by SPF
or DKIM. A sender's address alone proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm import customers
from activities.crm.tables import Customer, Message
from activities.rendering import tokens
from starter.senders import Reader
from starter.senders.mail import Head

PLUS = re.compile(r"r\+([a-z0-9]{36})@.+", re.IGNORECASE)
FOUND = re.compile(r"@?([\w.-]{1,200})\s*:\s*(\w{1,20})")
PASS, FAILS = "pass", ("fail", "softfail", "hardfail")


@dataclass(frozen=True)
class Proof:
    """What the receiving server found out about where it came from."""

    spf: str = ""
    dkim: tuple[tuple[str, str], ...] = ()  # domain, result
    envelope_from: str | None = None

    def vouches(self, sender: str) -> bool:
        """Whether the sender's own domain sent it."""
        domain = sender.rpartition("@")[2]
        back = (self.envelope_from or "").rpartition("@")[2].lower()
        passed = [one for one, result in self.dkim if result == PASS]
        passed += [back] if self.spf == PASS else []
        return bool(domain) and any(_related(domain, one) for one in passed)

    @property
    def fails(self) -> bool:
        """Whether something speaks against it, and nothing for it."""
        results = [self.spf, *(result for _, result in self.dkim)]
        return PASS not in results and any(one in FAILS for one in results)


@dataclass(frozen=True)
class Match:
    """Who wrote, and which message is answered, as far as that is known."""

    customer: str | None = None
    message: str | None = None
    proven: bool = False
    address: str | None = None  # of the customer, as we know it


NOBODY = Match()


def dkim_of(said: str) -> tuple[tuple[str, str], ...]:
    """`{@example.com : pass, @other.example : fail}`, which is no JSON."""
    return tuple((one.lower(), result.lower()) for one, result in FOUND.findall(said[:4000]))[:20]


async def match(reader: Reader, head: Head, proof: Proof) -> Match:
    async with reader.store.reading() as session:
        found = await _by_token(session, reader, head)
        if found is not None:
            return await _of(session, found, proven=not proof.fails)
        if (found := await answered(session, head.answers)) is not None:
            customer = await session.get(Customer, found.customer_id)
            theirs = {found.address, customer.email if customer else None}
            sure = head.sender in theirs and proof.vouches(head.sender)
            return await _of(session, found, proven=sure)
        if not head.sender:
            return NOBODY
        known = await customers.recognise(session, {"email": head.sender})
        return Match(known.id, address=known.email) if known and not known.erased_at else NOBODY


async def answered(session: AsyncSession, ids: Iterable[str]) -> Message | None:
    """The message of ours with one of these ids, the first that is known: by the name we gave it,
    or by its provider's."""
    for id_ in ids:
        local = id_.partition("@")[0]
        query = select(Message).where(
            Message.channel == "email",
            or_(Message.id == local, Message.provider_id.in_((id_, f"<{id_}>", local))),
        )
        if row := (await session.execute(query.limit(1))).scalar_one_or_none():
            return row
    return None


async def _by_token(session: AsyncSession, reader: Reader, head: Head) -> Message | None:
    """The message whose own address was written to."""
    secret = reader.settings.secret_key.get_secret_value()
    for one in head.to:
        said = PLUS.fullmatch(one)
        if not said or not secret:
            continue  # whatever domain it stood before: that may have changed since
        if (ref := tokens.read_short(secret, "reply", said[1])) is not None:
            row = await session.get(Message, ref)
            if row is not None:
                return row
    return None


async def _of(session: AsyncSession, message: Message, *, proven: bool) -> Match:
    customer = await session.get(Customer, message.customer_id)
    if customer is None or customer.erased_at is not None:
        return NOBODY
    return Match(customer.id, message.id, proven, customer.email)


def _related(one: str, other: str) -> bool:
    """The same domain, or one below the other: `mail.example.com` speaks for `example.com`."""
    if not other or "." not in one or "." not in other:
        return False
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
