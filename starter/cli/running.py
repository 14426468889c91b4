"""The parts as programs: all together with `up`, or one process each for production."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators
from rich.markup import escape

from activities.crm.pace import PaceError, factor_of
from activities.logs import configure
from starter.cli.common import (
    DEFAULT,
    PRINTING,
    Common,
    Printing,
    notice,
    out,
    print_json,
    say,
    table,
)
from starter.up.directory import DEFAULT as DIRECTORY
from starter.up.directory import DEMO, Addresses, Directory

Live = Annotated[
    bool, Parameter(negative="", help="Ask the providers, too: with our credentials, harmlessly")
]
Port = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=65535))]
WORKER = Path(__file__).parents[2] / "worker.py"
SYMBOLS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "broken": "[red]✗[/]"}


def _pace(_: object, said: str | None) -> None:
    """Asked of the words alone, before anything is started."""
    try:
        factor_of(said or "1d=1d")
    except PaceError as fault:
        raise ValueError(str(fault)) from None


async def up(
    *,
    port: Annotated[Port, Parameter(help="Of the web application")] = 8000,
    temporal_port: Annotated[Port, Parameter(help="Of Temporal")] = 7233,
    temporal_ui_port: Annotated[Port, Parameter(help="Of Temporal's Web UI")] = 8233,
    pace: Annotated[
        str | None,
        Parameter(
            help="A demonstration: 1d=1s plays a day of policy time in a second", validator=_pace
        ),
    ] = None,
    demo: Annotated[
        bool, Parameter(negative="", help="Brings a handful of customers, and shows what happens")
    ] = False,
    fake_providers: Annotated[
        bool,
        Parameter(
            negative="", help="SendGrid, Twilio and a mail server that only seem to send, to try"
        ),
    ] = False,
    common: Common = DEFAULT,
) -> None:
    """Start everything on this machine: Temporal with its UI, worker, web application and CRM."""
    from starter.up.demo import DEMO_PACE, play  # noqa: PLC0415 - loads what only `up` needs
    from starter.up.parts import Up  # noqa: PLC0415
    from starter.up.parts import up as bring_up  # noqa: PLC0415

    ports = Addresses(port, temporal_port, temporal_ui_port)
    chosen = common.data or os.environ.get("AFTERCARE_DATA") or (DEMO if demo else DIRECTORY)
    plan = Up(
        directory=Directory(Path(chosen)),
        addresses=ports,
        pace=pace,
        new_pace=DEMO_PACE if demo else None,
        fake_providers=fake_providers,
        afterwards=(
            (lambda plan, pace: play(plan.settings, ports.temporal_target, pace, _ticker))
            if demo
            else None
        ),
    )
    await bring_up(plan, _tell)


def _tell(line: str) -> None:
    out().print(line, soft_wrap=True, markup=False)


def _ticker(line: str, style: str) -> None:
    out().print(line, style=style, soft_wrap=True, markup=False)


def worker(*, common: Common = DEFAULT) -> None:
    """Run the worker: it carries out the procedures and sends the messages."""
    common.settings()
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, str(WORKER)])  # a program of its own  # noqa: S606


async def web(*, host: str = "127.0.0.1", port: Port = 8000, common: Common = DEFAULT) -> None:
    """Run the web application: the HTTP API, and the relay that tells Temporal."""
    from starter.web import serve  # noqa: PLC0415 - loads what only `web` needs

    settings = common.settings()
    configure(settings.log_level)
    await serve(settings, host=host, port=port)


async def migrate(*, common: Common = DEFAULT) -> None:
    """Bring the database to this release."""
    from activities.crm.migrate import upgrade  # noqa: PLC0415 - loads what only it needs

    settings = common.settings()
    await upgrade(settings.database)
    say("The database is at the newest migration.")


async def doctor(*, live: Live = False, printing: Printing = PRINTING) -> int:
    """Look at settings, database, Temporal, worker, templates and SOPs; say the cure of each."""
    from starter.doctor import examine  # noqa: PLC0415 - it knows how to look at all of them

    settings = printing.settings()
    settings_, checks = await examine(settings)
    if live:
        from starter.live import look_live  # noqa: PLC0415 - it knows how to speak to all of them

        notice("Asking the providers, for ten seconds at most …")
        checks += await look_live(settings)
    broken = any(check.state == "broken" for check in checks)
    if printing.json:
        print_json({"settings": settings_, "checks": checks})
        return int(broken)
    rows = table("Settings", "variable", "value", ("", {"style": "dim", "ratio": 1}))
    for one in settings_:
        rows.add_row(one.name, escape(one.value), escape(one.says))
    out().print(rows)
    say()
    for check in checks:
        cure = f"  [dim]→ {escape(check.cure)}[/]" if check.cure else ""
        out().print(
            f"{SYMBOLS[check.state]} [bold]{escape(check.name)}[/]: {escape(check.says)}{cure}",
            soft_wrap=True,
        )
    return int(broken)
