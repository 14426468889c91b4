"""A worker to be measured: `python -m bench.workers ours|naive|tuned`."""

from __future__ import annotations

import os
import socket

EAR = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
EAR.connect(("127.0.0.1", int(os.environ["BENCH_PORT"])))
EAR.send(b"worker begun")  # the interpreter is there, and nothing of ours is loaded yet

import asyncio  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from collections.abc import AsyncIterator  # noqa: E402
from contextlib import AsyncExitStack, asynccontextmanager  # noqa: E402

from temporalio.client import Client  # noqa: E402
from temporalio.worker import Worker  # noqa: E402

from bench import bare  # noqa: E402
from bench.effects import Telling  # noqa: E402


@asynccontextmanager
async def ours(telling: Telling) -> AsyncIterator[None]:
    """The real thing: its plugin, store, gate, ledger, templates and outbox."""
    from temporalio.plugin import SimplePlugin  # noqa: PLC0415 - its loading is measured

    import worker  # noqa: PLC0415
    from activities.channels.wiring import channels_for  # noqa: PLC0415
    from activities.clock import SystemClock  # noqa: PLC0415
    from activities.crm.store import Store  # noqa: PLC0415
    from activities.settings import load_settings, temporal_connection  # noqa: PLC0415
    from activities.wiring import verbs  # noqa: PLC0415
    from bench.journey import Journey  # noqa: PLC0415
    from workflows.plugin import PURE, plugin, sandbox  # noqa: PLC0415

    telling.tell("worker", "loaded")
    settings = load_settings()
    store, clock = Store(settings.database), SystemClock()
    runner = sandbox(*PURE, "bench.journey")  # as the catalogue's procedures are passed through
    more = SimplePlugin(
        "bench", workflows=[Journey], workflow_runner=runner, interceptors=[telling]
    )
    client = await Client.connect(**temporal_connection(), plugins=[plugin, more])
    todo = verbs(store, clock, settings, channels_for(settings, store, clock))
    async with AsyncExitStack() as running:
        for one in worker.build(client, todo):
            await running.enter_async_context(one)
        worker.settle_down()
        yield
    await store.close()


@asynccontextmanager
async def others(telling: Telling) -> AsyncIterator[None]:
    """A worker with default settings."""
    telling.tell("worker", "loaded")
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    async with Worker(
        client,
        task_queue=bare.QUEUE,
        workflows=[bare.Naive, bare.Tuned],
        activities=[bare.welcome, bare.note],
        interceptors=[telling],
    ):
        yield


async def main(kind: str) -> None:
    stopped, telling = asyncio.Event(), Telling(int(os.environ["BENCH_PORT"]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with ours(telling) if kind == "ours" else others(telling):
        telling.tell("worker", "working")
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
    os._exit(0)  # the SDK may crash when Python leaves
