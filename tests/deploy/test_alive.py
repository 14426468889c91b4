"""Whether the worker in this container works: asked of Temporal, which knows who polls."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.api.taskqueue.v1 import PollerInfo
from temporalio.api.workflowservice.v1 import DescribeTaskQueueResponse
from temporalio.client import Client

from starter import health
from tests.deploy.shape import ROOT
from workflows.contract import BULK, QUEUE


class Server:
    """A Temporal that has seen these machines poll, so long ago."""

    def __init__(self, *seen: tuple[str, str, timedelta]) -> None:
        self.seen = seen

    async def describe_task_queue(self, request: Any, **_: object) -> DescribeTaskQueueResponse:
        answer = DescribeTaskQueueResponse()
        for queue, who, ago in self.seen:
            if queue == request.task_queue.name:
                poller = PollerInfo(identity=who)
                poller.last_access_time.FromDatetime(datetime.now(UTC) - ago)
                answer.pollers.append(poller)
        return answer


def _client(*seen: tuple[str, str, timedelta]) -> Client:
    return cast("Client", SimpleNamespace(namespace="care", workflow_service=Server(*seen)))


NOW = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        ([(QUEUE, "7@box", NOW), (BULK, "7@box", NOW)], "ok"),
        ([(QUEUE, "7@box", NOW)], "broken"),
        ([(QUEUE, "7@other", NOW), (BULK, "7@other", NOW)], "broken"),
        ([(QUEUE, "7@box", timedelta(minutes=4)), (BULK, "7@box", NOW)], "broken"),
        ([], "broken"),
    ],
)
async def test_a_container_answers_for_its_own_worker(
    seen: list[tuple[str, str, timedelta]], state: str
) -> None:
    """Both queues, this machine, lately; another container's worker does not count."""
    assert (await health.worker(_client(*seen), "box")).state == state


async def test_without_temporal_it_says_so_and_fails() -> None:
    """Exit 1 and one line, which `docker inspect` shows."""
    environment = {
        name: word for name, word in os.environ.items() if not name.startswith("TEMPORAL_")
    } | {"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_CONFIG_FILE": os.devnull}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "starter.alive", cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert (process.returncode, said) == (1, b"127.0.0.1:1 does not answer\n")
