"""`aftercare up --fake-providers`: every outcome without an account, and never by accident."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activities.fakes.systems import NAMES
from activities.settings import Settings
from starter.up.directory import Addresses, Directory, DirectoryError, adopt
from starter.up.fakes import Fakes
from starter.up.parts import Up, prepare
from tests.starter.test_up import ADA, ROOT, House, until

SENDGRID = {"AFTERCARE_EMAIL": "sendgrid"}
TWILIO = {"AFTERCARE_SMS": "twilio"}
SMTP = {"AFTERCARE_EMAIL": "smtp"}
SALESFORCE = {"AFTERCARE_CRM": "salesforce"}
LOCAL = "http://127.0.0.1:8001"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


def sent(house: House) -> list[dict[str, Any]]:
    messages = house.call("GET", "/v1/messages").json()["data"]
    return [one for one in messages if one["state"] == "sent"]


def test_a_message_is_accepted_by_the_fake(house: House) -> None:
    """An order by HTTP; the welcome stands in the CRM with the id that the fake gave it."""
    with house.up("--fake-providers") as process:
        event = {"id": "e1", "type": "order.paid", "customer": ADA, "order": {"id": "O-1"}}
        assert house.call("POST", "/v1/events", json=event).is_success  # told now, or in a moment
        until(lambda: sent(house), "a message")
        words = ("messages", "--json", "--data", str(house.data))
        done = subprocess.run(
            [sys.executable, "-m", "starter.cli", *words],
            check=True,
            cwd=ROOT,
            env=house.environment,
            capture_output=True,
        )
        (first, *_) = json.loads(done.stdout)["data"]
        taken = (house.data / "fakes" / "sendgrid.jsonl").read_text().splitlines()
        assert first["provider_id"] in {json.loads(line)["id"] for line in taken}
        assert {json.loads(line)["to"] for line in taken} == {ADA["email"]}
        assert re.search(r"Fake providers +e-mail http://127", house.said())
        assert "outbox" not in house.said()
        process.send_signal(2)
        assert process.wait(timeout=120) == 0
        until(lambda: house.pids() == [], "nobody left")


# -- what the others are told ------------------------------------------------------------------


def test_the_fakes_take_the_place_of_what_was_chosen() -> None:
    """A mail server for whoever chose one; ports beside ours; no word of a real account left."""
    here = Addresses(8000, 8001, 8233)
    fakes = Fakes.beside(here, Settings(email="smtp", from_email="hi@shop.example"))
    assert len({*fakes.ports.values(), 8000, 8001, 8233}) == len(fakes.ports) + 3
    told = fakes.variables
    assert told["AFTERCARE_EMAIL"] == "smtp"
    assert told["AFTERCARE_FROM_EMAIL"] == "hi@shop.example"
    assert told["TWILIO_MESSAGING_SERVICE_SID"] == ""
    assert list(Settings(systems=told["AFTERCARE_SYSTEMS"]).named_systems) == [*NAMES]
    assert told["AFTERCARE_PUBLIC_URL"] == here.web_url  # theirs would be told of what we try
    assert Fakes.beside(here, Settings()).variables["AFTERCARE_EMAIL"] == "sendgrid"
    own = Fakes.beside(here, Settings(sendgrid_webhook_public_key="ours"))
    assert own.variables["SENDGRID_WEBHOOK_PUBLIC_KEY"].endswith(",ours")  # to try a signed reply


def test_the_demonstration_has_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its customers are marked for Salesforce as anybody's are, and nobody's account is meant."""
    monkeypatch.setenv("AFTERCARE_EMAIL", "smtp")
    fakes = Fakes.beside(here := Addresses(8000, 8001, 8233), Settings())
    settings = Up(Directory(tmp_path), here, fakes=fakes).settings
    assert settings.crm == "salesforce"
    assert settings.real_providers == []
    variables = {"SENDGRID_API_BASE": settings.sendgrid_api_base, "AFTERCARE_EMAIL": settings.email}
    assert variables.items() <= fakes.variables.items()


def test_commands_in_other_terminals_use_them_too(tmp_path: Path) -> None:
    """A test send goes to the same provider as all else."""
    directory = Directory(tmp_path)
    directory.make()
    with directory.lock():
        directory.publish(Addresses(1, 2, 3), {"AFTERCARE_EMAIL": "sendgrid"})
        known = adopt({"AFTERCARE_DATA": str(tmp_path)})
        assert known["AFTERCARE_EMAIL"] == "sendgrid"


# -- never by accident -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "real"),
    [
        ({}, []),
        (SENDGRID, ["AFTERCARE_EMAIL=sendgrid"]),
        (SENDGRID | {"SENDGRID_API_BASE": "https://api.eu.sendgrid.com"}, [*SENDGRID]),
        (SENDGRID | {"SENDGRID_API_BASE": LOCAL}, []),
        (TWILIO, ["AFTERCARE_SMS=twilio"]),
        (TWILIO | {"TWILIO_API_BASE": LOCAL}, []),
        (SMTP | {"AFTERCARE_SMTP_URL": "smtp://u:p@mail.shop.example:587"}, [*SMTP]),
        (SMTP | {"AFTERCARE_SMTP_URL": "smtp://u:p@localhost:2525"}, []),
        (SMTP, ["AFTERCARE_EMAIL=smtp"]),
        ({"AFTERCARE_SYSTEMS": "crm=https://crm.shop.example"}, ["AFTERCARE_SYSTEMS=crm"]),
        ({"AFTERCARE_SYSTEMS": "crm=http://localhost:8009/crm"}, []),
        (SALESFORCE | {"AFTERCARE_SALESFORCE_URL": "https://x.my.salesforce.com"}, [*SALESFORCE]),
        (SALESFORCE | {"AFTERCARE_SALESFORCE_URL": LOCAL}, []),
        ({"AFTERCARE_MEETINGS": "zoom"}, ["AFTERCARE_MEETINGS=zoom"]),
        ({"AFTERCARE_SURVEYS": "surveymonkey"}, ["AFTERCARE_SURVEYS=surveymonkey"]),
        (SENDGRID | TWILIO, ["AFTERCARE_EMAIL=sendgrid", "AFTERCARE_SMS=twilio"]),
    ],
)
def test_who_would_write_to_real_people(
    variables: dict[str, str], real: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever does not end on this machine."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = Settings(_env_file=None).real_providers
    assert [one.partition("=")[0] for one in found] == [one.partition("=")[0] for one in real]


async def test_a_pace_and_a_real_provider_do_not_go_together(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused with the cure, and nothing is begun by it; with fakes in its place it is fine."""
    directory, here = Directory(house.data), Addresses(house.web, house.temporal, house.ui)
    directory.make()
    monkeypatch.setenv("AFTERCARE_EMAIL", "sendgrid")
    with pytest.raises(DirectoryError, match=r"AFTERCARE_EMAIL=sendgrid would.*--fake-providers"):
        await prepare(Up(directory, here, pace="1d=1s"))
    with pytest.raises(DirectoryError, match="--fake-providers"):
        await prepare(Up(directory, here, new_pace="1d=2s"))
    assert not directory.api_key.exists()
    pace = await prepare(Up(directory, here, pace="1d=1s", fake_providers=True))
    assert pace.factor == 86400
    with pytest.raises(DirectoryError, match="real people"):
        await prepare(Up(directory, here))
