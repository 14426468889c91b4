"""docker-compose.yml: what can be known of it without Docker."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta
from typing import Any

import pytest

import worker
from activities.settings import Settings, variable
from starter import health, web
from starter.cli import app
from starter.doctor import TEMPORAL
from tests.deploy.shape import ROOT, VARIABLE, compose, example, once, ours, services

ALL = sorted(services())
OTHERS = sorted(set(services()) - set(ours()))
SECRET = re.compile(r"PASSWORD|PWD|SECRET|TOKEN|API_KEY")
SCRIPTS = sorted((ROOT / "deploy").rglob("*.sh"))


def _environment(service: dict[str, Any]) -> dict[str, str | None]:
    found: dict[str, str | None] = service.get("environment", {})
    return found


def _settings() -> set[str]:
    """The variables that the release reads, as they are spelled in the environment."""
    return {variable(name) for name in Settings.model_fields} | set(TEMPORAL)


def _seconds(text: str) -> timedelta:
    minutes, seconds = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", text).groups()  # type: ignore[union-attr]
    return timedelta(minutes=int(minutes or 0), seconds=int(seconds or 0))


@pytest.mark.parametrize("name", OTHERS)
def test_images_are_pinned(name: str) -> None:
    """An exact version, never a tag that moves."""
    image, _, tag = services()[name]["image"].rpartition(":")
    assert image
    assert re.match(r"\d+\.\d+", tag)


def test_the_server_and_its_tools_are_one_release() -> None:
    """The schema that the tools set up is the one that the server wants."""
    of_temporal = (services()[name]["image"] for name in OTHERS if name.startswith("temporal"))
    tags = {
        image.rpartition(":")[2]
        for image in of_temporal
        if image.startswith(("temporalio/server:", "temporalio/admin-tools:"))
    }
    assert len(tags) == 1


@pytest.mark.parametrize("name", ALL)
def test_every_service_is_looked_after(name: str) -> None:
    """Health-checked or over with its work; logs rotate, memory is bounded, nobody gains rights."""
    service = services()[name]
    check = service.get("healthcheck", {})
    if once(service):
        assert check in ({}, {"disable": True})
    else:
        assert service["restart"] == "unless-stopped"
        assert check["test"][0] == "CMD"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", ALL)
def test_nobody_waits_for_what_does_not_come(name: str) -> None:
    """One waits for the end of what ends, and for the health of what stays."""
    for other, how in services()[name].get("depends_on", {}).items():
        ends = once(services()[other])
        expected = "service_completed_successfully" if ends else "service_healthy"
        assert how == {"condition": expected}


@pytest.mark.parametrize("name", sorted(ours()))
def test_ours_have_small_rights(name: str) -> None:
    """Read-only, without capabilities, and with a place for temporary files."""
    service = ours()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["tmpfs"]


@pytest.mark.parametrize("name", sorted(ours()))
def test_commands_exist(name: str) -> None:
    """What a container is told to do is a command with these options."""
    bound = app.parse_args(ours()[name]["command"], print_error=False, exit_on_error=False)[0]
    assert bound.__name__ == name


@pytest.mark.parametrize("name", sorted(ours()))
def test_every_variable_is_read_by_somebody(name: str) -> None:
    """A variable that no setting knows would be a spelling mistake that shows nowhere."""
    assert set(_environment(ours()[name])) <= _settings() | {"FORWARDED_ALLOW_IPS"}  # uvicorn's


def test_every_setting_can_be_set() -> None:
    """But for those of a data directory and of profiles, which a container has not."""
    told = {name for one in ours().values() for name in _environment(one)}
    elsewhere = {"AFTERCARE_DATA", "TEMPORAL_PROFILE", "TEMPORAL_API_KEY"}
    assert _settings() - told == elsewhere


@pytest.mark.parametrize("name", ALL)
def test_no_secret_has_a_value_or_a_default(name: str) -> None:
    """Secrets come from .env; who forgets one is told which, before anything starts."""
    for named, value in _environment(services()[name]).items():
        if not SECRET.search(named) or value is None:
            continue
        found = VARIABLE.fullmatch(value)
        assert found, named
        assert found["how"] == ":?"
        assert found["rest"]


def test_the_addresses_with_passwords_ask_for_them() -> None:
    """A password inside a URL is no exception."""
    address = _environment(services()["worker"])["AFTERCARE_DATABASE_URL"] or ""
    assert address.startswith("postgresql+psycopg://aftercare:${CRM_DB_PASSWORD:?")


def test_the_example_names_what_compose_asks_for() -> None:
    """All that is needed is in the example, without a value; all in it is used."""
    text = (ROOT / "docker-compose.yml").read_text()
    asked = {found["name"] for found in VARIABLE.finditer(text) if found["how"] == ":?"}
    known = {found["name"] for found in VARIABLE.finditer(text)} | {
        name for one in services().values() for name in _environment(one)
    }
    there = example()
    assert {name for name in asked if there[name] == ""} == asked
    assert set(there) <= known


def test_only_web_and_ui_are_published_and_only_to_this_machine() -> None:
    """The database and Temporal are reached from inside alone."""
    published = {name: one["ports"] for name, one in services().items() if "ports" in one}
    assert set(published) == {"web", "temporal-ui"}
    for (port,) in published.values():
        assert re.match(r"\$\{\w+:-127\.0\.0\.1:\d+\}:\d+$", port)
    assert compose()["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "temporal", "temporal-schema", "temporal-namespace", "migrate"):
        assert services()[name]["networks"] == ["inside"]


def test_nobody_is_killed_in_the_middle() -> None:
    """A container is given longer to stop than its program takes at most."""
    assert _seconds(services()["worker"]["stop_grace_period"]) > 2 * worker.GRACE
    assert _seconds(services()["web"]["stop_grace_period"]) > 2 * timedelta(seconds=web.GRACE)


def test_files_that_are_mounted_exist() -> None:
    """A path that is not there would become a directory of root's."""
    for service in services().values():
        for volume in service.get("volumes", []):
            if volume.startswith("./"):
                assert (ROOT / volume.split(":")[0]).is_file()
                assert volume.endswith(":ro")


def test_the_search_attributes_are_those_of_the_code() -> None:
    """The script registers what follow-ups carry, with the same types."""
    text = (ROOT / "deploy/temporal/namespace.sh").read_text()
    assert dict(re.findall(r"--name (\w+) --type (\w+)", text)) == health.SEARCH_ATTRIBUTES


def test_the_namespace_and_the_databases_have_one_name() -> None:
    """What is made is what is asked for."""
    roles = (ROOT / "deploy/postgres/roles.sh").read_text()
    made = set(re.findall(r"create database (\w+) owner", roles))
    server = _environment(services()["temporal"])
    assert made == {server["DBNAME"], server["VISIBILITY_DBNAME"], "aftercare"}
    schema = (ROOT / "deploy/temporal/schema.sh").read_text()
    assert all(f"{database}:" in schema for database in made - {"aftercare"})
    spaces = {
        _environment(services()[name])["TEMPORAL_NAMESPACE"]
        for name in ("worker", "web", "migrate", "temporal-namespace")
    }
    assert len(spaces) == 1


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_shell_that_stops_at_the_first_fault(script: Any) -> None:
    """They parse, can be run, and do not go on after something failed."""
    assert script.stat().st_mode & 0o111
    text = script.read_text()
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in text
    subprocess.run([shutil.which("sh") or "/bin/sh", "-n", str(script)], check=True)
