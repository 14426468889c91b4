"""Colleagues: their accounts, each set up by a link that works once, and who stands in for whom."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.markup import escape

from activities.crm.tables import Staff
from activities.settings import Settings
from activities.webhook import Webhook
from starter.cli.common import (
    PRINTING,
    Printing,
    UsageError,
    desk,
    local,
    moment,
    notice,
    out,
    print_json,
    say,
    table,
    who,
)
from starter.cli.whom import office_zone, role_in
from starter.colleagues import Change, set_out
from starter.staff import Accounts, link_to
from workflows.vocabulary import Role

room = App(name="staff")


@room.command
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
    named = Role(await role_in(printing, role))
    async with _accounts(printing) as (accounts, settings):
        token = await accounts.create(email, named, by=who())
    _print_link(email, link_to(settings, token), printing)
    if not printing.json:
        notice(f"Their name, deputy and days off: aftercare staff set {email} --name …")


@room.command(name="list")
async def list_(*, printing: Printing = PRINTING) -> None:
    """The accounts, who has set a password, and who was here when."""
    async with _accounts(printing) as (accounts, _):
        found, now = await accounts.all(), accounts.clock.now()
    if printing.json:
        print_json({"data": [_plain(one, now) for one in found]})
        return
    if not found:
        say("Nobody has an account yet: aftercare staff create EMAIL --role ROLE")
        return
    rows = table(None, "e-mail", "name", "role", "state", "deputy", "a day", "last login")
    for one in found:
        named = escape(one.email or "(whoever uses the first link)")
        called, deputy = escape(one.name or ""), escape(one.deputy or "")
        most = "" if one.capacity is None else str(one.capacity)
        state = _state(one, now)
        rows.add_row(named, called, one.role, state, deputy, most, local(one.seen_at))
    out().print(rows)


@room.command(name="set")
async def set_(
    email: str,
    /,
    *,
    name: Annotated[str | None, Parameter(help="As customers read it, and hear it")] = None,
    deputy: Annotated[str | None, Parameter(help="Who stands in: an e-mail address; none")] = None,
    away_until: Annotated[
        str | None, Parameter(help="The day on which they are back: 2026-12-01; or: back")
    ] = None,
    capacity: Annotated[
        str | None, Parameter(help="Tasks that contact a customer, in a day: a number; none")
    ] = None,
    printing: Printing = PRINTING,
) -> None:
    """What is known of a colleague: who stands in for them decides whose their tasks are."""
    async with _accounts(printing) as (accounts, _):
        zone, now = await office_zone(accounts.store), accounts.clock.now()
        change = Change.of(
            name=name if name is not None else ...,
            deputy=_cleared(deputy, str),
            away_until=_cleared(away_until, lambda said: moment(said, zone), "back"),
            capacity=_cleared(capacity, _number),
        )
        row = await set_out(accounts.store, accounts.clock, email, change, by=who())
    if printing.json:
        print_json(_plain(row, now))
    else:
        say(f"{email} is {_state(row, now)}.")


def _cleared(said: str | None, read: Callable[[str], Any], word: str = "none") -> Any:
    """What was said, read; nothing if it was the word for that; `...` if nobody said anything."""
    if said is None:
        return ...
    return None if said.strip().lower() == word else read(said)


def _number(said: str) -> int:
    if not said.strip().isdecimal():
        raise UsageError(f"{said!r} is no number of tasks")
    return int(said)


@room.command
async def link(email: str, /, *, printing: Printing = PRINTING) -> None:
    """A new one-time link, as for somebody who forgot the password; older links end."""
    async with _accounts(printing) as (accounts, settings):
        token = await accounts.link(email, by=who())
    _print_link(email, link_to(settings, token), printing)


@room.command
async def webhook(*, printing: Printing = PRINTING) -> None:
    """The address that is told of every task, and the secret by which it knows that it is us."""
    hook = Webhook(printing.settings())
    if printing.json:
        print_json({"url": hook.url or None, "secret": hook.secret})
        return
    say(hook.secret)
    where = f"goes to {hook.url}" if hook.url else "goes nowhere yet: set AFTERCARE_STAFF_WEBHOOK"
    notice(f"Signed as Standard Webhooks with it, what colleagues are told of {where}.")


@room.command
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


def _state(one: Staff, now: datetime) -> str:
    if one.disabled_at:
        return "disabled"
    if one.away_until and one.away_until > now:
        return f"away until {local(one.away_until)}"
    return "active" if one.password else "link not used yet"


def _plain(one: Staff, now: datetime) -> dict[str, object]:
    fields = "id email role name deputy away_until capacity created_at seen_at disabled_at".split()
    return {name: getattr(one, name) for name in fields} | {"state": _state(one, now)}
