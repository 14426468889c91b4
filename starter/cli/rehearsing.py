"""Rehearsals: a whole procedure in simulated time, printed as its timeline."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, validators
from rich.console import Console

from activities.crm.house import HOUSE, current_policy
from activities.crm.migrate import at_head
from activities.crm.store import Store
from activities.settings import Settings
from starter.catalogue import Catalogue
from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    UsageError,
    out,
    print_json,
    read_json,
)
from starter.rehearse.script import ScriptError, read_script
from workflows.sops import CATALOGUE, PROCEDURES

if TYPE_CHECKING:
    from starter.rehearse import Rehearsal


async def rehearse(
    sop: Annotated[str, Parameter(help="[default: all that are on]", show_default=False)] = "",
    *,
    policy: Annotated[
        Path | None, Parameter(help='Changed timings, {"check_in": "10d"}: shows what they change')
    ] = None,
    script: Annotated[Path | None, Parameter(help="What the customer and the staff do")] = None,
    customer: Annotated[Path | None, Parameter(help="Who it is, or a whole life")] = None,
    customers: Annotated[
        int, Parameter(help="So many at once", validator=validators.Number(gte=1, lte=500))
    ] = 1,
    printing: Printing = PRINTING,
) -> None:
    if not sop and customer is None:
        raise UsageError("name an SOP, or give --customer FILE to play a whole life")
    wanted = read_json(policy, "the policy")
    acts, who = _read(script), read_json(customer, "the customer")
    common: dict[str, Any] = {"script": acts, "customer": who, "customers": customers}
    common |= await _as_it_stands(printing.settings(), sop)
    with Console(stderr=True).status("Loading …") as status:
        from starter.rehearse import RehearsalError, rehearse  # noqa: PLC0415 - only it needs it

        def progress(passed: timedelta) -> None:
            status.update(f"Day {passed.days} …")

        try:
            before = await rehearse(sop, **common, progress=progress)
            after = None
            if wanted is not None:
                after = await rehearse(
                    sop, **common, policy=wanted, start=before.began, progress=progress
                )
        except RehearsalError as fault:
            raise CliError(str(fault)) from None
    _print(before, after, json=printing.json)


def _print(before: Rehearsal, after: Rehearsal | None, *, json: bool) -> None:
    from starter.rehearse.printing import as_data, show, show_changes  # noqa: PLC0415 - as above

    if json:
        print_json(as_data(before, after))
    elif after is None:
        show(before, out())
    else:
        show_changes(before, after, out())


async def _as_it_stands(settings: Settings, sop: str) -> dict[str, Any]:
    """The policies of the directory meant, if there is one, and which SOPs are on there."""
    if not settings.has_database:
        return {"sops": settings.sops}
    catalogue, store = Catalogue(settings), Store(settings.database)
    try:
        if not await at_head(store):
            raise CliError("the database is not of this release: run `aftercare migrate`")
        async with store.reading() as session:
            names = (sop, HOUSE) if sop else (*PROCEDURES, HOUSE)
            bodies = {name: await current_policy(session, name) for name in names}
            on = [name for name, one in CATALOGUE.items() if not await catalogue.off(session, one)]
    finally:
        await store.close()
    if not sop and not on:
        raise CliError("no SOP is on: switch one on with `aftercare sops on SOP`, or name one")
    return {"sops": ",".join(on), "in_force": {name: body for name, body in bodies.items() if body}}


def _read(script: Path | None) -> str | None:
    if script is None:
        return None
    try:
        text = script.read_text(encoding="utf-8")
        read_script(text)  # before anything is started
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is not text"
        raise CliError(f"cannot read the script from {script}: {why}") from None
    except ScriptError as fault:
        raise CliError(f"{script}: {fault}") from None
    return text
