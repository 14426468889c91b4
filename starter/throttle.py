"""How often a password may be tried: counted in the tables, so by all processes together, and
whether the account exists or not."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.store import lock_name
from activities.crm.tables import LoginTry, new_id
from starter.answers import Refusal

WINDOW = timedelta(hours=1)
ACCOUNT, ADDRESS = 10, 30  # tries that may fail within it; an office shares one address


async def check(session: AsyncSession, now: datetime, account: str, address: str) -> None:
    """Refuse what was tried too often."""
    for of, most in _counted(account, address):
        recent = select(LoginTry.at).where(LoginTry.of == of, LoginTry.at > now - WINDOW)
        tries = (await session.execute(recent.order_by(LoginTry.at))).scalars().all()
        if len(tries) >= most:
            raise _too_many(tries[-most] + WINDOW - now)


async def take_turn(
    session: AsyncSession, now: datetime, account: str, address: str
) -> tuple[str, ...]:
    """One try of the account's and one of the address's, given back if the password fits.

    Counted before the password is looked at: as many at once come no further than one by one.
    """
    turns = sorted(of for of, _ in _counted(account, address))
    for of in turns:
        await lock_name(session, f"login:{of}")
    await check(session, now, account, address)
    taken = tuple(new_id("try") for _ in turns)
    for id_, of in zip(taken, turns, strict=True):
        session.add(LoginTry(id=id_, of=of, at=now))
    return taken


async def give_back(session: AsyncSession, turns: tuple[str, ...]) -> None:
    await session.execute(delete(LoginTry).where(LoginTry.id.in_(turns)))


async def forgive(session: AsyncSession, account: str) -> None:
    """The account's tries no longer count: it has a new password."""
    await session.execute(delete(LoginTry).where(LoginTry.of == _hashed("account", account)))


async def forget(session: AsyncSession, now: datetime) -> None:
    """Tries that count no longer are kept no longer."""
    await session.execute(delete(LoginTry).where(LoginTry.at <= now - WINDOW))


def _counted(account: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
    """What is counted, and how much of it there may be."""
    return (_hashed("account", account), ACCOUNT), (_hashed("address", _net(address)), ADDRESS)


def _too_many(wait: timedelta) -> Refusal:
    minutes = max(1, -(-int(wait.total_seconds()) // 60))
    unit = "minute" if minutes == 1 else "minutes"
    return Refusal(
        "too_many_tries",
        f"That was tried too often. Try again in {minutes} {unit}, "
        "or ask for a new link: aftercare staff link EMAIL",
        status=429,
    )


def _hashed(kind: str, who: str) -> str:
    """Who tried, and from where, is kept for an hour, and not in so many words."""
    return hashlib.sha256(f"{kind}:{who}".encode()).hexdigest()


def _net(address: str) -> str:
    """A household has one IPv4 address, or 2**64 of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Address(int(found) >> 64 << 64))
    return str(getattr(found, "ipv4_mapped", None) or found)
