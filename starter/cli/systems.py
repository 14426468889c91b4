"""The house's systems that set up a new account themselves: where each is, and its secret."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Group, Parameter
from rich.markup import escape

from activities.signing import SYSTEM, Signer
from activities.systems import host_of
from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    UsageError,
    notice,
    out,
    print_json,
    say,
    table,
)


def register(app: App, group: Group) -> None:
    app.command(systems, group=group)


async def systems(
    name: Annotated[str | None, Parameter(help="Only this one's secret, and nothing else")] = None,
    /,
    *,
    printing: Printing = PRINTING,
) -> None:
    """Who sets up a new account, and the secret by which each knows that it is us.

    AFTERCARE_SYSTEMS names them; what no system does is a task for the account manager.
    """
    settings = printing.settings()
    if not settings.secret_key.get_secret_value():
        raise CliError("there is no secret key yet: set AFTERCARE_SECRET_KEY, or `aftercare up`")
    found = settings.named_systems
    secrets = {one: Signer(settings.secret_key, SYSTEM + one).secret for one in found}
    if name is not None and name not in found:
        raise UsageError(f"there is no system {name!r}; there are: {', '.join(found) or 'none'}")
    if printing.json:
        said = [
            {"name": one, "host": host_of(url), "secret": secrets[one]}
            for one, url in found.items()
            if name in (None, one)
        ]
        print_json({"data": said})
    elif name is not None:
        say(secrets[name])
    elif not found:
        say("None is named, so colleagues set up every account: set AFTERCARE_SYSTEMS.")
    else:
        rows = table(None, "system", "at", ("secret", {"no_wrap": True}))
        for one, url in found.items():
            rows.add_row(escape(one), escape(host_of(url)), secrets[one])
        out().print(rows)
        notice("Each is asked by a POST that is signed, as Standard Webhooks has it, with its own.")
