"""The image: pinned, from the lock file, small rights, and with everything that it copies there."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.deploy.shape import ROOT, instructions, last_stage, ours

PINNED = re.compile(r"^\d+\.\d+\.\d+-slim-[a-z]+$")


def _sources() -> list[str]:
    """What COPY takes out of the checkout."""
    copies = [rest for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    return [one for rest in copies for one in rest.split()[:-1]]


def test_both_stages_are_one_exact_python() -> None:
    """Bytecode and wheels of the build stage fit the final one; no tag that moves."""
    (arg,) = [rest for word, rest in instructions() if word == "ARG" and "PYTHON=" in rest]
    assert PINNED.match(arg.partition("=")[2])
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert bases == ["python:${PYTHON}"] * 2


def test_the_python_is_of_the_line_that_is_tested() -> None:
    """What CI runs on is what is shipped."""
    (arg,) = [rest for word, rest in instructions() if word == "ARG" and "PYTHON=" in rest]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    line = project["tool"]["mypy"]["python_version"]
    assert arg.partition("=")[2].startswith(f"{line}.")


def test_packages_come_from_the_lock_file() -> None:
    """`uv sync --frozen --no-dev`, by a pinned uv."""
    runs = [rest for word, rest in instructions() if word == "RUN"]
    assert any(re.search(r"uv==\d+\.\d+\.\d+", run) for run in runs)
    syncs = [run for run in runs if "uv sync" in run]
    assert len(syncs) == 2
    assert all("--frozen" in run and "--no-dev" in run for run in syncs)


def test_the_final_stage_runs_as_nobody_special_and_builds_nothing() -> None:
    """A user by number, no shell of theirs, no package manager's work after the build stage."""
    stage = last_stage()
    users = [rest for word, rest in stage if word == "USER"]
    assert users
    assert all(re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user) for user in users)
    runs = " ".join(rest for word, rest in stage if word == "RUN")
    assert not re.search(r"\b(apt|apt-get|pip|uv|curl|wget|gcc)\b", runs)


def test_the_final_stage_has_labels_and_a_health_check() -> None:
    """Who made it, under which licence, and whether it is well."""
    words = dict(last_stage())
    assert "org.opencontainers.image.licenses" in words["LABEL"]
    assert "org.opencontainers.image.revision" in words["LABEL"]
    assert "/readyz" in words["HEALTHCHECK"]
    assert json.loads(words["ENTRYPOINT"]) == ["aftercare"]


def test_what_is_copied_exists_and_is_let_in() -> None:
    """Each COPY names a path of the checkout that .dockerignore does not keep out."""
    let_in = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert set(_sources()) == let_in
    assert all((ROOT / one).exists() for one in let_in)


def test_all_that_the_wheel_needs_is_copied() -> None:
    """The project's own list of what it is made of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    parts = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    needed = {*parts, project["project"]["readme"], *project["project"]["license-files"]}
    assert needed <= set(_sources())


@pytest.mark.parametrize("name", sorted(ours()))
def test_the_tag_is_the_release(name: str) -> None:
    """One version in pyproject.toml, the image and compose."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    version = project["project"]["version"]
    assert ours()[name]["image"] == f"aftercare:${{IMAGE_VERSION:-{version}}}"
    assert f"ARG VERSION={version}" in Path(ROOT / "Dockerfile").read_text()
