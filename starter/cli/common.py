"""What all commands share: where the data is, how things are printed, how errors are said."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import Parameter
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from activities.crm.house import house_rules
from activities.crm.store import Store
from activities.settings import Settings, load_settings
from starter import roles
from starter.bootstrap import open_desk
from starter.desk import Desk
from starter.reports import Reports, people
from starter.reports.sops import procedures
from starter.up.directory import adopt

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
    settings = common.settings()
    if not settings.has_database:
        raise CliError(
            f"there is no data in {settings.data} yet. Start everything with `aftercare up`, "
            "or name the directory: --data DIR"
        )
    async with open_desk(settings, check=False) as opened:
        yield opened


@asynccontextmanager
async def reports(common: Common) -> AsyncIterator[Reports]:
    async with desk(common) as opened:
        yield Reports(opened.store, opened.clock)


async def names(reports: Reports, customers: Iterable[str]) -> dict[str, str]:
    """What to call these customers on a list."""
    async with reports.store.reading() as session:
        return await people.names(session, customers)


async def customer_id(reports: Reports, target: str) -> str | None:
    """Our id for a customer named by an id, ours or one from outside, by an e-mail address, or by a
    telephone number with its +."""
    async with reports.store.reading() as session:
        seek = people.sought(session, target, limit=1) if target.startswith("+") else None
        return next(iter(await (seek or people.meant(session, target))), None)


async def meant(asked: Reports, target: str) -> str:
    """An e-mail address or a telephone number is what people have at hand; the desk knows ids."""
    is_address = "@" in target or target.startswith("+")
    return (await customer_id(asked, target) or target) if is_address else target


async def customer_named(asked: Reports, target: str) -> str:
    if found := await customer_id(asked, target):
        return found
    raise CliError(unknown(target))


def unknown(target: str) -> str:
    return f"nobody knows {target!r}: `aftercare list` shows the follow-ups and their ids"


async def role_in(common: Common, said: str) -> str:
    """A role by its name, by the short one, or by what this house calls it."""
    rules = roles.PLAIN
    if roles.role_named(said) is None and common.settings().has_database:
        async with desk(common) as opened, opened.store.reading() as session:
            rules = await house_rules(session)
    if found := roles.role_named(said, rules):
        return found.value
    raise UsageError(f"there is no role {said!r}; there are: {roles.known_roles(rules)}")


def moment(said: str, zone: ZoneInfo) -> datetime:
    """A day, or a day and an hour, by the office's clock unless a zone is named."""
    try:
        found = datetime.fromisoformat(said.strip())
    except ValueError:
        words = f"{said!r} is no date: write 2026-12-01, or 2026-12-01T14:00"
        raise UsageError(words) from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


async def office_zone(store: Store) -> ZoneInfo:
    async with store.reading() as session:
        return ZoneInfo((await house_rules(session)).time_zone)


def sop_named(said: str) -> str:
    """An SOP that a follow-up can be of."""
    if said in (known := procedures()):
        return said
    raise UsageError(f"there is no SOP {said!r}; there are: {', '.join(known)}")


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
