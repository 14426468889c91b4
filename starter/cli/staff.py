"""Who may log in to the console: accounts, each set up by a link that works once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from cyclopts import App, Group, Parameter
from rich.markup import escape

from activities.crm.tables import Staff
from activities.settings import Settings
from starter.cli.common import (
    PRINTING,
    Printing,
    desk,
    local,
    notice,
    out,
    print_json,
    role_named,
    say,
    table,
    who,
)
from starter.staff import Accounts, link_to
from workflows.vocabulary import Role


def register(app: App, group: Group) -> None:
    staff = App(
        name="staff", group=group, help="Accounts on the console: make one, list them, disable one."
    )
    staff.command(create)
    staff.command(list_, name="list")
    staff.command(link)
    staff.command(disable)
    app.command(staff)


async def create(
    email: str,
    /,
    *,
    role: Annotated[str, Parameter(help=f"One of: {', '.join(Role)}; or short, as csr")],
    printing: Printing = PRINTING,
) -> None:
    """An account, and the link by which its person sets a password; a disabled one opens anew.

    The role says whose tasks are theirs. For now every account sees the whole console.
    """
    named = Role(role_named(role))
    async with _accounts(printing) as (accounts, settings):
        token = await accounts.create(email, named, by=who())
    _print_link(email, link_to(settings, token), printing)


async def list_(*, printing: Printing = PRINTING) -> None:
    """The accounts, who has set a password, and who was here when."""
    async with _accounts(printing) as (accounts, _):
        found = await accounts.all()
    if printing.json:
        print_json({"data": [_plain(one) for one in found]})
        return
    if not found:
        say("Nobody has an account yet: aftercare staff create EMAIL --role ROLE")
        return
    rows = table(None, "e-mail", "role", "state", "made", "last login")
    for one in found:
        named = escape(one.email or "(whoever uses the first link)")
        rows.add_row(named, one.role, _state(one), local(one.created_at), local(one.seen_at))
    out().print(rows)


async def link(email: str, /, *, printing: Printing = PRINTING) -> None:
    """A new one-time link, as for somebody who forgot the password; older links end."""
    async with _accounts(printing) as (accounts, settings):
        token = await accounts.link(email, by=who())
    _print_link(email, link_to(settings, token), printing)


async def disable(email: str, /, *, printing: Printing = PRINTING) -> None:
    """Close an account: nobody logs in with it, and whoever is logged in is out at once."""
    async with _accounts(printing) as (accounts, _):
        await accounts.disable(email, by=who())
    if printing.json:
        print_json({"email": email, "state": "disabled"})
    else:
        say(f"{email} is disabled, and logged out everywhere.")


@asynccontextmanager
async def _accounts(printing: Printing) -> AsyncIterator[tuple[Accounts, Settings]]:
    async with desk(printing) as opened:
        yield Accounts(opened.store, opened.clock), opened.settings


def _print_link(email: str, url: str, printing: Printing) -> None:
    if printing.json:
        print_json({"email": email, "link": url})
        return
    say(url)
    notice(f"Give it to {email}: it works once, within three days, and sets the password.")


def _state(one: Staff) -> str:
    if one.disabled_at:
        return "disabled"
    return "active" if one.password else "link not used yet"


def _plain(one: Staff) -> dict[str, object]:
    fields = ("id", "email", "role", "created_at", "seen_at", "disabled_at")
    return {name: getattr(one, name) for name in fields} | {"state": _state(one)}
