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
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner
from temporalio.workflow import NondeterminismError

from tests.histories.orders import LIVES
from workflows.plugin import NOUNS, plugin, sandbox
from workflows.sops import CASE, CATALOGUE, KEEP_IN_TOUCH, PROCEDURES
from workflows.sops.online_customer import OnlineCustomer, Policy
from workflows.vocabulary import Enrolment, Outcome

KEPT = sorted(Path(__file__).parent.glob("*.json.gz"))
PERSONAL = re.compile(r"example\.com|\b(ada|byron|loom)\b|all well|\+\d{8,}|@", re.IGNORECASE)


def read(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.name, gzip.decompress(path.read_bytes()).decode())


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
    await Replayer(workflows=[], plugins=[plugin]).replay_workflow(read(path))


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
    """Of the catalogue, of the years after, and of cases."""
    kept = {path.name.split(".")[0] for path in KEPT}
    assert kept == set(LIVES)
    of = {path.name.split(".")[1] for path in KEPT}
    assert of == {*CATALOGUE, KEEP_IN_TOUCH.name, CASE.name}


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_nothing_personal_is_kept(path: Path) -> None:
    """They stand in the repository: ids, codes, numbers, instants."""
    history = json.loads(gzip.decompress(path.read_bytes()))
    found = [text for text in texts(history) if PERSONAL.search(text)]
    assert found == []


@workflow.defn(name="online-customer", sandboxed=False)
class Hasty(OnlineCustomer):
    """Somebody thought that customers would rather be guided before they are welcomed."""

    @workflow.init
    def __init__(self, enrolment: Enrolment[Policy]) -> None:
        super().__init__(enrolment)

    @workflow.run
    async def run(self, enrolment: Enrolment[Policy]) -> Outcome:
        return await self.follow()

    async def procedure(self) -> None:
        with self.clause("5.2.1", "Help them start, at once"):
            await self.send("getting-started")
        await super().procedure()


async def test_a_breaking_change_is_caught() -> None:
    """Lives under way would meet other commands than those in their histories."""
    replayer = Replayer(
        workflows=[Hasty],
        data_converter=pydantic_data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    kept: list[Any] = [path for path in KEPT if ".online-customer." in path.name]
    caught = 0
    for path in kept:
        with pytest.raises(NondeterminismError):
            await replayer.replay_workflow(read(path))
        caught += 1
    assert caught == len(kept) > 10
