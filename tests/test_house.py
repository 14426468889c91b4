"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from activities.settings import Settings
from starter.cli import app

ROOT = Path(__file__).parents[1]
ROOMS = ("workflows", "activities", "starter")
PACKAGES = {*ROOMS, "templates", "tests"}
FURNITURE = {"docs", "bench", "deploy", "dist"}
LONGEST_FILE, LONGEST_FUNCTION = 300, 40
REFERENCE = ("vocabulary.py", "tables.py")  # read by looking things up, not from top to bottom
NOT_SETTINGS = {"AFTERCARE_DOSE"}  # how much `make fuzz` and `make chaos` do
COMMANDS = """up worker web migrate start signal list show why hold resume skip run-now retry end
opt-out tasks messages stop go rehearse sops policy keys staff doctor status""".split()
OPTIONS = {
    "status": "--json",
    "up": "--fake-providers --data --port --temporal-port --temporal-ui-port --pace --demo",
    "start": "--customer --order --json",
    "signal": "--text --json",
    "list": "--customer --sop --state --json",
    "show": "--json",
    "why": "--json",
    "hold": "--clause --reason",
    "tasks": "--role --mine --json",
    "messages": "--customer --state --json",
    "stop": "--channel --sop --template --reason",
    "go": "--channel --sop --template --reason",
    "rehearse": "--policy --script --customer --customers --json",
    "policy": "--set --file --diff --approve --to --json",
}
INSIDE = {
    "tasks": ("show", "done"),
    "messages": ("settle",),
    "sops": ("on", "off"),
    "keys": ("create", "list", "revoke"),
    "staff": ("create", "list", "disable"),
}


def sources(*rooms: str) -> list[Path]:
    found = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    return sorted(path for path in found if "versions" not in path.parts)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_top_level_is_the_house() -> None:
    """No package beside those that the README's map names."""
    there = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith((".", "__")) and path.suffix != ".egg-info"
    }
    assert there - FURNITURE == PACKAGES
    assert {path.name for path in ROOT.glob("*.py")} == {"worker.py"}


def test_the_changelog_says_what_is_new() -> None:
    """Changes are told to those who run it, SOPs first."""
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "## Unreleased" in text or re.search(r"## \d+\.\d+\.\d+", text)


def test_files_and_functions_can_be_read_at_a_sitting() -> None:
    """They stay short."""
    too_long = []
    for path in sources(*ROOMS):
        text = path.read_text()
        if text.count("\n") >= LONGEST_FILE and path.name not in REFERENCE:
            too_long.append(name(path))
        too_long += [
            f"{name(path)}: {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (node.end_lineno or 0) - node.body[0].lineno >= LONGEST_FUNCTION
        ]
    assert too_long == []


def test_every_module_says_what_it_is() -> None:
    """A module that has content begins with a sentence."""
    trees = {name(path): ast.parse(path.read_text()) for path in sources(*ROOMS)}
    silent = [one for one, tree in trees.items() if tree.body and not ast.get_docstring(tree)]
    assert [one for one in silent if not one.endswith("__main__.py")] == []


def test_only_the_clock_asks_the_machine_for_the_time() -> None:
    """Activities take the time from the clock: else paced and simulated time would leak."""
    asks = re.compile(r"datetime\.now\(|time\.time\(|date\.today\(|utcnow\(")
    asking = [name(path) for path in sources("activities") if asks.search(path.read_text())]
    assert asking == ["activities/clock.py"]


def test_nobody_imports_the_composition_root() -> None:
    """`worker.py` is a program; import-linter cannot see single modules."""
    imports = re.compile(r"^\s*(?:from|import) worker\b", re.MULTILINE)
    assert not [name(path) for path in sources(*ROOMS) if imports.search(path.read_text())]


def test_every_setting_is_documented_and_every_variable_is_one() -> None:
    """`doctor` lists what a setting is for; nothing reads a variable behind its back."""
    known = {f"AFTERCARE_{field.upper()}" for field in Settings.model_fields}
    assert all(field.description for field in Settings.model_fields.values())
    files = [*sources(*ROOMS), ROOT / "worker.py", ROOT / "Makefile", ROOT / "README.md"]
    named = {
        found for path in files for found in re.findall(r"AFTERCARE_[A-Z_]*[A-Z]", path.read_text())
    }
    assert named <= known | NOT_SETTINGS


# -- the command line -----------------------------------------------------------------------------


def commands(parent: App) -> Iterator[tuple[str, App]]:
    for word in parent:
        if not word.startswith("-"):
            yield word, parent[word]


def options(command: App) -> set[str]:
    collected = command.assemble_argument_collection()
    return {one for argument in collected for one in argument.names if one.startswith("--")}


def test_every_command_of_the_interface_is_there() -> None:
    """Staff and scripts rely on these words."""
    there = dict(commands(app))
    assert set(COMMANDS) <= there.keys()
    for parent, words in INSIDE.items():
        assert set(words) <= dict(commands(there[parent])).keys()


@pytest.mark.parametrize("word", OPTIONS)
def test_every_option_of_the_interface_is_there(word: str) -> None:
    """And on these options."""
    assert set(OPTIONS[word].split()) <= options(app[word])


def test_every_command_has_help() -> None:
    """Nobody has to guess."""
    for word, command in commands(app):
        assert command.help, word
        for inner, one in commands(command):
            assert one.help, f"{word} {inner}"


def test_pipelines_run_what_people_run() -> None:
    """Continuous integration calls `make check` and `make test`, and can be run by hand."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert {"make check", "make test"} <= set(re.findall(r"make \w+", script.read_text()))
