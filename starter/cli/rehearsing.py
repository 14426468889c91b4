"""Rehearsals: a whole procedure in simulated time, printed as its timeline."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Group, Parameter, validators
from rich.console import Console

from activities.crm.house import HOUSE, current_policy
from activities.crm.migrate import at_head
from activities.crm.store import Store
from activities.settings import Settings
from starter.cli.common import PRINTING, CliError, Printing, out, print_json, read_json
from starter.rehearse.script import ScriptError, read_script

if TYPE_CHECKING:
    from starter.rehearse import Rehearsal

HELP = """Play a procedure in simulated time: the real workflow, the real gate; print its timeline.

Without a script the customer is silent. A script is a JSON list of what the customer and the staff
do, each entry so long after the purchase, as an event, a signal or a control:

    [{"after": "8d2h", "event": "complaint.opened", "data": {"reference": "K-1"}},
     {"after": "20d", "event": "complaint.resolved", "data": {"reference": "K-1"}},
     {"after": "20d3h", "signal": "task_done"}]

The policies in force are those of the data directory, where there is one; otherwise the defaults.
"""


def register(app: App, group: Group) -> None:
    app.command(rehearse, group=group, help=HELP)


async def rehearse(
    sop: str,
    *,
    policy: Annotated[
        Path | None, Parameter(help='Changed timings, {"check_in": "10d"}: shows what they change')
    ] = None,
    script: Annotated[Path | None, Parameter(help="What the customer and the staff do")] = None,
    customer: Annotated[Path | None, Parameter(help="Who it is, as in an event")] = None,
    customers: Annotated[
        int, Parameter(help="So many at once", validator=validators.Number(gte=1, lte=500))
    ] = 1,
    printing: Printing = PRINTING,
) -> None:
    wanted = read_json(policy, "the policy")
    acts, who = _read(script), read_json(customer, "the customer")
    common: dict[str, Any] = {"script": acts, "customer": who, "customers": customers}
    common["in_force"] = await _in_force(printing.settings(), sop)
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


async def _in_force(settings: Settings, sop: str) -> dict[str, dict[str, Any]]:
    """The policies of the directory meant, if there is one: a rehearsal needs none."""
    if not settings.has_database:
        return {}
    store = Store(settings.database)
    try:
        if not await at_head(store):
            raise CliError("the database is not of this release: run `aftercare migrate`")
        async with store.reading() as session:
            return {name: await current_policy(session, name) for name in (sop, HOUSE)}
    finally:
        await store.close()


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
