"""`aftercare`: everything that can be done from a terminal. Errors say what to do next."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from cyclopts import App, CycloptsError, Group
from pydantic import ValidationError
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from activities.crm.pace import PaceError
from activities.crm.store import UnsafeDatabaseError
from activities.settings import variable
from starter.answers import Refusal
from starter.bootstrap import NotReadyError
from starter.cli.common import CliError, UsageError
from starter.up.directory import DirectoryError
from starter.up.supervisor import GaveUpError

EPILOGUE = (
    "Data directory: `--data`, or AFTERCARE_DATA (default `.aftercare`). `--json` prints data."
)

HELP = "See `aftercare --help`, or `aftercare COMMAND --help`."

EXPECTED = (
    CliError,
    DirectoryError,
    GaveUpError,
    NotReadyError,
    PaceError,
    Refusal,
    SQLAlchemyError,
    UnsafeDatabaseError,
    ValidationError,
)


def _version() -> str:
    try:
        return version("aftercare")
    except PackageNotFoundError:  # run from a directory, not installed
        return "0"


RUN, LIVES, PEOPLE, HOUSE = (
    Group(name, sort_key=place)
    for place, name in enumerate(
        ("Run it", "Follow-ups", "What people see to", "How the house is run")
    )
)

app = App(
    name="aftercare",
    help="Durable customer follow-up: procedures that run for years, messages that go once.",
    help_epilogue=EPILOGUE,
    version=_version,
    help_on_error=False,
)


def _assemble() -> None:
    from starter.cli import (  # noqa: PLC0415
        catalogue,
        feedback,
        follow_ups,
        importing,
        inbox,
        messages,
        operations,
        policies,
        privacy,
        reading,
        rehearsing,
        running,
        staff,
        status,
        systems,
        tasks,
    )

    running.register(app, RUN)
    follow_ups.register(app, LIVES)
    reading.register(app, LIVES)
    rehearsing.register(app, LIVES)
    tasks.register(app, PEOPLE)
    messages.register(app, PEOPLE)
    feedback.register(app, PEOPLE)
    inbox.register(app, HOUSE)
    status.register(app, HOUSE)
    operations.register(app, HOUSE)
    staff.register(app, HOUSE)
    systems.register(app, HOUSE)
    catalogue.register(app, HOUSE)
    policies.register(app, HOUSE)
    importing.register(app, HOUSE)
    privacy.register(app, HOUSE)


_assemble()


def run(words: Sequence[str] | None = None) -> int:
    """Carry out a command line; its exit code."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        result = app(
            words,
            exit_on_error=False,
            print_error=False,
            error_console=errors,
            result_action="return_value",
        )
    except CycloptsError as fault:
        errors.print(f"[red]aftercare:[/] {_escape(_usage(fault))}")
        errors.print(HELP, style="dim")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except EXPECTED as fault:
        for number, line in enumerate(_words(fault).splitlines()):
            errors.print(("[red]aftercare:[/] " if number == 0 else "") + _escape(line))
        if isinstance(fault, UsageError):
            errors.print(HELP, style="dim")
        return 2 if isinstance(fault, UsageError) else 1
    return result if isinstance(result, int) else 0


def main() -> None:
    """The entry point; leaves without the clean-up in which the Temporal SDK may crash."""
    code = 1
    try:
        code = run()
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else 1
    except BaseException:  # noqa: BLE001 - said in full, then we leave
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _words(fault: BaseException) -> str:
    """What is wrong, for the person at the terminal."""
    match fault:
        case Refusal():
            where = f" ({fault.param})" if fault.param else ""
            return f"{fault.detail}{where} [{fault.code}]"
        case ValidationError():
            return _settings(fault)
        case SQLAlchemyError():
            return _database(fault)
    return str(fault)


def _usage(fault: CycloptsError) -> str:
    return str(fault).strip().splitlines()[0] if str(fault).strip() else "cannot read the command"


def _settings(fault: ValidationError) -> str:
    lines = [
        f"{variable('_'.join(map(str, error['loc'])))}: {error['msg']}" for error in fault.errors()
    ]
    return "\n".join([*lines, "`aftercare doctor` lists all settings."])


def _database(fault: SQLAlchemyError) -> str:
    if "no such table" in str(fault) or "does not exist" in str(fault):
        return "the database has no tables yet: start with `aftercare up`, or `aftercare migrate`"
    return f"the database does not answer ({type(fault).__name__}): see `aftercare doctor`"


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
