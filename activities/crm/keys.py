"""API keys: shown once, kept as a hash, revocable; each opens only what its scopes name."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.tables import ApiKey, Audit, new_id

PREFIX = "ac_"
NOTED = timedelta(hours=1)  # how exactly its last use is remembered: not a write per request


class Scope(StrEnum):
    """What a key may do; `admin` may do all of it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


async def create(
    session: AsyncSession,
    now: datetime,
    name: str,
    scopes: list[Scope] | None = None,
    *,
    by: str = "cli",
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is never to be seen again."""
    secret = PREFIX + secrets.token_urlsafe(32)
    wanted = sorted({Scope(scope).value for scope in scopes or [Scope.READ, Scope.WRITE]})
    key = ApiKey(id=new_id("key"), name=name, hash=digest(secret), scopes=wanted, created_at=now)
    session.add(key)
    session.add(_audit(now, by, "key.created", key))
    return key, secret


async def all_keys(session: AsyncSession) -> list[ApiKey]:
    """Every key there was, the newest first."""
    query = select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id.desc())
    return list((await session.execute(query)).scalars())


async def revoke(
    session: AsyncSession, now: datetime, id_or_name: str, *, by: str = "cli"
) -> list[str]:
    """Revoke the keys of that id or name; the ids of those that were still good."""
    query = select(ApiKey).where(
        or_(ApiKey.id == id_or_name, ApiKey.name == id_or_name), ApiKey.revoked_at.is_(None)
    )
    keys = list((await session.execute(query)).scalars())
    for key in keys:
        key.revoked_at = now
        session.add(_audit(now, by, "key.revoked", key))
    return [key.id for key in keys]


async def check(session: AsyncSession, secret: str) -> ApiKey | None:
    """The key behind the secret, unless it is unknown or revoked."""
    if not (secret.startswith(PREFIX) and secret.isascii()):
        return None
    query = select(ApiKey).where(ApiKey.hash == digest(secret), ApiKey.revoked_at.is_(None))
    return (await session.execute(query)).scalar_one_or_none()


async def note_use(session: AsyncSession, now: datetime, key_id: str) -> None:
    """Remember that the key was used; `is_due` says whether that is worth a write."""
    key = await session.get(ApiKey, key_id)
    if key is not None:
        key.used_at = now


def is_due(key: ApiKey, now: datetime) -> bool:
    return key.used_at is None or now - key.used_at >= NOTED


def opens(key: ApiKey, scope: Scope) -> bool:
    return Scope.ADMIN in key.scopes or scope in key.scopes


def digest(secret: str) -> str:
    """The secret is random and long: a plain hash of it tells nobody anything."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _audit(now: datetime, by: str, what: str, key: ApiKey) -> Audit:
    facts = {"name": key.name, "scopes": key.scopes}
    return Audit(id=new_id("aud"), at=now, who=by, what=what, target=key.id, facts=facts)
