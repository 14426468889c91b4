"""`aftercare staff`: accounts from the terminal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from activities.clock import SystemClock
from activities.crm.migrate import upgrade
from activities.crm.store import Store
from activities.crm.tables import Audit, Staff
from activities.settings import load_settings
from starter.cli import run
from starter.staff import Sessions, invitation
from tests.starter.front import rows
from tests.starter.visitors import ADA, PASSWORD, QUICK


class Said(NamedTuple):
    code: int
    out: str
    err: str


Aftercare = Callable[..., Said]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'aftercare.db'}"


@pytest.fixture
def aftercare(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Aftercare:
    """The program on a database of its own."""
    monkeypatch.setenv("AFTERCARE_DATA", str(tmp_path))
    monkeypatch.setenv("AFTERCARE_PUBLIC_URL", "https://care.example/")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("COLUMNS", "200")
    asyncio.run(upgrade(url))

    def call(line: str) -> Said:
        code = run(line.split())
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return call


def test_an_account_from_the_first_link_to_the_last_day(aftercare: Aftercare, url: str) -> None:
    """Made, seen on the list, set up, closed; each step is in the audit, no address is."""
    assert "Nobody has an account yet" in aftercare("staff list").out
    made = aftercare(f"staff create {ADA} --role csr")
    assert made.code == 0
    assert made.out.startswith("https://care.example/setup/")
    assert "works once" in made.err
    assert "link not used yet" in aftercare("staff list").out

    async def set_up() -> None:
        store = Store(url)
        sessions = Sessions(store, SystemClock(), QUICK)
        await sessions.set_up(made.out.strip().rpartition("/")[2], PASSWORD)
        await store.close()

    asyncio.run(set_up())
    (one,) = json.loads(aftercare("staff list --json").out)["data"]
    assert (one["email"], one["role"], one["state"]) == (
        ADA,
        "customer-excellence-officer",
        "active",
    )
    assert "password" not in one
    assert json.loads(aftercare(f"staff link {ADA} --json").out)["link"].startswith("https://")
    assert "logged out everywhere" in aftercare(f"staff disable {ADA}").out
    assert "disabled" in aftercare("staff list").out

    async def audited() -> list[Audit]:
        store = Store(url)
        found = await rows(store, Audit)
        await store.close()
        return list(found)

    told = sorted(asyncio.run(audited()), key=lambda row: row.at)
    assert [row.what for row in told] == [
        "staff.created",
        "staff.password_set",
        "staff.link_made",
        "staff.disabled",
    ]
    assert ADA not in str([(row.who, row.target, row.facts, row.reason) for row in told])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("staff create nonsense --role csr", "not an e-mail address"),
        (f"staff create {ADA} --role king", "there is no role 'king'"),
        ("staff disable who@b.example", "aftercare staff list"),
        ("staff link who@b.example", "aftercare staff list"),
    ],
)
def test_what_cannot_be_done_is_said(line: str, says: str, aftercare: Aftercare) -> None:
    """In words, with what to do."""
    refused = aftercare(line)
    assert refused.code in (1, 2)
    assert refused.out == ""
    assert says in refused.err


def test_the_first_start_invites_until_somebody_came(aftercare: Aftercare, url: str) -> None:
    """`up` prints a link, a new one at each start, and none once there is an account."""
    here = "http://127.0.0.1:8000"
    first = asyncio.run(invitation(load_settings(), here))
    assert first.startswith(f"{here}/setup/")
    assert asyncio.run(invitation(load_settings(), here)) != first
    assert aftercare(f"staff create {ADA} --role engineer").code == 0
    assert asyncio.run(invitation(load_settings(), here)) == here
    assert asyncio.run(accounts(url)) == [ADA]  # the first link opens nothing any more


async def accounts(url: str) -> list[str | None]:
    store = Store(url)
    try:
        return [row.email for row in await rows(store, Staff)]
    finally:
        await store.close()
