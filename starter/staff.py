"""Who of ours may look in: accounts, their one-time links, passwords and sessions.

Tokens are random and kept as hashes; passwords are kept by argon2id. Everything in real time.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.clock import Clock, SystemClock
from activities.crm.keys import digest
from activities.crm.store import Store, lock_name
from activities.crm.tables import Audit, Staff, StaffLink, StaffSession, new_id
from activities.crm.values import UnfitValueError, email_of
from activities.settings import Settings
from starter import throttle
from starter.answers import Refusal
from workflows.vocabulary import Role

LINK = timedelta(hours=72)
IDLE = timedelta(hours=2)
LONGEST = timedelta(hours=12)  # a working day
NOTED = timedelta(minutes=1)  # how exactly a session's last use is remembered
SHORTEST = 12  # characters of a password; what else it must have, nobody prescribes
AT_ONCE = 2  # passwords looked at together: each takes 64 MB

HASHER = PasswordHasher()  # argon2id, by RFC 9106
NOBODYS = HASHER.hash(secrets.token_urlsafe())  # looked at where there is none: as much work


@dataclass(frozen=True)
class Visitor:
    """Who is logged in."""

    id: str
    email: str
    role: str


def link_to(settings: Settings, token: str) -> str:
    """Where a one-time link leads."""
    return f"{settings.public_url.rstrip('/')}/setup/{token}"


class Accounts:
    """The accounts on the console."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    async def create(self, email: str, role: Role, *, by: str) -> str:
        """An account, or a disabled one anew; its one-time link's token."""
        email = _email(email)
        async with self.store.transaction() as session:
            await lock_name(session, "staff")
            row = await _by_email(session, email)
            if row is not None and row.disabled_at is None:
                raise Refusal(
                    "account_exists",
                    f"{email} has an account. A new link for it: aftercare staff link {email}",
                    status=409,
                )
            if row is None:
                row = Staff(id=new_id("sta"), email=email, created_at=self.clock.real())
                session.add(row)
            row.role, row.disabled_at, row.password = role.value, None, None
            self._note(session, by, "created", row)
            await self._drop_first(session)
            return await self._link(session, row)

    async def _drop_first(self, session: AsyncSession) -> None:
        """The link for whoever sets the house up opens nothing once somebody has an account."""
        nameless = select(Staff.id).where(Staff.email.is_(None))
        await session.execute(delete(StaffLink).where(StaffLink.staff_id.in_(nameless)))
        await session.execute(delete(Staff).where(Staff.email.is_(None)))

    async def first(self, *, by: str) -> str | None:
        """A link for whoever sets this house up, until somebody has an account."""
        async with self.store.transaction() as session:
            await lock_name(session, "staff")
            rows = list((await session.execute(select(Staff))).scalars())
            if any(row.email for row in rows):
                return None
            if not rows:
                made = self.clock.real()
                rows = [Staff(id=new_id("sta"), role=Role.ENGINEER.value, created_at=made)]
                session.add(rows[0])
                self._note(session, by, "created", rows[0])
            return await self._link(session, rows[0])

    async def link(self, email: str, *, by: str) -> str:
        """A new one-time link for an account; the old ones open nothing any more."""
        async with self.store.transaction() as session:
            row = await self._there(session, email)
            self._note(session, by, "link_made", row)
            return await self._link(session, row)

    async def disable(self, email: str, *, by: str) -> None:
        """The account opens nothing from now on, and every browser is logged out."""
        async with self.store.transaction() as session:
            row = await self._there(session, email)
            row.disabled_at = self.clock.real()
            await _end_all(session, row)
            self._note(session, by, "disabled", row)

    async def all(self) -> list[Staff]:
        async with self.store.reading() as session:
            query = select(Staff).order_by(Staff.created_at, Staff.id)
            return list((await session.execute(query)).scalars())

    async def _there(self, session: AsyncSession, email: str) -> Staff:
        row = await _by_email(session, _email(email))
        if row is None or row.disabled_at is not None:
            raise Refusal(
                "not_found", "nobody has an account with this address: aftercare staff list"
            )
        return row

    async def _link(self, session: AsyncSession, row: Staff) -> str:
        token = secrets.token_urlsafe(24)
        await session.flush()
        await session.execute(delete(StaffLink).where(StaffLink.staff_id == row.id))
        until = self.clock.real() + LINK
        session.add(StaffLink(hash=digest(token), staff_id=row.id, expires_at=until))
        return token

    def _note(self, session: AsyncSession, by: str, what: str, row: Staff) -> None:
        session.add(_audit(self.clock.real(), by, what, row))


async def invitation(settings: Settings, url: str) -> str:
    """The console's address; until somebody has an account, the link that makes the first one."""
    store = Store(settings.database)
    try:
        token = await Accounts(store, SystemClock()).first(by="up")
    finally:
        await store.close()
    return f"{url}/setup/{token}   (once: sets your password)" if token else url


class Sessions:
    """Browsers that are logged in, and how they come to be."""

    def __init__(self, store: Store, clock: Clock, hasher: PasswordHasher = HASHER) -> None:
        self.store, self.clock, self.hasher = store, clock, hasher
        self._counter = asyncio.Semaphore(AT_ONCE)
        self._nobodys = NOBODYS if hasher is HASHER else hasher.hash(secrets.token_urlsafe())

    async def log_in(self, email: str, password: str, address: str) -> str:
        """A new session's token. Whether the account is unknown, disabled or only the password
        wrong, answer and work are the same."""
        with suppress(Refusal):  # what is no address is nobody's, and is tried all the same
            email = _email(email)
        async with self.store.reading() as session:  # a flood of tries keeps no writer waiting
            await throttle.check(session, self.clock.real(), email, address)
        async with self.store.transaction() as session:
            turns = await throttle.take_turn(session, self.clock.real(), email, address)
        async with self.store.reading() as session:
            row = await _by_email(session, email)
        known = row.password if row is not None and row.disabled_at is None else None
        fits = await self._fits(known or self._nobodys, password)
        if row is None or known is None or not fits:
            raise _wrong()
        anew = await self._hash(password) if self.hasher.check_needs_rehash(known) else known
        async with self.store.transaction() as session:
            now = self.clock.real()
            fresh = await session.get_one(Staff, row.id, with_for_update=True)
            if fresh.disabled_at is not None or fresh.password != known:
                raise _wrong()
            await throttle.give_back(session, turns)
            await throttle.forget(session, now)
            fresh.password = anew
            return await self._begin(session, fresh, "logged_in")

    async def invited(self, token: str) -> Staff:
        """Whose one-time link this is; looking uses nothing up."""
        async with self.store.reading() as session:
            return await self._invited(session, token)

    async def set_up(self, token: str, password: str, email: str = "") -> str:
        """Set the password that a link is good for, once; the new session's token."""
        if not SHORTEST <= len(password) <= 1000:
            raise Refusal("password_short", f"A password has at least {SHORTEST} characters.")
        await self.invited(token)
        hashed = await self._hash(password)
        async with self.store.transaction() as session:
            await lock_name(session, "staff")
            row = await self._invited(session, token)
            if row.email is None:
                row.email = _email(email)
                namesakes = select(Staff.id).where(Staff.email == row.email, Staff.id != row.id)
                with session.no_autoflush:
                    if (await session.execute(namesakes)).first():
                        raise Refusal("account_exists", "This address has an account already.")
            await throttle.forgive(session, row.email)
            await _end_all(session, row)
            row.password = hashed
            return await self._begin(session, row, "password_set")

    async def whose(self, token: str) -> Visitor | None:
        """Who is logged in with this token, if anybody still is."""
        now = self.clock.real()
        async with self.store.reading() as session:
            query = (
                select(Staff, StaffSession.seen_at)
                .join(StaffSession, StaffSession.staff_id == Staff.id)
                .where(StaffSession.hash == digest(token), Staff.disabled_at.is_(None))
                .where(StaffSession.seen_at > now - IDLE, StaffSession.begun_at > now - LONGEST)
            )
            found = (await session.execute(query)).one_or_none()
        if found is None:
            return None
        row, seen_at = found
        if now - seen_at >= NOTED:
            async with self.store.transaction() as session:
                if mine := await session.get(StaffSession, digest(token)):
                    mine.seen_at = now
        return Visitor(row.id, row.email or "", row.role)

    async def end(self, token: str) -> None:
        async with self.store.transaction() as session:
            ended = delete(StaffSession).where(StaffSession.hash == digest(token))
            await session.execute(ended)

    async def _begin(self, session: AsyncSession, row: Staff, what: str) -> str:
        now, token = self.clock.real(), secrets.token_urlsafe(32)
        over = or_(StaffSession.begun_at <= now - LONGEST, StaffSession.seen_at <= now - IDLE)
        await session.execute(delete(StaffSession).where(over))
        mine = StaffSession(hash=digest(token), staff_id=row.id, begun_at=now, seen_at=now)
        session.add(mine)
        row.seen_at = now
        session.add(_audit(now, f"staff:{row.id}", what, row))
        return token

    async def _invited(self, session: AsyncSession, token: str) -> Staff:
        link = await session.get(StaffLink, digest(token))
        if link is None or link.expires_at <= self.clock.real():
            raise Refusal(
                "link_gone",
                "This link was used already, is older than three days, or other accounts were made "
                "since. A new one: aftercare staff link EMAIL",
                status=404,
            )
        return await session.get_one(Staff, link.staff_id)

    async def _fits(self, hashed: str, password: str) -> bool:
        async with self._counter:
            try:
                return await asyncio.to_thread(self.hasher.verify, hashed, password)
            except (VerificationError, InvalidHashError):
                return False

    async def _hash(self, password: str) -> str:
        async with self._counter:
            return await asyncio.to_thread(self.hasher.hash, password)


async def _by_email(session: AsyncSession, email: str) -> Staff | None:
    query = select(Staff).where(Staff.email == email)
    return (await session.execute(query)).scalar_one_or_none()


async def _end_all(session: AsyncSession, row: Staff) -> None:
    """Log out every browser, and let no link open anything."""
    for table in (StaffSession, StaffLink):
        await session.execute(delete(table).where(table.staff_id == row.id))


def _wrong() -> Refusal:
    words = "This e-mail address and password do not belong together."
    return Refusal("wrong_login", words, status=401)


def _email(said: str) -> str:
    try:
        return email_of(said)
    except UnfitValueError as fault:
        raise Refusal(fault.code, "This is not an e-mail address.", param="email") from None


def _audit(now: datetime, by: str, what: str, row: Staff) -> Audit:
    facts = {"role": row.role}
    return Audit(id=new_id("aud"), at=now, who=by, what=f"staff.{what}", target=row.id, facts=facts)
