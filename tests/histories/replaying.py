"""How a kept history is replayed: by the tests, and by `changed.py` with code that was changed."""

from __future__ import annotations

import gzip
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from workflows.plugin import plugin

HERE = Path(__file__).parent
KEPT = sorted(HERE.glob("*.json.gz"))


def of(sop: str) -> list[Path]:
    """Those of one type of workflow."""
    return [path for path in KEPT if path.name.split(".")[1] == sop]


def read(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.name, gzip.decompress(path.read_bytes()).decode())


async def replay(path: Path) -> None:
    """By the code that is loaded, to the last command; in the sandbox that the worker has."""
    await Replayer(workflows=[], plugins=[plugin]).replay_workflow(read(path))
