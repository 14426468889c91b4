"""`aftercare`: everything that can be done from a terminal. Errors say what to do next."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from cyclopts import App, CycloptsError, Group
from rich.console import Console

from starter.cli.commands import COMMANDS

EPILOGUE = (
    "Data directory: `--data`, or AFTERCARE_DATA (default `.aftercare`). `--json` prints data."
)

HELP = "See `aftercare --help`, or `aftercare COMMAND --help`."


def _version() -> str:
    try:
        return version("aftercare")
    except PackageNotFoundError:  # run from a directory, not installed
        return "0"


app = App(
    name="aftercare",
    help="Durable customer follow-up: procedures that run for years, messages that go once.",
    help_epilogue=EPILOGUE,
    version=_version,
    help_on_error=False,
)


for place, (heading, commands) in enumerate(COMMANDS.items()):
    group = Group(heading, sort_key=place)
    for name, (room, words) in commands.items():
        app.command(f"starter.cli.{room}", name=name, group=group, help=words)


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
    except Exception as fault:
        from starter.cli import faults  # noqa: PLC0415 - knows all that can go wrong, and loads it

        if (words_ := faults.words(fault)) is None:
            raise
        for number, line in enumerate(words_.splitlines()):
            errors.print(("[red]aftercare:[/] " if number == 0 else "") + _escape(line))
        if faults.is_of_usage(fault):
            errors.print(HELP, style="dim")
        return 2 if faults.is_of_usage(fault) else 1
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


def _usage(fault: CycloptsError) -> str:
    return str(fault).strip().splitlines()[0] if str(fault).strip() else "cannot read the command"


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
