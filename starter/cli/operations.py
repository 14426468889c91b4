"""How the house is run: the stop button, and API keys."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.markup import escape

from activities.crm import keys
from starter.cli.common import (
    PRINTING,
    CliError,
    Printing,
    Reason,
    desk,
    local,
    notice,
    out,
    print_json,
    say,
    table,
    who,
)

Channel = Annotated[str | None, Parameter(help="Only this channel: email, sms, letter, call")]
OnlySop = Annotated[str | None, Parameter(name="--sop", help="Only this SOP")]
Template = Annotated[str | None, Parameter(help="Only this template")]


room = App(name="keys")


# -- the stop button -------------------------------------------------------------------------


async def stop(
    *,
    channel: Channel = None,
    sop: OnlySop = None,
    template: Template = None,
    reason: Reason,
    printing: Printing = PRINTING,
) -> None:
    """The stop button: nothing that matches goes out until `go`; without options, nothing."""
    async with desk(printing) as opened:
        pressed = await opened.stop(
            channel=channel, sop=sop, template=template, reason=reason, by=who()
        )
    if printing.json:
        print_json({"id": pressed})
        return
    say(f"Stopped: {_what(channel, sop, template)}. Nothing of it goes out from now on.")
    notice("Lift it with the same options: aftercare go … --reason R")


async def go(
    *,
    channel: Channel = None,
    sop: OnlySop = None,
    template: Template = None,
    reason: Reason,
    printing: Printing = PRINTING,
) -> None:
    """Lift the stop buttons that were pressed with these options; without options, all of them."""
    async with desk(printing) as opened:
        lifted = await opened.go(
            channel=channel, sop=sop, template=template, reason=reason, by=who()
        )
    if printing.json:
        print_json({"data": lifted})
        return
    said = f"Lifted: {len(lifted)}." if lifted else "No stop button is pressed with these options."
    say(said)


def _what(channel: str | None, sop: str | None, template: str | None) -> str:
    parts = {"channel": channel, "SOP": sop, "template": template}
    return ", ".join(f"{name} {value}" for name, value in parts.items() if value) or "everything"


# -- API keys ----------------------------------------------------------------------------------


@room.command(name="create")
async def create_key(
    name: str,
    /,
    *,
    scope: Annotated[
        list[keys.Scope] | None, Parameter(negative="", help="read and write, unless said")
    ] = None,
    printing: Printing = PRINTING,
) -> None:
    """An API key, shown this once."""
    async with desk(printing) as opened, opened.store.transaction() as session:
        key, secret = await keys.create(session, opened.clock.real(), name, scope, by=who())
    if printing.json:
        print_json({"id": key.id, "name": name, "scopes": key.scopes, "key": secret})
        return
    say(secret)
    notice(f"Keep it now: it is never shown again. Its id is {key.id}.")


@room.command(name="list")
async def list_keys(*, printing: Printing = PRINTING) -> None:
    """The API keys: never their secrets."""
    async with desk(printing) as opened, opened.store.reading() as session:
        found = await keys.all_keys(session)
    if printing.json:
        print_json({"data": [_key(one) for one in found]})
        return
    rows = table(None, "key", "name", "scopes", "made", "last used", "revoked")
    for one in found:
        rows.add_row(
            one.id,
            escape(one.name),
            ", ".join(one.scopes),
            local(one.created_at),
            local(one.used_at),
            local(one.revoked_at),
        )
    out().print(rows)


@room.command(name="revoke")
async def revoke_key(key: str, /, *, printing: Printing = PRINTING) -> None:
    """Revoke a key, by its id or name: it opens nothing from now on."""
    async with desk(printing) as opened, opened.store.transaction() as session:
        revoked = await keys.revoke(session, opened.clock.real(), key, by=who())
    if not revoked:
        raise CliError(f"there is no good key {key!r}: `aftercare keys list` shows them")
    if printing.json:
        print_json({"data": revoked})
    else:
        say(f"Revoked: {', '.join(revoked)}")


def _key(one: Any) -> dict[str, Any]:
    fields = ("id", "name", "scopes", "created_at", "used_at", "revoked_at")
    return {name: getattr(one, name) for name in fields}
