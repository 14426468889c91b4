"""Every history that was ever kept still replays; a change that breaks one is caught here."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.histories.contracts import LIVES
from tests.histories.replaying import KEPT, of, read, replay
from workflows.plugin import NOUNS, sandbox
from workflows.sops import PROCEDURES

PERSONAL = re.compile(r"example\.com|\b(ada|byron|loom)\b|all well|\+\d{8,}|@", re.IGNORECASE)


def texts(node: Any) -> Iterator[str]:
    """Every text in a history, and what its payloads hide in base64."""
    match node:
        case {"metadata": _, "data": str(data), **rest}:
            yield base64.b64decode(data).decode()
            yield from texts(rest)
        case dict():
            for key, value in node.items():
                yield key
                yield from texts(value)
        case list():
            for value in node:
                yield from texts(value)
        case str():
            yield node


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
async def test_it_replays(path: Path) -> None:
    """By today's code, to the last command."""
    await replay(path)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
async def test_it_replays_where_nothing_of_ours_is_trusted(path: Path) -> None:
    """The worker passes our modules through its sandbox; here a clock or a die in them fails."""
    ours = [sop.workflow for sop in PROCEDURES.values()]
    strict = Replayer(
        workflows=ours,
        data_converter=pydantic_data_converter,
        workflow_runner=sandbox(*NOUNS),
    )
    await strict.replay_workflow(read(path))


def test_each_shape_of_life_is_kept() -> None:
    """One and all that are written down, and nothing that is not."""
    assert {path.name.split(".")[0] for path in KEPT} == set(LIVES)


@pytest.mark.parametrize("sop", PROCEDURES)
def test_each_type_of_workflow_is_kept(sop: str) -> None:
    """Of the catalogue, of the years after, of cases, of colleagues' own messages: whatever runs
    for days has a history that its next version must replay."""
    assert of(sop), f"write a life that leads to {sop} in tests/histories, then `make history`"


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_nothing_personal_is_kept(path: Path) -> None:
    """They stand in the repository: ids, codes, numbers, instants."""
    history = json.loads(gzip.decompress(path.read_bytes()))
    found = [text for text in texts(history) if PERSONAL.search(text)]
    assert found == []
