"""The doctor: what is looked at, and what it says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.crm.migrate import upgrade
from activities.crm.store import Store
from activities.crm.tables import PolicyVersion
from activities.settings import load_settings
from starter.doctor import examine
from starter.health import Check
from tests.factories import NOON, kept


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "data"
    monkeypatch.setenv("AFTERCARE_DATA", str(path))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    return path


async def checks() -> dict[str, Check]:
    return {check.name: check for check in (await examine(load_settings()))[1]}


async def test_everything_broken_has_a_cure(data: Path) -> None:
    """On a machine where nothing runs yet, each line says what to do."""
    found = await checks()
    assert {name for name, one in found.items() if one.state == "broken"} == {
        "database",
        "temporal",
    }
    assert all(one.cure for one in found.values() if one.state != "ok")
    assert not data.exists()


async def test_a_review_that_is_overdue_is_said(data: Path) -> None:
    """The document's own date is past; nothing stops for it."""
    reviews = [one for one in (await examine(load_settings()))[1] if one.name == "review"]
    (overdue,) = [one for one in reviews if "OVERDUE since 2026-07-24" in one.says]
    assert overdue.state == "warning"


async def test_a_directory_in_order(data: Path) -> None:
    """Database at head, the silent engagement source is warned of, templates are in order."""
    data.mkdir(mode=0o700)
    await upgrade(f"sqlite+aiosqlite:///{data / 'aftercare.db'}")
    found = await checks()
    assert {found[name].state for name in ("settings", "data", "database", "templates")} == {"ok"}
    assert found["engagement"].state == "warning"
    assert found["stop button"].state == "ok"
    assert (data / "secret-key").stat().st_mode & 0o777 == 0o600


async def test_templates_are_tried_with_the_house_as_it_is(data: Path) -> None:
    """What fits with our own name and links may not with theirs; the house rules are named."""
    data.mkdir(mode=0o700)
    await upgrade(url := f"sqlite+aiosqlite:///{data / 'aftercare.db'}")
    store = Store(url)
    long = {"company": {"name": "The Very Longest Company Name in the Whole of the County " * 2}}
    said = {"id": "pol_1", "name": "house", "version": 1, "at": NOON, "approved_by": "jo"}
    await kept(store, PolicyVersion(body=long, **said))
    await store.close()
    templates = (await checks())["templates"]
    assert (templates.state, "policy house" in templates.cure) == ("broken", True)
    assert "(sms_long)" in templates.says or "(subject_long)" in templates.says


async def test_secrets_are_masked(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and passwords never show, not even in part."""
    monkeypatch.setenv("AFTERCARE_SECRET_KEY", "hush")
    monkeypatch.setenv("TEMPORAL_API_KEY", "hush")
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", "postgresql+psycopg://me:hush@127.0.0.1:1/crm")
    lines, found = await examine(load_settings())
    assert "hush" not in str(lines) + str(found)
    assert any(line.value == "•••" for line in lines)


async def test_vendors_variables_have_their_vendors_names(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider's key is named as its own documents name it; the directory is nobody's need."""
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", "postgresql+psycopg://me:hush@127.0.0.1:1/crm")
    lines, found = await examine(load_settings())
    names = {line.name for line in lines}
    assert {"SENDGRID_API_KEY", "TWILIO_AUTH_TOKEN", "AFTERCARE_EMAIL_RATE"} <= names
    assert {check.name: check.state for check in found}["data"] == "ok"


async def test_a_misspelt_variable_is_found(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would read it, and nobody would know."""
    monkeypatch.setenv("AFTERCARE_ONLY_TOO", "@example.com")
    settings = (await checks())["settings"]
    assert settings.state == "warning"
    assert "AFTERCARE_ONLY_TO?" in settings.cure


async def test_a_shared_database_needs_a_given_secret(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several machines sign the same links."""
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", "postgresql+psycopg://127.0.0.1:1/crm")
    assert (await checks())["secret key"].state == "broken"
