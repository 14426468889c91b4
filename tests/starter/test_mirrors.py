"""How far behind the systems are that have rows of ours: at the terminal, and for the doctor."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from activities.crm import mirrors
from activities.crm.store import Store
from activities.crm.tables import Audit
from activities.settings import Settings
from starter.cli.status import _lines
from starter.doctor import _behind, _mirrors
from starter.reports.status import status
from tests.factories import NOON, FakeClock
from tests.starter.front import FakeTemporal, a_desk
from tests.starter.test_cli import ADA, Aftercare, aftercare, opened

__all__ = ["aftercare", "opened"]


async def waits(store: Store, clock: FakeClock, *refs: str, error: str = "") -> None:
    """Rows that Salesforce is yet to be told of, or that it refuses."""
    for ref in refs:
        async with store.transaction() as session:
            await mirrors.mark(session, NOON, "salesforce", "note", ref, customer_id="cus_1")
            row = await mirrors.find(session, "salesforce", "note", ref)
        if error and row:
            async with store.transaction() as session:
                await mirrors.give_up(session, row, error, clock.now())


async def test_status_and_doctor_say_who_is_behind(store: Store, clock: FakeClock) -> None:
    """What merely waits is well; what is refused is for somebody."""
    desk = a_desk(store, clock, FakeTemporal())
    await waits(store, clock, "a")
    found = {what: (says, well) for what, says, _, well in _lines(await status(store, clock))}
    assert found["salesforce"][0].startswith("1 wait to be told, since ")
    assert found["salesforce"][1]
    assert (await _behind(desk)).state == "ok"
    await waits(store, clock, "b", error="DUPLICATES_DETECTED")
    found = {what: (says, well) for what, says, _, well in _lines(await status(store, clock))}
    assert found["salesforce"][0].endswith("; 1 of them it refuses")
    assert not found["salesforce"][1]
    check = await _behind(desk)
    assert (check.state, "salesforce refuses 1 of 2" in check.says) == ("warning", True)


async def test_a_person_has_it_told_again(store: Store, clock: FakeClock) -> None:
    """Who said so is on record."""
    await waits(store, clock, "a", "b", error="DUPLICATES_DETECTED")
    desk = a_desk(store, clock, FakeTemporal())
    assert await desk.retry_mirror("salesforce", by="cli:jo") == 2
    async with store.reading() as session:
        assert len(await mirrors.waiting(session, "salesforce", clock.real())) == 2
        audit = (await session.execute(select(Audit))).scalar_one()
    assert (audit.who, audit.what, audit.target) == ("cli:jo", "mirror.retry", "salesforce")
    assert audit.facts == {"rows": 2, "everything": False}


def test_at_the_terminal(
    opened: Aftercare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What any process changes is marked; it is shown, and told again by command."""
    assert opened("systems", "--json").json["mirrored"] == []
    assert opened("systems", "retry", "salesforce").code == 1
    monkeypatch.setenv("AFTERCARE_CRM", "salesforce")
    opened("start", "online-customer", "--customer", "-", stdin=json.dumps(ADA))
    found = opened("systems", "--json").json["mirrored"]
    assert (found[0]["system"], found[0]["waiting"] > 0) == ("salesforce", True)
    with sqlite3.connect(next(tmp_path.rglob("aftercare.db"))) as database:
        database.execute("update mirror set error = 'DUPLICATES_DETECTED' where kind = 'contact'")
    database.close()
    said = opened("systems", "salesforce", "--json").json
    assert [(one["kind"], one["error"]) for one in said["refused"]] == [
        ("contact", "DUPLICATES_DETECTED")
    ]
    table = opened("systems", "salesforce").out
    assert "DUPLICATES_DETECTED" in table
    assert said["refused"][0]["ref"] in table
    assert "salesforce" in opened("systems").out
    assert "1 are told again" in opened("systems", "retry", "salesforce").out
    assert opened("systems", "retry", "salesforce", "--everything", "--json").json["rows"] >= 1
    assert opened("systems", "salesforce", "--json").json["refused"] == []
    assert opened("systems", "wiki").code == 2


def test_what_is_not_set_is_said() -> None:
    """By the name of the variable; what was never chosen needs nothing."""
    assert list(_mirrors(Settings(_env_file=None))) == []
    said = [one.says for one in _mirrors(Settings(_env_file=None, crm="salesforce"))]
    assert [one.split()[0] for one in said] == [
        f"AFTERCARE_SALESFORCE_{name}" for name in ("URL", "CLIENT_ID", "CLIENT_SECRET")
    ]
    whole = Settings(
        _env_file=None, crm="salesforce", salesforce_url="https://x.my.salesforce.com",
        salesforce_client_id="a", salesforce_client_secret=SecretStr("b"),
    )  # fmt: skip
    assert list(_mirrors(whole)) == []
