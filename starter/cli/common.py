"""What all commands share: where the data is, how things are printed, how errors are said."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import Parameter
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from activities.clock import Clock, SystemClock
from activities.crm.pace import pace_of
from activities.crm.store import Store
from activities.settings import Settings, load_settings
from starter.up.directory import adopt

if TYPE_CHECKING:
    from starter.desk import Desk
    from starter.reports import Reports

Target = Annotated[str, Parameter(help="A follow-up's id, or a customer's id or e-mail address")]
Reason = Annotated[str, Parameter(help="Why; it is kept with your name")]
NARROW = 100  # columns when nobody looks at a terminal


class CliError(Exception):
    """What cannot be done as asked; the message says what to do next."""


class UsageError(CliError):
    """What cannot be read as a command; the message names what there is."""


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    data: Annotated[Path | None, Parameter(help="Data directory [default: .aftercare]")] = None

    def settings(self) -> Settings:
        """The settings of the directory meant, which another terminal may be running."""
        if self.data is not None:
            os.environ["AFTERCARE_DATA"] = str(self.data)
        os.environ.update(adopt(os.environ))
        return load_settings()


@Parameter(name="*")
@dataclass(frozen=True)
class Printing(Common):
    json: Annotated[bool, Parameter(help="Print JSON", negative="")] = False


DEFAULT = Common()
PRINTING = Printing()


@cache
def out() -> Console:
    width = None if sys.stdout.isatty() else max(NARROW, int(os.environ.get("COLUMNS", "0") or 0))
    return Console(width=width, highlight=False)


def say(text: str = "") -> None:
    """A line of plain words."""
    out().print(text, soft_wrap=True, markup=False)


def notice(text: str) -> None:
    """A remark beside the data: to standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, style="dim", markup=False)


def print_json(data: Any) -> None:
    sys.stdout.write(json.dumps(_plain(data), indent=2, ensure_ascii=False) + "\n")


def table(title: str | None, *columns: str | tuple[str, dict[str, Any]]) -> Table:
    made = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for column in columns:
        name, options = column if isinstance(column, tuple) else (column, {})
        made.add_column(name, header_style="dim", **options)
    return made


def local(moment: datetime | None) -> str:
    """A moment as the clock on this machine's wall has it."""
    if moment is None:
        return ""
    here = moment.astimezone()
    year = "" if here.year == datetime.now().astimezone().year else " %Y"
    return f"{here:%a %d %b{year} %H:%M}"


def who() -> str:
    """Who gives the command, for the audit: whoever became the service's user to give it."""
    try:
        return f"cli:{os.environ.get('SUDO_USER') or getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


@asynccontextmanager
async def desk(common: Common) -> AsyncIterator[Desk]:
    """The desk, once the database is known to be there."""
    from starter.bootstrap import open_desk  # noqa: PLC0415 - loads what only who acts needs

    async with open_desk(_there(common), check=False) as opened:
        yield opened


@asynccontextmanager
async def records(common: Common) -> AsyncIterator[tuple[Store, Clock]]:
    """The tables and the clock, for who only reads: without the desk, and without Temporal."""
    settings = _there(common)
    store = Store(settings.database, crm=settings.crm)
    try:
        async with store.reading() as session:
            pace = await pace_of(session)
        yield store, SystemClock(pace)
    finally:
        await store.close()


@asynccontextmanager
async def reports(common: Common) -> AsyncIterator[Reports]:
    from starter.reports import Reports  # noqa: PLC0415 - knows every procedure, and loads it

    async with records(common) as (store, clock):
        yield Reports(store, clock)


def _there(common: Common) -> Settings:
    settings = common.settings()
    if not settings.has_database:
        raise CliError(
            f"there is no data in {settings.data} yet. Start everything with `aftercare up`, "
            "or name the directory: --data DIR"
        )
    return settings


def moment(said: str, zone: ZoneInfo) -> datetime:
    """A day, or a day and an hour, by the office's clock unless a zone is named."""
    try:
        found = datetime.fromisoformat(said.strip())
    except ValueError:
        words = f"{said!r} is no date: write 2026-12-01, or 2026-12-01T14:00"
        raise UsageError(words) from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def read_json(source: Path | str | None, what: str) -> dict[str, Any] | None:
    """A JSON object from a file, or from standard input for `-`."""
    if source is None:
        return None
    name = "standard input" if str(source) == "-" else str(source)
    try:
        text = sys.stdin.read() if str(source) == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "it is not text"
        raise CliError(f"cannot read {what} from {name}: {reason}") from None
    return parse_object(text, f"{what} in {name}")


def parse_object(text: str, what: str) -> dict[str, Any]:
    found = parse(text, what)
    if not isinstance(found, dict):
        raise CliError(f"{what} must be a JSON object: {{…}}")
    return found


def parse(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as fault:
        raise CliError(f"{what} is not JSON: {fault}") from None


def _plain(data: Any) -> Any:
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json")
    if is_dataclass(data) and not isinstance(data, type):
        return _plain(asdict(data))
    if isinstance(data, Mapping):
        return {str(name): _plain(value) for name, value in data.items()}
    if isinstance(data, list | tuple | set):
        return [_plain(one) for one in data]
    if data is None or isinstance(data, str | int | float | bool):
        return data
    return data.isoformat() if isinstance(data, datetime) else str(data)
