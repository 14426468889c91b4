"""`aftercare import`: customers and their past from a file, looked through before it is taken."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from cyclopts import Parameter, validators
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    UsageError,
    desk,
    local,
    notice,
    out,
    print_json,
    say,
    table,
    who,
)
from starter.cli.whom import office_zone
from starter.desk import Desk
from starter.importing.carrying import Carrier, Taken, write_rejected
from starter.importing.columns import HeaderError, columns, mapping
from starter.importing.lines import Bad, Lines
from starter.importing.reading import FileError, Source, open_source
from starter.importing.survey import Survey, Surveyor

MANY = 100  # messages in a day that nobody needs to be asked about
SHOWN = 50  # bad lines; `--json` has them all
SECONDS = 5.0  # between two lines of progress, where there is no terminal

File = Annotated[Path, Parameter(help="A CSV with a header: UTF-8, UTF-16 or Windows-1252")]
DryRun = Annotated[bool, Parameter(negative="", help="Only say what would come of it")]
Map = Annotated[
    list[str] | None,
    Parameter(
        help="HEADER=FIELD (or HEADER=- for none), a file of such lines, or an export that is "
        "known: shopify-customers, woocommerce-customers",
        negative="",
    ),
]
Zone = Annotated[str | None, Parameter(help="Of dates that name none [default: the office's]")]
Encoding = Annotated[
    Literal["utf-8", "utf-16", "windows-1252"] | None, Parameter(help="[default: utf-8]")
]
SkipBad = Annotated[
    bool, Parameter(negative="", help="Write what does not fit to NAME.rejected.csv; take the rest")
]
Yes = Annotated[bool, Parameter(negative="", help="However many messages lie ahead")]
Limit = Annotated[
    int,
    Parameter(help="So many messages in a day need no asking", validator=validators.Number(gte=0)),
]


async def import_(
    file: File,
    *,
    dry_run: DryRun = False,
    map: Map = None,  # noqa: A002 - the option's name
    zone: Zone = None,
    encoding: Encoding = None,
    skip_bad: SkipBad = False,
    yes: Yes = False,
    limit_per_day: Limit = MANY,
    printing: Printing = PRINTING,
) -> int:
    async with desk(printing) as opened:
        source, lines = await _open(opened, file, map or [], zone, encoding)
        survey = await _look(opened, source, lines)
        taken = None
        if not dry_run:
            _may_be_taken(survey, skip_bad=skip_bad, json=printing.json)
            if not yes:
                _ask(survey, limit_per_day)
            taken = await _take(opened, source, lines, survey)
    rejected = _reject(source, survey.bad, skip_bad=skip_bad and not dry_run)
    if printing.json:
        print_json(_data(survey, taken, rejected))
    elif dry_run:
        _show(survey)
        say("Nothing was imported: this was a dry run.")
    elif taken:
        _done(survey, taken, rejected)
    return 1 if survey.bad and not skip_bad else 0


async def _open(
    opened: Desk, file: Path, map_: Sequence[str], zone: str | None, encoding: str | None
) -> tuple[Source, Lines]:
    try:
        where = ZoneInfo(zone) if zone else await office_zone(opened.store)
    except (KeyError, ValueError, OSError):
        raise UsageError(f"{zone!r} is no time zone: write one as Europe/London") from None
    try:
        source = open_source(file, encoding)
        found = columns(source.header, *mapping(map_))
    except (FileError, HeaderError) as fault:
        raise CliError(str(fault)) from None
    return source, Lines(found, where, opened.clock.now())


async def _look(opened: Desk, source: Source, lines: Lines) -> Survey:
    with _progress() as tell:
        try:
            return await Surveyor(opened.intake, lines).look(
                source, lambda number: tell("read", number, 0)
            )
        except FileError as fault:
            raise CliError(str(fault)) from None


async def _take(opened: Desk, source: Source, lines: Lines, survey: Survey) -> Taken:
    with _progress() as tell:
        return await Carrier(opened.intake, tell).take(source, lines, survey, who())


# -- whether it may be ---------------------------------------------------------------------------


def _may_be_taken(survey: Survey, *, skip_bad: bool, json: bool) -> None:
    if json and survey.bad and not skip_bad:
        print_json(_data(survey, None, None))
    elif not json:
        _show(survey)
    if survey.bad and not skip_bad:
        raise CliError(
            f"nothing was imported: {_count(len(survey.bad), 'line')} of the file "
            f"{'does' if len(survey.bad) == 1 else 'do'} not fit. Mend that, or take the rest: "
            "--skip-bad"
        )


def _ask(survey: Survey, limit: int) -> None:
    """A flood is nobody's intention."""
    most = survey.ahead.fullest_day
    if most <= limit:
        return
    words = f"up to {most} messages would go within one day (more than {limit})"
    if not sys.stdin.isatty():
        raise CliError(
            f"nothing was imported: {words}. Look at it with --dry-run; then say --yes, or how "
            "many are well: --limit-per-day N. `aftercare stop` holds them all back"
        )
    Console(stderr=True, highlight=False).print(f"{words[:1].upper()}{words[1:]}.", markup=False)
    if input("Import it? [y/N] ").strip().casefold() not in ("y", "yes"):
        raise CliError("nothing was imported")


# -- what is printed -----------------------------------------------------------------------------


def _show(survey: Survey) -> None:
    for bad in survey.bad[:SHOWN]:
        say(f"line {bad.line}{f', {bad.column}' if bad.column else ''}: {bad.words}")
    if len(survey.bad) > SHOWN:
        say(f"… and {len(survey.bad) - SHOWN} more: --json lists them all")
    ahead = survey.ahead
    found = table(None, "", "")
    customers = f"{survey.new_customers} new, {survey.known_customers} known"
    found.add_row("lines", f"{survey.lines}, of which {len(survey.bad)} do not fit")
    found.add_row("customers", customers)
    found.add_row("events", f"{survey.events}, of which {survey.known} were imported before")
    if survey.unfinished:
        found.add_row("cut off before", f"{_count(survey.unfinished, 'event')}: carried out, too")
    if survey.twice:
        found.add_row("said twice", _count(survey.twice, "line"))
    begun = ", ".join(f"{name} {count}" for name, count in sorted(ahead.begun.items()))
    total = sum(ahead.begun.values())
    found.add_row("follow-ups", f"{total} begin{f' ({begun})' if begun else ''}")
    if ahead.over:
        found.add_row("", f"{ahead.over} do not: all of them would be past")
    found.add_row("messages", f"up to {ahead.day} within a day, {ahead.week} within a week")
    if ahead.hour:
        at = local(ahead.hour_at)
        found.add_row("", f"up to {ahead.hour} in one hour, from {at}; quiet hours spread them")
    found.add_row("tasks", f"up to {ahead.tasks_day} within a day, {ahead.tasks_week} in a week")
    if survey.complaints:
        found.add_row("complaints", f"{survey.complaints} open: somebody is given each of them")
    found.show_header = False
    out().print(found)


def _done(survey: Survey, taken: Taken, rejected: Path | None) -> None:
    say(f"Imported: {_count(taken.carried, 'event')}, {taken.kept} of them new.")
    if rejected:
        say(f"{_count(len(survey.bad), 'line')} did not fit: {rejected}")
    notice("Follow-ups begin as soon as Temporal has heard of them: aftercare list")


def _data(survey: Survey, taken: Taken | None, rejected: Path | None) -> dict[str, Any]:
    said = asdict(survey)
    said["settled"] = len(survey.settled)
    imported = asdict(taken) if taken else None
    return said | {"imported": imported, "rejected": str(rejected) if rejected else None}


def _reject(source: Source, bad: Sequence[Bad], *, skip_bad: bool) -> Path | None:
    if not (bad and skip_bad):
        return None
    path = source.path.with_name(f"{source.path.stem}.rejected.csv")
    write_rejected(source, bad, path)
    return path


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


WORDS = {"read": "Reading", "keep": "Keeping", "record": "Recording", "begin": "Beginning"}


@contextmanager
def _progress() -> Iterator[Any]:
    """A bar at a terminal; else a line now and then."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _plain()
        return
    columns_ = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns_, TimeRemainingColumn(), console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(WORDS[what], total=total or None)
            bar.update(tasks[what], completed=done, total=total or None)

        yield tell


def _plain() -> Any:
    last = monotonic()

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        if monotonic() - last < SECONDS and done != total:
            return
        of = f" of {total}" if total else ""
        sys.stderr.write(f"{WORDS[what]}: {done}{of}\n")
        last = monotonic()

    return tell
