"""Keys: shown once, kept as a hash, good until revoked, and only for what they name."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from activities.crm import keys
from activities.crm.keys import Scope
from activities.crm.store import Store
from activities.crm.tables import ApiKey, Audit
from tests.factories import FakeClock


async def test_a_key_is_shown_once_and_kept_as_a_hash(store: Store, clock: FakeClock) -> None:
    """The secret opens the door, and stands nowhere in the table."""
    async with store.transaction() as session:
        made, secret = await keys.create(session, clock.real(), "checkout", [Scope.WRITE])
    async with store.reading() as session:
        found = await keys.check(session, secret)
        row = (await session.execute(select(ApiKey))).scalar_one()
    assert found is not None
    assert found.id == made.id
    assert secret.startswith("ac_")
    assert len(secret) > 40
    assert secret not in str(vars(row))


@pytest.mark.parametrize("secret", ["", "ac_", "ac_wrong", "sk_live_1", "AC_", "ac_\udcff", "ac_é"])
async def test_what_is_no_key_opens_nothing(memory_store: Store, secret: str) -> None:
    """Neither an empty one, nor a guess, nor what is no text."""
    async with memory_store.reading() as session:
        assert await keys.check(session, secret) is None


async def test_a_revoked_key_is_good_no_more(memory_store: Store, clock: FakeClock) -> None:
    """It is revoked by id or by name, once; and who did it is on record."""
    async with memory_store.transaction() as session:
        made, secret = await keys.create(session, clock.real(), "old")
        assert await keys.revoke(session, clock.real(), "old", by="cli:ada") == [made.id]
        assert await keys.revoke(session, clock.real(), made.id) == []
        assert await keys.check(session, secret) is None
        audit = (await session.execute(select(Audit).order_by(Audit.what))).scalars()
        assert [(row.what, row.who, row.target) for row in audit] == [
            ("key.created", "cli", made.id),
            ("key.revoked", "cli:ada", made.id),
        ]


def test_scopes_open_only_what_they_name() -> None:
    """Writing does not read, reading does not write, an administrator does both."""
    made = {scope: ApiKey(scopes=[scope.value]) for scope in Scope}
    opened = {
        scope: [one.value for one in Scope if keys.opens(made[scope], one)] for scope in Scope
    }
    assert opened == {
        Scope.READ: ["read"],
        Scope.WRITE: ["write"],
        Scope.ADMIN: ["read", "write", "admin"],
    }


async def test_use_is_noted_at_most_hourly(memory_store: Store, clock: FakeClock) -> None:
    """A request costs no write only to remember that there was one."""
    async with memory_store.transaction() as session:
        made, _ = await keys.create(session, clock.real(), "checkout")
        assert keys.is_due(made, clock.real())
        await keys.note_use(session, clock.real(), made.id)
        assert not keys.is_due(made, clock.real())
        clock.advance(hours=1)
        assert keys.is_due(made, clock.real())


async def test_the_list_has_the_newest_first(memory_store: Store, clock: FakeClock) -> None:
    """And those that were revoked, too."""
    async with memory_store.transaction() as session:
        await keys.create(session, clock.real(), "first")
        clock.advance(hours=1)
        await keys.create(session, clock.real(), "second")
        await keys.revoke(session, clock.real(), "first")
        assert [key.name for key in await keys.all_keys(session)] == ["second", "first"]
