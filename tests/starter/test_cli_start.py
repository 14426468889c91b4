"""How much of what is installed a command loads: a terminal is not to wait for what it does not
use. Counted in modules, for the machine may be slow."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

from activities.crm.migrate import upgrade
from starter.cli import app
from starter.cli.commands import COMMANDS

ENGINES = {"temporalio", "sqlalchemy", "pydantic"}
RULES = {"holidays", "phonenumbers"}  # of the house
DRAWING = {"jinja2", "css_inline", "typst"}
CARRIERS = {"twilio", "sendgrid", "aiohttp", "aiosmtplib", "httpx2", "alembic", "argon2"}
WEB = {"fastapi", "starlette", "uvicorn"}
HEAVY = ENGINES | RULES | DRAWING | CARRIERS | WEB
LOADED = """
import json, sys
from starter.cli import run
try:
    run(sys.argv[1:])
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded(directory: Path, *words: str) -> set[str]:
    """What a program of its own has loaded, once the command was carried out."""
    run = [sys.executable, "-c", LOADED, *words]
    said = subprocess.run(
        run, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        env={"AFTERCARE_DATA": str(directory), "PATH": ""},
    )  # fmt: skip
    return set(json.loads(said.stdout.splitlines()[-1])) & HEAVY


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("tasks", "--helf")])
def test_help_loads_nothing_heavy(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Neither does its version; an option that it does not know loads that room alone."""
    allowed = ENGINES if words[0] == "tasks" else set()
    assert loaded(tmp_path, *words) <= allowed


@pytest.mark.parametrize("word", ["status", "tasks", "messages", "list"])
def test_who_reads_loads_neither_providers_nor_the_web(tmp_path: Path, word: str) -> None:
    """Only the tables, and what the procedures are; `status` knows the house's rules."""
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{tmp_path / 'aftercare.db'}"))
    assert loaded(tmp_path, word) <= ENGINES | (RULES if word == "status" else set())


@pytest.mark.parametrize(
    ("word", "room", "says"),
    [(word, *one) for known in COMMANDS.values() for word, one in known.items()],
)
def test_what_is_said_of_a_command_is_what_it_does(word: str, room: str, says: str) -> None:
    """The list of commands and the commands themselves do not part."""
    command = app[word]
    assert command.help == says
    doc = inspect.getdoc(command.default_command)
    if doc and not room.endswith(":room"):
        assert " ".join(says.partition("\n\n")[0].split()) == " ".join(doc.split())
