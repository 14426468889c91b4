"""The systems beside ours: who sets up a new account, by which secret; who is told of our rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from cyclopts import App, Parameter
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from activities.settings import Settings
from activities.signing import SYSTEM, Signer
from activities.systems import host_of
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
from starter.reports.mirrors import Mirrored, RefusedRow, mirrored, refused

room = App(name="systems")


@room.default
async def show(
    name: Annotated[str | None, Parameter(help="Only this one: its secret, or what waits")] = None,
    /,
    *,
    printing: Printing = PRINTING,
) -> None:
    """Who sets up a new account, and the secret by which each knows that it is us; and who is told
    of our customers, notes, tasks and meetings, and how far behind they are.

    AFTERCARE_SYSTEMS names the first; what no system does is a task for the account manager.
    AFTERCARE_CRM and AFTERCARE_MEETINGS name the others.
    """
    settings = printing.settings()
    found = _secrets(settings)
    told = await _told(printing, settings)
    if name is not None and name not in found and name in told:
        await _show_told(printing, told[name])
        return
    if name is not None and name not in found:
        there = ", ".join((*found, *told)) or "none"
        raise UsageError(f"there is no system {name!r}; there are: {there}")
    if printing.json:
        said = [
            {"name": one, "host": host_of(settings.named_systems[one]), "secret": secret}
            for one, secret in found.items()
            if name in (None, one)
        ]
        print_json({"data": said, "mirrored": [] if name else list(told.values())})
    elif name is not None:
        say(found[name])
    else:
        _print(settings, found, told)


@room.command
async def retry(
    system: Annotated[str, Parameter(help="As `aftercare systems` calls it")],
    /,
    *,
    everything: Annotated[bool, Parameter(help="All it was ever told of, too")] = False,
    printing: Printing = PRINTING,
) -> None:
    """Tell a system again of what it refused, and at once of what waits."""
    async with desk(printing) as opened:
        count = await opened.retry_mirror(system, everything=everything, by=who())
    if printing.json:
        print_json({"system": system, "rows": count})
    else:
        say(f"{count} are told again, as soon as a worker comes to it.")


def _secrets(settings: Settings) -> dict[str, str]:
    if not settings.secret_key.get_secret_value():
        raise CliError("there is no secret key yet: set AFTERCARE_SECRET_KEY, or `aftercare up`")
    found = settings.named_systems
    return {one: Signer(settings.secret_key, SYSTEM + one).secret for one in found}


async def _told(printing: Printing, settings: Settings) -> dict[str, Mirrored]:
    """Whoever is told of our rows; a secret is shown with the database away, too."""
    if not settings.has_database:
        return {}
    try:
        async with desk(printing) as opened, opened.store.reading() as session:
            return {one.system: one for one in await mirrored(session, opened.clock.real())}
    except (SQLAlchemyError, OSError):
        notice("The database does not answer, or is not of this release: aftercare doctor")
        return {}


async def _show_told(printing: Printing, one: Mirrored) -> None:
    """One that is told of our rows: how it stands, and which it refuses."""
    async with desk(printing) as opened, opened.store.reading() as session:
        rows = await refused(session, one.system)
    if printing.json:
        print_json({**one.model_dump(mode="json"), "refused": rows})
        return
    _print_told({one.system: one})
    if rows:
        _print_refused(one.system, rows)


def _print(settings: Settings, found: Mapping[str, str], told: Mapping[str, Mirrored]) -> None:
    if not found:
        say("None is named, so colleagues set up every account: set AFTERCARE_SYSTEMS.")
    else:
        rows = table(None, "system", "at", ("secret", {"no_wrap": True}))
        for one, secret in found.items():
            rows.add_row(escape(one), escape(host_of(settings.named_systems[one])), secret)
        out().print(rows)
        notice("Each is asked by a POST that is signed, as Standard Webhooks has it, with its own.")
    if told:
        _print_told(told)


def _print_told(told: Mapping[str, Mirrored]) -> None:
    rows = table(None, "told of our rows", "knows", "waiting", "since", "refused", "why")
    for one in told.values():
        why = [f"{code} ({count})" for code, count in one.errors.items()]
        if one.asked_again_at:
            why.append(f"asked again {local(one.asked_again_at)}")
        since = local(one.since) if one.since else ""
        said = (str(one.told), str(one.waiting), since, str(one.given_up or ""), "; ".join(why))
        rows.add_row(escape(one.system), *map(escape, said))
    out().print(rows)
    if any(one.given_up for one in told.values()):
        notice("Mend what is refused, then: aftercare systems retry SYSTEM")


def _print_refused(system: str, found: list[RefusedRow]) -> None:
    rows = table(f"What {system} refuses", "what", ("id", {"no_wrap": True}), "customer", "why")
    for one in found:
        rows.add_row(*map(escape, (one.kind, one.ref, one.customer or "", one.error)))
    out().print(rows)
