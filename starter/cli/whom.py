"""Whom and what people mean by what they type: a customer, a role, an SOP, the office's time."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from activities.crm.store import Store
from starter.cli.common import CliError, Common, UsageError, desk
from starter.reports import Reports, people
from starter.reports.sops import procedures

MANY = 5  # customers that are named to choose from


async def names(reports: Reports, customers: Iterable[str]) -> dict[str, str]:
    """What to call these customers on a list."""
    async with reports.store.reading() as session:
        return await people.names(session, customers)


async def customer_id(reports: Reports, target: str) -> str | None:
    """Our id for a customer named by an id, ours or one from outside, by an e-mail address, or by a
    telephone number with its +."""
    async with reports.store.reading() as session:
        seek = people.sought(session, target, limit=MANY) if target.startswith("+") else None
        found = await (seek or people.meant(session, target))
        if len(found) > 1:
            whom = _said(await people.names(session, found))
            raise CliError(f"{target!r} is of several customers: name one by its id: {whom}")
    return next(iter(found), None)


async def meant(asked: Reports, target: str) -> str:
    """An e-mail address or a telephone number is what people have at hand; the desk knows ids."""
    is_address = "@" in target or target.startswith("+")
    return (await customer_id(asked, target) or target) if is_address else target


async def customer_named(asked: Reports, target: str) -> str:
    if found := await customer_id(asked, target):
        return found
    raise await unknown(asked, target)


async def unknown(asked: Reports, target: str) -> CliError:
    """What to say of a name that is no id, with whom it may have meant."""
    async with asked.store.reading() as session:
        near = await people.sought(session, target, limit=MANY)
        whom = _said(await people.names(session, near))
    hint = (
        f"did you mean {whom}?" if near else "`aftercare list` shows the follow-ups and their ids"
    )
    return CliError(f"nobody knows {target!r}: {hint}")


def _said(called: dict[str, str]) -> str:
    return ", ".join(f"{id_} ({name})" for id_, name in called.items())


async def role_in(common: Common, said: str) -> str:
    """A role by its name, by the short one, or by what this house calls it."""
    from activities.crm.house import house_rules  # noqa: PLC0415 - loads the holidays of the world
    from starter import roles  # noqa: PLC0415

    rules = roles.PLAIN
    if roles.role_named(said) is None and common.settings().has_database:
        async with desk(common) as opened, opened.store.reading() as session:
            rules = await house_rules(session)
    if found := roles.role_named(said, rules):
        return found.value
    raise UsageError(f"there is no role {said!r}; there are: {roles.known_roles(rules)}")


async def office_zone(store: Store) -> ZoneInfo:
    from activities.crm.house import house_rules  # noqa: PLC0415 - loads the holidays of the world

    async with store.reading() as session:
        return ZoneInfo((await house_rules(session)).time_zone)


def sop_named(said: str) -> str:
    """An SOP that a follow-up can be of."""
    if said in (known := procedures()):
        return said
    raise UsageError(f"there is no SOP {said!r}; there are: {', '.join(known)}")
